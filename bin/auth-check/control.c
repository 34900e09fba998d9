/*
 * control: see control.h; the framing is lib/service's.
 *
 * Trust: lib/service has checked the caller's uid.  A request only makes us read
 * files again sooner than we would.
 */
#include "base/base.h"
#include "control.h"

#include "base/die.h"
#include "client.h"
#include "service/control.h"

static void
say_ok(struct buf *reply)
{
	record_begin(reply, "ok");
}

static void
changed(struct resolver *rs, const struct record *request, struct buf *reply)
{
	struct span domain = record_get(request, "domain"), user = record_get(request, "user");
	struct address a;

	if (domain.n > 0) {
		/* Any spelling is taken; the index knows small letters only. */
		char text[LIMIT_ADDRESS + 4];

		snprintf(text, sizeof(text), "x@%.*s", SPAN_ARG(span_first(domain, LIMIT_DOMAIN)));
		if (!address_split(span_of(text), &a)) {
			control_error(reply, EXIT_REFUSED, "not a domain name");
			return;
		}
		refresh_domain(rs->refresh, span_of(a.domain));
	} else if (address_split(user, &a) && a.domain[0] != '\0') {
		refresh_user(rs->refresh, span_of(a.domain), span_of(a.local));
	} else {
		control_error(reply, EXIT_REFUSED, "changed needs domain= or user=");
		return;
	}
	say_ok(reply);
}

static void
tell_space(struct control_ask *ask, const struct record *request, struct buf *reply)
{
	struct space_use use;

	say_ok(reply);
	if (!spaces_use(ask->spaces, record_get(request, "domain"), &use))
		return;		/* mailctl knows domains that we have not read yet */
	if (use.is_counted)
		record_add_num(reply, "used", use.used);
	record_add_num(reply, "limit", use.limit);
}

static void
tell_owner(struct resolver *rs, const struct record *request, struct buf *reply)
{
	struct span name = record_get(request, "name");
	char owner[LIMIT_DOMAIN + 1], text[LIMIT_DOMAIN + 1];

	say_ok(reply);
	if (name.n > LIMIT_DOMAIN)
		return;
	for (size_t i = 0; i < name.n; i++)
		text[i] = char_lower(name.p[i]);
	if (index_domain_alias(rs->ix, span_make(text, name.n), owner))
		record_add_text(reply, "domain", owner);
}

static bool
handle(void *ctx, struct control_call *call PB_UNUSED, const struct record *request, struct buf *reply)
{
	struct control_ask *ask = ctx;
	struct resolver *rs = ask->rs;

	if (span_is(request->verb, "changed")) {
		changed(rs, request, reply);
	} else if (span_is(request->verb, "reindex")) {
		refresh_all(rs->refresh);
		spaces_recount_all(ask->spaces);
		say_ok(reply);
	} else if (span_is(request->verb, "whose")) {
		tell_owner(rs, request, reply);
	} else if (span_is(request->verb, "space")) {
		tell_space(ask, request, reply);
	} else if (span_is(request->verb, "status")) {
		say_ok(reply);
		record_add_num(reply, "scanning", refresh_is_scanning(rs->refresh));
		record_add_num(reply, "clients", client_count());
		record_add_num(reply, "version", index_version(rs->ix));
	} else {
		control_error(reply, EXIT_USAGE, "auth-check knows changed, reindex, space, status and whose");
	}
	return true;
}

void
control_start(struct loop *loop, int fd, struct control_ask *ask)
{
	if (control_serve(loop, fd, NULL, 0, handle, ask) == NULL)
		die(EXIT_TRY_LATER, "cannot serve auth-control: %m");
}
