/*
 * spool_scan_parts: what the files of the scan share.
 */
#ifndef SPOOL_SPOOL_SCAN_PARTS_H
#define SPOOL_SPOOL_SCAN_PARTS_H

#include "base/base.h"
#include "spool/spool_parts.h"
#include "spool/spool_scan.h"

/* What one message of a listing has. */
#define SCAN_EML (1u << SPOOL_EML)
#define SCAN_HDR (1u << SPOOL_HDR)
#define SCAN_EM_ (1u << SPOOL_EM_)

struct scan_entry {
	uint64_t id;
	uint32_t files;		/* SCAN_* when it was listed; may have changed since */
};

/* Group of finished messages that share one synchronous call. */
#define SCAN_FINISH_GROUP 256

struct spool_scan {
	struct spool *sp;
	struct spool_scan_options o;
	uint32_t sub;			/* folder being read; past the root: done */
	bool listed;
	struct scan_entry *entries;	/* of this folder, sorted by id */
	size_t count, next;
	struct spool_ref finished[SCAN_FINISH_GROUP];
	size_t finished_count;
};

/* Seconds that a file of another program may stand still before it is judged. */
#define SCAN_GRACE 600
#define SCAN_DAY 86400

/*
 * Each judges one message: 1 and *found filled, 0 when there is nothing to
 * report.  What could not be done is logged and found again by the next scan.
 */
int spool_scan_received(struct spool_scan *scan, struct spool_ref ref, uint32_t files,
	struct spool_found *found);
int spool_scan_queued(struct spool_scan *scan, struct spool_ref ref, uint32_t files,
	struct spool_found *found);

/* Note it for the next group of spool_finish; flush does the group now. */
void spool_scan_finished(struct spool_scan *scan, struct spool_ref ref);
void spool_scan_flush(struct spool_scan *scan);

/* lstat of a file of ref; false when it is not there (or cannot be seen: logged). */
struct stat;
bool spool_scan_stat(struct spool_scan *scan, struct spool_ref ref, enum spool_file kind, struct stat *st);

/* To corrupt/; promised tells that the lost callback is due. */
void spool_scan_set_aside(struct spool_scan *scan, struct spool_ref ref, const char *why, bool promised);

/* Remove one file, log failure. */
void spool_scan_remove(struct spool_scan *scan, struct spool_ref ref, enum spool_file kind);

/* False when nobody writes it; true also when that cannot be told. */
bool spool_scan_has_writer(struct spool_scan *scan, struct spool_ref ref, enum spool_file kind);

/* Remove what nobody was promised and lies in corrupt/ for a week. */
void spool_corrupt_expire(struct spool *sp, int64_t now);

#endif
