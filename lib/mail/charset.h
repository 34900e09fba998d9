/*
 * charset: text in any character set to UTF-8, by ICU, whose tables are in
 * the library itself and so work inside a chroot.
 */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/* Load what ICU loads at first use; call before confining the process. */
void charset_warm_up(void);

/* True when text can be converted from it. */
bool charset_is_known(struct span charset);

/*
 * Append the text in UTF-8.  Bytes that mean nothing become U+FFFD.  An
 * unknown charset: false, and the text is appended as US-ASCII with U+FFFD
 * for every other byte.
 */
bool charset_decode(struct span text, struct span charset, struct buf *out);

/* Append an unstructured header value with its encoded words decoded (RFC 2047), unfolded. */
void charset_decode_header(struct span value, struct buf *out);

/* Append base64 or quoted-printable text decoded; what is no data is skipped. */
void charset_base64(struct span text, struct buf *out);
void charset_quoted_printable(struct span text, bool header, struct buf *out);

/*
 * Append the text folded for comparing (Unicode NFKC case folding): two texts
 * that differ only in letter case become equal.  Input UTF-8, leniently.
 */
void charset_fold(struct span utf8, struct buf *out);

bool charset_is_utf8(struct span text);

#endif
