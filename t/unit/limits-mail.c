/* Every limit of lib/mail: what is as long as it passes, one more is left as it is or cut. */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "imap/print.h"
#include "mail/charset.h"
#include "mail/mime.h"
#include "mail/mime_param.h"
#include "fill.h"
#include "tap.h"

/* Length of a file name given in two RFC 2231 sections of n bytes in all. */
static size_t
joined(size_t n)
{
	struct arena *a = arena_new(LIMIT_MIME_HEADER_MEMORY);
	struct mime_value v;
	struct buf b;
	size_t got;

	buf_init(&b, n + 100);
	buf_text_put(&b, "attachment; name*0=");
	fill(&b, 40000, 'a');
	buf_text_put(&b, "; name*1=");
	fill(&b, n - 40000, 'b');
	got = mime_value_parse(buf_view(&b), a, &v) ? mime_value_param(&v, "name").n : 0;
	buf_free(&b);
	arena_free(&a);
	return got;
}

static void
param_value(void)
{
	is_num(joined(LIMIT_MIME_PARAM_VALUE), LIMIT_MIME_PARAM_VALUE, "sections at LIMIT_MIME_PARAM_VALUE are joined");
	is_num(joined(LIMIT_MIME_PARAM_VALUE + 1), 40000, "the section that goes over LIMIT_MIME_PARAM_VALUE is left out");
}

/* A charset's name of n characters: ICU passes over hyphens. */
static bool
is_known(size_t n)
{
	struct buf b;
	bool known;

	buf_init(&b, 200);
	buf_text_put(&b, "UTF");
	fill(&b, n - 4, '-');
	buf_char(&b, '8');
	known = charset_is_known(buf_view(&b));
	buf_free(&b);
	return known;
}

static void
charset_name(void)
{
	ok(is_known(LIMIT_CHARSET_NAME), "a charset name at LIMIT_CHARSET_NAME");
	ok(!is_known(LIMIT_CHARSET_NAME + 1), "over LIMIT_CHARSET_NAME it is none");
}

/* An encoded word of n bytes behind its "=?"; true when it is decoded. */
static bool
word_is_decoded(size_t n)
{
	struct buf b, out;
	bool decoded;

	buf_init(&b, n + 10);
	buf_init(&out, n + 10);
	buf_text_put(&b, "=?utf-8?Q?");
	fill(&b, n - 10, 'x');
	buf_text_put(&b, "?=");
	charset_decode_header(buf_view(&b), &out);
	decoded = out.n == n - 10 && out.p[0] == 'x';
	if (!decoded)
		ok(span_eq(buf_view(&out), buf_view(&b)), "what is too long stays as it was written");
	buf_free(&b);
	buf_free(&out);
	return decoded;
}

static void
encoded_word(void)
{
	ok(word_is_decoded(LIMIT_ENCODED_WORD), "an encoded word at LIMIT_ENCODED_WORD");
	ok(!word_is_decoded(LIMIT_ENCODED_WORD + 1), "over LIMIT_ENCODED_WORD it is plain text");
}

/* What a message is taken for; frees it. */
static enum mime_kind
kind_of(struct buf *message)
{
	struct mime_tree t;
	enum mime_kind kind;

	mime_parse(buf_view(message), &t);
	kind = t.parts[0].kind;
	mime_tree_free(&t);
	buf_free(message);
	return kind;
}

static enum mime_kind
kind_with_boundary(size_t n)
{
	struct buf b;

	buf_init(&b, n + 100);
	buf_text_put(&b, "Content-Type: multipart/mixed; boundary=");
	fill(&b, n, 'x');
	buf_text_put(&b, "\r\n\r\n");
	return kind_of(&b);
}

static void
boundary(void)
{
	is_num(kind_with_boundary(LIMIT_MIME_BOUNDARY), MIME_MULTIPART, "a boundary at LIMIT_MIME_BOUNDARY");
	is_num(kind_with_boundary(LIMIT_MIME_BOUNDARY + 1), MIME_LEAF, "over LIMIT_MIME_BOUNDARY it is none");
}

/* A multipart whose field has a parameter of n bytes before its boundary. */
static enum mime_kind
kind_with_param(size_t n)
{
	struct buf b;

	buf_init(&b, n + 200);
	buf_text_put(&b, "Content-Type: multipart/mixed; x=\"");
	fill(&b, n, 'x');
	buf_text_put(&b, "\"; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n");
	return kind_of(&b);
}

static void
header_memory(void)
{
	struct buf header, out;
	/* Two arrays of parameters, and of a text in quotes these with a NUL: sizes that align leave no gap. */
	const size_t n = LIMIT_MIME_HEADER_MEMORY - 2 * LIMIT_MIME_PARAMS * sizeof(struct mime_param) - 3;

	is_num(kind_with_param(n), MIME_MULTIPART, "a field that needs memory at LIMIT_MIME_HEADER_MEMORY");
	is_num(kind_with_param(n + 1), MIME_LEAF, "over LIMIT_MIME_HEADER_MEMORY it is not taken apart");
	buf_init(&header, 2 * LIMIT_MIME_HEADER_MEMORY);
	buf_init(&out, 4 * LIMIT_MIME_HEADER_MEMORY);
	for (int i = 0; i < 5000; i++) {
		buf_printf(&header, "To: a%d@", i);
		fill(&header, 1000, 'd');
		buf_text_put(&header, "\r\n");
	}
	imap_print_envelope(buf_view(&header), &out);
	ok(out.overflow, "an envelope that needs more says that it is not whole");
	buf_free(&header);
	buf_free(&out);
}

int
main(void)
{
	param_value();
	charset_name();
	encoded_word();
	boundary();
	header_memory();
	return done();
}
