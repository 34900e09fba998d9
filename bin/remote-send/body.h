/*
 * body: the bytes of a message as the next host can take them: as they are, or with
 * parts encoded and header lines folded (mail/binary.h).
 */
#ifndef REMOTE_SEND_BODY_H
#define REMOTE_SEND_BODY_H

#include "base/base.h"
#include "base/buf.h"
#include "mail/binary.h"
#include <sys/types.h>

#define BODY_PIECE 16384

struct body {
	int fd;				/* borrowed */
	off_t start;			/* of the message in it */
	off_t at;
	bool has_8bit, has_long;	/* bytes over 127, lines over BINARY_LINE; header included */
	bool is_plain;			/* after body_survey: the header sections are ASCII */
	bool converts;
	unsigned unwanted;		/* BINARY_ flags */
	struct binary_survey survey;
	struct binary *machine;
	bool ended;
};

/* Look through it once; 0, or the errno with which it cannot be read. */
int body_open(struct body *b, int fd, off_t start) PB_MUST_CHECK;
void body_close(struct body *b);

/* Find out more, which costs more.  False: it cannot be converted; errno is 0, or says that it cannot be read. */
bool body_survey(struct body *b) PB_MUST_CHECK;

/* From the beginning again; unwanted: BINARY_ flags, 0 for as it is. */
void body_rewind(struct body *b, unsigned unwanted);

/*
 * Append the next bytes to out, which has room for BODY_OUT_MAX.  1; 0 at the end;
 * -1 with errno.
 */
#define BODY_OUT_MAX BINARY_OUT_MAX(BODY_PIECE)
int body_next(struct body *b, struct buf *out) PB_MUST_CHECK;

#endif
