/*
 * dsn: the text of a delivery status notification (RFC 3464, RFC 6522, RFC 6533).
 *
 * Pure: a struct goes in, the bytes of a whole message come out.  The message
 * has three parts: plain words first, then message/delivery-status for
 * programs, then the original or its header section.  Everything that came
 * from outside (addresses, replies of other hosts) is escaped, so that no field
 * can be forged by it.
 *
 * To a sender whose address is not ASCII it goes as internationalised mail, with
 * message/global-delivery-status and addresses as they are.  Any other sender
 * gets header and status fields in ASCII, which every host takes.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "base/verdict.h"

/* RFC 3464 2.3.3. */
enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED };

struct dsn_recipient {
	enum dsn_action action;
	struct span address;		/* final recipient */
	struct span given;		/* as it stood in RCPT TO, when an alias led from it to address; else empty */
	struct span orcpt;		/* ORCPT as received ("rfc822;a@b"); may be empty */
	struct verdict verdict;		/* what became of it; TEMP also when it was given up */
	int64_t retry_until;		/* of a delay: when the last attempt is made; 0 = unknown */
};

struct dsn {
	struct span host;		/* our host name: Reporting-MTA and From */
	struct span to;			/* reverse-path of the original, never empty */
	struct span queue_id;		/* id of the notification: Message-ID, boundary */
	struct span envid;		/* ENVID of the original; may be empty */
	struct span ticket;		/* by which the administrator finds the original; may be empty */
	int64_t date;			/* seconds since 1970, UTC */
	int64_t arrival;		/* when the original was queued; 0 = unknown */
	const struct dsn_recipient *rcpt;
	size_t nrcpt;			/* 1 or more; of one kind: failed, delayed, or the other two */
	struct span original;		/* the original message from its start, or a part of it */
	bool original_is_whole;		/* the span reaches its end */
	bool original_is_smtputf8;	/* it came as internationalised mail (RFC 6531) */
	bool return_full;		/* RET=FULL: return body too, when it is whole and fits, of failures */
};

/* True when the notification is internationalised mail: the next host must offer SMTPUTF8. */
bool dsn_is_smtputf8(const struct dsn *d);

/*
 * Append the notification to out, CRLF line ends, no line over 998 bytes.
 * Return-Path is the first line (null reverse-path).  Of the original at most
 * LIMIT_DSN_ORIGINAL bytes are returned; a longer or partial one is reduced
 * to its header section (RFC 6522 text/rfc822-headers, or of internationalised
 * mail RFC 6533 message/global-headers), cut between lines.
 * False when out's maximum was reached; then out is not usable.
 */
bool dsn_write(struct buf *out, const struct dsn *d) PB_MUST_CHECK;

#endif
