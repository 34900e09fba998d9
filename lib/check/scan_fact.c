/*
 * scan_fact: see scan_fact.h.
 *
 * Each kind begins with one question; begin_hosts then walks over hosts and
 * asks for their addresses.  RFC 5321 5.1: a domain without MX is its own MX
 * host.  RFC 7505: a single MX "." says that no mail is taken.
 *
 * Invariant: between calls either a question is open or the result stands.
 */
#include "base/base.h"
#include "check/scan_fact.h"

#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "check/spf_macro.h"

enum kind { FACT_DOMAIN, FACT_MX, FACT_REVERSE, FACT_HELO };

struct scan_fact {
	enum kind kind;
	bool asking;
	struct dns_question question;
	int result;			/* of the enum of its kind */
	bool stands;
	char name[DNS_NAME_MAX];	/* asked about; "" is no name */
	struct addr ip;			/* REVERSE, HELO */
	struct addr_range *ranges;	/* MX */
	size_t range_count;
	char host[LIMIT_SCAN_HOSTS][DNS_NAME_MAX];
	size_t hosts, next_host;
	bool walking;			/* questions are about host[next_host - 1] */
	bool second_family;		/* ... which is to be asked for AAAA, too */
	bool failed;			/* a look-up of the walk did, or an MX record was malformed */
};

static void
stand(struct scan_fact *f, int result)
{
	f->stands = true;
	f->result = result;
}

static int
temperror(enum kind kind)
{
	switch (kind) {
	case FACT_DOMAIN:
		return SCAN_DOMAIN_TEMPERROR;
	case FACT_MX:
		return SCAN_MX_TEMPERROR;
	case FACT_REVERSE:
		return SCAN_REVERSE_TEMPERROR;
	case FACT_HELO:
	default:
		return SCAN_HELO_TEMPERROR;
	}
}

static void
ask(struct scan_fact *f, enum dns_type type, const char *name)
{
	f->question.type = type;
	snprintf(f->question.name, sizeof(f->question.name), "%s", name);
	f->asking = true;
}

static bool
has_failed(const struct dns_answer *answer)
{
	return answer->outcome == DNS_FAIL || answer->outcome == DNS_BOGUS;
}

static enum dns_type
type_for(const struct addr *ip)
{
	return ip->family == AF_INET ? DNS_A : DNS_AAAA;
}

/* -- hosts and their addresses -------------------------------------------- */

/* What the result is when no host has an address that counts. */
static void
end_walk(struct scan_fact *f)
{
	if (f->failed)
		stand(f, temperror(f->kind));
	else
		stand(f, f->kind == FACT_MX ? SCAN_MX_NO : SCAN_REVERSE_UNCONFIRMED);
}

static void
ask_next_host(struct scan_fact *f)
{
	if (f->second_family) {
		f->second_family = false;
		ask(f, DNS_AAAA, f->host[f->next_host - 1]);
	} else if (f->next_host < f->hosts) {
		f->second_family = f->kind == FACT_MX;
		ask(f, f->kind == FACT_MX ? DNS_A : type_for(&f->ip), f->host[f->next_host++]);
	} else {
		end_walk(f);
	}
}

static void
begin_walk(struct scan_fact *f)
{
	f->walking = true;
	ask_next_host(f);
}

static bool
counts(const struct scan_fact *f, const struct addr *a)
{
	if (f->kind == FACT_REVERSE)
		return addr_eq_ip(a, &f->ip);
	for (size_t i = 0; i < f->range_count; i++)
		if (addr_in_range(a, &f->ranges[i]))
			return true;
	return false;
}

static void
take_host(struct scan_fact *f, const struct dns_answer *answer)
{
	struct addr a;

	f->failed |= has_failed(answer);
	for (size_t i = 0; answer->outcome == DNS_OK && i < answer->count; i++) {
		if (!dns_read_addr(&answer->records[i], f->question.type, &a) || !counts(f, &a))
			continue;
		/* the name that was confirmed becomes the first */
		memmove(f->host[0], f->host[f->next_host - 1], sizeof(f->host[0]));
		stand(f, f->kind == FACT_MX ? SCAN_MX_YES : SCAN_REVERSE_CONFIRMED);
		return;
	}
	ask_next_host(f);
}

/* Not even the form of an MX record, as opposed to one with a name that no host can have. */
static bool
is_malformed_mx(const struct dns_record *r)
{
	char name[DNS_NAME_MAX];

	return r->n < 3 || !dns_read_any_name(r->data + 2, r->n - 2, name);
}

/* The hosts of an MX answer; true when it is the null MX.  What is malformed says nothing (D08). */
static bool
take_mx_hosts(struct scan_fact *f, const struct dns_answer *answer)
{
	struct dns_mx mx;
	bool null = false;

	for (size_t i = 0; i < answer->count && f->hosts < LIMIT_SCAN_HOSTS; i++) {
		if (!dns_read_mx(&answer->records[i], &mx)) {
			f->failed |= is_malformed_mx(&answer->records[i]);
			continue;
		}
		null |= mx.host[0] == '\0';
		if (mx.host[0] != '\0')
			memcpy(f->host[f->hosts++], mx.host, sizeof(mx.host));
	}
	return null && f->hosts == 0;
}

/* -- one function for each kind ------------------------------------------- */

static void
take_domain(struct scan_fact *f, const struct dns_answer *answer)
{
	enum dns_type type = f->question.type;

	if (has_failed(answer))
		stand(f, SCAN_DOMAIN_TEMPERROR);
	else if (answer->outcome == DNS_NO_NAME)
		stand(f, SCAN_DOMAIN_NXDOMAIN);
	else if (answer->outcome == DNS_OK && type == DNS_MX && take_mx_hosts(f, answer))
		stand(f, SCAN_DOMAIN_NULL_MX);
	else if (answer->outcome == DNS_OK && (type != DNS_MX || f->hosts > 0))
		stand(f, SCAN_DOMAIN_RESOLVES);
	else if (f->failed)
		stand(f, SCAN_DOMAIN_TEMPERROR);
	else if (answer->outcome == DNS_OK || type == DNS_AAAA)
		stand(f, SCAN_DOMAIN_NO_HOST);
	else
		ask(f, type == DNS_MX ? DNS_A : DNS_AAAA, f->name);
}

static void
take_mx(struct scan_fact *f, const struct dns_answer *answer)
{
	if (has_failed(answer)) {
		stand(f, SCAN_MX_TEMPERROR);
		return;
	}
	if (answer->outcome == DNS_OK)
		(void)take_mx_hosts(f, answer);	/* the null MX has no hosts, so the answer is no */
	else if (answer->outcome == DNS_NO_DATA)
		memcpy(f->host[f->hosts++], f->name, sizeof(f->name));
	begin_walk(f);
}

static void
take_names(struct scan_fact *f, const struct dns_answer *answer)
{
	if (has_failed(answer)) {
		stand(f, SCAN_REVERSE_TEMPERROR);
		return;
	}
	for (size_t i = 0; answer->outcome == DNS_OK && i < answer->count && f->hosts < LIMIT_SCAN_HOSTS; i++)
		if (dns_read_name(answer->records[i].data, answer->records[i].n, f->host[f->hosts]) &&
		    f->host[f->hosts][0] != '\0')
			f->hosts++;
	if (f->hosts > 0)
		begin_walk(f);
	else
		stand(f, SCAN_REVERSE_NONE);
}

static void
take_helo(struct scan_fact *f, const struct dns_answer *answer)
{
	enum dns_type type = f->question.type, other = f->ip.family == AF_INET ? DNS_AAAA : DNS_A;
	struct addr a;

	if (has_failed(answer)) {
		stand(f, SCAN_HELO_TEMPERROR);
	} else if (answer->outcome == DNS_NO_NAME) {
		stand(f, SCAN_HELO_NXDOMAIN);
	} else if (answer->outcome == DNS_OK) {
		stand(f, SCAN_HELO_RESOLVES);
		for (size_t i = 0; i < answer->count && type != DNS_MX; i++)
			if (dns_read_addr(&answer->records[i], type, &a) && addr_eq_ip(&a, &f->ip))
				f->result = SCAN_HELO_MATCHES;
	} else if (type == DNS_MX) {
		stand(f, SCAN_HELO_NO_HOST);
	} else {
		ask(f, type == other ? DNS_MX : other, f->name);
	}
}

/* -- the machine ---------------------------------------------------------- */

void
scan_fact_answer(struct scan_fact *f, const struct dns_answer *answer)
{
	if (!f->asking)
		bug("scan_fact: an answer without question");
	f->asking = false;
	if (f->walking) {
		take_host(f, answer);
		return;
	}
	switch (f->kind) {
	case FACT_DOMAIN:
		take_domain(f, answer);
		return;
	case FACT_MX:
		take_mx(f, answer);
		return;
	case FACT_REVERSE:
		take_names(f, answer);
		return;
	case FACT_HELO:
	default:
		take_helo(f, answer);
	}
}

const struct dns_question *
scan_fact_question(const struct scan_fact *f)
{
	return f->asking ? &f->question : NULL;
}

void
scan_fact_give_up(struct scan_fact *f)
{
	f->asking = false;
	stand(f, temperror(f->kind));
}

/* -- begin and end -------------------------------------------------------- */

/* f->name stays empty when no name can be like this. */
static struct scan_fact *
new_fact(enum kind kind, struct span name)
{
	struct scan_fact *f = mem_new(sizeof(*f));

	f->kind = kind;
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name = span_first(name, name.n - 1);
	if (spf_macro_is_name(name) && span_find(name, '\0') < 0)
		memcpy(f->name, name.p, name.n);
	return f;
}

struct scan_fact *
scan_fact_domain_new(struct span domain)
{
	struct scan_fact *f = new_fact(FACT_DOMAIN, domain);
	struct addr literal;

	if (addr_parse_literal(domain, &literal))
		stand(f, SCAN_DOMAIN_RESOLVES);
	else if (f->name[0] == '\0')
		stand(f, SCAN_DOMAIN_NXDOMAIN);
	else
		ask(f, DNS_MX, f->name);
	return f;
}

struct scan_fact *
scan_fact_mx_new(struct span domain, const struct addr_range *ranges, size_t count)
{
	struct scan_fact *f = new_fact(FACT_MX, domain);
	struct addr literal;

	f->ranges = mem_array(count, sizeof(*ranges));
	f->range_count = count;
	if (count > 0)
		memcpy(f->ranges, ranges, count * sizeof(*ranges));
	if (addr_parse_literal(domain, &literal))
		stand(f, counts(f, &literal) ? SCAN_MX_YES : SCAN_MX_NO);
	else if (f->name[0] == '\0')
		stand(f, SCAN_MX_NO);
	else
		ask(f, DNS_MX, f->name);
	return f;
}

struct scan_fact *
scan_fact_reverse_new(const struct addr *ip)
{
	struct scan_fact *f = new_fact(FACT_REVERSE, SPAN_NONE);
	char name[DNS_NAME_MAX];
	struct buf text;

	f->ip = *ip;
	buf_init_fixed(&text, name, sizeof(name));
	if (!addr_reverse(ip, &text) || !buf_text_put(&text, ip->family == AF_INET ? ".in-addr.arpa" : ".ip6.arpa"))
		bug("scan_fact: an address without reverse name");
	ask(f, DNS_PTR, name);
	return f;
}

/* A full name: letters, digits, hyphens and (outside the standard, and seen) underscores, with a dot. */
static bool
is_host_name(const char *name)
{
	if (strchr(name, '.') == NULL)
		return false;
	for (; *name != '\0'; name++)
		if (!char_is_alnum(*name) && strchr("-_.", *name) == NULL)
			return false;
	return true;
}

struct scan_fact *
scan_fact_helo_new(struct span name, const struct addr *ip)
{
	struct scan_fact *f = new_fact(FACT_HELO, name);
	struct addr literal;

	f->ip = *ip;
	if (addr_parse_literal(name, &literal))
		stand(f, addr_eq_ip(&literal, ip) ? SCAN_HELO_MATCHES : SCAN_HELO_RESOLVES);
	else if (!is_host_name(f->name) || addr_parse(span_of(f->name), &literal))
		stand(f, SCAN_HELO_INVALID);
	else
		ask(f, type_for(ip), f->name);
	return f;
}

void
scan_fact_free(struct scan_fact **f)
{
	if (*f == NULL)
		return;
	free((*f)->ranges);
	free(*f);
	*f = NULL;
}

const char *
scan_fact_word(const struct scan_fact *f)
{
	if (!f->stands)
		bug("scan_fact: no result yet");
	switch (f->kind) {
	case FACT_DOMAIN:
		return scan_domain_text((enum scan_domain_result)f->result);
	case FACT_MX:
		return scan_mx_text((enum scan_mx_result)f->result);
	case FACT_REVERSE:
		return scan_reverse_text((enum scan_reverse_result)f->result);
	case FACT_HELO:
	default:
		return scan_helo_text((enum scan_helo_result)f->result);
	}
}

bool
scan_fact_failed(const struct scan_fact *f)
{
	return f->stands && f->result == temperror(f->kind);
}

const char *
scan_fact_name(const struct scan_fact *f)
{
	return f->kind == FACT_REVERSE ? f->host[0] : "";
}
