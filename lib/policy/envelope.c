/* envelope: see envelope.h. */
#include "base/base.h"
#include "policy/envelope.h"
#include "policy/sum.h"

/* Adds the weight of one check; the heaviest one gives the words. */
static void
weigh(struct policy_sum *s, struct policy_points *p, const char *name, struct span value, int weight, int *heaviest,
	struct verdict v)
{
	if (weight <= 0)
		return;
	policy_sum_add(s, name, value, -weight);
	if (weight > *heaviest) {
		*heaviest = weight;
		p->verdict = v;
	}
	p->points += weight;
}

/* The name that a server gave, against its address and DNS. */
static void
weigh_name(struct policy_sum *s, struct policy_points *p, const struct policy_helo *f, const struct policy_weights *w,
	int *heaviest)
{
	if (f->is_own_name)
		weigh(s, p, "helo-own-name", f->name, w->helo_own_name, heaviest,
		      verdict_make(550, "5.7.1", "You are not %.*s", SPAN_ARG(f->name)));
	if (f->is_literal && !f->is_peer)
		weigh(s, p, "helo-literal", f->name, w->helo_literal, heaviest,
		      verdict_make(550, "5.7.1", "%.*s is not your address", SPAN_ARG(f->name)));
	if (!f->is_literal && span_find(f->name, '.') < 0)
		weigh(s, p, "helo-bare", f->name, w->helo_bare, heaviest,
		      verdict_make(550, "5.5.2", "HELO needs a full domain name"));
	if (f->dns == POLICY_DNS_NONE)
		weigh(s, p, "helo-unresolved", f->name, w->helo_unresolved, heaviest,
		      verdict_make(550, "5.7.1", "DNS does not know the name you gave in HELO"));
}

void
policy_helo(const struct policy_helo *f, const struct policy_weights *w, struct policy_points *p, struct buf *why)
{
	struct policy_sum s = { why, 0 };
	int heaviest = 0;

	*p = (struct policy_points){ .points = 0 };
	if (f->is_early)
		weigh(&s, p, "early-talker", f->name, w->early_talker, &heaviest,
		      verdict_make(550, "5.5.1", "You spoke before the greeting"));
	if (f->is_gateway)
		policy_sum_add(&s, "helo-by-origin", f->name, 0);
	else
		weigh_name(&s, p, f, w, &heaviest);
	if (p->points == 0 && !f->is_gateway)
		policy_sum_add(&s, "helo", f->name, 0);
}

void
policy_sender_domain(struct span domain, enum policy_dns dns, const struct policy_weights *w,
	struct policy_points *p, struct buf *why)
{
	struct policy_sum s = { why, -p->points };
	int heaviest = p->points;

	switch (dns) {
	case POLICY_DNS_NULL_MX:
		weigh(&s, p, "sender-null-mx", domain, w->sender_null_mx, &heaviest,
		      verdict_make(550, "5.7.27", "The sender's domain takes no mail"));
		break;
	case POLICY_DNS_NONE:
		weigh(&s, p, "sender-unresolved", domain, w->sender_unresolved, &heaviest,
		      verdict_make(550, "5.1.8", "DNS does not know the sender's domain"));
		break;
	case POLICY_DNS_UNKNOWN:
		policy_sum_add(&s, "sender-domain", SPAN("unknown"), 0);
		break;
	case POLICY_DNS_GOOD:
		policy_sum_add(&s, "sender-domain", domain, 0);
		break;
	case POLICY_DNS_UNASKED:
		break;
	}
}

void
policy_origin(const struct policy_helo *f, const struct policy_weights *w, struct policy_points *p, struct buf *why)
{
	struct policy_sum s = { why, -p->points };
	int before = p->points, heaviest = p->points;

	if (f == NULL) {
		policy_sum_add(&s, "origin", SPAN("unknown"), 0);
		return;
	}
	weigh_name(&s, p, f, w, &heaviest);
	if (p->points == before)
		policy_sum_add(&s, "helo", f->name, 0);
}

struct verdict
policy_points_verdict(const struct policy_points *p, const struct policy_weights *w, bool is_wanted, struct buf *why)
{
	struct policy_sum s = { why, 0 };
	bool is_enough = w->threshold > 0 && p->points >= w->threshold;

	if (is_wanted)
		policy_sum_add_num(&s, "envelope-checks", (uint64_t)p->points, is_enough ? POLICY_AGAINST : 0);
	else
		policy_sum_add(&s, "envelope-checks", SPAN("no-recipient-wants-them"), 0);
	return s.total < 0 ? p->verdict : verdict_make(250, "2.0.0", "OK");
}
