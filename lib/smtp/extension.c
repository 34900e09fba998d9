/*
 * smtp/extension: see extension.h.  Trust: values are hostile; every number has
 * the digits that its RFC allows and no more.
 */
#include "base/base.h"
#include "base/num.h"
#include "smtp/extension.h"
#include <time.h>

/* RFC 4865 3 and RFC 2852 4: one to nine digits. */
#define SECONDS_MAX 999999999

bool
smtp_extension_smtputf8(struct span value, void *mail)
{
	struct smtp_mail *m = mail;

	m->smtputf8 = true;
	return value.p == NULL;
}

bool
smtp_extension_requiretls(struct span value, void *mail)
{
	struct smtp_mail *m = mail;

	m->requiretls = true;
	return value.p == NULL;
}

/* A number with an optional sign. */
static bool
read_signed(struct span value, uint64_t max, int64_t *out)
{
	bool negative = value.n > 0 && value.p[0] == '-';
	uint64_t n;

	if (negative || (value.n > 0 && value.p[0] == '+'))
		value = span_from(value, 1);
	if (value.n > 9 || !num_parse(value, max, &n))
		return false;
	*out = negative ? -(int64_t)n : (int64_t)n;
	return true;
}

/* RFC 6710 4.1: ["-"] one digit. */
bool
smtp_extension_priority(struct span value, void *mail)
{
	struct smtp_mail *m = mail;
	int64_t n;

	if (value.n == 0 || value.n > 2 || value.p[0] == '+' || !read_signed(value, 9, &n))
		return false;
	m->has_priority = true;
	m->priority = (int)n;
	return true;
}

/* RFC 4865 5: only one of the two; 3: the first digit is not 0. */
bool
smtp_extension_holdfor(struct span value, void *mail)
{
	struct smtp_mail *m = mail;
	uint64_t n;

	if (m->hold != SMTP_HOLD_NONE || value.n > 9 || !num_parse(value, SECONDS_MAX, &n) || value.p[0] == '0')
		return false;
	m->hold = SMTP_HOLD_FOR;
	m->hold_value = (int64_t)n;
	return true;
}

bool
smtp_extension_holduntil(struct span value, void *mail)
{
	struct smtp_mail *m = mail;

	if (m->hold != SMTP_HOLD_NONE || !smtp_time_parse(value, &m->hold_value))
		return false;
	m->hold = SMTP_HOLD_UNTIL;
	return true;
}

/* RFC 2852 4: [sign] seconds ";" mode [trace]; R needs time that is still to come. */
bool
smtp_extension_by(struct span value, void *mail)
{
	struct smtp_mail *m = mail;
	struct span seconds = span_cut(&value, ';');

	if (value.n < 1 || value.n > 2 || !read_signed(seconds, SECONDS_MAX, &m->by))
		return false;
	m->by_mode = char_lower(value.p[0]) == 'r' ? 'R' : 'N';
	m->by_trace = value.n == 2;
	if (char_lower(value.p[0]) != 'r' && char_lower(value.p[0]) != 'n')
		return false;
	return (value.n == 1 || char_lower(value.p[1]) == 't') && (m->by_mode == 'N' || m->by > 0);
}

void
smtp_extension_print(const struct smtp_mail *m, const struct smtp_ehlo *offer, struct buf *out)
{
	if (offer->smtputf8 && m->smtputf8)
		buf_text_put(out, " SMTPUTF8");
	if (offer->requiretls && m->requiretls)
		buf_text_put(out, " REQUIRETLS");
	if (offer->mt_priority && m->has_priority)
		buf_printf(out, " MT-PRIORITY=%d", m->priority);
	if (offer->deliverby && m->by_mode != 0)
		buf_printf(out, " BY=%lld;%c%s", (long long)m->by, m->by_mode, m->by_trace ? "T" : "");
}

/* `form`: d is a digit, anything else stands for itself. */
static bool
has_form(struct span s, const char *form)
{
	for (size_t i = 0; form[i] != '\0'; i++)
		if (i >= s.n || (form[i] == 'd' ? !char_is_digit(s.p[i]) : char_lower(s.p[i]) != form[i]))
			return false;
	return true;
}

static int
two_digits(const char *p)
{
	return (p[0] - '0') * 10 + p[1] - '0';
}

/* "Z", "+hh:mm" or "-hh:mm": seconds east of UTC. */
static bool
read_zone(struct span s, int *out)
{
	*out = 0;
	if (s.n == 1)
		return s.p[0] == 'Z' || s.p[0] == 'z';
	if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || !has_form(span_from(s, 1), "dd:dd") ||
	    two_digits(s.p + 1) > 23 || two_digits(s.p + 4) > 59)
		return false;
	*out = (two_digits(s.p + 1) * 60 + two_digits(s.p + 4)) * (s.p[0] == '-' ? -60 : 60);
	return true;
}

bool
smtp_time_parse(struct span s, int64_t *out)
{
	struct tm tm = { .tm_isdst = 0 }, back;
	size_t n = 19;
	int zone;

	if (!has_form(s, "dddd-dd-ddtdd:dd:dd"))
		return false;
	if (n < s.n && s.p[n] == '.')
		for (n++; n < s.n && char_is_digit(s.p[n]); n++)
			;
	if (!read_zone(span_from(s, n), &zone))
		return false;
	tm.tm_year = two_digits(s.p) * 100 + two_digits(s.p + 2) - 1900;
	tm.tm_mon = two_digits(s.p + 5) - 1;
	tm.tm_mday = two_digits(s.p + 8);
	tm.tm_hour = two_digits(s.p + 11);
	tm.tm_min = two_digits(s.p + 14);
	tm.tm_sec = two_digits(s.p + 17);
	back = tm;
	*out = (int64_t)timegm(&back) - zone;
	/* What timegm had to repair was no date. */
	return back.tm_mon == tm.tm_mon && back.tm_mday == tm.tm_mday && back.tm_hour == tm.tm_hour &&
	       back.tm_min == tm.tm_min && back.tm_sec == tm.tm_sec && *out >= 0;
}

void
smtp_time_print(int64_t seconds, char out[SMTP_TIME_SIZE])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year > 9999 - 1900)
		tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
	strftime(out, SMTP_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
