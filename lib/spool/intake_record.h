/*
 * intake_record: the records between receiver and intake as get and put
 * functions, used by both ends (see intake_client.h for the dialogue).
 */
#ifndef SPOOL_INTAKE_RECORD_H
#define SPOOL_INTAKE_RECORD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/record.h"
#include "spool/envelope.h"

/* Most recipients that `commit` carries; with more the receiver sends `queue`. */
#define INTAKE_COMMIT_RCPTS 100

/* False when it does not fit in LIMIT_RECORD or has too many recipients: use queue. */
bool intake_record_put_commit(struct buf *out, const struct envelope *e) PB_MUST_CHECK;

/*
 * The envelope of a `commit` record, hostile until proven: numbers in range,
 * addresses valid.  NULL when it is not; else the caller's (envelope_free).
 */
struct envelope *intake_record_get_commit(const struct record *r) PB_MUST_CHECK;

#endif
