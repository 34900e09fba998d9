/*
 * envelope: the struct, its recipients, addresses and times.  Reading is in
 * envelope_parse.c, writing in envelope_print.c and envelope_line.c.
 */
#include "base/base.h"
#include "spool/envelope.h"
#include "spool/envelope_parts.h"
#include "base/limits.h"
#include "base/num.h"

struct envelope *
envelope_new(void)
{
	struct envelope *e = mem_new(sizeof(*e));

	e->status = ENVELOPE_WRITTEN;
	e->priority = 5;
	e->arena = arena_new((size_t)4 * LIMIT_ENVELOPE);
	return e;
}

void
envelope_free(struct envelope **e)
{
	if (*e == NULL)
		return;
	arena_free(&(*e)->arena);
	free((*e)->rcpts);
	free((*e)->extras);
	free(*e);
	*e = NULL;
}

/* Arrays grow by doubling: no writer can make adding cost more than its bytes. */
static bool
is_power_of_two(uint32_t n)
{
	return (n & (n - 1)) == 0;
}

static struct envelope_rcpt *
add_rcpt(struct envelope *e, struct span address)
{
	struct envelope_rcpt *r;

	if (is_power_of_two(e->count))
		e->rcpts = mem_resize_array(e->rcpts, e->count == 0 ? 1 : (size_t)e->count * 2,
			sizeof(*e->rcpts));
	r = &e->rcpts[e->count++];
	*r = (struct envelope_rcpt){ .number = e->count, .original = e->count, .address = address,
		.given = address };
	return r;
}

struct envelope_rcpt *
envelope_add(struct envelope *e, struct span address)
{
	if (e->count >= LIMIT_RECIPIENTS)
		return NULL;
	e->rcpt_count++;
	return add_rcpt(e, address);
}

struct envelope_rcpt *
envelope_add_target(struct envelope *e, uint32_t original, struct span address)
{
	struct envelope_rcpt *r;

	if (e->count >= LIMIT_TARGETS)
		return NULL;
	r = add_rcpt(e, address);
	r->original = original;
	r->given = e->rcpts[original - 1].given;
	r->notify = e->rcpts[original - 1].notify;
	r->orcpt = e->rcpts[original - 1].orcpt;
	return r;
}

bool
envelope_add_extra(struct envelope *e, struct span key, struct span value)
{
	if (e->extra_count >= LIMIT_ENVELOPE_EXTRAS)
		return false;
	if (is_power_of_two(e->extra_count))
		e->extras = mem_resize_array(e->extras,
			e->extra_count == 0 ? 1 : (size_t)e->extra_count * 2, sizeof(*e->extras));
	e->extras[e->extra_count++] = (struct envelope_extra){ key, value };
	return true;
}

bool
envelope_rcpt_is_finished(const struct envelope_rcpt *r)
{
	return (r->state == RCPT_DONE && (r->bounce == 0 || r->bounced)) ||
	       (r->state == RCPT_FAILED && r->bounced);
}

bool
envelope_is_finished(const struct envelope *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (!envelope_rcpt_is_finished(&e->rcpts[i]))
			return false;
	return true;
}

struct span
envelope_notify(const struct envelope_rcpt *r)
{
	bool failure = span_search_nocase(r->notify, SPAN("FAILURE")) >= 0;
	bool delay = span_search_nocase(r->notify, SPAN("DELAY")) >= 0;

	if (r->number == r->original || span_search_nocase(r->notify, SPAN("SUCCESS")) < 0)
		return r->notify;
	if (failure)
		return delay ? SPAN("FAILURE,DELAY") : SPAN("FAILURE");
	return delay ? SPAN("DELAY") : SPAN("NEVER");
}

struct span
envelope_status_text(enum envelope_status status)
{
	switch (status) {
	case ENVELOPE_WRITING:
		return SPAN("Writing \r\n");
	case ENVELOPE_WRITTEN:
		return SPAN("Written \r\n");
	case ENVELOPE_FAILED:
		return SPAN("Failed  \r\n");
	case ENVELOPE_QUARANTINED:
		return SPAN("Quarantined\r\n");
	}
	return SPAN_NONE;
}

const char *
envelope_error_text(enum envelope_error error)
{
	switch (error) {
	case ENVELOPE_OK:
		return "good";
	case ENVELOPE_UNFINISHED:
		return "envelope not finished";
	case ENVELOPE_DAMAGED:
		return "envelope damaged";
	}
	return "unknown";
}

/*
 * Length of the local part: up to the last "@" that is not quoted.  -1 when a
 * byte is not allowed where it stands.  Bytes over 0x7f pass (RFC 6531).
 */
static ssize_t
local_part_length(struct span a)
{
	ssize_t at = (ssize_t)a.n;
	bool quoted = false;

	for (size_t i = 0; i < a.n; i++) {
		unsigned char c = (unsigned char)a.p[i];

		if (c < 0x20 || c == 0x7f)
			return -1;
		if (quoted && c == '\\' && ++i < a.n && a.p[i] >= 0x20 && a.p[i] != 0x7f)
			continue;
		if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == ' ' || c == ',' || c == '<' || c == '>' || c == '\\'))
			return -1;
		else if (!quoted && c == '@')
			at = (ssize_t)i;
	}
	return quoted ? -1 : at;
}

bool
envelope_address_is_valid(struct span address)
{
	ssize_t local = address.n > LIMIT_ADDRESS ? -1 : local_part_length(address);

	if (local <= 0 || local > LIMIT_LOCAL_PART)
		return false;
	if ((size_t)local == address.n)
		return true;
	return address.n - (size_t)local - 1 >= 1 && address.n - (size_t)local - 1 <= LIMIT_DOMAIN;
}

bool
envelope_hex32_parse(struct span s, uint32_t *out)
{
	uint64_t value;

	if (s.n != 8 || !num_parse_hex(s, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

void
envelope_time_print(int64_t seconds, char out[ENVELOPE_TIME_SIZE])
{
	struct tm tm = { 0 };
	time_t t = (time_t)seconds;

	if (seconds < 0 || seconds > INT64_C(253402300799))	/* end of the year 9999 */
		t = 0;
	gmtime_r(&t, &tm);
	snprintf(out, ENVELOPE_TIME_SIZE, "%02u/%02u/%04u %02u:%02u:%02u",
		(unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
		(unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
		(unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

bool
envelope_time_parse(struct span s, int64_t *out)
{
	static const char form[] = "dd/dd/dddd dd:dd:dd";
	int field[6] = { 0 };
	struct tm tm = { 0 }, back;
	time_t t;
	int f = 0;

	if (s.n != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (form[i] == 'd' ? !char_is_digit(s.p[i]) : s.p[i] != form[i])
			return false;
		if (form[i] == 'd')
			field[f] = field[f] * 10 + (s.p[i] - '0');
		else
			f++;
	}
	tm = (struct tm){ .tm_mon = field[0] - 1, .tm_mday = field[1], .tm_year = field[2] - 1900,
		.tm_hour = field[3], .tm_min = field[4], .tm_sec = field[5] };
	back = tm;
	t = timegm(&back);
	/* timegm repairs 02/31 and the like: what it changed was no date. */
	if (back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday || back.tm_hour != tm.tm_hour ||
	    back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec || t < 0)
		return false;
	*out = t;
	return true;
}

bool
envelope_mt_priority_parse(struct span s, int *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	int n;

	if (!num_parse_int(span_from(s, negative), 9, &n))
		return false;
	*out = negative ? -n : n;
	return true;
}

void
envelope_by_print(const struct envelope *e, struct buf *out)
{
	char time[ENVELOPE_TIME_SIZE];

	envelope_time_print(e->by, time);
	buf_printf(out, "%s;%c%s", time, e->by_mode == 'R' ? 'R' : 'N', e->by_trace ? "T" : "");
}

bool
envelope_by_parse(struct span s, struct envelope *out)
{
	struct span time = span_cut(&s, ';');

	if (!envelope_time_parse(time, &out->by) || out->by == 0 || s.n < 1 || s.n > 2 ||
	    (s.p[0] != 'R' && s.p[0] != 'N') || (s.n == 2 && s.p[1] != 'T'))
		return false;
	out->by_mode = s.p[0];
	out->by_trace = s.n == 2;
	return true;
}

static const char *const kinds[] = {
	[ENVELOPE_PERSON] = "", [ENVELOPE_LIST] = "list", [ENVELOPE_AUTO_RESPONSE] = "autoResponse",
	[ENVELOPE_REPORT] = "report", [ENVELOPE_EVENT] = "event"
};

const char *
envelope_kind_name(enum envelope_kind kind)
{
	return kinds[kind];
}

bool
envelope_kind_parse(struct span s, struct envelope *out)
{
	struct span word = span_word(&s);

	s = span_trim(s);
	if (!envelope_address_is_valid(s))
		return false;
	for (size_t i = ENVELOPE_LIST; i < PB_COUNT(kinds); i++)
		if (span_is(word, kinds[i])) {
			out->kind = (enum envelope_kind)i;
			out->kind_of = s;
			return true;
		}
	return false;
}
