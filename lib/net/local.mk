# lib/net
libpillarbox_a_SOURCES += lib/net/addr.c lib/net/addr.h lib/net/listen.c lib/net/listen.h \
	lib/net/connect.c lib/net/connect.h lib/net/tls.c lib/net/tls.h lib/net/tls_context.c \
	lib/net/tls_context.h lib/net/dns.c lib/net/dns.h lib/net/dns_read.c \
	lib/net/dns_loop.c lib/net/dns_loop.h \
	lib/net/endpoint.c lib/net/endpoint.h
libpillarbox_a_SOURCES += lib/net/addr_set.c lib/net/addr_set.h lib/net/proxy.c lib/net/proxy.h
libpillarbox_a_SOURCES += lib/net/tls_certificate.c lib/net/tls_certificate.h lib/net/tls_ciphers.c \
	lib/net/tls_peer.c lib/net/tls_pem.c lib/net/tls_server.c lib/net/tls_ticket.c lib/net/tls_ticket.h
libpillarbox_a_SOURCES += lib/net/tlsa.c lib/net/tlsa.h lib/net/tls_verify.c lib/net/tls_verify.h
