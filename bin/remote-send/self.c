/*
 * self: names by the settings, addresses by the interfaces.
 */
#include "base/base.h"

#include <ifaddrs.h>

#include "base/die.h"
#include "base/limits.h"
#include "self.h"

static void
add_name(struct self *self, const char *name)
{
	if (name[0] != '\0' && self->name_count < LIMIT_OWN_NAMES)
		snprintf(self->names[self->name_count++], DNS_NAME_MAX, "%s", name);
}

void
self_know(struct self *self, const struct settings *settings)
{
	struct ifaddrs *list = NULL;

	add_name(self, settings_text(settings, "hostName"));
	for (size_t i = 0; i < settings_count(settings, "hostNames/hostName"); i++)
		add_name(self, settings_entry(settings, "hostNames/hostName", i, "name"));
	self->allow_loopback = settings_bool(settings, "allowLoopbackTargets");
	if (getifaddrs(&list) < 0)
		die(EXIT_TRY_LATER, "event=start state=no-interfaces");
	for (struct ifaddrs *i = list; i != NULL && self->addr_count < LIMIT_OWN_ADDRS; i = i->ifa_next) {
		struct addr *a = &self->addrs[self->addr_count];

		if (i->ifa_addr == NULL || !addr_from_sockaddr(i->ifa_addr, sizeof(struct sockaddr_in6), a) ||
		    a->family == AF_UNIX || addr_is_loopback(a))
			continue;
		self->has_ipv6 |= a->family == AF_INET6 && !addr_is_private(a);
		self->addr_count++;
	}
	freeifaddrs(list);
}
