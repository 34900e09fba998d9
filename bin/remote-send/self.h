/*
 * self: by which names and addresses this machine knows itself, so that an MX
 * that leads back here is found (mx.h).
 */
#ifndef REMOTE_SEND_SELF_H
#define REMOTE_SEND_SELF_H

#include "config/settings.h"
#include "mx.h"

/*
 * Fill in a zeroed *self.  Past LIMIT_OWN_ADDRS addresses are left out.  Dies
 * when the interfaces cannot be listed.
 */
void self_know(struct self *self, const struct settings *settings);

#endif
