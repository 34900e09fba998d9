/* record_value: see record_value.h. */
#include "base/base.h"
#include "record_value.h"

#include <endian.h>
#include "base/die.h"

#define HEAD 10

static void
put_time(unsigned char *p, int64_t t)
{
	uint32_t n = htole32(t < 0 ? 0 : t > UINT32_MAX ? UINT32_MAX : (uint32_t)t);

	memcpy(p, &n, sizeof(n));
}

static int64_t
get_time(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return (int64_t)le32toh(n);
}

static size_t
put_text(unsigned char *p, struct span s)
{
	s = span_first(s, RECORD_TEXT_MAX);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return s.n + 1;
}

size_t
record_value_write(const struct record_value *v, unsigned char out[RECORD_VALUE_MAX])
{
	size_t n = HEAD;

	out[0] = (unsigned char)v->kind;
	out[1] = v->is_counted;
	put_time(out + 2, v->first_s);
	put_time(out + 6, v->last_s);
	n += put_text(out + n, v->origin);
	n += put_text(out + n, v->sender);
	n += put_text(out + n, v->recipient);
	return n;
}

static bool
is_kind(char c)
{
	return c == RECORD_WAITING || c == RECORD_PASSED || c == RECORD_RECEIVED || c == RECORD_WROTE;
}

bool
record_value_read(struct span raw, struct record_value *out)
{
	struct span rest = span_from(raw, HEAD);

	*out = (struct record_value){ .first_s = 0 };
	if (raw.n < HEAD || raw.n > RECORD_VALUE_MAX || !is_kind(raw.p[0]))
		return false;
	out->kind = (enum record_kind)raw.p[0];
	out->is_counted = raw.p[1] == 1;
	out->first_s = get_time(raw.p + 2);
	out->last_s = get_time(raw.p + 6);
	out->origin = span_cut(&rest, '\0');
	out->sender = span_cut(&rest, '\0');
	out->recipient = span_cut(&rest, '\0');
	return rest.p != NULL && rest.n == 0;
}

const char *
record_kind_name(enum record_kind k)
{
	switch (k) {
	case RECORD_WAITING:
		return "waiting";
	case RECORD_PASSED:
		return "passed";
	case RECORD_RECEIVED:
		return "received-from";
	case RECORD_WROTE:
		return "wrote-to";
	}
	bug("record kind %d", (int)k);
}
