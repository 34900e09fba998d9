/*
 * cmd_explain: what became of a message, a session or the mail of an address,
 * from the first connection to the mailbox, told from the logs.
 *
 * Mail that was refused never had an id; its ticket, which every refusal
 * carries, tells its story as well.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/num.h"
#include "output.h"
#include "queue.h"
#include "story.h"

#define SENTENCE_MAX 65536
#define SESSIONS_SHOWN 10

/* What two programs say in the same words is shown once. */
static void
print_lines(const struct story *s, const char *ticket)
{
	struct buf b, last;

	buf_init(&b, SENTENCE_MAX);
	buf_init(&last, SENTENCE_MAX);
	for (size_t i = 0; i < s->count; i++) {
		const struct story_line *l = &s->lines[i];

		if (ticket != NULL && strcmp(l->ticket, ticket) != 0)
			continue;
		buf_clear(&b);
		buf_printf(&b, "%.19s  %s%s", l->when, l->ip, l->ip[0] == '\0' ? "" : " ");
		story_say(l, &b);
		if (!span_eq(buf_view(&b), buf_view(&last)))
			puts(buf_text(&b));
		buf_clear(&last);
		buf_span(&last, buf_view(&b));
	}
	buf_free(&b);
	buf_free(&last);
}

static void
print_rows(const struct ctl *c, const struct story *s)
{
	static const char *const columns[] = { "time", "ip", "session", "words", "log", NULL };
	struct output *o = output_begin(c, columns);
	struct buf b;

	buf_init(&b, SENTENCE_MAX);
	for (size_t i = 0; i < s->count; i++) {
		const struct story_line *l = &s->lines[i];

		buf_clear(&b);
		story_say(l, &b);
		output_row(o, l->when, l->ip, l->ticket, buf_text(&b), l->text);
	}
	buf_free(&b);
	output_end(&o);
}

/* Tickets grow with time, so the last ones are the latest sessions. */
static void
print_sessions(const struct ctl *c, const struct story *s, bool all)
{
	size_t n = s->tickets.count, first = all || n <= SESSIONS_SHOWN ? 0 : n - SESSIONS_SHOWN;

	for (size_t i = first; i < n; i++) {
		printf("%sticket %s\n", i > first ? "\n" : "", s->tickets.at[i]);
		print_lines(s, s->tickets.at[i]);
	}
	if (first > 0)
		ctl_say(c, "%zu earlier sessions are left out; --all shows them", first);
}

/* Where each message is now. */
static int
print_state(const struct ctl *c, const struct story *s)
{
	int code = EXIT_DONE;

	for (size_t i = 0; i < s->ids.count && code == EXIT_DONE; i++) {
		struct queue_entry e;
		char next[QUEUE_TIME_MAX];
		uint64_t id;
		bool found = false;

		if (!num_parse(span_of(s->ids.at[i]), UINT64_MAX, &id))
			continue;
		code = queue_look(c, id, &e, &found);
		if (code != EXIT_DONE)
			break;
		if (!found) {
			ctl_say(c, "message %llu is not in the queue any more", (unsigned long long)id);
			continue;
		}
		queue_time_text(e.next, next);
		ctl_say(c, "message %llu is in the queue: %s after %llu attempts%s%s", (unsigned long long)id,
			e.status, (unsigned long long)e.attempts, next[0] == '\0' ? "" : ", next ", next);
	}
	return code;
}

int
cmd_explain(struct ctl *c, int argc, char **argv)
{
	const char *days_text = "7";
	bool all = false;
	const struct arg_option options[] = { { "--days", &days_text, NULL }, { "--all", NULL, &all } };
	enum story_key kind;
	struct story s;
	unsigned days;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, 1) || !logs_days(days_text, &days))
		return EXIT_USAGE;
	if (!story_key(a.item[0], &kind))
		return ctl_fail(EXIT_USAGE, "%s is no id, ticket, <Message-ID> or address", a.item[0]);
	code = story_read(c, a.item[0], kind, days, &s);
	if (code == EXIT_DONE && s.count == 0)
		code = ctl_fail(EXIT_NO_OBJECT, "the logs of the last %u days know nothing of %s", days, a.item[0]);
	if (code == EXIT_DONE && c->format != CTL_TEXT) {
		print_rows(c, &s);
	} else if (code == EXIT_DONE) {
		if (kind == STORY_ADDRESS)
			print_sessions(c, &s, all);
		else
			print_lines(&s, NULL);
		code = kind == STORY_ADDRESS ? EXIT_DONE : print_state(c, &s);
	}
	story_free(&s);
	return code;
}
