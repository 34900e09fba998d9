/*
 * pool: the agents of remote-send, as its parent sees them.
 *
 * An agent does one job at a time.  A job goes to the idle agent that holds a
 * connection to one of its best targets, else to one without a connection,
 * else to a new one, else, when the table is full, to the one that has been
 * idle longest; it waits when all are busy.
 */
#ifndef REMOTE_SEND_POOL_H
#define REMOTE_SEND_POOL_H

#include "base/base.h"
#include "base/record.h"
#include "connection.h"
#include "io/loop.h"
#include "job.h"

struct pool;

/* answer is NULL when the agent died; borrowed for the call. */
typedef void pool_call(void *ctx, const struct record *answer);

/* The agent of that job wants a digest signed: pool_signed is to be called once, with the number. */
typedef void pool_sign(void *ctx, const struct job *job, uint64_t number, struct span selector, struct span digest);

/* max: agents at most.  o is borrowed for the life of the pool. */
struct pool *pool_new(struct loop *loop, const struct options *o, size_t max, pool_sign *sign, void *sign_ctx);

/* The signature in base64 for the agent that still works on that job; empty: there is none. */
void pool_signed(struct pool *p, uint64_t number, struct span signature);

/*
 * Give the job to an agent, now or when one is free; call comes once, later.
 * job and fd (-1: a question) must live until then.
 */
void pool_send(struct pool *p, const struct job *job, int fd, pool_call *call, void *ctx);

/* A child ended, perhaps an agent, perhaps one that is known to be gone. */
void pool_reap(struct pool *p, pid_t pid);

/*
 * Agents end when the job that they work on is done; jobs that wait for an
 * agent get a NULL answer now.
 */
void pool_stop(struct pool *p);

#endif
