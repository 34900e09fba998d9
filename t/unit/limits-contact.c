/*
 * How long a session under inetd waits for its contacts together: the clock is
 * the test's, and so is the socket whose queue is full.
 */
#include "base/base.h"
#include "base/die.h"
#include "base/limits.h"
#include "service/contact.h"
#include "service/service.h"
#include "sys/clock.h"
#include "tap.h"
#include "tmpdir.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BEGIN_MS 1000000
/* Far more than there is for all together. */
#define PATIENCE_MS (100 * LIMIT_CONTACTS_MS)

uint64_t __wrap_clock_ms(void);
void __wrap_clock_sleep_ms(unsigned ms);

static uint64_t now_ms;
static uint64_t room_at_ms;	/* when the queue has room again */
static int listener;

uint64_t
__wrap_clock_ms(void)
{
	return now_ms;
}

void
__wrap_clock_sleep_ms(unsigned ms)
{
	int fd;

	now_ms += ms;
	while (now_ms >= room_at_ms && (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		close(fd);
}

static void
make_listener(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "full" };

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 0) != 0)
		bug("listen: %m");
}

static void
fill_queue(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "full" };
	int fd;

	do
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	while (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	if (errno != EAGAIN)
		bug("connect: %m");
	close(fd);
}

/* Contacts that connect when there is room from so many milliseconds on; *spent: how long they waited. */
static size_t
connected(size_t count, uint64_t room_after_ms, uint64_t *spent)
{
	static struct service svc;
	size_t good = 0;

	svc = (struct service){ .pub_fd = -1, .channel = -1 };
	for (size_t i = 0; i < count; i++)
		if (contact_add(&svc, "unix:full", PATIENCE_MS) != (int)i)
			bug("contact_add");
	now_ms = BEGIN_MS;
	room_at_ms = BEGIN_MS + room_after_ms;
	fill_queue();
	contacts_connect_all(&svc);
	*spent = now_ms - BEGIN_MS;
	for (size_t i = 0; i < count; i++)
		if (svc.contacts[i].fd >= 0) {
			good++;
			close(svc.contacts[i].fd);
		}
	return good;
}

int
main(void)
{
	uint64_t spent;

	if (fchdir(tmpdir_open("limits-contact")) != 0)
		bug("chdir: %m");
	make_listener();
	is_num(connected(1, LIMIT_CONTACTS_MS, &spent), 1, "a contact that has room at LIMIT_CONTACTS_MS is connected");
	is_num(connected(1, LIMIT_CONTACTS_MS + 1, &spent), 0, "one that has it over LIMIT_CONTACTS_MS is not");
	is_num(spent, LIMIT_CONTACTS_MS, "and was waited for no longer");
	is_num(connected(3, UINT64_MAX - BEGIN_MS, &spent), 0, "three that never have room");
	is_num(spent, LIMIT_CONTACTS_MS, "cost no more together");
	tmpdir_remove();
	return done();
}
