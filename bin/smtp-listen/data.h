/*
 * data: what DATA and BDAT have in common: one message from its trace fields to
 * the answer that makes us responsible.  The functions are in cmd_data.c, those
 * about time in data_wait.c, verdicts in data_check.c, the end in data_store.c.
 */
#ifndef SMTP_LISTEN_DATA_H
#define SMTP_LISTEN_DATA_H

#include "smtp.h"

/* Bytes looked at in one go. */
#define DATA_PIECE 32768

/* The message begins: Return-Path and Received. */
void data_begin(struct smtp *c);

/* The client may send text from now on. */
void data_start_clock(struct smtp *c);
/* Has the text taken too long already? */
bool data_is_late(struct smtp *c);
/* Wait for more of it: until the command times out, or the text takes too long. */
enum stream_result data_wait(struct smtp *c) PB_MUST_CHECK;
/* n bytes of it were taken from the input. */
void data_came(struct smtp *c, size_t n);
/* The connection ended, or was too slow: logged, told if it can hear it, and over. */
void data_lost(struct smtp *c, enum stream_result r);

/* True while what comes is still worth keeping. */
bool data_is_kept(const struct smtp *c, const struct smtp_data *d);
/* n bytes were written to message_room. */
void data_keep(struct smtp *c, size_t n);

/* The verdict on the bytes alone; may end the session. */
struct verdict data_check_flaws(struct smtp *c, const struct smtp_data *d);

/* The verdict on binary parts that cannot be encoded. */
struct verdict data_unreadable_parts(struct smtp *c);

/* May a message be that large? */
struct verdict data_check_size(struct smtp *c, uint64_t size);
/* The verdict on its header section: how large it is, and how many servers it went through. */
struct verdict data_check_header(struct smtp *c);
/* The address in From, canonical, into out; empty when there is none, or more than one. */
void data_find_from(struct smtp *c, struct buf *out);
/* May the client write that address there (SMTPIN-15)? */
struct verdict data_check_from(struct smtp *c, struct span from);
/*
 * Room for the whole message in the domains, as it was at RCPT: refused when no
 * recipient has it.  When only some have not, those are told of by a bounce
 * (RFC 5321 has one reply for all).
 */
struct verdict data_check_room(struct smtp *c);

/*
 * Write the message and commit it; from is what data_find_from found.  OK: it is in
 * the spool, and logged.  c->t.lost_intake says that nobody knows.
 */
struct verdict data_store(struct smtp *c, struct span from);
/* " message-id=VALUE" into out, nothing when the message has none. */
void data_log_message_id(const struct message *m, struct buf *out);
/* Does a Received field go on top (the setting appendReceivedLine)? */
bool data_has_received_line(const struct smtp *c);

/* The message is whole: checks, milters, commit, reply; the transaction is over. */
void data_end(struct smtp *c, const struct smtp_data *d);

/* Whatever was begun for the message and not committed is given up. */
void data_give_up(struct smtp *c);

#endif
