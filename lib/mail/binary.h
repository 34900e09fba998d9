/*
 * binary: a message with binary parts (RFC 3030 BINARYMIME) made one of lines.
 *
 * A part whose Content-Transfer-Encoding is "binary" is encoded as base64, and
 * the field says so; of multipart and message parts, which may not be encoded,
 * the field becomes "8bit".  Everything else passes byte for byte, so a message
 * without such a part comes out as it went in.  What a client labels 7bit or
 * 8bit and is not is left for the reader of lines to refuse (smtp/data.h).
 *
 * Works on pieces of any size, in memory of one header section.  Content is
 * told from delimiters as RFC 2046 5.1.1 does: CRLF "--" boundary, where the
 * CRLF belongs to the delimiter.
 */
#ifndef MAIL_BINARY_H
#define MAIL_BINARY_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"

struct binary;

struct binary *binary_new(void);

/*
 * The same machine for messages that the next host cannot take as they are: with
 * eight-bit bodies (RFC 6152 3), or lines over BINARY_LINE (RFC 5322 2.1.1).  The
 * message is read twice: a survey finds the parts that have such flaws, and writes
 * nothing of use; then these parts become base64, header lines that are too long are
 * folded, and fields that are missing for it are added.  Both fail also when there
 * are more than LIMIT_MIME_PARTS parts, or a header line that cannot be folded.
 * survey is borrowed for the life of the machine.
 */
#define BINARY_LINE 998			/* without CRLF */
enum { BINARY_8BIT = 1, BINARY_LONG = 2 };
struct binary_survey {
	size_t parts;
	bool header_8bit;		/* some header section has other bytes than ASCII */
	uint8_t flaws[LIMIT_MIME_PARTS];	/* of the body of each part, in their order */
};
struct binary *binary_new_survey(struct binary_survey *out);
/* flaws: which of them are unwanted. */
struct binary *binary_new_converter(const struct binary_survey *survey, unsigned flaws);

void binary_free(struct binary **b);

/* Most bytes that one feed of n bytes, or the end (n = 0), may append. */
#define BINARY_OUT_MAX(n) (2 * (n) + 2 * LIMIT_HEADER_BYTES + 4096)

/*
 * The next piece; what is ready is appended to out.  False: the message cannot
 * be made one of lines (a header section over LIMIT_HEADER_BYTES, parts nested
 * deeper than LIMIT_MIME_DEPTH, a binary multipart without boundary).  That is
 * sticky.
 */
bool binary_feed(struct binary *b, struct span in, struct buf *out) PB_MUST_CHECK;
bool binary_end(struct binary *b, struct buf *out) PB_MUST_CHECK;

#endif
