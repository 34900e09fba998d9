/*
 * edit: what milters change in a message: fields added, inserted, changed and
 * deleted, and the body replaced.
 *
 * The header is kept as a list of fields while it is edited and printed once
 * at the end.  Our own trace fields are not part of it; fields that milters put
 * above our Received field (message_top) are.
 */
#ifndef SMTP_LISTEN_EDIT_H
#define SMTP_LISTEN_EDIT_H

#include "base/base.h"
#include "check/milter.h"
#include "message.h"

/* The header section below our Received field as it stands now, fields of ours that were added included. */
struct span edit_header(struct message *m);

/* As message_read_body, of the body as it stands now. */
ssize_t edit_read_body(struct message *m, uint64_t at, char *p, size_t n);

/* Fill `edits` for one milter; its functions only note changes ... */
void edit_begin(struct message *m, struct milter_edits *edits);
/*
 * ... which are made now, or dropped.  Always to be called.  False: with those of
 * the milters before it they are more than a header holds; the message then lacks
 * changes, and may only be refused or go on without this milter.
 */
bool edit_end(struct message *m, struct milter_edits *edits, bool keep) PB_MUST_CHECK;

#endif
