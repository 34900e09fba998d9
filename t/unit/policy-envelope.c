/* Weighted checks of HELO and sender domain, of a gateway and the server behind it (BYP-03), and what a total over the threshold means. */
#include "base/base.h"
#include "policy/envelope.h"
#include "policy/smtp_in.h"
#include "tap.h"

static const struct policy_weights weights = {
	.early_talker = 50, .helo_own_name = 100, .helo_literal = 50, .helo_bare = 30, .helo_unresolved = 40,
	.sender_unresolved = 60, .sender_null_mx = 100, .threshold = 100,
};

static struct policy_points
helo(struct policy_helo f)
{
	struct policy_points p;

	policy_helo(&f, &weights, &p, NULL);
	return p;
}

static void
test_helo(void)
{
	struct policy_points p = helo((struct policy_helo){ .name = SPAN("mail.example.com") });

	is_num(p.points, 0, "a full name");
	p = helo((struct policy_helo){ .name = SPAN("us.example"), .is_own_name = true });
	is_num(p.points, 100, "our own name");
	is_text(p.verdict.text, "You are not us.example", "in words");
	is_num(helo((struct policy_helo){ .name = SPAN("[192.0.2.1]"), .is_literal = true, .is_peer = true }).points, 0,
	       "the client's own address");
	is_num(helo((struct policy_helo){ .name = SPAN("[192.0.2.1]"), .is_literal = true }).points, 50, "another address");
	is_num(helo((struct policy_helo){ .name = SPAN("bare") }).points, 30, "a name without a dot");
	p = helo((struct policy_helo){ .name = SPAN("bare"), .dns = POLICY_DNS_NONE });
	is_num(p.points, 70, "points add up");
	is_text(p.verdict.text, "DNS does not know the name you gave in HELO", "and the heaviest speaks");
	p = helo((struct policy_helo){ .name = SPAN("bare"), .is_early = true });
	is_num(p.points, 80, "a client that could not wait for the greeting");
	is_text(p.verdict.text, "You spoke before the greeting", "is told so");
	is_num(helo((struct policy_helo){ .name = SPAN("a.b"), .dns = POLICY_DNS_UNKNOWN }).points, 0,
	       "what could not be found out counts nothing");
}

static void
test_sender(void)
{
	struct policy_points p = helo((struct policy_helo){ .name = SPAN("bare") });
	struct buf why;

	buf_init(&why, 1000);
	policy_sender_domain(SPAN("nowhere.example"), POLICY_DNS_NONE, &weights, &p, &why);
	is_num(p.points, 90, "the sender's points are added to those of HELO");
	is_text(p.verdict.status, "5.1.8", "the heavier one speaks");
	is_span(buf_view(&why), "sender-unresolved nowhere.example -60 -90\n", "the line has the total of both");
	p = (struct policy_points){ .points = 0 };
	policy_sender_domain(SPAN("null.example"), POLICY_DNS_NULL_MX, &weights, &p, NULL);
	is_text(p.verdict.status, "5.7.27", "a null MX (RFC 7505 4.2)");
	policy_sender_domain(SPAN("x.example"), POLICY_DNS_GOOD, &weights, &p, NULL);
	is_num(p.points, 100, "a good domain adds nothing");
	buf_free(&why);
}

static void
test_origin(void)
{
	struct policy_helo f = { .name = SPAN("[192.0.2.8]"), .is_literal = true, .is_gateway = true };
	struct policy_points p;
	struct buf why;

	buf_init(&why, 1000);
	policy_helo(&f, &weights, &p, &why);
	is_num(p.points, 0, "the name of a gateway of ours counts nothing (BYP-03)");
	is_span(buf_view(&why), "helo-by-origin [192.0.2.8] 0 0\n", "and the line says so");
	f.is_early = true;
	policy_helo(&f, &weights, &p, NULL);
	is_num(p.points, 50, "what it does itself counts");
	buf_clear(&why);
	f = (struct policy_helo){ .name = SPAN("[192.0.2.8]"), .is_literal = true };
	policy_origin(&f, &weights, &p, &why);
	is_num(p.points, 100, "the server behind it is weighed on top");
	is_span(buf_view(&why), "helo-literal [192.0.2.8] -50 -100\n", "with the total of both");
	is_num(policy_points_verdict(&p, &weights, true, NULL).code, 550, "which refuses the message at the threshold");
	is_num(policy_points_verdict(&p, &weights, false, NULL).code, 250, "unless no recipient wants the checks");
	p.points = 99;
	buf_clear(&why);
	is_num(policy_points_verdict(&p, &weights, true, &why).code, 250, "and not below it");
	is_span(buf_view(&why), "envelope-checks 99 0 0\n", "the line of a message that passes");
	buf_clear(&why);
	policy_origin(NULL, &weights, &p, &why);
	is_num(p.points, 99, "what nobody knows counts nothing");
	is_span(buf_view(&why), "origin unknown 0 -99\n", "and is said");
	buf_free(&why);
}

static void
test_threshold(void)
{
	struct verdict words = verdict_make(550, "5.7.27", "no");
	struct policy_rcpt f = { .place = POLICY_PLACE_LOCAL, .points = 100, .points_max = 100, .points_verdict = &words };
	struct verdict v = policy_rcpt(&f, NULL);

	is_text(v.status, "5.7.27", "at the threshold a recipient is refused, in the words of the check");
	f.points = 99;
	is_num(policy_rcpt(&f, NULL).code, 250, "below it is not");
	f.points = 500;
	f.is_postmaster = true;
	is_num(policy_rcpt(&f, NULL).code, 250, "postmaster never is");
	f.is_postmaster = false;
	f.client.is_trusted = true;
	is_num(policy_rcpt(&f, NULL).code, 250, "nor is a trusted client");
	f.client.is_trusted = false;
	f.points_max = 0;
	is_num(policy_rcpt(&f, NULL).code, 250, "a threshold of 0 refuses nobody");
}

int
main(void)
{
	test_helo();
	test_sender();
	test_origin();
	test_threshold();
	return done();
}
