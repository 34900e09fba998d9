/* milter_socket: see milter_socket.c. */
#ifndef GREYLIST_CHECK_MILTER_SOCKET_H
#define GREYLIST_CHECK_MILTER_SOCKET_H

#include "base/base.h"

/*
 * Let libmilter, already told to open private_path, serve the socket `listener`, which it
 * then owns.  0, or -1 with errno.
 */
int milter_socket_take(int listener, const char *private_path) PB_MUST_CHECK;

#endif
