/* lookup: the socket "lookup", socketmap questions about addresses (socketmap_table(5) of Postfix). */
#ifndef AUTH_CHECK_LOOKUP_H
#define AUTH_CHECK_LOOKUP_H

#include "base/base.h"
#include "directory/board.h"
#include "helpers.h"
#include "io/loop.h"
#include "resolve.h"
#include "service/service.h"
#include "spaces.h"

struct lookup;

/* The board and its descriptor for those who read it; NULL and -1: there is none. */
struct lookup *lookup_new(struct service *svc, struct loop *loop, struct resolver *rs, struct spaces *spaces,
	struct helpers *helpers, struct board *board, int board_fd);
/* A connection that was accepted and whose caller may ask; fd is then owned. */
void lookup_client(struct lookup *l, int fd);

#endif
