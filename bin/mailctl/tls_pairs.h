/*
 * tls_pairs: do the certificates and keys that the settings name fit?
 *
 * mail-master sees whether they can be opened, never what is in them; mailctl,
 * which runs with the administrator's rights, looks before the listeners do.
 */
#ifndef MAILCTL_TLS_PAIRS_H
#define MAILCTL_TLS_PAIRS_H

#include "base/base.h"
#include "base/buf.h"
#include "ctl.h"

/*
 * One pair: readable, safe, matching; `expired` (may be NULL) tells whether its time
 * is over.  False after a line in errors.
 */
bool tls_pair_fits(const struct ctl *c, const char *cert_path, const char *key_path, bool *expired,
	struct buf *errors) PB_MUST_CHECK;

/*
 * As the settings are now: the server's own pair, unless there is none, and those of
 * all rules.  A line in errors for each that does not fit.  True also when the
 * settings cannot be read, which others tell.
 */
bool tls_pairs_fit(const struct ctl *c, struct buf *errors) PB_MUST_CHECK;

#endif
