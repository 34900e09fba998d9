/*
 * spool_put: the owner's side of taking a message (intake).
 *
 * The receiver writes, the owner names.  spool_put.c numbers the steps and
 * argues why no instant loses a message that was promised.
 *
 *	spool_put_new     ID.em_ made; hand p.fd to the receiver, then
 *	spool_put_handed  close our copy
 *	   (the receiver writes the body, fsyncs it unless that may be late, closes, says commit)
 *	spool_put_body    no writer is left; size and checksum are as said
 * and then straight through:
 *	   (local-deliver links ID.em_ into the mailboxes and makes all durable)
 *	spool_put_through ID.em_ is gone; 250 may be said before or after it
 * or by the queue:
 *	spool_put_header  ID.hdr made; hand *fd, and *body if there is one, to the receiver
 *	   (the receiver fsyncs the body if it got it, writes the envelope, fsyncs,
 *	   closes, says queued)
 *	spool_put_accept  the envelope is read as hostile, .em_ becomes .eml:
 *	                  when it returns 0 the message is promised: say 250
 * spool_put_abort at any time before that undoes all.
 *
 * Errors are -1 with errno.  ENOSPC, EDQUOT, EMFILE ...: try later.  EIO: this
 * message is given up; EBADMSG: the receiver broke the rules; EAGAIN: it still
 * has the file open.
 */
#ifndef SPOOL_SPOOL_PUT_H
#define SPOOL_SPOOL_PUT_H

#include "base/base.h"
#include "spool/envelope.h"
#include "spool/spool.h"
#include "spool/spool_read.h"

struct spool_put {
	struct spool *sp;
	struct spool_ref ref;
	int fd;			/* O_RDWR on ID.em_ for the receiver, -1 once handed over */
	bool has_header;
	uint64_t size;		/* of the body: as the receiver said, and proven by spool_put_body */
	uint32_t crc32c;
	struct spool_checksum read;	/* how far the proof has come */
};

/* The mode of the file is 0440 less the umask: use umask 027. */
int spool_put_new(struct spool *sp, struct spool_put *out) PB_MUST_CHECK;
/*
 * The same with a derived id (spool_id_bounce) in folder sub, for schedule,
 * which writes the bounce of a message into the folder of that message.
 * EEXIST: it is in the queue already.  What an earlier life left unfinished
 * under this id is removed.
 */
int spool_put_new_id(struct spool *sp, struct spool_ref ref, struct spool_put *out) PB_MUST_CHECK;
void spool_put_handed(struct spool_put *p);

/* Waits at most wait_ms for the last writer to go (a close may be on its way). */
int spool_put_body(struct spool_put *p, uint64_t size, uint32_t crc, unsigned wait_ms) PB_MUST_CHECK;
/*
 * The same for an owner that has others to serve: begin, then step until it
 * returns 0; 1: there is more to read, and now others may have their turn.
 * A step reads SPOOL_BODY_STEP bytes at most.  EFBIG: past LIMIT_MESSAGE.
 */
#define SPOOL_BODY_STEP (1 << 20)
int spool_put_body_begin(struct spool_put *p, uint64_t size, uint32_t crc, unsigned wait_ms) PB_MUST_CHECK;
int spool_put_body_step(struct spool_put *p) PB_MUST_CHECK;

int spool_put_through(struct spool_put *p) PB_MUST_CHECK;

/*
 * body_out, unless NULL: the body for reading, to be made durable before the
 * envelope is; -1 when spool_syncs_late says that the receiver has done so.
 * Both are the caller's.
 */
int spool_put_header(struct spool_put *p, int *fd_out, int *body_out) PB_MUST_CHECK;
/* On 0 *envelope_out is the caller's (envelope_free). */
int spool_put_accept(struct spool_put *p, unsigned wait_ms, struct envelope **envelope_out) PB_MUST_CHECK;

void spool_put_abort(struct spool_put *p);

/* "SubSpool3/100000000001.em_", as jobs name the file. */
#define SPOOL_PATH_SIZE (SPOOL_SUB_NAME_SIZE + 32)
void spool_put_path(const struct spool_put *p, char out[SPOOL_PATH_SIZE]);

#endif
