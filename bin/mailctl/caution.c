/* caution: see caution.h. */
#include "base/base.h"
#include "caution.h"
#include "account.h"
#include "base/die.h"
#include "config/compile.h"
#include "config/settings_table.h"
#include "sys/file.h"

static const struct {
	const char *name, *value;
	const char *text;
} cautions[] = {
	{ "allowRelay", "anyone", "anyone can send anything through this server, and will" },
	{ "allowRelay", "localUsers", "senders are easily forged: anyone who knows an address of yours may relay" },
	{ "allowRelay", "localDomains", "senders are easily forged: anyone who knows a domain of yours may relay" },
	{ "allowRelay", "nobody", "users who do not log in can no longer send to other servers" },
	{ "allowRelayForAuthenticated", "False", "users who log in can no longer send to other servers" },
	{ "requireAuthMatch", "emailAddress", "users who send from other addresses than their own are refused" },
	{ "requireAuthMatch", "domain", "users who send from addresses of other domains are refused" },
	{ "requireAuthMatch", "none", "a user may send in the name of any other" },
	{ "requireSmtpAuth", "True", "users of the domain who do not log in can no longer send to other servers" },
	{ "requireSmtpAuth", "False", "anybody may send in the name of users of the domain, as far as allowRelay goes" },
	{ "authForLocalDelivery", "True", "mail in the name of your domains from outside, as of lists and web forms, is refused" },
	{ "disableAuthLogin", "True", "programs that know only AUTH LOGIN or PLAIN can no longer log in" },
	{ "offerPlain", "False", "users of the domain can log in only with passwords that were set while it offered SCRAM or CRAM-MD5, and programs that speak those" },
	{ "offerScramSha256", "False", "programs of the domain's users that are set to SCRAM-SHA-256 can no longer log in" },
	{ "offerScramSha1", "False", "programs of the domain's users that are set to SCRAM-SHA-1 can no longer log in" },
	{ "offerCramMd5", "False", "programs of the domain's users that are set to CRAM-MD5 can no longer log in" },
	{ "disabled", "True", "nobody of it can log in any more, mail to it is refused, and what is queued waits" },
	{ "submissionBinding", "--disable", "users who send by that address and port find nobody there" },
	{ "tlsMinimumVersion", "1.3", "programs that know only TLS 1.2 can no longer connect by TLS" },
	{ "plaintextAuth", "never", "programs without TLS can log in with CRAM-MD5 or SCRAM only" },
	{ "plaintextAuth", "always", "passwords can be read on the network" },
	{ "appendReceivedLine", "none", "loops are then found by lines of other servers only" },
	{ "enableVrfy", "True", "strangers can find out which addresses exist" },
	{ "enableExpn", "True", "strangers can read the members of aliases" },
};

/* "1" and "yes" are True. */
static bool
is_value(const char *value, const char *want)
{
	bool a, b;

	if (strcasecmp(value, want) == 0)
		return true;
	return setting_bool_parse(span_of(value), &a) && setting_bool_parse(span_of(want), &b) && a == b;
}

void
caution(const char *name, const char *value)
{
	static const char defaults[] = "domainDefaults/";
	const char *bare = strncasecmp(name, defaults, sizeof(defaults) - 1) == 0 ? name + sizeof(defaults) - 1 : name;

	for (size_t i = 0; i < PB_COUNT(cautions); i++)
		if (strcasecmp(cautions[i].name, bare) == 0 && is_value(value, cautions[i].value))
			fprintf(stderr, "mailctl: warning: %s %s: %s\n", name, value, cautions[i].text);
}

void
caution_words(size_t count, char *const *words)
{
	for (size_t i = 0; i < count; i++) {
		const char *eq = strchr(words[i], '=');
		char name[128];

		if (eq == NULL || (size_t)(eq - words[i]) >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(eq - words[i]), words[i]);
		caution(name, eq + 1);
	}
}

/* Mechanisms with secrets of their own, which stay when PLAIN and LOGIN go. */
static bool
offers_secrets(const struct settings *domain)
{
	return settings_bool(domain, "offerScramSha256") || settings_bool(domain, "offerScramSha1") ||
	       settings_bool(domain, "offerCramMd5");
}

/* What the server offers beside them to users of every domain. */
static bool
offers_more(const struct settings *server)
{
	return settings_bool(server, "oauth/enabled") || settings_bool(server, "authExternal");
}

void
caution_log_in(const struct ctl *c, const struct config_file *f, const char *domain)
{
	struct settings *st = compile_settings(f->xml, SCOPE_DOMAIN), *server = ctl_server_settings(c);

	if (st == NULL || server == NULL || offers_secrets(st) || offers_more(server))
		;	/* somebody can log in, or other messages tell why that is not known */
	else if (!settings_bool(st, "offerPlain"))
		fprintf(stderr, "mailctl: warning: %s offers no mechanism any more: nobody of it can log in "
			"(offerScramSha256=True, then new passwords)\n", domain);
	else if (settings_bool(server, "disableAuthLogin"))
		fprintf(stderr, "mailctl: warning: %s offers PLAIN and LOGIN alone, which the server's disableAuthLogin takes away: "
			"nobody of it can log in to SMTP (offerScramSha256=True, then new passwords)\n", domain);
	settings_free(&st);
	settings_free(&server);
}

static bool
domain_offers_secrets(const struct ctl *c, const char *name)
{
	struct settings *st = NULL;
	struct domain d;
	bool offers;

	if (domain_open(c, name, &d) == EXIT_DONE) {
		st = domain_settings(&d);
		domain_close(&d);
	}
	offers = st == NULL || offers_secrets(st);
	settings_free(&st);
	return offers;
}

void
caution_disable_auth_login(const struct ctl *c)
{
	struct settings *server = ctl_server_settings(c);
	int domains = server == NULL || offers_more(server) ? -1 : ctl_open_dir(c, "domains");
	const char *first = NULL;
	size_t n = 0, bare = 0;
	char **names = NULL;

	if (domains >= 0)
		names = names_list(domains, "domainConfig.xml", &n);
	for (size_t i = 0; i < n; i++)
		if (!domain_offers_secrets(c, names[i])) {
			first = first == NULL ? names[i] : first;
			bare++;
		}
	if (bare > 0)
		fprintf(stderr, "mailctl: warning: disableAuthLogin: %zu of %zu domains (%s%s) offer no other mechanism, so that "
			"nobody of them can log in to SMTP: set offerScramSha256=True there, then new passwords\n", bare, n, first,
			bare > 1 ? " ..." : "");
	names_free(names);
	file_close(&domains);
	settings_free(&server);
}
