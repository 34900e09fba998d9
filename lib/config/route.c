/*
 * route: a walk over the entries, each with its list of domains.
 */
#include "base/base.h"
#include "config/route.h"

#define LIST "domainForwarding/server"

static bool
has_domain(const char *list, struct span domain)
{
	struct span rest = span_of(list);

	while (rest.p != NULL)
		if (span_eq_nocase(span_trim(span_cut(&rest, ',')), domain))
			return true;
	return false;
}

ssize_t
route_index(const struct settings *s, struct span domain)
{
	for (size_t i = 0; domain.n > 0 && i < settings_count(s, LIST); i++)
		if (settings_entry(s, LIST, i, "address")[0] != '\0'
		    && has_domain(settings_entry(s, LIST, i, "domains"), domain))
			return (ssize_t)i;
	return -1;
}

bool
route_find(const struct settings *s, struct span domain, struct buf *host)
{
	ssize_t i = route_index(s, domain);
	const char *address;
	bool is_v6;

	if (i < 0)
		return false;
	address = settings_entry(s, LIST, (size_t)i, "address");
	is_v6 = strchr(address, ':') != NULL;
	if (host != NULL)
		buf_printf(host, "%s%s%s:%s", is_v6 ? "[" : "", address, is_v6 ? "]" : "",
			settings_entry(s, LIST, (size_t)i, "port"));
	return true;
}
