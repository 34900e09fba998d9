/*
 * dsn_parts: what the files of a notification share; see dsn.h.
 */
#ifndef MAIL_DSN_PARTS_H
#define MAIL_DSN_PARTS_H

#include "base/base.h"
#include "base/buf.h"
#include "mail/dsn.h"

/* RFC 5322 2.1.1: 998 bytes a line; leaves room for the name of the field. */
#define DSN_VALUE_MAX 900

/* One line of printable ASCII, at most DSN_VALUE_MAX bytes of it. */
void dsn_put_value(struct buf *out, struct span s);
/* The same, with characters of UTF-8 as they are. */
void dsn_put_utf8(struct buf *out, struct span s);
/* "550 5.1.1 text" */
void dsn_put_verdict(struct buf *out, const struct verdict *v, struct span text);
/* A field with a date, RFC 5322 3.3, in UTC. */
void dsn_put_date(struct buf *out, const char *name, int64_t when);

bool dsn_is_ascii(struct span s);

/* What the subject says. */
const char *dsn_subject(const struct dsn *d);
/* Some address in the words is not ASCII. */
bool dsn_words_are_utf8(const struct dsn *d);
/* The text for people; returns_all: the whole original is attached, not its header only. */
void dsn_put_words(struct buf *out, const struct dsn *d, bool returns_all);

#endif
