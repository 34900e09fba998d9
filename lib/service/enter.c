/*
 * enter: from "any user's session" to "this user's session".
 *
 * The order matters: Landlock needs the descriptor, seccomp forbids Landlock's
 * own calls.  Where the kernel has no Landlock the chroot and the uid remain,
 * and one warning says so.
 */
#include "base/base.h"
#include "service/enter.h"

#include <fcntl.h>

#include "service/service.h"
#include "sys/sandbox.h"

int
service_enter_mailbox(struct service *svc, int mailbox_fd)
{
	struct sandbox_paths paths;

	if (fchdir(mailbox_fd) != 0)
		return -1;
	sandbox_paths_begin(&paths, false);
	sandbox_paths_allow(&paths, mailbox_fd, SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REFER | SANDBOX_MKDIR);
	if (!sandbox_paths_apply(&paths))
		log_failure(svc, "", "", "event=sandbox landlock=none");
	sandbox_seccomp(SANDBOX_MAILBOX);
	return openat(mailbox_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
