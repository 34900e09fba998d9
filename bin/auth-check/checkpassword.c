/*
 * checkpassword: reads NAME NUL PASSWORD NUL ... from fd 3, asks the running
 * auth-check, and becomes PROGRAM when it was right (the interface that qmail-popup and
 * others use: exit 1 wrong, 2 misused, 111 try later; USER and HOME are set).
 *
 * This runs with the rights of its caller and holds no secret; it is the one
 * place outside hook-run that starts a program, because that is the interface.
 */
#include "base/base.h"
#include "checkpassword.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/die.h"
#include "base/mem.h"
#include "directory/directory.h"
#include "service/instance.h"

#define INPUT_MAX 1024
#define NOT_VALID 1
#define MISUSED 2
#define LATER 111

static size_t
read_input(char *in, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = read(3, in + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			_exit(LATER);
		if (r == 0)
			break;
		n += (size_t)r;
	}
	close(3);
	return n;
}

static int
connect_auth(const char *root)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char path[INSTANCE_PATH_MAX];
	struct instance in;
	int fd;

	if (instance_open(&in, root) != 0)
		_exit(MISUSED);
	instance_path(&in, path, "run/pub/auth");
	if (strlen(path) >= sizeof(sun.sun_path))
		_exit(MISUSED);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		_exit(LATER);
	return fd;
}

static enum auth_result
check(int fd, struct span input, struct auth_reply *reply)
{
	struct auth_request request = { .service = "checkpassword", .secured = true };
	struct span rest = input, name = span_cut(&rest, '\0'), password;

	if (rest.p == NULL)
		_exit(MISUSED);
	password = span_cut(&rest, '\0');
	if (rest.p == NULL)
		_exit(MISUSED);
	struct directory *d = directory_new(-1, fd);
	enum auth_result result = auth_plain(d, &request, name, password, reply);
	directory_free(&d);
	return result;
}

int
checkpassword_main(int argc, char **argv)
{
	const char *root = NULL;
	struct auth_reply reply;
	char input[INPUT_MAX];
	int i = 1;
	size_t n;

	if (argc > 3 && strcmp(argv[1], "-r") == 0) {
		root = argv[2];
		i = 3;
	}
	if (i + 1 >= argc || strcmp(argv[i], "--checkpassword") != 0)
		_exit(MISUSED);
	n = read_input(input, sizeof(input));
	if (n == sizeof(input))
		_exit(MISUSED);
	switch (check(connect_auth(root), span_make(input, n), &reply)) {
	case AUTH_OK:
		break;
	case AUTH_FAILED:
	case AUTH_DISABLED:
		_exit(NOT_VALID);
	case AUTH_CONTINUE:
	case AUTH_TROUBLE:
		_exit(LATER);
	}
	mem_wipe(input, sizeof(input));
	if (setenv("USER", reply.user, 1) != 0)
		_exit(LATER);
	execvp(argv[i + 1], argv + i + 1);
	_exit(LATER);
}
