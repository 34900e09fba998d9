/*
 * directory: the client side of auth-check.
 *
 * The room lib/directory asks auth-check, the owner of accounts, aliases and
 * secrets: look-ups over the socket "lookup" (socketmap, lookup.h), log-ins over
 * the socket "auth" (Dovecot authentication protocol 1.2, auth.h).  A worker
 * connects both after its change of uid (auth-check looks at SO_PEERCRED) and
 * before its seccomp filter; this room never opens a socket itself.
 *
 * All calls block, at most DIRECTORY_WAIT_MS for a look-up, or what directory_patience says.  A connection that
 * failed, timed out or spoke nonsense is not used again: every later call
 * returns trouble at once, and the worker says 451/454 and ends.
 */
#ifndef DIRECTORY_DIRECTORY_H
#define DIRECTORY_DIRECTORY_H

#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"
#include "base/verdict.h"

#define DIRECTORY_WAIT_MS 30000

struct auth_channel;
struct directory;

/*
 * A client over two connected stream sockets, which it then owns; either is -1
 * when not needed.  Never fails: a dead socket shows at the first question.
 */
struct directory *directory_new(int lookup_fd, int auth_fd);
void directory_free(struct directory **d);

/*
 * Read auth-check's board (board.h): mailboxes that stand there are not asked for
 * again.  The board is asked for with the first recipient; without one all are asked for.
 */
void directory_use_board(struct directory *d);

/* Look-ups from now on wait so long. */
void directory_patience(struct directory *d, uint64_t ms);

/* False when the last question failed because auth-check is gone or silent, or it hung up since. */
bool directory_lookup_is_up(const struct directory *d);

/* What an address is to us at RCPT. */
enum rcpt_kind {
	RCPT_MAILBOX,	/* a mailbox of ours that may receive */
	RCPT_ALIAS,	/* an alias of ours, to be expanded when it is delivered */
	RCPT_FOREIGN,	/* its domain is not ours: a relay question */
	RCPT_REFUSED,	/* ours, but it may not: answer with verdict (5xx or 4xx) */
	RCPT_TROUBLE	/* auth-check did not answer: verdict is 451 4.3.0 */
};

struct directory_rcpt {
	enum rcpt_kind kind;
	char canonical[LIMIT_ADDRESS + 1];	/* mailbox, alias: the normalised address */
	bool room_known;			/* there is little room for its mail: ... */
	uint64_t room;				/* ... so many bytes; 0: full */
	bool room_of_domain;			/* the domain has no more, whatever the mailbox has */
	struct verdict verdict;			/* refused, trouble: the reply without ticket */
};

/* One recipient, as in RCPT TO without the brackets.  Returns out->kind. */
enum rcpt_kind directory_rcpt(struct directory *d, struct span address, struct directory_rcpt *out);

/*
 * Many recipients, pipelined: one write for all questions.  out has room for n.
 */
void directory_rcpt_many(struct directory *d, const struct span *addresses, size_t n, struct directory_rcpt *out);

/* A final place for a message, after aliases are followed (at most 10 deep). */
struct directory_target {
	bool is_mailbox;			/* else it goes to another host */
	bool is_held;				/* a mailbox whose domain is disabled: its mail waits */
	char address[LIMIT_ADDRESS + 1];
};

struct directory_targets {
	struct directory_target *at;		/* each address once; owned: directory_targets_free */
	size_t count;				/* at most LIMIT_EXPANSION */
	struct verdict verdict;			/* when expand returned refused or trouble */
	bool is_held;				/* refused because its domain is disabled: mail that was taken waits */
};

/*
 * Final targets of an address.  Returns RCPT_MAILBOX or RCPT_ALIAS with
 * out->at filled, else the kind with count 0.  RCPT_REFUSED carries the
 * permanent (unknown, disabled, loop) or temporary (full) verdict.
 */
enum rcpt_kind directory_expand(struct directory *d, struct span address, struct directory_targets *out);
void directory_targets_free(struct directory_targets *t);

/* The same for an event loop: the question's key is the address, map "expand" (socketmap.h). */
enum rcpt_kind directory_expand_reply(struct span reply, struct directory_targets *out);

/*
 * The answer of the map "disabled" for a domain or an address: DIRECTORY_DOMAIN_DISABLED
 * when the domain is ours but disabled, DIRECTORY_USER_DISABLED when only the account is,
 * 0 when neither, -1 trouble.
 */
enum { DIRECTORY_DOMAIN_DISABLED = 1, DIRECTORY_USER_DISABLED = 2 };
int directory_disabled_reply(struct span reply) PB_MUST_CHECK;

/* 1: the domain (or domain alias) is ours and enabled; 0: it is not; -1: trouble. */
int directory_domain(struct directory *d, struct span domain) PB_MUST_CHECK;

/*
 * May the account `user` (a canonical address) send as `address`?
 * 1 yes, 0 no, -1 trouble.
 */
int directory_may_send_as(struct directory *d, struct span user, struct span address) PB_MUST_CHECK;

/* May mail be delayed by greylisting, as far as its recipient has a say? */
enum directory_greylist {
	DIRECTORY_GREYLIST,		/* yes: a recipient of ours without such a wish */
	DIRECTORY_DOMAIN_OFF,		/* no: its domain wants none */
	DIRECTORY_USER_OFF,		/* no: its user wants none, and may say so */
	DIRECTORY_TRUSTED_BY_DOMAIN,	/* no: a list of trusted senders has the sender */
	DIRECTORY_TRUSTED_BY_USER,
	DIRECTORY_NOT_OURS,		/* its domain is not ours */
	DIRECTORY_REFUSED,		/* its domain is ours, but it gets no mail */
	DIRECTORY_TROUBLE		/* auth-check did not answer */
};

/*
 * Mail from sender to recipient, both as in the envelope without brackets.  canonical
 * gets the normalised address of a recipient of ours, else "".  An alias of one mailbox
 * has the wishes of its user.
 */
enum directory_greylist directory_greylist(struct directory *d, struct span recipient, struct span sender,
	char canonical[LIMIT_ADDRESS + 1]) PB_MUST_CHECK;

/*
 * How many bytes the mailbox `address` (canonical) may hold, 0 for no limit, in
 * *bytes_out.  1; 0 when there is no such mailbox; -1 trouble.
 */
int directory_mailbox_limit(struct directory *d, struct span address, uint64_t *bytes_out) PB_MUST_CHECK;

/* The same, and whether its senders must log in (setting requireSmtpAuth of the domain). */
int directory_domain_wants_login(struct directory *d, struct span domain, bool *wants_out) PB_MUST_CHECK;

/*
 * Tell how many bytes a nearly full mailbox still takes; UINT64_MAX: it is no
 * longer.  Only for the program that delivers.  0, or -1 trouble.
 */
int directory_tell_room(struct directory *d, struct span address, uint64_t bytes) PB_MUST_CHECK;

/*
 * For the program that delivers: mail of so many bytes was put into mailboxes of
 * the domain (real name); *left_out is what it still takes, UINT64_MAX without a
 * limit.  0, or -1 trouble.
 */
int directory_tell_space(struct directory *d, struct span domain, uint64_t bytes, uint64_t *left_out) PB_MUST_CHECK;

/* What auth-check wants done about the space of domains: 1, 0 for nothing, -1 trouble. */
struct directory_space_work {
	bool warns;				/* tell the administrator; else count its mail */
	char domain[LIMIT_DOMAIN + 1];
	uint64_t used, limit;			/* bytes, when it warns */
};
int directory_space_work(struct directory *d, struct directory_space_work *out) PB_MUST_CHECK;
/*
 * Users of a domain, one by one: the next after `user` ("": the first), which it replaces.
 * 1, 0 at the end, -1 trouble.
 */
int directory_space_user(struct directory *d, struct span domain, char user[LIMIT_LOCAL_PART + 1]) PB_MUST_CHECK;
/* It was done.  0, or -1 trouble. */
int directory_space_counted(struct directory *d, struct span domain, uint64_t bytes) PB_MUST_CHECK;
int directory_space_warned(struct directory *d, struct span domain) PB_MUST_CHECK;

/* Mail for the domain was refused because it has no room.  For smtp-listen too.  0, or -1 trouble. */
int directory_space_refused(struct directory *d, struct span domain) PB_MUST_CHECK;

/* What the domain of an account allows it to send; 0: no limit. */
struct directory_account {
	uint64_t max_message_bytes;
	uint64_t max_recipients;	/* of one message */
	uint32_t secret;		/* a checksum: another one, another password */
};

/* Limits of the account `user` (canonical), and whether its password is what it was.  1; 0 when there is none; -1 trouble. */
int directory_account(struct directory *d, struct span user, struct directory_account *out) PB_MUST_CHECK;

/*
 * Log-in.  service is "smtp", "pop3" or "imap"; only mail access services get
 * a mailbox descriptor, and only from the uid that serves them.
 */
enum auth_result {
	AUTH_OK,	/* reply->user is who it is; mailbox services: reply->mailbox */
	AUTH_CONTINUE,	/* send reply->challenge to the client, then auth_continue */
	AUTH_FAILED,	/* wrong user, password, mechanism or response: 535 / NO [AUTHENTICATIONFAILED] */
	AUTH_DISABLED,	/* right password but the account or domain is shut: to the client the same as FAILED */
	AUTH_TROUBLE	/* cannot tell now: 454 4.7.0 / [UNAVAILABLE] / [SYS/TEMP] */
};

struct auth_request {
	const char *service;
	const char *mechanism;	/* "PLAIN", "SCRAM-SHA-256-PLUS" ...; any case */
	const char *remote_ip;	/* text of the client's address, "" for none */
	const char *local_ip;
	const char *session;	/* the ticket */
	bool secured;		/* TLS is on, or the connection never left this machine */
	const struct auth_channel *channel;	/* of a connection under TLS, else NULL */
};

/* Base64 text of one challenge: SCRAM's is the longest, with room to spare. */
#define AUTH_CHALLENGE_MAX 2048

struct auth_reply {
	char user[LIMIT_ADDRESS + 1];			/* AUTH_OK: normalised; AUTH_FAILED: so too if it can be an address, but hostile; else "" */
	int mailbox;					/* O_PATH fd of the Maildir, owned by the caller; else -1 */
	char challenge[AUTH_CHALLENGE_MAX + 1];		/* base64 as it goes to the client, may be "" */
	uint32_t delay_ms;				/* advice to wait before the next try (0: none) */
};

/*
 * Begin.  initial is the client's initial response in base64 (SPAN_NONE: none
 * was sent; an empty one is SMTP's and IMAP's "=").  At most one exchange at
 * a time; starting another gives up the former.
 */
enum auth_result auth_start(struct directory *d, const struct auth_request *request, struct span initial, struct auth_reply *reply);
/* The client's base64 answer to the last challenge. "*" is auth_cancel's business. */
enum auth_result auth_continue(struct directory *d, struct span response, struct auth_reply *reply);
void auth_cancel(struct directory *d);

/*
 * User name and password in clear (POP3 USER/PASS, IMAP LOGIN): PLAIN in one
 * step.  A NUL in either, or a password over LIMIT_PASSWORD, is AUTH_FAILED.
 */
enum auth_result auth_plain(struct directory *d, const struct auth_request *request, struct span user, struct span password, struct auth_reply *reply);

/*
 * So many bytes of mail came into the mailbox that the last log-in gave, or went
 * (less than 0).  There is no answer; without auth-check it is lost and counted another time.
 */
void auth_tell_space(struct directory *d, int64_t bytes);

/* Mechanisms that auth-check announced, upper case, separated by one blank; "" when it is down. */
const char *auth_mechanisms(struct directory *d);

#endif
