/*
 * dane: see dane.h.
 *
 * Where the name of the host is an alias, RFC 7672 2.2.2 asks below the name at
 * its end first, then below the alias.  When the end is not signed but the alias
 * itself is, the alias alone.
 *
 * Trust: only what DNSSEC vouches for counts.  No answer, or a forged one, is not
 * the same as no records: the host is left out then (RFC 7672 2.1.3).
 */
#include "base/base.h"
#include "dane.h"

static void next(struct dane *d);

static bool
ask(struct dane *d, const char *name, enum dns_type type, dns_cb *cb)
{
	d->query = dns_query(d->dns, span_of(name), type, cb, d);
	return d->query != 0;
}

/* What can be used of it; all of it must fit, or somebody's good certificate might look wrong. */
static void
take(struct dane *d, const char *base, const struct dns_answer *answer)
{
	struct target_tls *t = d->tls;
	bool fits = true;

	t->facts.dane = TLS_DANE_UNUSABLE;
	snprintf(t->base, sizeof(t->base), "%s", base);
	for (size_t i = 0; i < answer->count; i++) {
		struct tlsa record;

		if (tlsa_read(&answer->records[i], &record) && tlsa_is_usable(&record))
			fits &= job_add_tlsa(d->job, t, &record);
	}
	if (!fits)
		t->facts.dane = TLS_DANE_FAILED;
	else if (t->tlsa_count > 0)
		t->facts.dane = TLS_DANE_USABLE;
}

static void
drop_name(struct dane *d)
{
	d->name[0] = d->name[1];
	d->names--;
}

static void
on_tlsa(void *ctx, const struct dns_answer *answer)
{
	struct dane *d = ctx;
	const char *base = d->name[0];

	d->query = 0;
	drop_name(d);
	if (answer->outcome == DNS_FAIL || answer->outcome == DNS_BOGUS)
		d->tls->facts.dane = TLS_DANE_FAILED;
	else if (answer->outcome == DNS_OK && answer->secure)
		take(d, base, answer);
	if (d->tls->facts.dane != TLS_DANE_NONE)
		d->call(d);
	else
		next(d);
}

/* Ask below the best name that is left; one that is too long for it has no records.  False: none is left. */
static bool
ask_tlsa(struct dane *d)
{
	for (; d->names > 0; drop_name(d)) {
		char name[DNS_NAME_MAX + 16];

		snprintf(name, sizeof(name), "_%u._tcp.%s", (unsigned)d->port, d->name[0]);
		if (ask(d, name, DNS_TLSA, on_tlsa))
			return true;
	}
	return false;
}

static void
next(struct dane *d)
{
	if (!ask_tlsa(d))
		d->call(d);
}

static void
on_alias(void *ctx, const struct dns_answer *answer)
{
	struct dane *d = ctx;

	d->query = 0;
	if (answer->outcome == DNS_FAIL || answer->outcome == DNS_BOGUS) {
		d->tls->facts.dane = TLS_DANE_FAILED;
		d->call(d);
		return;
	}
	if (answer->outcome == DNS_OK && answer->secure)
		d->name[d->names++] = d->host->name;
	next(d);
}

bool
dane_begin(struct dane *d, struct target_tls *tls, const struct mx_host *host, uint16_t port)
{
	d->tls = tls;
	d->host = host;
	d->port = port;
	d->names = 0;
	d->query = 0;
	if (host->addr_count == 0 || span_find(span_of(host->name), ' ') >= 0)
		return false;
	if (host->insecure && host->canonical[0] != '\0')
		return ask(d, host->name, DNS_CNAME, on_alias);
	if (host->insecure)
		return false;
	if (host->canonical[0] != '\0')
		d->name[d->names++] = host->canonical;
	d->name[d->names++] = host->name;
	return ask_tlsa(d);
}

void
dane_cancel(struct dane *d)
{
	if (d->query != 0)
		dns_cancel(d->dns, d->query);
	d->query = 0;
}
