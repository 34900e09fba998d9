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
	is_num(rcpt((struct policy_rcpt){ .place = POLICY_PLACE_LOCAL }), 250, "anybody may send to us");
	is_num(rcpt((struct policy_rcpt){ .place = POLICY_PLACE_FOREIGN }), 550, "nobody may relay (SMTPIN-03)");
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
	is_num(rcpt((struct policy_rcpt){ SUBMISSION, .place = POLICY_PLACE_LOCAL }), 530, "submission needs a log-in (SMTPIN-25)");
	is_num(rcpt((struct policy_rcpt){ SUBMISSION, .place = POLICY_PLACE_LOCAL, .is_postmaster = true }), 250,
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
	is_num(sender((struct policy_sender){ .address = SPAN("a@x"), .needs_login = true, .local_needs_login = true }),
	       530, "a sender of ours must log in when that is wanted (SMTPIN-23)");
	is_num(sender((struct policy_sender){ TRUSTED, .address = SPAN("a@x"), .needs_login = true,
					      .local_needs_login = true }), 250, "or be trusted");
}

static void
test_limits(void)
{
	struct policy_rcpt f = { .place = POLICY_PLACE_LOCAL, .count = 2, .count_max = 2 };
	struct policy_size size = { .size = 10, .server_max = 10 };
	struct verdict refusal = verdict_make(550, "5.2.1", "disabled");

	is_text(policy_rcpt(&f, NULL).status, "4.5.3", "a recipient over the user's limit (LIMIT-08)");
	f.count = 1;
	is_num(policy_rcpt(&f, NULL).code, 250, "one before it");
	f.room_known = true;
	is_text(policy_rcpt(&f, NULL).status, "5.2.2", "a mailbox without room (USER-03)");
	f.room = 100;
	f.size = 101;
	is_text(policy_rcpt(&f, NULL).status, "5.2.2", "a declared size that does not fit");
	f.size = 100;
	is_num(policy_rcpt(&f, NULL).code, 250, "one that does");
	is_num(policy_room(&f, NULL).code, 250, "also at the end of the data");
	f.size = 101;
	is_text(policy_room(&f, NULL).text, "The mailbox is full", "where one too large is refused");
	f.domain_full = true;
	is_text(policy_room(&f, NULL).text, "The domain has no room for this message", "and the domain's room is named (LIMIT-01)");
	is_text(policy_rcpt(&f, NULL).status, "5.2.2", "as it is at RCPT");
	f.domain_full = false;
	f.size = 100;
	f.refusal = &refusal;
	is_text(policy_rcpt(&f, NULL).status, "5.2.1", "the directory's refusal is passed on");
	is_num(policy_size(&size, NULL).code, 250, "a size at the limit");
	size.size = 11;
	is_text(policy_size(&size, NULL).status, "5.3.4", "and over it");
	size.server_max = 0;
	is_num(policy_size(&size, NULL).code, 250, "no limit");
	size.user_max = 10;
	is_text(policy_size(&size, NULL).status, "5.3.4", "the user's limit (LIMIT-07)");
	size.user_max = 0;
	size.room_known = true;
	size.room = 10;
	is_text(policy_size(&size, NULL).status, "4.3.1", "more than the disk takes");
	size.size = size.room = 0;
	is_text(policy_size(&size, NULL).status, "4.3.1", "a disk below its reserve");
}

static void
test_elsewhere(void)
{
	struct policy_rcpt f = { .place = POLICY_PLACE_FORWARD, .listed = POLICY_KNOWN_NO };

	is_text(policy_rcpt(&f, NULL).status, "5.1.1", "not in the list of valid recipients");
	f.listed = POLICY_KNOWN_YES;
	is_num(policy_rcpt(&f, NULL).code, 250, "in it");
	f.verified = POLICY_KNOWN_NO;
	is_text(policy_rcpt(&f, NULL).status, "5.1.1", "the server behind says no (ROUTE-14)");
	f.verified = POLICY_KNOWN_SILENT;
	is_num(policy_rcpt(&f, NULL).code, 250, "it says nothing: accepted");
	f = (struct policy_rcpt){ .place = POLICY_PLACE_BACKUP };
	is_num(policy_rcpt(&f, NULL).code, 250, "we stand in for its MX host (ROUTE-08)");
	f = (struct policy_rcpt){ .place = POLICY_PLACE_FOREIGN, .sender_needs_login = true };
	is_num(policy_rcpt(&f, NULL).code, 530, "a sender who must log in (DOM-18)");
	f.client.user = SPAN("a@b");
	f.allow_relay_authenticated = true;
	is_num(policy_rcpt(&f, NULL).code, 250, "and did");
	f = (struct policy_rcpt){ .place = POLICY_PLACE_FORWARD, .sender_needs_login = true };
	is_num(policy_rcpt(&f, NULL).code, 530, "a recipient that is passed on is not local (DOM-18)");
	f.place = POLICY_PLACE_BACKUP;
	is_num(policy_rcpt(&f, NULL).code, 530, "nor is one for whom we stand in");
	f.client.is_trusted = true;
	is_num(policy_rcpt(&f, NULL).code, 250, "a trusted address need not log in");
	f = (struct policy_rcpt){ .place = POLICY_PLACE_LOCAL, .sender_needs_login = true };
	is_num(policy_rcpt(&f, NULL).code, 250, "for a local one MAIL decides");
}

static void
test_connect(void)
{
	struct policy_connect f = { .refusal = SPAN("no") }, black = { .is_black = true };
	struct policy_trace t = { 20, 20, 5, 5 };

	is_num(policy_connect(&f, NULL).code, 421, "an address that is refused");
	f.is_local = true;
	is_num(policy_connect(&f, NULL).code, 220, "the local socket never is");
	black.needs_login = true;
	is_num(policy_connect(&black, NULL).code, 554, "a blacklisted address is, also where users log in");
	black.ignores_black = true;
	is_num(policy_connect(&black, NULL).code, 220, "but not at the address that is open to it");
	black = (struct policy_connect){ .is_black = true, .is_trusted = true };
	is_num(policy_connect(&black, NULL).code, 220, "nor when it is trusted too");
	black = (struct policy_connect){ .in_reserve = true, .ignores_black = true };
	is_num(policy_connect(&black, NULL).code, 421, "the last places are another matter");
	is_num(policy_trace(&t, NULL).code, 250, "hops at the limits (SMTPIN-11)");
	t.received++;
	is_num(policy_trace(&t, NULL).code, 554, "one more");
	t = (struct policy_trace){ 6, 20, 6, 5 };
	is_num(policy_trace(&t, NULL).code, 554, "too often here");
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
	buf_clear(&why);
	f = (struct policy_rcpt){ .place = POLICY_PLACE_FORWARD, .no_checks = true, .points = 100, .points_max = 100 };
	is_num(policy_rcpt(&f, &why).code, 250, "a gateway without checks (ROUTE-15)");
	is_span(buf_view(&why), "recipient-ours forward 0 0\nenvelope-checks off-for-gateway 0 0\n", "says so");
	buf_clear(&why);
	f = (struct policy_rcpt){ .place = POLICY_PLACE_LOCAL, .leads_to = SPAN("sales@example.com"), .is_alias = true };
	is_num(policy_rcpt(&f, &why).code, 250, "an alias of ours (USER-04)");
	is_span(buf_view(&why), "alias sales@example.com 0 0\nrecipient-ours local 0 0\n", "is named as such");
	buf_clear(&why);
	f.is_alias = false;
	f.is_postmaster = true;
	is_num(policy_rcpt(&f, &why).code, 250, "postmaster (GEN-02)");
	is_span(buf_view(&why), "mailbox sales@example.com 0 0\npostmaster yes 0 0\n", "and the mailbox that gets it");
	buf_clear(&why);
	is_num(policy_connect(&(struct policy_connect){ .is_white = true }, &why).code, 220, "a whitelisted address (IPBW-08)");
	is_span(buf_view(&why), "whitelist yes 0 0\naddress ok 0 0\n", "is told as one");
	buf_free(&why);
}

int
main(void)
{
	test_relay();
	test_submission();
	test_match();
	test_limits();
	test_elsewhere();
	test_connect();
	test_lines();
	return done();
}
