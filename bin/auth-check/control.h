/*
 * control: what mailctl asks of auth-check, over the socket "auth-control".
 *
 *	changed domain=NAME	its settings, aliases or users changed (also: was added or removed)
 *	changed user=ADDRESS	one account changed
 *	reindex			forget the index and read every file again
 *	space domain=NAME	ok used= limit=, of its mail in bytes; used only once it was counted
 *	whose name=NAME		ok domain=, of which NAME is another name; without it: of none
 *	status			ok scanning= clients= version=
 */
#ifndef AUTH_CHECK_CONTROL_H
#define AUTH_CHECK_CONTROL_H

#include "base/base.h"
#include "io/loop.h"
#include "resolve.h"
#include "spaces.h"

/* Borrowed for good. */
struct control_ask {
	struct resolver *rs;
	struct spaces *spaces;
};

void control_start(struct loop *loop, int fd, struct control_ask *ask);

#endif
