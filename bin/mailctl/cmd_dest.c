/*
 * cmd_dest: how it stands with the mail for one domain: where it goes, who
 * waits, when something last got there, and what the other side said last.
 *
 * What waits is counted from the queue, the history comes from the logs; so a
 * domain to which nothing waits can be asked for too.
 */
#include "base/base.h"
#include "commands.h"
#include <sys/stat.h>
#include "account.h"
#include "args.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/verdict.h"
#include "config/gateway.h"
#include "config/route.h"
#include "logs.h"
#include "mail/status.h"
#include "output.h"
#include "policy/pattern.h"
#include "queue.h"
#include "route_settings.h"
#include "sys/file.h"

#define FIELD_MAX 1024
#define PRIORITY_USUAL 5

/* An attempt as the log has it. */
struct attempt {
	char when[48];			/* "2026.11.22 10:15:00"; "" when there was none */
	char host[LIMIT_DOMAIN + 64];	/* with its address */
	char text[FIELD_MAX];		/* "450 4.1.2 ..." */
};

struct dest {
	const char *domain;
	struct attempt success, failure;
	uint64_t recipients, messages, held, attempts;
	int64_t oldest, next;		/* seconds since 1970, 0 none */
	uint64_t jobs, window;		/* deliveries that go on, and how many may; 0: not in use */
	int64_t rests;			/* until when none is begun; 0: none forbids it */
	char waiting_text[FIELD_MAX];	/* the last words of a recipient that waits, when the logs have none */
};

/* -- the logs ------------------------------------------------------------------ */

static bool
is_at(struct span address, const char *domain)
{
	return span_eq_nocase(span_from(address, (size_t)(span_rfind(address, '@') + 1)), span_of(domain));
}

/* Two programs tell of an attempt: who made it, with the host; and who asked for it, by=remote-send. */
static bool
is_of_domain(struct span line, const char *domain)
{
	char value[FIELD_MAX];

	if (log_field(line, "by", value, sizeof(value)) && strcmp(value, "remote-send") == 0)
		return false;
	if (log_field(line, "domain", value, sizeof(value)))
		return strcasecmp(value, domain) == 0;
	return log_field(line, "to", value, sizeof(value)) && is_at(span_of(value), domain);
}

static void
note(struct attempt *a, const struct log_entry *e)
{
	char text[FIELD_MAX - 32], code[8], status[16], host[LIMIT_DOMAIN + 1];

	*a = (struct attempt){ .when = "" };
	snprintf(a->when, sizeof(a->when), "%.10s %.*s", e->day, SPAN_ARG(span_first(e->time, 8)));
	if (log_field(e->text, "host", host, sizeof(host)))
		snprintf(a->host, sizeof(a->host), span_is(e->ip, "-") ? "%s" : "%s [%.*s]", host,
			SPAN_ARG(span_first(e->ip, 48)));
	if (!log_field(e->text, "text", text, sizeof(text)))
		return;
	if (log_field(e->text, "code", code, sizeof(code)) && log_field(e->text, "status", status, sizeof(status)))
		snprintf(a->text, sizeof(a->text), "%s %s %s", code, status, text);
	else
		snprintf(a->text, sizeof(a->text), "%s", text);
}

static void
on_line(void *ctx, const struct log_entry *e)
{
	struct dest *d = ctx;
	char event[32];
	bool good;

	/* Most lines are of other domains; only the rest is taken apart. */
	if (span_search_nocase(e->line, span_of(d->domain)) < 0 || !log_field(e->text, "event", event, sizeof(event)))
		return;
	good = strcmp(event, "sent") == 0 || strcmp(event, "delivered") == 0;
	if (!good && strcmp(event, "deferred") != 0 && strcmp(event, "failed") != 0)
		return;
	if (is_of_domain(e->text, d->domain))
		note(good ? &d->success : &d->failure, e);
}

/* -- the queue ------------------------------------------------------------------ */

static void
count_message(struct dest *d, const struct envelope *env, bool held)
{
	bool found = false;

	for (uint32_t i = 0; i < env->count; i++) {
		const struct envelope_rcpt *r = &env->rcpts[i];

		if (r->state != RCPT_OPEN || !is_at(r->address, d->domain))
			continue;
		found = true;
		d->recipients++;
		if (r->attempts > d->attempts)
			d->attempts = r->attempts;
		if (!held && r->retry_at > 0 && (d->next == 0 || r->retry_at < d->next))
			d->next = r->retry_at;
		if (r->outcome.n > 0)
			snprintf(d->waiting_text, sizeof(d->waiting_text), "%.*s",
				SPAN_ARG(span_first(r->outcome, FIELD_MAX - 1)));
	}
	if (!found)
		return;
	d->messages++;
	d->held += held;
	if (env->created > 0 && (d->oldest == 0 || env->created < d->oldest))
		d->oldest = env->created;
}

static int
count_queue(const struct ctl *c, struct dest *d)
{
	struct queue q;
	int code = queue_read(c, SIZE_MAX, &q);

	for (size_t i = 0; code == EXIT_DONE && i < q.count; i++) {
		const char *why;
		struct envelope *env = queue_envelope(c, &q.entries[i], &why);

		if (env != NULL)
			count_message(d, env, strcmp(q.entries[i].status, "held") == 0);
		envelope_free(&env);
	}
	queue_free(&q);
	return code;
}

/* How the scheduler treats the destination, when it runs. */
static int
ask_scheduler(const struct ctl *c, struct dest *d)
{
	struct record reply;
	struct buf request;
	uint64_t rests;
	int code;

	buf_init(&request, 1024);
	record_begin(&request, "dest");
	record_add_text(&request, "domain", d->domain);
	code = ctl_call(c, "run/pub/schedule", &request, true, &reply);
	buf_free(&request);
	if (code != EXIT_DONE)
		return code == EXIT_TRY_LATER ? EXIT_DONE : code;
	if (!record_get_num(&reply, "jobs", UINT32_MAX, &d->jobs) ||
	    !record_get_num(&reply, "window", UINT32_MAX, &d->window))
		d->window = 0;
	if (record_get_num(&reply, "rests", INT64_MAX, &rests))
		d->rests = (int64_t)rests;
	record_free(&reply);
	return EXIT_DONE;
}

/* -- what is told ------------------------------------------------------------------ */

static void
row(struct output *o, const char *field, const char *value)
{
	if (value[0] != '\0')
		output_row(o, field, value);
}

static void
row_num(struct output *o, const char *field, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	output_row(o, field, text);
}

static bool
is_ours(const struct ctl *c, const char *domain)
{
	char name[CONFIG_PATH_MAX], path[INSTANCE_PATH_MAX];
	struct stat st;

	snprintf(name, sizeof(name), "domains/%s/domainConfig.xml", domain);
	return stat(instance_path(&c->instance, path, name), &st) == 0;
}

/* A word of the settings for how much TLS there must be (policy/tls_out.h). */
static void
put_tls(struct output *o, const struct settings *st, const char *level)
{
	static const struct { const char *level, *words; } table[] = {
		{ "auto", "as published (DANE, MTA-STS), else when it is offered" },
		{ "none", "never: clear text, as the settings want it" },
		{ "may", "when it is offered, as the settings want it" },
		{ "encrypt", "always, with any certificate, as the settings want it" },
		{ "dane", "only to hosts that fit their TLSA records, as the settings want it" },
		{ "verify", "only with a certificate of a CA, as the settings want it" },
	};

	if (!settings_bool(st, "tlsIfSupported"))
		row(o, "tls", "never: the setting tlsIfSupported is off");
	else
		for (size_t i = 0; i < PB_COUNT(table); i++)
			if (strcmp(level, table[i].level) == 0)
				row(o, "tls", table[i].words);
}

/* hop: the domain, or the server that it is passed on to. */
static const char *
tls_level(const struct settings *st, struct span hop)
{
	static const char list[] = "tlsPolicies/policy";

	for (size_t i = 0; i < settings_count(st, list); i++)
		if (pattern_text_matches(span_of(settings_entry(st, list, i, "domain")), hop))
			return settings_entry(st, list, i, "level");
	return "auto";
}

/* host: "HOST:PORT" of a domain that is passed on, else empty. */
static void
put_route(struct output *o, const struct settings *st, const char *domain, struct span host)
{
	struct route_settings r;
	struct route forward;
	char text[1024];

	route_settings(st, host, PRIORITY_USUAL, &r);
	switch (r.way) {
	case POLICY_WAY_FORWARD:
		snprintf(text, sizeof(text), "passed on to %.*s", SPAN_ARG(host));
		row(o, "route", text);
		if (route_lookup(st, span_of(domain), &forward))
			put_tls(o, st, tls_level(st, span_of(forward.address)));
		break;
	case POLICY_WAY_MX:
		row(o, "route", "the mail hosts of the domain (MX)");
		put_tls(o, st, tls_level(st, span_of(domain)));
		break;
	case POLICY_WAY_GATEWAY:
		for (size_t i = 0; i < r.gateways; i++) {
			struct gateway_server g;

			gateway_server_get(st, r.gateway[i], &g);
			snprintf(text, sizeof(text), "the outgoing gateway %s port %u", g.address, (unsigned)g.port);
			row(o, "route", text);
			put_tls(o, st, g.tls);
		}
		break;
	}
	route_settings_free(&r);
}

static void
put_policy(const struct ctl *c, struct output *o, const struct settings *st, const char *domain)
{
	struct buf host;

	buf_init(&host, LIMIT_DOMAIN + 16);
	if (is_ours(c, domain)) {
		row(o, "route", "a domain of this server: its mailboxes");
	} else {
		(void)route_find(st, span_of(domain), &host);
		put_route(o, st, domain, buf_view(&host));
	}
	buf_free(&host);
}

/* Plain words for the last failure, unless something got there since. */
static const char *
meaning_of(const char *text)
{
	struct verdict v;

	return verdict_parse(span_of(text), &v) ? status_words(span_of(v.status)) : NULL;
}

static void
put_history(struct output *o, const struct dest *d)
{
	const char *words = d->failure.when[0] != '\0' ? d->failure.text : d->waiting_text;
	const char *meaning = meaning_of(words);

	row(o, "lastSuccess", d->success.when);
	row(o, "lastSuccessHost", d->success.host);
	row(o, "lastFailure", d->failure.when);
	row(o, "lastFailureHost", d->failure.host);
	row(o, "lastWords", words);
	row(o, "meaning", meaning != NULL ? meaning : "");
	if (d->failure.when[0] != '\0')
		row(o, "state", strcmp(d->success.when, d->failure.when) > 0 ? "the last attempt succeeded" :
			"the last attempt failed");
	else if (d->success.when[0] != '\0')
		row(o, "state", "the last attempt succeeded");
	else
		row(o, "state", "the logs know of no attempt");
}

static void
put_queue(struct output *o, const struct dest *d)
{
	char text[QUEUE_TIME_MAX];

	row_num(o, "messages", d->messages);
	row_num(o, "recipients", d->recipients);
	if (d->messages == 0)
		return;
	row_num(o, "held", d->held);
	row_num(o, "attempts", d->attempts);
	queue_time_text(d->oldest, text);
	row(o, "oldest", text);
	queue_time_text(d->next, text);
	row(o, "next", text);
	if (d->window == 0)
		return;
	row_num(o, "deliveries", d->jobs);
	row_num(o, "deliveriesMax", d->window);
	queue_time_text(d->rests, text);
	row(o, "restsUntil", text);
}

int
cmd_dest(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "field", "value", NULL };
	const char *days_text = "7";
	const struct arg_option options[] = { { "--days", &days_text, NULL } };
	char domain[LIMIT_DOMAIN + 1];
	struct dest d = { .domain = domain };
	struct settings *st;
	struct output *o;
	unsigned days;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, 1) || !logs_days(days_text, &days))
		return EXIT_USAGE;
	code = domain_name(a.item[0], domain);
	if (code != EXIT_DONE)
		return code;
	code = count_queue(c, &d);
	if (code == EXIT_DONE)
		code = ask_scheduler(c, &d);
	if (code == EXIT_DONE)
		code = logs_each(c, days, "delivery", on_line, &d);
	if (code != EXIT_DONE)
		return code;
	st = ctl_server_settings(c);
	if (st == NULL)
		return EXIT_REFUSED;
	o = output_begin(c, columns);
	row(o, "domain", domain);
	put_policy(c, o, st, domain);
	put_queue(o, &d);
	put_history(o, &d);
	output_end(&o);
	settings_free(&st);
	return EXIT_DONE;
}
