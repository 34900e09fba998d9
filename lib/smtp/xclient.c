/* smtp/xclient: see xclient.h. */
#include "base/base.h"
#include "smtp/xclient.h"
#include "base/buf.h"
#include "smtp/xtext.h"

static const struct {
	const char *name;
	bool in_client, in_forward;
} attributes[XCLIENT_ATTRIBUTES] = {
	[XCLIENT_NAME] = { "name", true, true },
	[XCLIENT_ADDR] = { "addr", true, true },
	[XCLIENT_PORT] = { "port", true, true },
	[XCLIENT_PROTO] = { "proto", true, true },
	[XCLIENT_HELO] = { "helo", true, true },
	[XCLIENT_LOGIN] = { "login", true, false },
	[XCLIENT_DESTADDR] = { "destaddr", true, false },
	[XCLIENT_DESTPORT] = { "destport", true, false },
	[XCLIENT_IDENT] = { "ident", false, true },
	[XCLIENT_SOURCE] = { "source", false, true },
};

const char *
smtp_xclient_name(enum xclient_attribute a)
{
	return attributes[a].name;
}

/* The attribute of that name that the command knows; XCLIENT_ATTRIBUTES for none. */
static size_t
find(struct span name, bool forward)
{
	size_t i = 0;

	while (i < XCLIENT_ATTRIBUTES && (!span_is_nocase(name, attributes[i].name) ||
	       !(forward ? attributes[i].in_forward : attributes[i].in_client)))
		i++;
	return i;
}

static bool
read_value(struct span raw, size_t which, char value[XCLIENT_VALUE_MAX])
{
	struct buf text;

	value[0] = '\0';
	if (span_is_nocase(raw, "[UNAVAILABLE]") || span_is_nocase(raw, "[TEMPUNAVAIL]"))
		return true;
	if ((which == XCLIENT_ADDR || which == XCLIENT_DESTADDR) && span_starts_nocase(raw, SPAN("IPV6:")))
		raw = span_from(raw, 5);
	buf_init_fixed(&text, value, XCLIENT_VALUE_MAX);
	return raw.n > 0 && smtp_xtext_parse(raw, &text);
}

bool
smtp_xclient_parse(struct span args, bool forward, struct smtp_xclient *out)
{
	bool any = false;

	memset(out, 0, sizeof(*out));
	for (;;) {
		struct span value = span_word(&args), name;
		size_t which;

		if (value.n == 0)
			return any;
		name = span_cut(&value, '=');
		which = find(name, forward);
		if (value.p == NULL || which == XCLIENT_ATTRIBUTES || out->given[which] ||
		    !read_value(value, which, out->value[which]))
			return false;
		out->given[which] = any = true;
	}
}
