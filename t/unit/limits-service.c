/* Folders that one session may have watched: one more makes it poll. */
#include "base/base.h"
#include "base/die.h"
#include "base/limits.h"
#include "io/loop.h"
#include "service/channel.h"
#include "service/pool.h"
#include "tap.h"
#include "tmpdir.h"

#include <sys/socket.h>
#include <unistd.h>

static int top;

static int
folder(int i)
{
	char name[32], below[48];
	int fd;

	snprintf(name, sizeof(name), "f%d", i);
	if (mkdirat(top, name, 0700) != 0)
		bug("%s: %m", name);
	snprintf(below, sizeof(below), "%s/new", name);
	if (mkdirat(top, below, 0700) != 0)
		bug("%s: %m", below);
	snprintf(below, sizeof(below), "%s/cur", name);
	if (mkdirat(top, below, 0700) != 0 || (fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		bug("%s: %m", below);
	return fd;
}

/* True when the session is told to poll. */
static bool
watch(struct pool_worker *w, int session, int i)
{
	char message = 0;
	int fd = folder(i);
	bool told;

	pool_watch_add(w, fd);
	close(fd);
	told = recv(session, &message, 1, MSG_DONTWAIT) == 1;
	return told && message == CHANNEL_POLL;
}

int
main(void)
{
	struct service svc = { .pub_fd = -1 };
	static struct pool p;	/* its loop lives as long as the process */
	struct pool_worker w = { .pool = &p, .pid = 1 };
	bool polls = false;
	int fds[2];

	p.svc = &svc;
	p.max_total = 1;
	top = svc.pub_fd = tmpdir_open("limits-service");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		bug("socketpair: %m");
	w.channel = fds[0];
	p.workers = &w;
	p.loop = loop_new();
	pool_watch_start(&p);
	for (int i = 0; i < LIMIT_SESSION_WATCHES; i++)
		polls |= watch(&w, fds[1], i);
	ok(!polls && w.watch_count == 2 * LIMIT_SESSION_WATCHES, "folders at LIMIT_SESSION_WATCHES are watched");
	ok(watch(&w, fds[1], LIMIT_SESSION_WATCHES), "with one over LIMIT_SESSION_WATCHES the session polls");
	is_num(w.watch_count, 2 * LIMIT_SESSION_WATCHES, "the others stay watched");
	pool_watch_forget(&w);
	is_num(w.watch_count, 0, "all end with the session");
	tmpdir_remove();
	return done();
}
