/*
 * What receiver.c and receiver_direct.c share; nobody else includes it.
 */
#ifndef SPOOL_RUNNER_RECEIVER_PRIVATE_H
#define SPOOL_RUNNER_RECEIVER_PRIVATE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "base/verdict.h"
#include "io/loop.h"
#include "receiver.h"
#include "spool/envelope.h"
#include "spool/spool_put.h"

enum stage { STAGE_IDLE, STAGE_OPEN, STAGE_BODY, STAGE_EXPAND, STAGE_DELIVER, STAGE_HEADER, STAGE_ACCEPT };

/* A mailbox that a recipient leads to; memory of the envelope's arena. */
struct target {
	struct target *next;
	struct target *same;	/* an earlier target with this address: delivered by that one */
	uint32_t original;	/* recipient */
	uint32_t number;
	struct span address;
	bool done;
	struct verdict verdict;
};

struct receiver {
	struct intake *in;
	int fd;			/* -1: the connection has ended */
	struct loop_fd *watch;
	enum stage stage;
	struct spool_put put;
	struct envelope *env;
	struct target *targets, **targets_end;
	uint32_t target_count;
	size_t open_questions;
	bool direct;		/* still hoping to go straight through */
	uint64_t size;		/* of the body, as the receiver says */
	uint32_t crc32c;
	uint64_t job;
	struct loop_timer *deadline;	/* of the straight way */
	struct loop_timer *again;	/* asks once more whether the writer is gone */
	unsigned tries;
	uint64_t started_ms;
	bool wants_next;	/* the answer to another `new` is to follow `done` */
};

/* `done` and the like with the id; descriptors go along, -1: none. */
void receiver_reply_id(struct receiver *rc, const char *verb, const char *how, int fd, int second);
void receiver_log_accepted(struct receiver *rc, const char *how);
/* After `done`: ready for the next message. */
void receiver_go_on(struct receiver *rc);
/* Leave the straight way: hand out the header. */
void receiver_take_queue(struct receiver *rc);
/* The last act of every callback: a connection that is over and idle is freed. */
void receiver_end_if_gone(struct receiver *rc);

/* receiver_direct.c: try the straight way with a body that is proven. */
void receiver_direct_start(struct receiver *rc);
/* Some target has the message already; and the lines that say so, for the queue (seed: line_seed there). */
bool receiver_direct_has_done(const struct receiver *rc);
void receiver_direct_lines(struct receiver *rc, uint32_t seed, struct buf *out);

#endif
