/*
 * smtp: one SMTP session of a client, and what its commands share.
 *
 * A worker (struct worker) holds the connections to the owners of state and
 * outlives its sessions.  A session (struct smtp) holds what the client has
 * said so far.  A transaction (struct transaction) is one message from MAIL to
 * its end; transaction_reset is the only way back from it.
 */
#ifndef SMTP_LISTEN_SMTP_H
#define SMTP_LISTEN_SMTP_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/verdict.h"
#include "check/abuse_client.h"
#include "config.h"
#include "directory/directory.h"
#include "message.h"
#include "net/tls.h"
#include "peer_name.h"
#include "policy/envelope.h"
#include "policy/pace.h"
#include "service/service.h"
#include "smtp/command.h"
#include "smtp/data.h"
#include "spool/intake_client.h"

struct binary;
struct delegates;
struct filters;
struct scan_client;

struct worker {
	const struct config *config;
	struct tls_server *tls;		/* NULL: no certificate, TLS is not offered */
	struct directory *directory;
	struct abuse_client *abuse;
	struct intake_client *intake;
	int held_fd;			/* of the next message, got in advance; -1: none */
	uint64_t held_id;
	struct message message;
	struct filters *filters;	/* NULL: no milters are configured */
	struct delegates *delegates;	/* NULL: no policy servers */
	struct scan_client *scan;	/* NULL: no setting asks for it */
};

struct recipient {
	const char *address;		/* as it goes into the envelope */
	const char *named;		/* as the client or a milter wrote it */
	unsigned notify;		/* SMTP_NOTIFY_ bits */
	const char *orcpt;		/* "" when not given */
	uint64_t room;			/* bytes that its domain takes; UINT64_MAX: enough, or not known */
	bool is_in_domain;		/* it is a mailbox of that domain, no alias */
};

/* Where the chunks of BDAT have got to. */
enum chunks { CHUNKS_NONE, CHUNKS_OPEN, CHUNKS_REFUSED };

struct transaction {
	bool is_open;			/* MAIL was accepted */
	enum chunks chunks;
	struct smtp_data data;		/* of the text, from chunk to chunk */
	struct binary *binary;		/* BODY=BINARYMIME: what makes lines of it */
	uint64_t text_end;		/* clock_ms by which all of it must be there, however fast it is */
	struct pace pace;		/* and how fast it must be */
	bool lost_intake;		/* while it stored the message: nobody knows whether it did */
	bool discard;			/* a milter or a policy server wants it to vanish */
	bool hold;			/* a policy server wants it quarantined */
	const char *prepend;		/* fields of policy servers, each with CRLF; NULL: none */
	struct smtp_mail mail;
	bool sender_is_user;		/* facts for allowRelay; looked up only when it asks */
	bool sender_is_domain;
	const char *mailer;		/* of the recipient that RCPT is about: macro {rcpt_mailer} */
	uint64_t room;			/* and these as in struct recipient */
	bool is_in_domain;
	struct span rcpt_args;		/* and what the client wrote behind RCPT; valid during the command */
	struct policy_points points;	/* of the envelope checks: HELO's and the sender's ... */
	bool rcpt_wants_checks;		/* ... which the recipient that RCPT is about is to have */
	bool wants_checks;		/* a recipient that was taken is */
	uint64_t user_max_size, user_max_rcpts;	/* of who logged in; 0: no limit */
	struct recipient *rcpts;	/* LIMIT_SMTP_RECIPIENTS; made at the first */
	size_t count;
	size_t named;			/* RCPTs taken, repeated addresses included */
	unsigned overshoot;		/* RCPTs when there was no room any more */
	struct addr origin;		/* behind a gateway of ours; family 0: not known, or no gateway */
	struct arena *arena;		/* owns the texts of rcpts */
};

struct smtp {
	struct session *s;
	struct worker *w;
	const struct config *config;
	const char *host;		/* our name on this address */
	bool is_trusted;		/* by address, or a local caller */
	bool needs_login;		/* submission ports */
	char helo[LIMIT_DOMAIN + 1];	/* "" before HELO */
	bool esmtp;
	struct policy_points points;	/* of HELO */
	char mechanism[32];		/* of the log-in */
	char user[LIMIT_ADDRESS + 1];	/* who logged in; "" for nobody */
	uint32_t secret;		/* of that account, as it was at log-in */
	bool has_secret;
	struct transaction t;
	uint64_t bad_commands, bad_recipients;
	uint64_t junk;			/* commands since the last message that moved nothing */
	uint64_t refused_mails;		/* MAIL, DATA and BDAT since the last message, see refusals.c */
	uint64_t refused_rcpts;		/* and RCPT */
	int code;			/* of the last reply */
	uint64_t messages;		/* accepted in this session */
	uint64_t moved_ms;		/* clock_ms of the last of them, or of the connection */
	bool admitted;			/* abuse-check counts it as open */
	bool is_early;			/* it spoke before the greeting */
	bool speaks_for_another;	/* XCLIENT was used; real_peer is who connected */
	struct addr real_peer;
	struct peer_name peer;		/* the client's name */
	bool has_spoken;		/* its first line was looked at */
	bool harvests;			/* tried too many recipients that do not exist */
	bool dry;			/* of `mailctl try`: nothing is stored, counted or logged (try.c) */
	bool over;			/* the session ends after this reply */
};

/* What must hold before a command runs; checked by the dispatcher. */
enum need {
	NEED_HELO = 1,
	NEED_MAIL = 2,			/* a transaction is open */
	NEED_RCPT = 4,			/* it has a recipient */
	NO_MAIL = 8,			/* none is open */
	NO_ARGS = 16,			/* the command takes no arguments */
	NO_LOGIN = 32,			/* nobody logged in yet */
	IS_JUNK = 64,			/* counts against LIMIT_SMTP_JUNK */
	NO_CHUNKS = 128,		/* no BDAT in this transaction */
	COUNTS_MAIL = 256,		/* its refusals count against LIMIT_SMTP_REFUSED_MAILS */
	COUNTS_RCPT = 512		/* and LIMIT_SMTP_REFUSED_RCPTS */
};

typedef void smtp_call(struct smtp *c, struct span args);

struct smtp_entry {
	const char *verb;
	smtp_call *call;
	unsigned needs;
};

extern const struct smtp_entry smtp_table[];
extern const size_t smtp_table_count;

/* Serve one connection: the function that lib/service calls. */
void smtp_session(struct session *s);

/* What follows from addresses and port; and the greeting, or a refusal: also for try.c. */
void session_place(struct smtp *c);
void session_greet(struct smtp *c);

/*
 * One reply.  4xx and 5xx get the ticket at their end.  The text may not hold
 * line ends; status may be NULL (354, 334).
 */
void reply(struct smtp *c, int code, const char *status, const char *fmt, ...) PB_PRINTF(4, 5);
void reply_verdict(struct smtp *c, const struct verdict *v);
/* A syntax or sequence error: counted against smtpMaxBadCommands. */
void reply_bad(struct smtp *c, int code, const char *status, const char *fmt, ...) PB_PRINTF(4, 5);
/* A reply of several lines, LF between them: for EHLO and HELP. */
void reply_lines(struct smtp *c, int code, const char *status, struct span text);

/* welcome.c: false when the client is refused before the greeting; told and logged. */
bool welcome(struct smtp *c) PB_MUST_CHECK;

/*
 * refusals.c, around a command: false when too many of its kind were refused,
 * replied; then what became of it; and a message was taken, which wipes the slate.
 */
bool refusals_leave_room(struct smtp *c, unsigned needs) PB_MUST_CHECK;
void refusals_note(struct smtp *c, unsigned needs);
void refusals_forget(struct smtp *c);
/* Say that an address is refused; one that does not exist counts against maxBadRecipients. */
void refusals_reply(struct smtp *c, const struct verdict *v);

/* origin.c: with the header here, who sent it to the gateway that brings it; sets c->t.origin.  250, or a refusal. */
struct verdict origin_check(struct smtp *c) PB_MUST_CHECK;

/* An owner of state is gone: 421, and neither session nor worker goes on. */
void reply_lost(struct smtp *c, const char *what);

/* One line of the log with this session's ticket and address. */
void smtp_log(struct smtp *c, const char *fmt, ...) PB_PRINTF(2, 3);

/*
 * Next line from the client, waiting as the settings allow.  False: the
 * session is over, and has been told so when it can hear it.
 */
bool smtp_line(struct smtp *c, struct span *line_out) PB_MUST_CHECK;
/*
 * The same for one answer inside a command.  LINE_TOO_LONG: it was dropped, and nothing was
 * replied; what is not LINE_OK either: the session is over.
 */
enum stream_result smtp_answer(struct smtp *c, struct span *line_out) PB_MUST_CHECK;

/* Say why the line is refused as it stands; one that may be BDAT ends the session, since its content follows. */
void line_refuse(struct smtp *c, bool may_be_chunk, const char *text);

/* The same for one that is too long, whose first word is verb: of HELO and EHLO it is the name (RFC 5321 4.5.3.1.2). */
void line_refuse_long(struct smtp *c, struct span verb, bool may_be_chunk);

/* Log what the client typed, line or the beginning of one, but never a password. */
void smtp_log_command(struct smtp *c, struct span line);

bool smtp_is_secured(const struct smtp *c);	/* TLS, or never left this machine */

/* The client of the policy as of now. */
struct policy_client smtp_client(const struct smtp *c);
/* "EVENT key=ADDRESS" and rest; the address is a client's and is quoted where it must be. */
void smtp_log_address(struct smtp *c, const char *event, const char *key, const char *address, const char *rest);

/*
 * The lines of a decision, one event each: in the log when it was a refusal or
 * details are wanted, and always told to `mailctl try`.  True when v grants.
 */
bool smtp_decided(struct smtp *c, const char *about, const struct buf *why, const struct verdict *v);

/* try.c: a line of the log that goes to `mailctl try` instead. */
void try_tell(struct smtp *c, const char *text);
/* ... and who is not asked then: at the greeting, at each step, and about a recipient that all others took. */
void try_not_asked(struct smtp *c);
void try_not_asked_server(struct smtp *c, enum config_delegate_state state);
void try_not_asked_rcpt(struct smtp *c);

void transaction_reset(struct smtp *c);

/* One recipient more, unless it is there; false when the transaction's memory is used up. */
bool recipient_add(struct transaction *t, const struct smtp_rcpt *r, struct span address) PB_MUST_CHECK;

/*
 * Get the descriptor of the next message from intake unless one is held.
 * False: replied already (452, or 421 when intake is gone).
 */
bool smtp_hold_message(struct smtp *c) PB_MUST_CHECK;

/* The same while the client has its answer and nobody waits for us. */
void smtp_hold_ahead(struct smtp *c);

/* The commands; each larger one in its own file. */
smtp_call cmd_helo, cmd_ehlo, cmd_mail, cmd_rcpt, cmd_data, cmd_auth, cmd_starttls;
/* cmd_xclient.c: the lines that EHLO shows to whom they are for. */
void xclient_offered(const struct smtp *c, struct buf *out);
smtp_call cmd_xclient, cmd_xforward;
smtp_call cmd_rset, cmd_noop, cmd_quit, cmd_help, cmd_vrfy, cmd_expn, cmd_bdat, cmd_etrn, cmd_xqueue;
/* cmd_etrn.c: ask schedule; *reply is to be freed.  False: no answer that is a record. */
struct record;
bool schedule_ask(struct smtp *c, const struct buf *question, struct record *reply) PB_MUST_CHECK;
smtp_call cmd_xtry;

/* TLS from the first byte on; false when the handshake failed. */
bool starttls_handshake(struct smtp *c) PB_MUST_CHECK;
/* The mechanisms that EHLO shows now, separated by blanks; "" for none. */
void auth_offered(struct smtp *c, struct buf *out);
#endif
