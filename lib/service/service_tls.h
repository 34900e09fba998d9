/*
 * service_tls: the certificates and keys that mail-master opened for a listener.
 */
#ifndef SERVICE_SERVICE_TLS_H
#define SERVICE_SERVICE_TLS_H

#include "base/buf.h"
#include "base/record.h"
#include "net/tls.h"

struct service;
struct session;

/*
 * For svc->warm: a server with the certificates that were handed over, warmed
 * up; NULL without any.  Dies when one cannot be used, or when the settings of TLS
 * cannot.  It stays with svc, which tells mailctl of it.
 */
struct tls_server *service_tls(struct service *svc);

/* Parent of a pool: forget keys of tickets whose time is over, now and from time to time. */
void service_tls_tend(struct service *svc);

/* True for listeners whose clients speak TLS from the first byte: smtps, pop3s, imaps. */
bool service_is_tls_listener(const char *listener);

/* After a handshake: event=tls, with protocol, cipher and the certificate that the client saw. */
void service_tls_log(const struct session *s);

/*
 * Answer `tls from=PLACE` of mailctl: certificate=... (repeated), next=PLACE when
 * there are more.  A certificate is one line of fields parted by TAB: local
 * address ("*" for all), port (0 for all), 1 for the default, not before, not
 * after (seconds since 1970), SHA-256, subject, issuer, names, file.
 */
void service_tls_show(const struct service *svc, const struct record *request, struct buf *reply);

#endif
