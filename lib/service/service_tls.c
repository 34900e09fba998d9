/*
 * service_tls: see service_tls.h.
 *
 * Trust: certificate and key are the administrator's; a pair that OpenSSL does
 * not take ends the start, so no listener runs with half of TLS.
 */
#include "base/base.h"
#include "service/service_tls.h"

#include "base/die.h"
#include "service/service.h"

struct tls_server *
service_tls(struct service *svc)
{
	char error[TLS_ERROR_MAX];
	int cert = service_fd(svc, "cert");
	int key = service_fd(svc, "key");
	struct tls_server *tls;

	if (cert < 0 || key < 0)
		return NULL;
	tls = tls_server_new(cert, key, TLS_VERSION_1_2, error);
	if (tls == NULL || !tls_warm_up(tls, error))
		die(EXIT_REFUSED, "certificate: %s", error);
	return tls;
}

bool
service_is_tls_listener(const char *listener)
{
	return span_is(span_of(listener), "smtps") || span_is(span_of(listener), "pop3s") ||
		span_is(span_of(listener), "imaps");
}
