/*
 * dns_loop: a resolver (dns.h) in an event loop.
 */
#ifndef NET_DNS_LOOP_H
#define NET_DNS_LOOP_H

#include "base/base.h"
#include "io/loop.h"
#include "net/dns.h"

struct dns_loop;

/*
 * Start the resolver's process and watch it; when it is lost another one is
 * started, and what was asked gets DNS_FAIL.  Dies when none can be started.
 * d must live as long.  lost (may be NULL) is called after each loss.
 */
struct dns_loop *dns_loop_start(struct loop *loop, struct dns *d, void (*lost)(void *ctx), void *ctx);
void dns_loop_stop(struct dns_loop **l);

#endif
