/*
 * spool_corrupt: set aside what must neither be delivered nor be lost.
 *
 * Files keep their names, so that mailctl and people find them by id.  The
 * .hdr goes first: a body without it is waited for, then set aside as well,
 * while a .hdr without its body would be reported as a loss once more.
 */
#include "base/base.h"
#include "spool/spool_parts.h"
#include "spool/spool_scan_parts.h"
#include "sys/file.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define CORRUPT_DAYS 7
#define CORRUPT_NAMES 100	/* ID.eml, ID.eml.1 … of files that came back again and again */

static int
move_one(struct spool *sp, int from, const char *name)
{
	char to[SPOOL_NAME_SIZE + 8];

	snprintf(to, sizeof(to), "%s", name);
	for (int i = 1; i <= CORRUPT_NAMES; i++) {
		if (file_renameat(from, name, sp->corrupt_fd, to, RENAME_NOREPLACE) == 0 ||
		    errno == ENOENT)
			return 0;
		if (errno != EEXIST)
			return -1;
		snprintf(to, sizeof(to), "%s.%d", name, i);
	}
	return -1;
}

int
spool_to_corrupt(struct spool *sp, struct spool_ref ref, const char *why)
{
	static const enum spool_file order[] = { SPOOL_HDR, SPOOL_EML, SPOOL_EM_ };

	spool_say(sp, "event=spool-corrupt id=%llu sub=%u why=\"%s\"", (unsigned long long)ref.id,
		ref.sub, why);
	for (size_t i = 0; i < PB_COUNT(order); i++) {
		char name[SPOOL_NAME_SIZE];

		spool_id_name(ref.id, order[i], name);
		if (move_one(sp, sp->folders[ref.sub].fd, name) < 0) {
			spool_say(sp, "event=spool-error action=set-aside file=%s error=\"%s\"", name,
				strerror(errno));
			return -1;
		}
	}
	return file_fsync_dir(sp->corrupt_fd);
}

/* Remove an .em_ that has been here for a week, and the .hdr that came with it. */
static void
expire_one(struct spool *sp, const char *name, int64_t now)
{
	struct span base = span_first(span_of(name), strcspn(name, "."));
	const char *rest = name + base.n + 4;		/* "" or ".1" */
	char hdr[SPOOL_NAME_SIZE + 8];
	struct stat st;

	if (fstatat(sp->corrupt_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_ctime > now - CORRUPT_DAYS * INT64_C(86400))
		return;
	snprintf(hdr, sizeof(hdr), "%.*s.hdr%s", SPAN_ARG(base), rest);
	if ((file_unlinkat(sp->corrupt_fd, hdr, 0) < 0 && errno != ENOENT) ||
	    file_unlinkat(sp->corrupt_fd, name, 0) < 0)
		spool_say(sp, "event=spool-error action=expire file=%s error=\"%s\"", name,
			strerror(errno));
	else
		spool_say(sp, "event=spool-expired file=%s", name);
}

void
spool_corrupt_expire(struct spool *sp, int64_t now)
{
	int fd = file_open_dir(sp->corrupt_fd, ".");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL) {
		file_close(&fd);
		spool_say(sp, "event=spool-error action=list folder=corrupt error=\"%s\"", strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		struct span name = span_of(entry->d_name);
		size_t base = strcspn(entry->d_name, ".");
		enum spool_file kind;
		uint64_t id;

		if (name.n < SPOOL_NAME_SIZE + 4 && spool_id_parse(span_first(name, base + 4), &id, &kind) &&
		    kind == SPOOL_EM_)
			expire_one(sp, entry->d_name, now);
	}
	closedir(dir);
}
