/* caution: see caution.h. */
#include "base/base.h"
#include "caution.h"

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
	{ "plaintextAuth", "never", "programs without TLS can log in with CRAM-MD5 or SCRAM only" },
	{ "plaintextAuth", "always", "passwords can be read on the network" },
	{ "appendReceivedLine", "none", "loops are then found by lines of other servers only" },
	{ "enableVrfy", "True", "strangers can find out which addresses exist" },
	{ "enableExpn", "True", "strangers can read the members of aliases" },
};

void
caution(const char *name, const char *value)
{
	for (size_t i = 0; i < PB_COUNT(cautions); i++)
		if (strcasecmp(cautions[i].name, name) == 0 && strcasecmp(cautions[i].value, value) == 0)
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
