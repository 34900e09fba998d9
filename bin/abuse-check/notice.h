/*
 * notice: mail to the administrator about a rule that was crossed.
 *
 * abuse-check makes it, since it alone knows rule, count and window, and hands it in
 * like any local program: by SMTP over smtp-listen's Unix socket, which takes mail
 * from every user of the machine.  So no other program needs to be trusted
 * with its words, and it needs no right that it does not have.
 *
 * At most one notice goes out for a rule, who crossed it, and a frame; and at
 * most LIMIT_NOTICES_HOUR a rule and hour, the next of which says how many
 * crossings had none.  Notices that wait are in memory: a restart loses them,
 * but not the line of the log.
 */
#ifndef ABUSE_CHECK_NOTICE_H
#define ABUSE_CHECK_NOTICE_H

#include "base/base.h"
#include "base/buf.h"
#include "abuse.h"

/* What crossed a rule. */
struct crossing {
	const uint8_t *key;	/* what is told of once in a frame */
	const struct addr *ip;	/* NULL: a local program */
	struct span account;	/* sender, or who failed to log in; may be empty or hostile */
	uint32_t count;		/* in the frame */
	uint64_t size;		/* of the last message */
};

/* rules.c: do the events that were counted cross the rule?  `why` gets what is said of them. */
bool rule_is_crossed(const struct rule *r, const struct crossing *c, struct buf *why) PB_MUST_CHECK;

/* decided.c: the lines of `why` in the log. */
void rule_log_decision(struct abuse *a, const struct rule *r, const struct addr *ip, const struct buf *why);

struct notice {
	struct notice *next;
	char to[LIMIT_ADDRESS + 1];
	unsigned tries;
	struct buf text;	/* header and body, CRLF, not dot-stuffed */
};

struct notices;
/* After the loop was made. */
struct notices *notices_new(struct abuse *a);
/* Before the end: tell the log what was not sent. */
void notices_end(struct abuse *a);

/* True unless the crossing was told of in this frame; from now on it was. */
bool notice_is_new(struct abuse *a, const struct rule *r, const uint8_t key[16]) PB_MUST_CHECK;
/* A rule was crossed: make a notice, as far as the hour leaves room for it. */
void notice_crossing(struct abuse *a, struct rule *r, const struct crossing *c);

/* notice_text.c, pure: header and body. `from` is the sender in the header. */
void notice_print(const struct rule *r, const struct crossing *c, const char *host, const char *from, struct buf *out);
/* The word as a shell takes it: as it is, or in quotes. */
void notice_quote(struct buf *out, struct span word);

/* notice_post.c: takes n over and frees it when it was sent or given up. */
struct post;
struct post *post_new(struct abuse *a);
void post_put(struct post *p, struct notice *n);
size_t post_waiting(const struct post *p);

#endif
