/*
 * spool: folders of the queue.
 *
 * 1. SubSpool folders are made once, durably, and never removed: a name found
 *    in one is found again after a crash.
 * 2. Every folder that is there is scanned, also those past the present
 *    setting; only the first subSpools of them get new messages.
 * 3. The counts are intake's own estimate; a folder that seems full is listed
 *    again, at most once for each tenth of its size that was added.
 */
#include "base/base.h"
#include "spool/spool.h"
#include "spool/spool_parts.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "sys/file.h"
#include "sys/lock.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

static const char sub_prefix[] = "SubSpool";

void
spool_say(const struct spool *sp, const char *fmt, ...)
{
	char text[512];
	int saved = errno;
	va_list ap;

	if (sp->log == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sp->log(sp->log_ctx, text);
	errno = saved;
}

/* Open a folder, made when absent; *made tells that the parent needs an fsync. */
static int
open_folder(int parent, const char *name, bool *made)
{
	int fd = file_open_dir(parent, name);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (file_mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -1;
	*made = true;
	return file_open_dir(parent, name);
}

/* The highest N of a SubSpoolN that is there, plus one; 0 without any. */
static int
count_existing(int dirfd, uint32_t *out)
{
	int fd = file_open_dir(dirfd, ".");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint32_t n;

	*out = 0;
	if (dir == NULL) {
		file_close(&fd);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		struct span name = span_of(entry->d_name);

		if (span_starts(name, span_of(sub_prefix)) &&
		    num_parse_u32(span_from(name, sizeof(sub_prefix) - 1), LIMIT_SUB_SPOOLS - 1, &n) &&
		    n >= *out)
			*out = n + 1;
	}
	closedir(dir);
	return 0;
}

static int
open_folders(struct spool *sp)
{
	static const char *const others[] = { "quarantine", "proc", "corrupt" };
	bool made = false;
	int fd = -1;

	for (uint32_t i = 0; i < sp->sub_count; i++) {
		char name[SPOOL_SUB_NAME_SIZE];

		spool_sub_name(sp, i, name);
		sp->folders[i].fd = open_folder(sp->fd, name, &made);
		if (sp->folders[i].fd < 0)
			return -1;
	}
	sp->folders[sp->sub_count].fd = file_open_dir(sp->fd, ".");
	if (sp->folders[sp->sub_count].fd < 0)
		return -1;
	for (size_t i = 0; i < PB_COUNT(others); i++) {
		file_close(&fd);
		fd = open_folder(sp->fd, others[i], &made);
		if (fd < 0)
			return -1;
	}
	sp->corrupt_fd = fd;
	return made ? file_fsync_dir(sp->fd) : 0;
}

/* Always a new array with every fd closed, so that spool_free works at any time. */
static void
prepare_folders(struct spool *sp, uint32_t existing, uint32_t wanted)
{
	sp->use_count = wanted;
	sp->sub_count = existing > wanted ? existing : wanted;
	sp->folders = mem_array((size_t)sp->sub_count + 1, sizeof(*sp->folders));
	for (uint32_t i = 0; i <= sp->sub_count; i++)
		sp->folders[i].fd = -1;
}

int
spool_open(int dirfd, const struct spool_options *options, struct spool **out)
{
	struct spool *sp;
	uint32_t existing;
	enum filesystem_kind kind;

	*out = NULL;
	if (filesystem_kind(dirfd, &kind) < 0 || count_existing(dirfd, &existing) < 0)
		return -1;
	if (kind == FILESYSTEM_REMOTE) {
		errno = ENOTSUP;
		return -1;
	}
	if (options->sub_spools < 1 || options->sub_spools > LIMIT_SUB_SPOOLS ||
	    options->sub_spool_size < 1) {
		errno = EINVAL;
		return -1;
	}
	/* A lease (spool_writer.c) that another program breaks is told by SIGIO, which kills. */
	signal(SIGIO, SIG_IGN);
	sp = mem_new(sizeof(*sp));
	sp->fd = dirfd;
	sp->corrupt_fd = -1;
	sp->sub_size = options->sub_spool_size;
	sp->sync_directory = options->sync_directory;
	sp->filesystem = kind;
	sp->log = options->log;
	sp->log_ctx = options->log_ctx;
	prepare_folders(sp, existing, options->sub_spools);
	if (open_folders(sp) < 0) {
		int saved = errno;

		spool_free(&sp);
		errno = saved;
		return -1;
	}
	*out = sp;
	return 0;
}

void
spool_free(struct spool **sp)
{
	if (*sp == NULL)
		return;
	for (uint32_t i = 0; i <= (*sp)->sub_count; i++)
		file_close(&(*sp)->folders[i].fd);
	file_close(&(*sp)->corrupt_fd);
	free((*sp)->folders);
	free(*sp);
	*sp = NULL;
}

int
spool_lock(struct spool *sp, const char *name)
{
	return lock_file(sp->fd, name, false);
}

uint32_t
spool_sub_count(const struct spool *sp)
{
	return sp->sub_count;
}

uint32_t
spool_root(const struct spool *sp)
{
	return sp->sub_count;
}

int
spool_sub_fd(const struct spool *sp, uint32_t sub)
{
	return sp->folders[sub].fd;
}

void
spool_sub_name(const struct spool *sp, uint32_t sub, char out[SPOOL_SUB_NAME_SIZE])
{
	if (sub >= sp->sub_count)
		snprintf(out, SPOOL_SUB_NAME_SIZE, ".");
	else
		snprintf(out, SPOOL_SUB_NAME_SIZE, "%s%u", sub_prefix, sub);
}

bool
spool_sub_find(const struct spool *sp, struct span name, uint32_t *sub_out)
{
	if (span_is(name, ".")) {
		*sub_out = sp->sub_count;
		return true;
	}
	return span_starts(name, span_of(sub_prefix)) &&
		num_parse_u32(span_from(name, sizeof(sub_prefix) - 1), sp->sub_count - 1, sub_out);
}

int
spool_corrupt_fd(const struct spool *sp)
{
	return sp->corrupt_fd;
}

bool
spool_must_sync_directory(const struct spool *sp)
{
	return sp->sync_directory;
}

bool
spool_syncs_late(const struct spool *sp)
{
	return sp->filesystem == FILESYSTEM_JOURNAL_GROUPS && !sp->sync_directory;
}

/*
 * Count the messages of a folder (bodies, whether .eml or .em_) and note the
 * largest id that is not derived.  In corrupt/ names may have ".1" behind them.
 */
static int
list_folder(int dirfd, uint32_t *count, uint64_t *largest)
{
	int fd = file_open_dir(dirfd, ".");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL) {
		file_close(&fd);
		return -1;
	}
	errno = 0;
	while ((entry = readdir(dir)) != NULL) {
		struct span name = span_of(entry->d_name);
		enum spool_file kind;
		uint64_t id;

		if (!spool_id_parse(span_first(name, strcspn(entry->d_name, ".") + 4), &id, &kind))
			continue;
		*count += kind != SPOOL_HDR;
		if (id > *largest && id <= SPOOL_ID_MAX)
			*largest = id;
	}
	if (errno != 0) {
		int saved = errno;

		closedir(dir);
		errno = saved;
		return -1;
	}
	closedir(dir);
	return 0;
}

int
spool_largest_id(struct spool *sp, uint64_t *out)
{
	uint32_t count = 0;

	*out = 0;
	for (uint32_t sub = 0; sub <= sp->sub_count; sub++)
		if (list_folder(sp->folders[sub].fd, &count, out) < 0)
			return -1;
	return list_folder(sp->corrupt_fd, &count, out);
}

/* A folder that cannot be listed counts as full, so that others are used first. */
static void
recount(struct spool *sp, uint32_t sub)
{
	struct spool_folder *folder = &sp->folders[sub];
	uint64_t largest = 0;

	folder->count = 0;
	if (list_folder(folder->fd, &folder->count, &largest) < 0) {
		spool_say(sp, "event=spool-error action=list sub=%u error=\"%s\"", sub, strerror(errno));
		folder->count = sp->sub_size;
	}
	folder->recount = folder->count < sp->sub_size ? sp->sub_size :
		folder->count + 1 + sp->sub_size / 10;
}

uint32_t
spool_sub_choose(struct spool *sp)
{
	uint32_t emptiest = 0;

	for (uint32_t i = 0; i < sp->use_count; i++) {
		struct spool_folder *folder = &sp->folders[i];

		if (folder->count >= folder->recount)
			recount(sp, i);
		if (folder->count < sp->sub_size) {
			folder->count++;
			return i;
		}
		if (folder->count < sp->folders[emptiest].count)
			emptiest = i;
	}
	sp->folders[emptiest].count++;
	return emptiest;
}

void
spool_sub_left(struct spool *sp, uint32_t sub)
{
	if (sp->folders[sub].count > 0)
		sp->folders[sub].count--;
}
