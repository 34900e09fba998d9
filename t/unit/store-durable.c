/*
 * What IMAP was told is done survives a power cut: each act makes its calls in
 * the order in which a disk must see them (I13, and spool-layout/README for mail
 * that comes in).  Flags and removals are in the journal, whose next sync makes
 * them durable; only UIDs and messages are promised.
 */
#include "base/base.h"
#include "base/die.h"
#include "store/folder.h"
#include "store/mailbox.h"
#include "store/maildir.h"
#include "sys/file.h"
#include "tap.h"
#include "tmpdir.h"
#include "trace.h"

static int root;

static struct mailbox *
open_box(const char *path)
{
	struct mailbox *m = mailbox_open(root, path, MAILBOX_SELECT);

	if (m == NULL)
		bug("mailbox_open %s: %m", path);
	return m;
}

/* Journals and indexes of both folders are there. */
static void
prepare(void)
{
	struct mailbox *m;

	if (maildir_make(root) < 0 || folder_create(root, SPAN("A")) < 0)
		bug("cannot prepare: %m");
	m = open_box(".");
	mailbox_close(&m);
	m = open_box(".A");
	mailbox_close(&m);
}

static void
act_append(void)
{
	struct mailbox_append *a = mailbox_append_begin(root, ".");
	struct mailbox_added added;

	if (a == NULL || mailbox_append_write(a, "y\r\n", 3) < 0 ||
	    mailbox_append_commit(&a, MAILDIR_SEEN, NULL, 0, 0, &added) < 0)
		bug("append: %m");
}

static void
act_copy(void)
{
	static const uint32_t which[] = { 0 };
	struct mailbox *m = open_box(".");
	struct mailbox_added added;

	trace_clear();
	if (mailbox_copy(m, which, 1, root, ".A", &added) < 0)
		bug("copy: %m");
	mailbox_close(&m);
}

/* A message that another program put there gets its UID. */
static void
act_uid(void)
{
	static int n;
	struct mailbox *m;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "new/%d.m", 1000 + n++);
	fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL, 0440);
	if (fd < 0 || write(fd, "x\r\n", 3) != 3)
		bug("cannot write %s: %m", path);
	close(fd);
	m = open_box(".");
	mailbox_close(&m);
}

static void
act_create(void)
{
	if (folder_create(root, SPAN("B")) < 0)
		bug("create: %m");
}

static void
act_rename(void)
{
	if (folder_rename(root, SPAN("B"), SPAN("C")) < 0)
		bug("rename: %m");
}

static void
act_delete(void)
{
	if (folder_delete(root, SPAN("C")) < 0)
		bug("delete: %m");
}

int
main(void)
{
	static const struct {
		const char *name, *order;
		void (*run)(void);
		int refuse_links;
	} acts[] = {
		{ "APPEND: message written, synced, named, name synced, journal written and synced", "wsrDwd", act_append, 0 },
		{ "COPY by link: linked, names synced, journal written and synced", "lDwd", act_copy, 0 },
		{ "COPY of bytes: written, synced, named, names synced, journal written and synced", "wsrDwd", act_copy, 1 },
		{ "new mail: its UID is synced before anybody hears it", "wd", act_uid, 0 },
		{ "CREATE: the folder is made, and its name synced", "mD", act_create, 0 },
		{ "RENAME: the new name is synced", "rD", act_rename, 0 },
		{ "DELETE: that it is gone is synced", "rD", act_delete, 0 },
	};

	root = tmpdir_open("store-durable");
	prepare();
	trace_begin();
	for (size_t i = 0; i < PB_COUNT(acts); i++) {
		trace_clear();
		trace_refuses_links = acts[i].refuse_links;
		acts[i].run();
		ok(trace_has(acts[i].order), "%s", acts[i].name);
		printf("# %s\n", trace);
	}
	trace_end();
	tmpdir_remove();
	return done();
}
