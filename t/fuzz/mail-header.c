/* Fields, addresses, dates, parameters, encoded words and mailbox names. */
#include "base/base.h"
#include "base/limits.h"
#include "mail/address.h"
#include "mail/charset.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/mime_param.h"
#include "mail/utf7.h"
#include "fuzz.h"

static void
try_addresses(struct span value, struct arena *a)
{
	struct address_list l;
	size_t bytes = 0;

	arena_reset(a);
	address_parse_list(value, a, &l);
	FUZZ_CHECK(l.count <= LIMIT_HEADER_ADDRESSES);
	for (size_t i = 0; i < l.count; i++)
		bytes += l.items[i].name.n + l.items[i].local.n + l.items[i].domain.n;
	FUZZ_CHECK(l.truncated || bytes <= 2 * value.n);
}

static void
try_params(struct span value, struct arena *a)
{
	struct mime_value v;

	arena_reset(a);
	if (mime_value_parse(value, a, &v))
		FUZZ_CHECK(v.type.n > 0 && v.count <= LIMIT_MIME_PARAMS);
	if (mime_value_parse_raw(value, a, &v))
		FUZZ_CHECK(v.count <= LIMIT_MIME_PARAMS);
}

static void
try_date(struct span value)
{
	char text[DATE_TEXT_SIZE];
	int64_t utc, again;
	int zone;
	struct buf b;

	if (!date_parse(value, &utc, &zone))
		return;
	buf_init_fixed(&b, text, sizeof(text));
	date_print(utc, zone, &b);
	FUZZ_CHECK(!b.overflow);
	if (utc + zone * 60 < 253402300800 && zone > -6000 && zone < 6000)
		FUZZ_CHECK(date_parse(buf_view(&b), &again, NULL) && again == utc);
}

static void
try_text(struct span value)
{
	struct buf b, c;

	buf_init(&b, 8 * value.n + 64);
	buf_init(&c, 64 * value.n + 64);
	charset_decode_header(value, &b);
	charset_fold(buf_view(&b), &c);
	charset_fold(value, &c);
	buf_clear(&b);
	if (utf7_decode(value, &b)) {
		buf_clear(&c);
		FUZZ_CHECK(utf7_encode(buf_view(&b), &c) && span_eq(buf_view(&c), value));
	}
	buf_free(&b);
	buf_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make(data, size);
	struct arena *a = arena_new(4 << 20);
	struct header_field f;
	size_t taken = 0;

	FUZZ_CHECK(header_length(rest) <= size);
	while (header_next(&rest, &f)) {
		taken += f.raw.n;
		FUZZ_CHECK(f.raw.n > 0 && f.name.n + f.value.n <= f.raw.n);
		try_addresses(f.value, a);
		try_params(f.value, a);
		try_date(f.value);
		try_text(f.value);
	}
	FUZZ_CHECK(taken + rest.n <= size);
	arena_free(&a);
	return 0;
}
