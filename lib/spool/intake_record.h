/*
 * intake_record: the records between receiver and intake as get and put
 * functions, used by both ends (see intake_client.h for the dialogue).
 */
#ifndef SPOOL_INTAKE_RECORD_H
#define SPOOL_INTAKE_RECORD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/record.h"
#include "base/verdict.h"
#include "spool/envelope.h"

/* Fields of the largest record: those of the envelope, and three a recipient. */
#define INTAKE_FIELDS (25 + 3 * INTAKE_COMMIT_RCPTS)

/* Most recipients that `commit` carries; with more the receiver sends `queue`. */
#define INTAKE_COMMIT_RCPTS 100

/* False when it does not fit in LIMIT_RECORD or has too many recipients: use queue. */
bool intake_record_put_commit(struct buf *out, const struct envelope *e) PB_MUST_CHECK;

/* `queue id= size= crc32c=`: the rest follows in the header. */
void intake_record_put_queue(struct buf *out, const struct envelope *e);
/* Its numbers; false when one is missing or out of range. */
bool intake_record_get_queue(const struct record *r, uint64_t *size, uint32_t *crc32c) PB_MUST_CHECK;

/*
 * The envelope of a `commit` record, hostile until proven: numbers in range,
 * addresses valid.  NULL when it is not; else the caller's (envelope_free).
 */
struct envelope *intake_record_get_commit(const struct record *r) PB_MUST_CHECK;

/* `new id=`, `header id=`, `queued id=`, `queue id=`, `abort id=`. */
void intake_record_put_id(struct buf *out, const char *verb, uint64_t id);
/* A refusal: code 4xx or 5xx. */
void intake_record_put_error(struct buf *out, const struct verdict *v);
bool intake_record_get_error(const struct record *r, struct verdict *out) PB_MUST_CHECK;

#endif
