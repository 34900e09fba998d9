/*
 * rules: what our administrator set for the TLS of domains (setting tlsPolicies).
 */
#ifndef REMOTE_SEND_RULES_H
#define REMOTE_SEND_RULES_H

#include "base/base.h"
#include "config/settings.h"
#include "net/tls_verify.h"
#include "policy/tls_out.h"

struct tls_rules;

struct domain_rule {
	enum tls_rule rule;
	struct span names[TLS_NAMES_MAX];	/* that a certificate may have; none: the mail host's */
	size_t name_count;
};

/* settings must live as long as the result. */
struct tls_rules *rules_new(const struct settings *settings);

/* The first rule whose pattern fits the next hop: a domain, or the host of a fixed route. */
struct domain_rule rules_find(const struct tls_rules *rules, struct span hop);

#endif
