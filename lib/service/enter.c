/*
 * enter: from "any user's session" to "this user's session".
 *
 * The order matters: Landlock needs the descriptor, seccomp forbids Landlock's
 * own calls.  Where the kernel has no Landlock the uid remains, and the program
 * said so when it started.
 */
#include "base/base.h"
#include "service/enter.h"

#include <fcntl.h>

#include "sys/sandbox.h"

int
service_enter_mailbox(int mailbox_fd)
{
	struct sandbox_paths paths;

	if (fchdir(mailbox_fd) != 0)
		return -1;
	sandbox_paths_begin(&paths, false);
	sandbox_paths_allow(&paths, mailbox_fd, SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REFER | SANDBOX_MKDIR);
	(void)sandbox_paths_apply(&paths);
	sandbox_seccomp(SANDBOX_MAILBOX);
	return openat(mailbox_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
