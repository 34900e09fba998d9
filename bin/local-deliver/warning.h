/*
 * warning: tell the administrator of a domain that it is full (LIMIT-01).
 *
 * It is handed in like mail of any local program, by SMTP over smtp-listen's Unix
 * socket, for postmaster of the domain: that is who administers it, and such mail is
 * taken however full the domain is.
 */
#ifndef LOCAL_DELIVER_WARNING_H
#define LOCAL_DELIVER_WARNING_H

#include "base/base.h"

struct service;

enum warning { WARNING_SENT, WARNING_LATER, WARNING_REFUSED };

/* Waits for the answer; logs what became of it.  used and limit are bytes. */
enum warning warning_send(struct service *svc, const char *domain, uint64_t used, uint64_t limit) PB_MUST_CHECK;

#endif
