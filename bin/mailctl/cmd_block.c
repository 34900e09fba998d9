/*
 * cmd_block: addresses that abuse-check blocks now.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "output.h"

#define SOCKET "run/pub/abuse-control"

static const char *const columns[] = { "ip", "service", "seconds-left#", "reason", NULL };

static void
copy_word(struct span *words, char *out, size_t size)
{
	struct span word = span_first(span_word(words), size - 1);

	snprintf(out, size, "%.*s", SPAN_ARG(word));
}

/* "IP SERVICE SECONDS-LEFT REASON" */
static void
add_row(struct output *o, struct span words)
{
	char ip[64], service[16], left[24], reason[256];

	copy_word(&words, ip, sizeof(ip));
	copy_word(&words, service, sizeof(service));
	copy_word(&words, left, sizeof(left));
	snprintf(reason, sizeof(reason), "%.*s", SPAN_ARG(span_first(span_trim(words), sizeof(reason) - 1)));
	output_row(o, ip, service, left, reason);
}

/* One page of the list; *from is where the next one begins, empty after the last.  of: NULL for all. */
static int
ask_page(const struct ctl *c, const char *of, struct buf *from, struct output *o)
{
	struct buf request;
	struct record reply;
	int code;

	buf_init(&request, 1024);
	record_begin(&request, "list");
	if (of != NULL)
		record_add_text(&request, "ip", of);
	if (from->n > 0)
		record_add(&request, "from", buf_view(from));
	code = ctl_call(c, SOCKET, &request, false, &reply);
	buf_free(&request);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; record_get_nth(&reply, "block", i).p != NULL; i++)
		add_row(o, record_get_nth(&reply, "block", i));
	buf_clear(from);
	buf_span(from, record_get(&reply, "next"));
	record_free(&reply);
	return EXIT_DONE;
}

static int
list(const struct ctl *c, const char *of, struct output *o)
{
	struct buf from;
	int code;

	buf_init(&from, 512);
	do
		code = ask_page(c, of, &from, o);
	while (code == EXIT_DONE && from.n > 0);
	buf_free(&from);
	return code;
}

int
cmd_block_list(struct ctl *c, int argc, char **argv)
{
	struct output *o;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	o = output_begin(c, columns);
	code = list(c, NULL, o);
	output_end(&o);
	return code;
}

int
cmd_block_show(struct ctl *c, int argc, char **argv)
{
	int worst = EXIT_DONE;
	struct output *o;
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	o = output_begin(c, columns);
	for (size_t i = 0; i < a.count; i++) {
		size_t before = output_rows(o);
		int code = list(c, a.item[i], o);

		if (code == EXIT_DONE && output_rows(o) == before)
			code = ctl_fail(EXIT_NO_OBJECT, "%s is not blocked", a.item[i]);
		if (code != EXIT_DONE)
			worst = code;
	}
	output_end(&o);
	return worst;
}

struct change {
	const char *verb, *service, *minutes, *reason;	/* the last two for `add` only, else NULL */
};

static int
change_one(const struct ctl *c, const struct change *what, const char *ip)
{
	struct record reply;
	struct buf request;
	int code;

	buf_init(&request, 4096);
	record_begin(&request, what->verb);
	record_add_text(&request, "ip", ip);
	record_add_text(&request, "service", what->service);
	if (what->minutes != NULL)
		record_add_text(&request, "minutes", what->minutes);
	if (what->reason != NULL)
		record_add_text(&request, "reason", what->reason);
	code = request.overflow ? ctl_fail(EXIT_USAGE, "the reason is too long") :
		ctl_call(c, SOCKET, &request, false, &reply);
	buf_free(&request);
	if (code == EXIT_DONE)
		record_free(&reply);
	return code;
}

static int
change_all(const struct ctl *c, const struct change *what, const struct args *a)
{
	int worst = EXIT_DONE;

	for (size_t i = 0; i < a->count; i++) {
		int code = change_one(c, what, a->item[i]);

		if (code != EXIT_DONE)
			worst = code;
	}
	return worst;
}

int
cmd_block_add(struct ctl *c, int argc, char **argv)
{
	struct change what = { "add", "all", "30", "administrator" };
	const struct arg_option options[] = {
		{ "--minutes", &what.minutes, NULL }, { "--service", &what.service, NULL },
		{ "--reason", &what.reason, NULL },
	};
	struct args a;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, ARGS_MAX))
		return EXIT_USAGE;
	return change_all(c, &what, &a);
}

int
cmd_block_delete(struct ctl *c, int argc, char **argv)
{
	struct change what = { "lift", "all", NULL, NULL };
	const struct arg_option options[] = { { "--service", &what.service, NULL } };
	struct args a;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, ARGS_MAX))
		return EXIT_USAGE;
	return change_all(c, &what, &a);
}
