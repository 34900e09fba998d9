/* Case I14: journal or index cut, with flipped bits, deleted, or another mailbox's. */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/mem.h"
#include "store/mailbox.h"
#include "store/maildir.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "tap.h"
#include "tmpdir.h"

#include <sys/stat.h>

#define MESSAGES 40

static int root;
static uint32_t validity;
static struct buf journal, index_file, lock_text;

static void
put_file(const char *path, const void *data, size_t n)
{
	int fd = file_openat(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || file_write_all(fd, data, n) < 0)
		bug("cannot write %s: %m", path);
	file_close(&fd);
}

static void
get_file(const char *path, struct buf *out)
{
	int fd = file_openat(root, path, O_RDONLY, 0);

	buf_clear(out);
	if (fd < 0 || file_read_all(fd, out) < 0)
		bug("cannot read %s: %m", path);
	file_close(&fd);
}

static struct mailbox *
open_box(void)
{
	struct mailbox *m = mailbox_open(root, ".", MAILBOX_SELECT);

	if (m == NULL)
		bug("mailbox_open: %m");
	return m;
}

static void
make_box(void)
{
	uint32_t which[] = { 3, 5 };
	struct mailbox *m;
	uint64_t bit;

	for (int i = 0; i < MESSAGES; i++) {
		char path[64];

		snprintf(path, sizeof(path), "new/%d.m", 1000 + i);
		put_file(path, "A: b\r\n\r\nx\r\n", 11);
	}
	m = open_box();
	validity = mailbox_uidvalidity(m);
	if (mailbox_keyword_bit(m, SPAN("key"), true, &bit) < 0 ||
	    mailbox_store(m, which, 2, MAILBOX_ADD, MAILDIR_SEEN, bit) < 0 ||
	    mailbox_expunge(m, which, 1) < 0 || mailbox_checkpoint(m) < 0)
		bug("cannot prepare the mailbox: %m");
	mailbox_close(&m);
	/* Until the mtimes of the folders are old enough to be trusted, each session notes a scan. */
	clock_sleep_ms(60);
	m = open_box();
	if (mailbox_checkpoint(m) < 0)
		bug("mailbox_checkpoint: %m");
	mailbox_close(&m);
	get_file(MAILDIR_JOURNAL, &journal);
	get_file(MAILDIR_INDEX, &index_file);
	get_file(MAILDIR_LOCK, &lock_text);
}

/* All files are there, UIDs rise, and none stands for another file than before. */
static bool
is_sound(const struct mailbox *m, bool uids_kept)
{
	uint32_t last = 0;

	if (mailbox_count(m) != MESSAGES - 1)
		return false;
	for (size_t i = 0; i < mailbox_count(m); i++) {
		const struct message *msg = mailbox_at(m, i);
		char name[16];

		snprintf(name, sizeof(name), "%u.m", 1000 + msg->uid - 1);
		if (msg->uid <= last || msg->uid >= mailbox_uidnext(m))
			return false;
		if (msg->uid <= MESSAGES && mailbox_uidvalidity(m) == validity && !span_is(mailbox_base_name(m, i), name))
			return false;
		if (uids_kept && msg->uid > MESSAGES)
			return false;
		last = msg->uid;
	}
	return true;
}

static void
reset(bool with_index)
{
	put_file(MAILDIR_JOURNAL, journal.p, journal.n);
	put_file(MAILDIR_LOCK, lock_text.p, lock_text.n);
	if (with_index)
		put_file(MAILDIR_INDEX, index_file.p, index_file.n);
	else
		unlinkat(root, MAILDIR_INDEX, 0);
}

static void
check(const char *what, bool uids_kept, bool validity_kept)
{
	struct mailbox *m = open_box();

	ok(is_sound(m, uids_kept), "%s: %s", what, uids_kept ? "every UID is kept" : "no UID is used twice");
	ok(!validity_kept || mailbox_uidvalidity(m) == validity, "%s: UIDVALIDITY", what);
	mailbox_close(&m);
}

static void
test_index(void)
{
	size_t wrong = 0, step = index_file.n / 200 + 1;
	struct buf again;

	reset(false);
	check("index deleted", true, true);
	for (size_t n = 0; n < index_file.n; n += step) {
		struct mailbox *m;

		reset(false);
		put_file(MAILDIR_INDEX, index_file.p, n);
		m = open_box();
		wrong += !is_sound(m, true) || mailbox_uidvalidity(m) != validity;
		mailbox_close(&m);
	}
	is_num(wrong, 0, "index cut at any length");
	for (size_t n = 0; n < index_file.n; n += step) {
		struct mailbox *m;

		reset(true);
		index_file.p[n] ^= 4;
		put_file(MAILDIR_INDEX, index_file.p, index_file.n);
		index_file.p[n] ^= 4;
		m = open_box();
		wrong += !is_sound(m, true) || mailbox_uidvalidity(m) != validity;
		mailbox_close(&m);
	}
	is_num(wrong, 0, "one bit of the index flipped, anywhere");
	/* The index is a function of the journal: a new one has the same bytes. */
	reset(false);
	{
		struct mailbox *m = open_box();

		ok(mailbox_checkpoint(m) == 0, "index written anew");
		mailbox_close(&m);
	}
	buf_init(&again, 1 << 20);
	get_file(MAILDIR_INDEX, &again);
	ok(span_eq(buf_view(&again), buf_view(&index_file)), "byte for byte the same");
	buf_free(&again);
}

static void
test_journal(void)
{
	size_t wrong = 0, lost = 0, step = journal.n / 150 + 1;

	for (size_t n = 0; n < journal.n; n += step) {
		struct mailbox *m;

		reset(false);
		put_file(MAILDIR_JOURNAL, journal.p, n);
		m = open_box();
		wrong += !is_sound(m, false);
		lost += mailbox_uidvalidity(m) != validity && n > 100;
		mailbox_close(&m);
	}
	is_num(wrong, 0, "journal cut at any length, no index: files get other UIDs, none twice");
	is_num(lost, 0, "and UIDVALIDITY changes only without its line");
	for (size_t n = 0; n < journal.n; n += step) {
		struct mailbox *m;

		reset(false);
		journal.p[n] ^= 1;
		put_file(MAILDIR_JOURNAL, journal.p, journal.n);
		journal.p[n] ^= 1;
		m = open_box();
		wrong += !is_sound(m, false);
		mailbox_close(&m);
	}
	is_num(wrong, 0, "one bit of the journal flipped, anywhere, no index");
	for (size_t n = 0; n < journal.n; n += step) {
		struct mailbox *m;

		reset(true);
		put_file(MAILDIR_JOURNAL, journal.p, n);
		m = open_box();
		wrong += !is_sound(m, true) || mailbox_uidvalidity(m) != validity;
		mailbox_close(&m);
	}
	is_num(wrong, 0, "journal cut at any length, with its index: nothing is lost");
	reset(true);
	unlinkat(root, MAILDIR_JOURNAL, 0);
	check("journal deleted", true, true);
	reset(false);
	unlinkat(root, MAILDIR_JOURNAL, 0);
	check("both deleted", false, false);
	reset(true);
	put_file(MAILDIR_INDEX, "PBINDEX1 but nothing of the kind, and long enough to be looked at", 66);
	check("another file under the index's name", true, true);
	unlinkat(root, MAILDIR_INDEX, 0);
	if (symlinkat("/etc/passwd", root, MAILDIR_INDEX) < 0)
		bug("symlinkat: %m");
	check("I12 a link under the index's name", true, true);
}

static void
test_live(void)
{
	struct mailbox *m;
	uint32_t which = 0;

	reset(true);
	m = open_box();
	unlinkat(root, MAILDIR_JOURNAL, 0);
	ok(mailbox_store(m, &which, 1, MAILBOX_ADD, MAILDIR_FLAGGED, 0) == 0, "journal deleted while a session runs");
	mailbox_close(&m);
	check("and after it", true, true);
	reset(true);
	m = open_box();
	put_file(MAILDIR_JOURNAL, "garbage", 7);
	ok(mailbox_store(m, &which, 1, MAILBOX_REMOVE, MAILDIR_FLAGGED, 0) == 0, "journal overwritten while a session runs");
	mailbox_close(&m);
	check("and after it", true, true);
}

int
main(void)
{
	root = tmpdir_open("store-damage");
	buf_init(&journal, 1 << 20);
	buf_init(&index_file, 1 << 20);
	buf_init(&lock_text, 100);
	if (maildir_make(root) < 0)
		bug("maildir_make: %m");
	make_box();
	test_index();
	test_journal();
	test_live();
	buf_free(&journal);
	buf_free(&index_file);
	buf_free(&lock_text);
	tmpdir_remove();
	return done();
}
