/*
 * cmd_sessions: who is connected, and what auth-check is told by hand.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "output.h"

static const struct { const char *service, *socket; } listeners[] = {
	{ "smtp", "run/pub/ctl-smtp-listen" },
	{ "pop", "run/pub/ctl-pop3-serve" },
	{ "imap", "run/pub/ctl-imap-serve" },
};

/* pid listener ip ticket connected-ms in out user doing... */
static void
add_row(struct output *o, struct span words, bool only_users)
{
	char text[9][192], start[32] = "";
	struct span part;
	uint64_t ms = 0;
	struct tm tm;
	time_t t;

	for (size_t i = 0; i < 8; i++) {
		part = span_word(&words);
		snprintf(text[i], sizeof(text[i]), "%.*s", SPAN_ARG(span_first(part, 190)));
	}
	snprintf(text[8], sizeof(text[8]), "%.*s", SPAN_ARG(span_first(span_trim(words), 190)));
	if (only_users && strcmp(text[7], "-") == 0)
		return;
	if (num_parse(span_of(text[4]), INT64_MAX, &ms)) {
		t = (time_t)(ms / 1000);
		if (localtime_r(&t, &tm) != NULL)
			strftime(start, sizeof(start), "%Y-%m-%d %H:%M:%S", &tm);
	}
	output_row(o, text[0], text[1], text[2], text[3], start, text[5], text[6], text[7], text[8]);
}

static int
ask_listener(const struct ctl *c, const char *socket, struct output *o, bool only_users)
{
	uint64_t from = 0;
	bool more = true;

	while (more) {
		struct record reply;
		struct buf request;
		int code;

		buf_init(&request, 1024);
		record_begin(&request, "connections");
		record_add_num(&request, "from", from);
		code = ctl_call(c, socket, &request, true, &reply);
		buf_free(&request);
		if (code != EXIT_DONE)
			return code;
		for (size_t i = 0; record_get_nth(&reply, "connection", i).p != NULL; i++)
			add_row(o, record_get_nth(&reply, "connection", i), only_users);
		more = record_get_num(&reply, "next", UINT32_MAX, &from);
		record_free(&reply);
	}
	return EXIT_DONE;
}

static int
list(struct ctl *c, const char *service, bool only_users)
{
	static const char *const columns[] = { "pid#", "service", "ip", "session", "start", "in#", "out#",
		"user", "doing", NULL };
	struct output *o = output_begin(c, columns);
	bool known = false, answered = false;
	int code = EXIT_DONE;

	for (size_t i = 0; i < PB_COUNT(listeners); i++) {
		if (strcmp(service, "all") != 0 && strcmp(service, listeners[i].service) != 0)
			continue;
		known = true;
		code = ask_listener(c, listeners[i].socket, o, only_users);
		answered |= code == EXIT_DONE;
		if (code != EXIT_DONE && code != EXIT_TRY_LATER)
			break;
	}
	output_end(&o);
	if (!known)
		return ctl_fail(EXIT_USAGE, "%s is not smtp, pop, imap or all", service);
	if (code != EXIT_DONE && code != EXIT_TRY_LATER)
		return code;
	return answered ? EXIT_DONE : ctl_fail(EXIT_TRY_LATER, "the server does not run");
}

int
cmd_connections(struct ctl *c, int argc, char **argv)
{
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 1))
		return EXIT_USAGE;
	return list(c, a.count == 0 ? "all" : a.item[0], false);
}

int
cmd_sessions_list(struct ctl *c, int argc, char **argv)
{
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	return list(c, "all", true);
}

int
cmd_reindex(struct ctl *c, int argc, char **argv)
{
	struct record reply;
	struct buf request;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	buf_init(&request, 256);
	record_begin(&request, "reindex");
	code = ctl_call(c, "run/pub/auth-control", &request, false, &reply);
	buf_free(&request);
	if (code == EXIT_DONE)
		record_free(&reply);
	return code;
}
