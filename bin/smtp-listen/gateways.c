/* gateways: see gateways.h. */
#include "base/base.h"
#include "gateways.h"
#include <stdlib.h>
#include "base/mem.h"
#include "check/scan_client.h"
#include "config/route.h"
#include "smtp.h"
#include "facts.h"

/* Servers that are asked about recipients: each is a contact of the parent. */
#define VERIFIED_MAX 12
/* As remote-send waits for a connection, but the client waits too. */
#define CALLOUT_CONNECT_MS 5000

static const char gateway_list[] = "incomingGateways/gateway";
static const char host_list[] = "smartHosts/host";
static const char recipient_list[] = "validRecipients/recipient";

static void
read_gateways(struct gateways *g, const struct settings *s)
{
	size_t n = settings_count(s, gateway_list), hosts = settings_count(s, host_list);

	g->list = mem_array(n + 1, sizeof(*g->list));
	g->primaries = mem_array(n + hosts + 1, sizeof(*g->primaries));
	for (size_t i = 0; i < n; i++) {
		struct gateway *w = &g->list[g->count];

		*w = (struct gateway){ .number = i, .is_backup = route_is_backup(s, i), .contact = -1,
			.peer_mode = settings_entry_bool(s, gateway_list, i, "peerMode"),
			.spam_checks = settings_entry_bool(s, gateway_list, i, "spamChecks") };
		if (w->is_backup && !addr_range_parse(span_of(settings_entry(s, gateway_list, i, "address")), &w->range))
			continue;	/* it was validated when it was set */
		if (w->is_backup)
			g->primaries[g->primary_count++] = w->range;
		g->count++;
	}
	for (size_t i = 0; i < hosts; i++)
		g->primary_count += addr_range_parse(span_of(settings_list(s, host_list, i)), &g->primaries[g->primary_count]);
}

static const char *
domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL ? at + 1 : "";
}

static int
compare_domains(const void *a, const void *b)
{
	return strcasecmp(domain_of(*(const char *const *)a), domain_of(*(const char *const *)b));
}

/* By domain, then by address: so both can be looked for. */
static int
compare(const void *a, const void *b)
{
	int order = compare_domains(a, b);

	return order != 0 ? order : strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

void
gateways_read(struct gateways *g, const struct settings *s)
{
	*g = (struct gateways){ .count = 0 };
	read_gateways(g, s);
	g->recipient_count = settings_count(s, recipient_list);
	g->recipients = mem_array(g->recipient_count + 1, sizeof(*g->recipients));
	for (size_t i = 0; i < g->recipient_count; i++)
		g->recipients[i] = settings_list(s, recipient_list, i);
	qsort(g->recipients, g->recipient_count, sizeof(*g->recipients), compare);
}

void
gateways_name_contacts(const struct gateways *g, struct service *svc, const struct settings *s)
{
	size_t named = 0;

	for (size_t i = 0; i < g->count; i++) {
		struct gateway *w = &g->list[i];
		const char *address = settings_entry(s, gateway_list, w->number, "address");
		char where[300];

		if (!settings_entry_bool(s, gateway_list, w->number, "userVerification"))
			continue;
		snprintf(where, sizeof(where), "inet:%s@%s", settings_entry(s, gateway_list, w->number, "port"), address);
		if (named < VERIFIED_MAX)
			w->contact = contact_add(svc, where, CALLOUT_CONNECT_MS);
		if (w->contact >= 0)
			named++;
		else
			log_failure(svc, NULL, NULL, "event=no-verification gateway=%zu address=%s", w->number + 1, address);
	}
}

/* -- recipients -------------------------------------------------------------- */

static bool
is_in(const struct gateways *g, const char *key, int (*order)(const void *, const void *))
{
	return bsearch(&key, g->recipients, g->recipient_count, sizeof(*g->recipients), order) != NULL;
}

/* A domain of which nobody is listed takes everybody. */
static enum policy_known
ask_list(const struct gateways *g, const struct smtp_path *to)
{
	if (!is_in(g, to->text, compare_domains))
		return POLICY_KNOWN_UNASKED;
	return is_in(g, to->text, compare) ? POLICY_KNOWN_YES : POLICY_KNOWN_NO;
}

/* The one of these numbers in the settings; NULL when it was left out. */
static const struct gateway *
by_number(const struct gateways *g, ssize_t number)
{
	for (size_t i = 0; i < g->count; i++)
		if ((ssize_t)g->list[i].number == number)
			return &g->list[i];
	return NULL;
}

/* The backup gateway behind which the domain is; NULL when only smartHosts names it. */
static const struct gateway *
find_primary(struct smtp *c, const struct gateways *g, struct span domain)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->list[i].is_backup &&
		    scan_mx_points_to(c->w->scan, domain, &g->list[i].range, 1, SCAN_BUDGET_MS) == SCAN_MX_YES)
			return &g->list[i];
	return NULL;
}

/* As scan_mx_points_to, of any number of ranges; an unknown answer is told unless one is yes. */
static enum scan_mx_result
points_to_primary(struct smtp *c, const struct gateways *g, struct span domain)
{
	enum scan_mx_result worst = SCAN_MX_NO;

	for (size_t i = 0; i < g->primary_count; i += LIMIT_SCAN_RANGES) {
		size_t n = g->primary_count - i < LIMIT_SCAN_RANGES ? g->primary_count - i : LIMIT_SCAN_RANGES;
		enum scan_mx_result r = scan_mx_points_to(c->w->scan, domain, g->primaries + i, n, SCAN_BUDGET_MS);

		if (r == SCAN_MX_YES)
			return r;
		if (r != SCAN_MX_NO)
			worst = r;
	}
	return worst;
}

/* Do we stand in for an MX host of the domain (ROUTE-08)? */
static void
find_backup(struct smtp *c, struct span domain, struct policy_rcpt *facts, const struct gateway **gateway)
{
	const struct gateways *g = &c->config->gateways_in;

	if (g->primary_count == 0)
		return;
	switch (points_to_primary(c, g, domain)) {
	case SCAN_MX_YES:
		facts->place = POLICY_PLACE_BACKUP;
		*gateway = find_primary(c, g, domain);
		break;
	case SCAN_MX_UNKNOWN:
	case SCAN_MX_TEMPERROR:
		facts->place_unknown = true;
		facts_not_known(c, "backup-mx");
		break;
	case SCAN_MX_NO:
		break;
	}
}

void
gateways_find(struct smtp *c, const struct smtp_path *to, struct policy_rcpt *facts)
{
	const struct gateways *g = &c->config->gateways_in;
	struct span domain = smtp_path_domain(to);
	const struct gateway *gateway = NULL;
	struct route route;

	if (route_lookup(c->config->settings, domain, &route)) {
		facts->place = POLICY_PLACE_FORWARD;
		gateway = by_number(g, route.gateway);
	} else if (!c->is_trusted && c->user[0] == '\0' && !to->is_literal) {
		find_backup(c, domain, facts, &gateway);
	}
	if (facts->place == POLICY_PLACE_FOREIGN)
		return;
	facts->listed = ask_list(g, to);
	if (gateway == NULL)
		return;
	facts->no_checks = !gateway->spam_checks;
	if (gateway->contact >= 0 && facts->listed != POLICY_KNOWN_NO)
		facts->verified = callout_ask(c, gateway, smtp_path_view(to), &facts->callout);
}
