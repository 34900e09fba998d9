/*
 * master: tickets are never waited for but at the start, and what mail-master
 * says meanwhile is not lost.
 */
#include "base/base.h"
#include "service/master.h"
#include "service/service.h"
#include "tap.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static int master;	/* mail-master's end */

static void
begin(struct service *svc, uint64_t left)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		_exit(99);
	master = ends[1];
	(void)fcntl(master, F_SETFL, O_NONBLOCK);
	*svc = (struct service){ .master_fd = ends[0], .ticket_next = 5000, .ticket_end = 5000 + left };
}

static void
end(struct service *svc)
{
	close(svc->master_fd);
	close(master);
}

static void
say(const char *text)
{
	if (send(master, text, strlen(text), 0) < 0)
		_exit(99);
}

/* How often tickets were asked for since the last call. */
static int
requests(void)
{
	char text[MASTER_MESSAGE_MAX];
	int count = 0;
	ssize_t n;

	while ((n = recv(master, text, sizeof(text), 0)) > 0)
		count += span_is(span_make(text, (size_t)n), "tickets");
	return count;
}

static bool
is_invented(const struct service *svc)
{
	return svc->ticket_next >= MASTER_TICKETS_END && svc->ticket_end <= MASTER_TICKETS_ALL;
}

static void
at_the_start(void)
{
	struct service svc;

	begin(&svc, 0);
	say("reload");
	say("tickets 7000000");
	ok(master_first_tickets(&svc), "the first block is waited for");
	ok(svc.ticket_next == 7000000 && svc.ticket_end == 7000000 + MASTER_TICKETS, "and taken");
	is_num(requests(), 1, "it was asked for once");
	end(&svc);

	begin(&svc, 0);
	say("retire");
	say("tickets 7000000");
	ok(!master_first_tickets(&svc), "a program that is to retire does not begin");
	ok(!svc.is_leaving, "which is nothing that a worker inherits");
	end(&svc);
}

static void
later(void)
{
	struct service svc;

	begin(&svc, MASTER_TICKETS_RESERVE);
	master_tickets(&svc, 1);
	is_num(requests(), 0, "nothing is asked for while there are enough");
	svc.ticket_next++;
	master_tickets(&svc, 1);
	master_tickets(&svc, 1);
	is_num(requests(), 1, "with fewer a block is asked for, once");
	is_num(svc.ticket_next, 5001, "and those that are left are used");
	say("retire");
	say("tickets 9000000");
	svc.ticket_next = svc.ticket_end - 1;
	master_tickets(&svc, 2);
	ok(is_invented(&svc), "who has too few goes on with others instead of waiting");
	ok(!svc.is_leaving, "and hears nothing behind the back of its loop");
	is_num(master_read(&svc), MASTER_RETIRE, "where \"retire\" is heard");
	is_num(master_read(&svc), MASTER_NOTHING, "then the tickets");
	is_num(svc.ticket_next, 9000000, "which are taken");
	svc.ticket_next = svc.ticket_end;
	master_tickets(&svc, 1);
	is_num(requests(), 1, "the next block is asked for anew");
	end(&svc);
}

static void
without_master(void)
{
	struct service svc = { .master_fd = -1 };

	ok(master_first_tickets(&svc), "without mail-master nothing is waited for");
	master_tickets(&svc, 1);
	ok(is_invented(&svc), "and tickets are taken from the range for that");
}

int
main(void)
{
	at_the_start();
	later();
	without_master();
	return done();
}
