/* PROXY headers: a result stands whatever follows, and never takes more than came or than the limit. */
#include "base/base.h"
#include "base/limits.h"
#include "net/proxy.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = span_make(data, size);
	struct proxy_header h = { .length = 0 }, part;
	enum proxy_result r = proxy_parse(all, &h);

	if (r == PROXY_OK) {
		FUZZ_CHECK(h.length > 0 && h.length <= size && h.length <= LIMIT_PROXY_HEADER);
		FUZZ_CHECK(!h.has_ends || h.source.family == AF_INET || h.source.family == AF_INET6);
		FUZZ_CHECK(proxy_parse(span_first(all, h.length), &part) == PROXY_OK && part.length == h.length);
		FUZZ_CHECK(proxy_parse(span_first(all, h.length - 1), &part) == PROXY_MORE);
	}
	if (r == PROXY_MORE)
		FUZZ_CHECK(size < LIMIT_PROXY_HEADER);
	return 0;
}
