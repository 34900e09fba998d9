/* Lines that wait for a full disk: LIMIT_LOG_PENDING bytes are kept, more are counted. */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "event_log.h"
#include "sys/file.h"
#include "tap.h"
#include "tmpdir.h"

#include <errno.h>

const struct log_kind log_kinds[] = { { "smtpLog", "*" } };
const size_t log_kind_count = 1;

static const struct file_calls *true_calls;
static struct file_calls calls;
static bool is_full;
static uint64_t written;

static ssize_t
on_write(int fd, const void *data, size_t n)
{
	ssize_t got;

	if (is_full) {
		errno = ENOSPC;
		return -1;
	}
	got = true_calls->write(fd, data, n);
	written += got > 0 ? (uint64_t)got : 0;
	return got;
}

int
main(void)
{
	static struct event_log e;
	struct logfile files[1] = { { .kind = &log_kinds[0], .fd = -1 } };
	char line[1024];
	unsigned kept = LIMIT_LOG_PENDING / sizeof(line);

	true_calls = file_calls;
	calls = *file_calls;
	calls.write = on_write;
	file_calls = &calls;
	e.dir = tmpdir_open("limits-log");
	e.files = files;
	memset(line, 'l', sizeof(line));
	is_full = true;
	for (unsigned i = 0; i < kept; i++)
		logfile_put(&e, &e.files[0], span_make(line, sizeof(line) - 1));
	ok(e.files[0].pending.n == LIMIT_LOG_PENDING && e.files[0].lost == 0, "lines at LIMIT_LOG_PENDING wait");
	ok(!logfile_flush_all(&e) && e.files[0].failed == ENOSPC, "while the disk is full");
	logfile_put(&e, &e.files[0], SPAN(""));
	logfile_put(&e, &e.files[0], SPAN("two"));
	is_num(e.files[0].lost, 2, "lines over LIMIT_LOG_PENDING are counted");
	is_num(e.files[0].pending.n, LIMIT_LOG_PENDING, "not kept");
	is_full = false;
	ok(logfile_flush_all(&e) && e.files[0].failed == 0, "when there is room again");
	ok(written > LIMIT_LOG_PENDING && e.files[0].lost == 0 && e.files[0].pending.n == 0,
		"all that waited is written, and how many were lost");
	buf_free(&e.files[0].pending);
	tmpdir_remove();
	return done();
}
