/* postmaster: see postmaster.h. */
#include "base/base.h"
#include "postmaster.h"
#include <errno.h>
#include <fcntl.h>
#include "account.h"
#include "base/die.h"
#include "sys/file.h"

/* Split at the last "@", small letters; false when it is no address of a user or alias. */
static bool
split(const char *text, struct address *out)
{
	const char *at = strrchr(text, '@');

	if (at == NULL || at == text || at[1] == '\0' || (size_t)(at - text) >= sizeof(out->user) ||
	    strlen(at + 1) >= sizeof(out->domain) || strchr(at + 1, '/') != NULL || at[1] == '.')
		return false;
	snprintf(out->user, sizeof(out->user), "%.*s", (int)(at - text), text);
	snprintf(out->domain, sizeof(out->domain), "%s", at + 1);
	for (char *p = out->user; *p != '\0'; p++)
		*p = char_lower(*p);
	for (char *p = out->domain; *p != '\0'; p++)
		*p = char_lower(*p);
	return strchr(out->user, '/') == NULL;
}

static bool
has_alias(const struct domain *d, const char *name)
{
	struct settings *al = alias_settings(d);
	bool found = false;

	for (size_t i = 0; al != NULL && !found && i < settings_count(al, "alias"); i++)
		found = strcasecmp(settings_entry(al, "alias", i, "name"), name) == 0;
	settings_free(&al);
	return found;
}

/* The user, or the whole domain: mail for him is refused then. */
static bool
is_disabled(const struct domain *d, const char *user)
{
	struct settings *st = domain_settings(d);
	bool off = st != NULL && settings_bool(st, "disabled");

	settings_free(&st);
	if (!off && user_exists(d, user)) {
		st = user_settings(d, user);
		off = st != NULL && settings_bool(st, "disabled");
		settings_free(&st);
	}
	return off;
}

static bool
is_domain(const struct ctl *c, const char *name)
{
	int domains = ctl_open_dir(c, "domains");
	char path[300];
	bool found;

	snprintf(path, sizeof(path), "%s/domainConfig.xml", name);
	found = domains >= 0 && faccessat(domains, path, F_OK, 0) == 0;
	file_close(&domains);
	return found;
}

bool
postmaster_is_good(const struct ctl *c, const char *address, char *why, size_t size)
{
	struct address a;
	struct domain d;
	bool good = false;

	if (address[0] == '\0') {
		snprintf(why, size, "nobody is set; give the address of a mailbox or an alias of this server");
	} else if (!split(address, &a)) {
		snprintf(why, size, "%s is no full address; give that of a mailbox or an alias of this server", address);
	} else if (!is_domain(c, a.domain)) {
		snprintf(why, size, "%s is no domain of this server (other names of a domain do not count)", a.domain);
	} else if (domain_open(c, a.domain, &d) != EXIT_DONE) {
		snprintf(why, size, "the domain %s cannot be opened", a.domain);
	} else {
		good = user_exists(&d, a.user) || has_alias(&d, a.user);
		if (!good) {
			snprintf(why, size, "%s is no mailbox and no alias here; make it first, or name another", address);
		} else if (is_disabled(&d, a.user)) {
			snprintf(why, size, "%s is disabled; enable it first, or name another", address);
			good = false;
		}
		domain_close(&d);
	}
	return good;
}

static bool
is_about(const char *address, const char *changed)
{
	const char *at = strrchr(address, '@');

	return at != NULL && strcasecmp(strchr(changed, '@') != NULL ? address : at + 1, changed) == 0;
}

void
postmaster_warn(const struct ctl *c, const char *changed)
{
	struct settings *server = ctl_server_settings(c);
	const char *address = server == NULL ? "" : settings_text(server, "postmasterMailbox");
	char why[512];

	if (is_about(address, changed) && !postmaster_is_good(c, address, why, sizeof(why)))
		fprintf(stderr, "mailctl: warning: postmasterMailbox: %s\n", why);
	settings_free(&server);
}
