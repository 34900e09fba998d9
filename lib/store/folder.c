/*
 * Folders.  Trust: names come from clients; a name becomes one directory entry
 * that begins with a dot, has no slash and was made by folder_path alone.
 *
 * Changes of the list of folders, the subscriptions and the last UIDVALIDITY
 * are made under FOLDERS_LOCK, which may be taken while a mailbox is locked and
 * never the other way round.
 *
 * Crash: delete first renames the folder into tmp/, which takes it from the
 * list at once; what is left there is removed with the next delete.
 */
#include "base/base.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "mail/charset.h"
#include "mail/utf7.h"
#include "store/folder.h"
#include "store/mailbox.h"
#include "store/maildir.h"
#include "store/quota.h"
#include "sys/clock.h"
#include "sys/durable.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/random.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define FOLDERS_LOCK "pillarbox.folders.lock"
#define UIDVALIDITY_FILE "pillarbox.uidvalidity"
#define SUBSCRIPTIONS "subscriptions"
#define DELETED "tmp/deleted-"
#define SUBSCRIPTIONS_BYTES ((size_t)LIMIT_SUBSCRIPTIONS * 300)

static bool
part_is_good(struct span part, bool top)
{
	if (part.n == 0 || span_is(part, ".") || span_is(part, ".."))
		return false;
	if (top && (span_is(part, "new") || span_is(part, "cur") || span_is(part, "tmp")))
		return false;
	for (size_t i = 0; i < part.n; i++) {
		unsigned char c = (unsigned char)part.p[i];

		if (c < ' ' || c == 0x7f || c == '*' || c == '%')
			return false;
	}
	return true;
}

/* Append one part in modified UTF-7, dots as "&AC4-". */
static bool
put_part(struct span part, struct buf *out)
{
	while (part.p != NULL) {
		struct span piece = span_cut(&part, '.');

		if (!utf7_encode(piece, out))
			return false;
		if (part.p != NULL)
			buf_text_put(out, "&AC4-");
	}
	return true;
}

int
folder_path(struct span name, char out[FOLDER_PATH_SIZE])
{
	struct buf b;
	size_t depth = 0;

	buf_init_fixed(&b, out, FOLDER_PATH_SIZE - 5);	/* leaves room for what a rename may add */
	errno = EINVAL;
	if (span_is_nocase(name, "INBOX")) {
		buf_char(&b, '.');
		return 0;
	}
	if (name.n == 0 || !charset_is_utf8(name))
		return -1;
	while (name.p != NULL) {
		struct span part = span_cut(&name, '/');

		if (!part_is_good(part, depth == 0) || ++depth > LIMIT_FOLDER_DEPTH)
			return -1;
		if (depth == 1 && span_is_nocase(part, "INBOX"))
			part = SPAN("INBOX");
		buf_char(&b, '.');
		if (!put_part(part, &b))
			return -1;
	}
	return b.overflow ? -1 : 0;
}

/* One part back: pieces between "&AC4-" decoded, joined by dots. */
static bool
take_part(struct span part, struct buf *out)
{
	for (;;) {
		ssize_t dot = span_search(part, SPAN("&AC4-"));

		if (!utf7_decode(dot < 0 ? part : span_first(part, (size_t)dot), out))
			return false;
		if (dot < 0)
			return true;
		buf_char(out, '.');
		part = span_from(part, (size_t)dot + 5);
	}
}

bool
folder_name(struct span entry, struct buf *out)
{
	size_t start = out->n;
	struct span rest = span_from(entry, 1);
	char again[FOLDER_PATH_SIZE];

	if (entry.n < 2 || entry.p[0] != '.')
		return false;
	while (rest.p != NULL) {
		struct span part = span_cut(&rest, '.');

		if (!take_part(part, out))
			return false;
		if (rest.p != NULL)
			buf_char(out, '/');
	}
	/* Only names that lead back to this entry. */
	return folder_path(span_from(buf_view(out), start), again) == 0 && span_is(entry, again);
}

bool
folder_exists(int rootfd, struct span name)
{
	char path[FOLDER_PATH_SIZE];
	int fd;

	if (folder_path(name, path) < 0)
		return false;
	fd = maildir_open_dir(rootfd, path);
	if (fd < 0)
		return false;
	file_close(&fd);
	return true;
}

static void
list_add(struct folder_list *l, struct span name)
{
	if ((l->count & (l->count - 1)) == 0)
		l->names = mem_resize_array(l->names, l->count == 0 ? 1 : l->count * 2, sizeof(*l->names));
	l->names[l->count++] = mem_copy(name);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
sort_from(struct folder_list *l, size_t from)
{
	if (l->count > from + 1)
		qsort(l->names + from, l->count - from, sizeof(*l->names), by_name);
}

static DIR *
open_list(int dirfd, const char *path)
{
	int fd = maildir_open_dir(dirfd, path);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL)
		file_close(&fd);
	return d;
}

static bool
is_dir(int rootfd, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(rootfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int
folder_list(int rootfd, struct folder_list *out)
{
	DIR *d = open_list(rootfd, ".");
	struct dirent *e;
	struct buf name;

	*out = (struct folder_list){ .count = 0 };
	if (d == NULL)
		return -1;
	list_add(out, SPAN("INBOX"));
	buf_init(&name, LIMIT_MAILBOX_NAME * 4);
	while (out->count < LIMIT_FOLDERS && (e = readdir(d)) != NULL) {
		buf_clear(&name);
		if (is_dir(rootfd, e) && folder_name(span_of(e->d_name), &name))
			list_add(out, buf_view(&name));
	}
	buf_free(&name);
	closedir(d);
	sort_from(out, 1);
	return 0;
}

void
folder_list_free(struct folder_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->names[i]);
	free(l->names);
	*l = (struct folder_list){ .count = 0 };
}

static int
folders_lock(int rootfd)
{
	return lock_file(rootfd, FOLDERS_LOCK, true);
}

/* Whole content of a small file of ours; missing: empty. */
static int
read_small(int rootfd, const char *name, struct buf *out)
{
	int fd = maildir_open_file(rootfd, name);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	r = file_read_all(fd, out);
	file_close(&fd);
	return r;
}

uint32_t
folder_new_uidvalidity(int rootfd)
{
	int lock = folders_lock(rootfd);
	char text[32];
	struct buf old, new;
	uint64_t last = 0, value = (uint64_t)(clock_wall_ms() / 1000);
	bool known;

	if (lock < 0)
		return 0;
	buf_init(&old, 64);
	buf_init_fixed(&new, text, sizeof(text));
	known = read_small(rootfd, UIDVALIDITY_FILE, &old) == 0 &&
		num_parse(span_trim(buf_view(&old)), UINT32_MAX - 2, &last);
	if (known && last >= value)
		value = last + 1;
	buf_printf(&new, "%llu\n", (unsigned long long)value);
	if (durable_replace(rootfd, UIDVALIDITY_FILE, new.p, new.n, 0600) < 0)
		value = 0;
	buf_free(&old);
	file_close(&lock);
	return (uint32_t)value;
}

static int
make_folder(int rootfd, const char *path)
{
	int dir, mark;

	if (file_mkdirat(rootfd, path, 0700) < 0)
		return -1;
	dir = maildir_open_dir(rootfd, path);
	if (dir < 0 || maildir_make(dir) < 0) {
		file_close(&dir);
		return -1;
	}
	mark = file_openat2(dir, "maildirfolder", O_WRONLY | O_CREAT, 0600);	/* Maildir++ */
	file_close(&mark);
	file_close(&dir);
	return file_fsync_dir(rootfd);
}

static size_t
count_folders(int rootfd)
{
	struct folder_list l;
	size_t n;

	if (folder_list(rootfd, &l) < 0)
		return LIMIT_FOLDERS;
	n = l.count;
	folder_list_free(&l);
	return n;
}

int
folder_create(int rootfd, struct span name)
{
	char path[FOLDER_PATH_SIZE];
	int lock, r = -1, root, saved;

	if (folder_path(name, path) < 0)
		return -1;
	if (strcmp(path, ".") == 0) {
		errno = EEXIST;
		return -1;
	}
	root = maildir_open_dir(rootfd, ".");
	lock = root < 0 ? -1 : folders_lock(root);
	if (lock >= 0 && count_folders(root) >= LIMIT_FOLDERS)
		errno = EDQUOT;
	else if (lock >= 0)
		r = make_folder(root, path);
	saved = errno;
	file_close(&lock);
	file_close(&root);
	errno = saved;
	return r;
}

/* Unlink every plain file in a directory; counts what was mail. */
static void
empty_dir(int dir, const char *path, int64_t *bytes, int64_t *count)
{
	DIR *d = open_list(dir, path);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		struct stat st;

		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
			continue;
		if (file_unlinkat(dirfd(d), e->d_name, 0) == 0 && bytes != NULL) {
			*bytes -= st.st_size;
			--*count;
		}
	}
	if (d != NULL)
		closedir(d);
}

/* Remove a folder that was moved away from the list. */
static int
remove_tree(int rootfd, const char *path)
{
	static const char *const parts[] = { "cur", "new", "tmp" };
	int dir = maildir_open_dir(rootfd, path);
	int64_t bytes = 0, count = 0;

	if (dir < 0)
		return -1;
	for (size_t i = 0; i < PB_COUNT(parts); i++) {
		empty_dir(dir, parts[i], i < 2 ? &bytes : NULL, &count);
		if (file_unlinkat(dir, parts[i], AT_REMOVEDIR) < 0 && errno != ENOENT) {
			file_close(&dir);
			return -1;
		}
	}
	empty_dir(dir, ".", NULL, NULL);
	file_close(&dir);
	quota_add(rootfd, bytes, count);
	return file_unlinkat(rootfd, path, AT_REMOVEDIR);
}

/* What an earlier delete left. */
static void
remove_left_over(int rootfd)
{
	DIR *d = open_list(rootfd, "tmp");
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char path[FOLDER_PATH_SIZE];
		struct buf b;

		buf_init_fixed(&b, path, sizeof(path));
		buf_printf(&b, "tmp/%s", e->d_name);
		if (!b.overflow && span_starts(buf_view(&b), SPAN(DELETED)) && remove_tree(rootfd, path) < 0)
			continue;	/* stays for the next time */
	}
	if (d != NULL)
		closedir(d);
}

int
folder_delete(int rootfd, struct span name)
{
	char path[FOLDER_PATH_SIZE], away[64];
	struct buf b;
	int root, lock, r = -1, saved;

	if (folder_path(name, path) < 0)
		return -1;
	if (strcmp(path, ".") == 0) {
		errno = EPERM;
		return -1;
	}
	buf_init_fixed(&b, away, sizeof(away));
	buf_printf(&b, DELETED "%016llx", (unsigned long long)random_u64());
	root = maildir_open_dir(rootfd, ".");
	lock = root < 0 ? -1 : folders_lock(root);
	if (lock >= 0 && maildir_make(root) == 0)
		r = file_renameat(root, path, root, away, RENAME_NOREPLACE);
	if (r == 0)
		r = file_fsync_dir(root);
	saved = errno;
	if (r == 0)
		remove_left_over(root);
	file_close(&lock);
	file_close(&root);
	errno = saved;
	return r;
}

static bool
is_or_below(struct span name, struct span top)
{
	return span_starts(name, top) && (name.n == top.n || name.p[top.n] == '/');
}

/* The new path of a folder when `from` becomes `to`. */
static int
moved_path(struct span name, struct span from, struct span to, char out[FOLDER_PATH_SIZE])
{
	struct buf b;
	int r;

	buf_init(&b, LIMIT_MAILBOX_NAME * 4);
	buf_span(&b, to);
	buf_span(&b, span_from(name, from.n));
	r = folder_path(buf_view(&b), out);
	if (b.overflow) {
		errno = EINVAL;
		r = -1;
	}
	buf_free(&b);
	return r;
}

static bool
path_exists(int rootfd, const char *path)
{
	struct stat st;

	return fstatat(rootfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* First everything is checked, then everything renamed: deepest last matters not, names are flat. */
static int
rename_all(int root, const struct folder_list *l, struct span from, struct span to)
{
	char old[FOLDER_PATH_SIZE], new[FOLDER_PATH_SIZE];
	size_t found = 0;

	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t i = 1; i < l->count; i++) {
			struct span name = span_of(l->names[i]);

			if (!is_or_below(name, from))
				continue;
			if (folder_path(name, old) < 0 || moved_path(name, from, to, new) < 0)
				return -1;
			found++;
			if (pass == 0 && path_exists(root, new)) {
				errno = EEXIST;
				return -1;
			}
			if (pass == 1 && file_renameat(root, old, root, new, RENAME_NOREPLACE) < 0)
				return -1;
		}
	}
	if (found == 0) {
		errno = ENOENT;
		return -1;
	}
	return file_fsync_dir(root);
}

/* RFC 3501 6.3.5: the messages go to the new folder, INBOX stays and is empty. */
static int
rename_inbox(int rootfd, struct span to)
{
	char path[FOLDER_PATH_SIZE];
	struct mailbox_added added;
	struct mailbox *inbox;
	uint32_t *all;
	size_t n;
	int r;

	if (folder_create(rootfd, to) < 0 || folder_path(to, path) < 0)
		return -1;
	inbox = mailbox_open(rootfd, ".", MAILBOX_POP);
	if (inbox == NULL)
		return -1;
	n = mailbox_count(inbox);
	all = mem_array(n, sizeof(*all));
	for (size_t i = 0; i < n; i++)
		all[i] = (uint32_t)i;
	r = n == 0 ? 0 : mailbox_copy(inbox, all, n, rootfd, path, &added);
	if (r == 0 && n > 0)
		r = mailbox_expunge(inbox, all, n);
	free(all);
	mailbox_close(&inbox);
	return r;
}

int
folder_rename(int rootfd, struct span from, struct span to)
{
	char path[FOLDER_PATH_SIZE];
	struct folder_list l = { .count = 0 };
	int root, lock, r = -1, saved;

	if (folder_path(to, path) < 0 || folder_path(from, path) < 0)
		return -1;
	if (strcmp(path, ".") == 0)
		return rename_inbox(rootfd, to);
	root = maildir_open_dir(rootfd, ".");
	lock = root < 0 ? -1 : folders_lock(root);
	if (lock >= 0 && folder_list(root, &l) == 0)
		r = span_is_nocase(to, "INBOX") ? (errno = EEXIST, -1) : rename_all(root, &l, from, to);
	saved = errno;
	folder_list_free(&l);
	file_close(&lock);
	file_close(&root);
	errno = saved;
	return r;
}

int
folder_subscribed(int rootfd, struct folder_list *out)
{
	struct buf text;
	struct span rest;

	*out = (struct folder_list){ .count = 0 };
	buf_init(&text, SUBSCRIPTIONS_BYTES);
	if (read_small(rootfd, SUBSCRIPTIONS, &text) < 0) {
		buf_free(&text);
		return -1;
	}
	rest = buf_view(&text);
	while (rest.n > 0 && out->count < LIMIT_SUBSCRIPTIONS) {
		struct span line = span_cut(&rest, '\n');

		if (line.n > 0 && line.n <= LIMIT_MAILBOX_NAME)
			list_add(out, line);
	}
	buf_free(&text);
	sort_from(out, 0);
	return 0;
}

static int
write_subscriptions(int rootfd, const struct folder_list *l, struct span name, bool on)
{
	struct buf text;
	int r;

	buf_init(&text, SUBSCRIPTIONS_BYTES);
	for (size_t i = 0; i < l->count; i++)
		if (!span_is(name, l->names[i]))
			buf_printf(&text, "%s\n", l->names[i]);
	if (on) {
		buf_span(&text, name);
		buf_char(&text, '\n');
	}
	errno = EDQUOT;
	r = text.overflow ? -1 : durable_replace(rootfd, SUBSCRIPTIONS, text.p != NULL ? text.p : "", text.n, 0600);
	buf_free(&text);
	return r;
}

int
folder_subscribe(int rootfd, struct span name, bool on)
{
	char path[FOLDER_PATH_SIZE];
	struct folder_list l = { .count = 0 };
	int lock, r = -1, saved;

	if (on && folder_path(name, path) < 0)
		return -1;
	if (span_is_nocase(name, "INBOX"))
		name = SPAN("INBOX");
	lock = folders_lock(rootfd);
	if (lock >= 0 && folder_subscribed(rootfd, &l) == 0) {
		if (on && l.count >= LIMIT_SUBSCRIPTIONS)
			errno = EDQUOT;
		else
			r = write_subscriptions(rootfd, &l, name, on);
	}
	saved = errno;
	folder_list_free(&l);
	file_close(&lock);
	errno = saved;
	return r;
}
