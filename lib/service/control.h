/*
 * control: requests of mailctl to a running program.
 *
 * One request record, one reply record, over SOCK_SEQPACKET; a connection may
 * carry several.  A reply has the verb `ok` or `error`; an error carries
 * `text=` and `exit=` (see enum exit_code).  The caller's uid is taken from the
 * socket, and a caller that is not allowed gets `error exit=77`.
 */
#ifndef SERVICE_CONTROL_H
#define SERVICE_CONTROL_H

#include "base/base.h"
#include "base/buf.h"
#include "base/record.h"
#include "io/loop.h"

struct control;
struct control_call;

/*
 * Answer request in reply (begun by nobody yet); both are borrowed for the call.
 * Return true: reply is sent, and `call` is over.  To answer later return false and
 * keep `call`, which then lives until control_reply, also when its client has
 * gone or the server was stopped: each needs one control_reply.
 */
typedef bool control_handler(void *ctx, struct control_call *call, const struct record *request,
	struct buf *reply);

/*
 * Serve the listening SEQPACKET socket fd (stays the caller's).  uids: who may
 * call besides the process's own uid; copied.  At most LIMIT_CONTROL_CLIENTS
 * connections at a time; a client that stalls costs nobody else anything.
 */
struct control *control_serve(struct loop *loop, int fd, const uid_t *uids, size_t uid_count,
	control_handler *handler, void *ctx);
/* Stop serving: clients are dropped, *c is freed and becomes NULL.  NULL is allowed. */
void control_stop(struct control **c);

/* Finish a call that its handler kept.  The client may be gone by now: no error. */
void control_reply(struct control_call *call, const struct buf *reply);

/* Begin an error reply. */
void control_error(struct buf *reply, int exit_code, const char *fmt, ...) PB_PRINTF(3, 4);

/*
 * Ask the program behind the socket at `path` and wait at most timeout_ms.
 * Returns 0 and a reply to be freed by record_free, or -1 with errno:
 * ENOENT, ECONNREFUSED (not running), ETIMEDOUT, EACCES, EPROTO.
 */
int control_call(const char *path, const struct buf *request, int timeout_ms,
	struct record *reply) PB_MUST_CHECK;

#endif
