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

bool
schedule_ask(struct smtp *c, const struct buf *question, struct record *reply)
{
	int fd = contact_connect(c->s->svc, c->config->schedule);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char answer[512];
	ssize_t n = -1;

	if (fd < 0)
		return false;
	if (send(fd, question->p, question->n, MSG_NOSIGNAL) == (ssize_t)question->n && poll(&p, 1, ANSWER_MS) == 1)
		n = recv(fd, answer, sizeof(answer), MSG_TRUNC);
	close(fd);
	return n > 0 && n <= (ssize_t)sizeof(answer) && record_parse(span_make(answer, (size_t)n), 8, reply);
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
	char storage[LIMIT_DOMAIN + 32];
	struct buf question;
	struct record r;

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
	buf_init_fixed(&question, storage, sizeof(storage));
	record_begin(&question, "turn");
	record_add(&question, "domain", args);
	if (!schedule_ask(c, &question, &r)) {
		reply(c, 458, "4.3.0", "The queue for %.*s cannot be started", SPAN_ARG(args));
		return;
	}
	tell(c, args, &r);
	record_free(&r);
}
