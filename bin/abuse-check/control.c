/*
 * control: requests of mailctl, on the socket abuse-control.
 *
 *	list [ip=] [from=KEY]	-> ok block=IP SERVICE SECONDS-LEFT REASON (repeated) [next=KEY]
 *	add ip= minutes= service= reason=	-> ok | error
 *	lift ip= service=	-> ok | error exit=3
 *
 * service is a name, or "all".
 */
#include "base/base.h"
#include "abuse.h"

#include <errno.h>

#include "base/die.h"
#include "base/record.h"
#include "service/control.h"

#define MINUTES_MAX 525600

/* False: replied. */
static bool
read_ip(const struct record *q, struct addr *ip, struct buf *reply)
{
	struct span text = record_get(q, "ip");

	if (addr_parse(text, ip))
		return true;
	control_error(reply, EXIT_USAGE, "%.*s is not an address", SPAN_ARG(span_first(text, ADDR_TEXT_MAX)));
	return false;
}

static bool
read_services(const struct record *q, uint32_t *services, struct buf *reply)
{
	struct span name = record_get(q, "service");
	int service = abuse_service_named(name);

	*services = span_is(name, "all") ? (1u << ABUSE_SERVICES) - 1 : service >= 0 ? 1u << service : 0;
	if (*services == 0)
		control_error(reply, EXIT_USAGE, "%.*s is not a service: smtp, pop, imap or all",
			SPAN_ARG(span_first(name, 32)));
	return *services != 0;
}

static void
lift(struct abuse *a, const struct record *q, struct buf *reply)
{
	uint32_t services;
	struct addr ip;

	if (!read_ip(q, &ip, reply) || !read_services(q, &services, reply))
		return;
	if (blocks_lift(a, &ip, services) == 0)
		control_error(reply, EXIT_NO_OBJECT, "%.*s is not blocked", SPAN_ARG(record_get(q, "ip")));
	else
		record_begin(reply, "ok");
}

static void
add(struct abuse *a, const struct record *q, struct buf *reply)
{
	struct span reason = record_get(q, "reason");
	uint32_t services;
	uint64_t minutes;
	struct addr ip;

	if (!read_ip(q, &ip, reply) || !read_services(q, &services, reply))
		return;
	if (!record_get_num(q, "minutes", MINUTES_MAX, &minutes) || minutes == 0) {
		control_error(reply, EXIT_USAGE, "an address is blocked for 1 to %d minutes", MINUTES_MAX);
		return;
	}
	for (int i = 0; i < ABUSE_SERVICES; i++)
		if (abuse_is_listed(a->white, a->white_count, &ip, i))
			services &= ~(1u << i);
	if (services == 0) {
		control_error(reply, EXIT_REFUSED, "%.*s is on the whitelist", SPAN_ARG(record_get(q, "ip")));
		return;
	}
	blocks_add(a, &ip, services, (uint32_t)minutes * 60, reason.n > 0 ? reason : SPAN("administrator"));
	record_begin(reply, "ok");
}

static void
list(struct abuse *a, const struct record *q, struct buf *reply)
{
	struct span from = record_get(q, "from");
	bool of_one = record_get(q, "ip").p != NULL;
	struct addr ip;

	if (of_one && !read_ip(q, &ip, reply))
		return;
	if (from.n > STATE_KEY_MAX)
		control_error(reply, EXIT_USAGE, "from is too long");
	else
		blocks_list(a, of_one ? &ip : NULL, from, reply);
}

static bool
handle(void *ctx, struct control_call *call PB_UNUSED, const struct record *request, struct buf *reply)
{
	if (span_is(request->verb, "list"))
		list(ctx, request, reply);
	else if (span_is(request->verb, "add"))
		add(ctx, request, reply);
	else if (span_is(request->verb, "lift"))
		lift(ctx, request, reply);
	else
		control_error(reply, EXIT_USAGE, "abuse-check knows list, add and lift");
	return true;
}

void
control_begin(struct abuse *a)
{
	int fd = service_fd(&a->svc, "listen.unix.abuse-control");

	if (fd < 0)
		die(EXIT_USAGE, "mail-master did not hand over listen.unix.abuse-control");
	if (control_serve(a->loop, fd, NULL, 0, handle, a) == NULL)
		die(EXIT_TRY_LATER, "cannot serve abuse-control: %s", strerror(errno));
}
