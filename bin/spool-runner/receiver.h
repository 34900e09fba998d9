/*
 * receiver: one connection of a program that takes messages in, and the
 * message it is bringing.
 */
#ifndef SPOOL_RUNNER_RECEIVER_H
#define SPOOL_RUNNER_RECEIVER_H

#include "base/base.h"

struct intake;

/* Serve the accepted, non-blocking SEQPACKET socket fd, owned from now on. */
void receiver_new(struct intake *in, int fd);

#endif
