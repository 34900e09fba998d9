/*
 * logs: files named YYYY.MM.DD-KIND.log, in the order of their names.
 */
#include "base/base.h"
#include "logs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include "base/die.h"
#include "base/num.h"
#include "sys/file.h"

#define DAYS_MAX 3660
#define DAY_LENGTH 10
#define SECONDS_OF_DAY 86400

bool
logs_days(const char *text, unsigned *out)
{
	uint64_t days;

	if (!num_parse(span_of(text), DAYS_MAX, &days) || days == 0) {
		ctl_fail(EXIT_USAGE, "--days is 1 to %d", DAYS_MAX);
		return false;
	}
	*out = (unsigned)days;
	return true;
}

bool
logs_parse(struct span line, struct log_entry *e)
{
	struct span rest = line;

	e->line = line;
	e->time = span_word(&rest);
	rest = span_trim(rest);
	if (e->time.n < 8 || rest.n == 0 || rest.p[0] != '[')
		return false;
	rest = span_from(rest, 1);
	e->ip = span_cut(&rest, ']');
	if (rest.n == 0 || rest.p[0] != '[')
		return false;
	rest = span_from(rest, 1);
	e->ticket = span_cut(&rest, ']');
	e->text = span_trim(rest);
	return rest.p != NULL;
}

static int
read_file(int dirfd, const char *name, log_entry_fn *fn, void *ctx)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL, day[DAY_LENGTH + 1];
	struct log_entry e = { .day = day };
	size_t cap = 0;
	ssize_t n;

	if (f == NULL)
		return ctl_fail(ctl_code_of_errno(errno), "log/%s: %s", name, strerror(errno));
	snprintf(day, sizeof(day), "%.10s", name);
	while ((n = getline(&line, &cap, f)) > 0)
		if (logs_parse(span_trim(span_make(line, (size_t)n)), &e))
			fn(ctx, &e);
	free(line);
	fclose(f);
	return EXIT_DONE;
}

static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool
is_wanted(const char *name, const char *first, const char *kind)
{
	struct span s = span_of(name);

	if (s.n <= DAY_LENGTH + 1 || s.p[DAY_LENGTH] != '-' || !span_ends_nocase(s, SPAN(".log")))
		return false;
	return strncmp(name, first, DAY_LENGTH) >= 0 &&
		(kind == NULL || span_starts(span_from(s, DAY_LENGTH + 1), span_of(kind)));
}

int
logs_each(const struct ctl *c, unsigned days, const char *kind, log_entry_fn *fn, void *ctx)
{
	time_t first = time(NULL) - (time_t)(days - 1) * SECONDS_OF_DAY;
	int fd = ctl_open_dir(c, "log"), code = EXIT_DONE, n;
	struct dirent **names = NULL;
	char day[DAY_LENGTH + 1];
	struct tm tm;

	if (fd < 0)
		return EXIT_NO_RIGHT;
	localtime_r(&first, &tm);
	strftime(day, sizeof(day), "%Y.%m.%d", &tm);
	n = scandirat(fd, ".", &names, NULL, compare_names);
	if (n < 0)
		code = ctl_fail(ctl_code_of_errno(errno), "log: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		if (code == EXIT_DONE && is_wanted(names[i]->d_name, day, kind))
			code = read_file(fd, names[i]->d_name, fn, ctx);
		free(names[i]);
	}
	free(names);
	file_close(&fd);
	return code;
}

/* One `key=value` from the front of *rest; false at the end. */
static bool
next_field(struct span *rest, struct span *key, struct span *value)
{
	ssize_t equals;
	size_t end;

	*rest = span_trim(*rest);
	equals = span_find(*rest, '=');
	if (equals < 0)
		return false;
	*key = span_first(*rest, (size_t)equals);
	*rest = span_from(*rest, (size_t)equals + 1);
	if (rest->n > 0 && rest->p[0] == '"') {
		ssize_t quote = span_find(span_from(*rest, 1), '"');

		end = quote < 0 ? rest->n : (size_t)quote + 2;
		*value = span_make(rest->p + 1, quote < 0 ? rest->n - 1 : (size_t)quote);
	} else {
		ssize_t blank = span_find(*rest, ' ');

		end = blank < 0 ? rest->n : (size_t)blank;
		*value = span_first(*rest, end);
	}
	*rest = span_from(*rest, end);
	return true;
}

bool
log_field(struct span text, const char *key, char *out, size_t size)
{
	struct span name, value;

	/* Other lines quote what a client said ("cmd: ..."), who would choose the fields. */
	if (!span_starts(text, SPAN("event=")))
		return false;
	while (next_field(&text, &name, &value)) {
		size_t n = 0;

		if (!span_is(name, key))
			continue;
		for (size_t i = 0; i < value.n && n + 1 < size; i++) {
			bool quote = span_starts(span_from(value, i), SPAN("\\x22"));

			out[n++] = quote ? '"' : value.p[i];
			i += quote ? 3 : 0;
		}
		out[n] = '\0';
		return true;
	}
	return false;
}
