/*
 * dane: the TLSA records of one mail host (RFC 7672 2.2).
 */
#ifndef REMOTE_SEND_DANE_H
#define REMOTE_SEND_DANE_H

#include "base/base.h"
#include "job.h"
#include "mx.h"
#include "net/dns.h"

struct dane;
typedef void dane_call(struct dane *d);

/* One look-up at a time; the members are for dane.c. */
struct dane {
	struct dns *dns;
	struct job *job;
	struct target_tls *tls;
	const struct mx_host *host;
	uint16_t port;
	dane_call *call;
	void *ctx;			/* the caller's */
	const char *name[2];		/* TLSA base domains that are still to be asked, best first */
	size_t names;
	uint64_t query;			/* 0: none is open */
};

/*
 * Ask for the records of a host whose addresses have come, at that port.  True:
 * call comes once, later, unless dane_cancel does; then tls->facts.dane, base and
 * tlsa are filled.  False: nothing can be asked, tls is as it was.  All pointers
 * must live until then.
 */
bool dane_begin(struct dane *d, struct target_tls *tls, const struct mx_host *host, uint16_t port) PB_MUST_CHECK;
void dane_cancel(struct dane *d);

#endif
