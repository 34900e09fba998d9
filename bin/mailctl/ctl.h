/*
 * ctl: what every command of mailctl shares: the instance, the form of the
 * output, who acts and why.
 */
#ifndef MAILCTL_CTL_H
#define MAILCTL_CTL_H

#include "base/base.h"
#include "base/buf.h"
#include "base/record.h"
#include "config/config_file.h"
#include "config/settings.h"
#include "service/instance.h"

enum ctl_format { CTL_TEXT, CTL_JSON, CTL_TSV, CTL_NUL };

struct ctl {
	struct instance instance;	/* open unless the command needs none */
	const char *root;		/* -r DIR or PILLARBOX_ROOT; NULL: the installed instance */
	enum ctl_format format;
	bool yes;			/* --yes, --force: no questions */
	bool password_stdin;
	bool in_shell;
	const char *noun;		/* of the command that runs */
	bool was_edited;		/* server settings changed: reload is due */
	int history_fd;			/* -1 until ctl_author was asked */
	char who[64];
	char why[1024];			/* the command line, passwords left out */
};

/*
 * Take an option that all commands share (--json, --tsv, -0, --yes, --force,
 * --password-stdin); false when it is none of them.
 */
bool ctl_take_option(struct ctl *c, const char *arg);

/* Say "mailctl: ..." on standard error and return code. */
int ctl_fail(int code, const char *fmt, ...) PB_PRINTF(2, 3);
/* A line for people on standard output; nothing when the output is for machines. */
void ctl_say(const struct ctl *c, const char *fmt, ...) PB_PRINTF(2, 3);
/* Print collected messages, each with "mailctl: " before it; returns code. */
int ctl_report(int code, const struct buf *errors);
/* What the two above said since ctl_forget_errors, a line each, cut when it is long. */
const char *ctl_errors(void);
void ctl_forget_errors(void);

/* Exit code for an errno of opening something in the instance. */
int ctl_code_of_errno(int error);

/* A folder of the instance ("etc", "domains/example.com"); -1 after a message. */
int ctl_open_dir(const struct ctl *c, const char *name);

/* False after a message when etc/history cannot be had. */
bool ctl_author(struct ctl *c, struct config_author *out) PB_MUST_CHECK;

/* The server's settings, all of them; NULL after messages. */
struct settings *ctl_server_settings(const struct ctl *c);
/* The same with the messages in errors, one a line. */
struct settings *ctl_read_server_settings(const struct ctl *c, struct buf *errors);

/*
 * Ask a running program over its control socket ("run/pub/schedule").  Returns
 * EXIT_DONE with *reply to be freed, else an exit code after a message; with
 * `quiet` a program that does not run gives EXIT_TRY_LATER without a message.
 */
int ctl_call(const struct ctl *c, const char *socket, const struct buf *request, bool quiet,
	struct record *reply);
/* The same for greylist-check, which runs only while greylisting is on: the message tells of that. */
int ctl_call_greylist(const struct ctl *c, const struct buf *request, struct record *reply);

/* Tell auth-check, when it runs, that a domain or user changed. */
int ctl_tell_directory(const struct ctl *c, const char *key, const char *name);

/* Read a password: --password VALUE, --password-stdin, or asked on the terminal twice. */
int ctl_password(struct ctl *c, const char *given, struct buf *out);

#endif
