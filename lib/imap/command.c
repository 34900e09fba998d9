/*
 * Tags, names and arguments.  Trust: hostile text, read whole before.
 */
#include "base/base.h"
#include "base/limits.h"
#include "base/num.h"
#include "imap/command.h"
#include "mail/date.h"

/* As in Maildir names: lib/store is not below this room. */
#define LETTER_BIT(c) ((uint64_t)1 << ((c) - 'A'))

bool
imap_command_parse(struct imap_lex *x, struct imap_command *out)
{
	struct imap_lex before;

	*out = (struct imap_command){ .uid = false };
	if (!imap_lex_tag(x, &out->tag))
		return false;
	if (!imap_lex_space(x) || !imap_lex_atom(x, &out->name))
		return false;
	before = *x;
	if (span_is_nocase(out->name, "UID") && imap_lex_space(x)) {
		if (imap_lex_atom(x, &out->name))
			out->uid = true;
		else
			*x = before;
	}
	return true;
}

static const struct { const char *name; char letter; } flag_names[] = {
	{ "\\Answered", 'R' }, { "\\Flagged", 'F' }, { "\\Deleted", 'T' }, { "\\Seen", 'S' }, { "\\Draft", 'D' }
};

char
imap_flag_letter(struct span name)
{
	for (size_t i = 0; i < PB_COUNT(flag_names); i++)
		if (span_is_nocase(name, flag_names[i].name))
			return flag_names[i].letter;
	return 0;
}

const char *
imap_flag_name(char letter)
{
	for (size_t i = 0; i < PB_COUNT(flag_names); i++)
		if (letter == flag_names[i].letter)
			return flag_names[i].name;
	return "";
}

static bool
take_flag(struct imap_lex *x, struct imap_flags *out)
{
	struct span rest = x->rest, name;
	bool system = imap_lex_char(x, '\\');
	char letter;

	if (!imap_lex_atom(x, &name))
		return false;
	if (!system) {
		if (out->count == LIMIT_IMAP_FLAGS || name.n > LIMIT_KEYWORD_NAME)
			return false;
		out->keywords[out->count++] = name;
		return true;
	}
	name = span_first(rest, name.n + 1);
	letter = imap_flag_letter(name);
	if (letter != 0)
		out->letters |= LETTER_BIT(letter);
	else if (span_is_nocase(name, "\\Recent"))
		out->recent = true;
	else
		return false;
	return true;
}

static bool
take_flags(struct imap_lex *x, bool bare, struct imap_flags *out)
{
	bool open = imap_lex_char(x, '(');

	if (!open && !bare)
		return false;
	if (open && imap_lex_char(x, ')'))
		return true;
	do {
		if (!take_flag(x, out))
			return false;
	} while (imap_lex_space(x));
	return !open || imap_lex_char(x, ')');
}

bool
imap_flags_parse(struct imap_lex *x, bool bare, struct imap_flags *out)
{
	struct imap_lex before = *x;

	*out = (struct imap_flags){ .count = 0 };
	out->keywords = arena_get(x->arena, LIMIT_IMAP_FLAGS * sizeof(*out->keywords));
	if (out->keywords != NULL && take_flags(x, bare, out))
		return true;
	*x = before;
	return false;
}

bool
imap_store_parse(struct imap_lex *x, struct imap_store *out)
{
	struct span item;

	*out = (struct imap_store){ .how = IMAP_STORE_REPLACE };
	if (imap_lex_char(x, '+'))
		out->how = IMAP_STORE_ADD;
	else if (imap_lex_char(x, '-'))
		out->how = IMAP_STORE_REMOVE;
	if (!imap_lex_atom(x, &item))
		return false;
	if (span_is_nocase(item, "FLAGS.SILENT"))
		out->silent = true;
	else if (!span_is_nocase(item, "FLAGS"))
		return false;
	return imap_lex_space(x) && imap_flags_parse(x, true, &out->flags) && imap_lex_end(x);
}

/* [SP flags] [SP date-time], each followed by the SP of what comes next. */
static bool
take_append_options(struct imap_lex *x, struct imap_append *out)
{
	out->flags = (struct imap_flags){ .count = 0 };
	out->has_date = false;
	if (imap_lex_is(x, '(') && (!imap_flags_parse(x, false, &out->flags) || !imap_lex_space(x)))
		return false;
	if (imap_lex_is(x, '"')) {
		if (!imap_date_time_parse(x, &out->date) || !imap_lex_space(x))
			return false;
		out->has_date = true;
	}
	return imap_lex_is(x, '{');
}

bool
imap_append_parse(struct imap_lex *x, struct imap_append *out)
{
	*out = (struct imap_append){ .has_date = false };
	return imap_lex_space(x) && imap_lex_astring(x, &out->mailbox) && imap_lex_space(x) &&
		take_append_options(x, out);
}

bool
imap_append_next(struct imap_lex *x, struct imap_append *out)
{
	return imap_lex_space(x) && take_append_options(x, out);
}

bool
imap_status_parse(struct imap_lex *x, unsigned *items)
{
	static const struct { const char *name; unsigned bit; } names[] = {
		{ "MESSAGES", STATUS_MESSAGES }, { "RECENT", STATUS_RECENT }, { "UIDNEXT", STATUS_UIDNEXT },
		{ "UIDVALIDITY", STATUS_UIDVALIDITY }, { "UNSEEN", STATUS_UNSEEN }, { "SIZE", STATUS_SIZE },
		{ "HIGHESTMODSEQ", STATUS_HIGHESTMODSEQ }
	};

	*items = 0;
	if (!imap_lex_char(x, '('))
		return false;
	do {
		struct span atom;
		size_t i = 0;

		if (!imap_lex_atom(x, &atom))
			return false;
		while (i < PB_COUNT(names) && !span_is_nocase(atom, names[i].name))
			i++;
		if (i == PB_COUNT(names))
			return false;
		*items |= names[i].bit;
	} while (imap_lex_space(x));
	return imap_lex_char(x, ')');
}

/* n digits at the start of *s. */
static bool
take_digits(struct span *s, size_t n, int *out)
{
	if (s->n < n || !num_parse_int(span_first(*s, n), 9999, out))
		return false;
	*s = span_from(*s, n);
	return true;
}

static bool
take_char(struct span *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = span_from(*s, 1);
	return true;
}

/* "Mon-yyyy" after the day; the date must exist. */
static bool
take_month_year(struct span *s, int day, int64_t *days)
{
	int month = date_month(span_first(*s, 3)), year, y, m, d;

	*s = span_from(*s, 3);
	if (month == 0 || !take_char(s, '-') || !take_digits(s, 4, &year) || day < 1)
		return false;
	*days = date_days(year, month, day);
	date_civil(*days, &y, &m, &d);
	return d == day && m == month;
}

static bool
take_clock(struct span *s, int *seconds)
{
	int h, m, sec;

	if (!take_digits(s, 2, &h) || !take_char(s, ':') || !take_digits(s, 2, &m) || !take_char(s, ':') ||
	    !take_digits(s, 2, &sec) || h > 23 || m > 59 || sec > 60)
		return false;
	*seconds = h * 3600 + m * 60 + sec;
	return true;
}

static bool
take_zone(struct span *s, int *minutes)
{
	bool west = take_char(s, '-');
	int hhmm;

	if ((!west && !take_char(s, '+')) || !take_digits(s, 4, &hhmm) || hhmm % 100 > 59 || hhmm > 1459)
		return false;
	*minutes = (hhmm / 100 * 60 + hhmm % 100) * (west ? -1 : 1);
	return true;
}

bool
imap_date_time_parse(struct imap_lex *x, int64_t *utc)
{
	struct span s;
	int64_t days;
	int day, seconds, zone;

	if (!imap_lex_is(x, '"') || !imap_lex_string(x, &s))
		return false;
	if (take_char(&s, ' ') ? !take_digits(&s, 1, &day) : !take_digits(&s, 2, &day))
		return false;
	if (!take_char(&s, '-') || !take_month_year(&s, day, &days) || !take_char(&s, ' ') ||
	    !take_clock(&s, &seconds) || !take_char(&s, ' ') || !take_zone(&s, &zone) || s.n > 0)
		return false;
	*utc = days * 86400 + seconds - zone * 60;
	return true;
}

void
imap_date_time_print(int64_t utc, int zone, struct buf *out)
{
	int64_t local = utc + zone * 60;
	int64_t days = local / 86400 - (local % 86400 < 0);
	int s = (int)(local - days * 86400), year, month, day;
	int z = zone < 0 ? -zone : zone;

	date_civil(days, &year, &month, &day);
	buf_printf(out, "\"%02d-%s-%04d %02d:%02d:%02d %c%02d%02d\"", day, date_month_name(month), year,
		s / 3600, s / 60 % 60, s % 60, zone < 0 ? '-' : '+', z / 60, z % 60);
}

bool
imap_date_parse(struct imap_lex *x, int64_t *days)
{
	struct span s;
	int day;

	if (!imap_lex_astring(x, &s))
		return false;
	if (s.n > 1 && s.p[1] == '-' ? !take_digits(&s, 1, &day) : !take_digits(&s, 2, &day))
		return false;
	return take_char(&s, '-') && take_month_year(&s, day, days) && s.n == 0;
}

/*
 * Linear in pattern times name, without recursion: on a mismatch the last
 * wildcard takes one character more.  After a "*" no earlier "%" needs trying.
 */
bool
imap_list_match(struct span pattern, struct span name, char separator)
{
	size_t p = 0, n = 0;
	size_t star_p = SIZE_MAX, star_n = 0;	/* behind the last "*" */
	size_t some_p = SIZE_MAX, some_n = 0;	/* behind the last "%" since then */

	while (n < name.n || p < pattern.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star_p = ++p;
			star_n = n;
			some_p = SIZE_MAX;
		} else if (p < pattern.n && pattern.p[p] == '%') {
			some_p = ++p;
			some_n = n;
		} else if (p < pattern.n && n < name.n && pattern.p[p] == name.p[n]) {
			p++;
			n++;
		} else if (some_p != SIZE_MAX && some_n < name.n && name.p[some_n] != separator) {
			p = some_p;
			n = ++some_n;
		} else if (star_p != SIZE_MAX && star_n < name.n) {
			p = star_p;
			n = ++star_n;
			some_p = SIZE_MAX;
		} else {
			return false;
		}
	}
	return true;
}
