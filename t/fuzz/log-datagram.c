/* Datagrams to event-log: whatever a program sends, only whole printable lines come to a file. */
#include "base/base.h"
#include "base/mem.h"
#include "base/limits.h"
#include "event_log.h"
#include "fuzz.h"

#define SENDER 4321

static void
check_line(struct span line)
{
	FUZZ_CHECK(line.n > 0 && line.n <= 4 * LIMIT_LOG_LINE);
	for (size_t i = 0; i < line.n; i++)
		FUZZ_CHECK(line.p[i] >= ' ' && line.p[i] <= '~');
}

/* In the place of logfile.c, which has the files. */
void
logfile_put(struct event_log *e, struct logfile *f, struct span line)
{
	FUZZ_CHECK(e->fd == -1 && f->kind >= log_kinds && f->kind < log_kinds + log_kind_count);
	FUZZ_CHECK(datagram_is_line(line));
	check_line(line);
}

void
logfile_say(struct event_log *e, const char *kind, const char *fmt, ...)
{
	char text[8 * LIMIT_LOG_LINE];
	va_list ap;

	FUZZ_CHECK(e->fd == -1 && kind[0] != '\0');
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (const char *c = text; *c != '\0'; c++)
		FUZZ_CHECK(*c >= ' ' && *c <= '~');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_log e = { .fd = -1 };
	char *copy = mem_copy(span_make(data, size));

	if (e.files == NULL) {
		e.files = mem_array(log_kind_count, sizeof(*e.files));
		for (size_t i = 0; i < log_kind_count; i++)
			e.files[i].kind = &log_kinds[i];
		for (size_t i = 0; i < SERVICE_USERS_MAX; i++)
			e.svc.uids[i] = SENDER + (uid_t)i;
	}
	for (uid_t uid = 0; uid < SERVICE_USERS_MAX; uid++)
		datagram_take(&e, copy, size, SENDER + uid);
	free(copy);
	return 0;
}
