/*
 * envelope_parts: what the files of envelope share and nobody else needs.
 */
#ifndef SPOOL_ENVELOPE_PARTS_H
#define SPOOL_ENVELOPE_PARTS_H

#include "base/base.h"
#include "spool/envelope.h"

/* A further target of recipient number original; NULL past LIMIT_TARGETS. */
struct envelope_rcpt *envelope_add_target(struct envelope *e, uint32_t original, struct span address);

/* False past LIMIT_ENVELOPE_EXTRAS. */
bool envelope_add_extra(struct envelope *e, struct span key, struct span value);

/* " [0c11d2aa]" behind an appended line. */
#define ENVELOPE_LINE_GUARD 11

#endif
