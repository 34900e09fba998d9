/*
 * abuse_client: one worker's questions to abuse-check.
 *
 * Records on the socket, of which only `connect` and `event kind=login-failed`
 * are answered:
 *	blocks				first, from abuse-check, with the map's descriptor
 *	connect service= ip=		-> ok | refuse text=
 *	began service= ip=		a session that was admitted without a question; the one
 *					before it is over, if that was not said
 *	would service= ip=		-> the same, but nothing is counted
 *	close bad=0|1 [service= ip= from= size=]	with the last message of the session
 *	event kind=login-failed service= ip= user=	-> ok delay=MS
 *	enter service= ip= user=	-> ok | refuse text=
 *	leave
 *	event kind=login-good service= ip= user=
 *	message service= ip= from= size=
 *
 * Trust: replies are parsed as hostile.  Everything fails open.
 */
#include "base/base.h"
#include "check/abuse_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "check/abuse_map.h"
#include "sys/clock.h"
#include "sys/fdpass.h"

/* The last message of a session: told with its end, or before anything else. */
struct message {
	bool is_there;
	char service[8], ip[ADDR_TEXT_MAX], from[LIMIT_LOGIN_NAME + 1];
	uint64_t size;
};

struct abuse_client {
	int fd;		/* -1: was never there */
	bool lost;
	bool greeted;	/* the first record has come */
	bool is_asked;	/* the session was admitted by an answer, so the next one may be too */
	bool is_open;	/* the last session is over, and abuse-check does not know yet */
	int map_fd;	/* -1: none */
	uint64_t seed[2];
	struct buf request;
	struct message last;
};

/*
 * The descriptor stays open: lib/service watches it, and its number must not
 * become another's.
 */
static void
give_up(struct abuse_client *c)
{
	c->lost = true;
}

static bool
wait_readable(int fd, uint64_t end)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = clock_ms();
		int ready = poll(&p, 1, now < end ? (int)(end - now) : 0);

		if (ready > 0)
			return true;
		if (ready == 0 ? now >= end : errno != EINTR)
			return false;
	}
}

/* Without a map, or with one that cannot be read, abuse-check is asked about everybody. */
static void
take_map(struct abuse_client *c, int fd)
{
	if (!c->greeted && fd >= 0 && abuse_map_seed(fd, c->seed)) {
		c->map_fd = fd;
	} else {
		if (fd >= 0)
			close(fd);
		c->lost |= c->greeted;
	}
	c->greeted = true;
}

/* The next record that is no greeting, waiting until `end`; false gives the connection up. */
static bool
receive(struct abuse_client *c, uint64_t end, struct record *out)
{
	while (!c->lost) {
		char text[LIMIT_ABUSE_RECORD];
		int fd = -1, got = 1;
		ssize_t n = wait_readable(c->fd, end) ? fdpass_recv(c->fd, text, sizeof(text), &fd, &got) : -1;

		if (n > 0 && got == 0 && record_parse(span_make(text, (size_t)n), 8, out))
			return true;
		if (n > 0 && got == 1)
			take_map(c, fd);
		else
			give_up(c);
	}
	return false;
}

/* Take the greeting if it is there by now. */
static void
look_for_map(struct abuse_client *c)
{
	char text[LIMIT_ABUSE_RECORD];
	int fd = -1, got = 1;
	ssize_t n;

	if (c->lost || c->greeted || !wait_readable(c->fd, 0))
		return;
	n = fdpass_recv(c->fd, text, sizeof(text), &fd, &got);
	if (n > 0)
		take_map(c, got == 1 ? fd : -1);
	else
		give_up(c);
}

static uint64_t
patience(const struct abuse_client *c)
{
	return clock_ms() + (c->greeted ? ABUSE_WAIT_MS : ABUSE_HELLO_MS);
}

struct abuse_client *
abuse_new(int fd)
{
	struct abuse_client *c = mem_new(sizeof(*c));

	c->fd = fd;
	c->map_fd = -1;
	c->lost = fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0;
	buf_init(&c->request, LIMIT_ABUSE_RECORD);
	return c;
}

void
abuse_free(struct abuse_client **c)
{
	if (*c == NULL)
		return;
	if ((*c)->fd >= 0)
		close((*c)->fd);
	if ((*c)->map_fd >= 0)
		close((*c)->map_fd);
	buf_free(&(*c)->request);
	free(*c);
	*c = NULL;
}

bool
abuse_is_lost(const struct abuse_client *c)
{
	return c->lost;
}

static bool
send_request(struct abuse_client *c)
{
	if (!c->lost && (c->request.overflow ||
	    fdpass_send(c->fd, c->request.p, c->request.n, NULL, 0) != (ssize_t)c->request.n))
		give_up(c);
	return !c->lost;
}

static void
add_message(struct abuse_client *c)
{
	record_add_text(&c->request, "service", c->last.service);
	record_add_text(&c->request, "ip", c->last.ip);
	record_add_text(&c->request, "from", c->last.from);
	record_add_num(&c->request, "size", c->last.size);
	c->last.is_there = false;
}

static void
tell_message(struct abuse_client *c)
{
	if (!c->last.is_there)
		return;
	record_begin(&c->request, "message");
	add_message(c);
	(void)send_request(c);
}

static void
begin(struct abuse_client *c, const char *verb, const char *service, const char *ip)
{
	tell_message(c);
	record_begin(&c->request, verb);
	record_add_text(&c->request, "service", service);
	record_add_text(&c->request, "ip", ip);
}

/* A name or account of a client, or nothing when it cannot be passed on. */
static void
add_name(struct abuse_client *c, const char *key, struct span name)
{
	if (span_find(name, '\0') < 0)
		record_add(&c->request, key, span_first(name, LIMIT_LOGIN_NAME));
}

bool
abuse_is_blocked(struct abuse_client *c, const char *service, const struct addr *ip)
{
	int which = abuse_service_named(span_of(service));
	uint8_t key[16];

	look_for_map(c);
	if (c->map_fd < 0 || which < 0 || (ip->family != AF_INET && ip->family != AF_INET6))
		return false;
	abuse_key(ip, key);
	return abuse_map_asks(c->map_fd, c->seed, key, which, clock_wall_ms() / 1000) == 1;
}

/* Send what begin and others made; false when abuse-check says no. */
static bool
ask_prepared(struct abuse_client *c, char *why, size_t size)
{
	struct record reply;
	bool refused;

	if (!send_request(c) || !receive(c, patience(c), &reply))
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

static bool
ask(struct abuse_client *c, const char *verb, const char *service, const char *ip, char *why, size_t size)
{
	begin(c, verb, service, ip);
	return ask_prepared(c, why, size);
}

bool
abuse_enter(struct abuse_client *c, const char *service, const char *ip, const char *user, char *why, size_t size)
{
	begin(c, "enter", service, ip);
	add_name(c, "user", span_of(user));
	return ask_prepared(c, why, size);
}

void
abuse_leave(struct abuse_client *c)
{
	record_begin(&c->request, "leave");
	(void)send_request(c);
}

bool
abuse_admit(struct abuse_client *c, const char *service, const char *ip, bool is_white, bool is_limited,
	char *why, size_t size)
{
	struct addr a;

	if (!is_white && addr_parse(span_of(ip), &a) && abuse_is_blocked(c, service, &a)) {
		snprintf(why, size, ABUSE_BLOCKED_TEXT);
		return false;
	}
	c->is_open = false;
	c->is_asked = is_limited || c->map_fd < 0;
	if (!c->is_asked) {
		begin(c, "began", service, ip);
		(void)send_request(c);
		return true;
	}
	return ask(c, "connect", service, ip, why, size);
}

bool
abuse_would_admit(struct abuse_client *c, const char *service, const char *ip, char *why, size_t size)
{
	return ask(c, "would", service, ip, why, size);
}

/* While nobody is refused for the number of open sessions, a good end may be told with the next beginning. */
void
abuse_close(struct abuse_client *c, bool bad)
{
	c->is_open = !c->is_asked && !bad && !c->last.is_there;
	if (c->is_open)
		return;
	record_begin(&c->request, "close");
	record_add_num(&c->request, "bad", bad);
	if (c->last.is_there)
		add_message(c);
	(void)send_request(c);
}

void
abuse_rest(struct abuse_client *c)
{
	if (!c->is_open)
		return;
	c->is_open = false;
	record_begin(&c->request, "close");
	record_add_num(&c->request, "bad", 0);
	(void)send_request(c);
}

uint32_t
abuse_login_failed(struct abuse_client *c, const char *service, const char *ip, struct span user)
{
	struct record reply;
	uint64_t delay = 0;

	begin(c, "event", service, ip);
	record_add_text(&c->request, "kind", "login-failed");
	add_name(c, "user", user);
	if (!send_request(c) || !receive(c, patience(c), &reply))
		return 0;
	if (!record_get_num(&reply, "delay", LIMIT_LOGIN_DELAY_MS, &delay))
		delay = 0;
	record_free(&reply);
	return (uint32_t)delay;
}

void
abuse_login_good(struct abuse_client *c, const char *service, const char *ip, struct span user)
{
	begin(c, "event", service, ip);
	record_add_text(&c->request, "kind", "login-good");
	add_name(c, "user", user);
	(void)send_request(c);
}

void
abuse_message(struct abuse_client *c, const char *service, const char *ip, struct span from, uint64_t size)
{
	struct message *m = &c->last;

	tell_message(c);
	from = span_find(from, '\0') < 0 ? span_first(from, LIMIT_LOGIN_NAME) : SPAN_NONE;
	*m = (struct message){ .is_there = true, .size = size };
	snprintf(m->service, sizeof(m->service), "%s", service);
	snprintf(m->ip, sizeof(m->ip), "%s", ip);
	snprintf(m->from, sizeof(m->from), "%.*s", SPAN_ARG(from));
}
