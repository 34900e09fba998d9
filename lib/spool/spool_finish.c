/*
 * spool_finish: .hdr first, then durable, then .eml.
 *
 * Crash argument: while a .hdr can come back after a cut its .eml is there, so
 * the scan finds a finished pair and removes it again (or, if its last done:
 * line was left out because this finish made it needless, delivers once more
 * to where it finds the same file).  In the other order a .hdr could come back
 * without its body, which is the sign of a disk fault.
 */
#include "base/base.h"
#include "spool/spool_finish.h"
#include "spool/spool_parts.h"
#include "base/mem.h"
#include "sys/file.h"
#include <errno.h>

static int
remove_file(struct spool *sp, struct spool_ref ref, enum spool_file kind)
{
	char name[SPOOL_NAME_SIZE];

	spool_id_name(ref.id, kind, name);
	if (file_unlinkat(sp->folders[ref.sub].fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	spool_say(sp, "event=spool-error action=finish id=%llu error=\"%s\"",
		(unsigned long long)ref.id, strerror(errno));
	return -1;
}

/* Make the touched folders durable; where the journal is shared, one stands for all. */
static int
sync_folders(struct spool *sp, const bool *touched)
{
	bool one_is_enough = sp->filesystem == FILESYSTEM_JOURNAL_GROUPS && !sp->sync_directory;

	for (uint32_t sub = sp->sub_count + 1; sub-- > 0; ) {
		if (!touched[sub])
			continue;
		if (file_fsync_dir(sp->folders[sub].fd) < 0)
			return -1;
		if (one_is_enough)
			return 0;
	}
	return 0;
}

int
spool_finish(struct spool *sp, const struct spool_ref *refs, size_t count)
{
	bool *touched = mem_array((size_t)sp->sub_count + 1, sizeof(*touched));
	bool *gone = mem_array(count, sizeof(*gone));
	int error = 0;

	for (size_t i = 0; i < count; i++) {
		gone[i] = remove_file(sp, refs[i], SPOOL_HDR) == 0;
		if (!gone[i] && error == 0)
			error = errno;
		touched[refs[i].sub] = true;
	}
	if (sync_folders(sp, touched) < 0) {
		error = errno;
	} else {
		for (size_t i = 0; i < count; i++)
			if (gone[i] && remove_file(sp, refs[i], SPOOL_EML) < 0 && error == 0)
				error = errno;
	}
	free(touched);
	free(gone);
	errno = error;
	return error == 0 ? 0 : -1;
}
