/*
 * cmd_block: addresses that abuse-check blocks now.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "output.h"

#define SOCKET "run/pub/abuse-control"

static void
copy_word(struct span *words, char *out, size_t size)
{
	struct span word = span_first(span_word(words), size - 1);

	snprintf(out, size, "%.*s", SPAN_ARG(word));
}

/* "IP SECONDS-LEFT SERVICE..." */
static void
add_row(struct output *o, struct span words)
{
	char ip[64], left[24], services[64];

	copy_word(&words, ip, sizeof(ip));
	copy_word(&words, left, sizeof(left));
	snprintf(services, sizeof(services), "%.*s", SPAN_ARG(span_first(span_trim(words), sizeof(services) - 1)));
	output_row(o, ip, left, services);
}

/* One page of the list; *from is where the next one begins, empty after the last. */
static int
ask_page(const struct ctl *c, struct buf *from, struct output *o)
{
	struct buf request;
	struct record reply;
	int code;

	buf_init(&request, 1024);
	record_begin(&request, "list");
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

int
cmd_block_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "ip", "seconds-left#", "services", NULL };
	struct output *o;
	struct buf from;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	o = output_begin(c, columns);
	buf_init(&from, 512);
	do
		code = ask_page(c, &from, o);
	while (code == EXIT_DONE && from.n > 0);
	buf_free(&from);
	output_end(&o);
	return code;
}

int
cmd_block_delete(struct ctl *c, int argc, char **argv)
{
	int worst = EXIT_DONE;
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	for (size_t i = 0; i < a.count; i++) {
		struct record reply;
		struct buf request;
		int code;

		buf_init(&request, 1024);
		record_begin(&request, "lift");
		record_add_text(&request, "ip", a.item[i]);
		code = ctl_call(c, SOCKET, &request, false, &reply);
		buf_free(&request);
		if (code == EXIT_DONE)
			record_free(&reply);
		else
			worst = code;
	}
	return worst;
}
