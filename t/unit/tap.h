/*
 * tap: the Test Anything Protocol for unit tests in C.
 *
 * Each check prints one line; done() prints the plan and gives the exit code
 * of main.  Names say the behaviour, as in ok(x == 1, "an empty list has ...").
 */
#ifndef T_UNIT_TAP_H
#define T_UNIT_TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/span.h"

static int tap_count;
static int tap_failed;

#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)
#define is_num(got, want, name) tap_num((long long)(got), (long long)(want), __FILE__, __LINE__, name)
#define is_text(got, want, name) tap_text((got), (want), __FILE__, __LINE__, name)
#define is_span(got, want, name) tap_span((got), span_of(want), __FILE__, __LINE__, name)

__attribute__((unused, format(printf, 4, 5)))
static bool
tap_ok(bool good, const char *file, int line, const char *name, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, name);
	vprintf(name, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

__attribute__((unused))
static bool
tap_num(long long got, long long want, const char *file, int line, const char *name)
{
	if (tap_ok(got == want, file, line, "%s", name))
		return true;
	printf("# got %lld, want %lld\n", got, want);
	return false;
}

__attribute__((unused))
static bool
tap_span(struct span got, struct span want, const char *file, int line, const char *name)
{
	if (tap_ok(span_eq(got, want), file, line, "%s", name))
		return true;
	printf("# got \"%.*s\", want \"%.*s\"\n", SPAN_ARG(got), SPAN_ARG(want));
	return false;
}

__attribute__((unused))
static bool
tap_text(const char *got, const char *want, const char *file, int line, const char *name)
{
	return tap_span(span_of(got), span_of(want), file, line, name);
}

/*
 * Processor time of this process so far: other load on the machine does not
 * show in it.  Bounds on it are wide; they find what is quadratic.
 */
__attribute__((unused))
static unsigned long long
tap_cpu_ms(void)
{
	return (unsigned long long)clock() * 1000 / CLOCKS_PER_SEC;
}

__attribute__((unused))
static int
done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed > 0;
}

#endif
