/*
 * smtp/reply: replies, both ways (RFC 5321 4.2, RFC 2034, RFC 3463).
 *
 * Trust: a server we send to may answer anything.  A reply is kept up to
 * LIMIT_SMTP_REPLY_TEXT bytes and LIMIT_SMTP_REPLY_LINES lines; what is read
 * is escaped before it leaves as a verdict.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "base/verdict.h"

/*
 * Append a reply with CRLF.  `text` may hold several lines separated by LF:
 * all but the last are written "250-".  `status` goes before every line, or
 * nowhere when it is NULL.  Bytes that are not printable ASCII become "?".
 */
void smtp_reply_print(struct buf *out, int code, const char *status, struct span text);

struct smtp_reply {
	int code;			/* 200 to 599 */
	size_t lines;
	char status[12];		/* of the first line; "" when it has none */
	char text[LIMIT_SMTP_REPLY_TEXT];	/* lines without codes, LF between; cut when longer */
	size_t text_n;
	bool cut;			/* text did not fit */
};

enum smtp_reply_step {
	SMTP_REPLY_MORE,		/* that line was followed by others */
	SMTP_REPLY_DONE,
	SMTP_REPLY_BAD			/* not a reply, code changed, or too many lines: give up */
};

/* Start to read a reply; then pass each line without its line end. */
void smtp_reply_begin(struct smtp_reply *r);
enum smtp_reply_step smtp_reply_line(struct smtp_reply *r, struct span line) PB_MUST_CHECK;

/*
 * A finished reply as a mail outcome: its code, its status (or the class with
 * ".0.0" when it has none or one of another class) and its text in one line.
 */
struct verdict smtp_reply_verdict(const struct smtp_reply *r);

enum {
	SMTP_AUTH_PLAIN = 1,
	SMTP_AUTH_LOGIN = 2,
	SMTP_AUTH_CRAM_MD5 = 4,
	SMTP_AUTH_SCRAM_SHA_1 = 8,
	SMTP_AUTH_SCRAM_SHA_256 = 16,
	SMTP_AUTH_SCRAM_SHA_1_PLUS = 32,
	SMTP_AUTH_SCRAM_SHA_256_PLUS = 64
};

struct smtp_ehlo {
	bool pipelining;
	bool eightbitmime;
	bool enhancedstatuscodes;
	bool starttls;
	bool dsn;
	bool smtputf8;
	bool chunking;
	bool binarymime;
	bool requiretls;
	bool mt_priority;
	bool deliverby;
	bool has_size;
	uint64_t size;			/* bytes; 0: no fixed limit */
	uint64_t rcptmax, mailmax;	/* LIMITS (RFC 9422); 0: not given */
	uint64_t by_min;		/* DELIVERBY: least seconds with by-mode R; 0: none */
	unsigned auth;			/* SMTP_AUTH_ bits */
	bool has_auth;			/* AUTH announced, perhaps with other mechanisms */
};

/* Read the lines of an answer to EHLO; unknown keywords are passed over. */
void smtp_ehlo_parse(const struct smtp_reply *r, struct smtp_ehlo *out);

#endif
