/* directory_private: one client, as the files of lib/directory see it. */
#ifndef DIRECTORY_DIRECTORY_PRIVATE_H
#define DIRECTORY_DIRECTORY_PRIVATE_H

#include "directory/directory.h"
#include "directory/wire.h"

#define MECHANISMS_MAX 512

struct directory {
	struct wire lookup;
	struct wire auth;
	uint64_t patience_ms;		/* for the answer to a look-up */
	int board;			/* what auth-check posts; owned, -1: there is none */
	bool asks_board;		/* with the next question */
	bool greeted;			/* auth: both sides have said hello */
	uint32_t id;			/* auth: of the present exchange, 0 is none */
	char mechanisms[MECHANISMS_MAX];
};

/* One question over the look-up socket; *answer is valid until wire_used(&d->lookup, *used). */
bool directory_ask(struct directory *d, const char *map, struct span key, struct span *answer, size_t *used);

#endif
