/*
 * The two protocols of auth-check: netstrings give the same in pieces as whole,
 * and what is taken or escaped can be put and read back to the same bytes.
 */
#include "base/base.h"
#include "base/base64.h"
#include "directory/auth_line.h"
#include "directory/directory.h"
#include "directory/secret.h"
#include "directory/socketmap.h"
#include "fuzz.h"

static void
try_netstring(struct span in)
{
	struct span payload, again, map, key;
	size_t used, used_again;
	struct buf b;

	if (socketmap_take(in, LIMIT_SOCKETMAP, &payload, &used) != 1)
		return;
	FUZZ_CHECK(used <= in.n && payload.n <= LIMIT_SOCKETMAP);
	FUZZ_CHECK(socketmap_take(span_first(in, used - 1), LIMIT_SOCKETMAP, &again, &used_again) == 0);
	buf_init(&b, LIMIT_SOCKETMAP + 32);
	socketmap_put(&b, payload);
	FUZZ_CHECK(span_eq(buf_view(&b), span_first(in, used)));
	if (socketmap_question(payload, &map, &key))
		FUZZ_CHECK(map.n + key.n + 1 == payload.n);
	buf_free(&b);
}

static void
try_reply(struct span in)
{
	struct directory_targets t;

	directory_expand_reply(in, &t);
	FUZZ_CHECK(t.count <= LIMIT_EXPANSION);
	directory_targets_free(&t);
}

static void
try_line(struct span in)
{
	struct auth_line l = auth_line_split(in);
	struct span value = auth_line_get(&l, "user"), resp = auth_line_get(&l, "resp");
	struct buf plain, line, back;

	buf_init(&plain, LIMIT_AUTH_LINE);
	buf_init(&line, 2 * LIMIT_AUTH_LINE + 64);
	buf_init(&back, LIMIT_AUTH_LINE);
	if (value.p != NULL && auth_line_unescape(value, &plain) && !plain.overflow) {
		auth_line_add(&line, "user", span_make(buf_text(&plain), plain.n));
		FUZZ_CHECK(auth_line_unescape(span_from(buf_view(&line), 6), &back));
		FUZZ_CHECK(span_eq(buf_view(&plain), buf_view(&back)));
		FUZZ_CHECK(span_find(span_from(buf_view(&line), 1), '\t') < 0 && span_find(buf_view(&line), '\n') < 0);
	}
	buf_clear(&plain);
	buf_clear(&line);
	if (resp.p != NULL && base64_decode(resp, &plain)) {
		base64_encode(&line, buf_view(&plain));
		FUZZ_CHECK(span_eq(buf_view(&line), resp));
	}
	buf_free(&plain);
	buf_free(&line);
	buf_free(&back);
}

static void
try_secret(struct span in)
{
	char state[SECRET_CRAM_MAX + 8], digest[33];

	if (in.n >= sizeof(state) || (in.n > 0 && memchr(in.p, '\0', in.n) != NULL))
		return;
	memcpy(state, in.p, in.n);
	state[in.n] = '\0';
	if (secret_cram_digest(state, SPAN("challenge"), digest))
		FUZZ_CHECK(in.n == SECRET_CRAM_MAX && strlen(digest) == 32);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make(data, size);

	try_netstring(in);
	try_reply(in);
	try_line(in);
	try_secret(in);
	return 0;
}
