/*
 * envelope_edit: what a milter changes in the envelope: recipients added and
 * deleted, and the reverse-path.
 *
 * Changes are noted while the milter speaks and made when it has let the
 * message pass.  A recipient that it adds is looked up like one of RCPT, but
 * the milter may relay: it is the administrator's program.  One that the
 * directory refuses is left out, with a line in the log, since a bounce would
 * go to somebody who did not name it.
 */
#ifndef SMTP_LISTEN_ENVELOPE_EDIT_H
#define SMTP_LISTEN_ENVELOPE_EDIT_H

#include "base/base.h"
#include "check/milter.h"

struct smtp;

/* Fill the envelope's part of `edits` for one milter. */
void envelope_edit_begin(struct smtp *c, struct milter_edits *edits);

/*
 * Make the changes (keep), or drop them; always to be called.  False: they
 * cannot be made now, since the directory does not answer.
 */
bool envelope_edit_end(struct milter_edits *edits, bool keep) PB_MUST_CHECK;

#endif
