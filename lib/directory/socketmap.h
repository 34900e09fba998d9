/*
 * socketmap: the look-up protocol of Sendmail and Postfix (socketmap_table(5)).
 *
 * A question is the netstring of `MAP KEY`, an answer the netstring of `OK data`,
 * `NOTFOUND `, `TEMP reason`, `TIMEOUT reason` or `PERM reason`.  Questions may be
 * pipelined; answers come in their order.  Pure: bytes in, spans out.
 */
#ifndef DIRECTORY_SOCKETMAP_H
#define DIRECTORY_SOCKETMAP_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/* Append the netstring of payload. */
void socketmap_put(struct buf *out, struct span payload);
void socketmap_put_question(struct buf *out, const char *map, struct span key);

/*
 * Take one netstring from the front of in.  Returns 1 with *payload (a part of in)
 * and *used, 0 when more bytes are needed, -1 when it is not one or is
 * longer than max: the connection cannot be understood any more.
 */
int socketmap_take(struct span in, size_t max, struct span *payload, size_t *used) PB_MUST_CHECK;

/* Split a question at its first blank.  False without a map name. */
bool socketmap_question(struct span payload, struct span *map, struct span *key) PB_MUST_CHECK;

enum socketmap_kind { SOCKETMAP_OK, SOCKETMAP_NOTFOUND, SOCKETMAP_TEMP, SOCKETMAP_PERM, SOCKETMAP_BAD };

/* What an answer says; *data is what follows its first word. */
enum socketmap_kind socketmap_answer(struct span payload, struct span *data);

#endif
