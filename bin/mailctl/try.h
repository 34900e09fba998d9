/*
 * try: what cmd_try.c, which plays the client, and try_greylist.c, which asks
 * greylist-check, share.
 */
#ifndef MAILCTL_TRY_H
#define MAILCTL_TRY_H

#include "base/base.h"
#include "ctl.h"
#include "io/stream.h"
#include "net/addr.h"
#include "output.h"
#include "smtp/reply.h"

/* Where mail for a recipient goes, in a word of smtp-listen's. */
#define TRY_MAILER_MAX 16

/* A recipient about whom greylist-check speaks when the header is there. */
struct try_late {
	const char *to;			/* borrowed */
	char mailer[TRY_MAILER_MAX];
};

struct try {
	const char *from, *ip, *helo, *user, *port, *local, *size;
	bool tls;
	const char **to;		/* borrowed texts */
	size_t to_count;
	const char *file;		/* NULL: the message itself is not tried */
	struct stream io;
	struct output *out;
	struct smtp_reply reply;	/* the last one */
	int worst;			/* code of the first refusal; 0: none */
	struct ctl *c;
	char mailer[TRY_MAILER_MAX];	/* of the recipient that greylist-check is to be asked about; "": it is not */
	char origin[ADDR_TEXT_MAX];	/* the server behind a gateway, as smtp-listen found it; "": not known */
	struct try_late *late;		/* room for to_count */
	size_t late_count;
};

/* A refusal, for the exit code. */
void try_note_worst(struct try *t, int code);

/*
 * Would greylist-check delay the recipient that was taken?  It notes nothing.
 * True: shown.  When it does not answer mail flows, as it would.
 */
bool try_greylist_rcpt(struct try *t, const char *to);
/* The same for the message of a gateway, which it judges by where it came from. */
bool try_greylist_data(struct try *t);

#endif
