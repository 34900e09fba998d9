/*
 * sender: the parent of remote-send.  It takes jobs from schedule, owns the
 * resolver, and gives each job with its targets to an agent.  No byte of
 * another host reaches it but what the resolver's process has read, and the text of
 * MTA-STS policies.
 */
#ifndef REMOTE_SEND_SENDER_H
#define REMOTE_SEND_SENDER_H

#include "base/base.h"
#include "connection.h"
#include "io/door.h"
#include "pool.h"
#include "resolve.h"
#include "service/service.h"
#include "signer.h"
#include "way.h"

struct client;

struct sender {
	struct service svc;
	struct loop *loop;
	struct resolver resolver;
	struct options options;
	struct ways *ways;
	struct pool *pool;
	struct signer *signer;
	struct door *door;		/* NULL: stopping */
	uid_t callers[2];		/* who gives jobs, and who asks questions */
	struct client *client[LIMIT_SEND_CLIENTS];	/* connected; NULL: a free place */
	size_t clients, jobs;
	size_t unsent;			/* answers that clients have not taken yet */
	bool stopping;
};

/* Watch the listening socket (stays the caller's). */
void sender_listen(struct sender *s, int fd);

/* Take no more jobs; the loop ends when those that agents work on are done and answered. */
void sender_stop(struct sender *s);

/* Children have ended. */
void sender_reap(struct sender *s);

#endif
