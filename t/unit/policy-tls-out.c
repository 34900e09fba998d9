/* How much TLS a message must have: every fact alone, and which comes first where they meet. */
#include "base/base.h"
#include "policy/tls_out.h"
#include "tap.h"

static struct tls_out
ask(const struct policy_tls_out *f)
{
	return policy_tls_out(f, SPAN("mx.example"), SPAN("example"));
}

static void
level(const struct policy_tls_out *f, enum tls_level want, const char *name)
{
	struct tls_out out = ask(f);

	is_num(out.verdict.kind, VERDICT_OK, name);
	is_text(tls_level_text(out.level), tls_level_text(want), name);
}

static void
refused(const struct policy_tls_out *f, int code, const char *status, const char *word, const char *name)
{
	struct tls_out out = ask(f);

	is_num(out.verdict.code, code, name);
	is_text(out.verdict.status, status, name);
	ok(strstr(out.verdict.text, word) != NULL, "%s: %s", name, out.verdict.text);
}

static void
published(void)
{
	struct policy_tls_out f = { .available = true };

	level(&f, TLS_LEVEL_MAY, "nothing published: opportunistic");
	f.dane = TLS_DANE_USABLE;
	level(&f, TLS_LEVEL_DANE, "usable TLSA records");
	is_num(ask(&f).type, TLS_POLICY_TLSA, "are the policy");
	f.dane = TLS_DANE_UNUSABLE;
	level(&f, TLS_LEVEL_ENCRYPT, "TLSA records for other uses only: encrypted");
	f.dane = TLS_DANE_FAILED;
	refused(&f, 451, "4.7.5", "TLSA", "nobody can tell whether there are TLSA records");
	f = (struct policy_tls_out){ .available = true, .sts = TLS_STS_ENFORCE, .sts_has_host = true };
	level(&f, TLS_LEVEL_VERIFY, "MTA-STS enforced");
	is_num(ask(&f).type, TLS_POLICY_STS, "is the policy");
	f.sts_has_host = false;
	refused(&f, 451, "4.7.5", "does not list its mail host mx.example", "a host that the policy does not list");
	f.sts = TLS_STS_TESTING;
	level(&f, TLS_LEVEL_MAY, "testing changes nothing");
	is_num(ask(&f).type, TLS_POLICY_STS, "but is reported");
	f.sts = TLS_STS_UNKNOWN;
	level(&f, TLS_LEVEL_MAY, "a policy that cannot be had counts as none");
	f = (struct policy_tls_out){ .available = true, .sts = TLS_STS_ENFORCE, .sts_has_host = false, .dane = TLS_DANE_USABLE };
	level(&f, TLS_LEVEL_DANE, "DANE comes before MTA-STS");
	f.dane = TLS_DANE_FAILED;
	f.sts_has_host = true;
	refused(&f, 451, "4.7.5", "TLSA", "and MTA-STS does not heal it");
	f.dane = TLS_DANE_UNUSABLE;
	level(&f, TLS_LEVEL_VERIFY, "where it says nothing of the certificate MTA-STS does");
	f = (struct policy_tls_out){ .dane = TLS_DANE_USABLE, .sts = TLS_STS_ENFORCE, .sts_has_host = true };
	level(&f, TLS_LEVEL_NONE, "with tlsIfSupported off nothing is looked at");
}

static void
set(void)
{
	struct policy_tls_out f = { .available = true, .rule = TLS_RULE_NONE, .dane = TLS_DANE_USABLE };

	level(&f, TLS_LEVEL_NONE, "rule none");
	f.rule = TLS_RULE_MAY;
	level(&f, TLS_LEVEL_MAY, "rule may passes over what is published");
	f.rule = TLS_RULE_ENCRYPT;
	level(&f, TLS_LEVEL_DANE, "rule encrypt does not");
	f.dane = TLS_DANE_NONE;
	level(&f, TLS_LEVEL_ENCRYPT, "and is the least");
	f.waived = true;
	level(&f, TLS_LEVEL_ENCRYPT, "also for TLS-Required: No");
	f.waived = false;
	f.available = false;
	level(&f, TLS_LEVEL_ENCRYPT, "and without tlsIfSupported");
	f.rule = TLS_RULE_VERIFY;
	level(&f, TLS_LEVEL_VERIFY, "rule verify");
	f.rule = TLS_RULE_DANE;
	refused(&f, 451, "4.7.5", "tlsPolicies", "rule dane: no records");
	f.dane = TLS_DANE_UNUSABLE;
	refused(&f, 451, "4.7.5", "tlsPolicies", "or none that can be used");
	f.dane = TLS_DANE_FAILED;
	refused(&f, 451, "4.7.5", "could not be looked up", "or nobody can tell");
	f.dane = TLS_DANE_USABLE;
	level(&f, TLS_LEVEL_DANE, "with them");
}

static void
asked(void)
{
	struct policy_tls_out f = { .available = true, .waived = true, .dane = TLS_DANE_FAILED,
		.sts = TLS_STS_ENFORCE };

	level(&f, TLS_LEVEL_MAY, "TLS-Required: No passes over what is published");
	f = (struct policy_tls_out){ .requiretls = true, .waived = true };
	refused(&f, 550, "5.7.10", "neither DNSSEC nor MTA-STS", "REQUIRETLS: a host that nobody vouches for");
	f.sts = TLS_STS_TESTING;
	f.sts_has_host = true;
	refused(&f, 550, "5.7.10", "neither DNSSEC nor MTA-STS", "testing vouches for none");
	f.sts = TLS_STS_UNKNOWN;
	refused(&f, 451, "4.7.10", "cannot be had", "a policy that may come later");
	f.sts = TLS_STS_ENFORCE;
	level(&f, TLS_LEVEL_VERIFY, "MTA-STS does");
	f.sts_has_host = false;
	refused(&f, 550, "5.7.10", "neither", "for hosts in it");
	f.is_named_safely = true;
	level(&f, TLS_LEVEL_VERIFY, "so does DNSSEC, or a route that is set");
	f.dane = TLS_DANE_USABLE;
	level(&f, TLS_LEVEL_DANE, "and TLSA records prove the certificate");
	f.dane = TLS_DANE_UNUSABLE;
	level(&f, TLS_LEVEL_VERIFY, "those of no use do not");
	f.dane = TLS_DANE_FAILED;
	refused(&f, 451, "4.7.5", "TLSA", "those that cannot be had defer");
	f.dane = TLS_DANE_NONE;
	f.rule = TLS_RULE_NONE;
	refused(&f, 550, "5.7.10", "set to use no TLS", "a rule against TLS refuses");
	f.rule = TLS_RULE_MAY;
	level(&f, TLS_LEVEL_VERIFY, "no other rule makes it less");
}

static void
words(void)
{
	for (int i = TLS_RULE_AUTO; i <= TLS_RULE_VERIFY; i++)
		is_num(tls_rule_named(span_of(tls_rule_text((enum tls_rule)i))), i, "a rule has its word");
	for (int i = TLS_DANE_NONE; i <= TLS_DANE_USABLE; i++)
		is_num(tls_dane_named(span_of(tls_dane_text((enum tls_dane)i))), i, "so has what is known of TLSA");
	for (int i = TLS_STS_NONE; i <= TLS_STS_ENFORCE; i++)
		is_num(tls_sts_named(span_of(tls_sts_text((enum tls_sts)i))), i, "and of MTA-STS");
	is_num(tls_rule_named(SPAN("secure")), TLS_RULE_AUTO, "another word is the first");
	is_text(tls_policy_type_text(TLS_POLICY_STS), "sts", "reports have the words of RFC 8460");
}

int
main(void)
{
	published();
	set();
	asked();
	words();
	return done();
}
