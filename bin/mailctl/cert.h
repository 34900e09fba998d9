/*
 * cert: a self-signed certificate, so that a new instance can speak TLS.
 */
#ifndef MAILCTL_CERT_H
#define MAILCTL_CERT_H

#include "base/base.h"
#include "base/buf.h"

/* Private key (P-256) and certificate for host, ten years, both PEM.  0, or -1. */
int cert_make(const char *host, struct buf *key_out, struct buf *cert_out) PB_MUST_CHECK;

#endif
