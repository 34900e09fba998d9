/*
 * record: the text in which our programs talk where the field has no protocol.
 *
 * One record is one message on a SOCK_SEQPACKET or SOCK_DGRAM socket, or one
 * block of a file: a verb line, then `key=value` lines, each ended by LF.
 * In a value LF is written \n, CR \r, backslash \\; NUL is not allowed.  Keys
 * are [a-z0-9-]+ and may repeat.  Readers treat every record as hostile.
 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/* Start a record in out (cleared first). Errors show as out->overflow. */
void record_begin(struct buf *out, const char *verb);
void record_add(struct buf *out, const char *key, struct span value);
void record_add_text(struct buf *out, const char *key, const char *value);
void record_add_num(struct buf *out, const char *key, uint64_t value);

struct record_field {
	struct span key;
	struct span value;	/* unescaped */
};

struct record {
	struct span verb;
	struct record_field *fields;
	size_t count;
	char *text;		/* owned: what the spans point to */
};

/*
 * Read one whole record.  Returns false, and leaves nothing to free, when it
 * is not well formed, has a NUL, or more than max_fields fields.
 */
bool record_parse(struct span in, size_t max_fields, struct record *out) PB_MUST_CHECK;
void record_free(struct record *r);

/* First value of key; SPAN_NONE when absent. */
struct span record_get(const struct record *r, const char *key);
/* True when key stands there exactly once and is a number of at most max. */
bool record_get_num(const struct record *r, const char *key, uint64_t max, uint64_t *out) PB_MUST_CHECK;
/* The i-th value of a key that repeats; SPAN_NONE past the last. */
struct span record_get_nth(const struct record *r, const char *key, size_t i);

#endif
