/*
 * mech_cram_md5: RFC 2195, over the stored HMAC state, so that no password is
 * kept in clear.  A user without a state fails as one with a wrong digest does.
 */
#include "base/base.h"
#include "exchange.h"

#include <openssl/crypto.h>
#include "base/mem.h"
#include "directory/secret.h"
#include "sys/clock.h"
#include "sys/random.h"

static void
begin(struct exchange *x)
{
	char text[LIMIT_DOMAIN + 64];

	snprintf(text, sizeof(text), "<%llu.%lld@%s>", (unsigned long long)random_u64(),
		(long long)clock_wall_ms(), x->core->host_name);
	x->state = mem_text(text);
	exchange_challenge(x, span_of(x->state));
}

/* "NAME DIGEST"; a name may hold blanks, the digest does not. */
static void
step(struct exchange *x, struct span in)
{
	static const char nobody[] = "0000000000000000000000000000000000000000000000000000000000000000";
	struct account a = { 0 };
	char want[33];
	ssize_t blank;
	bool known, disabled, same;

	if (x->state == NULL) {
		if (in.n > 0)
			exchange_bad(x);	/* the server speaks first */
		else
			begin(x);
		return;
	}
	blank = span_rfind(in, ' ');
	if (blank < 0 || in.n - (size_t)blank - 1 != 32 || !exchange_set_name(x, span_first(in, (size_t)blank))) {
		exchange_bad(x);
		return;
	}
	known = verify_find(x->core->rs, span_of(x->name), &a, &disabled)
		&& secret_cram_digest(a.cram, span_of(x->state), want);
	if (!known && !secret_cram_digest(nobody, span_of(x->state), want))
		known = false;
	same = CRYPTO_memcmp(want, in.p + blank + 1, 32) == 0;
	mem_wipe(&a, sizeof(a));
	if (known && same)
		exchange_good(x, span_of(x->name));
	else
		exchange_bad(x);
}

static void
end(struct exchange *x)
{
	free(x->state);
}

static bool
is_offered(const struct auth_core *core)
{
	return index_offers(core->rs->ix).cram;
}

const struct mechanism mech_cram_md5 = {
	.name = "CRAM-MD5", .parameters = "dictionary\tactive", .is_offered = is_offered, .step = step, .end = end,
};
