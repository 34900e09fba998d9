/*
 * notice: whether there is one, and whom it goes to.  See notice.h.
 */
#include "base/base.h"
#include "notice.h"

#include "base/mem.h"

#define HOUR_S 3600
#define TEXT_MAX 8192

struct notices {
	struct post *post;
	const char *host;
	const char *from;
};

struct notices *
notices_new(struct abuse *a)
{
	struct notices *all = mem_new(sizeof(*all));
	char from[LIMIT_ADDRESS + 1];

	all->host = settings_text(a->svc.settings, "hostName");
	if (all->host[0] == '\0')
		all->host = "localhost";
	all->from = settings_text(a->svc.settings, "postmasterMailbox");
	if (all->from[0] == '\0') {
		snprintf(from, sizeof(from), "postmaster@%s", all->host);
		all->from = mem_text(from);
	}
	all->post = post_new(a);
	return all;
}

void
notices_end(struct abuse *a)
{
	size_t waiting = post_waiting(a->notices->post);

	if (waiting > 0)
		log_failure(&a->svc, "", "", "event=notices-lost count=%zu", waiting);
}

bool
notice_is_new(struct abuse *a, const struct rule *r, const uint8_t key[16])
{
	uint64_t purpose = PURPOSE_TOLD + r->number;
	int64_t now = abuse_now_s();

	if (table_count(a->accounts, key, purpose, 0, now, r->frame_s) > 0)
		return false;
	table_count(a->accounts, key, purpose, 1, now, r->frame_s);
	return true;
}

/* False: this rule had its notices of the hour, or too many wait. */
static bool
is_within_budget(struct abuse *a, struct rule *r)
{
	int64_t now = abuse_now_s();

	if (now - r->told_since_s >= HOUR_S) {
		r->told_since_s = now;
		r->told = 0;
	}
	return r->told < LIMIT_NOTICES_HOUR && post_waiting(a->notices->post) < LIMIT_NOTICES;
}

void
notice_crossing(struct abuse *a, struct rule *r, const struct crossing *c)
{
	char ip[ADDR_TEXT_MAX] = "", storage[4 * LIMIT_ADDRESS + 64];
	struct notices *all = a->notices;
	struct notice *n;
	struct buf account;
	const bool is_held = !is_within_budget(a, r);

	if (c->ip != NULL)
		addr_print(c->ip, ip, sizeof(ip));
	buf_init_fixed(&account, storage, sizeof(storage));
	if (c->account.n > 0)
		log_value(&account, "account", c->account);
	log_line(&a->svc, "", ip, "event=rule-crossed rule=%u kind=%s count=%u%s notice=%s", r->number,
		rule_kind_name(r->kind), c->count, buf_text(&account), is_held ? "held" : "sent");
	if (is_held) {
		r->untold++;
		return;
	}
	n = mem_new(sizeof(*n));
	snprintf(n->to, sizeof(n->to), "%s", r->notify);
	buf_init(&n->text, TEXT_MAX);
	notice_print(r, c, all->host, all->from, &n->text);
	r->told++;
	r->untold = 0;
	post_put(all->post, n);
}
