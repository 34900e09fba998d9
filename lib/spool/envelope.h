/*
 * envelope: the text of an ID.hdr file: who sent a message, to whom, and what
 * has become of each recipient.  Pure: text in, struct out, text out.
 *
 * The room lib/spool keeps the queue: pairs ID.eml + ID.hdr in SubSpool
 * folders.  spool-layout/README describes the states and who writes what.
 *
 *	Written                          status, padded to eight characters
 *	bob@example.com                  reverse-path, bare; empty for <>
 *	alice@example.net,carol@...      all recipients
 *	id: 100000000001                 key: value, in any order, repeatable
 *	require: SMTPUTF8 REQUIRETLS     what the next host must know (RFC 6531, RFC 8689)
 *	mtPriority: -3                   RFC 6710, as the sender gave it
 *	hold: 11/22/2026 10:15:00        not before that (RFC 4865)
 *	by: 11/22/2026 12:00:00;RT       deliver by that, Return or Notify, Trace (RFC 2852)
 *	quarantine: looks odd            why it is, or was, in quarantine
 *	kind: list news@example.com      what made it, and for whom, when no person did:
 *	                                 list, autoResponse, report or event
 *	priority: 7                      what its sender wants, 1 to 10
 *	rcpt: 1 alice@example.net
 *	size: 4096
 *	crc32c: 1a2b3c4d
 *	end: 2 5d3f0a11                  number of rcpt lines, checksum of all before
 *	                                 (empty line)
 *	to: 1 1=mailbox:alice@example.net 3=remote:al@example.org [0c11d2aa]
 *	retry: 1;11/22/2026 10:15:00 2 451 4.3.0 Try later [9e0112f7]
 *	done: 1 250 2.0.0 Delivered [5d3f0a12]
 *	held: yes [0a61c7b4]                        an administrator holds it; `no`: not any more
 *	priority: 8 [77b0c4e1]                      set by hand
 *	redirect: 3 al@example.com [1f0c88a3]       goes there instead, as if it were new
 *
 * Lines end with CRLF.  Ours carry checksums (in brackets after appended
 * lines), so a damaged file is told from a whole one; files of other programs
 * have neither `rcpt`, `end` nor brackets and are taken as they are.
 * Keys are compared without case; unknown ones are kept and printed again.
 *
 * Trust: the text may be another program's, or damaged, or hostile.
 */
#ifndef SPOOL_ENVELOPE_H
#define SPOOL_ENVELOPE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/span.h"

enum envelope_status {
	ENVELOPE_WRITING,
	ENVELOPE_WRITTEN,
	ENVELOPE_FAILED,
	ENVELOPE_QUARANTINED
};

enum envelope_kind {
	ENVELOPE_PERSON,	/* no `kind:` */
	ENVELOPE_LIST,
	ENVELOPE_AUTO_RESPONSE,
	ENVELOPE_REPORT,
	ENVELOPE_EVENT
};

enum envelope_rcpt_state {
	RCPT_OPEN,	/* to be delivered, perhaps after a retry time */
	RCPT_DONE,	/* delivered or handed on; over unless a notice of it is due */
	RCPT_FAILED	/* given up; over when its bounce is `bounced` */
};

enum envelope_target {
	TARGET_UNKNOWN,	/* not expanded yet: no `to:` line */
	TARGET_MAILBOX,
	TARGET_REMOTE
};

/*
 * One place the message goes to.  Those of `rcpt:` lines are numbered 1 to
 * rcpt_count; a `to:` line gives its first target the recipient's own number
 * and every further one the next free number.
 */
struct envelope_rcpt {
	uint32_t number;
	uint32_t original;		/* the rcpt: it came from (itself when not expanded) */
	enum envelope_target target;
	enum envelope_rcpt_state state;
	uint32_t attempts;		/* from the last retry: line; 0 before the first */
	int64_t retry_at;		/* seconds since 1970 UTC, 0 = at once */
	uint32_t bounce;		/* group of the last bounce: line that names it, 0 = none */
	bool bounced;			/* that notice was accepted, or none is due */
	struct span address;		/* where it goes: LOCAL@DOMAIN, no angle brackets */
	struct span given;		/* address of the rcpt: line that it came from */
	struct span notify;		/* RFC 3461 NOTIFY= of the original, SPAN_NONE when not given */
	struct span orcpt;		/* RFC 3461 ORCPT= of the original, likewise */
	struct span outcome;		/* "250 2.0.0 text" of the last done, fail or retry line */
};

/* A line with a key that is not ours, or one of another program. */
struct envelope_extra {
	struct span key;
	struct span value;
};

struct envelope {
	enum envelope_status status;
	uint64_t id;			/* 0 when the file does not say */
	struct span sender;		/* reverse-path; n == 0 for <> */
	struct span from;		/* address in From:, for views */
	struct span auth;		/* account of an authenticated submission */
	struct span helo;
	struct span ip;			/* connectedIp */
	struct span host;		/* connectedHostName */
	struct span session;		/* smtpSessionId: the ticket */
	struct span envid;		/* RFC 3461 ENVID= */
	struct span ret;		/* RFC 3461 RET=: FULL or HDRS */
	bool smtputf8;			/* `require:` the next host must take RFC 6531 mail */
	bool requiretls;		/* `require:` RFC 8689: verified TLS or nothing */
	int mt_priority;		/* `mtPriority:` RFC 6710, -9 to 9; 0 when not given */
	int64_t hold;			/* `hold:` RFC 4865: not before; 0 none */
	int64_t by;			/* `by:` RFC 2852: deliver by then; 0 none */
	char by_mode;			/* 'R' return or 'N' notify, when by is set */
	bool by_trace;			/* tell the sender when it is relayed */
	struct span quarantine;		/* why it was put aside; stays when it is let go */
	int64_t created;		/* creationDate, seconds since 1970 UTC; 0 unknown */
	uint32_t priority;		/* 1 to 10; 5 when not given */
	bool priority_by_hand;		/* an administrator set it: nothing else changes it */
	bool held;			/* no attempt until an administrator releases it */
	enum envelope_kind kind;
	struct span kind_of;		/* the list, or the account or domain for which it was made */
	uint64_t size;			/* of the body, when has_size */
	uint32_t crc32c;		/* of the body, when has_size */
	bool has_size;			/* both size and crc32c are known */
	bool foreign;			/* no `end:` line: written by another program */

	struct envelope_rcpt *rcpts;	/* rcpts[i].number == i + 1; moves when one is added */
	uint32_t count;			/* of rcpts, with those from to: lines */
	uint32_t rcpt_count;		/* of the original recipients */
	uint32_t groups;		/* highest group of a bounce: line so far, 0 = none */

	struct envelope_extra *extras;
	uint32_t extra_count;

	/*
	 * Bytes up to the last complete line.  What stands behind was torn by a
	 * power cut and is cut off before the next line is appended.
	 */
	uint64_t good_size;
	uint32_t line_seed;		/* what the checksums of appended lines start from */

	struct arena *arena;		/* owns the text that the spans point to */
};

enum envelope_error {
	ENVELOPE_OK,
	/* the empty line is missing, or `end:` although it has lines of ours: not finished, or damaged */
	ENVELOPE_UNFINISHED,
	/* a checksum, number or address is wrong, or a limit is passed: not to be acted upon */
	ENVELOPE_DAMAGED
};

/*
 * Read the whole text of a .hdr.  On ENVELOPE_OK *out is the caller's, to be
 * freed by envelope_free; otherwise *out is NULL.  The text is copied.
 */
enum envelope_error envelope_parse(struct span text, struct envelope **out) PB_MUST_CHECK;
void envelope_free(struct envelope **e);
const char *envelope_error_text(enum envelope_error error);

/*
 * A new envelope to be filled by hand; its spans may point anywhere that lives
 * as long as it does, for instance into its arena.  envelope_add numbers the
 * recipients; it returns NULL past LIMIT_RECIPIENTS.
 */
struct envelope *envelope_new(void);
struct envelope_rcpt *envelope_add(struct envelope *e, struct span address);

/*
 * Print everything before the appended lines, from `Written ` to the empty
 * line, with `end:` and its checksum.  Parsing it again gives the same
 * envelope.  False when a value holds CR, LF or NUL, an address is not valid,
 * there is no recipient, or a limit is passed: out is then not to be used.
 */
bool envelope_print(const struct envelope *e, struct buf *out) PB_MUST_CHECK;

/* The first line alone ("Writing \r\n" …), always ten bytes but for Quarantined. */
struct span envelope_status_text(enum envelope_status status);

/* LOCAL@DOMAIN, or LOCAL alone, without CR, LF, NUL, blanks outside quotes, within the limits. */
bool envelope_address_is_valid(struct span address);

/* True when no recipient needs anything more: DONE or FAILED, and told of where that is due. */
bool envelope_is_finished(const struct envelope *e);
bool envelope_rcpt_is_finished(const struct envelope_rcpt *r);

/*
 * NOTIFY of a target.  Of an alias with several, SUCCESS goes on to the first
 * alone (RFC 3461 5.2.7.2), so that one message is told of once.
 */
struct span envelope_notify(const struct envelope_rcpt *r);

/* Eight lower-case hexadecimal digits, as checksums are written. */
bool envelope_hex32_parse(struct span s, uint32_t *out) PB_MUST_CHECK;

/* "list ADDRESS" and so on, into out->kind and kind_of. */
bool envelope_kind_parse(struct span s, struct envelope *out) PB_MUST_CHECK;
const char *envelope_kind_name(enum envelope_kind kind);	/* "" for a person's */

/* "-9" to "9". */
bool envelope_mt_priority_parse(struct span s, int *out) PB_MUST_CHECK;

/* "MM/DD/YYYY HH:MM:SS;R", with "T" at its end for by_trace: by, by_mode and by_trace. */
void envelope_by_print(const struct envelope *e, struct buf *out);
bool envelope_by_parse(struct span s, struct envelope *out) PB_MUST_CHECK;

/* "MM/DD/YYYY HH:MM:SS", UTC. */
#define ENVELOPE_TIME_SIZE 20
void envelope_time_print(int64_t seconds, char out[ENVELOPE_TIME_SIZE]);
bool envelope_time_parse(struct span s, int64_t *out) PB_MUST_CHECK;

#endif
