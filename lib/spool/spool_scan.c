/*
 * spool_scan: lists folders and gives every message to the rows of the state
 * table (spool_scan_received.c and spool_scan_queued.c).
 *
 * 1. A listing is a hint: others go on working.  Before anything is removed or
 *    set aside the files are looked at again, in the order in which they can
 *    come into being: .em_ before .eml (it is renamed), .hdr last.
 * 2. One folder is in memory at a time: 16 bytes a message.
 * 3. Running it again after a crash at any point does the same again.
 */
#include "base/base.h"
#include "spool/spool_scan.h"
#include "spool/spool_scan_parts.h"
#include "spool/spool_finish.h"
#include "spool/spool_release.h"
#include "base/mem.h"
#include "sys/file.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

struct spool_scan *
spool_scan_new(struct spool *sp, const struct spool_scan_options *options)
{
	struct spool_scan *scan = mem_new(sizeof(*scan));

	scan->sp = sp;
	scan->o = *options;
	return scan;
}

void
spool_scan_free(struct spool_scan **scan)
{
	if (*scan == NULL)
		return;
	spool_scan_flush(*scan);
	free((*scan)->entries);
	free(*scan);
	*scan = NULL;
}

static void
add_entry(struct spool_scan *scan, uint64_t id, enum spool_file kind)
{
	if ((scan->count & (scan->count - 1)) == 0)
		scan->entries = mem_resize_array(scan->entries, scan->count == 0 ? 1 : scan->count * 2,
			sizeof(*scan->entries));
	scan->entries[scan->count++] = (struct scan_entry){ id, 1u << kind };
}

static int
by_id(const void *a, const void *b)
{
	const struct scan_entry *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Sorted by id, the files of one message in one entry. */
static void
merge_entries(struct spool_scan *scan)
{
	size_t out = 0;

	qsort(scan->entries, scan->count, sizeof(*scan->entries), by_id);
	for (size_t i = 0; i < scan->count; i++) {
		if (out > 0 && scan->entries[out - 1].id == scan->entries[i].id)
			scan->entries[out - 1].files |= scan->entries[i].files;
		else
			scan->entries[out++] = scan->entries[i];
	}
	scan->count = out;
}

static int
list(struct spool_scan *scan)
{
	int fd = file_open_dir(scan->sp->folders[scan->sub].fd, ".");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int error;

	free(scan->entries);
	scan->entries = NULL;
	scan->count = scan->next = 0;
	scan->listed = true;
	if (dir == NULL) {
		file_close(&fd);
		return -1;
	}
	errno = 0;
	while ((entry = readdir(dir)) != NULL) {
		enum spool_file kind;
		uint64_t id;

		if (spool_id_parse(span_of(entry->d_name), &id, &kind))
			add_entry(scan, id, kind);
		else if (scan->o.part == SPOOL_SCAN_QUEUED)
			spool_release_sweep(scan->sp->folders[scan->sub].fd, entry->d_name, scan->o.now);
	}
	error = errno;
	closedir(dir);
	if (scan->count > 0)
		merge_entries(scan);
	errno = error;
	return error == 0 ? 0 : -1;
}

static void
next_folder(struct spool_scan *scan)
{
	spool_scan_flush(scan);
	scan->sub++;
	scan->listed = false;
	if (scan->sub > scan->sp->sub_count && scan->o.part == SPOOL_SCAN_RECEIVED)
		spool_corrupt_expire(scan->sp, scan->o.now);
}

int
spool_scan_next(struct spool_scan *scan, struct spool_found *found)
{
	while (scan->sub <= scan->sp->sub_count) {
		struct scan_entry *entry;
		struct spool_ref ref;
		int got;

		if (!scan->listed && list(scan) < 0) {
			spool_say(scan->sp, "event=spool-error action=list sub=%u error=\"%s\"",
				scan->sub, strerror(errno));
			return -1;
		}
		if (scan->next == scan->count) {
			next_folder(scan);
			continue;
		}
		entry = &scan->entries[scan->next++];
		ref = (struct spool_ref){ entry->id, scan->sub };
		*found = (struct spool_found){ .ref = ref };
		got = scan->o.part == SPOOL_SCAN_RECEIVED ?
			spool_scan_received(scan, ref, entry->files, found) :
			spool_scan_queued(scan, ref, entry->files, found);
		if (got != 0)
			return got;
	}
	return 0;
}

void
spool_scan_flush(struct spool_scan *scan)
{
	/* What fails here was logged and is found again by the next scan. */
	if (scan->finished_count > 0 &&
	    spool_finish(scan->sp, scan->finished, scan->finished_count) < 0)
		spool_say(scan->sp, "event=spool-error action=finish error=\"%s\"", strerror(errno));
	scan->finished_count = 0;
}

void
spool_scan_finished(struct spool_scan *scan, struct spool_ref ref)
{
	spool_say(scan->sp, "event=spool-finished id=%llu", (unsigned long long)ref.id);
	scan->finished[scan->finished_count++] = ref;
	if (scan->finished_count == SCAN_FINISH_GROUP)
		spool_scan_flush(scan);
}

bool
spool_scan_stat(struct spool_scan *scan, struct spool_ref ref, enum spool_file kind, struct stat *st)
{
	char name[SPOOL_NAME_SIZE];

	spool_id_name(ref.id, kind, name);
	if (fstatat(scan->sp->folders[ref.sub].fd, name, st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	if (errno != ENOENT)
		spool_say(scan->sp, "event=spool-error action=stat file=%s error=\"%s\"", name,
			strerror(errno));
	return false;
}

void
spool_scan_set_aside(struct spool_scan *scan, struct spool_ref ref, const char *why, bool promised)
{
	if (spool_to_corrupt(scan->sp, ref, why) == 0 && promised && scan->o.lost != NULL)
		scan->o.lost(scan->o.ctx, ref, why);
}

void
spool_scan_remove(struct spool_scan *scan, struct spool_ref ref, enum spool_file kind)
{
	char name[SPOOL_NAME_SIZE];

	spool_id_name(ref.id, kind, name);
	if (file_unlinkat(scan->sp->folders[ref.sub].fd, name, 0) < 0 && errno != ENOENT)
		spool_say(scan->sp, "event=spool-error action=remove file=%s error=\"%s\"", name,
			strerror(errno));
}

bool
spool_scan_has_writer(struct spool_scan *scan, struct spool_ref ref, enum spool_file kind)
{
	char name[SPOOL_NAME_SIZE];

	spool_id_name(ref.id, kind, name);
	return spool_no_writer(scan->sp->folders[ref.sub].fd, name, 0) < 0 && errno == EAGAIN;
}
