/*
 * verdict: what became of a message, a recipient or a command.
 *
 * A mail outcome is a value, not an error: functions that decide or deliver
 * return one.  `code` is an SMTP reply code (250, 451, 550 ...), `status` the
 * enhanced status code of RFC 3463, `text` one line of printable ASCII
 * without codes.
 */
#ifndef BASE_VERDICT_H
#define BASE_VERDICT_H

#include "base/base.h"
#include "base/span.h"

enum verdict_kind { VERDICT_OK, VERDICT_TEMP, VERDICT_PERM };

#define VERDICT_TEXT_MAX 512

struct verdict {
	enum verdict_kind kind;
	int code;
	char status[12];
	char text[VERDICT_TEXT_MAX];
};

struct verdict verdict_make(int code, const char *status, const char *fmt, ...) PB_PRINTF(3, 4);

/* Kind that belongs to a reply code: 2xx and 3xx OK, 5xx PERM, all else TEMP. */
enum verdict_kind verdict_kind_of(int code);

/* "550 5.1.1 text", as .hdr files and logs write it; parse is its inverse. */
int verdict_print(const struct verdict *v, char *out, size_t size);
bool verdict_parse(struct span s, struct verdict *out) PB_MUST_CHECK;

/* True for "d.d{1,3}.d{1,3}" with a class of 2, 4 or 5 (RFC 3463 section 2). */
bool verdict_status_is_valid(struct span s);

#endif
