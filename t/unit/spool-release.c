/*
 * Letting a message out of quarantine: what is written, what is refused, and
 * a stop or a failure at every change of a file.
 */
#include "base/base.h"
#include "tap.h"
#include "tmpdir.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "spool/envelope_line.h"
#include "spool/spool.h"
#include "spool/spool_finish.h"
#include "spool/spool_read.h"
#include "spool/spool_release.h"
#include "spool/spool_scan.h"
#include "sys/clock.h"
#include "sys/file.h"
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define REASON "looks odd"

static const struct span body = { "Subject: x\r\n\r\ny\r\n", 17 };
static const struct spool_ref ref = { 51, 0 };
static struct spool *sp;
static int root, top = -1, sub0, turn, lost;

/* -- a stop or a failure at the N-th change ------------------------------------------ */

static long left;
static int fail_with;		/* 0: the process ends */

static bool
comes_to_it(void)
{
	if (left-- != 0)
		return false;
	if (fail_with == 0)
		_exit(99);
	errno = fail_with;
	return true;
}

/* Each call counts before it is made. */
#define COUNTED(type, name, params, args) \
	static type counted_##name params { return comes_to_it() ? -1 : file_calls_kernel.name args; }
COUNTED(int, openat, (int d, const char *p, int f, mode_t m), (d, p, f, m))
COUNTED(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, fsync_dir, (int fd), (fd))
COUNTED(int, renameat, (int a, const char *b, int c, const char *d, unsigned f), (a, b, c, d, f))
COUNTED(int, unlinkat, (int a, const char *b, int f), (a, b, f))

static void
use_counted(long n, int error)
{
	static struct file_calls calls;

	calls = file_calls_kernel;
	calls.openat = counted_openat;
	calls.write = counted_write;
	calls.fsync = counted_fsync;
	calls.fsync_dir = counted_fsync_dir;
	calls.renameat = counted_renameat;
	calls.unlinkat = counted_unlinkat;
	left = n;
	fail_with = error;
	file_calls = &calls;
}

/* -- the spool ----------------------------------------------------------------------- */

static void
put_file(const char *name, struct span text)
{
	int fd = openat(sub0, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
		bug("cannot write %s: %m", name);
	close(fd);
}

static bool
is_there(const char *name)
{
	struct stat st;

	return fstatat(sub0, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
fresh_spool(void)
{
	struct spool_options o = { .sub_spools = 1, .sub_spool_size = 100 };
	char name[32];

	spool_free(&sp);
	file_close(&top);
	snprintf(name, sizeof(name), "%d", ++turn);
	if (mkdirat(root, name, 0700) < 0)
		bug("mkdir %s: %m", name);
	top = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool_open(top, &o, &sp) < 0)
		bug("spool_open: %m");
	sub0 = spool_sub_fd(sp, 0);
	lost = 0;
}

/* A message of ours with two recipients, the first of whom has its copy already. */
static void
put_message(const char *suffix)
{
	const struct verdict delivered = { .kind = VERDICT_OK, .code = 250, .status = "2.0.0", .text = "Delivered" };
	const struct envelope_to to = { TARGET_MAILBOX, SPAN("other@example.com") };
	struct envelope *e = envelope_new(), *made;
	char name[32];
	struct buf b;

	fresh_spool();
	buf_init(&b, LIMIT_ENVELOPE);
	e->status = ENVELOPE_QUARANTINED;
	e->id = ref.id;
	e->quarantine = SPAN(REASON);
	e->size = body.n;
	e->crc32c = crc32c(0, body.p, body.n);
	e->has_size = true;
	envelope_add(e, SPAN("b@example.com"));
	envelope_add(e, SPAN("c@example.com"));
	if (!envelope_print(e, &b) || envelope_parse(buf_view(&b), &made) != ENVELOPE_OK)
		bug("the envelope is not printed");
	envelope_line_to(&b, made->line_seed, 1, 3, &to, 1);
	envelope_line_done(&b, made->line_seed, 1, &delivered);
	put_file("51.hdr", buf_view(&b));
	snprintf(name, sizeof(name), "51.%s", suffix);
	put_file(name, body);
	envelope_free(&made);
	envelope_free(&e);
	buf_free(&b);
}

static void
on_lost(void *ctx PB_UNUSED, struct spool_ref which PB_UNUSED, const char *why PB_UNUSED)
{
	lost++;
}

/* The number of messages that a scan reports. */
static int
scan(enum spool_scan_part part, int64_t later)
{
	struct spool_scan_options o = { .part = part, .now = clock_wall_ms() / 1000 + later, .lost = on_lost };
	struct spool_scan *s = spool_scan_new(sp, &o);
	struct spool_found found;
	int n = 0;

	while (spool_scan_next(s, &found) > 0) {
		n++;
		envelope_free(&found.envelope);
	}
	spool_scan_free(&s);
	return n;
}

/* Whole, and all that it said before is there; its status in *status. */
static bool
is_whole(enum envelope_status *status)
{
	struct envelope *e;
	bool good;

	if (spool_read_envelope(sp, ref, &e) < 0)
		return false;
	*status = e->status;
	good = e->id == ref.id && e->rcpt_count == 2 && e->count == 2 && span_is(e->quarantine, REASON) &&
		span_is(e->rcpts[0].address, "other@example.com") && e->rcpts[0].state == RCPT_DONE &&
		span_is(e->rcpts[1].address, "c@example.com") && e->rcpts[1].state == RCPT_OPEN && is_there("51.eml");
	envelope_free(&e);
	return good;
}

/* -- tests ------------------------------------------------------------------------------ */

static void
test_release(void)
{
	enum envelope_status status;
	struct envelope *e = NULL;

	put_message("eml");
	ok(spool_quarantined(sp, ref, &e) == 0 && span_is(e->quarantine, REASON), "in quarantine, and why");
	envelope_free(&e);
	is_num(scan(SPOOL_SCAN_QUEUED, 0), 0, "no scan reports it");
	ok(spool_release(sp, ref) == 0, "released");
	ok(is_whole(&status) && status == ENVELOPE_WRITTEN, "everything but its status is as it was");
	ok(spool_quarantined(sp, ref, &e) < 0 && errno == ENOENT && e == NULL, "it is in quarantine no more");
	is_num(scan(SPOOL_SCAN_QUEUED, 0), 1, "a scan reports it");
	ok(spool_release(sp, ref) == 0 && is_whole(&status), "once more does no harm");
}

static void
test_refused(void)
{
	enum envelope_status status;
	struct envelope *e;

	put_message("eml");
	unlinkat(sub0, "51.eml", 0);
	ok(spool_release(sp, ref) < 0 && errno == EBADMSG, "without its body it stays");
	put_file("51.eml", span_first(body, 5));
	ok(spool_release(sp, ref) < 0 && errno == EBADMSG, "and with another");
	put_file("51.eml", body);
	ok(is_whole(&status) && status == ENVELOPE_QUARANTINED, "as it was");
	put_file("51.hdr", SPAN("Writing \r\na@b\r\nc@d\r\n\r\n"));
	ok(spool_release(sp, ref) < 0 && errno == EBADMSG, "what is being written is not in quarantine");
	put_file("51.hdr", SPAN("Quarantined\r\n"));
	ok(spool_release(sp, ref) < 0 && errno == EBADMSG, "what is damaged is not touched");
	ok(spool_quarantined(sp, (struct spool_ref){ 52, 0 }, &e) < 0 && errno == ENOENT, "nor what is not there");
}

static void
test_foreign(void)
{
	struct envelope *e = NULL;

	fresh_spool();
	put_file("51.eml", body);
	put_file("51.hdr", SPAN("Quarantined\r\n\r\nc@d\r\nx-key: kept\r\n\r\n"));
	ok(spool_release(sp, ref) == 0, "a pair of another program");
	ok(spool_read_envelope(sp, ref, &e) == 0 && e->foreign && e->sender.n == 0 && e->extra_count == 1,
		"keeps its lines");
	envelope_free(&e);
	is_num(scan(SPOOL_SCAN_QUEUED, 0), 1, "and is taken up by the scan");
}

/* What a milter says is its own; only what would break the line is refused. */
static void
test_reasons(void)
{
	struct envelope *e = envelope_new(), *made;
	struct buf b;

	buf_init(&b, LIMIT_ENVELOPE);
	e->id = ref.id;
	e->has_size = true;
	e->size = 1;
	envelope_add(e, SPAN("b@example.com"));
	e->quarantine = SPAN("  end: 1 00000000: \\x ");
	ok(envelope_print(e, &b) && envelope_parse(buf_view(&b), &made) == ENVELOPE_OK, "any text is a reason");
	ok(made != NULL && span_is(made->quarantine, "end: 1 00000000: \\x"), "and read as it was");
	envelope_free(&made);
	buf_clear(&b);
	e->quarantine = SPAN(" ");
	ok(envelope_print(e, &b) && envelope_parse(buf_view(&b), &made) == ENVELOPE_OK && made->quarantine.n == 0,
		"a blank one is none");
	envelope_free(&made);
	buf_clear(&b);
	e->quarantine = SPAN("x\r\nsize: 2");
	ok(!envelope_print(e, &b), "one with a line end is not written");
	envelope_free(&e);
	buf_free(&b);
}

/* Cut off between envelope and rename, a message in quarantine was promised like any other. */
static void
test_received(void)
{
	struct envelope *e = NULL;

	put_message("em_");
	ok(spool_quarantined(sp, ref, &e) < 0 && errno == ENOENT, "what intake has is not touched");
	is_num(scan(SPOOL_SCAN_RECEIVED, 0), 0, "intake completes it without a word to the queue");
	ok(is_there("51.eml") && !is_there("51.em_"), "under its final name");
	ok(spool_quarantined(sp, ref, &e) == 0, "in quarantine");
	envelope_free(&e);
}

/* Either state, whole; then the next attempt, or the queue, goes on. */
static void
look_after(const char *what, long n, int *bad, int *released)
{
	enum envelope_status status = ENVELOPE_FAILED;
	bool good = is_whole(&status);
	int found = scan(SPOOL_SCAN_QUEUED, 0);

	*released += status == ENVELOPE_WRITTEN;
	good = good && found == (status == ENVELOPE_WRITTEN) && lost == 0;
	if (!good || spool_release(sp, ref) < 0 || !is_whole(&status) || status != ENVELOPE_WRITTEN ||
	    scan(SPOOL_SCAN_QUEUED, 0) != 1 || is_there(".51.hdr.tmp")) {
		(*bad)++;
		printf("# %s at change %ld\n", what, n);
	}
}

/* True when the child came to its end. */
static bool
stopped_at(long n)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		bug("fork: %m");
	if (pid == 0) {
		use_counted(n, 0);
		_exit(spool_release(sp, ref) == 0 ? 0 : 1);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		bug("the child did not end");
	return WEXITSTATUS(status) == 0;
}

static void
test_stops(void)
{
	int bad = 0, released = 0;
	bool ended = false;
	long n;

	for (n = 0; n < 100 && !ended; n++) {
		put_message("eml");
		ended = stopped_at(n);
		look_after("stopped", n, &bad, &released);
	}
	ok(ended && n > 6 && bad == 0, "stopped at each of %ld changes: in quarantine or in the queue", n - 1);
	ok(released > 1 && released < n, "both happened");
}

static void
test_failures(int error)
{
	int bad = 0, released = 0, result = -1;
	long n;

	for (n = 0; n < 100 && result < 0; n++) {
		put_message("eml");
		use_counted(n, error);
		result = spool_release(sp, ref);
		if (left >= 0 && result < 0)
			bad++;
		file_calls = &file_calls_kernel;
		look_after("failed", n, &bad, &released);
	}
	ok(result == 0 && n > 3 && bad == 0, "%s at each change: the same", strerrorname_np(error));
}

static void
test_leavings(void)
{
	put_message("eml");
	put_file(".51.hdr.tmp", SPAN("half"));
	put_file(".readme.hdr.tmp", SPAN("not ours"));
	scan(SPOOL_SCAN_QUEUED, 0);
	ok(is_there(".51.hdr.tmp"), "what a release may still be writing is left");
	scan(SPOOL_SCAN_QUEUED, 100000);
	ok(!is_there(".51.hdr.tmp") && is_there(".readme.hdr.tmp"), "a day later it goes, and nothing else");
}

static void
test_delete(void)
{
	put_message("eml");
	ok(spool_finish(sp, &ref, 1) == 0 && !is_there("51.hdr") && !is_there("51.eml"), "deleted with its body");
}

int
main(void)
{
	root = tmpdir_open("spool-release");
	test_release();
	test_refused();
	test_foreign();
	test_received();
	test_reasons();
	test_stops();
	test_failures(EIO);
	test_failures(ENOSPC);
	test_leavings();
	test_delete();
	spool_free(&sp);
	file_close(&top);
	close(root);
	tmpdir_remove();
	return done();
}
