/*
 * mx: see mx.h.
 *
 * Trust: the answers are the business of whoever owns the domain: their number
 * is cut, and no record makes us talk to ourselves.
 */
#include "base/base.h"
#include "mx.h"

#include "base/mem.h"

bool
self_is_name(const struct self *s, struct span name)
{
	for (size_t i = 0; i < s->name_count; i++)
		if (span_eq_nocase(span_of(s->names[i]), name))
			return true;
	return false;
}

bool
self_is_addr(const struct self *s, const struct addr *a)
{
	if (addr_is_unspecified(a) || addr_is_multicast(a))
		return true;
	if (addr_is_loopback(a))
		return !s->allow_loopback;
	for (size_t i = 0; i < s->addr_count; i++)
		if (addr_eq_ip(&s->addrs[i], a))
			return true;
	return false;
}

/* A place in the lottery among hosts of one preference. */
static uint64_t
draw(const struct dns_mx *m, uint64_t lot)
{
	uint64_t h = 1469598103934665603u ^ lot;

	for (const char *p = m->host; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	return h ^ h >> 29;
}

struct drawn {
	struct dns_mx mx;
	uint64_t place;
};

static int
compare(const void *a, const void *b)
{
	const struct drawn *x = a, *y = b;

	if (x->mx.preference != y->mx.preference)
		return x->mx.preference < y->mx.preference ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void
keep(struct mx *out, const struct dns_mx *m)
{
	struct mx_host *h = &out->host[out->count];

	for (size_t i = 0; i < out->count; i++)
		if (strcmp(out->host[i].name, m->host) == 0)
			return;
	*h = (struct mx_host){ .preference = m->preference };
	memcpy(h->name, m->host, sizeof(h->name));
	out->count++;
}

void
mx_sort(const struct dns_answer *answer, const struct self *self, uint64_t lot, struct mx *out)
{
	struct drawn *all = mem_array(answer->count, sizeof(*all));
	uint32_t limit = UINT32_MAX;	/* the best preference that is ours */
	size_t n = 0;

	*out = (struct mx){ .secure = answer->secure };
	for (size_t i = 0; i < answer->count; i++) {
		if (!dns_read_mx(&answer->records[i], &all[n].mx))
			continue;
		if (all[n].mx.host[0] == '\0') {
			out->is_null = answer->count == 1;
			continue;
		}
		if (self_is_name(self, span_of(all[n].mx.host)) && all[n].mx.preference < limit)
			limit = all[n].mx.preference;
		all[n].place = draw(&all[n].mx, lot);
		n++;
	}
	qsort(all, n, sizeof(*all), compare);
	out->was_self = limit != UINT32_MAX;
	for (size_t i = 0; i < n && out->count < LIMIT_MX_HOSTS; i++)
		if (all[i].mx.preference < limit)
			keep(out, &all[i].mx);
	free(all);
}

void
mx_implicit(struct span domain, const struct self *self, struct mx *out)
{
	*out = (struct mx){ .was_self = self_is_name(self, domain) };
	if (out->was_self || domain.n >= DNS_NAME_MAX)
		return;
	memcpy(out->host[0].name, domain.p, domain.n);
	out->host[0].name[domain.n] = '\0';
	out->count = 1;
}

void
mx_add_addrs(struct mx *mx, size_t i, enum dns_type type, const struct dns_answer *answer)
{
	struct mx_host *h = &mx->host[i];

	h->bogus |= answer->outcome == DNS_BOGUS;
	h->failed |= answer->outcome == DNS_FAIL || answer->outcome == DNS_BOGUS;
	h->insecure |= answer->outcome == DNS_OK && !answer->secure;
	if (answer->outcome == DNS_OK && answer->canonical != NULL && strcmp(answer->canonical, h->name) != 0)
		snprintf(h->canonical, sizeof(h->canonical), "%s", answer->canonical);
	/* half the room for each family, so that neither can push the other out */
	for (size_t k = 0, got = 0; k < answer->count && got < LIMIT_HOST_ADDRS / 2 &&
	    h->addr_count < LIMIT_HOST_ADDRS; k++)
		if (dns_read_addr(&answer->records[k], type, &h->addrs[h->addr_count])) {
			h->addr_count++;
			got++;
		}
}

/* Cut the list at the first host that is this server: it and all that are no better. */
static void
cut_self(struct mx *mx, const struct self *self)
{
	for (size_t i = 0; i < mx->count; i++)
		for (size_t k = 0; k < mx->host[i].addr_count; k++) {
			size_t first = i;

			if (!self_is_addr(self, &mx->host[i].addrs[k]))
				continue;
			while (first > 0 && mx->host[first - 1].preference == mx->host[i].preference)
				first--;
			mx->count = first;
			mx->was_self = true;
			return;
		}
}

/* The k-th address of that family. */
static const struct addr *
nth_of_family(const struct mx_host *h, int family, size_t k)
{
	for (size_t i = 0; i < h->addr_count; i++)
		if (h->addrs[i].family == family && k-- == 0)
			return &h->addrs[i];
	return NULL;
}

/* The families take turns, so that one without a way out costs little (RFC 8305 4). */
static size_t
add_host(const struct mx_host *h, int first, uint16_t port, struct target *out, size_t n)
{
	int family[2] = { first, first == AF_INET ? AF_INET6 : AF_INET };

	for (size_t k = 0; k < 2 * h->addr_count && n < LIMIT_SEND_TARGETS; k++) {
		const struct addr *a = nth_of_family(h, family[k % 2], k / 2);

		if (a == NULL)
			continue;
		out[n] = (struct target){ .preference = h->preference, .addr = *a };
		out[n].addr.port = h->port != 0 ? h->port : port;
		memcpy(out[n].host, h->name, sizeof(out[n].host));
		n++;
	}
	return n;
}

static struct verdict
no_targets(const struct mx *mx, bool *dns)
{
	bool failed = false, bogus = false;

	for (size_t i = 0; i < mx->count; i++) {
		failed |= mx->host[i].failed;
		bogus |= mx->host[i].bogus;
	}
	*dns = false;
	if (mx->is_null)
		return verdict_make(556, "5.1.10", "the domain accepts no mail (null MX)");
	if (mx->was_self && mx->count == 0)
		return verdict_make(554, "5.4.6", "mail for this domain loops back to this server");
	*dns = true;
	if (bogus)
		return verdict_make(451, "4.7.5", "DNSSEC validation of the mail hosts failed");
	if (failed)
		return verdict_make(451, "4.4.3", "the addresses of the mail hosts could not be looked up");
	return verdict_make(450, "4.4.4", "none of the mail hosts of the domain has an address");
}

/* Each host in its order, its addresses by the family that is preferred here. */
static size_t
list_targets(const struct mx *mx, const struct self *self, uint16_t port, struct target out[LIMIT_SEND_TARGETS])
{
	int first = self->has_ipv6 ? AF_INET6 : AF_INET;
	size_t n = 0;

	for (size_t i = 0; i < mx->count; i++)
		n = add_host(&mx->host[i], first, port, out, n);
	return n;
}

size_t
mx_targets(struct mx *mx, const struct self *self, uint16_t port,
	struct target out[LIMIT_SEND_TARGETS], struct verdict *why, bool *dns)
{
	size_t n;

	cut_self(mx, self);
	n = list_targets(mx, self, port, out);
	if (n == 0)
		*why = no_targets(mx, dns);
	return n;
}

/*
 * Their addresses are the administrator's: one may be this machine, with another
 * server behind another port; a greeting tells when it is ourselves.  What is
 * wrong with them says nothing about the domain.
 */
size_t
mx_gateway_targets(const struct mx *mx, const struct self *self, struct target out[LIMIT_SEND_TARGETS],
	struct verdict *why)
{
	size_t n = list_targets(mx, self, 25, out);

	if (n == 0)
		*why = verdict_make(451, "4.4.3", "no outgoing gateway has an address: %s%s", mx->host[0].name,
			mx->count > 1 ? " and others" : "");
	return n;
}

struct verdict
mx_verdict(enum dns_outcome outcome, struct span domain)
{
	switch (outcome) {
	case DNS_NO_NAME:
		/* temporary here: schedule gives up after dnsErrorAttempts */
		return verdict_make(450, "4.1.2", "domain %.*s does not exist", SPAN_ARG(domain));
	case DNS_BOGUS:
		return verdict_make(451, "4.7.5", "DNSSEC validation of domain %.*s failed", SPAN_ARG(domain));
	case DNS_NO_DATA:
		return verdict_make(450, "4.4.4", "domain %.*s has no mail host", SPAN_ARG(domain));
	case DNS_OK:
	case DNS_FAIL:
	default:
		return verdict_make(451, "4.4.3", "DNS does not answer for domain %.*s", SPAN_ARG(domain));
	}
}
