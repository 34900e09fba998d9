/*
 * cmd_expect: a user who waits for mail, such as a log-in code, gets it without
 * greylisting until a stated time.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "output.h"

/* "90", "90s", "15m", "2h" in seconds. */
static bool
parse_span_of_time(const char *text, uint64_t *seconds_out)
{
	struct span s = span_of(text);
	uint64_t unit = 1;

	if (s.n > 1 && !char_is_digit(s.p[s.n - 1])) {
		char c = s.p[s.n - 1];

		if (c != 's' && c != 'm' && c != 'h')
			return false;
		unit = c == 'h' ? 3600 : c == 'm' ? 60 : 1;
		s = span_first(s, s.n - 1);
	}
	if (!num_parse(s, LIMIT_EXPECT_SECONDS, seconds_out))
		return false;
	*seconds_out *= unit;
	return *seconds_out > 0 && *seconds_out <= LIMIT_EXPECT_SECONDS;
}

/* "UNTIL MAILBOX" */
static void
add_row(struct output *o, struct span words)
{
	char until[32] = "", user[LIMIT_ADDRESS + 1];
	uint64_t seconds = 0;
	struct tm tm;
	time_t t;

	if (num_parse(span_word(&words), INT64_MAX, &seconds)) {
		t = (time_t)seconds;
		if (localtime_r(&t, &tm) != NULL)
			strftime(until, sizeof(until), "%Y-%m-%d %H:%M:%S", &tm);
	}
	snprintf(user, sizeof(user), "%.*s", SPAN_ARG(span_first(span_trim(words), LIMIT_ADDRESS)));
	output_row(o, user, until);
}

int
cmd_expect(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "user", "until", NULL };
	const char *how_long = "15m";
	bool end = false;
	const struct arg_option options[] = { { "--for", &how_long, NULL }, { "--end", NULL, &end } };
	struct buf request;
	struct record reply;
	struct output *o;
	struct args a;
	uint64_t seconds;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 1) || (end && a.count == 0))
		return EXIT_USAGE;
	if (!parse_span_of_time(how_long, &seconds))
		return ctl_fail(EXIT_USAGE, "--for takes a time such as 90s, 15m or 2h, at most %dh",
			LIMIT_EXPECT_SECONDS / 3600);
	buf_init(&request, 4096);
	record_begin(&request, "expect");
	if (a.count > 0)
		record_add_text(&request, end ? "end" : "user", a.item[0]);
	if (a.count > 0 && !end)
		record_add_num(&request, "seconds", seconds);
	code = ctl_call_greylist(c, &request, &reply);
	buf_free(&request);
	if (code != EXIT_DONE)
		return code;
	if (!end) {
		o = output_begin(c, columns);
		for (size_t i = 0; record_get_nth(&reply, "user", i).p != NULL; i++)
			add_row(o, record_get_nth(&reply, "user", i));
		output_end(&o);
	}
	record_free(&reply);
	return EXIT_DONE;
}
