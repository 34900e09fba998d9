/*
 * cmd_greylist: what greylist-check did and remembers.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "net/addr.h"
#include "output.h"

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

/* STATE FIRST LAST EXPIRES ORIGIN <SENDER> <RECIPIENT>; blanks in addresses may be quoted there. */
static void
add_row(struct output *o, struct span words)
{
	char state[16], first[32], last[32], expires[32], origin[LIMIT_DOMAIN + 1], about[2 * LIMIT_ADDRESS * 4];

	copy_word(&words, state, sizeof(state));
	print_time(span_word(&words), first, sizeof(first));
	print_time(span_word(&words), last, sizeof(last));
	print_time(span_word(&words), expires, sizeof(expires));
	copy_word(&words, origin, sizeof(origin));
	snprintf(about, sizeof(about), "%.*s", SPAN_ARG(span_first(span_trim(words), sizeof(about) - 1)));
	output_row(o, state, first, last, expires, origin, about);
}

/* The filter that list and delete share; what was not given is NULL. */
struct filter {
	const char *state, *network, *sender, *recipient, *party;
};

static void
add_filter(struct buf *request, const struct filter *f)
{
	if (f->state != NULL)
		record_add_text(request, "state", f->state);
	if (f->network != NULL)
		record_add_text(request, "network", f->network);
	if (f->sender != NULL)
		record_add_text(request, "sender", f->sender);
	if (f->recipient != NULL)
		record_add_text(request, "recipient", f->recipient);
	if (f->party != NULL)
		record_add_text(request, "party", f->party);
}

static bool
state_is_known(const char *state)
{
	return state == NULL || strcmp(state, "waiting") == 0 || strcmp(state, "passed") == 0
		|| strcmp(state, "known") == 0;
}

/* One page of a walk; *from is where the next one begins, empty after the last. */
static int
ask_page(const struct ctl *c, const char *verb, const struct filter *f, bool all, struct buf *from,
	struct record *reply)
{
	struct buf request;
	int code;

	buf_init(&request, 8192);
	record_begin(&request, verb);
	add_filter(&request, f);
	if (all)
		record_add_num(&request, "all", 1);
	if (from->n > 0)
		record_add(&request, "from", buf_view(from));
	code = ctl_call_greylist(c, &request, reply);
	buf_free(&request);
	if (code != EXIT_DONE)
		return code;
	buf_clear(from);
	buf_span(from, record_get(reply, "next"));
	return EXIT_DONE;
}

/* Rows of all pages, at most max (0: all). */
static int
list_rows(const struct ctl *c, const struct filter *f, uint64_t max, struct output *o,
	void (*add)(struct output *o, struct span record))
{
	struct record reply;
	struct buf from;
	uint64_t rows = 0;
	int code;

	buf_init(&from, 2048);
	do {
		struct span record;

		code = ask_page(c, "list", f, false, &from, &reply);
		if (code != EXIT_DONE)
			break;
		for (size_t i = 0; (record = record_get_nth(&reply, "record", i)).p != NULL && (max == 0 || rows < max); i++) {
			add(o, record);
			rows++;
		}
		record_free(&reply);
	} while (from.n > 0 && (max == 0 || rows < max));
	buf_free(&from);
	return code;
}

int
cmd_greylist_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "state", "first", "last", "expires", "origin", "sender-recipient", NULL };
	struct filter f = { .state = NULL };
	const char *most = "100";
	const struct arg_option options[] = { { "--state", &f.state, NULL }, { "--network", &f.network, NULL },
		{ "--sender", &f.sender, NULL }, { "--recipient", &f.recipient, NULL }, { "--max", &most, NULL } };
	struct output *o;
	struct args a;
	uint64_t max;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 0) || !state_is_known(f.state)
	    || !num_parse(span_of(most), UINT64_MAX, &max))
		return EXIT_USAGE;
	o = output_begin(c, columns);
	code = list_rows(c, &f, max, o, add_row);
	output_end(&o);
	return code;
}

/* -- stats ------------------------------------------------------------------ */

static uint64_t
number_of(const struct record *reply, const char *key)
{
	uint64_t n;

	return record_get_num(reply, key, UINT64_MAX, &n) ? n : 0;
}

/* Of the contacts whose end is known, the share that never came back (GREY-17). */
static void
print_share(uint64_t back, uint64_t gave_up, char *out, size_t size)
{
	if (back + gave_up == 0)
		snprintf(out, size, "-");
	else
		snprintf(out, size, "%.1f%%", (double)gave_up * 100 / (double)(back + gave_up));
}

int
cmd_greylist_stats(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "refused#", "passed#", "skipped#", "first-contacts#", "came-back#",
		"gave-up#", "waiting#", "records-passed#", "blocked", NULL };
	static const char *const keys[] = { "delayed", "passed", "skipped", "first", "back", "gave-up", "waiting", "good" };
	char text[PB_COUNT(keys)][24], blocked[16];
	const char *row[PB_COUNT(keys) + 1];
	struct buf request;
	struct record reply;
	struct output *o;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	buf_init(&request, 64);
	record_begin(&request, "stats");
	code = ctl_call_greylist(c, &request, &reply);
	buf_free(&request);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < PB_COUNT(keys); i++) {
		snprintf(text[i], sizeof(text[i]), "%llu", (unsigned long long)number_of(&reply, keys[i]));
		row[i] = text[i];
	}
	print_share(number_of(&reply, "back"), number_of(&reply, "gave-up"), blocked, sizeof(blocked));
	row[PB_COUNT(keys)] = blocked;
	record_free(&reply);
	o = output_begin(c, columns);
	output_row_array(o, row);
	output_end(&o);
	return EXIT_DONE;
}

/* -- delete ----------------------------------------------------------------- */

static int
delete_pages(const struct ctl *c, const struct filter *f, bool all)
{
	struct record reply;
	struct buf from;
	uint64_t deleted = 0;
	int code;

	buf_init(&from, 2048);
	do {
		code = ask_page(c, "delete", f, all, &from, &reply);
		if (code != EXIT_DONE)
			break;
		deleted += number_of(&reply, "deleted");
		record_free(&reply);
	} while (from.n > 0);
	buf_free(&from);
	ctl_say(c, "%llu records deleted", (unsigned long long)deleted);
	return code;
}

static int
delete_delivery(const struct ctl *c, char **item)
{
	struct buf request;
	struct record reply;
	int code;

	buf_init(&request, 4096);
	record_begin(&request, "delete");
	record_add_text(&request, "ip", item[0]);
	record_add_text(&request, "sender", item[1]);
	record_add_text(&request, "recipient", item[2]);
	code = ctl_call_greylist(c, &request, &reply);
	buf_free(&request);
	if (code == EXIT_DONE)
		record_free(&reply);
	return code;
}

int
cmd_greylist_delete(struct ctl *c, int argc, char **argv)
{
	struct filter f = { .state = NULL };
	bool all = false, filtered;
	const struct arg_option options[] = { { "--all", NULL, &all }, { "--state", &f.state, NULL },
		{ "--network", &f.network, NULL }, { "--sender", &f.sender, NULL }, { "--recipient", &f.recipient, NULL } };
	struct args a;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 3) || !state_is_known(f.state))
		return EXIT_USAGE;
	filtered = f.state != NULL || f.network != NULL || f.sender != NULL || f.recipient != NULL;
	if (a.count == 3 && !all && !filtered)
		return delete_delivery(c, a.item);
	if (a.count != 0 || all == filtered)
		return EXIT_USAGE;
	return delete_pages(c, &f, all);
}

/* -- why -------------------------------------------------------------------- */

/* A value is one word: blanks in it are \x20. */
static void
show_blanks(char *text)
{
	char *from = text, *to = text;

	while (*from != '\0') {
		if (strncmp(from, "\\x20", 4) == 0) {
			*to++ = ' ';
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* "NAME VALUE WEIGHT TOTAL" */
static void
add_step(struct output *o, struct span words)
{
	char name[64], value[4 * LIMIT_ADDRESS], weight[16], total[16];

	copy_word(&words, name, sizeof(name));
	copy_word(&words, value, sizeof(value));
	copy_word(&words, weight, sizeof(weight));
	copy_word(&words, total, sizeof(total));
	show_blanks(value);
	output_row(o, name, value, weight, total);
}

static void
add_note(struct output *o, const char *name, const char *fmt, ...) PB_PRINTF(3, 4);

static void
add_note(struct output *o, const char *name, const char *fmt, ...)
{
	char text[4 * LIMIT_ADDRESS + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	output_row(o, name, text, "0", "");
}

/* STATE FIRST LAST EXPIRES ORIGIN [<SENDER> <RECIPIENT>] */
static void
add_record(struct output *o, struct span words)
{
	char state[16], first[32], last[32], expires[32];

	copy_word(&words, state, sizeof(state));
	print_time(span_word(&words), first, sizeof(first));
	print_time(span_word(&words), last, sizeof(last));
	print_time(span_word(&words), expires, sizeof(expires));
	add_note(o, "record", "%s, first %s, last %s, until %s: %.*s", state, first, last, expires,
		SPAN_ARG(span_first(span_trim(words), 4 * LIMIT_ADDRESS)));
}

static void
add_verdict(struct output *o, const struct record *reply)
{
	char when[32];
	struct span verdict = record_get(reply, "verdict");

	if (number_of(reply, "gateway") == 1)
		add_note(o, "gateway", "an own gateway: its mail is judged by the server it had it from");
	if (record_get(reply, "earliest").p != NULL) {
		print_time(record_get(reply, "earliest"), when, sizeof(when));
		add_note(o, "verdict", "later: %.*s, a retry is taken from %s",
			SPAN_ARG(span_first(record_get(reply, "reply"), sizeof("451 4.7.1") - 1)), when);
	} else if (span_is(verdict, "later")) {
		add_note(o, "verdict", "later: a first contact gets 451 4.7.1");
	} else {
		add_note(o, "verdict", "%.*s", SPAN_ARG(span_first(verdict, 16)));
	}
}

static int
ask_why(const struct ctl *c, const struct args *a, const char *helo, bool is_ip, struct record *reply)
{
	struct buf request;
	int code;

	buf_init(&request, 8192);
	record_begin(&request, "why");
	record_add_text(&request, a->count == 1 && !is_ip ? "address" : "ip", a->item[0]);
	if (a->count == 3) {
		record_add_text(&request, "sender", a->item[1]);
		record_add_text(&request, "recipient", a->item[2]);
	}
	if (helo != NULL)
		record_add_text(&request, "helo", helo);
	code = ctl_call_greylist(c, &request, reply);
	buf_free(&request);
	return code;
}

int
cmd_greylist_why(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "name", "value", "weight#", "total", NULL };
	const char *helo = NULL;
	const struct arg_option options[] = { { "--helo", &helo, NULL } };
	struct filter f = { .state = NULL };
	struct record reply;
	struct output *o;
	struct span record;
	struct args a;
	struct addr ip;
	bool is_ip;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, 3) || a.count == 2)
		return EXIT_USAGE;
	is_ip = addr_parse(span_of(a.item[0]), &ip);
	code = ask_why(c, &a, helo, is_ip, &reply);
	if (code != EXIT_DONE)
		return code;
	o = output_begin(c, columns);
	for (size_t i = 0; record_get_nth(&reply, "step", i).p != NULL; i++)
		add_step(o, record_get_nth(&reply, "step", i));
	for (size_t i = 0; (record = record_get_nth(&reply, "record", i)).p != NULL; i++)
		add_record(o, record);
	if (a.count == 1) {
		*(is_ip ? &f.network : &f.party) = a.item[0];
		code = list_rows(c, &f, 100, o, add_record);
	}
	add_verdict(o, &reply);
	record_free(&reply);
	output_end(&o);
	return code;
}
