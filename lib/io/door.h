/*
 * door: a listening socket in a loop; whoever connects is handed on.
 *
 * When descriptors or memory run out the socket stays readable, and a loop that
 * tried again at once would do nothing else.  So the door pauses: connections
 * wait in the backlog meanwhile, and are taken when there is room again.  It does
 * so while the program still has a few descriptors: a database that cannot open
 * its own files is lost.
 */
#ifndef IO_DOOR_H
#define IO_DOOR_H

#include "base/base.h"
#include "io/loop.h"

struct door;

/* Somebody connected; fd is close-on-exec and the callee's. */
typedef void door_call(void *ctx, int fd);
/* Nobody can be let in now, for this errno: said at most once a minute. */
typedef void door_failed_call(void *ctx, int error);

/*
 * Watch the listening socket, which stays the caller's and is made non-blocking.
 * flags: SOCK_NONBLOCK, or 0 for connections that block.  failed may be NULL.
 * Returns NULL with errno when the loop refuses the socket.
 */
struct door *door_open(struct loop *loop, int listener, int flags, door_call *call, door_failed_call *failed,
	void *ctx) PB_MUST_CHECK;

/* Let nobody in, or again; may be called from the door's own call. */
void door_hold(struct door *d, bool hold);

/* Stop watching; not from the door's own call.  NULL is allowed; *d becomes NULL. */
void door_close(struct door **d);

#endif
