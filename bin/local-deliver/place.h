/*
 * place: the Maildir or folder that mail for an address goes to.
 *
 * user@domain goes to the INBOX of domains/DOMAIN/users/USER.  user+name@domain, when
 * there is no account of just that name, goes to the user's folder `name`, named as
 * IMAP has it ("/" between levels, letters as they are), if that folder exists, else
 * to the INBOX.  No folder is made, and none outside of the user's Maildir is reached.
 */
#ifndef LOCAL_DELIVER_PLACE_H
#define LOCAL_DELIVER_PLACE_H

#include "base/base.h"
#include "base/span.h"
#include "mailbox.h"
#include "store/folder.h"

struct place {
	char account[LIMIT_ADDRESS + 1];			/* USER@DOMAIN */
	char inbox[MAILBOX_PATH_SIZE];				/* its Maildir, below domains */
	char folder[MAILBOX_PATH_SIZE + FOLDER_PATH_SIZE];	/* a folder in there, "" for the INBOX */
};

/* False when the address has no Maildir by its form (mailbox.h); domains is a descriptor. */
bool place_find(int domains, struct span address, struct place *out) PB_MUST_CHECK;

#endif
