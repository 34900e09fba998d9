/*
 * smtp/command: command lines and their parameters.
 *
 * RFC 5321 4.1 with SIZE (1870), 8BITMIME (6152), BINARYMIME (3030), AUTH
 * (4954), DSN (3461), SMTPUTF8 (6531), REQUIRETLS (8689), MT-PRIORITY (6710),
 * FUTURERELEASE (4865) and DELIVERBY (2852).  Whether a parameter may be used
 * now is the server's to know; here is only what it looks like.
 * Reading and printing are inverse: what smtp_mail_print writes,
 * smtp_mail_parse reads back to the same struct.
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "smtp/path.h"

/* Why a command was refused; smtp_error_reply has the words. */
enum smtp_error {
	SMTP_OK,
	SMTP_ERROR_SYNTAX,		/* 501 5.5.4 wrong or missing arguments */
	SMTP_ERROR_FROM,		/* 501 5.1.7 bad sender address */
	SMTP_ERROR_TO,			/* 501 5.1.3 bad recipient address */
	SMTP_ERROR_ROUTE,		/* 553 5.1.3 source routes are not taken */
	SMTP_ERROR_PARAM_UNKNOWN,	/* 555 5.5.4 a parameter we do not know */
	SMTP_ERROR_PARAM_VALUE,		/* 501 5.5.4 a bad value, or one given twice */
	SMTP_ERROR_PARAM_COUNT,		/* 501 5.5.4 more than LIMIT_SMTP_PARAMS */
	SMTP_ERROR_UTF8			/* 553 5.6.7 a non-ASCII address without SMTPUTF8 */
};

/* The reply to an error: its code, enhanced status code and text. */
struct smtp_error_reply {
	int code;
	const char *status;
	const char *text;
};
const struct smtp_error_reply *smtp_error_reply(enum smtp_error e);

struct smtp_command {
	struct span verb;	/* as typed */
	struct span args;	/* without blanks around it; empty when there are none */
};

/* Split a line (without its line end).  The verb may be empty. */
struct smtp_command smtp_command_split(struct span line);

enum smtp_body { SMTP_BODY_NONE, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };
enum smtp_ret { SMTP_RET_NONE, SMTP_RET_FULL, SMTP_RET_HDRS };
enum smtp_hold { SMTP_HOLD_NONE, SMTP_HOLD_FOR, SMTP_HOLD_UNTIL };

struct smtp_mail {
	struct smtp_path from;
	bool has_size;
	uint64_t size;			/* bytes, as declared */
	enum smtp_body body;
	enum smtp_ret ret;
	char envid[LIMIT_ENVID + 1];	/* xtext decoded, printable; "" when absent */
	bool has_auth;
	struct smtp_path auth;		/* AUTH=; the null path for AUTH=<> */
	bool smtputf8;
	bool requiretls;
	bool has_priority;
	int priority;			/* MT-PRIORITY: -9 to 9 */
	enum smtp_hold hold;
	int64_t hold_value;		/* FOR: seconds from now; UNTIL: seconds since 1970 */
	char by_mode;			/* DELIVERBY: 'R' return, 'N' notify; 0 when not given */
	bool by_trace;
	int64_t by;			/* seconds from now, perhaps negative; over 0 with 'R' */
};

enum {
	SMTP_NOTIFY_NEVER = 1,
	SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4,
	SMTP_NOTIFY_DELAY = 8
};

struct smtp_rcpt {
	struct smtp_path to;
	unsigned notify;		/* SMTP_NOTIFY_ bits; 0 when not given */
	char orcpt[LIMIT_ORCPT + 1];	/* "rfc822;user@x", decoded: xtext, or RFC 6533 behind "utf-8;"; "" when absent */
	bool orcpt_8bit;		/* its text came with, or may be sent with, bytes over 0x7f */
};

/*
 * Parse what follows "MAIL" and "RCPT".  A non-ASCII sender needs SMTPUTF8
 * among the parameters; of a recipient, and its orcpt_8bit, the caller knows
 * whether it was there.
 */
enum smtp_error smtp_mail_parse(struct span args, struct smtp_mail *out) PB_MUST_CHECK;
enum smtp_error smtp_rcpt_parse(struct span args, struct smtp_rcpt *out) PB_MUST_CHECK;

/* The NOTIFY value ("NEVER", "SUCCESS,FAILURE" ...) both ways; 0 is "". */
void smtp_notify_print(unsigned notify, struct buf *out);
bool smtp_notify_parse(struct span s, unsigned *out) PB_MUST_CHECK;

/* The argument of EHLO and HELO: a domain or an address literal. */
bool smtp_helo_is_valid(struct span name);

/* What a server announced in its answer to EHLO (see reply.h). */
struct smtp_ehlo;

/*
 * Append a whole command line with CRLF.  Parameters the server did not offer
 * are left out; a null ehlo means a server that knows HELO only.
 */
void smtp_mail_print(const struct smtp_mail *m, const struct smtp_ehlo *ehlo, struct buf *out);
void smtp_rcpt_print(const struct smtp_rcpt *r, const struct smtp_ehlo *ehlo, struct buf *out);

#endif
