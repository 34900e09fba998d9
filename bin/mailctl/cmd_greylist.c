/*
 * cmd_greylist: what greylist-check did and remembers.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "output.h"

#define SOCKET "run/pub/greylist-control"

static void
print_time(struct span seconds, char *out, size_t size)
{
	uint64_t n = 0;
	struct tm tm;
	time_t t;

	out[0] = '\0';
	if (!num_parse(seconds, INT64_MAX, &n))
		return;
	t = (time_t)n;
	if (localtime_r(&t, &tm) != NULL)
		strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
}

static void
copy_word(struct span *words, char *out, size_t size)
{
	struct span word = span_first(span_word(words), size - 1);

	snprintf(out, size, "%.*s", SPAN_ARG(word));
}

/* STATE SINCE EXPIRES NETWORK <SENDER> <RECIPIENT>; a blank in an address may be quoted there. */
static void
add_row(struct output *o, struct span words)
{
	char state[16], since[32], expires[32], network[64], about[2 * LIMIT_ADDRESS * 4];

	copy_word(&words, state, sizeof(state));
	print_time(span_word(&words), since, sizeof(since));
	print_time(span_word(&words), expires, sizeof(expires));
	copy_word(&words, network, sizeof(network));
	snprintf(about, sizeof(about), "%.*s", SPAN_ARG(span_first(span_trim(words), sizeof(about) - 1)));
	output_row(o, state, since, expires, network, about);
}

/* One page of the list; *from is where the next one begins, empty after the last. */
static int
ask_page(const struct ctl *c, struct buf *from, struct output *o)
{
	struct buf request;
	struct record reply;
	int code;

	buf_init(&request, 2048);
	record_begin(&request, "list");
	if (from->n > 0)
		record_add(&request, "from", buf_view(from));
	code = ctl_call(c, SOCKET, &request, false, &reply);
	buf_free(&request);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; record_get_nth(&reply, "record", i).p != NULL; i++)
		add_row(o, record_get_nth(&reply, "record", i));
	buf_clear(from);
	buf_span(from, record_get(&reply, "next"));
	record_free(&reply);
	return EXIT_DONE;
}

int
cmd_greylist_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "state", "since", "expires", "network", "sender-recipient", NULL };
	struct output *o;
	struct buf from;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	o = output_begin(c, columns);
	buf_init(&from, 2048);
	do
		code = ask_page(c, &from, o);
	while (code == EXIT_DONE && from.n > 0);
	buf_free(&from);
	output_end(&o);
	return code;
}

int
cmd_greylist_stats(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "delayed#", "passed#", "skipped#", NULL };
	char text[3][24];
	struct buf request;
	struct record reply;
	struct output *o;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	buf_init(&request, 64);
	record_begin(&request, "stats");
	code = ctl_call(c, SOCKET, &request, false, &reply);
	buf_free(&request);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < PB_COUNT(text); i++) {
		struct span name = span_first(span_of(columns[i]), strlen(columns[i]) - 1);
		char key[16];
		uint64_t n = 0;

		snprintf(key, sizeof(key), "%.*s", SPAN_ARG(name));
		if (!record_get_num(&reply, key, UINT64_MAX, &n))
			n = 0;
		snprintf(text[i], sizeof(text[i]), "%llu", (unsigned long long)n);
	}
	record_free(&reply);
	o = output_begin(c, columns);
	output_row(o, text[0], text[1], text[2]);
	output_end(&o);
	return EXIT_DONE;
}

int
cmd_greylist_delete(struct ctl *c, int argc, char **argv)
{
	bool all = false;
	const struct arg_option options[] = { { "--all", NULL, &all } };
	struct buf request;
	struct record reply;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 3) || (all ? a.count != 0 : a.count != 3))
		return EXIT_USAGE;
	buf_init(&request, 4096);
	record_begin(&request, "delete");
	if (all) {
		record_add_num(&request, "all", 1);
	} else {
		record_add_text(&request, "ip", a.item[0]);
		record_add_text(&request, "sender", a.item[1]);
		record_add_text(&request, "recipient", a.item[2]);
	}
	code = ctl_call(c, SOCKET, &request, false, &reply);
	buf_free(&request);
	if (code == EXIT_DONE)
		record_free(&reply);
	return code;
}
