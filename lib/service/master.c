/*
 * master: the program's end of its line to mail-master.
 *
 * Trust: mail-master is trusted; what it sends is checked all the same.
 */
#include "base/base.h"
#include "service/master.h"
#include "base/die.h"
#include "base/num.h"
#include "service/service.h"
#include "sys/clock.h"
#include "sys/random.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* mail-master answers at once; a longer silence means that it hangs. */
#define PATIENCE_MS 10000

int
master_tell(const struct service *svc, const char *word)
{
	size_t n = strlen(word);

	if (svc->master_fd < 0)
		return 0;
	return send(svc->master_fd, word, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

static void
take_tickets(struct service *svc, struct span number)
{
	uint64_t first;

	if (!num_parse(number, MASTER_TICKETS_END - MASTER_TICKETS, &first))
		die(EXIT_REFUSED, "mail-master sent tickets \"%.*s\"", SPAN_ARG(number));
	svc->ticket_next = first;
	svc->ticket_end = first + MASTER_TICKETS;
	svc->tickets_asked = false;
}

enum master_event
master_read(struct service *svc)
{
	char text[MASTER_MESSAGE_MAX];
	ssize_t n = recv(svc->master_fd, text, sizeof(text), MSG_DONTWAIT);
	struct span s = span_make(text, n > 0 ? (size_t)n : 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return MASTER_NOTHING;
	if (n <= 0)
		return MASTER_GONE;
	s = span_trim(s);
	if (span_is(s, "retire"))
		return MASTER_RETIRE;
	if (span_is(s, "reload"))
		return MASTER_RELOAD;
	if (span_starts(s, SPAN("tickets ")))
		take_tickets(svc, span_from(s, strlen("tickets ")));
	return MASTER_NOTHING;
}

static uint64_t
tickets_left(const struct service *svc)
{
	return svc->ticket_end - svc->ticket_next;
}

static void
invent_tickets(struct service *svc)
{
	uint64_t room = MASTER_TICKETS_ALL - MASTER_TICKETS_END - MASTER_TICKETS;

	svc->ticket_next = MASTER_TICKETS_END + random_below(room);
	svc->ticket_end = svc->ticket_next + MASTER_TICKETS;
}

static void
ask_for_tickets(struct service *svc)
{
	if (svc->master_fd >= 0 && !svc->tickets_asked)
		svc->tickets_asked = master_tell(svc, "tickets") == 0;
}

/* Wait for one message; false when none came in time. */
static bool
wait_for_master(const struct service *svc, uint64_t end)
{
	struct pollfd p = { .fd = svc->master_fd, .events = POLLIN };
	uint64_t now = clock_ms();

	return now < end && (poll(&p, 1, (int)(end - now)) > 0 || clock_ms() < end);
}

bool
master_first_tickets(struct service *svc)
{
	uint64_t end = clock_ms() + PATIENCE_MS;

	ask_for_tickets(svc);
	while (svc->tickets_asked) {
		if (!wait_for_master(svc, end))
			die(EXIT_TRY_LATER, "mail-master gives no tickets");
		switch (master_read(svc)) {
		case MASTER_GONE:
			die(EXIT_TRY_LATER, "mail-master is gone");
		case MASTER_RETIRE:
			return false;
		case MASTER_RELOAD:
		case MASTER_NOTHING:
			break;
		}
	}
	return true;
}

void
master_tickets(struct service *svc, uint64_t count)
{
	if (tickets_left(svc) < MASTER_TICKETS_RESERVE)
		ask_for_tickets(svc);
	if (tickets_left(svc) < count)
		invent_tickets(svc);
}

void
service_ticket(struct service *svc, char out[SESSION_TICKET_DIGITS + 1])
{
	master_tickets(svc, 1);
	(void)snprintf(out, SESSION_TICKET_DIGITS + 1, "%012llu",
		(unsigned long long)(svc->ticket_next++ % MASTER_TICKETS_ALL));
}
