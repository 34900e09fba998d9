/* base64: the vectors of RFC 4648 section 10, and what strict reading refuses. */
#include "base/base.h"
#include "tap.h"

#include "base/base64.h"

static const char *const vectors[][2] = {
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
};

static const char *const refused[] = {
	"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "=Zg=", "Z===", "====", "Zm9v\n", "Zm-v",
};

int
main(void)
{
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < PB_COUNT(vectors); i++) {
		buf_clear(&out);
		base64_encode(&out, span_of(vectors[i][0]));
		is_text(buf_text(&out), vectors[i][1], "encodes a vector of the RFC");
		buf_clear(&out);
		ok(base64_decode(span_of(vectors[i][1]), &out), "decodes it");
		is_text(buf_text(&out), vectors[i][0], "to what it was");
	}
	for (size_t i = 0; i < PB_COUNT(refused); i++) {
		buf_clear(&out);
		ok(!base64_decode(span_of(refused[i]), &out), "refuses case %zu", i);
	}
	buf_free(&out);
	buf_init(&out, 5);
	ok(!base64_decode(SPAN("Zm9vYmFy"), &out) && out.overflow, "stops at the maximum of its output");
	buf_free(&out);
	return done();
}
