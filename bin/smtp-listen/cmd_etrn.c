/*
 * cmd_etrn: ETRN starts the queue for a domain (RFC 1985).
 *
 * The queue belongs to schedule, which is asked over its socket; it also keeps
 * anybody from asking for the same domain all the time.  "@" (subdomains) and
 * "#" (named queues) are not served: every domain is asked for by its name.
 */
#include "base/base.h"
#include "smtp.h"
#include "base/record.h"
#include "service/contact.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MS 10000

static bool
may_ask(const struct smtp *c)
{
	return c->config->etrn == ETRN_ANYONE || c->is_trusted || c->user[0] != '\0';
}

/* Send the question and wait for its answer: bytes of it, or -1. */
static ssize_t
ask(struct smtp *c, struct span domain, char *answer, size_t size)
{
	int fd = contact_connect(c->s->svc, c->config->schedule);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char storage[LIMIT_DOMAIN + 32];
	struct buf b;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	buf_init_fixed(&b, storage, sizeof(storage));
	record_begin(&b, "turn");
	record_add(&b, "domain", domain);
	if (send(fd, b.p, b.n, MSG_NOSIGNAL) == (ssize_t)b.n && poll(&p, 1, ANSWER_MS) == 1)
		n = recv(fd, answer, size, MSG_TRUNC);
	close(fd);
	return n > (ssize_t)size ? -1 : n;
}

static void
tell(struct smtp *c, struct span domain, const struct record *r)
{
	uint64_t count;

	if (span_is(r->verb, "busy")) {
		reply(c, 458, "4.3.2", "The queue for %.*s was started a moment ago", SPAN_ARG(domain));
	} else if (!span_is(r->verb, "ok") || !record_get_num(r, "count", UINT32_MAX, &count)) {
		reply(c, 458, "4.3.0", "The queue for %.*s cannot be started", SPAN_ARG(domain));
	} else if (count == 0) {
		reply(c, 251, "2.0.0", "OK, no messages waiting for %.*s", SPAN_ARG(domain));
	} else {
		smtp_log(c, "event=etrn domain=%.*s count=%llu", SPAN_ARG(domain), (unsigned long long)count);
		reply(c, 253, "2.0.0", "OK, %llu pending messages for %.*s started", (unsigned long long)count,
		      SPAN_ARG(domain));
	}
}

void
cmd_etrn(struct smtp *c, struct span args)
{
	char answer[512];
	struct record r;
	ssize_t n;

	if (c->config->etrn == ETRN_NOBODY) {
		reply_bad(c, 502, "5.5.1", "ETRN is not offered");
		return;
	}
	if (!smtp_domain_is_valid(args)) {
		reply_bad(c, 501, "5.5.4", "Give one domain");
		return;
	}
	if (!may_ask(c)) {
		smtp_log(c, "event=etrn-refused domain=%.*s", SPAN_ARG(args));
		reply(c, 459, "4.7.1", "Node %.*s not allowed: log in first", SPAN_ARG(args));
		return;
	}
	if (c->dry) {
		reply(c, 251, "2.0.0", "OK, the queue for %.*s would be started", SPAN_ARG(args));
		return;
	}
	n = ask(c, args, answer, sizeof(answer));
	if (n <= 0 || !record_parse(span_make(answer, (size_t)n), 8, &r)) {
		reply(c, 458, "4.3.0", "The queue for %.*s cannot be started", SPAN_ARG(args));
		return;
	}
	tell(c, args, &r);
	record_free(&r);
}
