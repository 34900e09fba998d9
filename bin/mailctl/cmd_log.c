/*
 * cmd_log: log show.
 *
 * With --related every line of a session that has a hit is shown; lines carry
 * their session id in the second pair of brackets.  Output stops at 1 MB with
 * a note (LOG-04).
 */
#include "base/base.h"
#include "commands.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include "args.h"
#include "base/die.h"
#include "base/mem.h"
#include "log_select.h"
#include "output.h"
#include "sys/file.h"

#define SHOWN_MAX (1024 * 1024)

struct show {
	struct output *o;		/* rows for machines; NULL: the lines as they are */
	const char *search;		/* NULL: all lines */
	const struct selector *where;	/* likewise */
	const char *day;
	int64_t now;
	bool related;
	char **sessions;		/* with a hit, sorted after the first pass */
	size_t count, cap;
	size_t shown;
	bool cut;
};

typedef void line_fn(struct show *s, struct span line);

/* The id in "HH:MM:SS.mmm [ip][session] ..."; SPAN_NONE when there is none. */
static struct span
session_of(struct span line)
{
	ssize_t open = span_find(line, '['), close;

	if (open < 0)
		return SPAN_NONE;
	line = span_from(line, (size_t)open + 1);
	close = span_find(line, ']');
	if (close < 0)
		return SPAN_NONE;
	line = span_trim(span_from(line, (size_t)close + 1));
	if (line.n == 0 || line.p[0] != '[')
		return SPAN_NONE;
	close = span_find(line, ']');
	return close <= 1 ? SPAN_NONE : span_make(line.p + 1, (size_t)close - 1);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_hit(const struct show *s, struct span line)
{
	struct log_entry e = { .day = s->day };

	if (s->search != NULL && span_search_nocase(line, span_of(s->search)) < 0)
		return false;
	return s->where == NULL || (logs_parse(line, &e) && log_selects(s->where, &e, s->now));
}

static void
note_session(struct show *s, struct span line)
{
	struct span id = session_of(line);

	if (id.n == 0 || span_is(id, "-") || !is_hit(s, line))
		return;
	if (s->count == s->cap) {
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		s->sessions = mem_resize_array(s->sessions, s->cap, sizeof(char *));
	}
	s->sessions[s->count++] = mem_copy(id);
}

static bool
is_wanted(const struct show *s, struct span line)
{
	struct span id;
	char *key;
	bool found;

	if (is_hit(s, line))
		return true;
	id = s->related ? session_of(line) : SPAN_NONE;
	if (id.n == 0 || s->count == 0)
		return false;
	key = mem_copy(id);
	found = bsearch(&key, s->sessions, s->count, sizeof(char *), compare) != NULL;
	free(key);
	return found;
}

/* "HH:MM:SS.mmm [ip][session] text" as three fields and the text. */
static void
print_row(struct output *o, struct span line)
{
	struct span rest = line, session = session_of(line), clock = span_word(&rest), ip = SPAN_NONE;
	char *field[4];

	if (session.n > 0) {
		const char *open = memchr(line.p, '[', line.n);

		ip = span_make(open + 1, (size_t)(session.p - open) - 3);
		rest = span_from(line, (size_t)(session.p + session.n - line.p) + 1);
	}
	field[0] = mem_copy(clock);
	field[1] = mem_copy(ip);
	field[2] = mem_copy(session);
	field[3] = mem_copy(span_trim(rest));
	output_row(o, field[0], field[1], field[2], field[3]);
	for (size_t i = 0; i < PB_COUNT(field); i++)
		free(field[i]);
}

static void
print_line(struct show *s, struct span line)
{
	if (s->cut || !is_wanted(s, line))
		return;
	if (s->shown + line.n + 1 > SHOWN_MAX) {
		s->cut = true;
		return;
	}
	s->shown += line.n + 1;
	if (s->o == NULL)
		printf("%.*s\n", SPAN_ARG(line));
	else
		print_row(s->o, line);
}

static void
each_line(FILE *f, struct show *s, line_fn *fn)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, f)) > 0)
		fn(s, span_trim(span_make(line, (size_t)n)));
	free(line);
}

static int
each_file(int dirfd, const char *name, struct show *s, line_fn *fn)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (f == NULL)
		return ctl_fail(ctl_code_of_errno(errno), "log/%s: %s", name, strerror(errno));
	each_line(f, s, fn);
	fclose(f);
	return EXIT_DONE;
}

static int
compare_entries(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* All files of the day whose kind begins as asked ("smtp" finds smtpLog). */
static int
each_day_file(int dirfd, const char *day, const char *kind, struct show *s, line_fn *fn)
{
	struct dirent **names = NULL;
	int n = scandirat(dirfd, ".", &names, NULL, compare_entries), found = 0, code = EXIT_DONE;

	for (int i = 0; i < n; i++) {
		struct span name = span_of(names[i]->d_name), rest = name;

		if (span_starts(name, span_of(day)) && name.n > strlen(day) && name.p[strlen(day)] == '-' &&
		    span_ends_nocase(name, SPAN(".log"))) {
			rest = span_from(name, strlen(day) + 1);
			if (kind == NULL || span_starts_nocase(rest, span_of(kind))) {
				found++;
				if (code == EXIT_DONE)
					code = each_file(dirfd, names[i]->d_name, s, fn);
			}
		}
		free(names[i]);
	}
	free(names);
	if (found == 0)
		return ctl_fail(EXIT_NO_OBJECT, "there is no log of %s%s%s", day, kind ? " for " : "", kind ? kind : "");
	return code;
}

/* A session's lines stand in several files: its ids are collected from all of them first. */
static int
show_day(int dirfd, const char *day, const char *kind, struct show *s)
{
	int code = EXIT_DONE;

	if (s->related && (s->search != NULL || s->where != NULL)) {
		code = each_day_file(dirfd, day, NULL, s, note_session);
		if (s->count > 0)
			qsort(s->sessions, s->count, sizeof(char *), compare);
	}
	if (code == EXIT_DONE)
		code = each_day_file(dirfd, day, kind, s, print_line);
	for (size_t i = 0; i < s->count; i++)
		free(s->sessions[i]);
	return code;
}

int
cmd_log_show(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "time", "ip", "session", "text", NULL };
	const char *day = NULL, *where_text = NULL;
	struct selector *where = NULL;
	struct show s = { .search = NULL };
	const struct arg_option options[] = {
		{ "-w", &where_text, NULL },
		{ "--date", &day, NULL }, { "--search", &s.search, NULL }, { "--related", NULL, &s.related },
	};
	char today[16];
	struct args a;
	struct tm tm;
	time_t now = time(NULL);
	int code, fd;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 1))
		return EXIT_USAGE;
	if (where_text != NULL && (where = log_selector(where_text)) == NULL)
		return EXIT_USAGE;
	localtime_r(&now, &tm);
	strftime(today, sizeof(today), "%Y.%m.%d", &tm);
	s.where = where;
	s.now = (int64_t)now;
	s.day = day != NULL ? day : today;
	fd = ctl_open_dir(c, "log");
	if (fd < 0) {
		selector_free(&where);
		return EXIT_NO_RIGHT;
	}
	if (c->format != CTL_TEXT)
		s.o = output_begin(c, columns);
	code = show_day(fd, s.day, a.count > 0 ? a.item[0] : NULL, &s);
	if (s.o != NULL)
		output_end(&s.o);
	free(s.sessions);
	selector_free(&where);
	file_close(&fd);
	if (s.cut)
		ctl_fail(1, "cut at %d bytes; use --search", SHOWN_MAX);
	return code;
}
