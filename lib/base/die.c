/*
 * die: see die.h.  One line to the log or standard error, then the end: no clean-up,
 * since every program may be killed at any instruction anyway.
 */
#include "base/base.h"
#include "base/die.h"

static const char *program = "pillarbox";

static void
to_stderr(const char *line)
{
	(void)!write(2, line, strlen(line));
	(void)!write(2, "\n", 1);
}

static die_sink *sink = to_stderr;

void
die_set_sink(die_sink *new_sink)
{
	sink = new_sink != NULL ? new_sink : to_stderr;
}

void
die_set_program(const char *name)
{
	program = name;
}

static void
say(const char *fmt, va_list ap)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "%s: ", program);

	if (n > 0 && (size_t)n < sizeof(line))
		vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	sink(line);
}

void
die(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	_exit(code);
}

void
bug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	abort();
}

void
die_no_memory(void)
{
	sink("out of memory");
	_exit(EXIT_TRY_LATER);
}
