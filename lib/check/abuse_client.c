/*
 * abuse_client: one worker's questions to abuse-check.
 *
 * Records on the socket, of which only `connect` and `event kind=login-failed`
 * are answered:
 *	blocks				first, from abuse-check, with the map's descriptor
 *	connect service= ip=		-> ok | refuse text=
 *	would service= ip=		-> the same, but nothing is counted
 *	close bad=0|1
 *	event kind=login-failed|login-good service= ip= user=  -> ok delay=MS (failed only)
 *
 * Trust: replies are parsed as hostile.  Everything fails open.
 */
#include "base/base.h"
#include "check/abuse_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "check/abuse_map.h"
#include "sys/clock.h"
#include "sys/fdpass.h"

/* Longest wait that abuse-check may ask for. */

struct abuse_client {
	int fd;		/* -1: given up */
	int map_fd;	/* -1: none */
	uint64_t seed[2];
	struct buf request;
};

static void
give_up(struct abuse_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static bool
wait_readable(int fd)
{
	uint64_t end = clock_ms() + ABUSE_WAIT_MS;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = clock_ms();

		if (now >= end)
			return false;
		if (poll(&p, 1, (int)(end - now)) > 0)
			return true;
		if (errno != EINTR && errno != 0)
			return false;
	}
}

/* One record into *out; false gives the connection up. */
static bool
receive(struct abuse_client *c, struct record *out, int *fd)
{
	char text[LIMIT_ABUSE_RECORD];
	int got = fd != NULL;
	ssize_t n;

	errno = 0;
	n = wait_readable(c->fd) ? fdpass_recv(c->fd, text, sizeof(text), fd, &got) : -1;
	if (n > 0 && record_parse(span_make(text, (size_t)n), 8, out) && (fd == NULL || got == 1))
		return true;
	if (fd != NULL && got == 1 && n > 0) {
		close(*fd);
		*fd = -1;
	}
	give_up(c);
	return false;
}

struct abuse_client *
abuse_new(int fd)
{
	struct abuse_client *c = mem_new(sizeof(*c));
	struct record hello;

	c->fd = fd;
	c->map_fd = -1;
	buf_init(&c->request, LIMIT_ABUSE_RECORD);
	if (fd < 0 || !receive(c, &hello, &c->map_fd))
		return c;
	record_free(&hello);
	if (!abuse_map_seed(c->map_fd, c->seed)) {
		close(c->map_fd);
		c->map_fd = -1;
	}
	return c;
}

void
abuse_free(struct abuse_client **c)
{
	if (*c == NULL)
		return;
	give_up(*c);
	if ((*c)->map_fd >= 0)
		close((*c)->map_fd);
	buf_free(&(*c)->request);
	free(*c);
	*c = NULL;
}

static bool
send_request(struct abuse_client *c)
{
	if (c->fd < 0)
		return false;
	if (!c->request.overflow &&
	    fdpass_send(c->fd, c->request.p, c->request.n, NULL, 0) == (ssize_t)c->request.n)
		return true;
	give_up(c);
	return false;
}

static void
begin(struct abuse_client *c, const char *verb, const char *service, const char *ip)
{
	record_begin(&c->request, verb);
	record_add_text(&c->request, "service", service);
	record_add_text(&c->request, "ip", ip);
}

/* From the table alone; without a table nobody is. */
static bool
is_blocked(const struct abuse_client *c, const char *service, const char *ip)
{
	int which = abuse_service_named(span_of(service));
	uint8_t key[16];
	struct addr a;

	if (c->map_fd < 0 || which < 0 || !addr_parse(span_of(ip), &a))
		return false;
	abuse_key(&a, key);
	return abuse_map_asks(c->map_fd, c->seed, key, which, clock_wall_ms() / 1000) == 1;
}

static bool
ask(struct abuse_client *c, const char *verb, const char *service, const char *ip, char *why, size_t size)
{
	struct record reply;
	bool refused;

	begin(c, verb, service, ip);
	if (!send_request(c) || !receive(c, &reply, NULL))
		return true;
	refused = span_is(reply.verb, "refuse");
	if (refused) {
		struct buf text;

		buf_init_fixed(&text, why, size);
		(void)buf_escaped(&text, record_get(&reply, "text"));	/* cut when too long */
	}
	record_free(&reply);
	return !refused;
}

bool
abuse_admit(struct abuse_client *c, const char *service, const char *ip, char *why, size_t size)
{
	if (is_blocked(c, service, ip)) {
		snprintf(why, size, "Your address is blocked for some time");
		return false;
	}
	return ask(c, "connect", service, ip, why, size);
}

bool
abuse_would_admit(struct abuse_client *c, const char *service, const char *ip, char *why, size_t size)
{
	return ask(c, "would", service, ip, why, size);
}

void
abuse_close(struct abuse_client *c, bool bad)
{
	record_begin(&c->request, "close");
	record_add_num(&c->request, "bad", bad);
	(void)send_request(c);
}

uint32_t
abuse_login_failed(struct abuse_client *c, const char *service, const char *ip, struct span user)
{
	struct record reply;
	uint64_t delay = 0;

	begin(c, "event", service, ip);
	record_add_text(&c->request, "kind", "login-failed");
	if (span_find(user, '\0') < 0)
		record_add(&c->request, "user", span_first(user, LIMIT_LOGIN_NAME));
	if (!send_request(c) || !receive(c, &reply, NULL))
		return 0;
	if (!record_get_num(&reply, "delay", LIMIT_LOGIN_DELAY_MS, &delay))
		delay = 0;
	record_free(&reply);
	return (uint32_t)delay;
}

void
abuse_login_good(struct abuse_client *c, const char *service, const char *ip)
{
	begin(c, "event", service, ip);
	record_add_text(&c->request, "kind", "login-good");
	(void)send_request(c);
}
