/* Every limit of lib/store: exactly as much is taken, one more is refused with its errno. */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "imap/command.h"
#include "store/folder.h"
#include "store/index.h"
#include "store/mailbox.h"
#include "store/mailbox_private.h"
#include "store/maildir.h"
#include "tap.h"
#include "tmpdir.h"

#include <errno.h>
#include <sys/mman.h>

static int root;

static bool
path_of_depth(size_t depth)
{
	char path[FOLDER_PATH_SIZE], name[2 * LIMIT_FOLDER_DEPTH + 8];

	for (size_t i = 0; i < depth; i++)
		memcpy(name + 2 * i, "a/", 2);
	return folder_path(span_make(name, 2 * depth - 1), path) == 0;
}

static void
folders(void)
{
	char name[32];

	ok(path_of_depth(LIMIT_FOLDER_DEPTH), "a folder at LIMIT_FOLDER_DEPTH levels");
	ok(!path_of_depth(LIMIT_FOLDER_DEPTH + 1) && errno == EINVAL, "over LIMIT_FOLDER_DEPTH");
	/* INBOX is one of them. */
	for (int i = 2; i < LIMIT_FOLDERS; i++) {
		snprintf(name, sizeof(name), ".f%d", i);
		if (mkdirat(root, name, 0700) != 0)
			bug("mkdir %s: %m", name);
	}
	is_num(folder_create(root, SPAN("last")), 0, "the folder that makes them stand at LIMIT_FOLDERS");
	ok(folder_create(root, SPAN("over")) < 0 && errno == EDQUOT, "one over LIMIT_FOLDERS is refused");
	is_num(folder_delete(root, SPAN("last")), 0, "after a deletion");
	is_num(folder_create(root, SPAN("over")), 0, "there is room again");
}

static void
subscriptions(void)
{
	struct folder_list l;
	struct buf b;
	int fd;

	buf_init(&b, 16 * LIMIT_SUBSCRIPTIONS);
	for (int i = 1; i < LIMIT_SUBSCRIPTIONS; i++)
		buf_printf(&b, "s%d\n", i);
	fd = openat(root, "subscriptions", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, b.p, b.n) != (ssize_t)b.n)
		bug("subscriptions: %m");
	close(fd);
	buf_free(&b);
	is_num(folder_subscribe(root, SPAN("last"), true), 0, "subscriptions at LIMIT_SUBSCRIPTIONS");
	ok(folder_subscribe(root, SPAN("over"), true) < 0 && errno == EDQUOT, "one over LIMIT_SUBSCRIPTIONS is refused");
	ok(folder_subscribed(root, &l) == 0 && l.count == LIMIT_SUBSCRIPTIONS, "all others are kept");
	folder_list_free(&l);
	is_num(folder_subscribe(root, SPAN("last"), false), 0, "one can be given up");
}

static void
keyword_names(void)
{
	struct mailbox *m = mailbox_open(root, ".", MAILBOX_SELECT);
	char name[LIMIT_KEYWORD_NAME + 2];
	uint64_t bit;

	if (m == NULL)
		bug("mailbox_open: %m");
	memset(name, 'k', sizeof(name));
	ok(mailbox_keyword_bit(m, span_make(name, LIMIT_KEYWORD_NAME), true, &bit) == 0 && bit == 1,
		"a keyword at LIMIT_KEYWORD_NAME");
	ok(mailbox_keyword_bit(m, span_make(name, LIMIT_KEYWORD_NAME + 1), true, &bit) == 0 && bit == 0,
		"one over LIMIT_KEYWORD_NAME is none");
	mailbox_close(&m);
	m = mailbox_open(root, ".", MAILBOX_SELECT);
	ok(m != NULL && mailbox_keyword_count(m) == 1, "the journal holds the first");
	mailbox_close(&m);
}

/* An index of n messages, right in all that it says. */
static bool
index_is_taken(size_t n)
{
	size_t size = sizeof(struct index_head) + n * sizeof(struct message) + 1;
	char *file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct index_head *head = (struct index_head *)(void *)file;
	struct message *records = (struct message *)(void *)(file + sizeof(*head));
	struct index ix;
	bool taken;

	if (file == MAP_FAILED)
		bug("mmap: %m");
	head->count = (uint32_t)n;
	head->uidvalidity = 1;
	head->uidnext = (uint32_t)n + 1;
	/* More than the limit is refused before a record is looked at. */
	for (size_t i = 0; n <= 1000 && i < n; i++) {
		records[i].uid = (uint32_t)i + 1;
		records[i].name_n = 1;
	}
	index_seal(head, records, span_make((char *)(records + n), 1), SPAN_NONE);
	taken = index_check(span_make(file, size), &ix);
	munmap(file, size);
	return taken;
}

/* The file with this inode is said to have claimed_size bytes. */
static ino_t claimed_inode;
static off_t claimed_size;

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

int
__wrap_fstat(int fd, struct stat *st)
{
	int r = __real_fstat(fd, st);

	if (r == 0 && claimed_inode != 0 && st->st_ino == claimed_inode)
		st->st_size = claimed_size;
	return r;
}

/* Keywords of a mailbox with one, opened when its journal seems to have n bytes. */
static unsigned
keywords_with_journal(const char *name, uint64_t n)
{
	static const char *const below[] = { "", "/cur", "/new", "/tmp" };
	char path[100];
	struct mailbox *m;
	struct stat st;
	unsigned count;
	uint64_t bit;

	for (size_t i = 0; i < PB_COUNT(below); i++) {
		snprintf(path, sizeof(path), "%s%s", name, below[i]);
		if (mkdirat(root, path, 0700) != 0)
			bug("%s: %m", path);
	}
	m = mailbox_open(root, name, MAILBOX_SELECT);
	if (m == NULL || mailbox_keyword_bit(m, SPAN("$one"), true, &bit) != 0)
		bug("mailbox: %m");
	mailbox_close(&m);
	snprintf(path, sizeof(path), "%s/" MAILDIR_JOURNAL, name);
	if (fstatat(root, path, &st, 0) != 0)
		bug("%s: %m", path);
	claimed_inode = st.st_ino;
	claimed_size = (off_t)n;
	m = mailbox_open(root, name, MAILBOX_SELECT);
	claimed_inode = 0;
	if (m == NULL)
		bug("mailbox_open: %m");
	count = (unsigned)mailbox_keyword_count(m);
	mailbox_close(&m);
	return count;
}

/* The number of messages when a mailbox of n is told of one more by its journal.  The list is not touched but at its end. */
static size_t
messages_after(size_t n)
{
	size_t size = (n + 1) * sizeof(struct message);
	struct mailbox *m = mem_new(sizeof(*m));
	struct journal_line add = { .kind = JOURNAL_ADD, .uid = 10, .name = "x", .name_n = 1 };
	size_t count;

	m->at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->at == MAP_FAILED)
		bug("mmap: %m");
	m->count = n;
	m->cap = n + 1;
	m->at[n - 1].uid = 9;
	buf_init(&m->names, 100);
	view_apply(m, &add);
	count = m->count;
	munmap(m->at, size);
	buf_free(&m->names);
	free(m);
	return count;
}

int
main(void)
{
	/* Ten thousand folders are made: in memory where that is possible. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	root = tmpdir_open("limits-store");
	if (mkdirat(root, "cur", 0700) != 0 || mkdirat(root, "new", 0700) != 0 || mkdirat(root, "tmp", 0700) != 0)
		bug("mkdir: %m");
	keyword_names();
	folders();
	subscriptions();
	is_num(keywords_with_journal(".large", LIMIT_STORE_FILE), 1, "a journal at LIMIT_STORE_FILE is read");
	is_num(keywords_with_journal(".huge", LIMIT_STORE_FILE + 1), 0, "one over LIMIT_STORE_FILE is not: a new one is made");
	is_num(messages_after(LIMIT_MESSAGES - 1), LIMIT_MESSAGES, "the message that makes a mailbox stand at LIMIT_MESSAGES");
	is_num(messages_after(LIMIT_MESSAGES), LIMIT_MESSAGES, "one over LIMIT_MESSAGES is not taken");
	ok(index_is_taken(1000), "an index of 1000 messages");
	ok(!index_is_taken(LIMIT_MESSAGES + 1), "one with too many is no cache to trust");
	tmpdir_remove();
	return done();
}
