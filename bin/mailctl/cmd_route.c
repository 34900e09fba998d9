/*
 * cmd_route: route show: which way would a message to this address go, and why?
 *
 * auth-check says what the address stands for, remote-send (question.h) which
 * way each target goes and to which hosts, with the gateways in the order of
 * their turns.  Without remote-send the settings alone are asked, by the same
 * decision (policy/route.h); what DNS says is then not known.
 */
#include "base/base.h"
#include "commands.h"
#include <sys/socket.h>
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/gateway.h"
#include "config/route.h"
#include "directory/directory.h"
#include "net/connect.h"
#include "output.h"
#include "route_settings.h"

struct show {
	struct ctl *c;
	struct settings *settings;
	struct output *out;
	uint64_t priority;
};

static void
row(const struct show *s, const char *address, const char *what, struct span value)
{
	char text[2048];

	snprintf(text, sizeof(text), "%.*s", SPAN_ARG(span_first(value, sizeof(text) - 1)));
	output_row(s->out, address, what, text);
}

static struct span
domain_of(struct span address)
{
	return span_from(address, (size_t)(span_rfind(address, '@') + 1));
}

/* -- without remote-send ---------------------------------------------------------------- */

static void
show_gateways(const struct show *s, const char *address, const size_t *match, size_t matches)
{
	for (size_t i = 0; i < matches; i++) {
		struct gateway_server g;
		char text[700];

		gateway_server_get(s->settings, match[i], &g);
		snprintf(text, sizeof(text), "%s port %u%s%s", g.address, (unsigned)g.port, g.user[0] != '\0' ? " as " : "",
			g.user);
		row(s, address, "gateway", span_of(text));
	}
}

static void
show_lines(const struct show *s, const char *address, struct span lines)
{
	while (lines.p != NULL && lines.n > 0)
		row(s, address, "why", span_cut(&lines, '\n'));
}

static void
show_by_settings(const struct show *s, const char *address, struct span host)
{
	struct route_settings r;

	route_settings(s->settings, host, (uint32_t)s->priority, &r);
	row(s, address, "way", span_of(policy_way_name(r.way)));
	show_lines(s, address, buf_view(&r.why));
	if (host.n > 0)
		row(s, address, "server", host);
	show_gateways(s, address, r.gateway, r.gateways);
	row(s, address, "note", SPAN("remote-send does not run: what DNS says of the domain is not known"));
	route_settings_free(&r);
}

/* -- by remote-send ------------------------------------------------------------------------ */

/* "PREFERENCE IP PORT HOST" */
static void
show_target(const struct show *s, const char *address, struct span value)
{
	struct span preference = span_word(&value), ip = span_word(&value), port = span_word(&value);
	char text[512];

	snprintf(text, sizeof(text), "%.*s %.*s %.*s port %.*s", SPAN_ARG(preference), SPAN_ARG(span_trim(value)),
		SPAN_ARG(ip), SPAN_ARG(port));
	row(s, address, "host", span_of(text));
}

/* "PREFERENCE ADDRESS PORT QUEUE USER" */
static void
show_gateway(const struct show *s, const char *address, struct span value)
{
	struct span preference = span_word(&value), host = span_word(&value), port = span_word(&value);
	struct span queue = span_word(&value), user = span_trim(value);
	char text[1024];

	snprintf(text, sizeof(text), "%.*s %.*s port %.*s%s%.*s%s%.*s", SPAN_ARG(preference), SPAN_ARG(host), SPAN_ARG(port),
		span_is(queue, "-") ? "" : " queue ", span_is(queue, "-") ? 0 : (int)queue.n, queue.p, span_is(user, "-") ? "" : " as ", span_is(user, "-") ? 0 : (int)user.n, user.p);
	row(s, address, "gateway", span_of(text));
}

static void
show_answer(const struct show *s, const char *address, const struct record *r)
{
	row(s, address, "way", record_get(r, "way"));
	for (size_t i = 0; i < r->count; i++) {
		const struct record_field *f = &r->fields[i];

		if (span_is(f->key, "why"))
			row(s, address, "why", f->value);
		else if (span_is(f->key, "gateway"))
			show_gateway(s, address, f->value);
		else if (span_is(f->key, "target"))
			show_target(s, address, f->value);
		else if (span_is(f->key, "failed"))
			row(s, address, "failed", f->value);
	}
}

static int
show_remote(const struct show *s, const char *address)
{
	struct span domain = domain_of(span_of(address));
	struct record reply;
	struct buf request, host;
	int code;

	buf_init(&request, LIMIT_RECORD);
	buf_init(&host, LIMIT_DOMAIN + 16);
	record_begin(&request, "route");
	record_add_num(&request, "job", 1);
	record_add(&request, "domain", domain);
	if (route_find(s->settings, domain, &host))
		record_add(&request, "host", buf_view(&host));
	record_add_num(&request, "priority", s->priority);
	code = ctl_call(s->c, "run/pub/send", &request, true, &reply);
	if (code == EXIT_DONE) {
		show_answer(s, address, &reply);
		record_free(&reply);
	} else if (code == EXIT_TRY_LATER) {
		show_by_settings(s, address, buf_view(&host));
		code = EXIT_DONE;
	}
	buf_free(&host);
	buf_free(&request);
	return code;
}

/* -- what the address stands for --------------------------------------------------------------- */

static int
show_targets(const struct show *s, const struct directory_targets *t)
{
	int code = EXIT_DONE;

	for (size_t i = 0; i < t->count && code == EXIT_DONE; i++)
		if (t->at[i].is_mailbox)
			row(s, t->at[i].address, "way", SPAN("mailbox"));
		else if (t->at[i].is_held)
			row(s, t->at[i].address, "way", SPAN("held"));
		else
			code = show_remote(s, t->at[i].address);
	return code;
}

static int
show_refused(const struct show *s, const char *address, const struct directory_targets *t)
{
	char text[VERDICT_TEXT_MAX + 32];

	if (t->is_held) {
		row(s, address, "way", SPAN("held"));
		return EXIT_DONE;
	}
	verdict_print(&t->verdict, text, sizeof(text));
	row(s, address, "failed", span_of(text));
	return EXIT_DONE;
}

static int
show(const struct show *s, const char *address)
{
	struct directory_targets t;
	char path[INSTANCE_PATH_MAX];
	int code, fd = connect_unix(instance_path(&s->c->instance, path, "run/pub/lookup"), SOCK_STREAM);
	struct directory *d;
	enum rcpt_kind kind;

	if (fd < 0)
		return ctl_fail(EXIT_TRY_LATER, "the server does not run: what %s stands for is not known", address);
	d = directory_new(fd, -1);
	kind = directory_expand(d, span_of(address), &t);
	if (kind == RCPT_TROUBLE)
		code = ctl_fail(EXIT_TRY_LATER, "auth-check does not answer");
	else if (kind == RCPT_FOREIGN)
		code = show_remote(s, address);
	else if (kind == RCPT_REFUSED)
		code = show_refused(s, address, &t);
	else
		code = show_targets(s, &t);
	directory_targets_free(&t);
	directory_free(&d);
	return code;
}

int
cmd_route_show(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "address", "what", "value", NULL };
	const char *priority = "5";
	const struct arg_option options[] = { { "--priority", &priority, NULL } };
	struct show s = { .c = c };
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, 1))
		return EXIT_USAGE;
	if (!num_parse(span_of(priority), 10, &s.priority) || s.priority == 0)
		return ctl_fail(EXIT_USAGE, "a priority is 1 to 10");
	if (strchr(a.item[0], '@') == NULL)
		return ctl_fail(EXIT_USAGE, "%s: an address is USER@DOMAIN", a.item[0]);
	s.settings = ctl_server_settings(c);
	if (s.settings == NULL)
		return EXIT_REFUSED;
	s.out = output_begin(c, columns);
	code = show(&s, a.item[0]);
	output_end(&s.out);
	settings_free(&s.settings);
	return code;
}
