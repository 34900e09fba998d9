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
		if (!good)
			snprintf(why, size, "%s is no mailbox and no alias here; make it first, or name another", address);
		domain_close(&d);
	}
	return good;
}
