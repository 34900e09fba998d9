/*
 * addr: see addr.h.  Pure but for addr_of_peer and addr_of_local.
 */
#include "base/base.h"
#include "net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/un.h>

#include "base/die.h"
#include "base/num.h"

static size_t
ip_size(const struct addr *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

/* ::ffff:a.b.c.d is a.b.c.d */
static void
unmap(struct addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a->family != AF_INET6 || memcmp(a->ip, mapped, sizeof(mapped)) != 0)
		return;
	a->family = AF_INET;
	memmove(a->ip, a->ip + 12, 4);
	memset(a->ip + 4, 0, 12);
}

bool
addr_parse(struct span s, struct addr *out)
{
	char text[INET6_ADDRSTRLEN + 1];

	*out = (struct addr){ .family = 0 };
	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, 0, s.n) != NULL)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	out->family = span_find(s, ':') >= 0 ? AF_INET6 : AF_INET;
	if (inet_pton(out->family, text, out->ip) != 1) {
		out->family = 0;
		return false;
	}
	unmap(out);
	return true;
}

/* Cut "]:PORT", "@PORT" or ":PORT" off *s; *port stays when there is none. */
static bool
cut_port(struct span *s, uint16_t *port)
{
	ssize_t at = span_rfind(*s, '@');
	uint32_t number;

	if (at < 0 && s->n > 0 && s->p[0] == '[') {
		ssize_t close = span_rfind(*s, ']');

		if (close < 0)
			return false;
		if ((size_t)close + 1 == s->n) {
			*s = span_make(s->p + 1, s->n - 2);
			return true;
		}
		at = s->p[close + 1] == ':' ? close + 1 : -1;
		if (at < 0)
			return false;
	} else if (at < 0 && span_find(*s, ':') == span_rfind(*s, ':')) {
		at = span_find(*s, ':');
	}
	if (at < 0)
		return true;
	if (!num_parse_u32(span_from(*s, (size_t)at + 1), 65535, &number))
		return false;
	*port = (uint16_t)number;
	*s = span_first(*s, (size_t)at);
	if (s->n >= 2 && s->p[0] == '[' && s->p[s->n - 1] == ']')
		*s = span_make(s->p + 1, s->n - 2);
	return true;
}

bool
addr_parse_port(struct span s, uint16_t default_port, struct addr *out)
{
	uint16_t port = default_port;

	if (!cut_port(&s, &port) || !addr_parse(s, out))
		return false;
	out->port = port;
	return true;
}

bool
addr_parse_literal(struct span s, struct addr *out)
{
	if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = span_make(s.p + 1, s.n - 2);
	if (span_starts_nocase(s, SPAN("IPv6:")))
		return span_find(span_from(s, 5), ':') >= 0 && addr_parse(span_from(s, 5), out);
	return span_find(s, ':') < 0 && addr_parse(s, out);
}

const char *
addr_print(const struct addr *a, char *out, size_t size)
{
	if (size < ADDR_TEXT_MAX)
		bug("addr_print: %zu bytes", size);
	if (ip_size(a) == 0 || inet_ntop(a->family, a->ip, out, (socklen_t)size) == NULL)
		snprintf(out, size, "%s", a->family == AF_UNIX ? "local" : "none");
	return out;
}

const char *
addr_print_port(const struct addr *a, char *out, size_t size)
{
	char ip[ADDR_TEXT_MAX];

	addr_print(a, ip, sizeof(ip));
	if (ip_size(a) == 0)
		snprintf(out, size, "%s", ip);
	else
		snprintf(out, size, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, (unsigned)a->port);
	return out;
}

bool
addr_from_sockaddr(const struct sockaddr *sa, socklen_t n, struct addr *out)
{
	*out = (struct addr){ .family = 0 };
	if (n >= sizeof(struct sockaddr_in) && sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		memcpy(out->ip, &in.sin_addr, 4);
		out->port = ntohs(in.sin_port);
		out->family = AF_INET;
		return true;
	}
	if (n >= sizeof(struct sockaddr_in6) && sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in;

		memcpy(&in, sa, sizeof(in));
		memcpy(out->ip, &in.sin6_addr, 16);
		out->port = ntohs(in.sin6_port);
		out->family = AF_INET6;
		unmap(out);
		return true;
	}
	if (n >= sizeof(sa_family_t) && sa->sa_family == AF_UNIX) {
		out->family = AF_UNIX;
		return true;
	}
	return false;
}

socklen_t
addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == AF_INET) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };

		memcpy(&in.sin_addr, a->ip, 4);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	if (a->family == AF_INET6) {
		struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };

		memcpy(&in.sin6_addr, a->ip, 16);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	bug("addr_to_sockaddr: family %d", a->family);
}

static int
ask_end(int sock, struct addr *out, int (*ask)(int, struct sockaddr *, socklen_t *))
{
	union {
		struct sockaddr any;
		struct sockaddr_storage space;
	} sa;
	socklen_t n = sizeof(sa);

	memset(&sa, 0, sizeof(sa));
	if (ask(sock, &sa.any, &n) < 0)
		return -1;
	if (!addr_from_sockaddr(&sa.any, n, out)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return 0;
}

static int
ask_peer(int sock, struct sockaddr *sa, socklen_t *n)
{
	return getpeername(sock, sa, n);
}

static int
ask_local(int sock, struct sockaddr *sa, socklen_t *n)
{
	return getsockname(sock, sa, n);
}

int
addr_of_peer(int sock, struct addr *out)
{
	return ask_end(sock, out, ask_peer);
}

int
addr_of_local(int sock, struct addr *out)
{
	return ask_end(sock, out, ask_local);
}

bool
addr_eq_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, ip_size(a)) == 0;
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_eq_ip(a, b) && a->port == b->port;
}

struct addr
addr_prefix(const struct addr *a, unsigned bits_v4, unsigned bits_v6)
{
	struct addr out = *a;
	size_t size = ip_size(a), bits = a->family == AF_INET ? bits_v4 : bits_v6;

	out.port = 0;
	for (size_t i = 0; i < size; i++) {
		size_t keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			out.ip[i] &= (uint8_t)(0xff00 >> keep);
	}
	return out;
}

/* True when a lies in the network that text names; text is one of ours. */
static bool
lies_in(const struct addr *a, const char *text)
{
	struct addr_range r;

	if (!addr_range_parse(span_of(text), &r))
		bug("addr: bad range %s", text);
	return addr_in_range(a, &r);
}

bool
addr_is_loopback(const struct addr *a)
{
	return lies_in(a, a->family == AF_INET6 ? "::1" : "127.0.0.0/8");
}

bool
addr_is_unspecified(const struct addr *a)
{
	return lies_in(a, a->family == AF_INET6 ? "::" : "0.0.0.0/8");
}

bool
addr_is_multicast(const struct addr *a)
{
	return lies_in(a, a->family == AF_INET6 ? "ff00::/8" : "224.0.0.0/4") ||
	    lies_in(a, "255.255.255.255");
}

bool
addr_is_private(const struct addr *a)
{
	static const char *const networks[] = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
		"169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10" };

	for (size_t i = 0; i < PB_COUNT(networks); i++)
		if (lies_in(a, networks[i]))
			return true;
	return addr_is_loopback(a);
}

static struct addr
prefix_end(const struct addr *a, unsigned bits)
{
	struct addr out = *a;

	for (size_t i = 0; i < ip_size(a); i++) {
		size_t keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			out.ip[i] |= (uint8_t)(0xff >> keep);
	}
	return out;
}

bool
addr_range_parse(struct span s, struct addr_range *out)
{
	struct span rest = s, first;
	uint32_t bits;

	if (span_find(s, '-') >= 0) {
		first = span_trim(span_cut(&rest, '-'));
		return addr_parse(first, &out->from) && addr_parse(span_trim(rest), &out->to) &&
		    out->from.family == out->to.family &&
		    memcmp(out->from.ip, out->to.ip, ip_size(&out->from)) <= 0;
	}
	first = span_cut(&rest, '/');
	if (!addr_parse(first, &out->from))
		return false;
	bits = (uint32_t)ip_size(&out->from) * 8;
	if (rest.p != NULL && !num_parse_u32(rest, bits, &bits))
		return false;
	out->from = addr_prefix(&out->from, bits, bits);
	out->to = prefix_end(&out->from, bits);
	return true;
}

bool
addr_in_range(const struct addr *a, const struct addr_range *r)
{
	size_t n = ip_size(a);

	return n > 0 && a->family == r->from.family && memcmp(a->ip, r->from.ip, n) >= 0 &&
	    memcmp(a->ip, r->to.ip, n) <= 0;
}

bool
addr_reverse(const struct addr *a, struct buf *out)
{
	size_t n = ip_size(a);

	for (size_t i = n; i-- > 0;) {
		if (a->family == AF_INET)
			buf_printf(out, "%u", a->ip[i]);
		else
			buf_printf(out, "%x.%x", a->ip[i] & 15, a->ip[i] >> 4);
		if (i > 0)
			buf_char(out, '.');
	}
	return n > 0 && !out->overflow;
}
