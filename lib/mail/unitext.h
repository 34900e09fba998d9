/*
 * unitext: an internationalised address behind "utf-8;" (RFC 6533 3), in its two
 * spellings: utf-8-addr-unitext, which may hold UTF-8, and utf-8-addr-xtext,
 * which is ASCII.  In both \x{HEX} stands for a character that may not stand
 * there itself.
 */
#ifndef MAIL_UNITEXT_H
#define MAIL_UNITEXT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

#define UNITEXT_CHAR_MAX 10		/* bytes of one character as it is printed: \x{10FFFF} */

/*
 * Append the address as UTF-8; *eight_bit says whether it came with bytes over
 * 0x7f.  False, with out in an undefined state, when s is in neither spelling,
 * has a control character, or does not fit.
 */
bool unitext_parse(struct span s, struct buf *out, bool *eight_bit) PB_MUST_CHECK;

/* Append it; ascii: without bytes over 0x7f.  What is no UTF-8 becomes U+FFFD. */
void unitext_print(struct span address, bool ascii, struct buf *out);

/* Bytes of the first character of s, which is not empty. */
size_t unitext_next(struct span s);

#endif
