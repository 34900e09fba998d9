/* shared_page: see shared_page.h. */
#include "base/base.h"
#include "sys/shared_page.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

void *
shared_page_new(const char *name, size_t size, int *fd_out)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *page;

	if (fd < 0)
		return NULL;
	page = ftruncate(fd, (off_t)size) == 0 ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (page == MAP_FAILED ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return NULL;
	}
	*fd_out = fd;
	return page;
}
