/*
 * question: which way would a message go?  Asked by mailctl over the socket of
 * jobs:
 *	route job= domain= [host=] [priority=N]
 * without a descriptor, answered by
 *	route job= way=forward|mx|gateway why=LINE ... target=PREFERENCE IP PORT HOST ...
 *	      [gateway=PREFERENCE ADDRESS PORT QUEUE USER] ... [failed=CODE STATUS TEXT]
 * why: lines as in policy/sum.h; QUEUE: messages it says it has, "-":
 * not known; USER "-": no log-in.  Nothing is sent and nothing changes by it.
 */
#ifndef REMOTE_SEND_QUESTION_H
#define REMOTE_SEND_QUESTION_H

#include "base/base.h"
#include "base/buf.h"
#include "base/record.h"
#include "way.h"

/* False when the record is no question; *out has no recipients. */
bool question_read(const struct record *r, struct job *out) PB_MUST_CHECK;

void question_answer(const struct job *j, const struct way *w, struct span why, struct buf *out);

#endif
