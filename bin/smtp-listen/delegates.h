/*
 * delegates: the policy servers of the settings (Postfix's check_policy_service),
 * asked at each RCPT that everything else has let pass, before the text of the
 * message or when that is there, as the settings say.
 *
 * They are asked in their order until one has an opinion; PREPEND, HOLD and
 * DISCARD hold for the message and the next one is asked.  One that cannot be
 * asked is treated as its failMode says.  The connections are the worker's.
 */
#ifndef SMTP_LISTEN_DELEGATES_H
#define SMTP_LISTEN_DELEGATES_H

#include "base/base.h"
#include "config.h"
#include "smtp/command.h"

struct smtp;
struct delegates;

/* NULL when there are none.  Made once in a worker and never freed; `config` must live as long. */
struct delegates *delegates_new(const struct config *config);

/* At RCPT, and before 354 or the first BDAT is taken.  False: refused, and told so. */
bool delegates_allow(struct smtp *c, const struct smtp_rcpt *rcpt) PB_MUST_CHECK;
bool delegates_data(struct smtp *c) PB_MUST_CHECK;

/* The message is there; milters have not seen it. */
struct verdict delegates_message(struct smtp *c) PB_MUST_CHECK;

#endif
