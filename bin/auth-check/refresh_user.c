/*
 * refresh_user: users of a domain, each from its userConfig.xml.
 */
#include "base/base.h"
#include "refresh_private.h"

#include <errno.h>
#include <fcntl.h>
#include "base/buf.h"
#include "base/mem.h"
#include "config/format.h"

struct user_reading {
	struct refresh *r;
	struct span domain, user;
	struct account account;
};

static void
take_user(void *ctx, const struct record *rec)
{
	struct user_reading *u = ctx;

	if (span_is(rec->verb, "trusted")) {
		refresh_put_trusted(u->r->ix, u->domain, u->user, rec);
		return;
	}
	u->account.disabled = refresh_is_on(rec, "disabled");
	u->account.no_greylisting = refresh_is_on(rec, "nogreylisting");
	if (!record_get_num(rec, "limitmb", LIMIT_MAILBOX_MB, &u->account.limit_mb))
		u->account.limit_mb = 0;
	if (!sending_parse(record_get(rec, "sending"), u->account.sending, SENDING_USER_NUMBERS))
		memset(u->account.sending, 0, sizeof(u->account.sending));
	refresh_copy(record_get(rec, "hash"), u->account.hash, sizeof(u->account.hash));
	refresh_copy(record_get(rec, "scram"), u->account.scram, sizeof(u->account.scram));
	refresh_copy(record_get(rec, "scram1"), u->account.scram1, sizeof(u->account.scram1));
	refresh_copy(record_get(rec, "cram"), u->account.cram, sizeof(u->account.cram));
}

static void
read_user(struct refresh *r, struct span domain, struct span user, const char *path, const struct stamp *st)
{
	struct user_reading u = { .r = r, .domain = domain, .user = user };

	u.account.stamp = *st;
	index_begin(r->ix);
	index_drop_trusted(r->ix, domain, user);
	if (!refresh_file_parse(r, r->domains_fd, path, "user", take_user, &u)) {
		index_abort(r->ix);
		return;
	}
	index_put_account(r->ix, domain, user, &u.account);
	index_commit(r->ix);
	mem_wipe(&u.account, sizeof(u.account));
}

/* "FOLDER/users/USER/NAME" below domains/; false when the domain is unknown or a name is no name. */
static bool
user_path(struct refresh *r, struct span domain, struct span user, const char *name, char *out, size_t size)
{
	struct domain d;
	struct buf b;

	if (!format_is_user_folder(user) || !index_domain(r->ix, domain, &d))
		return false;
	buf_init_fixed(&b, out, size);
	buf_printf(&b, "%s/users/%.*s/%s", d.folder, SPAN_ARG(user), name);
	return !b.overflow;
}

void
refresh_user(struct refresh *r, struct span domain, struct span user)
{
	char path[REFRESH_PATH];
	struct account known;
	struct file_stamp now;
	bool has;

	if (!user_path(r, domain, user, "userConfig.xml", path, sizeof(path)))
		return;
	now = refresh_file_stamp(r->domains_fd, path);
	has = index_account(r->ix, domain, user, &known);
	if (!now.exists && has) {
		index_begin(r->ix);
		index_drop_account(r->ix, domain, user);
		index_commit(r->ix);
		if (r->user_gone != NULL)
			r->user_gone(r->gone_ctx, domain);
	} else if (now.exists && (!has || !refresh_file_same(&now.stamp, &known.stamp))) {
		read_user(r, domain, user, path, &now.stamp);
	}
	mem_wipe(&known, sizeof(known));
}

int
refresh_open_mailbox(struct refresh *r, struct span domain, struct span user)
{
	char path[REFRESH_PATH];

	if (!user_path(r, domain, user, "Maildir", path, sizeof(path))) {
		errno = ENOENT;
		return -1;
	}
	return refresh_file_open(r->domains_fd, path, O_PATH | O_DIRECTORY);
}

void
refresh_user_gone(struct refresh *r, struct span domain)
{
	char user[LIMIT_LOCAL_PART + 1] = "", next[LIMIT_LOCAL_PART + 1];

	while (index_next_user(r->ix, domain, span_of(user), next)) {
		memcpy(user, next, sizeof(user));
		refresh_user(r, domain, span_of(user));
	}
}

DIR *
refresh_user_folder(struct refresh *r, struct span domain)
{
	char path[REFRESH_PATH];
	struct domain d;
	DIR *dir;
	int fd;

	if (!index_domain(r->ix, domain, &d))
		return NULL;
	snprintf(path, sizeof(path), "%s/users", d.folder);
	fd = refresh_file_open(r->domains_fd, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (dir == NULL)
		close(fd);
	return dir;
}

bool
refresh_user_some(struct refresh *r, struct span domain, DIR *dir, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct dirent *e = readdir(dir);

		if (e == NULL)
			return false;
		refresh_user(r, domain, span_of(e->d_name));
	}
	return true;
}
