/*
 * queue: see queue.h.
 *
 * Texts of the caller become quoted values of a selector, or arguments behind
 * "--": nothing in them is an option, and no shell reads them.
 */
#include "base/base.h"
#include "queue.h"
#include "base/buf.h"
#include "base/limits.h"
#include <errno.h>

#define ARGS_MAX 12

/* The file beside our own, whatever name we were called by. */
static bool
find_mailctl(char *out, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", out, size - 1);
	struct span path = span_make(out, n > 0 ? (size_t)n : 0);
	ssize_t slash = span_rfind(path, '/');

	if (slash < 0 || (size_t)slash + sizeof("/mailctl") > size)
		return false;
	snprintf(out + slash, size - (size_t)slash, "/mailctl");
	return true;
}

/* rcpt~"text" */
static bool
put_selector(const char *field, const char *text, struct buf *out)
{
	buf_printf(out, "%s~\"", field);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_char(out, '\\');
		buf_char(out, *text);
	}
	buf_char(out, '"');
	return !out->overflow && out->n <= LIMIT_SELECTOR;
}

int
queue_become(const struct options *o)
{
	char program[4096], selector[2 * LIMIT_SELECTOR + 64];
	const char *args[ARGS_MAX] = { "mailctl" };
	struct buf b;
	size_t n = 1;

	buf_init_fixed(&b, selector, sizeof(selector));
	if (o->root != NULL) {
		args[n++] = "-r";
		args[n++] = o->root;
	}
	args[n++] = "spool";
	args[n++] = o->queue == QUEUE_LIST ? "list" : "force";
	switch (o->queue) {
	case QUEUE_LIST:
		args[n++] = "--max";
		args[n++] = "0";
		break;
	case QUEUE_RUN_ID:
		args[n++] = "--";
		args[n++] = o->queue_text;
		break;
	case QUEUE_RUN_RECIPIENT:
	case QUEUE_RUN_SENDER:
		if (!put_selector(o->queue == QUEUE_RUN_SENDER ? "sender" : "rcpt", o->queue_text, &b)) {
			fprintf(stderr, "mail-inject: the text behind -q is too long\n");
			return INJECT_USAGE;
		}
		args[n++] = "-w";
		args[n++] = selector;
		break;
	case QUEUE_RUN:
	case QUEUE_NO:
		args[n++] = "--all";
		break;
	}
	if (find_mailctl(program, sizeof(program)))
		execv(program, (char *const *)args);
	fprintf(stderr, "mail-inject: cannot run mailctl: %s\n", strerror(errno));
	return INJECT_UNAVAILABLE;
}
