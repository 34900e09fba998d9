/*
 * cmd_xclient: XCLIENT and XFORWARD, for addresses that the administrator
 * trusts to speak for others (settings xclientTrusted, xforwardTrusted).
 *
 * XCLIENT makes the session that of another client: everything said so far is
 * forgotten, lists, limits and milters see the new address, and the greeting
 * comes again.  XFORWARD only tells the log where the next message came from.
 * Who may say either is decided by the address that connected, also after an
 * XCLIENT.
 */
#include "base/base.h"
#include "smtp.h"
#include "base/num.h"
#include "facts.h"
#include "filter.h"
#include "smtp/xclient.h"
#include "sys/clock.h"

/* The other end of the connection, or what a PROXY header said of it. */
static const struct addr *
real_peer(const struct smtp *c)
{
	return c->speaks_for_another ? &c->real_peer : &c->s->peer;
}

static bool
may_use(const struct smtp *c, bool forward)
{
	return !c->s->is_local && addr_set_has(forward ? &c->config->xforward : &c->config->xclient, real_peer(c));
}

void
xclient_offered(const struct smtp *c, struct buf *out)
{
	if (may_use(c, false))
		buf_text_put(out, "XCLIENT " XCLIENT_OFFERED "\n");
	if (may_use(c, true))
		buf_text_put(out, "XFORWARD " XFORWARD_OFFERED "\n");
}

/* An address and a port over those that were known; false when one is no address or port. */
static bool
read_end(const struct smtp_xclient *x, enum xclient_attribute ip, enum xclient_attribute port, struct addr *end)
{
	uint32_t number;

	if (x->value[ip][0] != '\0') {
		uint16_t before = end->port;

		if (!addr_parse(span_of(x->value[ip]), end))
			return false;
		end->port = before;
	}
	if (x->value[port][0] == '\0')
		return true;
	if (!num_parse_u32(span_of(x->value[port]), 65535, &number))
		return false;
	end->port = (uint16_t)number;
	return true;
}

static bool
is_good(const struct smtp_xclient *x, struct addr *peer, struct addr *local)
{
	struct span proto = span_of(x->value[XCLIENT_PROTO]), helo = span_of(x->value[XCLIENT_HELO]);

	return read_end(x, XCLIENT_ADDR, XCLIENT_PORT, peer) &&
	       read_end(x, XCLIENT_DESTADDR, XCLIENT_DESTPORT, local) &&
	       (proto.n == 0 || span_is_nocase(proto, "SMTP") || span_is_nocase(proto, "ESMTP")) &&
	       (x->value[XCLIENT_NAME][0] == '\0' || smtp_domain_is_valid(span_of(x->value[XCLIENT_NAME]))) &&
	       (helo.n == 0 || (smtp_helo_is_valid(helo) && helo.n <= LIMIT_DOMAIN));
}

/* " name=... addr=..." */
static void
log_attributes(struct smtp *c, const char *event, const struct smtp_xclient *x)
{
	char storage[1000];
	struct buf line;

	buf_init_fixed(&line, storage, sizeof(storage));
	for (size_t i = 0; i < XCLIENT_ATTRIBUTES; i++)
		if (x->given[i])
			log_value(&line, smtp_xclient_name((enum xclient_attribute)i), span_of(x->value[i]));
	smtp_log(c, "event=%s%s", event, buf_text(&line));
}

/* True when the command may be used and can be read; else replied. */
static bool
read_command(struct smtp *c, struct span args, bool forward, struct smtp_xclient *x)
{
	if (!may_use(c, forward)) {
		smtp_log(c, "event=%s-refused", forward ? "xforward" : "xclient");
		reply_bad(c, 550, "5.7.1", "Not taken from your address");
		return false;
	}
	if (smtp_xclient_parse(args, forward, x))
		return true;
	reply_bad(c, 501, "5.5.4", "Give attributes NAME=value that EHLO lists");
	return false;
}

/*
 * Nothing of what the session was stays; the connection and TLS do, and the counts
 * of bad and of idle commands, which are the proxy's.
 */
static void
forget_client(struct smtp *c)
{
	transaction_reset(c);
	filter_end(c);
	if (c->admitted && !c->dry)
		abuse_close(c->w->abuse, false);
	c->admitted = c->esmtp = c->is_early = c->harvests = false;
	c->messages = c->bad_recipients = 0;
	c->moved_ms = clock_ms();
	refusals_forget(c);
	c->helo[0] = c->user[0] = c->mechanism[0] = '\0';
	c->points = (struct policy_points){ .points = 0 };
	session_show(c->s, "XCLIENT", "");
}

static void
become(struct smtp *c, const struct smtp_xclient *x, const struct addr *peer, const struct addr *local)
{
	if (!c->speaks_for_another)
		c->real_peer = c->s->peer;
	c->speaks_for_another = true;
	session_set_ends(c->s, peer, local);
	session_place(c);
	if (x->given[XCLIENT_NAME])
		peer_name_told(c, x->value[XCLIENT_NAME]);
	else if (x->given[XCLIENT_ADDR])
		c->peer = (struct peer_name){ .resolve = NULL };
	snprintf(c->helo, sizeof(c->helo), "%.*s", LIMIT_DOMAIN, x->value[XCLIENT_HELO]);
	c->esmtp = strcasecmp(x->value[XCLIENT_PROTO], "ESMTP") == 0;
	if (x->value[XCLIENT_LOGIN][0] == '\0')
		return;
	snprintf(c->user, sizeof(c->user), "%s", x->value[XCLIENT_LOGIN]);
	snprintf(c->mechanism, sizeof(c->mechanism), "XCLIENT");
	c->s->ends_worker = true;
	session_show(c->s, "XCLIENT", c->user);
}

void
cmd_xclient(struct smtp *c, struct span args)
{
	struct addr peer = c->s->peer, local = c->s->local;
	struct smtp_xclient x;

	if (!read_command(c, args, false, &x))
		return;
	if (!is_good(&x, &peer, &local)) {
		reply_bad(c, 501, "5.5.4", "An attribute has no good value");
		return;
	}
	log_attributes(c, "xclient", &x);
	forget_client(c);
	become(c, &x, &peer, &local);
	session_greet(c);
	if (!c->over && c->helo[0] != '\0')
		facts_helo(c);	/* a name that was told is judged like one that was said */
}

void
cmd_xforward(struct smtp *c, struct span args)
{
	struct smtp_xclient x;

	if (!read_command(c, args, true, &x))
		return;
	log_attributes(c, "xforward", &x);
	reply(c, 250, "2.0.0", "OK");
}
