/*
 * message: one message of the selected mailbox, read only as far as somebody
 * asks: the summary from the cache, the file mapped, its MIME tree.
 */
#ifndef IMAP_SERVE_MESSAGE_H
#define IMAP_SERVE_MESSAGE_H

#include "base/base.h"
#include "imap/summary.h"
#include "mail/mime.h"
#include "session.h"

struct message_reader {
	struct imap *im;
	size_t i;
	bool failed;		/* the file is gone or cannot be read; said once in the log */
	bool mapped;
	struct span text;	/* the file as it is, perhaps with bare LFs */
	bool parsed;
	struct mime_tree tree;
	bool summarised;
	struct buf blob;
	struct imap_summary summary;
};

/* Begin with message i; end with message_end before the next sync or change. */
void message_begin(struct message_reader *m, struct imap *im, size_t i);
void message_end(struct message_reader *m);

/* Each returns false, or NULL, when the message cannot be read. */
bool message_text(struct message_reader *m) PB_MUST_CHECK;
const struct mime_tree *message_tree(struct message_reader *m);
const struct imap_summary *message_summary(struct message_reader *m);

/*
 * Send text[start, start + n) of its wire form, in which every line ends with
 * CRLF.  bare_lf is the number of line ends in text that are LF alone.
 */
void message_put_wire(struct imap *im, struct span text, size_t bare_lf, uint64_t start, uint64_t n);
/* How many line ends in text are LF alone. */
size_t message_count_bare_lf(struct span text);

#endif
