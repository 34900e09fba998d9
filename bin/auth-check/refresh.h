/*
 * refresh: bring the index up to what the XML files say.
 *
 * A file is read when its time of change, size or inode differ from what the index
 * has.  At start the list and all domains are compared before the first answer;
 * users are compared in the background, and until that is done a question
 * about a user first looks at that user's file: answers are never older than
 * the files, and the start does not wait for 100,000 of them.  Afterwards mailctl
 * tells what it changed.
 *
 * A file that is not well formed leaves the index as it was and is logged.
 */
#ifndef AUTH_CHECK_REFRESH_H
#define AUTH_CHECK_REFRESH_H

#include "base/base.h"
#include "base/span.h"
#include "helpers.h"
#include "index.h"
#include "io/loop.h"
#include "service/service.h"

struct refresh;

/* Opens the folders; before service_confine. */
struct refresh *refresh_new(struct service *svc);
/* List and domains now, users later in the loop. */
void refresh_start(struct refresh *r, struct index *ix, struct helpers *h, struct loop *loop);
/* Call gone(ctx, domain) for every user who is found to be deleted; domain as in the index. */
typedef void refresh_gone(void *ctx, struct span domain);
void refresh_on_gone(struct refresh *r, refresh_gone *gone, void *ctx);
/* True while users are still being compared. */
bool refresh_is_scanning(const struct refresh *r);

/* What mailctl reports.  A domain is its settings, aliases and users' names. */
void refresh_list(struct refresh *r);
void refresh_domain(struct refresh *r, struct span domain);
void refresh_user(struct refresh *r, struct span domain, struct span user);
/* Forget everything and read it again. */
void refresh_all(struct refresh *r);

/*
 * An O_PATH descriptor of the user's Maildir, owned by the caller; -1 with errno.
 * Resolved below domains/ without following any symbolic link.
 */
int refresh_open_mailbox(struct refresh *r, struct span domain, struct span user) PB_MUST_CHECK;

#endif
