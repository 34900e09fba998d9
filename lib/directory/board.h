/*
 * board: addresses that are mailboxes and take any message, where auth-check
 * posts them and whoever may ask it can read them without asking.
 *
 * A table of fixed size in shared memory: an address has one place, the last one
 * there wins.  What was posted is good as long as the directory has the version
 * that it had then, and until it is taken down.  An address that is not there has
 * to be asked for: the board never says no.
 */
#ifndef DIRECTORY_BOARD_H
#define DIRECTORY_BOARD_H

#include "base/base.h"
#include "base/span.h"

struct board;

/* For the owner, until it ends; in *fd_out the descriptor for readers.  NULL with errno. */
struct board *board_new(int *fd_out) PB_MUST_CHECK;
/* The owner shows the version of the directory here; 0: nothing is good now.  First in the page. */
uint64_t *board_version(struct board *b);
void board_post(struct board *b, struct span address);
void board_take_down(struct board *b, struct span address);
/* Take down all of it. */
void board_clear(struct board *b);

/* For readers.  False as well when the page cannot be read. */
bool board_shows(int fd, struct span address);
/* The version of the directory, 0 when there is none, or nothing is good now. */
uint64_t board_version_of(int fd);

#endif
