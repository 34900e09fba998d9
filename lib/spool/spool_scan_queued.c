/*
 * spool_scan_queued: the rows of the state table without an .em_.
 *
 *	.eml  Written               promised: reported
 *	.eml  Written, no end:      another program's: validated, completed, reported
 *	any   Writing, Failed       another program's: removed when it stands still
 *	.eml  -                     left a day, then corrupt/ (or removed, when the
 *	                            body has another name in a mailbox)
 *	-     Written, finished     .hdr removed (with .eml, when a cut kept it)
 *	- or wrong size  Written, some recipient open   disk fault: corrupt/
 *	.eml  Quarantined           left
 *
 * Whatever has an .em_ belongs to intake.
 */
#include "base/base.h"
#include "spool/spool_scan_parts.h"
#include "spool/spool_outcome.h"
#include "spool/spool_read.h"
#include "sys/file.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* .eml without .hdr. */
static void
lone_body(struct spool_scan *scan, struct spool_ref ref)
{
	struct stat eml, other;

	if (!spool_scan_stat(scan, ref, SPOOL_EML, &eml) || eml.st_ctime > scan->o.now - SCAN_DAY ||
	    spool_scan_stat(scan, ref, SPOOL_HDR, &other))
		return;
	if (S_ISREG(eml.st_mode) && eml.st_nlink > 1)
		spool_scan_remove(scan, ref, SPOOL_EML);
	else
		spool_scan_set_aside(scan, ref, "a body without envelope for a day", false);
}

/* A .hdr that gives no envelope. */
static void
bad_header(struct spool_scan *scan, struct spool_ref ref, int error, const struct stat *hdr)
{
	if (error != EBADMSG && error != ELOOP && error != ENOTSUP && error != EFBIG) {
		if (error != ENOENT)
			spool_say(scan->sp, "event=spool-error action=read id=%llu error=\"%s\"",
				(unsigned long long)ref.id, strerror(error));
		return;
	}
	/* Another program may still be writing it; a link or folder is never finished. */
	if (S_ISREG(hdr->st_mode) && (hdr->st_mtime > scan->o.now - SCAN_GRACE ||
	    spool_scan_has_writer(scan, ref, SPOOL_HDR)))
		return;
	spool_scan_set_aside(scan, ref, "envelope not valid", true);
}

static void
unfinished_pair(struct spool_scan *scan, struct spool_ref ref, const struct stat *hdr)
{
	if (hdr->st_mtime > scan->o.now - SCAN_GRACE || spool_scan_has_writer(scan, ref, SPOOL_HDR) ||
	    spool_scan_has_writer(scan, ref, SPOOL_EML))
		return;
	spool_say(scan->sp, "event=spool-removed id=%llu why=\"not finished by its writer\"",
		(unsigned long long)ref.id);
	spool_scan_finished(scan, ref);
}

/* Note size and checksum of the body in a pair of another program. */
static bool
complete_foreign(struct spool_scan *scan, struct spool_ref ref, struct envelope *e)
{
	char storage[256];
	struct buf lines;
	int fd = spool_read_body(scan->sp, ref);
	int result;

	if (fd < 0)
		return false;
	result = spool_read_checksum(fd, &e->size, &e->crc32c);
	file_close(&fd);
	buf_init_fixed(&lines, storage, sizeof(storage));
	envelope_line_body(&lines, e->line_seed, e->size, e->crc32c);
	if (result < 0 || spool_outcome_append(scan->sp, ref, &e->good_size, &lines) < 0) {
		spool_say(scan->sp, "event=spool-error action=take id=%llu error=\"%s\"",
			(unsigned long long)ref.id, strerror(errno));
		return false;
	}
	e->has_size = true;
	return true;
}

/* No .eml: finished in this moment, not moved in yet, or lost. */
static void
no_body(struct spool_scan *scan, struct spool_ref ref, const struct envelope *e, const struct stat *hdr)
{
	struct stat again;

	if (!spool_scan_stat(scan, ref, SPOOL_HDR, &again))
		return;
	if (e->foreign && !e->has_size && hdr->st_ctime > scan->o.now - SCAN_DAY)
		return;
	spool_scan_set_aside(scan, ref, "the body is missing", true);
}

/* Status Written, some recipient open. */
static int
open_pair(struct spool_scan *scan, struct spool_ref ref, const struct stat *hdr,
	struct spool_found *found)
{
	struct envelope *e = found->envelope;
	struct stat em_, eml;

	/* The .em_ first: it is renamed to .eml. */
	if (spool_scan_stat(scan, ref, SPOOL_EM_, &em_))
		return 0;
	if (!spool_scan_stat(scan, ref, SPOOL_EML, &eml)) {
		no_body(scan, ref, e, hdr);
		return 0;
	}
	if (!S_ISREG(eml.st_mode) || eml.st_uid != geteuid()) {
		spool_scan_set_aside(scan, ref, "the body is no plain file of ours", true);
		return 0;
	}
	if (!e->has_size && (spool_scan_has_writer(scan, ref, SPOOL_EML) ||
	    !complete_foreign(scan, ref, e)))
		return 0;
	if ((uint64_t)eml.st_size != e->size || e->size == 0) {
		spool_scan_set_aside(scan, ref, "the body has another size", true);
		return 0;
	}
	found->body_size = e->size;
	return 1;
}

static int
judge(struct spool_scan *scan, struct spool_ref ref, const struct stat *hdr, struct spool_found *found)
{
	switch (found->envelope->status) {
	case ENVELOPE_WRITTEN:
		if (!envelope_is_finished(found->envelope))
			return open_pair(scan, ref, hdr, found);
		spool_scan_finished(scan, ref);
		return 0;
	case ENVELOPE_WRITING:
	case ENVELOPE_FAILED:
		unfinished_pair(scan, ref, hdr);
		return 0;
	case ENVELOPE_QUARANTINED:
		return 0;
	}
	return 0;
}

int
spool_scan_queued(struct spool_scan *scan, struct spool_ref ref, uint32_t files,
	struct spool_found *found)
{
	struct stat hdr, em_;
	int got;

	if (files & SCAN_EM_)
		return 0;
	if (scan->o.known != NULL && scan->o.known(scan->o.ctx, ref))
		return 0;
	if (!(files & SCAN_HDR)) {
		lone_body(scan, ref);
		return 0;
	}
	if (!spool_scan_stat(scan, ref, SPOOL_HDR, &hdr) || spool_scan_stat(scan, ref, SPOOL_EM_, &em_))
		return 0;
	if (!S_ISREG(hdr.st_mode) || hdr.st_uid != geteuid()) {
		spool_scan_set_aside(scan, ref, "the envelope is no plain file of ours", true);
		return 0;
	}
	if (spool_read_envelope(scan->sp, ref, &found->envelope) < 0) {
		bad_header(scan, ref, errno, &hdr);
		return 0;
	}
	got = judge(scan, ref, &hdr, found);
	if (got == 0)
		envelope_free(&found->envelope);
	return got;
}
