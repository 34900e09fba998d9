/*
 * instance: the tree of files that one running Pillarbox uses.
 *
 * The room lib/service is the skeleton of every program: which instance, what
 * mail-master handed over, the order in which rights are given up, the pool of
 * workers, the control sockets and the log.
 *
 * With -r ROOT (or PILLARBOX_ROOT) all parts lie below ROOT: etc, domains,
 * state, spool, log, run.  Without it they are where the installer put them
 * (/etc/pillarbox, /var/lib/pillarbox/domains ...; configure can move them with
 * --sysconfdir, --localstatedir and --runstatedir).
 */
#ifndef SERVICE_INSTANCE_H
#define SERVICE_INSTANCE_H

#include "base/base.h"

#define INSTANCE_PATH_MAX 1024

struct instance {
	bool is_private;	/* has a ROOT of its own */
	bool single_uid;	/* made by an ordinary user: one uid, no chroot */
	uid_t owner;		/* who made it: 0, or that user */
	int root_fd;		/* O_PATH on ROOT, or on / when installed */
	char root[INSTANCE_PATH_MAX];	/* absolute, without symlinks; "" when installed */
};

/*
 * Open the instance: root NULL means PILLARBOX_ROOT, and without that the
 * installed one.  Returns 0, or -1 with errno: ENOENT, ENOTDIR, EACCES,
 * ENAMETOOLONG (paths of sockets must fit sockaddr_un).
 */
int instance_open(struct instance *in, const char *root) PB_MUST_CHECK;
void instance_close(struct instance *in);

/*
 * The absolute path of `name`, whose first component is a part of the
 * instance: instance_path(in, out, "spool/SubSpool0").  Unknown parts are a bug.
 * Returns out.
 */
const char *instance_path(const struct instance *in, char out[INSTANCE_PATH_MAX], const char *name);

/* openat(2) of such a name, O_CLOEXEC added; a descriptor, or -1 with errno. */
int instance_openat(const struct instance *in, const char *name, int flags, mode_t mode) PB_MUST_CHECK;

#endif
