/*
 * model: objects (files and directories) are told apart by inode number, the
 * newest first, because numbers are used again.
 */
#include "base/base.h"
#include "model.h"
#include "base/crc32c.h"
#include "base/die.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define OPS_MAX 1000
#define OBJECTS_MAX 300
#define NAMES_MAX 600

enum op_kind { OP_CREATE, OP_LINK, OP_RENAME, OP_UNLINK, OP_WRITE, OP_CUT, OP_WRITE_OUT, OP_SYNC, OP_DATASYNC, OP_DIRSYNC };

struct op {
	enum op_kind kind;
	int object;		/* file; for OP_DIRSYNC the directory */
	int dir, dir2;		/* of the name; dir2: new directory of a rename */
	char name[96], name2[96];
	off_t at;		/* OP_WRITE, OP_CUT */
	char *data;
	size_t n;
};

struct object {
	ino_t ino;
	bool is_dir;
	int parent;		/* of a directory */
	char name[96];
	struct buf base;	/* bytes at the start of the record */
	struct timespec mtime;
};

struct entry {
	int dir;
	char name[96];
	int object;
};

static struct op ops[OPS_MAX];
static struct ledger ledgers[OPS_MAX + 1];
static int op_count;
static struct object objects[OBJECTS_MAX];
static int object_count;
static struct entry base_entries[NAMES_MAX];
static int base_entry_count;
static const struct ledger *live;

static int
add_object(const struct stat *st, int parent, const char *name)
{
	struct object *o;

	if (object_count == OBJECTS_MAX)
		bug("too many objects");
	o = &objects[object_count];
	buf_free(&o->base);
	*o = (struct object){ .ino = st->st_ino, .is_dir = S_ISDIR(st->st_mode), .parent = parent,
		.mtime = st->st_mtim };
	snprintf(o->name, sizeof(o->name), "%s", name);
	buf_init(&o->base, 1 << 20);
	return object_count++;
}

static int
object_of(ino_t ino)
{
	for (int i = object_count; i-- > 0; )
		if (objects[i].ino == ino)
			return i;
	bug("a file that was never seen");
}

static int
object_of_fd(int fd)
{
	struct stat st;
	int i;

	if (fstat(fd, &st) < 0)
		bug("fstat: %s", strerror(errno));
	i = object_of(st.st_ino);
	objects[i].mtime = st.st_mtim;
	return i;
}

static int
object_of_name(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		bug("fstatat %s: %s", name, strerror(errno));
	return object_of(st.st_ino);
}

static void
note_tree(int dirfd, int dir)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	struct dirent *entry;

	while ((entry = readdir(d)) != NULL) {
		struct stat st;
		int o, sub;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		o = add_object(&st, dir, entry->d_name);
		sub = openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC);
		if (S_ISDIR(st.st_mode)) {
			note_tree(sub, o);
		} else {
			struct entry *e = &base_entries[base_entry_count++];

			*e = (struct entry){ .dir = dir, .object = o };
			snprintf(e->name, sizeof(e->name), "%.95s", entry->d_name);
			if (file_read_all(sub, &objects[o].base) < 0)
				bug("read %s", entry->d_name);
		}
		close(sub);
	}
	closedir(d);
}

void
model_begin(int root, const struct ledger *l)
{
	struct stat st;

	for (int i = 0; i < op_count; i++)
		free(ops[i].data);
	op_count = object_count = base_entry_count = 0;
	live = l;
	if (fstat(root, &st) < 0)
		bug("fstat: %s", strerror(errno));
	note_tree(root, add_object(&st, -1, ""));
}

void
model_end(void)
{
	ledgers[op_count] = *live;
}

int
model_count(void)
{
	return op_count;
}

const struct ledger *
model_ledger(int n)
{
	return &ledgers[n];
}

/* -- recording -------------------------------------------------------------- */

static struct op *
add_op(enum op_kind kind, int object)
{
	if (op_count == OPS_MAX)
		bug("too many operations");
	ledgers[op_count] = *live;
	ops[op_count] = (struct op){ .kind = kind, .object = object, .dir = -1, .dir2 = -1 };
	return &ops[op_count++];
}

static void
on_opened(int fd, int dirfd, const char *path, int flags)
{
	struct stat st;
	struct op *op;

	if (fstat(fd, &st) < 0)
		bug("fstat: %s", strerror(errno));
	if (!(flags & O_EXCL))
		return;
	op = add_op(OP_CREATE, add_object(&st, -1, ""));
	op->dir = object_of_fd(dirfd);
	snprintf(op->name, sizeof(op->name), "%s", path);
}

static void
on_wrote(int fd, const void *data, size_t n, off_t at)
{
	struct op *op = add_op(OP_WRITE, object_of_fd(fd));

	op->at = at;
	op->data = mem_copy(span_make(data, n));
	op->n = n;
}

static void
on_cut(int fd, off_t size)
{
	add_op(OP_CUT, object_of_fd(fd))->at = size;
}

static void
on_synced(int fd, bool data_only)
{
	add_op(data_only ? OP_DATASYNC : OP_SYNC, object_of_fd(fd));
}

static void
on_written_out(int fd)
{
	add_op(OP_WRITE_OUT, object_of_fd(fd));
}

static void
on_dir_synced(int fd)
{
	add_op(OP_DIRSYNC, object_of_fd(fd));
}

static void
on_linked(int newdir, const char *name, int olddir, const char *old)
{
	struct op *op = add_op(OP_LINK, object_of_name(newdir, name));

	(void)olddir;
	(void)old;
	op->dir = object_of_fd(newdir);
	snprintf(op->name, sizeof(op->name), "%s", name);
}

static void
on_renamed(int olddir, const char *old, int newdir, const char *name)
{
	struct op *op = add_op(OP_RENAME, object_of_name(newdir, name));

	op->dir = object_of_fd(olddir);
	op->dir2 = object_of_fd(newdir);
	snprintf(op->name, sizeof(op->name), "%s", old);
	snprintf(op->name2, sizeof(op->name2), "%s", name);
}

static void
on_unlinked(int dirfd, const char *name)
{
	struct op *op = add_op(OP_UNLINK, -1);

	op->dir = object_of_fd(dirfd);
	snprintf(op->name, sizeof(op->name), "%s", name);
}

const struct rig_recorder model_recorder = {
	.opened = on_opened, .wrote = on_wrote, .cut = on_cut, .synced = on_synced,
	.written_out = on_written_out, .dir_synced = on_dir_synced, .linked = on_linked, .renamed = on_renamed, .unlinked = on_unlinked
};

/* -- what is durable -------------------------------------------------------- */

bool
model_is_name(int op)
{
	return ops[op].kind <= OP_UNLINK;
}

static bool
is_sync(const struct op *op)
{
	return op->kind >= OP_SYNC;
}

static bool
is_change(const struct op *op)
{
	return op->kind < OP_WRITE_OUT;
}

static bool
touches(const struct op *op, int object)
{
	return op->object == object || op->dir == object || op->dir2 == object;
}

/* Journal: the sync at s commits all names up to the last change of its object. */
static bool
committed_by(int s, int o)
{
	for (int i = s; i-- > o; )
		if (is_change(&ops[i]) && touches(&ops[i], ops[s].object))
			return true;
	return is_change(&ops[o]) && touches(&ops[o], ops[s].object);
}

static bool
sync_covers(enum model_kind kind, int s, int o)
{
	const struct op *sync = &ops[s], *op = &ops[o];

	if (!model_is_name(o))
		return sync->kind != OP_DIRSYNC && sync->object == op->object;
	if (kind == MODEL_JOURNAL)
		return sync->kind != OP_DATASYNC && committed_by(s, o);
	if (sync->kind == OP_DIRSYNC)
		return sync->object == op->dir || sync->object == op->dir2;
	return kind == MODEL_LOCAL && sync->kind == OP_SYNC && op->kind == OP_CREATE &&
		sync->object == op->object;
}

int
model_optional(enum model_kind kind, int n, int *which)
{
	int count = 0;

	for (int o = 0; o < n; o++) {
		bool durable = !is_change(&ops[o]);

		for (int s = o + 1; s < n && !durable; s++)
			durable = is_sync(&ops[s]) && sync_covers(kind, s, o);
		if (!durable)
			which[count++] = o;
	}
	return count;
}

/* When the bytes of op o were on the device; n: not in the first n operations. */
static int
out_at(int o, int n)
{
	for (int i = o + 1; i < n; i++)
		if (ops[i].kind == OP_WRITE_OUT && ops[i].object == ops[o].object)
			return i;
	return n;
}

void
model_keep_written_out(int n, unsigned char *fate)
{
	int last = n - 1;

	while (last >= 0 && !(model_is_name(last) && fate[last] == FATE_KEPT))
		last--;
	for (int o = 0; o < last; o++)
		if ((ops[o].kind == OP_WRITE || ops[o].kind == OP_CUT) && out_at(o, n) < last)
			fate[o] = FATE_KEPT;
}

/* -- the disk --------------------------------------------------------------- */

static struct entry entries[NAMES_MAX];
static int entry_count;

static void
remove_entry(int dir, const char *name)
{
	for (int i = 0; i < entry_count; i++)
		if (entries[i].dir == dir && strcmp(entries[i].name, name) == 0) {
			entries[i] = entries[--entry_count];
			return;
		}
}

static void
put_entry(int dir, const char *name, int object)
{
	remove_entry(dir, name);
	if (entry_count == NAMES_MAX)
		bug("too many names");
	entries[entry_count] = (struct entry){ .dir = dir, .object = object };
	snprintf(entries[entry_count++].name, sizeof(entries[0].name), "%s", name);
}

static void
apply_names(int n, const unsigned char *fate)
{
	memcpy(entries, base_entries, sizeof(entries));
	entry_count = base_entry_count;
	for (int i = 0; i < n; i++) {
		const struct op *op = &ops[i];

		if (fate[i] == FATE_LOST || !model_is_name(i))
			continue;
		if (op->kind == OP_UNLINK || op->kind == OP_RENAME)
			remove_entry(op->dir, op->name);
		if (op->kind == OP_CREATE || op->kind == OP_LINK)
			put_entry(op->dir, op->name, op->object);
		if (op->kind == OP_RENAME)
			put_entry(op->dir2, op->name2, op->object);
	}
}

static void
resize(struct buf *b, size_t size)
{
	if (size < b->n)
		buf_cut(b, size);
	while (b->n < size)
		buf_char(b, '\0');
}

static void
apply_write(struct buf *b, const struct op *op, enum model_fate fate)
{
	size_t n = fate == FATE_HALF ? op->n / 2 : op->n;

	if (b->n < (size_t)op->at + n)
		resize(b, (size_t)op->at + n);
	memcpy(b->p + op->at, op->data, n);
	if (fate == FATE_ZERO)
		memset(b->p + op->at, 0, n);
	if (fate == FATE_TAIL)
		memset(b->p + op->at, 0, n / 2);
}

static void
apply_bytes(int object, int n, const unsigned char *fate, struct buf *b)
{
	buf_clear(b);
	buf_span(b, buf_view(&objects[object].base));
	for (int i = 0; i < n; i++) {
		const struct op *op = &ops[i];

		if (op->object != object || fate[i] == FATE_LOST)
			continue;
		if (op->kind == OP_CUT)
			resize(b, (size_t)op->at);
		else if (op->kind == OP_WRITE)
			apply_write(b, op, fate[i]);
	}
}

/* Sum over the names, because their order does not matter. */
uint64_t
model_hash(int n, const unsigned char *fate)
{
	static struct buf bytes;
	uint64_t sum = 0;

	if (bytes.max == 0)
		buf_init(&bytes, 1 << 20);
	apply_names(n, fate);
	for (int i = 0; i < entry_count; i++) {
		uint32_t crc = crc32c(0, entries[i].name, strlen(entries[i].name));
		uint64_t x = crc32c(crc, &entries[i].dir, sizeof(entries[i].dir));

		apply_bytes(entries[i].object, n, fate, &bytes);
		x = x << 32 | crc32c((uint32_t)x ^ (uint32_t)entries[i].object, bytes.p, bytes.n);
		sum += x * UINT64_C(0x9e3779b97f4a7c15);
	}
	return sum;
}

static void
path_of(int dir, const char *name, struct buf *out)
{
	if (dir >= 0 && objects[dir].parent >= 0) {
		path_of(objects[dir].parent, objects[dir].name, out);
		buf_char(out, '/');
	}
	buf_text_put(out, name);
}

static void
make_file(int root, const char *path, int object, int n, const unsigned char *fate)
{
	struct timespec times[2] = { objects[object].mtime, objects[object].mtime };
	static struct buf bytes;
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (bytes.max == 0)
		buf_init(&bytes, 1 << 20);
	apply_bytes(object, n, fate, &bytes);
	if (fd < 0 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n || futimens(fd, times) < 0)
		bug("%s: %s", path, strerror(errno));
	close(fd);
}

void
model_build(int root, int n, const unsigned char *fate)
{
	char storage[512], first[OBJECTS_MAX][200] = { { 0 } };
	struct buf path;

	buf_init_fixed(&path, storage, sizeof(storage));
	for (int i = 1; i < object_count; i++) {
		if (!objects[i].is_dir)
			continue;
		buf_clear(&path);
		path_of(objects[i].parent, objects[i].name, &path);
		if (mkdirat(root, storage, 0700) < 0)
			bug("mkdir %s: %s", storage, strerror(errno));
	}
	apply_names(n, fate);
	for (int i = 0; i < entry_count; i++) {
		int o = entries[i].object;

		buf_clear(&path);
		path_of(entries[i].dir, entries[i].name, &path);
		if (first[o][0] == '\0') {
			make_file(root, storage, o, n, fate);
			snprintf(first[o], sizeof(first[o]), "%.199s", storage);
		} else if (linkat(root, first[o], root, storage, 0) < 0) {
			bug("link %s: %s", storage, strerror(errno));
		}
	}
}
