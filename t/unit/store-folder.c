/* Folders, subscriptions and quota (case I06). */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "mail/charset.h"
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

static bool
exists(const char *path)
{
	struct stat st;

	return fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
put_file(const char *path, const char *text)
{
	int fd = file_openat(root, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || file_write_all(fd, text, strlen(text)) < 0)
		bug("cannot write %s: %m", path);
	file_close(&fd);
}

static void
path_is(const char *name, const char *want)
{
	char path[FOLDER_PATH_SIZE];
	struct buf back;

	buf_init(&back, 4000);
	if (want == NULL) {
		ok(folder_path(span_of(name), path) < 0 && errno == EINVAL, "I06 refused: %.40s", name);
	} else {
		ok(folder_path(span_of(name), path) == 0, "taken: %s", name);
		is_text(path, want, name);
		ok(strcmp(path, ".") == 0 || (folder_name(span_of(path), &back) && span_is(buf_view(&back), name)), "and back: %s", name);
	}
	buf_free(&back);
}

static void
test_names(void)
{
	static const char *const bad[] = {
		"", "../victim/INBOX", "a/../../b", "/etc", ".", "..", "new", "cur", "tmp", "new/x", "a/", "a//b", "*", "a%",
		"INBOX/\x01", "a\x7f", "\xff", "a/./b"
	};
	struct buf deep, out;

	path_is("INBOX", ".");
	path_is("inbox", ".");
	path_is("A/B", ".A.B");
	path_is("example.org", ".example&AC4-org");
	path_is("Entw\xc3\xbcrfe", ".Entw&APw-rfe");
	path_is("a&b", ".a&-b");
	path_is("sub/new", ".sub.new");
	for (size_t i = 0; i < PB_COUNT(bad); i++)
		path_is(bad[i], NULL);
	buf_init(&deep, 10000);
	for (int i = 0; i <= LIMIT_FOLDER_DEPTH; i++)
		buf_text_put(&deep, i == 0 ? "a" : "/a");
	path_is(buf_text(&deep), NULL);
	buf_clear(&deep);
	for (int i = 0; i < 300; i++)
		buf_char(&deep, 'a');
	path_is(buf_text(&deep), NULL);
	buf_init(&out, 1000);
	ok(!folder_name(SPAN(".new"), &out) && !folder_name(SPAN("..."), &out) && !folder_name(SPAN(".a..b"), &out) &&
	   !folder_name(SPAN(".&AC8-"), &out) && !folder_name(SPAN("."), &out), "directories that are no folders");
	buf_free(&deep);
	buf_free(&out);
}

static void
list_is(int (*list)(int, struct folder_list *), const char *want, const char *name)
{
	struct folder_list l;
	struct buf b;

	buf_init(&b, 4000);
	if (list(root, &l) < 0)
		bug("list: %m");
	for (size_t i = 0; i < l.count; i++)
		buf_printf(&b, "%s%s", i > 0 ? " " : "", l.names[i]);
	is_text(buf_text(&b), want, name);
	folder_list_free(&l);
	buf_free(&b);
}

static uint32_t
validity_of(const char *path)
{
	struct mailbox *m = mailbox_open(root, path, MAILBOX_SELECT);
	uint32_t v = m != NULL ? mailbox_uidvalidity(m) : 0;

	mailbox_close(&m);
	return v;
}

static void
test_folders(void)
{
	uint32_t validity;

	ok(folder_create(root, SPAN("a/b")) == 0 && exists(".a.b/cur"), "create");
	ok(folder_create(root, SPAN("a/b")) < 0 && errno == EEXIST, "twice");
	ok(folder_create(root, SPAN("inbox")) < 0 && errno == EEXIST, "INBOX is there");
	ok(folder_create(root, SPAN("a")) == 0 && folder_create(root, SPAN("ab")) == 0, "more");
	if (mkdirat(root, "..bad", 0700) < 0 || symlinkat("/tmp", root, ".link") < 0)
		bug("cannot prepare: %m");
	list_is(folder_list, "INBOX a a/b ab", "list");
	validity = validity_of(".a.b");
	ok(folder_rename(root, SPAN("a"), SPAN("x/y")) == 0, "rename takes those below along");
	list_is(folder_list, "INBOX ab x/y x/y/b", "list");
	is_num(validity_of(".x.y.b"), validity, "UIDVALIDITY goes along");
	ok(folder_rename(root, SPAN("x/y"), SPAN("ab")) < 0 && errno == EEXIST, "but not onto another");
	ok(folder_rename(root, SPAN("none"), SPAN("z")) < 0 && errno == ENOENT, "nor from nothing");
	ok(folder_rename(root, SPAN("x"), SPAN("q")) == 0, "a parent that is only a name");
	list_is(folder_list, "INBOX ab q/y q/y/b", "list");
	ok(folder_delete(root, SPAN("q/y")) == 0, "delete leaves those below");
	list_is(folder_list, "INBOX ab q/y/b", "list");
	ok(folder_delete(root, SPAN("q/y")) < 0 && errno == ENOENT, "twice");
	ok(folder_delete(root, SPAN("INBOX")) < 0 && errno == EPERM, "INBOX cannot be deleted");
	ok(!folder_exists(root, SPAN("link")) && folder_exists(root, SPAN("ab")), "a link is no folder");
	ok(folder_new_uidvalidity(root) < folder_new_uidvalidity(root), "every UIDVALIDITY is new");
}

static void
test_rename_inbox(void)
{
	struct mailbox *m;

	put_file("new/1.a", "A: b\r\n\r\n");
	put_file("cur/2.b:2,S", "A: b\r\n\r\n");
	ok(folder_rename(root, SPAN("INBOX"), SPAN("old")) == 0, "rename INBOX");
	m = mailbox_open(root, ".old", MAILBOX_SELECT);
	ok(m != NULL && mailbox_count(m) == 2, "moves its messages");
	mailbox_close(&m);
	m = mailbox_open(root, ".", MAILBOX_SELECT);
	ok(m != NULL && mailbox_count(m) == 0, "and leaves it empty");
	mailbox_close(&m);
}

static void
test_subscriptions(void)
{
	ok(folder_subscribe(root, SPAN("b"), true) == 0 && folder_subscribe(root, SPAN("a"), true) == 0 &&
	   folder_subscribe(root, SPAN("a"), true) == 0, "subscribe");
	list_is(folder_subscribed, "a b", "each once, sorted");
	ok(folder_subscribe(root, SPAN("b"), false) == 0, "unsubscribe");
	list_is(folder_subscribed, "a", "one is left");
	ok(folder_subscribe(root, SPAN("../x"), true) < 0, "a bad name");
}

static void
test_quota(void)
{
	struct quota q;

	ok(quota_read(root, &q) == 0 && q.count == 2 && q.bytes == 16, "counted from the files");
	quota_add(root, 100, 1);
	ok(quota_read(root, &q) == 0 && q.count == 3 && q.bytes == 116, "one line more");
	ok(quota_set_limit(root, 200, 10) == 0 && quota_read(root, &q) == 0 && q.limit_bytes == 200, "a limit");
	ok(quota_has_room(&q, 84, 1) && !quota_has_room(&q, 85, 1) && !quota_has_room(&q, 1, 8), "room");
	for (int i = 0; i < 1000; i++)
		quota_add(root, 1, 0);
	ok(quota_read(root, &q) == 0 && q.bytes == 1116 && q.limit_bytes == 200, "a long file is summed up");
	put_file("maildirsize", "nonsense");
	ok(quota_read(root, &q) == 0 && q.count == 2, "a damaged one is counted anew");
	put_file("maildirsize", "10S\n5 1\n-99 -1\n");
	ok(quota_read(root, &q) == 0 && q.count == 2, "so is one below zero");
}

int
main(void)
{
	root = tmpdir_open("store-folder");
	if (maildir_make(root) < 0)
		bug("maildir_make: %m");
	test_names();
	test_folders();
	test_rename_inbox();
	test_subscriptions();
	test_quota();
	tmpdir_remove();
	return done();
}
