/*
 * control: requests of mailctl, on the socket abuse-control.
 *
 *	list [from=KEY]	-> ok block=IP SECONDS-LEFT SERVICE... (repeated) [next=KEY]
 *	lift ip=	-> ok | error exit=3
 */
#include "base/base.h"
#include "abuse.h"

#include <errno.h>

#include "base/die.h"
#include "base/record.h"
#include "service/control.h"

static void
lift(struct abuse *a, struct span text, struct buf *reply)
{
	struct addr ip;

	if (!addr_parse(text, &ip))
		control_error(reply, EXIT_USAGE, "%.*s is not an address", SPAN_ARG(span_first(text, ADDR_TEXT_MAX)));
	else if (!blocks_lift(a, &ip))
		control_error(reply, EXIT_NO_OBJECT, "%.*s is not blocked", SPAN_ARG(text));
	else
		record_begin(reply, "ok");
}

static bool
handle(void *ctx, struct control_call *call PB_UNUSED, const struct record *request, struct buf *reply)
{
	struct span from = record_get(request, "from");

	if (span_is(request->verb, "list") && from.n <= STATE_KEY_MAX)
		blocks_list(ctx, from, reply);
	else if (span_is(request->verb, "lift"))
		lift(ctx, record_get(request, "ip"), reply);
	else
		control_error(reply, EXIT_USAGE, "abuse-check knows list and lift");
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
