/* world: the scene and the ledger. */
#include "base/base.h"
#include "world.h"
#include "base/die.h"
#include "spool/spool_id.h"
#include "sys/file.h"
#include <dirent.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

const struct plan world_plan[WORLD_MESSAGES] = {
	{ WAY_DIRECT, "s0@remote.example", { "alice@local.example", "bob@local.example" } },
	{ WAY_QUEUE, "s1@remote.example", { "far@remote.example", "alice@local.example", "bob@local.example" } },
	{ WAY_MIXED, "s2@remote.example", { "alice@local.example", "carol@local.example" } },
	{ WAY_ABORT, "s3@remote.example", { "alice@local.example" } },
	{ WAY_QUEUE, "alice@local.example", { "nobody@local.example", "bob@local.example" } },
	{ WAY_FOREIGN, "s5@remote.example", { "bob@local.example" } },
	{ WAY_COPY, "s6@remote.example", { "carol@local.example" } },
	{ WAY_QUEUE, "", { "dave@remote.example", "alice@local.example" } },
	{ WAY_BOUNCE, "", { "alice@local.example" } }
};

static const char *const users[] = { "alice", "bob", "carol" };

struct ledger *
ledger_new(void)
{
	struct ledger *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (l == MAP_FAILED)
		die(1, "mmap: %s", strerror(errno));
	return l;
}

struct span
world_text(int k)
{
	static struct buf text;

	if (text.max == 0)
		buf_init(&text, 65536);
	buf_clear(&text);
	buf_printf(&text, "Return-Path: <%s>\r\nSubject: message %d\r\n\r\n", world_plan[k].sender, k);
	for (int i = 0; i < 40 + 20 * k; i++)
		buf_printf(&text, "line %d of message %d, to fill more than one page of memory\r\n", i, k);
	return buf_view(&text);
}

int
world_which(struct span text)
{
	for (int k = 0; k < WORLD_MESSAGES; k++)
		if (span_eq(text, world_text(k)))
			return k;
	return -1;
}

int
world_which_id(const struct ledger *l, uint64_t id)
{
	for (int k = 0; k < WORLD_MESSAGES; k++)
		if (id != 0 && l->m[k].id == id)
			return k;
	if (id != 0 && id == spool_id_bounce(l->m[WORLD_BOUNCED].id, 1))
		return WORLD_BOUNCE;
	return id == WORLD_FOREIGN_ID ? 5 : -1;
}

bool
world_is_local(struct span address)
{
	return span_ends_nocase(address, SPAN("@local.example"));
}

bool
world_is_nobody(struct span address)
{
	return span_is(address, "nobody@local.example");
}

void
world_mailbox(struct span address, char out[64])
{
	ssize_t at = span_find(address, '@');

	snprintf(out, 64, "mail/%.*s/Maildir", (int)at, address.p);
}

static void
must_mkdir(int at, const char *path)
{
	if (mkdirat(at, path, 0700) < 0)
		die(1, "mkdir %s: %s", path, strerror(errno));
}

static void
must_write(int at, const char *path, struct span text)
{
	int fd = openat(at, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n || fsync(fd) < 0)
		die(1, "%s: %s", path, strerror(errno));
	close(fd);
}

void
world_make(int root)
{
	static const char foreign[] = "Written \r\ns5@remote.example\r\nbob@local.example\r\n"
		"retry: 0;01/02/2026 03:04:05\r\nfrom: s5@remote.example\r\n"
		"notify: bob@local.example=\r\ncontainsLocalDeliveries: True\r\n\r\n";
	char path[128];
	struct ledger none = { 0 };
	struct world w;
	int spool;

	must_mkdir(root, "spool");
	must_mkdir(root, "mail");
	for (size_t i = 0; i < PB_COUNT(users); i++) {
		static const char *const folders[] = { "", "/Maildir", "/Maildir/tmp", "/Maildir/new", "/Maildir/cur" };

		for (size_t f = 0; f < PB_COUNT(folders); f++) {
			snprintf(path, sizeof(path), "mail/%s%s", users[i], folders[f]);
			must_mkdir(root, path);
		}
	}
	if (world_open(&w, root, &none, false) < 0)
		die(1, "spool_open: %s", strerror(errno));
	spool = spool_sub_fd(w.spool, 1);
	must_write(spool, "20356170.eml", world_text(5));
	must_write(spool, "20356170.hdr", span_of(foreign));
	/* The locks are made at the first start of an instance. */
	for (int i = 0; i < 2; i++) {
		int lock = spool_lock(w.spool, i == 0 ? "intake.lock" : "schedule.lock");

		if (lock < 0)
			die(1, "lock: %s", strerror(errno));
		close(lock);
	}
	world_close(&w);
}

static void
say(void *ctx, const char *text)
{
	(void)ctx;
	if (getenv("CRASH_VERBOSE") != NULL)
		fprintf(stderr, "# %s\n", text);
}

int
world_open(struct world *w, int root, struct ledger *ledger, bool sync_directory)
{
	struct spool_options o = { .sub_spools = 2, .sub_spool_size = 3, .sync_directory = sync_directory,
		.log = say };

	*w = (struct world){ .root = root, .ledger = ledger, .sync_directory = sync_directory };
	w->spool_fd = openat(root, "spool", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->spool_fd < 0 || spool_open(w->spool_fd, &o, &w->spool) < 0)
		return -1;
	return 0;
}

void
world_close(struct world *w)
{
	spool_free(&w->spool);
	close(w->spool_fd);
}

void
empty_directory(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL)
		die(1, "opendir: %s", strerror(errno));
	while ((entry = readdir(dir)) != NULL) {
		int sub;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) == 0)
			continue;
		sub = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub < 0)
			continue;
		empty_directory(sub);
		close(sub);
		if (unlinkat(fd, entry->d_name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY)
			die(1, "rmdir %s: %s", entry->d_name, strerror(errno));
	}
	closedir(dir);
}
