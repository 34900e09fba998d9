/* Rewritten senders: what is made comes back as it was; nothing else is taken. */
#include "base/base.h"
#include "base/limits.h"
#include "directory/srs.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char storage[2 * LIMIT_ADDRESS], again_storage[2 * LIMIT_ADDRESS];
	struct span in = span_make(data, size), key = SPAN("key"), local;
	struct buf out, again;

	buf_init_fixed(&out, storage, sizeof(storage));
	buf_init_fixed(&again, again_storage, sizeof(again_storage));
	/* Without the key nothing is made, but by a chance of one in a thousand million. */
	FUZZ_CHECK(!srs_reverse(key, in, 1796122972, &out));
	buf_clear(&out);
	if (!srs_forward(key, in, SPAN("ours.example"), 1796122972, &out))
		return 0;
	local = span_first(buf_view(&out), (size_t)span_rfind(buf_view(&out), '@'));
	FUZZ_CHECK(local.n <= LIMIT_LOCAL_PART);
	FUZZ_CHECK(srs_reverse(key, local, 1796122972, &again));
	if (span_starts(local, SPAN("SRS0")))
		FUZZ_CHECK(span_eq(buf_view(&again), in));
	return 0;
}
