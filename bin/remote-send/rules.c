/*
 * rules: see rules.h.
 */
#include "base/base.h"
#include "rules.h"

#include "base/mem.h"
#include "policy/pattern.h"

#define LIST "tlsPolicies/policy"

struct entry {
	struct span pattern;
	struct domain_rule rule;
};

struct tls_rules {
	size_t count;
	struct entry entry[];
};

static void
read_names(struct span list, struct domain_rule *out)
{
	while (list.p != NULL && out->name_count < TLS_NAMES_MAX) {
		struct span name = span_trim(span_cut(&list, ','));

		if (name.n > 0)
			out->names[out->name_count++] = name;
	}
}

struct tls_rules *
rules_new(const struct settings *settings)
{
	size_t n = settings_count(settings, LIST);
	struct tls_rules *r = mem_new(sizeof(*r) + n * sizeof(r->entry[0]));

	r->count = n;
	for (size_t i = 0; i < n; i++) {
		struct entry *e = &r->entry[i];

		e->pattern = span_of(settings_entry(settings, LIST, i, "domain"));
		e->rule.rule = tls_rule_named(span_of(settings_entry(settings, LIST, i, "level")));
		read_names(span_of(settings_entry(settings, LIST, i, "names")), &e->rule);
	}
	return r;
}

struct domain_rule
rules_find(const struct tls_rules *rules, struct span hop)
{
	for (size_t i = 0; i < rules->count; i++)
		if (pattern_text_matches(rules->entry[i].pattern, hop))
			return rules->entry[i].rule;
	return (struct domain_rule){ .rule = TLS_RULE_AUTO };
}
