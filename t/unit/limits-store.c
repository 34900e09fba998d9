/* Every limit of lib/store: exactly as much is taken, one more is refused with its errno. */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "imap/command.h"
#include "store/folder.h"
#include "store/index.h"
#include "store/mailbox.h"
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

	ok(path_of_depth(LIMIT_FOLDER_DEPTH), "a folder LIMIT_FOLDER_DEPTH levels deep");
	ok(!path_of_depth(LIMIT_FOLDER_DEPTH + 1) && errno == EINVAL, "one level more is refused");
	/* INBOX is one of them. */
	for (int i = 2; i < LIMIT_FOLDERS; i++) {
		snprintf(name, sizeof(name), ".f%d", i);
		if (mkdirat(root, name, 0700) != 0)
			bug("mkdir %s: %m", name);
	}
	is_num(folder_create(root, SPAN("last")), 0, "as many folders as LIMIT_FOLDERS");
	ok(folder_create(root, SPAN("over")) < 0 && errno == EDQUOT, "one more is refused");
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
	is_num(folder_subscribe(root, SPAN("last"), true), 0, "as many subscriptions as LIMIT_SUBSCRIPTIONS");
	ok(folder_subscribe(root, SPAN("over"), true) < 0 && errno == EDQUOT, "one more is refused");
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
		"a keyword of LIMIT_KEYWORD_NAME characters");
	ok(mailbox_keyword_bit(m, span_make(name, LIMIT_KEYWORD_NAME + 1), true, &bit) == 0 && bit == 0,
		"a longer one is none");
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

/* Open a mailbox whose journal is a hole of n bytes; the size of the journal after that. */
static off_t
journal_after(uint64_t n)
{
	static const char *const dirs[] = { ".huge", ".huge/cur", ".huge/new", ".huge/tmp" };
	struct mailbox *m;
	struct stat st;
	int fd;

	for (size_t i = 0; i < PB_COUNT(dirs); i++)
		if (mkdirat(root, dirs[i], 0700) != 0)
			bug("%s: %m", dirs[i]);
	fd = openat(root, ".huge/" MAILDIR_JOURNAL, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)n) != 0)
		bug("journal: %m");
	close(fd);
	m = mailbox_open(root, ".huge", MAILBOX_SELECT);
	ok(m != NULL && mailbox_count(m) == 0, "the mailbox is opened");
	mailbox_close(&m);
	if (fstatat(root, ".huge/" MAILDIR_JOURNAL, &st, 0) != 0)
		bug("journal: %m");
	return st.st_size;
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
	ok(journal_after(LIMIT_STORE_FILE + 1) < 4096, "a journal over LIMIT_STORE_FILE is not read: a new one is made");
	ok(index_is_taken(1000), "an index of 1000 messages");
	ok(!index_is_taken(LIMIT_MESSAGES + 1), "one of more than LIMIT_MESSAGES is no cache to trust");
	tmpdir_remove();
	return done();
}
