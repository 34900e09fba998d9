/*
 * domain_port: the alternate SMTP port of a domain (DOM-14), which is a port of
 * the server: the first domain that wants it opens it for all, and the last one
 * that names it closes it, unless an administrator opened it (bindings/port/forDomains).
 */
#ifndef MAILCTL_DOMAIN_PORT_H
#define MAILCTL_DOMAIN_PORT_H

#include "base/base.h"
#include "config/config_file.h"
#include "ctl.h"

/* Which port a domain's settings ask for; 0 when it is switched off, or st is NULL. */
uint64_t domain_port_of(const struct settings *st);

/*
 * The same of the settings in f.  EXIT_REFUSED after a message when that port serves
 * something else than mail from clients.
 */
int domain_port_check(const struct ctl *c, const struct config_file *f, uint64_t *port_out);

/* Add it to the server's list of ports unless it is there. */
int domain_port_open(struct ctl *c, uint64_t port);

/* Take it out of that list when it was opened so and no domain names it any more. */
int domain_port_close(struct ctl *c, uint64_t port);

#endif
