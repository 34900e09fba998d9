/*
 * secure: see secure.h.  Pure.
 */
#include "base/base.h"
#include "secure.h"

bool
secure_need(const struct job *j, const struct target *to, const struct tls_rules *rules, bool available,
	struct tls_need *out, struct verdict *why)
{
	struct policy_tls_out facts = { .rule = TLS_RULE_AUTO };
	const struct job_gateway *gateway = job_gateway_of(j, to);
	struct span hop = j->host.n > 0 || gateway != NULL ? SPAN("") : j->domain;
	struct tls_out decision;

	*out = (struct tls_need){ .requiretls = j->requiretls, .gateway = gateway };
	for (size_t i = 0; i < j->tls_count && out->tls == NULL; i++)
		if (strcmp(j->tls[i].host, to->host) == 0)
			out->tls = &j->tls[i];
	if (out->tls != NULL)
		facts = out->tls->facts;
	if (gateway == NULL) {		/* these have a rule of their own */
		out->rule = rules_find(rules, j->host.n > 0 ? span_of(to->host) : j->domain);
		facts.rule = out->rule.rule;
	}
	for (size_t i = 0; i < out->rule.name_count; i++)
		if (out->rule.names[i].n < DNS_NAME_MAX)
			memcpy(out->names[i], out->rule.names[i].p, out->rule.names[i].n);
	facts.available = available;
	facts.waived = j->tls_waived;
	facts.requiretls = j->requiretls;
	if (hop.n < sizeof(out->domain))
		memcpy(out->domain, hop.p, hop.n);
	decision = policy_tls_out(&facts, span_of(to->host), j->domain.n > 0 ? j->domain : j->host);
	out->level = decision.level;
	if (gateway != NULL && gateway->implicit_tls && out->level < TLS_LEVEL_ENCRYPT)
		out->level = TLS_LEVEL_ENCRYPT;
	out->type = decision.type;
	*why = decision.verdict;
	return decision.verdict.kind == VERDICT_OK;
}

static void
add_name(struct tls_expected *e, const char *name)
{
	if (name[0] == '\0' || name[0] == '[' || e->name_count == TLS_NAMES_MAX)
		return;
	for (size_t i = 0; i < e->name_count; i++)
		if (strcmp(e->names[i], name) == 0)
			return;
	e->names[e->name_count++] = name;
}

bool
secure_has_own_names(const struct tls_need *need)
{
	return need->rule.rule == TLS_RULE_VERIFY && need->rule.name_count > 0 && !need->requiretls;
}

/* RFC 7672 3.2.2; RFC 8461 4.1. */
void
secure_expect(const struct tls_need *need, const char *host, struct tls_expected *out)
{
	*out = (struct tls_expected){ .host = host };
	if (need->level == TLS_LEVEL_DANE) {
		out->host = need->tls->base;
		out->tlsa = need->tls->tlsa;
		out->tlsa_count = need->tls->tlsa_count;
		add_name(out, need->tls->base);
		add_name(out, host);
		add_name(out, need->domain);
		return;
	}
	if (!secure_has_own_names(need))
		add_name(out, host);
	else
		for (size_t i = 0; i < need->rule.name_count; i++)
			add_name(out, need->names[i]);
}

const char *
secure_who(const struct tls_need *need)
{
	if (need->requiretls)
		return "REQUIRETLS";
	if (need->gateway != NULL && need->type == TLS_POLICY_NONE)
		return "the setting gatewayServers";
	switch (need->type) {
	case TLS_POLICY_TLSA:
		return "DANE";
	case TLS_POLICY_STS:
		return "MTA-STS";
	case TLS_POLICY_NONE:
	default:
		return "the setting tlsPolicies";
	}
}

bool
secure_suffices(const struct secured *s, const struct tls_need *need)
{
	switch (need->level) {
	case TLS_LEVEL_NONE:
		return s->level == TLS_LEVEL_NONE;
	case TLS_LEVEL_MAY:
		return true;
	case TLS_LEVEL_ENCRYPT:
		return s->level != TLS_LEVEL_NONE;
	case TLS_LEVEL_VERIFY:
		/* it names the host, whatever the domain; unless the rule of a domain names others */
		return s->level == TLS_LEVEL_VERIFY && s->own_names == secure_has_own_names(need) &&
		    (!s->own_names || strcmp(s->domain, need->domain) == 0);
	case TLS_LEVEL_DANE:
	default:
		return s->level == need->level && strcmp(s->domain, need->domain) == 0;
	}
}
