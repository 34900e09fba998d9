/* descriptors: all are closed but those that are to be kept. */
#include "base/base.h"
#include "sys/descriptors.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 40

/* A digit for each descriptor from 0 on that is open in a child which kept these. */
static const char *
left_open(const int *keep, size_t n)
{
	static char text[MOST + 1];
	int ends[2], status, mine[8];
	pid_t pid;

	memset(text, 0, sizeof(text));
	if (pipe(ends) != 0 || (pid = fork()) < 0)
		_exit(99);
	if (pid == 0) {
		/* the pipe stands above all that is looked at */
		if (dup2(ends[1], MOST + 5) < 0)
			_exit(1);
		for (int fd = 3; fd < MOST; fd++)
			(void)dup2(0, fd);
		mine[0] = MOST + 5;
		memcpy(mine + 1, keep, n * sizeof(*keep));
		descriptors_close_all_but(mine, n + 1);
		for (int fd = 0; fd < MOST; fd++)
			text[fd] = fcntl(fd, F_GETFD) >= 0 ? '1' : '0';
		_exit(write(MOST + 5, text, MOST) == MOST ? 0 : 1);
	}
	close(ends[1]);
	if (read(ends[0], text, MOST) != MOST || waitpid(pid, &status, 0) != pid || status != 0)
		_exit(99);
	close(ends[0]);
	return text;
}

int
main(void)
{
	ok(strspn(left_open((int[]){ -1 }, 1), "1") == 3 && strchr(left_open((int[]){ -1 }, 1) + 3, '1') == NULL,
	   "the three standard ones are always kept, and none of the others");
	is_text(left_open((int[]){ 9, -1, 3, 9, 5 }, 5), "1111010001000000000000000000000000000000",
		"in whatever order they are named, also twice");
	is_text(left_open((int[]){ 3, 4, 39 }, 3), "1111100000000000000000000000000000000001", "also at the edges");
	return done();
}
