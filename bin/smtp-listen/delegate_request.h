/*
 * delegate_request: what policy servers are told.
 */
#ifndef SMTP_LISTEN_DELEGATE_REQUEST_H
#define SMTP_LISTEN_DELEGATE_REQUEST_H

#include "base/base.h"
#include "base/buf.h"
#include "config.h"
#include "smtp/command.h"

struct smtp;

/* All attributes, in place of what out holds.  rcpt: at RCPT; else NULL. */
void delegate_request(const struct smtp *c, enum config_delegate_state state, const struct smtp_rcpt *rcpt, struct buf *out);

#endif
