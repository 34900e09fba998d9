/*
 * format: the forms of texts in settings, each a small predicate.
 */
#include "base/base.h"
#include "config/format.h"
#include <arpa/inet.h>
#include "base/limits.h"
#include "base/num.h"

static const char *const names[] = {
	[FORMAT_PLAIN] = "printable ASCII text",
	[FORMAT_LINE] = "one line of UTF-8 text",
	[FORMAT_SECRET] = "printable ASCII text",
	[FORMAT_HOST] = "a host name",
	[FORMAT_SELECTOR] = "a selector of letters, digits and -, with dots between, at most 63 of them",
	[FORMAT_HOSTS] = "host names, separated by commas, blanks or line ends,",
	[FORMAT_IP] = "an IPv4 or IPv6 address",
	[FORMAT_NETWORK] = "an IP address or ADDRESS/BITS",
	[FORMAT_DNS] = "ADDRESS or ADDRESS@PORT",
	[FORMAT_SOCKET] = "unix:NAME, unix:/PATH, inet:PORT@ADDRESS or inet6:PORT@ADDRESS (addresses, no host names)",
	[FORMAT_MAILBOX] = "an address LOCAL@DOMAIN",
	[FORMAT_LOCALPART] = "a local part of small letters, digits and .-_+=&'!#$%*?^`{|}~",
	[FORMAT_FIELD] = "the name of a header field: printable ASCII without blank and colon",
	[FORMAT_PATTERN] = "an address or domain, * as wildcard",
	[FORMAT_PATH] = "a file name without \"..\"",
};

const char *
format_name(enum setting_format f)
{
	return names[f];
}

static bool
is_printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

/* Bytes that a UTF-8 sequence beginning with c has; 0 when none begins so. */
static size_t
utf8_length(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c < 0xe0)
		return 2;
	if (c >= 0xe0 && c < 0xf0)
		return 3;
	return c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

static bool
is_line(struct span s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = utf8_length((unsigned char)s.p[i]);

		if (n == 0 || n > s.n - i)
			return false;
		if (n == 1 && ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f))
			return false;
		for (size_t k = 1; k < n; k++)
			if (((unsigned char)s.p[i + k] & 0xc0) != 0x80)
				return false;
		i += n;
	}
	return true;
}

static bool
is_label(struct span s)
{
	if (s.n == 0 || s.n > 63 || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return true;
}

bool
format_is_host(struct span s)
{
	if (s.n == 0 || s.n > LIMIT_DOMAIN)
		return false;
	if (!span_is_nocase(s, "localhost") && span_find(s, '.') < 0)
		return false;
	while (s.p != NULL)
		if (!is_label(span_cut(&s, '.')))
			return false;
	return true;
}

bool
format_is_selector(struct span s)
{
	if (s.n == 0 || s.n > FORMAT_SELECTOR_MAX)
		return false;
	while (s.p != NULL)
		if (!is_label(span_cut(&s, '.')))
			return false;
	return true;
}

static bool
has_capital(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return true;
	return false;
}

static bool
is_between(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Cut the next name; an empty span when none is left. */
static struct span
next_host(struct span *rest)
{
	size_t from = 0, to;

	while (from < rest->n && is_between(rest->p[from]))
		from++;
	for (to = from; to < rest->n && !is_between(rest->p[to]);)
		to++;
	struct span name = span_make(rest->p + from, to - from);

	*rest = span_from(*rest, to);
	return name;
}

static bool
are_hosts(struct span s)
{
	for (struct span name = next_host(&s); name.n > 0; name = next_host(&s))
		if (!format_is_host(name))
			return false;
	return true;
}

bool
format_put_hosts(struct span s, struct buf *out)
{
	size_t start = out->n;

	for (struct span name = next_host(&s); name.n > 0; name = next_host(&s)) {
		if (out->n > start)
			buf_char(out, ',');
		buf_span(out, name);
	}
	return !out->overflow;
}

bool
format_is_domain_folder(struct span s)
{
	return format_is_host(s) && !has_capital(s);
}

bool
format_is_user_folder(struct span s)
{
	static const char extra[] = ".-_+=&'!#$%*?^`{|}~";

	if (s.n == 0 || s.n > LIMIT_LOCAL_PART || s.p[0] == '.' || s.p[0] == '-' ||
	    s.p[s.n - 1] == '.' || has_capital(s) || span_search(s, SPAN("..")) >= 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || (!char_is_alnum(s.p[i]) && strchr(extra, s.p[i]) == NULL))
			return false;
	return true;
}

static bool
is_ip(struct span s)
{
	char text[64];
	unsigned char addr[16];

	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET, text, addr) == 1 || inet_pton(AF_INET6, text, addr) == 1;
}

static bool
is_network(struct span s)
{
	struct span rest = s, ip = span_cut(&rest, '/');
	uint64_t bits;

	if (!is_ip(ip))
		return false;
	return rest.p == NULL || num_parse(rest, span_find(ip, ':') >= 0 ? 128 : 32, &bits);
}

static bool
is_dns(struct span s)
{
	struct span rest = s, ip = span_cut(&rest, '@');
	uint64_t port;

	return is_ip(ip) && (rest.p == NULL || (num_parse(rest, 65535, &port) && port > 0));
}

/* The longest path that the kernel takes for a Unix socket, without its NUL. */
#define SOCKET_PATH_MAX 107

/* As lib/net/endpoint reads it; t/unit/config-settings compares the two. */
static bool
is_socket(struct span s)
{
	struct span rest = s, kind = span_cut(&rest, ':'), port;
	uint64_t number;

	if (rest.p == NULL)
		return false;
	if (span_is(kind, "unix")) {
		bool outside = rest.n > 0 && rest.p[0] == '/';

		if (outside)
			rest = span_from(rest, 1);
		return rest.n > 0 && rest.n <= SOCKET_PATH_MAX && is_printable(rest) &&
			span_find(rest, ' ') < 0 && (outside || span_find(rest, '/') < 0);
	}
	port = span_cut(&rest, '@');
	if (!num_parse(port, 65535, &number) || number == 0 || rest.p == NULL || !is_ip(rest))
		return false;
	return span_is(kind, "inet") || (span_is(kind, "inet6") && span_find(rest, ':') >= 0);
}

static bool
is_mailbox(struct span s)
{
	ssize_t at = span_rfind(s, '@');

	return at > 0 && at <= LIMIT_LOCAL_PART && is_printable(s) && span_find(s, ' ') < 0 &&
		span_find(s, '<') < 0 && span_find(s, '>') < 0 && span_find(s, ',') < 0 &&
		format_is_host(span_from(s, (size_t)at + 1));
}

static bool
is_path(struct span s)
{
	struct span rest = s;

	while (rest.p != NULL)
		if (span_is(span_cut(&rest, '/'), ".."))
			return false;
	return is_line(s);
}

bool
format_is_valid(enum setting_format f, struct span s)
{
	if (s.n == 0)
		return false;
	switch (f) {
	case FORMAT_PLAIN:
	case FORMAT_SECRET:
		return is_printable(s);
	case FORMAT_LINE:
		return is_line(s);
	case FORMAT_HOST:
		return format_is_host(s);
	case FORMAT_SELECTOR:
		return format_is_selector(s);
	case FORMAT_HOSTS:
		return are_hosts(s);
	case FORMAT_IP:
		return is_ip(s);
	case FORMAT_NETWORK:
		return is_network(s);
	case FORMAT_DNS:
		return is_dns(s);
	case FORMAT_SOCKET:
		return is_socket(s);
	case FORMAT_MAILBOX:
		return is_mailbox(s);
	case FORMAT_LOCALPART:
		return format_is_user_folder(s);
	case FORMAT_FIELD:
		return is_printable(s) && span_find(s, ' ') < 0 && span_find(s, ':') < 0;
	case FORMAT_PATTERN:
		return is_printable(s) && span_find(s, ' ') < 0;
	case FORMAT_PATH:
		return is_path(s);
	}
	return false;
}
