/* decide: see decide.h. */
#include "base/base.h"
#include "decide.h"

#include "ask.h"
#include "config/route.h"
#include "expect.h"
#include "greylist.h"

void
decide_print_time(int64_t at, char out[32])
{
	time_t t = (time_t)at;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		snprintf(out, 32, "%lld", (long long)at);
}

void
decide_print_refusal(int64_t now, int64_t earliest, char out[DECIDE_TEXT_MAX])
{
	char when[32];

	decide_print_time(earliest, when);
	snprintf(out, DECIDE_TEXT_MAX, "Greylisted, try again later: not before %s (in %lld seconds)", when,
		(long long)(earliest > now ? earliest - now : 0));
}

static struct span
domain_of(struct span address)
{
	return span_from(address, (size_t)(span_rfind(address, '@') + 1));
}

/* Transports of mail that leaves this site, or that is refused. */
static const char *
mailer_exempts(const struct rules *rules, const char *mailer)
{
	if (mailer == NULL)
		return NULL;
	if (strcmp(mailer, "smtp") == 0 || strcmp(mailer, "esmtp") == 0)
		return "outgoing";
	if (strcmp(mailer, "backup") == 0)
		return rules->smart_hosts ? NULL : "backup-mx";
	return strcmp(mailer, "error") == 0 ? "refused" : NULL;
}

/* Of the servers whose backup MX we are the first that has an MX host of the domain says. */
static bool
backup_off(const struct rules *rules, const struct delivery *d)
{
	int found = 0;

	if (d->mailer == NULL || strcmp(d->mailer, "backup") != 0)
		return false;
	for (size_t i = 0; found == 0 && i < rules->backup_count; i++) {
		found = ask_mx(d->ticket, &d->client, domain_of(d->recipient), &rules->backups[i].range);
		if (found == 1)
			return rules->backups[i].no_greylisting;
	}
	return false;
}

/* Not in our directory: another server's, which we pass on, or the server that asks knows it. */
static const char *
foreign_exempts(const struct rules *rules, const struct delivery *d)
{
	if (rules_forward_off(rules, domain_of(d->recipient)) || backup_off(rules, d))
		return "forward-off";
	if (d->mailer == NULL && !route_find(rules->settings, domain_of(d->recipient), NULL))
		return "not-ours";
	return NULL;
}

static void
gather_recipient(const struct rules *rules, const struct delivery *d, struct policy_greylist *f, struct decision *out)
{
	f->recipient = mailer_exempts(rules, d->mailer);
	if (f->recipient != NULL)
		return;
	out->is_recipient_asked = true;
	switch (ask_recipient(d->recipient, d->sender, out->canonical)) {
	case DIRECTORY_DOMAIN_OFF:
		f->recipient = "domain-off";
		break;
	case DIRECTORY_USER_OFF:
		f->recipient = "user-off";
		break;
	case DIRECTORY_TRUSTED_BY_DOMAIN:
		f->trusted = "domain";
		break;
	case DIRECTORY_TRUSTED_BY_USER:
		f->trusted = "user";
		break;
	case DIRECTORY_NOT_OURS:
		f->recipient = foreign_exempts(rules, d);
		break;
	case DIRECTORY_REFUSED:		/* GREY-14 */
		f->recipient = d->mailer == NULL ? "refused" : NULL;
		break;
	case DIRECTORY_GREYLIST:
	case DIRECTORY_TROUBLE:		/* without auth-check every recipient is judged alike */
		break;
	}
}

struct expectation {
	int64_t now, until;
};

static bool
is_expected(const char *mailbox, void *ctx)
{
	struct expectation *e = ctx;

	e->until = expect_until(mailbox, e->now);
	return e->until != 0;
}

static void
gather_expected(const struct delivery *d, int64_t now, struct policy_greylist *f, struct decision *out)
{
	struct expectation e = { .now = now };

	if (!expect_any(now) || !ask_mailboxes(d->recipient, is_expected, &e))
		return;
	decide_print_time(e.until, out->until);
	f->expected = out->until;
}

static int
gather_known(const struct rules *rules, const struct delivery *d, int64_t now, struct policy_greylist *f,
	struct decision *out)
{
	enum known how;

	if (d->sender.n == 0)
		return 0;
	if (records_known(&greylist.records, d->sender, span_of(out->canonical), now, rules->periods.keep_s, &how) < 0)
		return -1;
	if (how != KNOWN_NOT)
		f->known = how == KNOWN_WROTE ? "wrote-to" : "received-from";
	return 0;
}

/* DNS is spared where the network's record says enough, and need not be written again. */
static bool
needs_spf(const struct rules *rules, const struct delivery *d, const struct decision *out, int64_t now)
{
	struct judged j;

	if (rules->key_by != KEY_BY_DOMAIN || domain_of(d->sender).n == 0 || d->sender.n == 0)
		return false;
	j = judge(&rules->periods, &out->network.seen, NULL, now);
	return !j.passes || j.writes;
}

static bool
spf_passes(const struct delivery *d)
{
	if (!d->spf->is_asked) {
		d->spf->passes = ask_spf(d->ticket, &d->client, d->helo, d->sender);
		d->spf->is_asked = true;
	}
	return d->spf->passes;
}

static int
gather_record(const struct rules *rules, const struct delivery *d, int64_t now, struct policy_greylist *f,
	struct decision *out)
{
	struct triple *c = &out->contact;

	*c = (struct triple){ .client = d->client, .by_address = rules->key_by == KEY_BY_ADDRESS,
		.sender = d->sender, .recipient = span_of(out->canonical) };
	if (records_find(&greylist.records, c, &out->network, &out->domain) < 0)
		return -1;
	if (needs_spf(rules, d, out, now) && spf_passes(d)) {
		c->domain = domain_of(d->sender);
		if (records_find(&greylist.records, c, &out->network, &out->domain) < 0)
			return -1;
	}
	out->judged = judge(&rules->periods, &out->network.seen, c->domain.n > 0 ? &out->domain.seen : NULL, now);
	records_origin(c, out->origin);
	f->record = out->judged.name;
	f->record_passes = out->judged.passes;
	f->key = out->origin;
	out->earliest_s = out->judged.earliest_s;
	return 0;
}

static bool
is_decided(const struct policy_greylist *f)
{
	return f->user != NULL || f->client != NULL || f->recipient != NULL || f->trusted != NULL
		|| f->expected != NULL || f->known != NULL;
}

static int
gather(const struct rules *rules, const struct delivery *d, int64_t now, struct policy_greylist *f,
	struct decision *out)
{
	f->user = d->user[0] != '\0' ? d->user : NULL;
	f->client = d->client.family != AF_INET && d->client.family != AF_INET6
		? "no-address" : rules_exempt(rules, &d->client);
	if (!is_decided(f))
		gather_recipient(rules, d, f, out);
	if (out->canonical[0] == '\0')
		snprintf(out->canonical, sizeof(out->canonical), "%.*s", SPAN_ARG(d->recipient));
	if (!is_decided(f))
		gather_expected(d, now, f, out);
	if (!is_decided(f) && gather_known(rules, d, now, f, out) < 0)
		return -1;
	return is_decided(f) ? 0 : gather_record(rules, d, now, f, out);
}

int
decide(const struct rules *rules, const struct delivery *d, int64_t now, bool writes, struct buf *why,
	struct decision *out)
{
	struct policy_greylist f = { .user = NULL };

	memset(out, 0, sizeof(*out));
	if (gather(rules, d, now, &f, out) < 0)
		return -1;
	out->result = policy_greylist(&f, why);
	if (writes && f.record != NULL && out->judged.writes)
		return records_write(&greylist.records, &out->contact, &rules->periods, &out->judged,
			&out->network, &out->domain);
	return 0;
}
