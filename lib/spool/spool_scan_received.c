/*
 * spool_scan_received: the rows of the state table that have an .em_.
 *
 *	.em_  -                     nothing promised: removed when nobody writes
 *	.em_  no valid end:         nothing promised, or a disk fault: corrupt/
 *	.em_  Written, good end:    promised: renamed to .eml
 *	.em_  Quarantined, good end: the same, but stays in quarantine
 *	.em_  Writing, Failed       another program's: removed when it stands still
 *
 * Intake does this, so no message of its present life is touched: its ids start
 * at spool_id_first.  Derived ids are schedule's, which removes them itself
 * when it repeats the bounce; here only what is a day old is looked at.
 */
#include "base/base.h"
#include "spool/spool_scan_parts.h"
#include "spool/spool_read.h"
#include "base/limits.h"
#include "sys/file.h"
#include <errno.h>
#include <sys/stat.h>

static bool
is_ours_to_judge(const struct spool_scan *scan, struct spool_ref ref, const struct stat *em_)
{
	if (ref.id > SPOOL_ID_MAX)
		return em_->st_ctime <= scan->o.now - SCAN_DAY;
	return scan->sp->id_first == 0 || ref.id < scan->sp->id_first;
}

/* What a good header promises of its body is true. */
static bool
body_agrees(struct spool_scan *scan, struct spool_ref ref, const struct envelope *e, uint64_t *size_out)
{
	char name[SPOOL_NAME_SIZE];
	uint32_t crc;
	int fd, result;

	spool_id_name(ref.id, SPOOL_EM_, name);
	fd = spool_open_plain(scan->sp->folders[ref.sub].fd, name, O_RDONLY);
	if (fd < 0)
		return false;
	result = spool_read_checksum(fd, size_out, &crc);
	file_close(&fd);
	return result == 0 && *size_out == e->size && crc == e->crc32c;
}

/* Promised: do step 9 of spool_put again. */
static int
complete(struct spool_scan *scan, struct spool_ref ref, struct spool_found *found)
{
	char em_[SPOOL_NAME_SIZE], eml[SPOOL_NAME_SIZE];
	int folder = scan->sp->folders[ref.sub].fd;

	if (!body_agrees(scan, ref, found->envelope, &found->body_size)) {
		spool_scan_set_aside(scan, ref, "body is not what its envelope says", true);
		return 0;
	}
	spool_id_name(ref.id, SPOOL_EM_, em_);
	spool_id_name(ref.id, SPOOL_EML, eml);
	if (file_renameat(folder, em_, folder, eml, RENAME_NOREPLACE) < 0) {
		spool_say(scan->sp, "event=spool-error action=complete id=%llu error=\"%s\"",
			(unsigned long long)ref.id, strerror(errno));
		return 0;
	}
	spool_say(scan->sp, "event=spool-completed id=%llu", (unsigned long long)ref.id);
	return 1;
}

static void
stale_pair(struct spool_scan *scan, struct spool_ref ref, const struct stat *hdr)
{
	if (hdr->st_mtime > scan->o.now - SCAN_GRACE)
		return;
	spool_say(scan->sp, "event=spool-removed id=%llu why=\"not finished by its writer\"",
		(unsigned long long)ref.id);
	spool_scan_remove(scan, ref, SPOOL_HDR);
	spool_scan_remove(scan, ref, SPOOL_EM_);
}

static int
judge_header(struct spool_scan *scan, struct spool_ref ref, const struct stat *hdr,
	struct spool_found *found)
{
	if (spool_read_envelope(scan->sp, ref, &found->envelope) < 0) {
		if (errno == EBADMSG || errno == ELOOP || errno == ENOTSUP || errno == EFBIG)
			spool_scan_set_aside(scan, ref, "no valid envelope, nothing promised", false);
		else
			spool_say(scan->sp, "event=spool-error action=read id=%llu error=\"%s\"",
				(unsigned long long)ref.id, strerror(errno));
		return 0;
	}
	switch (found->envelope->status) {
	case ENVELOPE_WRITTEN:
		if (!found->envelope->foreign)
			return complete(scan, ref, found);
		if (hdr->st_ctime <= scan->o.now - SCAN_DAY)
			spool_scan_set_aside(scan, ref, "never renamed by its writer", false);
		return 0;
	case ENVELOPE_WRITING:
	case ENVELOPE_FAILED:
		stale_pair(scan, ref, hdr);
		return 0;
	case ENVELOPE_QUARANTINED:
		/* Not reported: it is for nobody to deliver. */
		if (!found->envelope->foreign)
			(void)complete(scan, ref, found);
		return 0;
	}
	return 0;
}

int
spool_scan_received(struct spool_scan *scan, struct spool_ref ref, uint32_t files,
	struct spool_found *found)
{
	struct stat em_, hdr;
	int got;

	if (!(files & SCAN_EM_) || !spool_scan_stat(scan, ref, SPOOL_EM_, &em_) ||
	    !is_ours_to_judge(scan, ref, &em_))
		return 0;
	if (!S_ISREG(em_.st_mode) || em_.st_uid != geteuid()) {
		spool_scan_set_aside(scan, ref, "no plain file of ours", false);
		return 0;
	}
	if (spool_scan_has_writer(scan, ref, SPOOL_EM_))
		return 0;
	if (!spool_scan_stat(scan, ref, SPOOL_HDR, &hdr)) {
		spool_scan_remove(scan, ref, SPOOL_EM_);
		return 0;
	}
	if (spool_scan_has_writer(scan, ref, SPOOL_HDR))
		return 0;
	got = judge_header(scan, ref, &hdr, found);
	if (got == 0)
		envelope_free(&found->envelope);
	return got;
}
