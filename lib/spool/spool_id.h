/*
 * spool_id: names of messages.
 *
 * Ids are decimal numbers from 100000000000 (12 digits) to 999999999999999,
 * never used twice: the file `highwater` in the spool always holds a number
 * greater than every id given out, and is made durable before ids below it
 * are used.  The clock has no part in it.  Ids of bounces are derived from the
 * id of the message, so that a repeat after a crash finds the first.
 */
#ifndef SPOOL_SPOOL_ID_H
#define SPOOL_SPOOL_ID_H

#include "base/base.h"
#include "base/span.h"
#include "spool/spool.h"

/* "18446744073709551615.eml" and its NUL. */
#define SPOOL_NAME_SIZE 28

enum spool_file {
	SPOOL_EML,	/* .eml */
	SPOOL_HDR,	/* .hdr */
	SPOOL_EM_	/* .em_ */
};

/* The largest id that is not derived. */
#define SPOOL_ID_MAX UINT64_C(999999999999999)

/* A new id.  Intake only.  -1 with errno when the mark could not be moved. */
int spool_id_next(struct spool *sp, uint64_t *out) PB_MUST_CHECK;

/* Every id of an earlier life of intake is below this. */
uint64_t spool_id_first(const struct spool *sp);

/*
 * Id of bounce number group (1 to 999) of a message, or of what is told to
 * postmaster about a bounce that failed (group 1 to 17); 0 when there is none: what
 * is told about a bounce has no bounce of its own.
 */
uint64_t spool_id_bounce(uint64_t id, uint32_t group);

void spool_id_name(uint64_t id, enum spool_file kind, char out[SPOOL_NAME_SIZE]);
/* True for DIGITS.eml, .hdr or .em_ without leading zero, DIGITS < 2^64 and > 0. */
bool spool_id_parse(struct span name, uint64_t *id, enum spool_file *kind) PB_MUST_CHECK;

#endif
