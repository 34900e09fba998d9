/*
 * user: the uids that our programs run as.
 */
#ifndef SYS_USER_H
#define SYS_USER_H

#include "base/base.h"

/* The names of all service users, NULL-ended. */
extern const char *const user_service_names[];

/* 0, or -1 with errno; ENOENT when there is no such user.  Reads the user database. */
int user_find(const char *name, uid_t *uid_out, gid_t *gid_out) PB_MUST_CHECK;

/*
 * Make the system user and the group of the same name, without home, shell or
 * password.  Needs root.  Returns 0 when made, 1 when it was there, -1 with errno.
 */
int user_create(const char *name) PB_MUST_CHECK;

/*
 * Become uid:gid for good, without supplementary groups.  Ends the process
 * when any step fails or when root could be had again.  For a process that has
 * that uid already it only checks.
 */
void user_drop(uid_t uid, gid_t gid);

#endif
