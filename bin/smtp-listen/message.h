/*
 * message: the text of one message between the client and the spool.
 *
 * Up to LIMIT_MESSAGE_MEMORY it is kept in memory until every check has
 * spoken, and is then written once, in its final form: our trace fields, what
 * was added, the message.  A larger one goes to the file as it comes, behind
 * the trace fields, and is written anew in place when fields or the body
 * were changed at the end.
 */
#ifndef SMTP_LISTEN_MESSAGE_H
#define SMTP_LISTEN_MESSAGE_H

#include "base/base.h"
#include "base/buf.h"
#include "mail/trace.h"
#include "spool/body_writer.h"

struct message {
	struct buf trace;		/* Return-Path, Received */
	size_t trace_in_file;		/* its length there, when spilled; it may have changed since */
	bool trace_changed;
	size_t top_n;			/* of trace, behind Return-Path: fields of milters above our Received field */
	struct buf added;		/* fields of ours and of milters that go on top */
	struct buf text;		/* as received; its first part when spilled */
	struct buf header;		/* the header section to write when header_changed */
	struct buf body;		/* the body to write when body_changed */
	bool header_changed, body_changed;
	char quarantine[128];		/* a milter's reason; "" when there is none */
	bool spilled;			/* the rest stands in the file */
	struct trace_header found;	/* in text: valid from message_scan on */
	enum trace_flaw flaw;
	uint64_t size;			/* bytes received, without trace fields */
	uint64_t spilled_size;		/* of them, how many are in the file */
	struct body_writer writer;	/* when spilled, or at the end */
};

void message_init(struct message *m);
/* Forget everything; large buffers go back to the system. */
void message_reset(struct message *m);

/*
 * Take what `room` points to: message_room gives at least n bytes to write to,
 * message_take counts those written.  message_take spills into fd (then owned
 * by m) when memory is full; it returns true when it took fd.
 */
char *message_room(struct message *m, size_t n);
bool message_take(struct message *m, size_t n, int fd);

/* Another reverse-path: the first line of trace says it. */
void message_new_sender(struct message *m, struct span from);
/* Whole fields that stand above our Received field; and others in their place, false when they are too much. */
struct span message_top(const struct message *m);
bool message_set_top(struct message *m, struct span fields) PB_MUST_CHECK;

/* Look at the header section: once, when it is whole or the text is spilled. */
void message_scan(struct message *m, struct span our_host);

/*
 * Bytes of the body as received from `at` on into p; the count, 0 at the end,
 * -1 with errno.  Only before message_finish.
 */
ssize_t message_read_body(struct message *m, uint64_t at, char *p, size_t n);

/*
 * Write the final form to fd (ignored when spilled) and end it so.
 * 0 and size and checksum, or -1 with errno.  fd is closed in any case.
 */
int message_finish(struct message *m, int fd, enum body_end end, uint64_t *size_out, uint32_t *crc_out) PB_MUST_CHECK;

#endif
