/* The state table of the spool row by row, damage of every kind, ids, locks and folders. */
/* Features: QUEUE-02. */
#include "base/base.h"
#include "tap.h"
#include "base/crc32c.h"
#include "base/die.h"
#include "base/limits.h"
#include "spool/body_writer.h"
#include "spool/spool.h"
#include "spool/spool_finish.h"
#include "spool/spool_id.h"
#include "spool/spool_outcome.h"
#include "spool/spool_put.h"
#include "spool/spool_read.h"
#include "spool/spool_scan.h"
#include "sys/clock.h"
#include "sys/file.h"
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DAY 86400

static char path[] = "/tmp/spool-state.XXXXXX";
static int top = -1, turn;
static struct spool *sp;
static int sub0 = -1;
static int lost;

static const struct verdict delivered = { .kind = VERDICT_OK, .code = 250, .status = "2.0.0", .text = "Delivered" };

/* A fresh spool in a folder of its own. */
static void
fresh(uint32_t subs, uint32_t size)
{
	struct spool_options o = { .sub_spools = subs, .sub_spool_size = size };
	char name[64];

	spool_free(&sp);
	file_close(&top);
	snprintf(name, sizeof(name), "%s/%d", path, ++turn);
	if (mkdir(name, 0700) < 0)
		ok(false, "mkdir %s: %s", name, strerror(errno));
	top = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool_open(top, &o, &sp) < 0)
		ok(false, "spool_open: %s", strerror(errno));
	sub0 = spool_sub_fd(sp, 0);
	lost = 0;
}

static void
put_file(const char *name, struct span text)
{
	int fd = openat(sub0, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
		ok(false, "write %s", name);
	close(fd);
}

static bool
is_in(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct span
envelope_text(uint64_t id, struct span body)
{
	static struct buf b;
	struct envelope *e = envelope_new();

	if (b.max == 0)
		buf_init(&b, LIMIT_ENVELOPE);
	buf_clear(&b);
	e->id = id;
	e->sender = SPAN("a@example.com");
	e->size = body.n;
	e->crc32c = crc32c(0, body.p, body.n);
	e->has_size = true;
	envelope_add(e, SPAN("b@example.com"));
	if (!envelope_print(e, &b))
		ok(false, "the envelope is printed");
	envelope_free(&e);
	return buf_view(&b);
}

static void
on_lost(void *ctx, struct spool_ref ref, const char *why)
{
	(void)ctx;
	(void)ref;
	(void)why;
	lost++;
}

/* One scan; the number of messages found and the id of the last. */
static int
scan(enum spool_scan_part part, int64_t later, uint64_t *id)
{
	struct spool_scan_options o = { .part = part, .now = clock_wall_ms() / 1000 + later, .lost = on_lost };
	struct spool_scan *s = spool_scan_new(sp, &o);
	struct spool_found found;
	int n = 0, got;

	while ((got = spool_scan_next(s, &found)) != 0) {
		n++;
		if (id != NULL)
			*id = found.ref.id;
		envelope_free(&found.envelope);
	}
	spool_scan_free(&s);
	return n;
}

static const struct span body = { "Subject: x\r\n\r\ny\r\n", 17 };

static void
test_received_rows(void)
{
	uint64_t id = 0;
	int fd;

	fresh(1, 100);
	put_file("11.em_", body);
	fd = openat(sub0, "11.em_", O_RDWR | O_CLOEXEC);
	scan(SPOOL_SCAN_RECEIVED, 0, NULL);
	ok(is_in(sub0, "11.em_"), ".em_ alone is left while it has a writer");
	close(fd);
	scan(SPOOL_SCAN_RECEIVED, 0, NULL);
	ok(!is_in(sub0, "11.em_"), "and removed when it has none");

	put_file("12.em_", body);
	put_file("12.hdr", span_first(envelope_text(12, body), 60));
	is_num(scan(SPOOL_SCAN_RECEIVED, 0, NULL), 0, ".em_ with an unfinished .hdr is no message");
	ok(is_in(spool_corrupt_fd(sp), "12.em_") && is_in(spool_corrupt_fd(sp), "12.hdr") && lost == 0,
		"it goes to corrupt/, and nobody is alarmed");
	scan(SPOOL_SCAN_RECEIVED, 6 * DAY, NULL);
	ok(is_in(spool_corrupt_fd(sp), "12.em_"), "where it is six days later");
	scan(SPOOL_SCAN_RECEIVED, 8 * DAY, NULL);
	ok(!is_in(spool_corrupt_fd(sp), "12.em_") && !is_in(spool_corrupt_fd(sp), "12.hdr"), "but not after eight");

	put_file("13.em_", body);
	put_file("13.hdr", envelope_text(13, body));
	is_num(scan(SPOOL_SCAN_RECEIVED, 0, &id), 1, ".em_ with a good .hdr is promised");
	ok(id == 13 && is_in(sub0, "13.eml") && !is_in(sub0, "13.em_"), "and becomes .eml");
	is_num(scan(SPOOL_SCAN_QUEUED, 0, &id), 1, "which schedule finds");

	put_file("14.em_", body);
	put_file("14.hdr", SPAN("Writing \r\na@b\r\nc@d\r\n\r\n"));
	scan(SPOOL_SCAN_RECEIVED, 0, NULL);
	ok(is_in(sub0, "14.em_"), "Writing with .em_ is left for a while");
	scan(SPOOL_SCAN_RECEIVED, 3600, NULL);
	ok(!is_in(sub0, "14.em_") && !is_in(sub0, "14.hdr"), "then removed");
}

static void
test_queued_rows(void)
{
	struct spool_ref ref = { 24, 0 };
	struct envelope *e;

	fresh(1, 100);
	put_file("21.eml", body);
	put_file("21.hdr", SPAN("Failed  \r\na@b\r\nc@d\r\n\r\n"));
	scan(SPOOL_SCAN_QUEUED, 0, NULL);
	ok(is_in(sub0, "21.hdr"), "Failed is left for a while");
	scan(SPOOL_SCAN_QUEUED, 3600, NULL);
	ok(!is_in(sub0, "21.hdr") && !is_in(sub0, "21.eml"), "then removed");

	put_file("22.eml", body);
	scan(SPOOL_SCAN_QUEUED, 23 * 3600, NULL);
	ok(is_in(sub0, "22.eml"), ".eml alone is left a day");
	scan(SPOOL_SCAN_QUEUED, 25 * 3600, NULL);
	ok(is_in(spool_corrupt_fd(sp), "22.eml") && lost == 0, "then goes to corrupt/");
	scan(SPOOL_SCAN_RECEIVED, 100 * DAY, NULL);
	ok(is_in(spool_corrupt_fd(sp), "22.eml"), "from where it is never removed");

	put_file("23.eml", body);
	put_file("23.hdr", SPAN("Quarantined\r\na@b\r\nc@d\r\n\r\n"));
	is_num(scan(SPOOL_SCAN_QUEUED, 9 * DAY, NULL), 0, "Quarantined is not delivered");
	ok(is_in(sub0, "23.hdr") && is_in(sub0, "23.eml"), "and left");

	put_file("24.eml", body);
	put_file("24.hdr", SPAN("Written \r\na@b\r\nc@d\r\n\r\n"));
	is_num(scan(SPOOL_SCAN_QUEUED, 0, NULL), 1, "a pair of another program is taken");
	ok(spool_read_envelope(sp, ref, &e) == 0 && e->has_size && e->size == body.n, "and completed with its size");
	envelope_free(&e);
	put_file("24.eml", span_first(body, 5));
	scan(SPOOL_SCAN_QUEUED, 0, NULL);
	ok(is_in(spool_corrupt_fd(sp), "24.eml") && lost == 1, "a body of another size afterwards: corrupt/, alarm");

	put_file("25.hdr", SPAN("Written \r\na@b\r\nc@d\r\n\r\n"));
	scan(SPOOL_SCAN_QUEUED, 0, NULL);
	ok(is_in(sub0, "25.hdr") && lost == 1, "a foreign .hdr waits for its .eml");
}

static void
test_finished_row(void)
{
	struct spool_ref ref = { 31, 0 };
	struct envelope *e;
	struct buf lines;

	fresh(1, 100);
	put_file("31.eml", body);
	put_file("31.hdr", envelope_text(31, body));
	ok(spool_read_envelope(sp, ref, &e) == 0, "read");
	buf_init(&lines, 4096);
	envelope_line_done(&lines, e->line_seed, 1, &delivered);
	ok(spool_outcome_append(sp, ref, &e->good_size, &lines) == 0, "the outcome is appended");
	is_num(scan(SPOOL_SCAN_QUEUED, 0, NULL), 0, "a finished pair is no message");
	ok(!is_in(sub0, "31.hdr") && !is_in(sub0, "31.eml"), "and removed");
	put_file("31.hdr", envelope_text(31, body));
	ok(spool_outcome_append(sp, ref, &e->good_size, &lines) < 0 && errno == EBADMSG,
		"a file shorter than what was read is not appended to");
	buf_free(&lines);
	envelope_free(&e);
}

static void
damaged(const char *name, void (*make)(void))
{
	char text[80];

	fresh(1, 100);
	put_file("40.eml", body);
	put_file("40.hdr", envelope_text(40, body));
	put_file("41.eml", body);
	put_file("41.hdr", envelope_text(41, body));
	put_file("readme.txt", SPAN("not ours"));
	make();
	snprintf(text, sizeof(text), "%s: only the other message is found", name);
	is_num(scan(SPOOL_SCAN_QUEUED, 3600, NULL), 1, text);
	ok(is_in(spool_corrupt_fd(sp), "40.hdr") && !is_in(sub0, "40.hdr") && !is_in(sub0, "40.eml") && lost == 1,
		"%s: set aside and reported once", name);
	ok(is_in(sub0, "41.eml") && is_in(sub0, "readme.txt"), "%s: others are untouched", name);
	is_num(scan(SPOOL_SCAN_QUEUED, 3600, NULL), 1, "once is enough");
}

static void make_short(void) { put_file("40.eml", span_first(body, 9)); }
static void make_empty(void) { put_file("40.eml", SPAN("")); }
static void make_missing(void) { unlinkat(sub0, "40.eml", 0); }
static void make_garbage(void) { put_file("40.hdr", SPAN("\1\2\3")); }
static void make_empty_header(void) { put_file("40.hdr", SPAN("")); }
static void make_other_id(void) { put_file("40.hdr", envelope_text(44, body)); }

static void
make_link(void)
{
	unlinkat(sub0, "40.eml", 0);
	if (symlinkat("/etc/passwd", sub0, "40.eml") < 0)
		ok(false, "symlink");
}

static void
make_folder(void)
{
	unlinkat(sub0, "40.hdr", 0);
	if (mkdirat(sub0, "40.hdr", 0700) < 0)
		ok(false, "mkdir");
}

static void
make_header_link(void)
{
	unlinkat(sub0, "40.hdr", 0);
	if (symlinkat("41.hdr", sub0, "40.hdr") < 0)
		ok(false, "symlink");
}

static void
make_foreign_owner(void)
{
	if (fchownat(sub0, "40.eml", 65534, 65534, 0) < 0)
		ok(false, "chown");
}

static void
test_damage(void)
{
	damaged("a shorter body", make_short);
	damaged("an empty body", make_empty);
	damaged("a missing body", make_missing);
	damaged("garbage as envelope", make_garbage);
	damaged("an empty envelope", make_empty_header);
	damaged("the envelope of another message", make_other_id);
	damaged("a symbolic link as body", make_link);
	damaged("a folder as envelope", make_folder);
	damaged("a symbolic link as envelope", make_header_link);
	if (geteuid() == 0)
		damaged("a body of another user", make_foreign_owner);
	else
		printf("ok %d # SKIP chown needs root\n", ++tap_count);
}

static void
write_body(struct spool_put *p, struct body_writer *w, uint64_t max)
{
	body_writer_init(w, dup(p->fd), max);
	spool_put_handed(p);
	body_writer_put(w, body);
}

static void
test_put(void)
{
	struct spool_put p;
	struct body_writer w;
	struct envelope *e;
	struct span text;
	int fd;

	fresh(1, 100);
	ok(spool_put_new(sp, &p) == 0, "a new message");
	write_body(&p, &w, 100);
	ok(spool_put_body(&p, body.n, 0, 0) < 0 && errno == EAGAIN, "a receiver that still writes is found");
	ok(body_writer_finish(&w, BODY_SYNCED) == 0, "it ends");
	ok(spool_put_body(&p, body.n, w.crc32c ^ 1, 0) < 0 && errno == EBADMSG, "a wrong checksum is found");
	ok(spool_put_body(&p, body.n + 1, w.crc32c, 0) < 0 && errno == EBADMSG, "a wrong size is found");
	ok(spool_put_body(&p, body.n, w.crc32c, 0) == 0, "the right ones are taken");
	ok(spool_put_header(&p, &fd, NULL) == 0, "the envelope");
	text = envelope_text(p.ref.id + 1, body);
	ok(write(fd, text.p, text.n) == (ssize_t)text.n, "of another id");
	ok(spool_put_accept(&p, 0, &e) < 0 && errno == EAGAIN, "is not read while it is open");
	close(fd);
	ok(spool_put_accept(&p, 0, &e) < 0 && errno == EBADMSG && e == NULL, "and is refused");
	spool_put_abort(&p);
	is_num(scan(SPOOL_SCAN_QUEUED, 3600, NULL), 0, "nothing is left of it");

	ok(spool_put_new(sp, &p) == 0, "another message");
	write_body(&p, &w, body.n - 1);
	ok(body_writer_finish(&w, BODY_SYNCED) < 0 && errno == EFBIG, "longer than allowed: EFBIG");
	spool_put_abort(&p);
}

/* What the kernel sends when another program opens a file while it is asked for writers. */
static void
test_broken_lease(void)
{
	fresh(1, 100);
	raise(SIGIO);
	ok(true, "a broken lease does not end the process");
}

static void
test_ids(void)
{
	struct spool_options o = { .sub_spools = 1, .sub_spool_size = 10 };
	uint64_t a, b, c;
	enum spool_file kind;

	fresh(1, 10);
	ok(spool_id_next(sp, &a) == 0 && spool_id_next(sp, &b) == 0 && b == a + 1, "ids count up");
	is_num(a, 100000000000, "from twelve digits");
	spool_free(&sp);
	ok(spool_open(top, &o, &sp) == 0 && spool_id_next(sp, &c) == 0 && c > b, "a restart goes on above");
	put_file("100000777777.eml", body);
	unlinkat(top, "highwater", 0);
	spool_free(&sp);
	ok(spool_open(top, &o, &sp) == 0 && spool_id_next(sp, &c) == 0 && c > 100000777777,
		"without the mark they start above all files");
	is_num(spool_id_bounce(100000000042, 3), 3000100000000042, "the id of a bounce shows the message");
	is_num(spool_id_bounce(3000100000000042, 2), 2003000100000000042, "so does the id of what is told about a bounce");
	ok(spool_id_bounce(999999999999999999, 17) == UINT64_C(17999999999999999999), "up to the largest");
	ok(spool_id_bounce(999999999999999999, 18) == 0 && spool_id_bounce(1, 1000) == 0 && spool_id_bounce(1, 0) == 0,
	   "and no further");
	is_num(spool_id_bounce(2003000100000000042, 1), 0, "which has none itself");
	ok(!spool_id_parse(SPAN("012.eml"), &a, &kind) && !spool_id_parse(SPAN("18446744073709551616.eml"), &a, &kind) &&
		!spool_id_parse(SPAN("12.hdr.pending"), &a, &kind) && spool_id_parse(SPAN("12.em_"), &a, &kind) && a == 12,
		"names are read strictly");
}

static void
test_folders_and_locks(void)
{
	uint32_t got[8], sub;
	int lock;

	fresh(3, 2);
	for (int i = 0; i < 8; i++) {
		char name[32];

		got[i] = spool_sub_choose(sp);
		snprintf(name, sizeof(name), "%d.eml", 50 + i);
		close(openat(spool_sub_fd(sp, got[i]), name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	ok(got[0] == 0 && got[1] == 0 && got[2] == 1 && got[3] == 1 && got[4] == 2 && got[5] == 2,
		"each folder takes its number before the next");
	ok(got[6] != got[7], "then the emptiest takes more");
	ok(spool_sub_find(sp, SPAN("SubSpool2"), &sub) && sub == 2 && !spool_sub_find(sp, SPAN("SubSpool3"), &sub),
		"folders are found by name");
	lock = spool_lock(sp, "intake.lock");
	ok(lock >= 0, "the first has the lock");
	ok(spool_lock(sp, "intake.lock") < 0 && errno == EAGAIN, "the second has not");
	close(lock);
	lock = spool_lock(sp, "intake.lock");
	ok(lock >= 0, "it is free when the first is gone");
	close(lock);
}

/* Each folder is an open descriptor. */
static void
test_number_of_folders(void)
{
	struct spool_options o = { .sub_spools = LIMIT_SUB_SPOOLS, .sub_spool_size = 10 };
	struct rlimit files;
	struct spool *many = NULL;
	uint32_t sub;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max < LIMIT_SUB_SPOOLS + 100)
		bug("no %d descriptors", LIMIT_SUB_SPOOLS + 100);
	if (files.rlim_cur < LIMIT_SUB_SPOOLS + 100) {
		files.rlim_cur = LIMIT_SUB_SPOOLS + 100;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	fresh(3, 2);
	spool_free(&sp);
	is_num(spool_open(top, &o, &many), 0, "folders at LIMIT_SUB_SPOOLS");
	ok(many != NULL && spool_sub_find(many, SPAN("SubSpool999"), &sub) && sub == LIMIT_SUB_SPOOLS - 1, "the last is there");
	spool_free(&many);
	o.sub_spools = LIMIT_SUB_SPOOLS + 1;
	ok(spool_open(top, &o, &many) < 0 && errno == EINVAL, "over LIMIT_SUB_SPOOLS");
}

static void
remove_all(void)
{
	const char *argv[] = { "rm", "-rf", path, NULL };

	spool_free(&sp);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
}

int
main(void)
{
	int failed;

	if (mkdtemp(path) == NULL)
		return 1;
	test_received_rows();
	test_queued_rows();
	test_finished_row();
	test_damage();
	test_put();
	test_broken_lease();
	test_ids();
	test_folders_and_locks();
	test_number_of_folders();
	failed = done();
	fflush(stdout);
	if (failed == 0)
		remove_all();
	return failed;
}
