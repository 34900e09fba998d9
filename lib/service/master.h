/*
 * master: what a program and mail-master tell each other, one text a message
 * over SOCK_SEQPACKET.
 *
 *	program to mail-master		"ready"		confined, serves
 *					"tickets"	asks for a block of tickets
 *					"finishing N"	stops; so many sessions go on
 *	mail-master to program		"tickets N"	N ... N + MASTER_TICKETS - 1 are yours
 *					"retire"	finish in peace: a new generation serves
 *					"reload"	read your settings again, then say "ready"
 *
 * SIGTERM means: finish soon.  The end of the file means that mail-master is
 * gone, and is taken as SIGTERM.
 */
#ifndef SERVICE_MASTER_H
#define SERVICE_MASTER_H

#include "base/base.h"

struct service;

#define MASTER_TICKETS 1000000
/* With fewer left the next block is asked for: enough for some seconds of any load. */
#define MASTER_TICKETS_RESERVE 10000
#define MASTER_MESSAGE_MAX 64
/* Tickets below are mail-master's; the rest is for sessions without it. */
#define MASTER_TICKETS_END 900000000000
#define MASTER_TICKETS_ALL 1000000000000

enum master_event { MASTER_NOTHING, MASTER_RETIRE, MASTER_RELOAD, MASTER_GONE };

/* Send one word; -1 with errno when mail-master is gone.  Nothing without it. */
int master_tell(const struct service *svc, const char *word);

/* Read one message without waiting; tickets are taken in. */
enum master_event master_read(struct service *svc);

/*
 * The first block, for a program that starts: waits for mail-master, and dies when
 * it does not answer.  False: "retire" came instead, and there is nothing to begin.
 */
bool master_first_tickets(struct service *svc) PB_MUST_CHECK;

/*
 * Make sure that `count` tickets (at most MASTER_TICKETS) can be taken now.  Never
 * waits: a new block is asked for before the old one is used up and comes by
 * master_read; who has none left meanwhile, or no mail-master, takes random ones
 * from a range that is kept for that.
 */
void master_tickets(struct service *svc, uint64_t count);

#endif
