/*
 * channel: what a worker and its parent tell each other over SOCK_SEQPACKET, one
 * byte a message, some with more behind it.  The end of the file means that the other one is gone.
 * The parent takes every message as hostile: it only ever moves counts of
 * that one worker.
 */
#ifndef SERVICE_CHANNEL_H
#define SERVICE_CHANNEL_H

/* Worker to parent. */
#define CHANNEL_READY 'r'	/* confined, waits for connections */
#define CHANNEL_BUSY 'b'
#define CHANNEL_IDLE 'i'
#define CHANNEL_WATCH 'w'	/* with the descriptor of a mail folder */
#define CHANNEL_FORGET 'f'
#define CHANNEL_SEEN 's'	/* CHANNEL_CHANGED was read; the next change is told again */
/*
 * Connect me: the contact's number, and a number of this request; back come
 * both, an errno and, when that is 0, the descriptor.
 */
#define CHANNEL_CONTACT 'k'
#define CHANNEL_MESSAGE_MAX 4

/* Parent to worker. */
#define CHANNEL_LEAVE 'l'	/* take no further connection */
#define CHANNEL_STOP 'q'	/* the same, and end the session soon */
#define CHANNEL_CHANGED 'c'
#define CHANNEL_POLL 'p'

#endif
