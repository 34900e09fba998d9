/*
 * logs: the log files of an instance, as mailctl reads them.
 *
 *	HH:MM:SS.mmm [ip][ticket] event=NAME key=value key="a value" ...
 *
 * Trust: event-log wrote the lines and escaped what came from outside, so a
 * line is one event; files that were edited by hand are read as far as they
 * make sense.
 */
#ifndef MAILCTL_LOGS_H
#define MAILCTL_LOGS_H

#include "base/base.h"
#include "ctl.h"

struct log_entry {
	const char *day;	/* "2026.11.22" */
	struct span line;	/* whole, without its end */
	struct span time, ip, ticket, text;	/* within it; ip and ticket may be "-" */
};

/* Take a line apart, all but the day; false when it has not the form above. */
bool logs_parse(struct span line, struct log_entry *out) PB_MUST_CHECK;

/* Called for each line that has the form above; what it is given lives until it returns. */
typedef void log_entry_fn(void *ctx, const struct log_entry *e);

/*
 * Every line of the last `days` days (1 is today), day by day, of kinds whose
 * names begin with kind (NULL: all).  An exit code, after a message when it
 * is not EXIT_DONE.
 */
int logs_each(const struct ctl *c, unsigned days, const char *kind, log_entry_fn *fn, void *ctx);

/* The value of an option --days; false after a message when it is none. */
bool logs_days(const char *text, unsigned *out) PB_MUST_CHECK;

/*
 * The value of key in the text of an event, without quotes and with \x22 as
 * the quote it was; false when it is not there, and for all other texts.  out
 * is cut to size.
 */
bool log_field(struct span text, const char *key, char *out, size_t size);

#endif
