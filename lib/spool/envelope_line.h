/*
 * envelope_line: the lines that are appended to an envelope, each with its
 * checksum.  Pure; spool_outcome writes them.
 *
 * Each function appends one line to out; errors show as out->overflow, also
 * when a value could not be written in one line.  `seed` is line_seed of the
 * envelope: a line is good in no other file.
 */
#ifndef SPOOL_ENVELOPE_LINE_H
#define SPOOL_ENVELOPE_LINE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/verdict.h"
#include "spool/envelope.h"

/* done: N 250 2.0.0 text */
void envelope_line_done(struct buf *out, uint32_t seed, uint32_t number, const struct verdict *v);
/* fail: N 550 5.1.1 text — given up; a bounce is due unless `bounced:` follows */
void envelope_line_fail(struct buf *out, uint32_t seed, uint32_t number, const struct verdict *v);
/* retry: ATTEMPTS;MM/DD/YYYY HH:MM:SS N 451 4.4.1 text */
void envelope_line_retry(struct buf *out, uint32_t seed, uint32_t number, uint32_t attempts, int64_t at,
	const struct verdict *v);
/*
 * to: N N=mailbox:A M=remote:B … — what recipient `original` was expanded to
 * (perhaps a further target of before, that was redirected).  first_free is e->count + 1 for the first call on an envelope, and the return
 * value of the last call after it.  count is at least 1.
 */
struct envelope_to {
	enum envelope_target target;
	struct span address;
};
uint32_t envelope_line_to(struct buf *out, uint32_t seed, uint32_t original, uint32_t first_free,
	const struct envelope_to *to, size_t count);
/* bounce: GROUP N N N — these are told of together; GROUP is 1 to 999, new for each bounce */
void envelope_line_bounce(struct buf *out, uint32_t seed, uint32_t group, const uint32_t *numbers, size_t count);
/* bounced: GROUP ID — that bounce is in the queue as ID; 0 when none was due */
void envelope_line_bounced(struct buf *out, uint32_t seed, uint32_t group, uint64_t id);
/* held: yes|no — no attempt is made while it is yes */
void envelope_line_held(struct buf *out, uint32_t seed, bool held);
/* priority: N — 1 to 10 */
void envelope_line_priority(struct buf *out, uint32_t seed, uint32_t priority);
/* redirect: N ADDRESS — open, not expanded and without attempts again, at another address */
void envelope_line_redirect(struct buf *out, uint32_t seed, uint32_t number, struct span address);
/* A line of before, without its checksum, behind another head. */
void envelope_line_again(struct buf *out, uint32_t seed, struct span line);
/* size and crc32c of the body, for a pair of another program */
void envelope_line_body(struct buf *out, uint32_t seed, uint64_t size, uint32_t crc);

#endif
