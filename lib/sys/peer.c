/*
 * peer: see peer.h.
 */
#include "base/base.h"
#include "sys/peer.h"

int
peer_cred(int sock, struct ucred *out)
{
	socklen_t n = sizeof(*out);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, out, &n);
}

bool
peer_is_allowed(int sock, const uid_t *uids, size_t n)
{
	struct ucred who;

	if (peer_cred(sock, &who) < 0 || who.pid == 0)
		return false;
	if (who.uid == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (who.uid == uids[i])
			return true;
	return false;
}
