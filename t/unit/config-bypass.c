/* config-bypass: the lists of who is never greylisted, as other programs may write them. */
/* Features: GREY-12. LIMIT_BYPASS_ENTRIES. */
#include "base/base.h"
#include "tap.h"

#include <stdio.h>
#include "base/buf.h"
#include "base/limits.h"
#include "config/bypass.h"

static char errors[512];

/* The entries as "A B C", or "-" when the file is refused. */
static const char *
read_text(const char *xml)
{
	static char found[1024];
	FILE *f = tmpfile();
	struct buf out, why;
	struct span rest;
	bool ok;

	if (f == NULL || fputs(xml, f) < 0 || fflush(f) != 0)
		return "no file";
	buf_init(&out, 1 << 24);
	buf_init_fixed(&why, errors, sizeof(errors));
	ok = bypass_read(fileno(f), "b.xml", &out, &why);
	fclose(f);
	found[0] = '\0';
	for (rest = buf_view(&out); rest.n > 0;) {
		struct span line = span_cut(&rest, '\n');
		const char *tag = span_starts(line, SPAN("field=greylisting/bypass/ipTo ")) ? "-" : " ";
		size_t n = strlen(found);

		if (span_starts(line, SPAN("field=")))
			snprintf(found + n, sizeof(found) - n, "%s%.*s", n == 0 ? "" : tag,
				SPAN_ARG(span_from(line, (size_t)span_find(line, ' ') + 1)));
	}
	buf_free(&out);
	return ok ? found : "-";
}

static void
limit(void)
{
	struct buf xml;

	buf_init(&xml, 16 << 20);
	buf_text_put(&xml, "<a>");
	for (int i = 0; i < LIMIT_BYPASS_ENTRIES; i++)
		buf_text_put(&xml, "<ip>192.0.2.1</ip>\n");
	buf_text_put(&xml, "</a>");
	ok(strcmp(read_text(buf_text(&xml)), "-") != 0, "addresses at LIMIT_BYPASS_ENTRIES are taken");
	buf_cut(&xml, xml.n - strlen("</a>"));
	buf_text_put(&xml, "<ip>192.0.2.2</ip></a>");
	is_text(read_text(buf_text(&xml)), "-", "one over LIMIT_BYPASS_ENTRIES is refused");
	ok(strstr(errors, "too many addresses") != NULL, "and says so");
	buf_free(&xml);
}

int
main(void)
{
	is_text(read_text("<x/>"), "", "an empty list");
	is_text(read_text("<x><ip>192.0.2.1</ip><IP> 2001:db8::/32 </IP></x>"), "192.0.2.1 2001:db8::/32", "addresses and networks");
	is_text(read_text("<x><entry><ipFrom>192.0.2.1</ipFrom><ipTo>192.0.2.9</ipTo></entry></x>"), "192.0.2.1-192.0.2.9", "a range of two elements");
	is_text(read_text("<x><range>192.0.2.1 - 192.0.2.9</range></x>"), "192.0.2.1-192.0.2.9", "a range in one");
	is_text(read_text("<x><a><b><c>192.0.2.1</c></b></a><string>192.0.2.2</string></x>"), "192.0.2.1 192.0.2.2", "whatever is around them");
	is_text(read_text("<x><entry><ip>192.0.2.1</ip><description>bank</description><ip/></entry></x>"), "192.0.2.1", "other elements are passed over");
	is_text(read_text("<x>\n<ip>192.0.2.256</ip></x>"), "-", "an ip that is none is refused");
	is_text(errors, "b.xml:2: ip: must be an IP address, a network or a range of addresses\n", "with its line");
	is_text(read_text("<x><entry>x</entry></x>"), "-", "so is an entry");
	is_text(read_text("<x><e><ipFrom>192.0.2.1</ipFrom><ipTo>y</ipTo></e></x>"), "-", "or half a range");
	is_text(read_text("<x><ip>192.0.2.1</x>"), "-", "and what is not well formed");
	is_text(read_text("<!DOCTYPE x [<!ENTITY e '192.0.2.1'>]><x><ip>&e;</ip></x>"), "-", "or has a DTD");
	limit();
	return done();
}
