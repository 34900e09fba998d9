/*
 * control_why: what would happen, and why; nothing is noted.
 *
 *	why ip= sender= recipient= [helo=] [user=] [mailer=]	one delivery, judged by decide as if it came now
 *	why ip=			a stranger's mail from this address
 *	why address=		a stranger's mail to this address
 *
 * -> ok verdict=pass|later step="NAME VALUE WEIGHT TOTAL" ... [earliest=SECONDS reply="CODE STATUS TEXT"]
 *	[record="STATE FIRST LAST EXPIRES ORIGIN"] ... [gateway=1]
 *
 * gateway=1: the address is an own gateway's, for which a recipient never waits at
 * RCPT; what is told is then how its mail is judged that began there.
 */
#include "base/base.h"
#include "greylist.h"

#include "ask.h"
#include "base/die.h"
#include "base/limits.h"
#include "decide.h"
#include "expect.h"
#include "service/control.h"
#include "sys/clock.h"

#define WHY_MAX 4096

static void
add_steps(struct buf *reply, const struct buf *why)
{
	struct span rest = buf_view(why);

	while (rest.n > 0)
		record_add(reply, "step", span_cut(&rest, '\n'));
}

static void
add_record(struct buf *reply, const struct rules *rules, const struct seen *s, const char *origin)
{
	char line[ORIGIN_TEXT_MAX + 96];

	if (s->state == SEEN_NOT)
		return;
	snprintf(line, sizeof(line), "%s %lld %lld %lld %s", s->state == SEEN_PASSED ? "passed" : "waiting",
		(long long)s->first_s, (long long)s->last_s, (long long)judge_expires(&rules->periods, s), origin);
	record_add_text(reply, "record", line);
}

static void
add_refusal(struct buf *reply, int64_t now, int64_t earliest)
{
	char text[DECIDE_TEXT_MAX], line[DECIDE_TEXT_MAX + 16];

	decide_print_refusal(now, earliest, text);
	snprintf(line, sizeof(line), DECIDE_CODE " " DECIDE_STATUS " %s", text);
	record_add_num(reply, "earliest", (uint64_t)earliest);
	record_add_text(reply, "reply", line);
}

static void
why_delivery(const struct rules *rules, const struct delivery *d, struct buf *reply)
{
	int64_t now = clock_wall_ms() / 1000;
	char storage[WHY_MAX], origin[ORIGIN_TEXT_MAX];
	struct decision v;
	struct buf why;

	buf_init_fixed(&why, storage, sizeof(storage));
	if (decide(rules, d, now, false, &why, &v) < 0)
		greylist_trouble();
	record_begin(reply, "ok");
	record_add_text(reply, "verdict", v.result.passes ? "pass" : "later");
	add_steps(reply, &why);
	if (!v.result.passes)
		add_refusal(reply, now, v.earliest_s);
	if (v.origin[0] == '\0')
		return;
	add_record(reply, rules, &v.domain.seen, v.origin);
	v.contact.domain = SPAN_NONE;
	records_origin(&v.contact, origin);
	add_record(reply, rules, &v.network.seen, origin);
}

/* A stranger's mail: what is exempt without looking at the sender, and else a first contact. */
static void
why_stranger(const struct policy_greylist *f, struct buf *reply)
{
	struct policy_greylist_result r;
	char storage[WHY_MAX];
	struct buf why;

	buf_init_fixed(&why, storage, sizeof(storage));
	r = policy_greylist(f, &why);
	record_begin(reply, "ok");
	record_add_text(reply, "verdict", r.passes ? "pass" : "later");
	add_steps(reply, &why);
}

static bool
is_waiting(const char *mailbox, void *ctx)
{
	int64_t *until = ctx;

	*until = expect_until(mailbox, clock_wall_ms() / 1000);
	return *until != 0;
}

static void
why_address(const struct rules *rules, struct span address, struct buf *reply)
{
	struct policy_greylist f = { .record = "first-contact", .key = "stranger" };
	char canonical[LIMIT_ADDRESS + 1], until[32];
	int64_t at;

	switch (ask_recipient(address, SPAN(""), canonical)) {
	case DIRECTORY_DOMAIN_OFF:
		f.recipient = "domain-off";
		break;
	case DIRECTORY_USER_OFF:
		f.recipient = "user-off";
		break;
	case DIRECTORY_NOT_OURS:
		f.recipient = rules_forward_off(rules, span_from(address, (size_t)(span_rfind(address, '@') + 1)))
			? "forward-off" : "not-ours";
		break;
	case DIRECTORY_REFUSED:
		f.recipient = "refused";
		break;
	case DIRECTORY_GREYLIST:
	case DIRECTORY_TRUSTED_BY_DOMAIN:
	case DIRECTORY_TRUSTED_BY_USER:
	case DIRECTORY_TROUBLE:
		break;
	}
	if (f.recipient == NULL && ask_mailboxes(address, is_waiting, &at)) {
		decide_print_time(at, until);
		f.expected = until;
	}
	why_stranger(&f, reply);
}

static void
why_client(const struct rules *rules, const struct addr *client, struct buf *reply)
{
	struct policy_greylist f = { .record = "first-contact", .key = "stranger" };

	if (addr_set_has(&rules->gateways, client)) {
		why_stranger(&f, reply);
		record_add_num(reply, "gateway", 1);
		return;
	}
	f.client = rules_exempt(rules, client);
	why_stranger(&f, reply);
}

/* The milter judges mail of a gateway when the header says where it came from, and passes what began there. */
static void
why_any_delivery(const struct rules *rules, struct delivery *d, struct buf *reply)
{
	bool is_gateway = d->user[0] == '\0' && addr_set_has(&rules->gateways, &d->client);

	if (is_gateway)
		d->client = (struct addr){ .family = AF_UNSPEC };
	why_delivery(rules, d, reply);
	if (is_gateway)
		record_add_num(reply, "gateway", 1);
}

static void
why(const struct rules *rules, const struct record *request, struct buf *reply)
{
	struct spf_memo memo = { .is_asked = false };
	struct span ip = record_get(request, "ip"), address = record_get(request, "address"),
		user = span_first(record_get(request, "user"), LIMIT_ADDRESS), mailer = span_first(record_get(request, "mailer"), 15);
	char user_text[LIMIT_ADDRESS + 1], mailer_text[16];
	struct delivery d = { .ticket = "", .user = user_text, .mailer = mailer.n > 0 ? mailer_text : NULL,
		.helo = record_get(request, "helo"), .sender = record_get(request, "sender"),
		.recipient = record_get(request, "recipient"), .spf = &memo };

	snprintf(user_text, sizeof(user_text), "%.*s", SPAN_ARG(user));
	snprintf(mailer_text, sizeof(mailer_text), "%.*s", SPAN_ARG(mailer));

	if (address.n > 0 && address.n <= LIMIT_ADDRESS)
		why_address(rules, address, reply);
	else if (!addr_parse(ip, &d.client))
		control_error(reply, EXIT_USAGE, "say an address, or an IP address with or without sender and recipient");
	else if (d.recipient.n == 0 && d.sender.p == NULL)
		why_client(rules, &d.client, reply);
	else if (d.recipient.n == 0 || d.recipient.n > LIMIT_ADDRESS || d.sender.n > LIMIT_ADDRESS)
		control_error(reply, EXIT_USAGE, "sender and recipient are addresses");
	else
		why_any_delivery(rules, &d, reply);
}

void
control_why(const struct record *request, struct buf *reply)
{
	struct rules *rules = rules_hold();

	why(rules, request, reply);
	rules_release(rules);
}
