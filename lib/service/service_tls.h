/*
 * service_tls: the certificate and key that mail-master opened for a listener.
 */
#ifndef SERVICE_SERVICE_TLS_H
#define SERVICE_SERVICE_TLS_H

#include "net/tls.h"

struct service;

/*
 * For svc->warm: the server context from the descriptors "cert" and "key",
 * warmed up.  NULL when none were handed over; dies when they cannot be used.
 */
struct tls_server *service_tls(struct service *svc);

/* True for listeners whose clients speak TLS from the first byte: smtps, pop3s, imaps. */
bool service_is_tls_listener(const char *listener);

#endif
