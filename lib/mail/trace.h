/*
 * trace: the header fields that a server itself writes (RFC 5321 4.4, RFC 6409
 * 8), and what it must know of a header before it accepts a message.
 *
 * Pure.  Lines end with CRLF; all are under 998 bytes whatever is passed in.
 */
#ifndef MAIL_TRACE_H
#define MAIL_TRACE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"

/* "Return-Path: <from>"; an empty from is the null reverse-path. */
void trace_return_path(struct span from, struct buf *out);

/*
 * One Received field.  Empty spans leave their part out, except helo, by and
 * with.  The caller has checked helo (a domain or an address literal) and
 * recipient (canonical path); everything else is cleaned for a comment here.
 */
struct trace_received {
	struct span helo;
	struct span host;	/* name of the client found by the server, not by the client */
	struct span ip;		/* address literal without brackets: "192.0.2.1", "IPv6:::1" */
	struct span comment;	/* anything worth knowing about the client: "uid 1000" */
	struct span by;		/* our host name */
	struct span with;	/* RFC 3848: SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA */
	struct span tls;	/* "TLSv1.3 cipher TLS_AES_256_GCM_SHA384" */
	struct span id;
	struct span recipient;	/* only when the message has just one (RFC 5321 7.2) */
	int64_t date;		/* seconds since 1970 */
	int zone;		/* minutes east of UTC, see date_local_zone */
};
void trace_received(const struct trace_received *r, struct buf *out);

/* "NAME: ADDRESS": who logged in to send the message; an address that is not ASCII as an encoded word (RFC 2047). */
void trace_authenticated_as(struct span name, struct span address, struct buf *out);

/* "Date:" and "Message-ID:" for a submission that lacks them. */
void trace_add_date(int64_t seconds, int zone, struct buf *out);
/* unique: any text that is used once on this host, such as the queue id. */
void trace_add_message_id(int64_t seconds, struct span unique, struct span host, struct buf *out);

enum trace_flaw {
	TRACE_OK,
	TRACE_TOO_LARGE,	/* no end within LIMIT_HEADER_BYTES */
	TRACE_TOO_MANY_LINES	/* over LIMIT_HEADER_LINES */
};

struct trace_header {
	size_t end;		/* bytes of the header section, without the empty line */
	size_t body;		/* where the body begins: behind the empty line */
	size_t lines;
	unsigned received;	/* Received fields: the hops so far */
	unsigned received_by_us;	/* of those, how many say "by OUR HOST" */
	bool has_date, has_message_id, has_from;
	size_t id_at, id_size;	/* where the value of the first Message-ID stands; size 0: none */
};

/*
 * Look through the header section of a message, as header_next cuts it.  One
 * pass, no allocation; `message` may be cut behind LIMIT_HEADER_BYTES.
 */
enum trace_flaw trace_scan(struct span message, struct span our_host, struct trace_header *out) PB_MUST_CHECK;

#endif
