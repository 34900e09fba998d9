/*
 * config: see config.h.  Settings were checked when they were compiled, so
 * nothing here can fail; words become numbers by tables in the enums' order.
 */
#include "base/base.h"
#include "config.h"
#include "base/limits.h"
#include "base/mem.h"
#include "service/ip_list.h"

/* Of submissionBinding when it names none: RFC 6409 3.1. */
#define SUBMISSION_PORT 587

/* Position of the value of an ENUM setting in the table of its words. */
static int
choice(const struct settings *s, const char *name, const char *const *words)
{
	const char *value = settings_text(s, name);

	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	return 0;
}

static void
read_limits(struct config *c, const struct settings *s)
{
	c->session_timeout_ms = settings_enabled(s, "smtpSessionTimeout") ?
				settings_num(s, "smtpSessionTimeout") * 60000 : UINT64_MAX;
	c->command_timeout_ms = settings_num(s, "smtpCommandTimeout") * 1000;
	c->transaction_timeout_ms = settings_num(s, "smtpTransactionTimeout") * 1000;
	c->data_timeout_ms = settings_num(s, "smtpDataTimeout") * 1000;
	c->max_bad_commands = settings_num(s, "smtpMaxBadCommands");
	c->max_bad_recipients = settings_num(s, "maxBadRecipients");
	c->max_messages = settings_num(s, "maxMessagesPerSession");
	c->max_size = settings_num(s, "maxMessageSizeMB") * 1024 * 1024;
	c->most_bytes = c->max_size > 0 && c->max_size < LIMIT_MESSAGE ? c->max_size : LIMIT_MESSAGE;
	c->max_connections = settings_num(s, "smtpMaxConnections");
	c->max_hops = (unsigned)settings_num(s, "maxHopCount");
	c->max_line = settings_num(s, "smtpMaxLineLength");
}

static void
read_choices(struct config *c, const struct settings *s)
{
	static const char *const relay[] = { "nobody", "localUsers", "localDomains", "anyone", NULL };
	static const char *const match[] = { "none", "domain", "emailAddress", NULL };
	static const char *const received[] = { "all", "authenticated", "none", NULL };
	static const char *const etrn[] = { "nobody", "trusted", "anyone", NULL };
	static const char *const ends[] = { "refuse", "normalize", NULL };

	c->allow_relay = (enum policy_relay)choice(s, "allowRelay", relay);
	c->match = (enum policy_match)choice(s, "requireAuthMatch", match);
	c->received = (enum config_received)choice(s, "appendReceivedLine", received);
	c->normalize = choice(s, "bareLineEnds", ends) == 1;
	c->allow_relay_authenticated = settings_bool(s, "allowRelayForAuthenticated");
	c->hides_client = settings_bool(s, "hideClientAddress");
	c->authenticated_as = settings_bool(s, "appendAuthenticatedAs") ? settings_text(s, "authenticatedAsHeader") : "";
	c->vrfy = settings_bool(s, "enableVrfy");
	c->expn = settings_bool(s, "enableExpn");
	c->etrn = (enum config_etrn)choice(s, "etrn", etrn);
	c->max_hold = (int64_t)settings_num(s, "maxFutureRelease") * 3600;
	c->no_auth_login = settings_bool(s, "disableAuthLogin");
	c->local_needs_login = settings_bool(s, "authForLocalDelivery");
}

static void
read_weights(struct policy_weights *w, const struct settings *s)
{
	w->threshold = (int)settings_num(s, "envelopeChecks/threshold");
	w->early_talker = (int)settings_num(s, "envelopeChecks/earlyTalker");
	w->helo_own_name = (int)settings_num(s, "envelopeChecks/heloOwnName");
	w->helo_literal = (int)settings_num(s, "envelopeChecks/heloLiteral");
	w->helo_bare = (int)settings_num(s, "envelopeChecks/heloBare");
	w->helo_unresolved = (int)settings_num(s, "envelopeChecks/heloUnresolved");
	w->sender_unresolved = (int)settings_num(s, "envelopeChecks/senderUnresolved");
	w->sender_null_mx = (int)settings_num(s, "envelopeChecks/senderNullMx");
}

static enum policy_fail
fail_mode(const char *word)
{
	if (strcmp(word, "tempfail") == 0)
		return POLICY_FAIL_TEMPFAIL;
	return strcmp(word, "reject") == 0 ? POLICY_FAIL_REJECT : POLICY_FAIL_ACCEPT;
}

/* Greylisting is a milter of ours that comes first: what it delays costs the others nothing. */
static void
read_milters(struct config *c, const struct settings *s)
{
	size_t n = settings_count(s, "milters/milter");

	c->milters = mem_array(n + 1, sizeof(*c->milters));
	if (settings_bool(s, "greylisting/enabled"))
		c->milters[c->milter_count++] =
			(struct config_milter){ .socket = CONFIG_GREYLIST, .fail_mode = POLICY_FAIL_ACCEPT,
				.timeout_ms = 5000 };
	for (size_t i = 0; i < n; i++) {
		struct config_milter *m = &c->milters[c->milter_count++];

		m->socket = settings_entry(s, "milters/milter", i, "socket");
		m->fail_mode = fail_mode(settings_entry(s, "milters/milter", i, "failMode"));
		m->timeout_ms = settings_entry_num(s, "milters/milter", i, "timeout") * 1000;
	}
}

static enum config_delegate_state
delegate_state(const char *word)
{
	if (strcmp(word, "data") == 0)
		return DELEGATE_AT_DATA;
	return strcmp(word, "endOfMessage") == 0 ? DELEGATE_AT_END : DELEGATE_AT_RCPT;
}

static void
read_delegates(struct config *c, const struct settings *s)
{
	static const char list[] = "policyServers/server";

	c->delegate_count = settings_count(s, list);
	c->delegates = mem_array(c->delegate_count, sizeof(*c->delegates));
	for (size_t i = 0; i < c->delegate_count; i++)
		c->delegates[i] = (struct config_milter){ .socket = settings_entry(s, list, i, "socket"),
			.fail_mode = fail_mode(settings_entry(s, list, i, "failMode")),
			.timeout_ms = settings_entry_num(s, list, i, "timeout") * 1000,
			.state = delegate_state(settings_entry(s, list, i, "state")) };
}

void
config_read(struct config *c, const struct settings *s)
{
	*c = (struct config){ .settings = s };
	read_limits(c, s);
	read_choices(c, s);
	read_weights(&c->weights, s);
	gateways_read(&c->gateways_in, s);
	ip_list_add(&c->bypass, s, "smtpAuthBypass/entry", NULL);
	addr_set_seal(&c->bypass);
	ip_list_add(&c->gateways, s, "ipBypasses/entry", NULL);
	addr_set_seal(&c->gateways);
	ip_list_add(&c->by_origin, s, "ipBypasses/entry", "bypassSpamChecks");
	addr_set_seal(&c->by_origin);
	ip_list_add_plain(&c->xclient, s, "xclientTrusted/address");
	addr_set_seal(&c->xclient);
	ip_list_add_plain(&c->xforward, s, "xforwardTrusted/address");
	addr_set_seal(&c->xforward);
	/* What is no address mail-master refuses. */
	if (!settings_enabled(s, "submissionBinding") ||
	    !addr_parse_port(span_of(settings_text(s, "submissionBinding")), SUBMISSION_PORT, &c->open_door))
		c->open_door = (struct addr){ .family = 0 };
	read_milters(c, s);
	read_delegates(c, s);
	/* greylist-check, which is among the milters, has no use for it */
	c->names_clients = settings_count(s, "milters/milter") > 0 || c->delegate_count > 0;
}

bool
config_is_trusted(const struct config *c, const struct addr *a)
{
	return addr_set_has(&c->bypass, a);
}

bool
config_is_open_to_black(const struct config *c, const struct addr *local)
{
	const struct addr *door = &c->open_door;

	return door->family != 0 && door->family == local->family && door->port == local->port &&
	       (addr_is_unspecified(door) || addr_eq_ip(door, local));
}

bool
config_asks_scan(const struct config *c)
{
	const struct policy_weights *w = &c->weights;

	return c->gateways_in.primary_count > 0 || c->names_clients ||
	       (w->threshold > 0 && (w->helo_unresolved > 0 || w->sender_unresolved > 0 || w->sender_null_mx > 0));
}
