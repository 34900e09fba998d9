/*
 * spf: see spf.h.
 *
 * A frame is one policy under evaluation; include pushes one, redirect replaces
 * the top one's text.  Each of both costs a look-up, so frames never pass
 * LIMIT_SPF_LOOKUPS + 1.
 *
 * Invariants:
 * 1. Between calls either a question is open (wait tells whose) or the result stands.
 * 2. Every term of the text of a frame is well formed: spf_select saw to it.
 * 3. queries, lookups and voids only grow, over all frames.
 *
 * Trust: policies and answers are strangers'.
 */
#include "base/base.h"
#include "check/spf.h"

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "check/spf_macro.h"
#include "check/spf_record.h"

#define FRAMES_MAX (LIMIT_SPF_LOOKUPS + 1)

/* What the open question, or the last one, is for. */
enum wait {
	WAIT_POLICY,		/* TXT of the top frame's domain */
	WAIT_ADDRS,		/* of mechanism a */
	WAIT_MX,
	WAIT_MX_ADDRS,
	WAIT_EXISTS,
	WAIT_NAMES,		/* of the client, for mechanism ptr or for %{p} */
	WAIT_NAME_ADDRS
};

struct frame {
	char domain[DNS_NAME_MAX];
	struct buf text;		/* the terms of its policy */
	struct span rest;		/* not yet evaluated */
	struct span redirect;		/* domain-spec, empty without */
	char qualifier;			/* of the include whose policy is evaluated above */
	bool has_validated;		/* validated was looked for */
	char validated[DNS_NAME_MAX];	/* %{p} */
};

struct spf {
	bool stands;			/* the result does */
	bool asking;			/* a question is open */
	bool no_such_name;		/* ... would be, but nothing can have that name */
	enum wait wait;
	struct dns_question question;
	enum scan_spf_result result;
	const char *problem;
	struct addr ip;
	char *helo, *local, *sender_domain;
	struct frame frame[FRAMES_MAX];
	size_t depth;			/* frames in use, at least 1 */
	struct spf_term term;		/* under evaluation */
	bool again;			/* begin it (again) */
	bool for_macro;			/* the names of the client are for %{p} */
	char target[DNS_NAME_MAX];	/* the term's domain-spec, expanded; "" when that is no name */
	char host[LIMIT_SPF_HOSTS][DNS_NAME_MAX];	/* of an mx or ptr */
	size_t hosts, next_host;	/* those from next_host on are still to be asked for */
	unsigned lookups, voids, queries;
};

static struct frame *
top(struct spf *s)
{
	return &s->frame[s->depth - 1];
}

static void
stand(struct spf *s, enum scan_spf_result result, const char *problem)
{
	s->stands = true;
	s->asking = s->no_such_name = false;
	s->result = result;
	s->problem = problem;
}

static void
permerror(struct spf *s, const char *problem)
{
	stand(s, SCAN_SPF_PERMERROR, problem);
}

static void
ask(struct spf *s, enum wait wait, enum dns_type type, const char *name)
{
	if (++s->queries > LIMIT_SPF_QUERIES) {
		permerror(s, "too many questions to DNS");
		return;
	}
	s->wait = wait;
	s->question.type = type;
	snprintf(s->question.name, sizeof(s->question.name), "%s", name);
	s->asking = spf_macro_is_name(span_of(name));
	s->no_such_name = !s->asking;
}

static void
ask_addrs(struct spf *s, enum wait wait, const char *name)
{
	ask(s, wait, s->ip.family == AF_INET ? DNS_A : DNS_AAAA, name);
}

static void
ask_policy(struct spf *s, const char *domain)
{
	snprintf(top(s)->domain, sizeof(top(s)->domain), "%s", domain);
	ask(s, WAIT_POLICY, DNS_TXT, domain);
}

/* -- results -------------------------------------------------------------- */

static enum scan_spf_result
result_of(char qualifier)
{
	switch (qualifier) {
	case '-':
		return SCAN_SPF_FAIL;
	case '~':
		return SCAN_SPF_SOFTFAIL;
	case '?':
		return SCAN_SPF_NEUTRAL;
	default:
		return SCAN_SPF_PASS;
	}
}

/*
 * The policy of the top frame gives this result.  An include matches when its
 * policy passes (5.2), which is a result of the policy that it stands in.
 */
static void
end_policy(struct spf *s, enum scan_spf_result result)
{
	s->hosts = s->next_host = 0;
	while (s->depth > 1) {
		s->depth--;
		if (result != SCAN_SPF_PASS)
			return;
		result = result_of(top(s)->qualifier);
	}
	stand(s, result, "");
}

static void
match(struct spf *s)
{
	end_policy(s, result_of(s->term.qualifier));
}

/* -- policies ------------------------------------------------------------- */

static void
take_policy(struct spf *s, const struct dns_answer *answer)
{
	struct frame *f = top(s);
	const char *why;

	buf_clear(&f->text);
	f->redirect = SPAN_NONE;
	f->has_validated = false;
	f->validated[0] = '\0';
	switch (answer->outcome == DNS_OK ? spf_select(answer, &f->text, &why) : SPF_NO_RECORD) {
	case SPF_ONE_RECORD:
		f->rest = buf_view(&f->text);
		return;
	case SPF_BAD_RECORD:
		permerror(s, why);
		return;
	case SPF_NO_RECORD:
	default:
		break;
	}
	/* none, which is an error for include (5.2) and redirect (6.1) */
	if (s->lookups > 0)
		permerror(s, "include or redirect to a domain without policy");
	else
		stand(s, SCAN_SPF_NONE, "");
}

/* True when a further term may need DNS. */
static bool
count_lookup(struct spf *s)
{
	if (++s->lookups <= LIMIT_SPF_LOOKUPS)
		return true;
	permerror(s, "too many terms that need DNS");
	return false;
}

/* Into s->target; "" when the result is no name, which then does not exist (4.8). */
static void
expand(struct spf *s, struct span spec)
{
	struct frame *f = top(s);
	struct spf_macro_values v = { .local = span_of(s->local), .sender_domain = span_of(s->sender_domain),
		.domain = span_of(f->domain), .helo = span_of(s->helo), .ip = s->ip,
		.validated = f->validated[0] != '\0' ? span_of(f->validated) : SPAN("unknown") };

	if (spec.n == 0)
		snprintf(s->target, sizeof(s->target), "%s", f->domain);
	else if (!spf_macro_expand(spec, &v, s->target))
		s->target[0] = '\0';
}

static void
ask_names(struct spf *s, bool for_macro)
{
	struct spf_macro_values v = { .ip = s->ip };
	char name[DNS_NAME_MAX];

	if (!spf_macro_expand(SPAN("%{ir}.%{v}.arpa"), &v, name))
		bug("spf: an address without reverse name");
	s->for_macro = for_macro;
	ask(s, WAIT_NAMES, DNS_PTR, name);
}

/* -- mechanisms ----------------------------------------------------------- */

static bool
in_network(const struct addr *ip, const struct addr *network, const struct spf_term *prefix)
{
	struct addr ours, theirs;

	if (ip->family != network->family)
		return false;
	ours = addr_prefix(ip, prefix->bits_v4, prefix->bits_v6);
	theirs = addr_prefix(network, prefix->bits_v4, prefix->bits_v6);
	return addr_eq_ip(&ours, &theirs);
}

/* Is the client in the network of one of these addresses? */
static bool
has_client(const struct spf *s, const struct dns_answer *answer, const struct spf_term *prefix)
{
	enum dns_type type = s->ip.family == AF_INET ? DNS_A : DNS_AAAA;
	struct addr a;

	for (size_t i = 0; answer->outcome == DNS_OK && i < answer->count; i++)
		if (dns_read_addr(&answer->records[i], type, &a) && in_network(&s->ip, &a, prefix))
			return true;
	return false;
}

static void
include(struct spf *s)
{
	if (s->depth == FRAMES_MAX)
		bug("spf: includes deeper than their look-ups");
	top(s)->qualifier = s->term.qualifier;
	s->depth++;
	ask_policy(s, s->target);
}

static void
begin_mechanism(struct spf *s)
{
	switch (s->term.mechanism) {
	case SPF_INCLUDE:
		include(s);
		return;
	case SPF_A:
		ask_addrs(s, WAIT_ADDRS, s->target);
		return;
	case SPF_MX:
		ask(s, WAIT_MX, DNS_MX, s->target);
		return;
	case SPF_EXISTS:
		ask(s, WAIT_EXISTS, DNS_A, s->target);
		return;
	case SPF_PTR:
		ask_names(s, false);
		return;
	case SPF_ALL:
		match(s);
		return;
	case SPF_IP4:
	case SPF_IP6:
	default:
		if (in_network(&s->ip, &s->term.network, &s->term))
			match(s);
	}
}

static bool
needs_dns(const struct spf_term *t)
{
	return t->kind == SPF_REDIRECT ||
	    (t->mechanism != SPF_ALL && t->mechanism != SPF_IP4 && t->mechanism != SPF_IP6);
}

/* A mechanism, or the redirect at the end.  When it needs %{p} that is asked for first, and it comes again. */
static void
begin_term(struct spf *s)
{
	s->again = false;
	if (needs_dns(&s->term)) {
		if (!top(s)->has_validated && spf_macro_needs_p(s->term.domain)) {
			s->again = true;
			ask_names(s, true);
			return;
		}
		if (!count_lookup(s))
			return;
		expand(s, s->term.domain);
	}
	if (s->term.kind == SPF_REDIRECT)
		ask_policy(s, s->target);
	else
		begin_mechanism(s);
}

/* The next term of the top frame that says something. */
static void
next_term(struct spf *s)
{
	struct frame *f = top(s);

	do {
		s->term = spf_term_next(&f->rest);
		if (s->term.kind == SPF_REDIRECT)
			f->redirect = s->term.domain;
	} while (s->term.kind != SPF_MECHANISM && s->term.kind != SPF_END);
	if (s->term.kind == SPF_MECHANISM) {
		begin_term(s);
	} else if (f->redirect.n > 0) {
		s->term = (struct spf_term){ .kind = SPF_REDIRECT, .domain = f->redirect };
		begin_term(s);
	} else {
		end_policy(s, SCAN_SPF_NEUTRAL);	/* 4.7 */
	}
}

static bool
failed(const struct dns_answer *answer)
{
	return answer->outcome == DNS_FAIL || answer->outcome == DNS_BOGUS;
}

/* A term was asked about and nothing is there: at most two of these (4.6.4). */
static bool
count_void(struct spf *s, const struct dns_answer *answer)
{
	if (answer->outcome == DNS_OK || ++s->voids <= LIMIT_SPF_VOID)
		return true;
	permerror(s, "too many look-ups without answer");
	return false;
}

static void
take_mx(struct spf *s, const struct dns_answer *answer)
{
	s->hosts = s->next_host = 0;
	if (!count_void(s, answer) || answer->outcome != DNS_OK)
		return;
	if (answer->count > LIMIT_SPF_HOSTS) {
		permerror(s, "more MX hosts than are looked at");
		return;
	}
	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *r = &answer->records[i];

		/* behind the preference; "" is the null MX (RFC 7505) */
		if (r->n > 2 && dns_read_any_name(r->data + 2, r->n - 2, s->host[s->hosts]) &&
		    s->host[s->hosts][0] != '\0')
			s->hosts++;
	}
	s->wait = WAIT_MX_ADDRS;
}

/* -- the names of the client: ptr and %{p} (5.5) -------------------------- */

static bool
is_below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return n > d && name[n - d - 1] == '.' && span_is_nocase(span_of(name + n - d), domain);
}

/* 0: the domain itself, 1: a name below it, 2: another. */
static int
class_of(const char *name, const char *domain)
{
	return span_is_nocase(span_of(name), domain) ? 0 : is_below(name, domain) ? 1 : 2;
}

/*
 * The first LIMIT_SPF_HOSTS names, in the order in which they are tried: for ptr
 * only the target and names below it count; %{p} prefers them.
 */
static void
take_names(struct spf *s, const struct dns_answer *answer)
{
	const char *domain = s->for_macro ? top(s)->domain : s->target;
	size_t count = answer->outcome == DNS_OK ? answer->count : 0;
	char name[DNS_NAME_MAX];

	s->hosts = s->next_host = 0;
	if (!s->for_macro && !failed(answer) && !count_void(s, answer))
		return;
	if (count > LIMIT_SPF_HOSTS)
		count = LIMIT_SPF_HOSTS;
	for (int class = 0; class <= (s->for_macro ? 2 : 1); class++)
		for (size_t i = 0; i < count; i++)
			if (dns_read_name(answer->records[i].data, answer->records[i].n, name) &&
			    class_of(name, domain) == class)
				memcpy(s->host[s->hosts++], name, sizeof(name));
	s->wait = WAIT_NAME_ADDRS;
}

/* The client's address must be among those of its name. */
static void
take_name_addrs(struct spf *s, const struct dns_answer *answer)
{
	static const struct spf_term whole = { .bits_v4 = 32, .bits_v6 = 128 };

	if (!has_client(s, answer, &whole))
		return;
	s->hosts = s->next_host = 0;
	if (s->for_macro)
		snprintf(top(s)->validated, sizeof(top(s)->validated), "%s", s->question.name);
	else
		match(s);
}

/* -- the machine ---------------------------------------------------------- */

static void
take(struct spf *s, const struct dns_answer *answer)
{
	/* 4.4 and 5; where names of the client are looked for, failures are passed over (5.5) */
	if (failed(answer) && s->wait != WAIT_NAMES && s->wait != WAIT_NAME_ADDRS) {
		stand(s, SCAN_SPF_TEMPERROR, dns_outcome_text(answer->outcome));
		return;
	}
	switch (s->wait) {
	case WAIT_POLICY:
		take_policy(s, answer);
		return;
	case WAIT_ADDRS:
		if (count_void(s, answer) && has_client(s, answer, &s->term))
			match(s);
		return;
	case WAIT_EXISTS:
		if (count_void(s, answer) && answer->outcome == DNS_OK)
			match(s);
		return;
	case WAIT_MX:
		take_mx(s, answer);
		return;
	case WAIT_MX_ADDRS:
		if (has_client(s, answer, &s->term))
			match(s);
		return;
	case WAIT_NAMES:
		take_names(s, answer);
		return;
	case WAIT_NAME_ADDRS:
	default:
		take_name_addrs(s, answer);
	}
}

/* One step without question open: the next host, the term that waited for %{p}, or the next term. */
static void
step(struct spf *s)
{
	static const struct dns_answer no_name = { .outcome = DNS_NO_NAME };

	if (s->no_such_name) {
		s->no_such_name = false;
		take(s, &no_name);
	} else if (s->next_host < s->hosts) {
		ask_addrs(s, s->wait, s->host[s->next_host++]);
	} else if (s->again) {
		top(s)->has_validated = true;
		begin_term(s);
	} else {
		next_term(s);
	}
}

static void
proceed(struct spf *s)
{
	while (!s->asking && !s->stands)
		step(s);
}

const struct dns_question *
spf_question(const struct spf *s)
{
	return s->asking ? &s->question : NULL;
}

void
spf_answer(struct spf *s, const struct dns_answer *answer)
{
	if (!s->asking)
		bug("spf: an answer without question");
	s->asking = false;
	take(s, answer);
	proceed(s);
}

void
spf_give_up(struct spf *s, const char *why)
{
	stand(s, SCAN_SPF_TEMPERROR, why);
}

/* -- begin and end -------------------------------------------------------- */

/* The first domain: a name with a dot, without its final one; no address literal. */
static bool
is_checkable(struct span domain)
{
	return spf_macro_is_name(domain) && span_find(domain, '.') > 0 && domain.p[0] != '[' &&
	    span_find(domain, '\0') < 0;
}

static struct span
without_dot(struct span domain)
{
	return domain.n > 0 && domain.p[domain.n - 1] == '.' ? span_first(domain, domain.n - 1) : domain;
}

struct spf *
spf_new(const struct addr *ip, struct span helo, struct span mail_from)
{
	struct spf *s = mem_new(sizeof(*s));
	ssize_t at = span_rfind(mail_from, '@');
	struct span local = at > 0 ? span_first(mail_from, (size_t)at) : SPAN("postmaster");
	struct span domain = mail_from.n == 0 ? helo : span_from(mail_from, (size_t)(at + 1));

	*s = (struct spf){ .ip = *ip, .depth = 1, .problem = "" };
	for (size_t i = 0; i < FRAMES_MAX; i++)
		buf_init(&s->frame[i].text, LIMIT_SPF_RECORD);
	domain = without_dot(domain);
	s->helo = mem_copy(span_first(helo, LIMIT_ADDRESS));
	s->local = mem_copy(span_first(local, LIMIT_ADDRESS));
	s->sender_domain = mem_copy(is_checkable(domain) ? domain : SPAN_NONE);
	if (s->sender_domain[0] != '\0')
		ask_policy(s, s->sender_domain);
	else
		stand(s, SCAN_SPF_NONE, "");
	return s;
}

void
spf_free(struct spf **s)
{
	if (*s == NULL)
		return;
	for (size_t i = 0; i < FRAMES_MAX; i++)
		buf_free(&(*s)->frame[i].text);
	free((*s)->helo);
	free((*s)->local);
	free((*s)->sender_domain);
	free(*s);
	*s = NULL;
}

enum scan_spf_result
spf_result(const struct spf *s)
{
	if (!s->stands)
		bug("spf: no result yet");
	return s->result;
}

const char *
spf_problem(const struct spf *s)
{
	return s->problem;
}

const char *
spf_domain(const struct spf *s)
{
	return s->sender_domain;
}
