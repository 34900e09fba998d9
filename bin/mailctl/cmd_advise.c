/*
 * cmd_advise: what an administrator should look at.
 *
 * So far the addresses that send without a log-in (smtpAuthBypass): each with
 * the messages that came from it, since a weak web form on such a host spams
 * unhindered.  The figures are of the log files that are still there.
 */
#include "base/base.h"
#include "commands.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "net/addr.h"
#include "output.h"
#include "sys/file.h"

#define SECONDS_OF_DAY 86400
#define DAYS_MAX 3660

struct entry {
	char text[2 * ADDR_TEXT_MAX];	/* as the setting has it */
	struct addr_range range;
	uint64_t messages;
	char last[16];			/* day of the last message; "" for none */
};

struct advice {
	struct entry *entries;
	size_t count;
	char first_day[16];
};

static void
add_entry(struct advice *a, const struct settings *s, size_t i)
{
	const char *ip = settings_entry(s, "smtpAuthBypass/entry", i, "ip");
	const char *from = settings_entry(s, "smtpAuthBypass/entry", i, "ipFrom");
	const char *to = settings_entry(s, "smtpAuthBypass/entry", i, "ipTo");
	struct entry *e = &a->entries[a->count];

	if (ip[0] != '\0')
		snprintf(e->text, sizeof(e->text), "%s", ip);
	else
		snprintf(e->text, sizeof(e->text), "%s-%s", from, to);
	a->count += addr_range_parse(span_of(e->text), &e->range);
}

/* "HH:MM:SS.mmm [ip][session] event=queued id=N from=... size=N rcpts=N ms=N": said once for each message taken. */
static bool
is_acceptance(struct span text)
{
	static const char *const events[] = { "event=delivered id=", "event=queued id=", "event=quarantined id=" };

	for (size_t i = 0; i < PB_COUNT(events); i++)
		if (span_starts(text, span_of(events[i])))
			return span_search(text, SPAN(" rcpts=")) > 0;
	return false;
}

static void
count_line(struct advice *a, const char *day, struct span line)
{
	struct span rest = line, ip;
	struct addr from;

	span_word(&rest);
	rest = span_trim(rest);
	if (rest.n == 0 || rest.p[0] != '[')
		return;
	rest = span_from(rest, 1);
	ip = span_cut(&rest, ']');
	span_cut(&rest, ']');
	if (rest.p == NULL || !is_acceptance(span_trim(rest)) || !addr_parse(ip, &from))
		return;
	for (size_t i = 0; i < a->count; i++)
		if (addr_in_range(&from, &a->entries[i].range)) {
			a->entries[i].messages++;
			snprintf(a->entries[i].last, sizeof(a->entries[i].last), "%s", day);
		}
}

static int
count_file(struct advice *a, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL, day[16];
	size_t cap = 0;
	ssize_t n;

	if (f == NULL)
		return ctl_fail(ctl_code_of_errno(errno), "log/%s: %s", name, strerror(errno));
	snprintf(day, sizeof(day), "%.10s", name);
	while ((n = getline(&line, &cap, f)) > 0)
		count_line(a, day, span_trim(span_make(line, (size_t)n)));
	free(line);
	fclose(f);
	return EXIT_DONE;
}

static int
compare_entries(const struct dirent **x, const struct dirent **y)
{
	return strcmp((*x)->d_name, (*y)->d_name);
}

/* Names begin with the day, so they sort by it. */
static int
count_files(struct advice *a, int dirfd)
{
	struct dirent **names = NULL;
	int n = scandirat(dirfd, ".", &names, NULL, compare_entries), code = EXIT_DONE;

	if (n < 0)
		return ctl_fail(ctl_code_of_errno(errno), "log: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (code == EXIT_DONE && span_ends_nocase(span_of(name), SPAN("-delivery.log")) &&
		    strncmp(name, a->first_day, 10) >= 0)
			code = count_file(a, dirfd, name);
		free(names[i]);
	}
	free(names);
	return code;
}

static void
print(const struct ctl *c, const struct advice *a)
{
	static const char *const columns[] = { "setting", "entry", "messages#", "last", "advice", NULL };
	struct output *o = output_begin(c, columns);

	for (size_t i = 0; i < a->count; i++) {
		const struct entry *e = &a->entries[i];
		char messages[24];

		snprintf(messages, sizeof(messages), "%llu", (unsigned long long)e->messages);
		output_row(o, "smtpAuthBypass", e->text, messages, e->last,
			e->messages == 0 ? "nothing came from it: remove it" :
			"sends without a log-in: make sure that all of this is wanted");
	}
	output_end(&o);
}

int
cmd_advise(struct ctl *c, int argc, char **argv)
{
	const char *days_text = "30";
	const struct arg_option options[] = { { "--days", &days_text, NULL } };
	struct settings *s;
	struct advice a = { .count = 0 };
	uint64_t days;
	struct args args;
	time_t first;
	struct tm tm;
	int code, fd;

	if (!args_parse(&args, argc, argv, options, PB_COUNT(options), 0, 0))
		return EXIT_USAGE;
	if (!num_parse(span_of(days_text), DAYS_MAX, &days) || days == 0)
		return ctl_fail(EXIT_USAGE, "--days is 1 to %d", DAYS_MAX);
	s = ctl_server_settings(c);
	if (s == NULL)
		return EXIT_REFUSED;
	first = time(NULL) - (time_t)(days - 1) * SECONDS_OF_DAY;
	localtime_r(&first, &tm);
	strftime(a.first_day, sizeof(a.first_day), "%Y.%m.%d", &tm);
	a.entries = mem_array(settings_count(s, "smtpAuthBypass/entry") + 1, sizeof(*a.entries));
	for (size_t i = 0; i < settings_count(s, "smtpAuthBypass/entry"); i++)
		add_entry(&a, s, i);
	fd = ctl_open_dir(c, "log");
	code = fd < 0 ? EXIT_NO_RIGHT : count_files(&a, fd);
	file_close(&fd);
	if (code == EXIT_DONE)
		print(c, &a);
	free(a.entries);
	settings_free(&s);
	return code;
}
