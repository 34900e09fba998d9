/*
 * proxy: see proxy.h.
 *
 * Trust: the bytes come from an address that the administrator trusts to speak
 * for others, which may still be broken: everything is checked.
 */
#include "base/base.h"
#include "net/proxy.h"
#include "base/limits.h"
#include "base/num.h"

/* Longest line of version 1 with its CRLF. */
#define V1_MAX 107
#define V2_FIXED 16

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* True when one is the beginning of the other. */
static bool
begins_alike(struct span bytes, const char *want, size_t n)
{
	return memcmp(bytes.p, want, bytes.n < n ? bytes.n : n) == 0;
}

/* A decimal port without sign or leading zeros. */
static bool
read_port(struct span s, struct addr *to)
{
	uint32_t port;

	if (s.n == 0 || (s.n > 1 && s.p[0] == '0') || !num_parse_u32(s, 65535, &port))
		return false;
	to->port = (uint16_t)port;
	return true;
}

/* The word up to the next blank; exactly one blank parts words. */
static struct span
word(struct span *rest)
{
	return span_cut(rest, ' ');
}

/* "TCP4 SOURCE DESTINATION PORT PORT" */
static bool
read_v1_ends(struct span rest, int family, struct proxy_header *out)
{
	struct span source = word(&rest), destination = word(&rest), from = word(&rest);

	/* A v4 address in v6 clothes comes out as AF_INET: families are compared on the text. */
	if ((span_find(source, ':') >= 0) != (family == AF_INET6) ||
	    (span_find(destination, ':') >= 0) != (family == AF_INET6))
		return false;
	return addr_parse(source, &out->source) && addr_parse(destination, &out->destination) &&
	       read_port(from, &out->source) && rest.p != NULL && read_port(rest, &out->destination);
}

static enum proxy_result
parse_v1(struct span bytes, struct proxy_header *out)
{
	struct span line = span_first(bytes, V1_MAX), kind;
	ssize_t end = span_search(line, SPAN("\r\n"));

	if (end < 0)
		return bytes.n >= V1_MAX ? PROXY_BAD : PROXY_MORE;
	out->length = (size_t)end + 2;
	line = span_from(span_first(line, (size_t)end), 6);
	kind = word(&line);
	if (span_is(kind, "UNKNOWN"))
		return PROXY_OK;	/* whatever follows is to be ignored */
	out->has_ends = true;
	if (span_is(kind, "TCP4"))
		return read_v1_ends(line, AF_INET, out) ? PROXY_OK : PROXY_BAD;
	if (span_is(kind, "TCP6"))
		return read_v1_ends(line, AF_INET6, out) ? PROXY_OK : PROXY_BAD;
	return PROXY_BAD;
}

static unsigned
number16(const char *p)
{
	return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

/* Both addresses, then both ports. */
static void
read_v2_ends(const char *p, int family, struct proxy_header *out)
{
	size_t n = family == AF_INET ? 4 : 16;
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	for (int i = 0; i < 2; i++) {
		struct addr *to = i == 0 ? &out->source : &out->destination;
		bool good;

		/* By way of a sockaddr, so that a mapped IPv4 address becomes one of IPv4. */
		memcpy(&in.sin_addr, p + (size_t)i * n, 4);
		if (family == AF_INET6)
			memcpy(&in6.sin6_addr, p + (size_t)i * n, 16);
		good = family == AF_INET ? addr_from_sockaddr((struct sockaddr *)(void *)&in, sizeof(in), to)
					 : addr_from_sockaddr((struct sockaddr *)(void *)&in6, sizeof(in6), to);
		out->has_ends &= good;
		to->port = (uint16_t)number16(p + 2 * n + 2 * (size_t)i);
	}
}

static enum proxy_result
parse_v2(struct span bytes, struct proxy_header *out)
{
	unsigned command, transport;
	size_t length, need;

	if (bytes.n < V2_FIXED)
		return PROXY_MORE;
	command = (unsigned char)bytes.p[12];
	transport = (unsigned char)bytes.p[13];
	length = number16(bytes.p + 14);
	if (command >> 4 != 2 || (command & 15) > 1 || transport >> 4 > 3 || (transport & 15) > 2 ||
	    length > LIMIT_PROXY_HEADER - V2_FIXED)
		return PROXY_BAD;
	if (bytes.n < V2_FIXED + length)
		return PROXY_MORE;
	out->length = V2_FIXED + length;
	/* LOCAL: a health check.  Anything but TCP over IP says nothing that we can use. */
	if ((command & 15) == 0 || (transport != 0x11 && transport != 0x21))
		return PROXY_OK;
	need = transport == 0x11 ? 12 : 36;
	if (length < need)
		return PROXY_BAD;
	out->has_ends = true;
	read_v2_ends(bytes.p + V2_FIXED, transport == 0x11 ? AF_INET : AF_INET6, out);
	return PROXY_OK;
}

enum proxy_result
proxy_parse(struct span bytes, struct proxy_header *out)
{
	struct proxy_header found = { .length = 0 };
	enum proxy_result r = PROXY_BAD;

	if (bytes.n == 0)
		return PROXY_MORE;
	if (begins_alike(bytes, "PROXY ", 6))
		r = bytes.n < 6 ? PROXY_MORE : parse_v1(bytes, &found);
	else if (begins_alike(bytes, v2_signature, sizeof(v2_signature)))
		r = parse_v2(bytes, &found);
	if (r == PROXY_OK)
		*out = found;
	return r;
}
