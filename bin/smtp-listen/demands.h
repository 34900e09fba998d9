/*
 * demands: what a sender may ask of the transport beyond the transfer:
 * SMTPUTF8, REQUIRETLS, MT-PRIORITY, FUTURERELEASE and DELIVERBY.  Here it is
 * decided which are offered now and to whom; they are carried in the envelope
 * and obeyed by spool-runner and remote-send.
 */
#ifndef SMTP_LISTEN_DEMANDS_H
#define SMTP_LISTEN_DEMANDS_H

#include "smtp.h"
#include "spool/envelope.h"

/* The keywords that EHLO shows now, LF behind each. */
void demands_offer(struct smtp *c, struct buf *out);

/*
 * True when the parameters of MAIL may be used in this session; else replied.
 * A priority that the client may not ask for is lowered to 0.
 */
bool demands_are_allowed(struct smtp *c, struct smtp_mail *mail) PB_MUST_CHECK;

/* The reply to an accepted MAIL. */
void demands_reply(struct smtp *c);

/* Write them into the envelope. */
void demands_fill(const struct smtp *c, struct envelope *e);

/* 1 to 10 for MT-PRIORITY -9 to 9; 5 for 0. */
uint32_t demands_priority(int mt_priority);

#endif
