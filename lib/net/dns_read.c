/*
 * dns_read: records as values.  Pure; what it reads came from the network.
 */
#include "base/base.h"
#include "net/dns.h"

#include "base/limits.h"

/* Letters that a host name of ours may have; "_" is for TXT and TLSA names. */
static bool
is_host_char(char c)
{
	return char_is_alnum(c) || c == '-' || c == '_';
}

/* Bytes that text can show as themselves: not the dot, which parts labels, nor NUL. */
static bool
is_label_char(char c)
{
	return c != '.' && c != '\0';
}

static bool
read_labels(const uint8_t *p, size_t n, bool (*allowed)(char), char out[DNS_NAME_MAX])
{
	size_t at = 0, len = 0;

	out[0] = '\0';
	while (at < n && p[at] != 0) {
		size_t label = p[at++];

		if (label > 63 || label > n - at || len + label + 2 > DNS_NAME_MAX)
			return false;
		if (len > 0)
			out[len++] = '.';
		for (size_t i = 0; i < label; i++) {
			char c = (char)p[at + i];

			if (!allowed(c))
				return false;
			out[len++] = char_lower(c);
		}
		at += label;
	}
	out[len] = '\0';
	return at + 1 == n;	/* the root label, and nothing behind it */
}

bool
dns_read_name(const uint8_t *p, size_t n, char out[DNS_NAME_MAX])
{
	return read_labels(p, n, is_host_char, out);
}

bool
dns_read_any_name(const uint8_t *p, size_t n, char out[DNS_NAME_MAX])
{
	return read_labels(p, n, is_label_char, out);
}

bool
dns_read_mx(const struct dns_record *r, struct dns_mx *out)
{
	if (r->n < 3)
		return false;
	out->preference = (uint16_t)(r->data[0] << 8 | r->data[1]);
	return dns_read_name(r->data + 2, r->n - 2, out->host);
}

bool
dns_read_addr(const struct dns_record *r, enum dns_type type, struct addr *out)
{
	size_t n = type == DNS_A ? 4 : type == DNS_AAAA ? 16 : 0;

	*out = (struct addr){ .family = type == DNS_A ? AF_INET : AF_INET6 };
	if (n == 0 || r->n != n)
		return false;
	memcpy(out->ip, r->data, n);
	return true;
}

bool
dns_read_text(const struct dns_record *r, struct buf *out)
{
	size_t at = 0;

	while (at < r->n) {
		size_t n = r->data[at++];

		if (n > r->n - at || !buf_put(out, r->data + at, n))
			return false;
		at += n;
	}
	return true;
}

void
dns_read_name_servers(struct span text, struct buf *out)
{
	int count = 0;

	while (text.p != NULL && count < LIMIT_NAME_SERVERS) {
		struct span line = span_cut(&text, '\n'), ip;
		struct addr a;

		if (!span_is(span_word(&line), "nameserver"))
			continue;
		ip = span_trim(span_word(&line));
		if (addr_parse(ip, &a) && buf_span(out, ip) && buf_char(out, '\n'))
			count++;
	}
}

const char *
dns_outcome_text(enum dns_outcome o)
{
	switch (o) {
	case DNS_OK:
		return "found";
	case DNS_NO_NAME:
		return "no such name";
	case DNS_NO_DATA:
		return "no such record";
	case DNS_BOGUS:
		return "DNSSEC validation failed";
	case DNS_FAIL:
	default:
		return "no answer from DNS";
	}
}
