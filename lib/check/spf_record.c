/*
 * spf_record: see spf_record.h.
 *
 * A policy is read twice by the same function: once whole, so that an error in
 * its last term is found before the first is followed (RFC 7208 4.6), then
 * term by term.
 *
 * Trust: the text is a stranger's.  Reading is linear and keeps nothing.
 */
#include "base/base.h"
#include "check/spf_record.h"

#include <arpa/inet.h>

#include "base/limits.h"
#include "base/num.h"
#include "check/spf_macro.h"

static const struct {
	const char *name;
	enum spf_mechanism mechanism;
} mechanisms[] = {
	{ "all", SPF_ALL }, { "include", SPF_INCLUDE }, { "a", SPF_A }, { "mx", SPF_MX }, { "ptr", SPF_PTR },
	{ "ip4", SPF_IP4 }, { "ip6", SPF_IP6 }, { "exists", SPF_EXISTS },
};

/* "/24" without its slash: no leading zero, at most max. */
static bool
read_bits(struct span digits, unsigned max, unsigned *out)
{
	int bits;

	if ((digits.n > 1 && digits.p[0] == '0') || !num_parse_int(digits, (int)max, &bits))
		return false;
	*out = (unsigned)bits;
	return true;
}

static bool
all_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_digit(s.p[i]))
			return false;
	return s.n > 0;
}

/*
 * Take a trailing "/24", "//64" or "/24//64" off *text.  A slash that no number
 * follows belongs to the domain-spec, which then judges it.
 */
static bool
cut_prefixes(struct span *text, struct spf_term *t)
{
	ssize_t at = span_rfind(*text, '/');

	if (at > 0 && text->p[at - 1] == '/' && all_digits(span_from(*text, (size_t)at + 1))) {
		if (!read_bits(span_from(*text, (size_t)at + 1), 128, &t->bits_v6))
			return false;
		*text = span_first(*text, (size_t)at - 1);
		at = span_rfind(*text, '/');
	}
	if (at >= 0 && all_digits(span_from(*text, (size_t)at + 1))) {
		if (!read_bits(span_from(*text, (size_t)at + 1), 32, &t->bits_v4))
			return false;
		*text = span_first(*text, (size_t)at);
	}
	return true;
}

/* The network of ip4 and ip6.  Not addr_parse: that makes IPv4 of a mapped address. */
static bool
read_network(struct span text, struct spf_term *t)
{
	bool v4 = t->mechanism == SPF_IP4;
	struct span ip = span_cut(&text, '/');
	char copy[INET6_ADDRSTRLEN];

	if (text.p != NULL && !read_bits(text, v4 ? 32 : 128, v4 ? &t->bits_v4 : &t->bits_v6))
		return false;
	if (ip.n == 0 || ip.n >= sizeof(copy) || span_find(ip, '\0') >= 0)
		return false;
	memcpy(copy, ip.p, ip.n);
	copy[ip.n] = '\0';
	t->network = (struct addr){ .family = v4 ? AF_INET : AF_INET6 };
	return inet_pton(t->network.family, copy, t->network.ip) == 1;
}

/* What follows the name of a mechanism, colon or slash included. */
static bool
read_argument(struct span text, struct spf_term *t)
{
	bool colon = text.n > 0 && text.p[0] == ':';

	switch (t->mechanism) {
	case SPF_ALL:
		return text.n == 0;
	case SPF_IP4:
	case SPF_IP6:
		return colon && read_network(span_from(text, 1), t);
	case SPF_A:
	case SPF_MX:
		if (!cut_prefixes(&text, t))
			return false;
		break;
	case SPF_PTR:
		break;
	case SPF_INCLUDE:
	case SPF_EXISTS:
	default:
		if (!colon)
			return false;
	}
	if (text.n == 0)
		return !colon;
	t->domain = span_from(text, 1);
	return colon && spf_macro_is_domain(t->domain);
}

static bool
read_mechanism(struct span text, struct spf_term *t)
{
	size_t n = 0;

	t->kind = SPF_MECHANISM;
	t->qualifier = '+';
	t->bits_v4 = 32;
	t->bits_v6 = 128;
	if (text.n > 0 && strchr("+-?~", text.p[0]) != NULL && text.p[0] != '\0') {
		t->qualifier = text.p[0];
		text = span_from(text, 1);
	}
	while (n < text.n && text.p[n] != ':' && text.p[n] != '/')
		n++;
	for (size_t i = 0; i < PB_COUNT(mechanisms); i++)
		if (span_is_nocase(span_first(text, n), mechanisms[i].name)) {
			t->mechanism = mechanisms[i].mechanism;
			return read_argument(span_from(text, n), t);
		}
	return false;
}

/* The length of a modifier's name when text is one; 0 else. */
static size_t
modifier_name(struct span text)
{
	size_t n = 0;

	if (text.n == 0 || !char_is_alpha(text.p[0]))
		return 0;
	while (n < text.n && (char_is_alnum(text.p[n]) || text.p[n] == '-' || text.p[n] == '_' || text.p[n] == '.'))
		n++;
	return n < text.n && text.p[n] == '=' ? n : 0;
}

static bool
read_modifier(struct span name, struct span value, struct spf_term *t)
{
	t->domain = value;
	t->kind = span_is_nocase(name, "redirect") ? SPF_REDIRECT : span_is_nocase(name, "exp") ? SPF_EXPLANATION : SPF_OTHER;
	if (t->kind == SPF_OTHER)
		return spf_macro_is_string(value);
	return spf_macro_is_domain(value);
}

struct spf_term
spf_term_next(struct span *rest)
{
	struct spf_term t = { .kind = SPF_END };
	struct span text = SPAN_NONE;
	size_t name;

	while (text.n == 0 && rest->p != NULL)
		text = span_cut(rest, ' ');
	if (text.n == 0)
		return t;
	name = modifier_name(text);
	if (name > 0 ? read_modifier(span_first(text, name), span_from(text, name + 1), &t) : read_mechanism(text, &t))
		return t;
	return (struct spf_term){ .kind = SPF_BAD, .domain = text };
}

/* "v=spf1" alone or before a blank. */
static bool
is_policy(struct span text)
{
	return span_starts_nocase(text, SPAN("v=spf1")) && (text.n == 6 || text.p[6] == ' ');
}

static bool
is_printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

/* Each modifier of ours at most once (6), and every term one of the grammar. */
static const char *
fault_of(struct span terms)
{
	unsigned redirects = 0, explanations = 0;
	struct spf_term t;

	if (!is_printable(terms))
		return "the policy is not printable ASCII";
	do {
		t = spf_term_next(&terms);
		redirects += t.kind == SPF_REDIRECT;
		explanations += t.kind == SPF_EXPLANATION;
	} while (t.kind != SPF_END && t.kind != SPF_BAD);
	if (t.kind == SPF_BAD)
		return "syntax error in the policy";
	return redirects > 1 || explanations > 1 ? "a modifier stands there twice" : NULL;
}

enum spf_select
spf_select(const struct dns_answer *answer, struct buf *out, const char **why)
{
	size_t found = 0;
	struct buf text;

	*why = NULL;
	buf_init(&text, LIMIT_SPF_RECORD);
	for (size_t i = 0; i < answer->count; i++) {
		bool whole;

		buf_clear(&text);
		whole = dns_read_text(&answer->records[i], &text);
		if (!is_policy(buf_view(&text)))
			continue;
		if (found++ > 0)
			*why = "more than one policy";
		else if (!whole)
			*why = text.overflow ? "the policy is too long" : "a malformed TXT record";
		else if (!buf_span(out, span_from(buf_view(&text), 6)))
			*why = "the policy is too long";
	}
	buf_free(&text);
	if (found == 0)
		return SPF_NO_RECORD;
	if (*why == NULL)
		*why = fault_of(buf_view(out));
	return *why == NULL ? SPF_ONE_RECORD : SPF_BAD_RECORD;
}
