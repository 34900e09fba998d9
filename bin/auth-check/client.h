/*
 * client: one connection to auth-check, for both of its protocols.
 *
 * Nothing waits: what cannot be written is kept, and while much is kept nothing
 * more is read from that client.  Descriptors that a client sends are closed
 * unread and end the connection: no client has a reason to (CASES: I17).
 */
#ifndef AUTH_CHECK_CLIENT_H
#define AUTH_CHECK_CLIENT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "io/loop.h"
#include "service/service.h"

struct client;

/*
 * Look at the input; return how many bytes were used, 0 to wait for more, or
 * CLIENT_HOSTILE to end the connection.  The client may be gone after client_send.
 */
#define CLIENT_HOSTILE SIZE_MAX
typedef size_t client_input(struct client *c, void *ctx, struct span in);
/* The connection is over: free ctx. */
typedef void client_gone(void *ctx);

struct client_kind {
	const char *name;		/* for the log: "auth", "lookup" */
	size_t in_max, out_max;
	client_input *input;
	client_gone *gone;
};

/* fd is a connected, non-blocking socket, and owned from now on.  NULL (and closed) when its peer cannot be named. */
struct client *client_new(struct service *svc, struct loop *loop, int fd, const struct client_kind *kind, void *ctx);

void client_send(struct client *c, struct span data);
/* With a descriptor, which stays the caller's.  False: the client does not read, and is ended. */
bool client_send_fd(struct client *c, struct span data, int fd);

/* End it when the present call has returned to the loop. */
void client_end(struct client *c);

/* One line SECURITY in the log about this client, which is then ended. */
void client_security(struct client *c, const char *what);

uid_t client_uid(const struct client *c);
size_t client_count(void);

#endif
