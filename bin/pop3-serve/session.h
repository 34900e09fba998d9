/*
 * session: one POP3 connection and what its commands share.
 */
#ifndef POP3_SERVE_SESSION_H
#define POP3_SERVE_SESSION_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "check/abuse_client.h"
#include "directory/directory.h"
#include "net/tls.h"
#include "pop3/command.h"
#include "service/service.h"
#include "store/mailbox.h"

/* What is the same for all sessions; read from the settings before fork. */
struct pop3_program {
	struct tls_server *tls;		/* NULL: no certificate was handed over */
	struct directory *directory;	/* of this worker */
	struct abuse_client *abuse;	/* of this worker */
	uint64_t command_timeout_ms;	/* for the rest of a line, and for each piece sent */
	uint64_t session_timeout_ms;	/* between commands (RFC 1939 3: at least 10 minutes) */
	uint64_t max_bad_commands;	/* 0: no limit */
	const char *plaintext_auth;
	const char *banner;
};

/* States of RFC 1939; UPDATE is what QUIT does. */
enum pop3_state { POP3_AUTHORIZATION = 1, POP3_TRANSACTION = 2 };

struct pop3 {
	struct session *s;
	struct stream *io;
	struct pop3_program *program;
	enum pop3_state state;
	bool closing;
	bool admitted;			/* abuse-check counts this session */
	uint64_t bad_commands;
	char name[LIMIT_LOGIN_NAME + 1];	/* from USER; "" without */
	char user[LIMIT_ADDRESS + 1];	/* "" before log-in */
	int root;			/* the user's Maildir, -1 before log-in */
	int lock;			/* one POP3 session a mailbox */
	struct mailbox *box;
	size_t count;			/* messages; number n is index n - 1 */
	bool *deleted;			/* count of them */
	size_t retrieved, removed;	/* for the log */
};

typedef void pop3_handler(struct pop3 *p, const struct pop3_command *c);

/* Serve one connection (session_call). */
void pop3_session(struct session *s);

/* One-line replies.  err ends with the ticket; code: "IN-USE" or NULL (RFC 2449 8). */
void pop3_ok(struct pop3 *p, const char *fmt, ...) PB_PRINTF(2, 3);
void pop3_err(struct pop3 *p, const char *code, const char *text);
/* An improper command: pop3_err, counted; too many end the session. */
void pop3_bad(struct pop3 *p, const char *text);

/* May a readable password be sent on this connection? */
bool pop3_plaintext_allowed(const struct pop3 *p);
/* " PLAIN SCRAM-SHA-256 ...": what may be used now. */
void pop3_print_mechanisms(struct pop3 *p, struct buf *out);

pop3_handler pop3_user, pop3_pass, pop3_auth, pop3_stls, pop3_capa;
pop3_handler pop3_stat, pop3_list, pop3_uidl, pop3_retr, pop3_top, pop3_dele, pop3_rset;

/* QUIT in TRANSACTION: remove what is marked.  0, or -1 with errno. */
int pop3_update(struct pop3 *p) PB_MUST_CHECK;

#endif
