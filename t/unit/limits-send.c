/* Addresses and names of this machine that remote-send keeps; the interfaces are the test's. */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/config_file.h"
#include "config/settings.h"
#include "config/xml.h"
#include "self.h"
#include "tap.h"

#include <arpa/inet.h>
#include <ifaddrs.h>

int __wrap_getifaddrs(struct ifaddrs **list);
void __wrap_freeifaddrs(struct ifaddrs *list);

static size_t interfaces;

int
__wrap_getifaddrs(struct ifaddrs **list)
{
	struct ifaddrs *i = mem_array(interfaces, sizeof(*i));
	struct sockaddr_in *a = mem_array(interfaces, sizeof(*a));

	for (size_t n = 0; n < interfaces; n++) {
		a[n].sin_family = AF_INET;
		a[n].sin_addr.s_addr = htonl(0xc0000200u + (uint32_t)n);
		i[n].ifa_addr = (struct sockaddr *)&a[n];
		i[n].ifa_next = n + 1 < interfaces ? &i[n + 1] : NULL;
	}
	*list = i;
	return 0;
}

void
__wrap_freeifaddrs(struct ifaddrs *list)
{
	free(list->ifa_addr);
	free(list);
}

static size_t
addresses_kept(size_t n)
{
	struct settings *settings = settings_defaults("remote-send");
	struct self *self = mem_new(sizeof(*self));
	size_t kept;

	interfaces = n;
	self_know(self, settings);
	kept = self->addr_count;
	free(self);
	settings_free(&settings);
	return kept;
}

/* A record with hostName and n names of single addresses. */
static size_t
names_kept(size_t n)
{
	struct self *self = mem_new(sizeof(*self));
	struct settings *defaults = settings_defaults("remote-send"), *s;
	struct buf b;
	size_t kept;

	buf_init(&b, 100000);
	buf_text_put(&b, "settings\nset=hostName h.example\nset=allowLoopbackTargets False\nlist=hostNames/hostName\n");
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "entry=hostNames/hostName\nfield=hostNames/hostName/ip 192.0.2.1\n"
			"field=hostNames/hostName/name h%zu.example\n", i);
	s = settings_parse(buf_view(&b));
	if (s == NULL)
		bug("settings: %m");
	interfaces = 1;
	self_know(self, s);
	kept = self->name_count;
	free(self);
	settings_free(&s);
	settings_free(&defaults);
	buf_free(&b);
	return kept;
}

/* What the check of a file says about n names. */
static bool
names_are_allowed(size_t n)
{
	struct xml_error err;
	struct buf b, errors;
	struct xml *x;
	bool good;

	buf_init(&b, 100000);
	buf_init(&errors, 65536);
	buf_text_put(&b, "<mailConfig><hostNames>");
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "<hostName><ip>192.0.2.1</ip><name>h%zu.example</name></hostName>\n", i);
	buf_text_put(&b, "</hostNames></mailConfig>");
	x = xml_parse(buf_view(&b), &err);
	good = x != NULL && config_validate(x, SCOPE_SERVER, "f.xml", &errors, NULL);
	xml_free(&x);
	buf_free(&errors);
	buf_free(&b);
	return good;
}

int
main(void)
{
	is_num(addresses_kept(LIMIT_OWN_ADDRS), LIMIT_OWN_ADDRS, "addresses of interfaces at LIMIT_OWN_ADDRS are known");
	is_num(addresses_kept(LIMIT_OWN_ADDRS + 1), LIMIT_OWN_ADDRS, "one over LIMIT_OWN_ADDRS is left out");
	is_num(names_kept(LIMIT_OWN_NAMES - 1), LIMIT_OWN_NAMES, "hostName and all hostNames, names at LIMIT_OWN_NAMES");
	ok(names_are_allowed(LIMIT_OWN_NAMES - 1), "the settings take as many");
	ok(!names_are_allowed(LIMIT_OWN_NAMES), "and refuse one over LIMIT_OWN_NAMES");
	return done();
}
