/*
 * bypass: a walk over all elements; their depth is bounded by xml.h.
 */
#include "base/base.h"
#include "config/bypass.h"
#include "base/limits.h"
#include "base/record.h"
#include "config/format.h"

#define LIST "greylisting/bypass"

const char *const bypass_files[BYPASS_FILES] = { "etc/greylisBypass.xml", "etc/greylistBypass.xml" };

struct walk {
	const char *shown;
	struct buf *out, *errors;
	size_t count;
	bool ok;
};

static void
complain(struct walk *w, const struct xml_node *n, const char *what)
{
	buf_printf(w->errors, "%s:%d: %s: %s\n", w->shown, xml_line(n), xml_name(n), what);
	w->ok = false;
}

static void
add_field(struct walk *w, const char *field, struct span value)
{
	char text[256];
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	buf_printf(&b, LIST "/%s ", field);
	buf_span(&b, value);
	record_add(w->out, "field", buf_view(&b));
}

static bool
add_entry(struct walk *w, const struct xml_node *n)
{
	if (++w->count == LIMIT_BYPASS_ENTRIES + 1)
		complain(w, n, "too many addresses");
	if (w->count > LIMIT_BYPASS_ENTRIES)
		return false;
	record_add_text(w->out, "entry", LIST);
	return true;
}

static bool
take_range(struct walk *w, const struct xml_node *n, struct span from, struct span to)
{
	if (!format_is_valid(FORMAT_IP, from) || !format_is_valid(FORMAT_IP, to))
		return false;
	if (add_entry(w, n)) {
		add_field(w, "ipFrom", from);
		add_field(w, "ipTo", to);
	}
	return true;
}

/* True when the text is an address, a network or a range. */
static bool
take_text(struct walk *w, const struct xml_node *n, struct span text)
{
	struct span rest = text, from = span_trim(span_cut(&rest, '-'));

	if (rest.p != NULL)
		return take_range(w, n, from, span_trim(rest));
	if (!format_is_valid(FORMAT_NETWORK, text))
		return false;
	if (add_entry(w, n))
		add_field(w, "ip", text);
	return true;
}

static void
take_leaf(struct walk *w, const struct xml_node *n)
{
	struct span name = span_of(xml_name(n));
	char storage[128];
	struct buf text;
	bool fits;

	buf_init_fixed(&text, storage, sizeof(storage));
	fits = xml_text(n, &text);
	if (fits && (text.n == 0 || take_text(w, n, buf_view(&text))))
		return;
	if (span_is_nocase(name, "ip") || span_is_nocase(name, "entry") || span_is_nocase(name, "range"))
		complain(w, n, "must be an IP address, a network or a range of addresses");
}

static void
take_pair(struct walk *w, const struct xml_node *n, const struct xml_node *from, const struct xml_node *to)
{
	char a[128], b[128];
	struct buf first, last;

	buf_init_fixed(&first, a, sizeof(a));
	buf_init_fixed(&last, b, sizeof(b));
	if (!xml_text(from, &first) || !xml_text(to, &last) || !take_range(w, n, buf_view(&first), buf_view(&last)))
		complain(w, n, "ipFrom and ipTo must be IP addresses");
}

static void
take_children(struct walk *w, const struct xml_node *parent)
{
	for (const struct xml_node *n = NULL; (n = xml_child(parent, SPAN_NONE, n)) != NULL;) {
		const struct xml_node *from = xml_child(n, SPAN("ipFrom"), NULL), *to = xml_child(n, SPAN("ipTo"), NULL);

		if (from != NULL && to != NULL)
			take_pair(w, n, from, to);
		else if (xml_child(n, SPAN_NONE, NULL) != NULL)
			take_children(w, n);
		else
			take_leaf(w, n);
	}
}

bool
bypass_take(const struct xml *x, const char *shown, struct buf *out, struct buf *errors)
{
	struct walk w = { .shown = shown, .out = out, .errors = errors, .ok = true };

	take_children(&w, xml_root(x));
	return w.ok && !out->overflow;
}

bool
bypass_read(int fd, const char *shown, struct buf *out, struct buf *errors)
{
	struct xml_error err;
	bool ok;
	struct xml *x = xml_read(fd, &err);

	if (x == NULL) {
		buf_printf(errors, "%s:%d: %s\n", shown, err.line, err.text);
		return false;
	}
	ok = bypass_take(x, shown, out, errors);
	xml_free(&x);
	return ok;
}
