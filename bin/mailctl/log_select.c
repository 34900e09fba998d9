/* log_select: see log_select.h. */
#include "base/base.h"
#include "log_select.h"
#include "base/die.h"

#define FIELD_MAX 1024

enum { AGE, IP, SESSION, TEXT, EVENT };	/* from EVENT on the name is that of the field */

static const struct selector_field fields[] = {
	[AGE] = { "age", SELECTOR_AGE }, [IP] = { "ip", SELECTOR_TEXT }, [SESSION] = { "session", SELECTOR_TEXT },
	[TEXT] = { "text", SELECTOR_TEXT }, [EVENT] = { "event", SELECTOR_TEXT },
	{ "user", SELECTOR_TEXT }, { "from", SELECTOR_TEXT }, { "to", SELECTOR_TEXT }, { "domain", SELECTOR_TEXT },
	{ "host", SELECTOR_TEXT }, { "id", SELECTOR_TEXT }, { "code", SELECTOR_TEXT }, { "status", SELECTOR_TEXT },
	{ "reason", SELECTOR_TEXT }, { "message-id", SELECTOR_TEXT }, { "name", SELECTOR_TEXT },
};

struct judged {
	const struct log_entry *entry;
	int64_t now;
	char *value;			/* FIELD_MAX */
};

/* "2026.11.22" and "10:15:00.123", local time; 0 when they are none. */
static int64_t
time_of(const struct log_entry *e)
{
	struct tm tm = { .tm_isdst = -1 };
	char text[64];

	snprintf(text, sizeof(text), "%.10s %.*s", e->day, SPAN_ARG(span_first(e->time, 8)));
	return strptime(text, "%Y.%m.%d %H:%M:%S", &tm) == NULL ? 0 : (int64_t)mktime(&tm);
}

static struct span
text_or_empty(struct span s)
{
	return span_is(s, "-") ? span_make(s.p, 0) : s;
}

static bool
get(const void *what, size_t field, size_t i, struct selector_value *out)
{
	const struct judged *j = what;
	int64_t at;

	if (i > 0)
		return false;
	switch (field) {
	case AGE:
		at = time_of(j->entry);
		out->number = at > 0 && at < j->now ? (uint64_t)(j->now - at) : 0;
		return true;
	case IP:
		out->text = text_or_empty(j->entry->ip);
		return true;
	case SESSION:
		out->text = text_or_empty(j->entry->ticket);
		return true;
	case TEXT:
		out->text = j->entry->text;
		return true;
	default:
		if (!log_field(j->entry->text, fields[field].name, j->value, FIELD_MAX))
			return false;
		out->text = span_of(j->value);
		return true;
	}
}

struct selector *
log_selector(const char *text)
{
	char error[SELECTOR_ERROR_MAX];
	struct selector *s = selector_parse(span_of(text), fields, PB_COUNT(fields), error);

	if (s == NULL)
		ctl_fail(EXIT_USAGE, "-w %s: %s", text, error);
	return s;
}

bool
log_selects(const struct selector *s, const struct log_entry *e, int64_t now)
{
	char value[FIELD_MAX];
	struct judged j = { e, now, value };

	return selector_matches(s, get, &j);
}
