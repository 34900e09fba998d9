/*
 * options: the command line of sendmail(1), as far as programs use it.
 */
#ifndef MAIL_INJECT_OPTIONS_H
#define MAIL_INJECT_OPTIONS_H

#include "base/base.h"

/* sysexits.h, which callers of sendmail(1) know. */
enum {
	INJECT_OK = 0,
	INJECT_USAGE = 64,
	INJECT_DATA = 65,
	INJECT_NO_USER = 67,
	INJECT_UNAVAILABLE = 69,
	INJECT_TRY_LATER = 75,
	INJECT_NO_RIGHT = 77
};

/* What is to be done about the queue, instead of taking a message. */
enum options_queue { QUEUE_NO, QUEUE_LIST, QUEUE_RUN, QUEUE_RUN_ID, QUEUE_RUN_RECIPIENT, QUEUE_RUN_SENDER };

struct options {
	const char *root;		/* NULL: PILLARBOX_ROOT, or the installed instance */
	enum options_queue queue;	/* -bp, -q */
	const char *queue_text;		/* of -qI, -qR, -qS */
	bool smtp;			/* -bs: SMTP on stdin and stdout */
	bool from_header;		/* -t */
	bool dots_are_text;		/* -i, -oi */
	const char *sender;		/* -f; NULL: the caller; "" for <> */
	const char *full_name;		/* -F */
	const char *notify;		/* -N */
	const char *ret;		/* -R */
	const char *envid;		/* -V */
	char **recipients;		/* the rest of argv */
	size_t recipient_count;
};

/* Ends the process for --help, --version and usage errors. */
void options_read(struct options *o, int argc, char **argv);

#endif
