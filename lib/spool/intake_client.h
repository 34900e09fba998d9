/*
 * intake_client: the receiver's side of the spool: a worker without any path
 * to it gets descriptors from intake over the socket `intake`.
 *
 * One message at a time.  Calls block, each with the deadline given to
 * intake_open.  After -1 the connection is dead: say 454 and end the worker;
 * what intake refuses comes as a verdict and is no error.
 *
 * Records (lib/base/record.h), one per packet; > is from the receiver:
 *	> room                       also while a message is open
 *	< room bytes=N
 *	> new
 *	< new id=ID room=N [sync=late] + descriptor of ID.em_; late: its body need not be synced
 *	> commit id= session= sender= from= auth= helo= ip= host= envid= ret= created=
 *	         [smtputf8=1] [requiretls=1] [mt-priority=] [hold=TIME] [by=TIME;MODE]
 *	         priority= size= crc32c= rcpt=ADDRESS … notify=N VALUE … orcpt=N VALUE … [next=1]
 *	> queue id= size= crc32c= [next=1]    the same message, more than 100 recipients
 *	< done id= how=direct
 *	< header id=               + descriptor of ID.hdr, and with sync=late that of ID.em_ for
 *	                             reading, to be fsynced before ID.hdr
 *	> queued id=
 *	< done id= how=queued
 *	> abort id=                  (no answer)
 *	< error code= status= text=
 *
 * After `done` for a commit or queue with next=1 the answer to a `new` follows
 * unasked, so that a receiver need not wait for its next message.
 */
#ifndef SPOOL_INTAKE_CLIENT_H
#define SPOOL_INTAKE_CLIENT_H

#include "base/base.h"
#include "base/verdict.h"
#include "spool/body_writer.h"
#include "spool/envelope.h"

struct intake_client;

/* socket: connected SOCK_SEQPACKET, owned from now on; timeout_ms per answer. */
struct intake_client *intake_open(int socket, unsigned timeout_ms);
void intake_close(struct intake_client **c);

/*
 * A new message.  *fd_out (O_RDWR, empty) is the caller's, best given to a
 * body_writer.  0; 1 when intake refuses (then *out says why); -1 lost.
 */
int intake_new(struct intake_client *c, int *fd_out, uint64_t *id_out, struct verdict *out) PB_MUST_CHECK;
/* How the body of that message is to end. */
enum body_end intake_body_end(const struct intake_client *c);

/*
 * How many bytes the spool takes before its reserve is touched; UINT64_MAX when
 * it has none.  What intake said at most max_age_ms ago need not be asked again.
 * 0, or -1 lost.
 */
int intake_room(struct intake_client *c, uint64_t max_age_ms, uint64_t *bytes_out) PB_MUST_CHECK;

/*
 * The body is written, ended as intake_body_end says and closed; e says the rest (size and crc32c
 * set, id as given).  With status ENVELOPE_QUARANTINED the message is kept in
 * the queue but not delivered.  Makes the envelope durable when intake asks for it.
 * next: another message will be wanted: have its file ready for intake_new.
 * 0 and a 250 in *out: the message is promised.  0 and another code: it was
 * refused and is forgotten.  -1: connection lost, outcome unknown.
 */
int intake_commit(struct intake_client *c, const struct envelope *e, bool next, struct verdict *out) PB_MUST_CHECK;
/* True when a next message was asked for in advance: intake_new will not wait. */
bool intake_is_coming(const struct intake_client *c);

/* Give up the message of the last intake_new. */
int intake_abort(struct intake_client *c) PB_MUST_CHECK;

#endif
