/* rules: see rules.h. */
#include "base/base.h"
#include "rules.h"

#include <pthread.h>
#include <stdlib.h>
#include "base/mem.h"
#include "config/route.h"
#include "service/ip_list.h"

static struct rules *current;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
read_periods(struct rules *r)
{
	r->periods.block_s = (int64_t)settings_num(r->settings, "greylisting/blockPeriod") * 60;
	r->periods.pass_s = (int64_t)settings_num(r->settings, "greylisting/passPeriod") * 60;
	r->periods.keep_s = (int64_t)settings_num(r->settings, "greylisting/recordExpiration") * 86400;
	/* A pass period that ends before the block period would let nothing pass. */
	if (r->periods.pass_s <= r->periods.block_s)
		r->periods.pass_s = r->periods.block_s + 3600;
}

static void
read_addresses(struct rules *r)
{
	ip_list_add(&r->white, r->settings, "whitelist/entry", "smtp");
	ip_list_add(&r->white, r->settings, "whitelist/entry", "greylisting");
	ip_list_add(&r->no_login, r->settings, "smtpAuthBypass/entry", NULL);
	ip_list_add(&r->bypass, r->settings, "greylisting/bypass", NULL);
	ip_list_add(&r->hops, r->settings, "ipBypasses/entry", NULL);
	ip_list_add(&r->gateways, r->settings, "ipBypasses/entry", "bypassGreylisting");
	addr_set_seal(&r->white);
	addr_set_seal(&r->no_login);
	addr_set_seal(&r->bypass);
	addr_set_seal(&r->hops);
	addr_set_seal(&r->gateways);
}

static void
read_backups(struct rules *r)
{
	static const char list[] = "incomingGateways/gateway";
	size_t n = settings_count(r->settings, list), kept = 0;

	r->backups = mem_array(n + 1, sizeof(*r->backups));
	for (size_t i = 0; i < n; i++) {
		struct backup *b = &r->backups[kept];

		if (!route_is_backup(r->settings, i) ||
		    !addr_range_parse(span_of(settings_entry(r->settings, list, i, "address")), &b->range))
			continue;
		kept++;
		b->no_greylisting = settings_entry_bool(r->settings, list, i, "disableGreylisting");
		if (b->no_greylisting)
			r->backup_count = kept;
	}
}

static enum key_by
key_by(const char *word)
{
	if (strcmp(word, "address") == 0)
		return KEY_BY_ADDRESS;
	return strcmp(word, "network") == 0 ? KEY_BY_NETWORK : KEY_BY_DOMAIN;
}

struct rules *
rules_new(struct settings *s)
{
	struct rules *r = mem_new(sizeof(*r));

	r->settings = s;
	r->users = 1;
	read_periods(r);
	r->key_by = key_by(settings_text(s, "greylisting/keyBy"));
	r->smart_hosts = settings_bool(s, "greylisting/smartHosts");
	read_addresses(r);
	read_backups(r);
	return r;
}

struct rules *
rules_hold(void)
{
	struct rules *r;

	pthread_mutex_lock(&lock);
	r = current;
	__atomic_add_fetch(&r->users, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
	return r;
}

void
rules_release(struct rules *r)
{
	if (r == NULL || __atomic_sub_fetch(&r->users, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	addr_set_free(&r->white);
	addr_set_free(&r->no_login);
	addr_set_free(&r->bypass);
	addr_set_free(&r->gateways);
	addr_set_free(&r->hops);
	free(r->backups);
	settings_free(&r->settings);
	free(r);
}

void
rules_replace(struct rules *fresh)
{
	struct rules *old;

	pthread_mutex_lock(&lock);
	old = current;
	current = fresh;
	pthread_mutex_unlock(&lock);
	rules_release(old);
}

const char *
rules_exempt(const struct rules *r, const struct addr *client)
{
	if (addr_set_has(&r->white, client))
		return "whitelist";
	if (addr_set_has(&r->no_login, client))
		return "smtpAuthBypass";
	return addr_set_has(&r->bypass, client) ? "bypass-file" : NULL;
}

bool
rules_forward_off(const struct rules *r, struct span domain)
{
	struct route route;

	return route_lookup(r->settings, domain, &route) && route.no_greylisting;
}
