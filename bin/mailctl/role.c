/*
 * role: see role.h.  A part is judged by the settings alone; what stands in DNS,
 * or on another server, can only be advised.
 */
#include "base/base.h"
#include "role.h"

#define BACKUP_RETRIES "10,10,10,1440"

/* -- what is set ------------------------------------------------------------------------ */

static bool
has_port(const struct role_facts *f, const char *const *services, struct buf *found)
{
	static const char list[] = "bindings/port";
	bool any = false;

	for (size_t i = 0; i < settings_count(f->settings, list); i++)
		for (size_t k = 0; services[k] != NULL; k++)
			if (strcmp(settings_entry(f->settings, list, i, "service"), services[k]) == 0) {
				buf_printf(found, "%s%s %s", any ? ", " : "", services[k],
					settings_entry(f->settings, list, i, "number"));
				any = true;
			}
	return any;
}

static bool
takes_smtp(const struct role_facts *f, struct buf *found)
{
	static const char *const services[] = { "smtp", NULL };

	return has_port(f, services, found);
}

static bool
takes_users(const struct role_facts *f, struct buf *found)
{
	static const char *const services[] = { "submission", "smtps", "pop3", "pop3s", "imap", "imaps", NULL };

	return has_port(f, services, found);
}

static bool
has_domain(const struct role_facts *f, struct buf *found)
{
	buf_printf(found, "%zu domain%s", f->domains, f->domains == 1 ? "" : "s");
	return f->domains > 0;
}

static bool
has_name(const struct role_facts *f, struct buf *found)
{
	const char *name = settings_text(f->settings, "hostName");

	buf_text_put(found, name);
	return strchr(name, '.') != NULL;
}

static size_t
gateways_of_mode(const struct role_facts *f, const char *mode)
{
	static const char list[] = "incomingGateways/gateway";
	size_t n = 0;

	for (size_t i = 0; i < settings_count(f->settings, list); i++)
		n += strcmp(settings_entry(f->settings, list, i, "mode"), mode) == 0;
	return n;
}

static bool
backs_up(const struct role_facts *f, struct buf *found)
{
	size_t n = settings_count(f->settings, "smartHosts/host") + gateways_of_mode(f, "backupMx");

	if (n > 0)
		buf_printf(found, "for %zu server%s or network%s", n, n == 1 ? "" : "s", n == 1 ? "" : "s");
	return n > 0;
}

static bool
retries_long(const struct role_facts *f, struct buf *found)
{
	struct buf want;
	bool same;

	for (size_t i = 0; i < settings_count(f->settings, "retryIntervals"); i++)
		buf_printf(found, "%s%llu", i > 0 ? "," : "",
			(unsigned long long)settings_list_num(f->settings, "retryIntervals", i));
	buf_init(&want, 64);
	buf_text_put(&want, BACKUP_RETRIES);
	same = span_eq(buf_view(found), buf_view(&want));
	buf_free(&want);
	return same;
}

static bool
forwards(const struct role_facts *f, struct buf *found)
{
	size_t n = settings_count(f->settings, "domainForwarding/server") + gateways_of_mode(f, "domainForward");

	if (n > 0)
		buf_printf(found, "to %zu server%s", n, n == 1 ? "" : "s");
	return n > 0;
}

static bool
scans(const struct role_facts *f, struct buf *found)
{
	size_t n = settings_count(f->settings, "milters/milter") + settings_count(f->settings, "policyServers/server");
	bool grey = settings_bool(f->settings, "greylisting/enabled");

	if (n > 0)
		buf_printf(found, "%zu milter%s or policy server%s", n, n == 1 ? "" : "s", n == 1 ? "" : "s");
	if (grey)
		buf_printf(found, "%sgreylisting", n > 0 ? ", " : "");
	return n > 0 || grey;
}

static bool
detects_abuse(const struct role_facts *f, struct buf *found)
{
	size_t n = settings_count(f->settings, "abuseDetection/rule");

	buf_printf(found, "%zu rule%s", n, n == 1 ? "" : "s");
	return n > 0;
}

static bool
relays_nobody(const struct role_facts *f, struct buf *found)
{
	const char *who = settings_text(f->settings, "allowRelay");

	buf_text_put(found, who);
	return strcmp(who, "nobody") == 0;
}

/* Addresses that may send anywhere: trusted for SMTP, or excused from the log-in. */
static bool
trusts_primaries(const struct role_facts *f, struct buf *found)
{
	static const char list[] = "whitelist/entry";
	size_t n = settings_count(f->settings, "smtpAuthBypass/entry");

	for (size_t i = 0; i < settings_count(f->settings, list); i++)
		n += settings_entry_bool(f->settings, list, i, "smtp");
	if (n > 0)
		buf_printf(found, "%zu address%s or network%s", n, n == 1 ? "" : "es", n == 1 ? "" : "s");
	return n > 0;
}

static bool
sends_through(const struct role_facts *f, struct buf *found)
{
	static const char list[] = "gatewayServers/server";
	size_t n = 0;

	for (size_t i = 0; i < settings_count(f->settings, list); i++)
		n += settings_entry_bool(f->settings, list, i, "enabled");
	if (n > 0)
		buf_printf(found, "%zu gateway%s", n, n == 1 ? "" : "s");
	return n > 0;
}

static bool
sends_through_several(const struct role_facts *f, struct buf *found)
{
	static const char list[] = "gatewayServers/server";
	size_t n = 0;

	for (size_t i = 0; i < settings_count(f->settings, list); i++)
		n += settings_entry_bool(f->settings, list, i, "enabled");
	return sends_through(f, found) && n > 1;
}

static bool
asks_queues(const struct role_facts *f, struct buf *found)
{
	static const char list[] = "gatewayServers/server";
	size_t n = 0, all = settings_count(f->settings, list);

	for (size_t i = 0; i < all; i++)
		n += settings_entry_bool(f->settings, list, i, "gatewayMode");
	if (n > 0)
		buf_printf(found, "%zu of %zu are asked", n, all);
	return n > 0 && n == all;
}

static bool
knows_gateways(const struct role_facts *f, struct buf *found)
{
	size_t n = settings_count(f->settings, "ipBypasses/entry");

	if (n > 0)
		buf_printf(found, "%zu entr%s", n, n == 1 ? "y" : "ies");
	return n > 0;
}

/* -- the roles ---------------------------------------------------------------------------- */

#define NAME { "host name", has_name, false, "give this server its full name: mailctl set hostName mail.example.com" }
#define PLACEHOLDER { "a domain", has_domain, false, \
	"with no domain of your own add a placeholder, whose only account is its administrator: " \
	"mailctl domain add example.com --admin postmaster --password-stdin" }
#define SMTP_PORT { "SMTP port", takes_smtp, false, "open the port on which mail comes in: mailctl bindings add 25 service=smtp" }
#define NO_RELAY { "relaying", relays_nobody, false, "nobody may relay: mailctl set allowRelay nobody" }

static const struct role_part primary[] = {
	NAME,
	{ "a domain", has_domain, true, "add a domain: mailctl domain add NAME --admin USER --password-stdin" },
	SMTP_PORT,
	{ "ports of users", takes_users, false,
	  "open ports for clients: mailctl bindings add 993 service=imaps, 995 pop3s, 465 smtps, 587 submission" },
	{ "own gateways", knows_gateways, false,
	  "where mail comes through a backup MX or an incoming gateway of yours, list its address: mailctl ip-bypass add ADDRESS" },
	{ "MX record", NULL, false, "DNS: the MX record of each domain with the lowest preference value names this server" },
	{ NULL, NULL, false, NULL }
};

static const struct role_part backup_mx[] = {
	NAME, PLACEHOLDER, SMTP_PORT, NO_RELAY,
	{ "primaries", backs_up, true,
	  "name the address or network of each primary: mailctl set --add smartHosts/host ADDRESS, "
	  "or mailctl gateway add mode=backupMx address=ADDRESS [userVerification=True] [peerMode=True]" },
	{ "retries", retries_long, false,
	  "keep trying for a day: mailctl set retryIntervals backupMx (which is " BACKUP_RETRIES ")" },
	{ "MX record", NULL, false,
	  "DNS: each domain has a second MX record with a larger preference value than the primary's that names this server" },
	{ "primary's part", NULL, false,
	  "on the primary: it listens on the addresses of its MX records (mailctl bindings list), and "
	  "lists this server: mailctl ip-bypass add ADDRESS" },
	{ "long failures", NULL, false,
	  "while the primary is down over 30 minutes: mailctl stop spool here, and when it is back "
	  "mailctl start spool and mailctl spool reset-retries --all" },
	{ NULL, NULL, false, NULL }
};

static const struct role_part incoming[] = {
	NAME, PLACEHOLDER, SMTP_PORT, NO_RELAY,
	{ "domains passed on", forwards, true,
	  "name each server behind with all its domains: mailctl gateway add address=ADDRESS domains=NAME,NAME" },
	{ "scanners", scans, false,
	  "scan here: add milters or policy servers (milters/milter, policyServers/server), or mailctl set greylisting/enabled True" },
	{ "abuse detection", detects_abuse, false, "detect abuse here: mailctl abuse add ..." },
	{ "MX record", NULL, false, "DNS: the MX records of these domains name this server alone" },
	{ "primary's part", NULL, false,
	  "on each server behind: mailctl ip-bypass add ADDRESS of this one, and no detection of abuse for its sessions: "
	  "mailctl whitelist add ADDRESS smtp=True" },
	{ NULL, NULL, false, NULL }
};

static const struct role_part outgoing[] = {
	NAME, PLACEHOLDER, SMTP_PORT, NO_RELAY,
	{ "primaries", trusts_primaries, true,
	  "trust the addresses of the servers that send through this one: mailctl whitelist add ADDRESS smtp=True" },
	{ "primary's part", NULL, false,
	  "on each server that sends through this one: mailctl outgoing add address=ADDRESS [authUserName=USER --password-stdin]" },
	{ "outbound address", NULL, false,
	  "when this server's address is blacklisted send from another, at once: mailctl set outboundIPv4 ADDRESS" },
	{ NULL, NULL, false, NULL }
};

static const struct role_part smart[] = {
	{ "several gateways", sends_through_several, true,
	  "send through two gateways or more, which take turns: mailctl outgoing add address=ADDRESS for each" },
	{ "their queues", asks_queues, false,
	  "weigh them by their queues: mailctl outgoing edit NUMBER gatewayMode=True adminUserName=USER [url=smtps://HOST] --admin-password PW" },
	{ "gateways' part", NULL, false,
	  "on each gateway: mailctl role advise outgoing-gateway, and mailctl set --add queueReaders/user USER" },
	{ NULL, NULL, false, NULL }
};

const struct role roles[] = {
	{ "primary", "stores mail; SMTP, POP3 and IMAP for its users", primary },
	{ "backup-mx", "takes mail while the primary is down, and passes it on later", backup_mx },
	{ "incoming-gateway", "scans mail of domains that live on servers behind it", incoming },
	{ "outgoing-gateway", "sends mail of other servers of yours", outgoing },
	{ "smart-gateway", "sends through several outgoing gateways, balanced", smart },
};
const size_t role_count = PB_COUNT(roles);

const struct role *
role_find(const char *name)
{
	for (size_t i = 0; i < role_count; i++)
		if (strcmp(roles[i].name, name) == 0)
			return &roles[i];
	return NULL;
}
