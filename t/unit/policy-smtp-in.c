/* Who may send what to whom: every combination of facts that the settings know. */
#include "base/base.h"
#include "policy/smtp_in.h"
#include "tap.h"

static int
rcpt(struct policy_rcpt f)
{
	return policy_rcpt(&f, NULL).code;
}

static int
sender(struct policy_sender f)
{
	return policy_sender(&f, NULL).code;
}

#define ALICE .client = { .user = SPAN("alice@example.com") }
#define TRUSTED .client = { .is_trusted = true }
#define SUBMISSION .client = { .needs_login = true }

static void
test_relay(void)
{
	is_num(rcpt((struct policy_rcpt){ .is_ours = true }), 250, "anybody may send to us");
	is_num(rcpt((struct policy_rcpt){ .is_ours = false }), 550, "nobody may relay (SMTPIN-03)");
	is_num(rcpt((struct policy_rcpt){ ALICE, .allow_relay_authenticated = true }), 250, "who logged in may relay");
	is_num(rcpt((struct policy_rcpt){ ALICE }), 550, "unless that is switched off (SMTPIN-22)");
	is_num(rcpt((struct policy_rcpt){ TRUSTED }), 250, "trusted addresses may relay (AUTHB-04)");
	is_num(rcpt((struct policy_rcpt){ .allow_relay = POLICY_RELAY_ANYONE }), 250, "an open relay (SMTPIN-06)");
	is_num(rcpt((struct policy_rcpt){ .allow_relay = POLICY_RELAY_LOCAL_USERS, .sender_is_user = true }), 250,
	       "local users (SMTPIN-04)");
	is_num(rcpt((struct policy_rcpt){ .allow_relay = POLICY_RELAY_LOCAL_USERS, .sender_is_domain = true }), 550,
	       "but not all of their domain");
	is_num(rcpt((struct policy_rcpt){ .allow_relay = POLICY_RELAY_LOCAL_DOMAINS, .sender_is_domain = true }), 250,
	       "local domains (SMTPIN-05)");
	is_num(rcpt((struct policy_rcpt){ .allow_relay = POLICY_RELAY_LOCAL_DOMAINS }), 550, "but no others");
}

static void
test_submission(void)
{
	is_num(rcpt((struct policy_rcpt){ SUBMISSION, .is_ours = true }), 530, "submission needs a log-in (SMTPIN-25)");
	is_num(rcpt((struct policy_rcpt){ SUBMISSION, .is_ours = true, .is_postmaster = true }), 250,
	       "but for postmaster (RFC 5321 4.5.1)");
	is_num(rcpt((struct policy_rcpt){ SUBMISSION, .is_postmaster = true }), 530, "of our own domains");
	is_num(sender((struct policy_sender){ SUBMISSION, .address = SPAN("a@b") }), 530, "also at MAIL");
}

static void
test_match(void)
{
	struct policy_sender f = { ALICE, .address = SPAN("bob@example.com"), .match = POLICY_MATCH_ADDRESS };

	is_num(policy_sender(&f, NULL).code, 553, "another address than the log-in's (SMTPIN-15)");
	is_num(policy_header_from(&f, NULL).code, 550, "also in From");
	f.may_send_as = true;
	is_num(policy_sender(&f, NULL).code, 250, "the directory may allow it");
	f.may_send_as = false;
	f.match = POLICY_MATCH_DOMAIN;
	is_num(policy_sender(&f, NULL).code, 250, "the same domain, when that is enough");
	f.address = SPAN("bob@example.org");
	is_num(policy_sender(&f, NULL).code, 553, "another domain");
	f.match = POLICY_MATCH_NONE;
	is_num(policy_sender(&f, NULL).code, 250, "no rule");
	f = (struct policy_sender){ ALICE, .address = SPAN("Alice@EXAMPLE.com"), .match = POLICY_MATCH_ADDRESS };
	is_num(policy_sender(&f, NULL).code, 250, "letter case does not count");
	f.address = SPAN("");
	is_num(policy_sender(&f, NULL).code, 250, "the null reverse-path is everybody's");
	is_num(policy_header_from(&f, NULL).code, 550, "but From must name one address");
	f.client.user = SPAN("");
	is_num(policy_header_from(&f, NULL).code, 250, "without a log-in there is no rule");
	is_num(sender((struct policy_sender){ .address = SPAN("a@x"), .is_local_domain = true, .local_needs_login = true }),
	       530, "a sender of ours must log in when that is wanted (SMTPIN-23)");
	is_num(sender((struct policy_sender){ TRUSTED, .address = SPAN("a@x"), .is_local_domain = true,
					      .local_needs_login = true }), 250, "or be trusted");
}

static void
test_lines(void)
{
	struct policy_rcpt f = { .client = { .user = SPAN("al ice@x\n") } };
	struct buf why;

	buf_init(&why, 1000);
	is_num(policy_rcpt(&f, &why).code, 550, "a refusal");
	is_span(buf_view(&why), "recipient-not-ours yes -100 -100\nallow-relay no 0 -100\n", "the sum of a refusal");
	buf_clear(&why);
	f.allow_relay_authenticated = true;
	is_num(policy_rcpt(&f, &why).code, 250, "a permission");
	is_span(buf_view(&why), "recipient-not-ours yes -100 -100\nlog-in al\\x20ice@x\\x0a 100 0\n", "the sum of a permission");
	buf_free(&why);
}

int
main(void)
{
	test_relay();
	test_submission();
	test_match();
	test_lines();
	return done();
}
