/*
 * tls_out: see tls_out.h.
 *
 * Order: what the sender demands comes first, then what our administrator set,
 * then what the receiver published.
 */
#include "base/base.h"
#include "policy/tls_out.h"

static struct tls_out
use(enum tls_level level, enum tls_policy_type type)
{
	return (struct tls_out){ .level = level, .type = type, .verdict = verdict_make(250, "2.0.0", "may be used") };
}

static struct tls_out
refuse(enum tls_policy_type type, struct verdict why)
{
	return (struct tls_out){ .level = TLS_LEVEL_ENCRYPT, .type = type, .verdict = why };
}

static struct tls_out
dane_failed(struct span host)
{
	return refuse(TLS_POLICY_TLSA, verdict_make(451, "4.7.5",
		"DANE: the TLSA records of %.*s could not be looked up", SPAN_ARG(host)));
}

/* RFC 8689 4.2.1: both the name of the host and its certificate must be beyond doubt. */
static struct tls_out
for_requiretls(const struct policy_tls_out *f, struct span host, struct span domain)
{
	bool by_sts = f->sts == TLS_STS_ENFORCE && f->sts_has_host;

	if (f->rule == TLS_RULE_NONE)
		return refuse(TLS_POLICY_NONE, verdict_make(550, "5.7.10",
			"REQUIRETLS: this server is set to use no TLS for %.*s", SPAN_ARG(domain)));
	if (f->dane == TLS_DANE_FAILED)
		return dane_failed(host);
	if (!f->is_named_safely && !by_sts && f->sts == TLS_STS_UNKNOWN)
		return refuse(TLS_POLICY_STS, verdict_make(451, "4.7.10",
			"REQUIRETLS: the MTA-STS policy of %.*s cannot be had", SPAN_ARG(domain)));
	if (!f->is_named_safely && !by_sts)
		return refuse(TLS_POLICY_NONE, verdict_make(550, "5.7.10",
			"REQUIRETLS: neither DNSSEC nor MTA-STS vouches for %.*s as a host of %.*s",
			SPAN_ARG(host), SPAN_ARG(domain)));
	if (f->dane == TLS_DANE_USABLE)
		return use(TLS_LEVEL_DANE, TLS_POLICY_TLSA);
	return use(TLS_LEVEL_VERIFY, by_sts ? TLS_POLICY_STS : TLS_POLICY_NONE);
}

static struct tls_out
as_published(const struct policy_tls_out *f, struct span host, struct span domain)
{
	enum tls_level least = f->rule == TLS_RULE_ENCRYPT ? TLS_LEVEL_ENCRYPT : TLS_LEVEL_MAY;

	switch (f->dane) {
	case TLS_DANE_FAILED:
		return dane_failed(host);
	case TLS_DANE_USABLE:
		return use(TLS_LEVEL_DANE, TLS_POLICY_TLSA);
	case TLS_DANE_UNUSABLE:		/* RFC 7672 2.2: at least nobody reads along */
		least = TLS_LEVEL_ENCRYPT;
		break;
	case TLS_DANE_NONE:
	default:
		break;
	}
	if (f->sts == TLS_STS_ENFORCE && !f->sts_has_host)
		return refuse(TLS_POLICY_STS, verdict_make(451, "4.7.5",
			"MTA-STS: the policy of %.*s does not list its mail host %.*s", SPAN_ARG(domain), SPAN_ARG(host)));
	if (f->sts == TLS_STS_ENFORCE)
		return use(TLS_LEVEL_VERIFY, TLS_POLICY_STS);
	if (f->dane == TLS_DANE_UNUSABLE)
		return use(least, TLS_POLICY_TLSA);
	return use(least, f->sts == TLS_STS_TESTING ? TLS_POLICY_STS : TLS_POLICY_NONE);
}

static struct tls_out
only_dane(const struct policy_tls_out *f, struct span host)
{
	if (f->dane == TLS_DANE_FAILED)
		return dane_failed(host);
	if (f->dane == TLS_DANE_USABLE)
		return use(TLS_LEVEL_DANE, TLS_POLICY_TLSA);
	return refuse(TLS_POLICY_TLSA, verdict_make(451, "4.7.5",
		"the setting tlsPolicies demands DANE, and %.*s has no usable TLSA record", SPAN_ARG(host)));
}

struct tls_out
policy_tls_out(const struct policy_tls_out *f, struct span host, struct span domain)
{
	if (f->requiretls)
		return for_requiretls(f, host, domain);
	switch (f->rule) {
	case TLS_RULE_NONE:
		return use(TLS_LEVEL_NONE, TLS_POLICY_NONE);
	case TLS_RULE_MAY:
		return use(TLS_LEVEL_MAY, TLS_POLICY_NONE);
	case TLS_RULE_DANE:
		return only_dane(f, host);
	case TLS_RULE_VERIFY:
		return use(TLS_LEVEL_VERIFY, TLS_POLICY_NONE);
	case TLS_RULE_ENCRYPT:
		return f->waived ? use(TLS_LEVEL_ENCRYPT, TLS_POLICY_NONE) : as_published(f, host, domain);
	case TLS_RULE_AUTO:
	default:
		break;
	}
	if (!f->available)
		return use(TLS_LEVEL_NONE, TLS_POLICY_NONE);
	return f->waived ? use(TLS_LEVEL_MAY, TLS_POLICY_NONE) : as_published(f, host, domain);
}

static const char *const rules[] = { "auto", "none", "may", "encrypt", "dane", "verify" };
static const char *const danes[] = { "none", "failed", "unusable", "usable" };
static const char *const stses[] = { "none", "unknown", "testing", "enforce" };
static const char *const types[] = { "no-policy-found", "tlsa", "sts" };
static const char *const levels[] = { "none", "may", "encrypt", "dane", "verify" };

static size_t
place(const char *const *words, size_t count, struct span s)
{
	for (size_t i = 0; i < count; i++)
		if (span_is(s, words[i]))
			return i;
	return 0;
}

const char *
tls_rule_text(enum tls_rule r)
{
	return rules[r];
}

enum tls_rule
tls_rule_named(struct span s)
{
	return (enum tls_rule)place(rules, PB_COUNT(rules), s);
}

const char *
tls_dane_text(enum tls_dane d)
{
	return danes[d];
}

enum tls_dane
tls_dane_named(struct span s)
{
	return (enum tls_dane)place(danes, PB_COUNT(danes), s);
}

const char *
tls_sts_text(enum tls_sts s)
{
	return stses[s];
}

enum tls_sts
tls_sts_named(struct span s)
{
	return (enum tls_sts)place(stses, PB_COUNT(stses), s);
}

const char *
tls_policy_type_text(enum tls_policy_type t)
{
	return types[t];
}

const char *
tls_level_text(enum tls_level l)
{
	return levels[l];
}
