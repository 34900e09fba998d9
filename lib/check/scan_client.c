/*
 * scan_client: see scan_client.h.
 *
 * Records, each question answered by one with the same verb and n:
 *	spf n= ip= helo= from=		-> spf n= result= domain= problem=
 *	domain n= name=			-> domain n= result=
 *	mx n= name= range=FROM-TO...	-> mx n= result=
 *	reverse n= ip=			-> reverse n= result= name=
 *	helo n= name= ip=		-> helo n= result=
 * A question that scan-check has no room for gets the result "unknown".
 *
 * Invariant: replies with another n are of questions that were given up.
 * Trust: replies are parsed as hostile; a malformed one ends the connection.
 */
#include "base/base.h"
#include "check/scan_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "net/connect.h"
#include "sys/clock.h"
#include "sys/fdpass.h"

#define RECONNECT_MS 1000
/* Fields of a reply: n, result and two more. */
#define REPLY_FIELDS 8

struct scan_client {
	int fd;			/* -1: not connected */
	char *path;		/* NULL: is not made anew */
	uint64_t next_try;	/* in clock_ms */
	uint64_t last_n;
	const char *why;
	struct buf request;
};

/* A full backlog is not waited for: connect fails at once. */
static int
connect_to(const char *path)
{
	return connect_unix(path, SOCK_SEQPACKET | SOCK_NONBLOCK);
}

static struct scan_client *
client_new(int fd, char *path)
{
	struct scan_client *c = mem_new(sizeof(*c));

	*c = (struct scan_client){ .fd = fd, .path = path, .why = "" };
	buf_init(&c->request, LIMIT_SCAN_RECORD);
	return c;
}

struct scan_client *
scan_client_new(int fd)
{
	return client_new(fd, NULL);
}

struct scan_client *
scan_client_once(const char *path)
{
	return client_new(connect_to(path), NULL);
}

struct scan_client *
scan_client_open(const char *path)
{
	return client_new(-1, mem_text(path));
}

static void
hang_up(struct scan_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void
scan_client_free(struct scan_client **c)
{
	if (*c == NULL)
		return;
	hang_up(*c);
	free((*c)->path);
	buf_free(&(*c)->request);
	free(*c);
	*c = NULL;
}

bool
scan_client_is_lost(const struct scan_client *c)
{
	return c->fd < 0;
}

const char *
scan_client_why(const struct scan_client *c)
{
	return c->why;
}

static bool
connected(struct scan_client *c)
{
	uint64_t now;

	if (c->fd >= 0)
		return true;
	c->why = "scan-check is away";
	now = clock_ms();
	if (c->path == NULL || now < c->next_try)
		return false;
	c->next_try = now + RECONNECT_MS;
	c->fd = connect_to(c->path);
	return c->fd >= 0;
}

/* True when the socket can be read (or written) before `end`. */
static bool
wait_for(int fd, short event, uint64_t end)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = event };
		uint64_t now = clock_ms();
		int ready = poll(&p, 1, now >= end ? 0 : (int)(end - now));

		if (ready > 0)
			return true;
		if (ready == 0 || errno != EINTR)
			return false;
	}
}

/* EPIPE and the like: the connection is over. */
static bool
lost(struct scan_client *c)
{
	hang_up(c);
	c->why = "scan-check is away";
	return false;
}

static bool
send_request(struct scan_client *c, uint64_t end)
{
	if (c->request.overflow) {
		c->why = "the question is too long";
		return false;
	}
	for (;;) {
		ssize_t n = send(c->fd, c->request.p, c->request.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			return true;
		if (errno != EAGAIN && errno != EINTR)
			return lost(c);
		if (!wait_for(c->fd, POLLOUT, end)) {
			c->why = "timeout";
			return false;
		}
	}
}

/* The reply with our number into *reply. */
static bool
receive(struct scan_client *c, uint64_t end, struct record *reply)
{
	char text[LIMIT_SCAN_RECORD];

	for (;;) {
		int none = 0;
		uint64_t n = 0;
		ssize_t got;

		if (!wait_for(c->fd, POLLIN, end)) {
			c->why = "timeout";
			return false;
		}
		got = fdpass_recv(c->fd, text, sizeof(text), NULL, &none);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0 || !record_parse(span_make(text, (size_t)got), REPLY_FIELDS, reply))
			return lost(c);
		if (record_get_num(reply, "n", UINT64_MAX, &n) && n == c->last_n)
			return true;
		record_free(reply);
	}
}

/* Send c->request and wait for its answer; false: unknown, and c->why is set. */
static bool
ask(struct scan_client *c, unsigned budget_ms, struct record *reply)
{
	uint64_t end = clock_ms() + budget_ms;

	if (!connected(c) || !send_request(c, end) || !receive(c, end, reply))
		return false;
	c->why = span_is(record_get(reply, "result"), "unknown") ? "scan-check is busy" : "";
	return true;
}

static void
begin(struct scan_client *c, const char *verb)
{
	record_begin(&c->request, verb);
	record_add_num(&c->request, "n", ++c->last_n);
}

/* Text of a peer; what has a NUL or is too long for any name is asked as empty. */
static void
add_text(struct scan_client *c, const char *key, struct span text)
{
	bool usable = text.n <= LIMIT_ADDRESS && span_find(text, '\0') < 0;

	record_add(&c->request, key, usable ? text : SPAN_NONE);
}

static void
add_ip(struct scan_client *c, const struct addr *ip)
{
	char text[ADDR_TEXT_MAX];

	record_add_text(&c->request, "ip", addr_print(ip, text, sizeof(text)));
}

/* A field of a reply, cut to size, printable. */
static void
take_text(const struct record *r, const char *key, char *out, size_t size)
{
	struct buf text;

	buf_init_fixed(&text, out, size);
	out[0] = '\0';
	(void)buf_escaped(&text, record_get(r, key));	/* what does not fit is no name */
}

void
scan_spf(struct scan_client *c, const struct addr *ip, struct span helo, struct span mail_from,
	unsigned budget_ms, struct scan_spf *out)
{
	struct record reply;

	*out = (struct scan_spf){ .result = SCAN_SPF_UNKNOWN };
	begin(c, "spf");
	add_ip(c, ip);
	add_text(c, "helo", helo);
	add_text(c, "from", mail_from);
	if (!ask(c, budget_ms, &reply))
		return;
	out->result = scan_spf_of(record_get(&reply, "result"));
	take_text(&reply, "domain", out->domain, sizeof(out->domain));
	take_text(&reply, "problem", out->problem, sizeof(out->problem));
	record_free(&reply);
}

enum scan_domain_result
scan_sender_domain(struct scan_client *c, struct span domain, unsigned budget_ms)
{
	enum scan_domain_result result;
	struct record reply;

	begin(c, "domain");
	add_text(c, "name", domain);
	if (!ask(c, budget_ms, &reply))
		return SCAN_DOMAIN_UNKNOWN;
	result = scan_domain_of(record_get(&reply, "result"));
	record_free(&reply);
	return result;
}

enum scan_mx_result
scan_mx_points_to(struct scan_client *c, struct span domain, const struct addr_range *ranges, size_t count,
	unsigned budget_ms)
{
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX], both[2 * ADDR_TEXT_MAX];
	enum scan_mx_result result;
	struct record reply;

	begin(c, "mx");
	add_text(c, "name", domain);
	for (size_t i = 0; i < count && i < LIMIT_SCAN_RANGES; i++) {
		snprintf(both, sizeof(both), "%s-%s", addr_print(&ranges[i].from, from, sizeof(from)),
			addr_print(&ranges[i].to, to, sizeof(to)));
		record_add_text(&c->request, "range", both);
	}
	if (!ask(c, budget_ms, &reply))
		return SCAN_MX_UNKNOWN;
	result = scan_mx_of(record_get(&reply, "result"));
	record_free(&reply);
	return result;
}

enum scan_reverse_result
scan_reverse(struct scan_client *c, const struct addr *ip, unsigned budget_ms, char name_out[SCAN_NAME_MAX])
{
	enum scan_reverse_result result;
	struct record reply;

	if (name_out != NULL)
		name_out[0] = '\0';
	begin(c, "reverse");
	add_ip(c, ip);
	if (!ask(c, budget_ms, &reply))
		return SCAN_REVERSE_UNKNOWN;
	result = scan_reverse_of(record_get(&reply, "result"));
	if (name_out != NULL)
		take_text(&reply, "name", name_out, SCAN_NAME_MAX);
	record_free(&reply);
	return result;
}

enum scan_helo_result
scan_helo(struct scan_client *c, struct span name, const struct addr *ip, unsigned budget_ms)
{
	enum scan_helo_result result;
	struct record reply;

	begin(c, "helo");
	add_text(c, "name", name);
	add_ip(c, ip);
	if (!ask(c, budget_ms, &reply))
		return SCAN_HELO_UNKNOWN;
	result = scan_helo_of(record_get(&reply, "result"));
	record_free(&reply);
	return result;
}
