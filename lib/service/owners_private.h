/*
 * owners_private: what only lib/service does with the owners' connections.
 */
#ifndef SERVICE_OWNERS_PRIVATE_H
#define SERVICE_OWNERS_PRIVATE_H

#include "base/base.h"

struct service;

/* Connect all of svc->owner_mask; -1 after one log line when one is missing. */
int owners_connect_all(struct service *svc) PB_MUST_CHECK;

#endif
