/*
 * session: one IMAP connection and what its commands share.
 *
 * A command handler gets the tag and name, and the lexer standing behind the
 * name.  It ends the command with exactly one of imap_ok, imap_no and imap_bad
 * (or leaves the connection to close), after whatever untagged responses it
 * has to give.
 */
#ifndef IMAP_SERVE_SESSION_H
#define IMAP_SERVE_SESSION_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "check/abuse_client.h"
#include "directory/directory.h"
#include "imap/command.h"
#include "imap/lex.h"
#include "imap/set.h"
#include "net/tls.h"
#include "service/service.h"
#include "service/notify.h"
#include "service/session.h"
#include "store/folder.h"
#include "store/mailbox.h"

/* What is the same for all sessions; read from the settings before fork. */
struct imap_program {
	struct tls_server *tls;		/* NULL: no certificate was handed over */
	struct directory *directory;	/* of this worker */
	struct abuse_client *abuse;	/* of this worker */
	uint64_t command_timeout_ms;
	uint64_t idle_timeout_ms;
	uint64_t max_bad_commands;	/* 0: no limit */
	uint64_t max_message;		/* bytes of an APPEND */
	const char *plaintext_auth;
	const char *banner;
	bool idle;
};

/* States of RFC 3501 section 3, as bits for the command table. */
enum imap_state { STATE_GREETED = 1, STATE_LOGGED_IN = 2, STATE_SELECTED = 4 };
#define STATE_ANY (STATE_GREETED | STATE_LOGGED_IN | STATE_SELECTED)
#define STATE_HAS_USER (STATE_LOGGED_IN | STATE_SELECTED)

struct imap {
	struct session *s;
	struct stream *io;
	struct imap_program *program;
	enum imap_state state;
	bool closing;			/* LOGOUT, BYE or a broken connection */
	bool admitted;			/* abuse-check counts this session */
	bool append_pending;		/* the command stands before the literal of its message */
	struct imap_literal append_literal;
	uint64_t bad_commands;
	struct buf command;		/* the command being read: lines and literals */
	struct buf out;			/* scratch of the handlers */
	struct arena *arena;		/* reset before each command */
	char user[LIMIT_ADDRESS + 1];
	int root;			/* the user's Maildir, -1 before log-in */
	struct mailbox *box;		/* selected, else NULL */
	char box_path[FOLDER_PATH_SIZE];
	bool read_only;
	uint32_t told_exists;		/* what the client believes */
	uint32_t told_recent;
};

typedef void imap_handler(struct imap *im, const struct imap_command *c, struct imap_lex *x);

/* Serve one connection (session_call). */
void imap_session(struct session *s);

/* The tagged response.  code: "TRYCREATE" or NULL; no and bad end with the ticket. */
void imap_ok(struct imap *im, const struct imap_command *c, const char *code, const char *text);
void imap_no(struct imap *im, const struct imap_command *c, const char *code, const char *text);
void imap_bad(struct imap *im, const struct imap_command *c, const char *text);
/* Untagged good-bye; the session ends after this command. */
void imap_bye(struct imap *im, const char *code, const char *text);

/* NO with what an errno of lib/store means to the client, logged when it is our trouble. */
void imap_no_errno(struct imap *im, const struct imap_command *c, int error, const char *doing);

/* What a handler says when its arguments cannot be read. */
void imap_bad_arguments(struct imap *im, const struct imap_command *c);

/*
 * Tell what changed in the selected mailbox since the last report.  Expunged
 * messages are reported only when may_expunge (RFC 3501 7.4.1).
 */
void imap_report(struct imap *im, bool may_expunge);
/* Forget the selected mailbox without telling anybody. */
void imap_unselect(struct imap *im);
/* "* n FETCH (UID u FLAGS (...))" for message i; the UID only when with_uid. */
void imap_put_flags(struct imap *im, size_t i, bool with_uid);
/* Append the flags of message i, in parentheses, to out. */
void imap_print_message_flags(struct imap *im, size_t i, struct buf *out);

/*
 * The indexes that a set names, in rising order, gone messages left out.
 * Owned by the caller (free).  False, with BAD sent, for "$" or a message
 * number that does not exist; an unknown UID is no error (RFC 3501 6.4.8).
 */
bool imap_which(struct imap *im, const struct imap_command *c, struct imap_set *set,
	uint32_t **which_out, size_t *n_out) PB_MUST_CHECK;

/* A mailbox name argument as UTF-8 in im->out and its directory; false with the reply sent. */
bool imap_mailbox_argument(struct imap *im, const struct imap_command *c, struct imap_lex *x,
	struct buf *name, char path[FOLDER_PATH_SIZE]) PB_MUST_CHECK;

/* May a readable password be sent on this connection? */
bool imap_plaintext_allowed(const struct imap *im);
/* " AUTH=PLAIN ...": what may be used now. */
void imap_print_mechanisms(struct imap *im, struct buf *out);

/* Capabilities of the present state, without "* CAPABILITY ". */
void imap_print_capabilities(struct imap *im, struct buf *out);

/* read.c: one command into im->command.  False when the connection is to close. */
bool imap_read_command(struct imap *im) PB_MUST_CHECK;
/* Read and forget n bytes. */
bool imap_skip(struct imap *im, uint64_t n) PB_MUST_CHECK;

/* The handlers, one file for each group. */
imap_handler cmd_capability, cmd_noop, cmd_logout, cmd_id, cmd_enable, cmd_starttls;
imap_handler cmd_login, cmd_authenticate;
imap_handler cmd_select, cmd_examine, cmd_close, cmd_unselect, cmd_check, cmd_expunge, cmd_status;
imap_handler cmd_create, cmd_delete, cmd_rename, cmd_subscribe, cmd_unsubscribe;
imap_handler cmd_list, cmd_lsub, cmd_namespace;
imap_handler cmd_append, cmd_fetch, cmd_store, cmd_copy, cmd_move, cmd_search, cmd_idle;

#endif
