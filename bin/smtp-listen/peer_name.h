/*
 * peer_name: the client's name, as DNS has it for its address; for milters,
 * policy servers and the Received field.
 *
 * Asked once a session, before the greeting, and only where the settings name
 * somebody who is told.  A name counts when it leads back to the address; XCLIENT
 * NAME takes its place.  What is not known in time is not known: nobody is
 * refused for it.
 */
#ifndef SMTP_LISTEN_PEER_NAME_H
#define SMTP_LISTEN_PEER_NAME_H

#include "base/base.h"
#include "base/limits.h"

struct smtp;

/* Longest wait: the client hears nothing for so long. */
#define PEER_NAME_MS 1000

struct peer_name {
	char name[LIMIT_DOMAIN + 1];	/* confirmed, or XCLIENT's; "" for none */
	char ptr[LIMIT_DOMAIN + 1];	/* what PTR says, confirmed or not; "" for none */
	const char *resolve;		/* "OK", "FORGED", "FAIL", "TEMP"; NULL: nobody asked */
};

/* Of c->s->peer, into c->peer, unless XCLIENT told it. */
void peer_name_find(struct smtp *c);

/* XCLIENT's word; "": the proxy says that there is none. */
void peer_name_told(struct smtp *c, const char *name);

#endif
