/*
 * kept: the last answers of the directory, each good as long as the directory
 * has the version that it had before the question was asked.
 *
 * A table of fixed size: a question has one slot, the last one there wins.
 * Version 0 keeps nothing.
 */
#ifndef DIRECTORY_KEPT_H
#define DIRECTORY_KEPT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

struct kept;

/* Never fails. */
struct kept *kept_new(size_t slots);
void kept_free(struct kept **k);

/* True, and the answer appended to out, when it is known for this version. */
bool kept_take(const struct kept *k, uint64_t version, struct span question, struct buf *out);
/* What is longer than KEPT_TEXT_MAX together is not kept. */
#define KEPT_TEXT_MAX 1024
void kept_put(struct kept *k, uint64_t version, struct span question, struct span answer);
/* The versions that follow are counted by somebody else. */
void kept_clear(struct kept *k);

#endif
