/*
 * refresh_private: what the files of refresh share.
 */
#ifndef AUTH_CHECK_REFRESH_PRIVATE_H
#define AUTH_CHECK_REFRESH_PRIVATE_H

#include "refresh.h"

#include <dirent.h>
#include "base/record.h"

#define REFRESH_PATH 512

struct refresh {
	struct service *svc;
	struct index *ix;
	struct helpers *helpers;
	struct loop *loop;
	int domains_fd;		/* O_PATH of domains/ */
	int etc_fd;		/* O_PATH of etc/ */
	refresh_gone *user_gone;	/* NULL, or told of a user who is not there any more */
	void *gone_ctx;
	bool scanning;
	char scan_domain[LIMIT_DOMAIN + 1];	/* being compared now; "" before the first */
	DIR *scan_dir;				/* its users, NULL between two */
};

/* -- one file (refresh_file.c) ---------------------------------------------- */

struct file_stamp {
	struct stamp stamp;
	bool exists;
};

struct file_stamp refresh_file_stamp(int dirfd, const char *path);
bool refresh_file_same(const struct stamp *a, const struct stamp *b);
/* A descriptor, or -1 with errno; path stays below dirfd and follows no link. */
int refresh_file_open(int dirfd, const char *path, uint64_t flags) PB_MUST_CHECK;
/* Have a helper read it as `kind`: take(ctx, record) for each.  False, and logged, when it is not well formed. */
bool refresh_file_parse(struct refresh *r, int dirfd, const char *path, const char *kind, parse_take *take, void *ctx) PB_MUST_CHECK;

/* Text of a record with its NUL into out; "" when it is too long. */
void refresh_copy(struct span s, char *out, size_t size);
void refresh_copy_lower(struct span s, char *out, size_t size);
bool refresh_is_on(const struct record *rec, const char *key);
/* A record "trusted" of a user, or of the domain itself (user empty). */
void refresh_put_trusted(struct index *ix, struct span domain, struct span user, const struct record *rec);

/* -- users (refresh_user.c) --------------------------------------------------- */

/* Accounts of the index whose file is gone are dropped. */
void refresh_user_gone(struct refresh *r, struct span domain);
/* The folder of a domain's users, closed by the caller; NULL when there is none. */
DIR *refresh_user_folder(struct refresh *r, struct span domain);
/* Compare up to n users of it; false at its end. */
bool refresh_user_some(struct refresh *r, struct span domain, DIR *dir, size_t n);

/* -- domains (refresh_domain.c) ------------------------------------------------ */

/* Compare the files with the index, and read those that changed; folder is relative to domains/. */
void refresh_domain_read(struct refresh *r, struct span name, const char *folder);
void refresh_domain_aliases(struct refresh *r, struct span name, const char *folder);

#endif
