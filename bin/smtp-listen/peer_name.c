/* peer_name: see peer_name.h. */
#include "base/base.h"
#include "smtp.h"
#include "peer_name.h"
#include "check/scan_client.h"

/* Whoever holds the zone of an address may write anything there: only names of hosts are taken. */
static bool
keep(const char *name, char out[LIMIT_DOMAIN + 1])
{
	if (strlen(name) > LIMIT_DOMAIN || !smtp_domain_is_valid(span_of(name)))
		return false;
	snprintf(out, LIMIT_DOMAIN + 1, "%s", name);
	return true;
}

static void
not_known(struct smtp *c)
{
	const char *why = scan_client_why(c->w->scan);

	smtp_log(c, "event=policy-unknown about=client-name why=\"%s\"", why[0] != '\0' ? why : "DNS failed");
	c->peer.resolve = "TEMP";
}

void
peer_name_find(struct smtp *c)
{
	char found[SCAN_NAME_MAX];

	if (!c->config->names_clients || c->dry || c->s->is_local || c->peer.resolve != NULL)
		return;
	c->peer = (struct peer_name){ .resolve = "FAIL" };
	switch (scan_reverse(c->w->scan, &c->s->peer, PEER_NAME_MS, found)) {
	case SCAN_REVERSE_CONFIRMED:
		if (keep(found, c->peer.ptr) && keep(found, c->peer.name))
			c->peer.resolve = "OK";
		break;
	case SCAN_REVERSE_UNCONFIRMED:
		if (keep(found, c->peer.ptr))
			c->peer.resolve = "FORGED";
		break;
	case SCAN_REVERSE_NONE:
		break;
	case SCAN_REVERSE_UNKNOWN:
	case SCAN_REVERSE_TEMPERROR:
		not_known(c);
		break;
	}
}

void
peer_name_told(struct smtp *c, const char *name)
{
	c->peer = (struct peer_name){ .resolve = name[0] != '\0' ? "OK" : "FAIL" };
	snprintf(c->peer.name, sizeof(c->peer.name), "%s", name);
	snprintf(c->peer.ptr, sizeof(c->peer.ptr), "%s", name);
}
