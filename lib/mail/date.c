/*
 * Date-times of RFC 5322.  Trust: hostile text; numbers are read digit by
 * digit with a limit, and a date that no calendar has is refused.
 */
#include "base/base.h"
#include "base/num.h"
#include "mail/date.h"
#include "mail/header.h"

static const char month_names[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};
static const char day_names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

int
date_month(struct span name)
{
	for (int i = 0; i < 12; i++)
		if (span_is_nocase(name, month_names[i]))
			return i + 1;
	return 0;
}

const char *
date_month_name(int month)
{
	return month_names[(month + 11) % 12];
}

/* Days from civil, era by era of 400 years that begin in March. */
int64_t
date_days(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void
date_civil(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + era * 400 + (*month <= 2));
}

static bool
take_char(struct span *s, char c)
{
	header_skip_blanks(s);
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = span_from(*s, 1);
	return true;
}

static struct span
take_run(struct span *s, bool (*is)(char))
{
	size_t n = 0;
	struct span run;

	header_skip_blanks(s);
	while (n < s->n && is(s->p[n]))
		n++;
	run = span_first(*s, n);
	*s = span_from(*s, n);
	return run;
}

static bool
take_number(struct span *s, size_t digits, int *out)
{
	struct span run = take_run(s, char_is_digit);

	return run.n <= digits && num_parse_int(run, 999999, out);
}

static bool
take_year(struct span *s, int *year)
{
	struct span run = take_run(s, char_is_digit);

	if (run.n < 2 || run.n > 4 || !num_parse_int(run, 9999, year))
		return false;
	if (run.n == 2 && *year < 50)
		*year += 2000;
	else if (run.n < 4)
		*year += 1900;		/* RFC 5322 4.3: two digits from 50, and three */
	return *year >= 1900;
}

static bool
take_time(struct span *s, int *seconds)
{
	int h, m, sec = 0;

	if (!take_number(s, 2, &h) || !take_char(s, ':') || !take_number(s, 2, &m))
		return false;
	if (take_char(s, ':') && !take_number(s, 2, &sec))
		return false;
	if (h > 23 || m > 59 || sec > 60)
		return false;
	*seconds = h * 3600 + m * 60 + sec;
	return true;
}

/* The named zones of RFC 5322 4.3; unknown ones and military letters are "-0000". */
static int
named_zone(struct span name)
{
	static const struct { const char *name; int hours; } zones[] = {
		{ "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 },
		{ "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 }
	};

	for (size_t i = 0; i < PB_COUNT(zones); i++)
		if (span_is_nocase(name, zones[i].name))
			return zones[i].hours * 60;
	return 0;
}

static bool
take_zone(struct span *s, int *zone)
{
	int sign = 1, n;

	header_skip_blanks(s);
	*zone = 0;
	if (s->n == 0)
		return true;		/* left out by some; read as universal time */
	if (s->p[0] != '+' && s->p[0] != '-') {
		*zone = named_zone(take_run(s, char_is_alpha));
		return true;
	}
	if (s->p[0] == '-')
		sign = -1;
	*s = span_from(*s, 1);
	if (!take_number(s, 4, &n) || n % 100 > 59)
		return false;
	*zone = sign * (n / 100 * 60 + n % 100);
	return true;
}

static bool
is_day_of(int year, int month, int day)
{
	int y, m, d;

	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	date_civil(date_days(year, month, day), &y, &m, &d);
	return m == month;
}

bool
date_parse(struct span value, int64_t *utc_out, int *zone_out)
{
	int day, month, year, seconds, zone;

	if (take_run(&value, char_is_alpha).n > 0)
		take_char(&value, ',');
	if (!take_number(&value, 2, &day))
		return false;
	take_char(&value, '-');
	month = date_month(take_run(&value, char_is_alpha));
	take_char(&value, '-');
	if (!take_year(&value, &year) || !is_day_of(year, month, day))
		return false;
	if (!take_time(&value, &seconds) || !take_zone(&value, &zone))
		return false;
	*utc_out = date_days(year, month, day) * 86400 + seconds - zone * 60;
	if (zone_out != NULL)
		*zone_out = zone;
	return true;
}

void
date_print(int64_t utc, int zone, struct buf *out)
{
	int64_t local = utc + zone * 60;
	int64_t days = local / 86400 - (local % 86400 < 0);
	int s = (int)(local - days * 86400);
	int wday = (int)(((days + 4) % 7 + 7) % 7);
	int year, month, day;
	int z = zone < 0 ? -zone : zone;

	date_civil(days, &year, &month, &day);
	buf_printf(out, "%s, %d %s %04d %02d:%02d:%02d %c%02d%02d", day_names[wday], day,
		date_month_name(month), year, s / 3600, s / 60 % 60, s % 60,
		zone < 0 ? '-' : '+', z / 60, z % 60);
}

int
date_local_zone(int64_t utc)
{
	time_t t = (time_t)utc;
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return 0;
	return (int)(tm.tm_gmtoff / 60);
}
