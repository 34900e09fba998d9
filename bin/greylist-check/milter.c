/*
 * milter: the callbacks of libmilter: a session, its messages, their recipients.
 *
 * A recipient is judged at RCPT, each alone.  Mail from an own gateway has the
 * originating server in its header only: its recipients are kept until the end of
 * the headers and then get one answer, "later" when one of them has to wait.
 *
 * What passed is kept until the end of the message: who then has received mail from a
 * sender, or has written to somebody, need not wait for mail from there again
 * (GREY-11).  This is learned here and not from local-deliver: the end of a message is
 * told to a milter by every server, no other program needs to know of us, and it costs
 * one record a recipient, whatever there is already.
 *
 * Everything fails open: what cannot be judged is accepted.
 */
#include "base/base.h"
#include "greylist.h"

#include <libmilter/mfapi.h>
#include <stdlib.h>
#include "ask.h"
#include "base/die.h"
#include "base/mem.h"
#include "check/origin.h"
#include "decide.h"
#include "milter_socket.h"
#include "service/session.h"
#include "sys/clock.h"

#define IDLE_SECONDS 7210		/* libmilter's own default */

/* A recipient that passed, or that is judged at the end of the headers. */
struct passed {
	char address[LIMIT_ADDRESS + 1];	/* as it came, or canonical once that was asked */
	bool is_canonical;
	char mailer[16];			/* macro {rcpt_mailer}; "" without */
};

struct talk {
	struct addr client;		/* family AF_UNSPEC: not known */
	char ip[ADDR_TEXT_MAX];
	char ticket[SESSION_TICKET_DIGITS + 1];
	char helo[LIMIT_DOMAIN + 1];
	bool is_gateway;		/* an own one: its mail is judged by where it came from */
	/* Of one message: */
	char user[LIMIT_ADDRESS + 1];	/* who logged in */
	char sender[LIMIT_ADDRESS + 1];
	struct spf_memo spf;
	struct passed *recipients;	/* NULL until there is one */
	size_t count, room;
	/* Of a gateway's message: what its Received fields say so far, from the top. */
	enum origin_result hops;
	struct addr origin;
	size_t hop_count;
};

static void
copy_text(const char *from, char *to, size_t size)
{
	snprintf(to, size, "%s", from != NULL ? from : "");
}

/* "<a@b>" as the MTA passes it, without the brackets; "" when it is too long. */
static void
copy_address(const char *arg, char out[LIMIT_ADDRESS + 1])
{
	struct span s = span_of(arg);

	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = span_make(s.p + 1, s.n - 2);
	if (s.n > LIMIT_ADDRESS)
		s = SPAN_NONE;
	memcpy(out, s.n > 0 ? s.p : "", s.n);
	out[s.n] = '\0';
}

static const char *
macro(SMFICTX *ctx, const char *name)
{
	char copy[24];

	snprintf(copy, sizeof(copy), "%s", name);	/* libmilter wants it writable */
	return smfi_getsymval(ctx, copy);
}

/* The ticket of a session of smtp-listen; of other servers there is none. */
static void
copy_ticket(SMFICTX *ctx, char out[SESSION_TICKET_DIGITS + 1])
{
	const char *text = macro(ctx, "{ticket}");

	out[0] = '\0';
	if (text != NULL && strlen(text) == SESSION_TICKET_DIGITS
	    && strspn(text, "0123456789") == SESSION_TICKET_DIGITS)
		copy_text(text, out, SESSION_TICKET_DIGITS + 1);
}

static sfsistat
on_connect(SMFICTX *ctx, char *host PB_UNUSED, _SOCK_ADDR *address)
{
	struct talk *s = mem_new(sizeof(*s));
	bool known = address != NULL && (address->sa_family == AF_INET || address->sa_family == AF_INET6)
		&& addr_from_sockaddr(address, address->sa_family == AF_INET
			? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6), &s->client);
	struct rules *rules = rules_hold();

	if (known) {
		addr_print(&s->client, s->ip, sizeof(s->ip));
		s->is_gateway = addr_set_has(&rules->gateways, &s->client);
	} else {
		s->client = (struct addr){ .family = AF_UNSPEC };
	}
	rules_release(rules);
	copy_ticket(ctx, s->ticket);
	smfi_setpriv(ctx, s);
	return SMFIS_CONTINUE;
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	struct talk *s = smfi_getpriv(ctx);

	if (s != NULL)
		copy_text(name, s->helo, sizeof(s->helo));
	return SMFIS_CONTINUE;
}

static void
end_message(struct talk *s)
{
	s->user[0] = s->sender[0] = '\0';
	s->spf = (struct spf_memo){ .is_asked = false };
	s->count = 0;
	s->hops = ORIGIN_MORE;
	s->hop_count = 0;
}

static sfsistat
on_sender(SMFICTX *ctx, char **argv)
{
	struct talk *s = smfi_getpriv(ctx);
	const char *who = macro(ctx, "{auth_authen}"), *how = macro(ctx, "{auth_type}");

	if (s == NULL)
		return SMFIS_ACCEPT;
	end_message(s);
	copy_text(who != NULL && who[0] != '\0' ? who : how, s->user, sizeof(s->user));
	copy_address(argv[0], s->sender);
	return SMFIS_CONTINUE;
}

static struct passed *
remember(struct talk *s, const char *recipient)
{
	struct passed *p;

	if (s->count == LIMIT_GREYLIST_RECIPIENTS)
		return NULL;
	if (s->count == s->room) {
		s->room = s->room == 0 ? 4 : s->room * 2;
		s->recipients = mem_resize_array(s->recipients, s->room, sizeof(*s->recipients));
	}
	p = &s->recipients[s->count++];
	*p = (struct passed){ .is_canonical = false };
	copy_text(recipient, p->address, sizeof(p->address));
	return p;
}

static sfsistat
refuse(SMFICTX *ctx, int64_t now, int64_t earliest)
{
	static char code[] = DECIDE_CODE, status[] = DECIDE_STATUS;
	char text[DECIDE_TEXT_MAX];

	decide_print_refusal(now, earliest, text);
	if (smfi_setreply(ctx, code, status, text) != MI_SUCCESS)
		return SMFIS_CONTINUE;
	return SMFIS_TEMPFAIL;
}

/* One line for each decision, so that a ticket leads to it. */
static void
log_decision(const struct talk *s, const struct delivery *d, const struct decision *v)
{
	char storage[LIMIT_LOG_LINE], ip[ADDR_TEXT_MAX], when[32];
	struct buf line;

	buf_init_fixed(&line, storage, sizeof(storage));
	buf_printf(&line, "event=greylist verdict=%s name=%s", v->result.passes ? "pass" : "later", v->result.name);
	log_value(&line, "value", span_of(v->result.value));
	buf_printf(&line, " weight=%d total=%d", v->result.weight, v->result.total);
	log_value(&line, "from", d->sender);
	log_value(&line, "to", d->recipient);
	if (s->is_gateway && d->client.family != AF_UNSPEC)
		buf_printf(&line, " origin=%s", addr_print(&d->client, ip, sizeof(ip)));
	if (!v->result.passes) {
		decide_print_time(v->earliest_s, when);
		log_value(&line, "earliest", span_of(when));
	}
	greylist_log(s->ticket, s->ip, "%s", buf_text(&line));
}

static void
judge_one(const struct talk *s, struct spf_memo *spf, const struct addr *client, const char *recipient,
	const char *mailer, int64_t now, struct decision *out)
{
	struct delivery d = { .ticket = s->ticket, .client = *client, .user = s->user,
		.mailer = mailer != NULL && mailer[0] != '\0' ? mailer : NULL,
		.helo = span_of(s->helo), .sender = span_of(s->sender), .recipient = span_of(recipient), .spf = spf };
	struct rules *rules = rules_hold();

	if (decide(rules, &d, now, true, NULL, out) < 0)
		greylist_trouble();
	rules_release(rules);
	if (out->origin[0] == '\0')
		RECORDS_COUNT(&greylist.records, skipped);
	else if (out->result.passes)
		RECORDS_COUNT(&greylist.records, passed);
	else
		RECORDS_COUNT(&greylist.records, delayed);
	log_decision(s, &d, out);
}

static sfsistat
on_recipient(SMFICTX *ctx, char **argv)
{
	struct talk *s = smfi_getpriv(ctx);
	const char *mailer = macro(ctx, "{rcpt_mailer}");
	char recipient[LIMIT_ADDRESS + 1];
	int64_t now = clock_wall_ms() / 1000;
	struct decision v;
	struct passed *p;

	if (s == NULL)
		return SMFIS_ACCEPT;
	copy_address(argv[0], recipient);
	if (s->is_gateway && s->user[0] == '\0') {
		p = remember(s, recipient);
		if (p != NULL)
			copy_text(mailer, p->mailer, sizeof(p->mailer));
		return SMFIS_CONTINUE;
	}
	judge_one(s, &s->spf, &s->client, recipient, mailer, now, &v);
	if (!v.result.passes)
		return refuse(ctx, now, v.earliest_s);
	p = remember(s, v.canonical);
	if (p != NULL)
		p->is_canonical = v.is_recipient_asked;
	return SMFIS_CONTINUE;
}

static bool
waits_for_header(const struct talk *s)
{
	return s->is_gateway && s->user[0] == '\0';
}

static sfsistat
on_data(SMFICTX *ctx)
{
	const struct talk *s = smfi_getpriv(ctx);

	/* Of what teaches nothing the MTA need not send the rest. */
	return s == NULL || s->count == 0 ? SMFIS_ACCEPT : SMFIS_CONTINUE;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct talk *s = smfi_getpriv(ctx);
	struct rules *rules;

	if (s == NULL || !waits_for_header(s) || s->hops != ORIGIN_MORE || strcasecmp(name, "Received") != 0)
		return SMFIS_CONTINUE;
	rules = rules_hold();
	if (s->hop_count++ < LIMIT_GREYLIST_HOPS)
		s->hops = origin_hop(span_of(value), &rules->hops, &s->origin);
	rules_release(rules);
	return SMFIS_CONTINUE;
}

/* Mail of a gateway: all its recipients now, by where it came from (BYP-05). */
static sfsistat
on_end_of_header(SMFICTX *ctx)
{
	struct talk *s = smfi_getpriv(ctx);
	struct addr origin = { .family = AF_UNSPEC };
	int64_t now = clock_wall_ms() / 1000, earliest = 0;

	if (s == NULL || !waits_for_header(s))
		return SMFIS_CONTINUE;
	if (s->hops == ORIGIN_FOUND)	/* else it began at a gateway, or nobody can tell */
		origin = s->origin;
	for (size_t i = 0; i < s->count; i++) {
		struct passed *p = &s->recipients[i];
		struct decision v;

		judge_one(s, &s->spf, &origin, p->address, p->mailer, now, &v);
		if (!v.result.passes && v.earliest_s > earliest)
			earliest = v.earliest_s;
		p->is_canonical = v.is_recipient_asked;
		copy_text(v.canonical, p->address, sizeof(p->address));
	}
	return earliest > 0 ? refuse(ctx, now, earliest) : SMFIS_CONTINUE;
}

/* The normalised address, when it is of ours. */
static bool
is_ours(struct passed *p)
{
	char asked[LIMIT_ADDRESS + 1];

	if (p->is_canonical)
		return true;
	if (ask_recipient(span_of(p->address), SPAN(""), asked) == DIRECTORY_TROUBLE || asked[0] == '\0')
		return false;
	copy_text(asked, p->address, sizeof(p->address));
	return true;
}

static void
learn(struct talk *s, const struct rules *rules, int64_t now)
{
	struct passed self = { .is_canonical = false };
	bool wrote;

	copy_text(s->sender, self.address, sizeof(self.address));
	wrote = s->user[0] != '\0' && is_ours(&self);
	for (size_t i = 0; i < s->count; i++) {
		struct passed *p = &s->recipients[i];
		int result = 0;

		if (wrote)
			result = records_learn(&greylist.records, span_of(p->address), span_of(self.address),
				KNOWN_WROTE, now, rules->periods.keep_s);
		else if (s->user[0] == '\0' && is_ours(p))
			result = records_learn(&greylist.records, span_of(s->sender), span_of(p->address),
				KNOWN_RECEIVED, now, rules->periods.keep_s);
		if (result < 0)
			greylist_trouble();
	}
}

static sfsistat
on_end_of_message(SMFICTX *ctx)
{
	struct talk *s = smfi_getpriv(ctx);
	struct rules *rules;

	if (s != NULL && s->sender[0] != '\0') {	/* the null reverse-path is nobody */
		rules = rules_hold();
		learn(s, rules, clock_wall_ms() / 1000);
		rules_release(rules);
	}
	if (s != NULL)
		end_message(s);
	return SMFIS_CONTINUE;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct talk *s = smfi_getpriv(ctx);

	if (s != NULL)
		end_message(s);
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct talk *s = smfi_getpriv(ctx);

	if (s != NULL) {
		free(s->recipients);
		free(s);
	}
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

static void
wish_macros(SMFICTX *ctx)
{
	static char connection[] = "{ticket}", sender[] = "{auth_authen} {auth_type}", recipient[] = "{rcpt_mailer}";

	if (smfi_setsymlist(ctx, SMFIM_CONNECT, connection) != MI_SUCCESS
	    || smfi_setsymlist(ctx, SMFIM_ENVFROM, sender) != MI_SUCCESS
	    || smfi_setsymlist(ctx, SMFIM_ENVRCPT, recipient) != MI_SUCCESS)
		greylist_log("", NULL, "event=no-macro-list");
}

/*
 * Leave out what is not looked at, as far as the MTA offers that.  Headers are
 * needed where there are own gateways; a line that was agreed on without them has none
 * until the MTA makes it anew, as smtp-listen does when settings change.
 */
static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0 PB_UNUSED, unsigned long f1, unsigned long f2 PB_UNUSED,
	unsigned long f3 PB_UNUSED, unsigned long *actions, unsigned long *steps, unsigned long *r2, unsigned long *r3)
{
	struct rules *rules = rules_hold();
	bool has_gateways = rules->gateways.count > 0;

	rules_release(rules);
	*actions = 0;
	*steps = f1 & (SMFIP_NOBODY | SMFIP_NOUNKNOWN);
	if (!has_gateways)
		*steps |= f1 & (SMFIP_NOHDRS | SMFIP_NOEOH);
	*r2 = *r3 = 0;
	wish_macros(ctx);
	return SMFIS_CONTINUE;
}

void
milter_open(int listener, const char *private_path)
{
	static char conn[INSTANCE_PATH_MAX + 8];
	static char name[] = "greylist-check";
	struct smfiDesc filter = {
		.xxfi_name = name, .xxfi_version = SMFI_VERSION, .xxfi_flags = 0,
		.xxfi_connect = on_connect, .xxfi_helo = on_helo, .xxfi_envfrom = on_sender,
		.xxfi_envrcpt = on_recipient, .xxfi_header = on_header, .xxfi_eoh = on_end_of_header,
		.xxfi_data = on_data, .xxfi_eom = on_end_of_message, .xxfi_abort = on_abort,
		.xxfi_close = on_close, .xxfi_negotiate = on_negotiate,
	};

	snprintf(conn, sizeof(conn), "unix:%s", private_path);
	if (smfi_register(filter) != MI_SUCCESS || smfi_setconn(conn) != MI_SUCCESS
	    || smfi_settimeout(IDLE_SECONDS) != MI_SUCCESS)
		die(EXIT_TRY_LATER, "libmilter cannot be set up");
	if (milter_socket_take(listener, private_path) < 0)
		die(EXIT_TRY_LATER, "libmilter cannot serve %s: %m", private_path);
}

int
milter_run(void)
{
	return smfi_main() == MI_SUCCESS ? EXIT_DONE : EXIT_TRY_LATER;
}
