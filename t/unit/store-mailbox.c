/* A mailbox: UIDs, flags, other programs, two sessions, append, copy, expunge. */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "store/folder.h"
#include "store/mailbox.h"
#include "store/maildir.h"
#include "store/quota.h"
#include "sys/file.h"
#include "tap.h"
#include "tmpdir.h"

#include <errno.h>
#include <sys/stat.h>

static int root;

static void
put_file(const char *path, const char *text)
{
	int fd = file_openat(root, path, O_WRONLY | O_CREAT | O_EXCL, 0440);

	if (fd < 0 || file_write_all(fd, text, strlen(text)) < 0)
		bug("cannot write %s: %m", path);
	file_close(&fd);
}

static bool
exists(const char *path)
{
	struct stat st;

	return fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct mailbox *
open_box(const char *path, enum mailbox_mode mode)
{
	struct mailbox *m = mailbox_open(root, path, mode);

	if (m == NULL)
		bug("mailbox_open %s: %m", path);
	return m;
}

static struct mailbox_counts
counts(const struct mailbox *m)
{
	struct mailbox_counts c;

	mailbox_counts(m, &c);
	return c;
}

static void
test_uids(void)
{
	struct mailbox *m;
	uint32_t validity;

	put_file("new/1000.a", "A: b\r\n\r\nx\r\n");
	put_file("new/1001.b", "A: b\n\nx\n");
	put_file("cur/1002.c:2,FS", "A: b\n\n");
	m = open_box(".", MAILBOX_SELECT);
	validity = mailbox_uidvalidity(m);
	is_num(mailbox_count(m), 3, "three messages");
	is_num(mailbox_at(m, 0)->uid, 1, "UIDs begin at 1");
	is_num(mailbox_uidnext(m), 4, "UIDNEXT");
	is_num(mailbox_at(m, 0)->wire_size, 11, "wire size of a CRLF file");
	is_num(mailbox_at(m, 1)->file_size, 8, "file size of one with bare LF");
	is_num(mailbox_at(m, 1)->wire_size, 11, "and its wire size");
	is_num(counts(m).unseen, 2, "unseen");
	is_num(counts(m).recent, 3, "recent: no session was told of them before");
	ok(exists("cur/1000.a:2,") && !exists("new/1000.a"), "new/ was emptied into cur/");
	ok(mailbox_at(m, 2)->letters == (MAILDIR_SEEN | MAILDIR_FLAGGED), "flags from the name");
	mailbox_close(&m);

	m = open_box(".", MAILBOX_SELECT);
	is_num(mailbox_uidvalidity(m), validity, "UIDVALIDITY stays");
	is_num(mailbox_count(m), 3, "the messages are there again");
	is_num(counts(m).recent, 0, "and no longer recent");
	is_span(mailbox_base_name(m, 1), "1001.b", "base name");
	mailbox_close(&m);
}

static void
test_others(void)
{
	struct mailbox *m = open_box(".", MAILBOX_SELECT);
	int fd;

	renameat(root, "cur/1000.a:2,", root, "cur/1000.a:2,R");
	fd = mailbox_open_message(m, 0);
	ok(fd >= 0, "a message that another program renamed is found");
	file_close(&fd);
	ok((mailbox_at(m, 0)->letters & MAILDIR_ANSWERED) && (mailbox_at(m, 0)->state & MESSAGE_CHANGED), "with its new flag");
	unlinkat(root, "cur/1001.b:2,", 0);
	put_file("new/1003.d", "x");
	ok(mailbox_is_stale(m), "stale");
	ok(mailbox_sync(m) == 0, "sync");
	ok(mailbox_at(m, 1)->state & MESSAGE_GONE, "a removed message is gone");
	is_num(mailbox_count(m), 4, "but stays in its place, and a new one is last");
	is_num(mailbox_at(m, 3)->uid, 4, "with the next UID");
	mailbox_forget(m, NULL, NULL);
	is_num(mailbox_count(m), 3, "forgotten");
	ok(mailbox_open_message(m, 1) >= 0, "the others open");
	put_file("cur/1004.e", "bare");
	put_file("cur/1005.f:2,SF", "letters in wrong order");
	put_file("new/1006.g:2,S", "info in new");
	ok(mailbox_sync(m) == 0, "sync");
	is_num(mailbox_count(m), 6, "odd names are messages too");
	ok(exists("cur/1005.f:2,FS") && exists("cur/1006.g:2,S"), "and get proper ones");
	mailbox_close(&m);
}

static void
test_intruders(void)
{
	struct mailbox *m;
	size_t before;

	m = open_box(".", MAILBOX_SELECT);
	before = mailbox_count(m);
	if (symlinkat("/etc/passwd", root, "new/2000.link") < 0 || mkfifoat(root, "new/2001.fifo", 0600) < 0 ||
	    mkdirat(root, "cur/2002.dir", 0700) < 0)
		bug("cannot make intruders: %m");
	put_file("new/2003.suid", "x");
	if (fchmodat(root, "new/2003.suid", 04755, 0) < 0)
		bug("fchmodat: %m");
	ok(mailbox_sync_full(m) == 0, "I12: a link, a FIFO, a folder and a setuid file");
	is_num(mailbox_count(m), before, "are no messages");
	unlinkat(root, "new/2000.link", 0);
	unlinkat(root, "new/2001.fifo", 0);
	unlinkat(root, "new/2003.suid", 0);
	unlinkat(root, "cur/2002.dir", AT_REMOVEDIR);
	mailbox_close(&m);
}

/* The bit of the i-th keyword; 0 when it gets none. */
static uint64_t
keyword_bit(struct mailbox *m, int i)
{
	char name[16];
	uint64_t bit = 0;

	snprintf(name, sizeof(name), "k%d", i);
	if (mailbox_keyword_bit(m, span_of(name), true, &bit) != 0)
		bug("keyword %d: %m", i);
	return bit;
}

static void
test_store(void)
{
	struct mailbox *a = open_box(".", MAILBOX_SELECT), *b = open_box(".", MAILBOX_SELECT);
	uint32_t which[] = { 0, 1 };
	uint64_t bit = 0, bits = 0, modseq = mailbox_highest_modseq(a);

	ok(mailbox_store(a, which, 2, MAILBOX_ADD, MAILDIR_SEEN, 0) == 0, "+FLAGS \\Seen");
	ok(mailbox_store(b, which, 1, MAILBOX_ADD, MAILDIR_FLAGGED, 0) == 0, "another session adds \\Flagged");
	ok(mailbox_sync(a) == 0, "sync");
	ok((mailbox_at(a, 0)->letters & (MAILDIR_SEEN | MAILDIR_FLAGGED)) == (MAILDIR_SEEN | MAILDIR_FLAGGED), "both are there");
	ok(exists("cur/1000.a:2,FRS"), "and in the name");
	ok(mailbox_at(a, 0)->modseq > modseq, "the modseq rose");
	ok(mailbox_keyword_bit(a, SPAN("$Forwarded"), true, &bit) == 0 && bit == 1, "a keyword");
	ok(mailbox_store(a, which, 1, MAILBOX_REPLACE, 0, bit) == 0, "FLAGS ($Forwarded)");
	ok(mailbox_sync(b) == 0 && mailbox_at(b, 0)->keywords == 1, "the other sees the keyword");
	is_text(mailbox_keyword(b, 0), "$Forwarded", "and its name");
	ok(exists("cur/1000.a:2,"), "system flags replaced");
	ok(mailbox_keyword_bit(b, SPAN("$FORWARDED"), true, &bit) == 0 && bit == 1, "letter case is the same keyword");
	ok(mailbox_keyword_bit(b, SPAN("a b"), true, &bit) == 0 && bit == 0, "not every text is a keyword");
	/* $Forwarded is the first of them. */
	for (int i = 1; i < LIMIT_KEYWORDS; i++)
		bits |= keyword_bit(b, i);
	ok((bits | 1) == UINT64_MAX, "keywords at LIMIT_KEYWORDS have each their bit");
	is_num(keyword_bit(b, LIMIT_KEYWORDS), 0, "one over LIMIT_KEYWORDS has none");
	is_num(mailbox_keyword_count(b), LIMIT_KEYWORDS, "the others stay");
	mailbox_close(&a);
	mailbox_close(&b);
}

static void
test_append_copy(void)
{
	struct mailbox *m = open_box(".", MAILBOX_SELECT), *f;
	struct mailbox_append *a;
	struct mailbox_added added;
	struct span keyword = SPAN("$Junk");
	struct quota before, after;
	uint32_t which[] = { 0, 1, 2 };
	size_t n = mailbox_count(m);

	ok(quota_read(root, &before) == 0, "quota");
	ok(folder_create(root, SPAN("A/B.c")) == 0, "a folder");
	a = mailbox_append_begin(root, ".");
	ok(a != NULL && mailbox_append_write(a, "X: y\r", 5) == 0 && mailbox_append_write(a, "\n\n\n", 3) == 0, "append in pieces");
	ok(mailbox_append_commit(&a, MAILDIR_SEEN, &keyword, 1, 86400, &added) == 0, "commit");
	is_num(added.first_uid, mailbox_uidnext(m), "the UID of an append");
	ok(mailbox_sync(m) == 0, "sync");
	is_num(mailbox_count(m), n + 1, "is in the view");
	is_num(mailbox_at(m, n)->date, 86400, "with its date");
	is_num(mailbox_at(m, n)->wire_size, 10, "and wire size");
	ok(mailbox_at(m, n)->keywords != 0 || mailbox_keyword_count(m) == 64, "and keyword if there is room");
	ok(mailbox_copy(m, which, 3, root, ".A.B&AC4-c", &added) == 0, "copy");
	is_num(added.count, 3, "three messages");
	is_num(added.first_uid, 1, "from UID 1");
	f = open_box(".A.B&AC4-c", MAILBOX_SELECT);
	is_num(mailbox_count(f), 3, "in the folder");
	ok(mailbox_at(f, 1)->letters == mailbox_at(m, 1)->letters, "with their flags");
	is_num(mailbox_at(f, 0)->keywords, 1, "and keywords");
	is_text(mailbox_keyword(f, 0), "$Forwarded", "by name");
	ok(quota_read(root, &after) == 0, "quota again");
	is_num(after.count, before.count + 4, "counts four messages more");
	ok(mailbox_expunge(f, which, 2) == 0, "expunge");
	ok((mailbox_at(f, 0)->state & MESSAGE_GONE) && !(mailbox_at(f, 2)->state & MESSAGE_GONE), "two are gone");
	mailbox_forget(f, NULL, NULL);
	is_num(mailbox_count(f), 1, "one is left");
	is_num(mailbox_at(f, 0)->uid, 3, "with its UID");
	mailbox_close(&f);
	a = mailbox_append_begin(root, ".");
	ok(mailbox_append_write(a, "x", 1) == 0, "an append");
	mailbox_append_abort(&a);
	ok(mailbox_sync(m) == 0 && mailbox_count(m) == n + 1, "that is given up leaves nothing");
	ok(mailbox_copy(m, which, 1, root, ".None", &added) < 0 && errno == ENOENT, "copy to no folder");
	mailbox_close(&m);
}

static void
test_cache(void)
{
	struct mailbox *m = open_box(".", MAILBOX_SELECT);
	struct span blob;

	ok(!mailbox_cache_get(m, 0, &blob), "nothing cached");
	mailbox_cache_put(m, 0, SPAN("blob"));
	mailbox_cache_put(m, 1, SPAN("another"));
	ok(mailbox_cache_get(m, 0, &blob) && span_is(blob, "blob"), "a blob");
	mailbox_close(&m);
	m = open_box(".", MAILBOX_EXAMINE);
	ok(mailbox_cache_get(m, 1, &blob) && span_is(blob, "another"), "another session finds it");
	mailbox_close(&m);
}

static void
test_modes(void)
{
	struct mailbox *pop, *exa, *sel;
	size_t n;

	put_file("new/3000.z", "x\r\n");
	pop = open_box(".", MAILBOX_POP);
	n = mailbox_count(pop);
	ok(exists("new/3000.z"), "POP leaves new/ alone");
	exa = open_box(".", MAILBOX_EXAMINE);
	is_num(counts(exa).recent, 1, "EXAMINE sees one recent message");
	ok(exists("new/3000.z"), "and leaves it");
	sel = open_box(".", MAILBOX_SELECT);
	is_num(counts(sel).recent, 1, "SELECT takes it");
	ok(mailbox_at(sel, n - 1)->state & MESSAGE_RECENT, "and marks it");
	ok(exists("cur/3000.z:2,"), "moved");
	ok(mailbox_sync(pop) == 0 && !(mailbox_at(pop, n - 1)->state & MESSAGE_GONE), "POP follows");
	{
		uint32_t which = (uint32_t)n - 1;

		ok(mailbox_expunge(pop, &which, 1) == 0 && !exists("cur/3000.z:2,"), "and can delete it");
	}
	ok(mailbox_sync(sel) == 0 && (mailbox_at(sel, n - 1)->state & MESSAGE_GONE), "which the others learn");
	mailbox_close(&pop);
	mailbox_close(&exa);
	mailbox_close(&sel);
}

static void
test_deleted_folder(void)
{
	struct mailbox *m = open_box(".A.B&AC4-c", MAILBOX_SELECT);
	uint32_t validity = mailbox_uidvalidity(m);

	ok(folder_delete(root, SPAN("A/B.c")) == 0, "delete the folder that is open");
	ok(mailbox_sync(m) < 0 && errno == ESTALE, "the session learns it");
	mailbox_close(&m);
	ok(folder_create(root, SPAN("A/B.c")) == 0, "made again");
	m = open_box(".A.B&AC4-c", MAILBOX_SELECT);
	ok(mailbox_uidvalidity(m) > validity, "with a higher UIDVALIDITY");
	mailbox_close(&m);
}

int
main(void)
{
	root = tmpdir_open("store-mailbox");
	if (maildir_make(root) < 0)
		bug("maildir_make: %m");
	test_uids();
	test_others();
	test_intruders();
	test_store();
	test_append_copy();
	test_cache();
	test_modes();
	test_deleted_folder();
	tmpdir_remove();
	return done();
}
