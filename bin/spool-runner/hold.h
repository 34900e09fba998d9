/*
 * hold: mail that stays in the queue, without attempts and without a bounce,
 * because of who sent it or where it goes.
 *
 *	administrator	 `mailctl spool hold`: the whole message, until it is released; it
 *			 stands in the envelope (change.h).
 *	blocked sender	 setting blockedSenders: the whole message.  Until the
 *			 setting changes, which starts schedule anew.
 *	disabled domain	 as sender: the whole message; as recipient: that
 *			 recipient.  Asked of auth-check again after HOLD_S.
 *	disabled user	 who submitted it by logging in: the whole message, asked in
 *			 the same way.  A reverse-path alone holds nothing: strangers
 *			 write it, and could fill the queue with mail that waits.
 */
#ifndef SPOOL_RUNNER_HOLD_H
#define SPOOL_RUNNER_HOLD_H

#include "base/base.h"
#include "base/span.h"
#include "config/settings.h"
#include "round_jobs.h"
#include "schedule.h"

/* Does the setting blockedSenders name the reverse-path, or the account that submitted it? */
bool hold_is_blocked(const struct settings *set, const struct envelope *e);

#define HOLD_SENDERS 2

/*
 * Who the message is from, as far as he may be disabled: him whose rules hold
 * (rank.h), and the domain of the reverse-path when it is another.  Borrowed.
 */
size_t hold_senders(const struct envelope *e, struct span out[HOLD_SENDERS]);

/*
 * Before anything is expanded: true when an administrator holds the message, or
 * its sender is blocked.
 */
bool hold_blocked(struct round *r);

/*
 * Ask for the rules of the sender (r->rules), and whether the senders, and the
 * domains of the mailboxes that are due, are disabled.  Adds to r->questions; `answered` is called after each answer.
 */
void hold_ask(struct round *r, void (*answered)(struct round *r));

/* Recipient `number` is at a disabled domain. */
void hold_rcpt(struct round *r, uint32_t number);

/*
 * All questions are answered: the entry is one of the held, or is no more, and
 * the log says so.  True when nothing of the message may go.
 */
bool hold_settle(struct round *r);

/* When the round's message is due again, given that of those who are not held. */
int64_t hold_due(const struct round *r, int64_t due);

/* The entry is held, or not (any more). */
void hold_mark(struct schedule *s, uint32_t entry, bool held);

/* Say that an administrator holds the message, or does so no more. */
void hold_log(struct schedule *s, struct spool_ref ref, const struct envelope *e);

/* A message that a scan found and that is held as a whole is known as such before its time comes. */
void hold_found(struct schedule *s, uint32_t entry, const struct envelope *e);

#endif
