/* auth_line: fields and escapes of the authentication protocol. */
#include "base/base.h"
#include "tap.h"

#include "directory/auth_line.h"

static void
fields(void)
{
	struct auth_line l = auth_line_split(SPAN("AUTH\t7\tPLAIN\tservice=smtp\tsecured\tresp=a=\tnologin"));

	is_span(l.verb, "AUTH", "the verb");
	is_span(auth_line_field(&l), "7", "the first field");
	is_span(auth_line_field(&l), "PLAIN", "the second");
	is_span(auth_line_get(&l, "service"), "smtp", "a named value");
	ok(auth_line_get(&l, "secured").p != NULL, "a name alone is present");
	ok(auth_line_get(&l, "serv").p == NULL, "a part of a name is not");
	is_span(auth_line_get(&l, "resp"), "a=\tnologin", "resp reaches to the end");
	ok(auth_line_get(&l, "nologin").p == NULL, "so nothing inside it is a field");
}

static void
escapes(void)
{
	struct buf line, back;

	buf_init(&line, 100);
	buf_init(&back, 100);
	auth_line_add(&line, "user", span_make("a\tb\n\0\001\r", 7));
	is_text(buf_text(&line), "\tuser=a\001tb\001n\0010\0011\001r", "what would end a field is escaped");
	ok(auth_line_unescape(span_from(buf_view(&line), 6), &back), "and read back");
	ok(span_eq(buf_view(&back), span_make("a\tb\n\0\001\r", 7)), "to the same bytes");
	ok(!auth_line_unescape(SPAN("a\001"), &back), "a cut escape is refused");
	ok(!auth_line_unescape(SPAN("\001x"), &back), "an unknown one too");
	buf_free(&line);
	buf_free(&back);
}

int
main(void)
{
	struct auth_line l = auth_line_split(SPAN("DONE"));

	fields();
	escapes();
	is_span(l.verb, "DONE", "a verb alone");
	is_num(auth_line_field(&l).n, 0, "has no field");
	ok(auth_line_get(&l, "x").p == NULL, "of any name");
	return done();
}
