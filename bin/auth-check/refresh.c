/*
 * refresh: files in, index out.
 *
 * Paths are made of names that passed config/format.h and opened below the
 * folders' descriptors with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS: no name, and no
 * link that somebody planted, leads anywhere else.
 */
#include "base/base.h"
#include "refresh.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "base/buf.h"
#include "base/die.h"
#include "base/mem.h"
#include "config/format.h"

#define SCAN_STEP 100
#define PATH_SIZE 512

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

struct refresh *
refresh_new(struct service *svc)
{
	struct refresh *r = mem_new(sizeof(*r));

	r->svc = svc;
	r->domains_fd = instance_openat(&svc->instance, "domains", O_PATH | O_DIRECTORY, 0);
	r->etc_fd = instance_openat(&svc->instance, "etc", O_PATH | O_DIRECTORY, 0);
	if (r->domains_fd < 0 || r->etc_fd < 0)
		die(EXIT_NO_OBJECT, "cannot open domains/ or etc/: %m");
	return r;
}

static int
open_below(int dirfd, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* -- one file ------------------------------------------------------------- */

struct stamp_of {
	struct stamp stamp;
	bool exists;
};

static struct stamp_of
stamp_file(int dirfd, const char *path)
{
	struct stamp_of s = { 0 };
	struct stat st;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
		s.exists = true;
		s.stamp.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
		s.stamp.size = (uint64_t)st.st_size;
		s.stamp.inode = st.st_ino;
	}
	return s;
}

static bool
stamp_eq(const struct stamp *a, const struct stamp *b)
{
	return a->mtime_ns == b->mtime_ns && a->size == b->size && a->inode == b->inode;
}

static bool
parse(struct refresh *r, int dirfd, const char *path, const char *kind, parse_take *take, void *ctx)
{
	char why[512] = "";
	int fd = open_below(dirfd, path, O_RDONLY | O_NONBLOCK);
	bool good;

	if (fd < 0) {
		log_failure(r->svc, NULL, NULL, "event=settings-unreadable file=%s errno=%d", path, errno);
		return false;
	}
	good = helpers_parse(r->helpers, kind, fd, take, ctx, why, sizeof(why));
	close(fd);
	if (!good)
		log_failure(r->svc, NULL, NULL, "event=settings-refused file=%s why=\"%s\"", path, why);
	return good;
}

static void
copy(struct span s, char *out, size_t size)
{
	struct buf b;

	buf_init_fixed(&b, out, size);
	buf_span(&b, s);
	if (b.overflow)
		out[0] = '\0';
}

static void
copy_lower(struct span s, char *out, size_t size)
{
	copy(s, out, size);
	for (char *c = out; *c != '\0'; c++)
		*c = char_lower(*c);
}

/* -- users ---------------------------------------------------------------- */

struct user_reading {
	struct refresh *r;
	struct span domain, user;
	struct account account;
};

static bool
is_on(const struct record *rec, const char *key)
{
	return span_is(record_get(rec, key), "1");
}

static void
put_trusted(struct index *ix, struct span domain, struct span user, const struct record *rec)
{
	char pattern[LIMIT_ADDRESS + 1];

	copy_lower(record_get(rec, "pattern"), pattern, sizeof(pattern));
	if (pattern[0] != '\0')
		index_put_trusted(ix, domain, user, span_of(pattern));
}

static void
take_user(void *ctx, const struct record *rec)
{
	struct user_reading *u = ctx;

	if (span_is(rec->verb, "trusted")) {
		put_trusted(u->r->ix, u->domain, u->user, rec);
		return;
	}
	u->account.disabled = is_on(rec, "disabled");
	u->account.no_greylisting = is_on(rec, "nogreylisting");
	if (!record_get_num(rec, "limitmb", LIMIT_MAILBOX_MB, &u->account.limit_mb))
		u->account.limit_mb = 0;
	copy(record_get(rec, "hash"), u->account.hash, sizeof(u->account.hash));
	copy(record_get(rec, "scram"), u->account.scram, sizeof(u->account.scram));
	copy(record_get(rec, "scram1"), u->account.scram1, sizeof(u->account.scram1));
	copy(record_get(rec, "cram"), u->account.cram, sizeof(u->account.cram));
}

static void
read_user(struct refresh *r, struct span domain, struct span user, const char *path, const struct stamp *st)
{
	struct user_reading u = { .r = r, .domain = domain, .user = user };

	u.account.stamp = *st;
	index_begin(r->ix);
	index_drop_trusted(r->ix, domain, user);
	if (!parse(r, r->domains_fd, path, "user", take_user, &u)) {
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
	char path[PATH_SIZE];
	struct account known;
	struct stamp_of now;
	bool has;

	if (!user_path(r, domain, user, "userConfig.xml", path, sizeof(path)))
		return;
	now = stamp_file(r->domains_fd, path);
	has = index_account(r->ix, domain, user, &known);
	if (!now.exists && has) {
		index_begin(r->ix);
		index_drop_account(r->ix, domain, user);
		index_commit(r->ix);
		if (r->user_gone != NULL)
			r->user_gone(r->gone_ctx, domain);
	} else if (now.exists && (!has || !stamp_eq(&now.stamp, &known.stamp))) {
		read_user(r, domain, user, path, &now.stamp);
	}
	mem_wipe(&known, sizeof(known));
}

int
refresh_open_mailbox(struct refresh *r, struct span domain, struct span user)
{
	char path[PATH_SIZE];

	if (!user_path(r, domain, user, "Maildir", path, sizeof(path))) {
		errno = ENOENT;
		return -1;
	}
	return open_below(r->domains_fd, path, O_PATH | O_DIRECTORY);
}

/* -- domains -------------------------------------------------------------- */

struct domain_reading {
	struct refresh *r;
	struct span name;
	struct domain domain;
};

/*
 * A name belongs to the domain that had it first: mail must not go elsewhere
 * because of a line in another file.  Without a stamp the file is read again at the next
 * start, when the name may be free.
 */
static void
take_other_name(struct domain_reading *d, const char *name)
{
	char owner[LIMIT_DOMAIN + 1];

	if (index_domain_alias(d->r->ix, span_of(name), owner) && !span_is(d->name, owner)) {
		log_failure(d->r->svc, NULL, NULL, "event=domain-alias-taken alias=%s domain=%.*s owner=%s", name,
			SPAN_ARG(d->name), owner);
		d->domain.stamp = (struct stamp){ 0 };
		return;
	}
	index_put_domain_alias(d->r->ix, d->name, span_of(name));
}

static void
take_domain(void *ctx, const struct record *rec)
{
	struct domain_reading *d = ctx;
	char name[LIMIT_DOMAIN + 1];

	if (span_is(rec->verb, "trusted")) {
		put_trusted(d->r->ix, d->name, SPAN(""), rec);
	} else if (span_is(rec->verb, "other")) {
		copy_lower(record_get(rec, "name"), name, sizeof(name));
		if (name[0] != '\0')
			take_other_name(d, name);
	} else {
		d->domain.disabled = is_on(rec, "disabled");
		d->domain.require_auth = is_on(rec, "requireauth");
		d->domain.no_greylisting = is_on(rec, "nogreylisting");
		d->domain.catch_alls = is_on(rec, "catchalls");
		d->domain.offers_cram = is_on(rec, "cram");
		d->domain.offers_scram = is_on(rec, "scram");
		if (!record_get_num(rec, "maxsizekb", UINT32_MAX, &d->domain.max_size_kb))
			d->domain.max_size_kb = 0;
		if (!record_get_num(rec, "maxrcpts", UINT32_MAX, &d->domain.max_rcpts))
			d->domain.max_rcpts = 0;
		if (!record_get_num(rec, "spacemb", LIMIT_MAILBOX_MB, &d->domain.space_mb))
			d->domain.space_mb = 0;
		d->domain.offers_scram1 = is_on(rec, "scram1");
		d->domain.no_plain = is_on(rec, "noplain");
		copy_lower(record_get(rec, "catchall"), d->domain.catch_all, sizeof(d->domain.catch_all));
		copy_lower(record_get(rec, "postmaster"), d->domain.postmaster, sizeof(d->domain.postmaster));
	}
}

static void
read_domain(struct refresh *r, struct span name, const char *folder)
{
	struct domain_reading d = { .r = r, .name = name, .domain.require_auth = true,
		.domain.offers_scram = true, .domain.max_size_kb = 10000, .domain.max_rcpts = 200, .domain.space_mb = 500 };
	char path[PATH_SIZE];
	struct domain known;
	struct stamp_of now;
	bool good = true;

	snprintf(path, sizeof(path), "%s/domainConfig.xml", folder);
	now = stamp_file(r->domains_fd, path);
	if (index_domain(r->ix, name, &known) && stamp_eq(&now.stamp, &known.stamp)
	    && strcmp(known.folder, folder) == 0)
		return;
	copy(name, d.domain.name, sizeof(d.domain.name));
	copy(span_of(folder), d.domain.folder, sizeof(d.domain.folder));
	d.domain.stamp = now.stamp;
	index_begin(r->ix);
	index_drop_domain_aliases(r->ix, name);
	index_drop_trusted(r->ix, name, SPAN(""));
	if (now.exists)
		good = parse(r, r->domains_fd, path, "domain", take_domain, &d);
	if (!good) {
		index_abort(r->ix);
		return;
	}
	index_put_domain(r->ix, &d.domain);
	index_commit(r->ix);
}

struct alias_reading {
	struct refresh *r;
	struct span domain;
};

static void
take_alias(void *ctx, const struct record *rec)
{
	struct alias_reading *a = ctx;
	char name[LIMIT_LOCAL_PART + 1];

	copy_lower(record_get(rec, "name"), name, sizeof(name));
	if (name[0] != '\0')
		index_put_alias(a->r->ix, a->domain, span_of(name), record_get(rec, "targets"));
}

static void
read_aliases(struct refresh *r, struct span name, const char *folder)
{
	struct alias_reading a = { .r = r, .domain = name };
	char path[PATH_SIZE], key[LIMIT_DOMAIN + 16];
	struct stamp known = { 0 };
	struct stamp_of now;

	snprintf(path, sizeof(path), "%s/aliases.xml", folder);
	snprintf(key, sizeof(key), "aliases/%.*s", SPAN_ARG(name));
	now = stamp_file(r->domains_fd, path);
	if (index_get_stamp(r->ix, key, &known) ? stamp_eq(&now.stamp, &known) : !now.exists)
		return;
	index_begin(r->ix);
	index_drop_aliases(r->ix, name);
	if (now.exists && !parse(r, r->domains_fd, path, "aliases", take_alias, &a)) {
		index_abort(r->ix);
		return;
	}
	index_put_stamp(r->ix, key, &now.stamp);
	index_commit(r->ix);
}

/* Accounts of the index whose file is gone. */
static void
drop_gone_users(struct refresh *r, struct span domain)
{
	char user[LIMIT_LOCAL_PART + 1] = "", next[LIMIT_LOCAL_PART + 1];

	while (index_next_user(r->ix, domain, span_of(user), next)) {
		memcpy(user, next, sizeof(user));
		refresh_user(r, domain, span_of(user));
	}
}

static DIR *
open_users(struct refresh *r, struct span domain)
{
	char path[PATH_SIZE];
	struct domain d;
	DIR *dir;
	int fd;

	if (!index_domain(r->ix, domain, &d))
		return NULL;
	snprintf(path, sizeof(path), "%s/users", d.folder);
	fd = open_below(r->domains_fd, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (dir == NULL)
		close(fd);
	return dir;
}

/* Compare up to n users of an open folder; false at its end. */
static bool
compare_users(struct refresh *r, struct span domain, DIR *dir, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct dirent *e = readdir(dir);

		if (e == NULL)
			return false;
		refresh_user(r, domain, span_of(e->d_name));
	}
	return true;
}

void
refresh_domain(struct refresh *r, struct span domain)
{
	struct domain d;
	DIR *dir;

	refresh_list(r);
	if (!index_domain(r->ix, domain, &d))
		return;
	read_domain(r, domain, d.folder);
	read_aliases(r, domain, d.folder);
	drop_gone_users(r, domain);
	dir = open_users(r, domain);
	if (dir == NULL)
		return;
	compare_users(r, domain, dir, SIZE_MAX);
	closedir(dir);
}

/* -- the list ------------------------------------------------------------- */

struct list_reading {
	struct refresh *r;
	struct buf names;	/* NAME FOLDER LF */
};

/* Folders lie below domains/: the only place where auth-check may look. */
static bool
folder_of(struct span name, struct span path, struct buf *out)
{
	if (path.n == 0)
		return buf_span(out, name);
	if (!span_starts(path, SPAN("domains/")) || span_search(path, SPAN("..")) >= 0
	    || span_find(path, ' ') >= 0 || path.n > LIMIT_DOMAIN + 8)
		return false;
	return buf_span(out, span_from(path, 8));
}

static void
take_listed(void *ctx, const struct record *rec)
{
	struct list_reading *l = ctx;
	char name[LIMIT_DOMAIN + 1];
	size_t start = l->names.n;

	copy_lower(record_get(rec, "name"), name, sizeof(name));
	if (!format_is_domain_folder(span_of(name)))
		return;
	buf_text_put(&l->names, name);
	buf_char(&l->names, ' ');
	if (!folder_of(span_of(name), record_get(rec, "folder"), &l->names)) {
		log_failure(l->r->svc, NULL, NULL, "event=domain-outside domain=%s", name);
		buf_cut(&l->names, start);
		return;
	}
	buf_char(&l->names, '\n');
}

/* One line of the list. */
struct listed {
	struct span name, folder;
};

static int
compare_listed(const void *a, const void *b)
{
	return span_cmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

/* The lines as an array in the order of names; owned by the caller. */
static struct listed *
sort_listed(struct span lines, size_t *count_out)
{
	struct listed *list;
	size_t n = 0;

	for (size_t i = 0; i < lines.n; i++)
		n += lines.p[i] == '\n';
	list = mem_array(n + 1, sizeof(*list));
	*count_out = n;
	for (size_t i = 0; i < n; i++) {
		list[i].folder = span_cut(&lines, '\n');
		list[i].name = span_cut(&list[i].folder, ' ');
	}
	qsort(list, n, sizeof(*list), compare_listed);
	return list;
}

static void
drop_unlisted(struct refresh *r, const struct listed *list, size_t n)
{
	char domain[LIMIT_DOMAIN + 1] = "", next[LIMIT_DOMAIN + 1];

	while (index_next_domain(r->ix, span_of(domain), next)) {
		struct listed key = { .name = span_of(next) };

		memcpy(domain, next, sizeof(domain));
		if (bsearch(&key, list, n, sizeof(*list), compare_listed) != NULL)
			continue;
		index_begin(r->ix);
		index_drop_domain(r->ix, span_of(domain));
		index_commit(r->ix);
	}
}

static void
read_listed(struct refresh *r, const struct listed *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char folder[LIMIT_DOMAIN + 64];

		copy(list[i].folder, folder, sizeof(folder));
		read_domain(r, list[i].name, folder);
		read_aliases(r, list[i].name, folder);
	}
}

void
refresh_list(struct refresh *r)
{
	struct list_reading l = { .r = r };
	struct stamp known = { 0 };
	struct stamp_of now = stamp_file(r->etc_fd, "domainList.xml");
	struct listed *list;
	size_t n;

	if (index_get_stamp(r->ix, "list", &known) && stamp_eq(&now.stamp, &known))
		return;
	buf_init(&l.names, LIMIT_XML);
	if (now.exists && !parse(r, r->etc_fd, "domainList.xml", "list", take_listed, &l)) {
		buf_free(&l.names);
		return;
	}
	list = sort_listed(buf_view(&l.names), &n);
	drop_unlisted(r, list, n);
	read_listed(r, list, n);
	free(list);
	buf_free(&l.names);
	index_put_stamp(r->ix, "list", &now.stamp);
}

/* -- the scan ------------------------------------------------------------- */

static void scan_step(void *ctx);

static void
scan_later(struct refresh *r)
{
	r->scanning = true;
	index_hide(r->ix, true);
	loop_timer(r->loop, 0, scan_step, r);
}

/* Open the users of the next domain; false when there is none. */
static bool
scan_next_domain(struct refresh *r)
{
	char next[LIMIT_DOMAIN + 1];

	if (!index_next_domain(r->ix, span_of(r->scan_domain), next))
		return false;
	memcpy(r->scan_domain, next, sizeof(r->scan_domain));
	drop_gone_users(r, span_of(r->scan_domain));
	r->scan_dir = open_users(r, span_of(r->scan_domain));
	return true;
}

static void
scan_step(void *ctx)
{
	struct refresh *r = ctx;

	if (r->scan_dir == NULL && !scan_next_domain(r)) {
		r->scanning = false;
		index_hide(r->ix, false);
		log_line(r->svc, NULL, NULL, "event=directory-compared");
		return;
	}
	if (r->scan_dir != NULL && !compare_users(r, span_of(r->scan_domain), r->scan_dir, SCAN_STEP)) {
		closedir(r->scan_dir);
		r->scan_dir = NULL;
	}
	scan_later(r);
}

static void
scan_begin(struct refresh *r)
{
	bool running = r->scanning;

	if (r->scan_dir != NULL)
		closedir(r->scan_dir);
	r->scan_dir = NULL;
	r->scan_domain[0] = '\0';
	if (!running)
		scan_later(r);
}

static void
compare_domains(struct refresh *r)
{
	char domain[LIMIT_DOMAIN + 1] = "", next[LIMIT_DOMAIN + 1];
	struct domain d;

	refresh_list(r);
	while (index_next_domain(r->ix, span_of(domain), next)) {
		memcpy(domain, next, sizeof(domain));
		if (!index_domain(r->ix, span_of(domain), &d))
			continue;
		read_domain(r, span_of(domain), d.folder);
		read_aliases(r, span_of(domain), d.folder);
	}
}

void
refresh_start(struct refresh *r, struct index *ix, struct helpers *h, struct loop *loop)
{
	r->ix = ix;
	r->helpers = h;
	r->loop = loop;
	compare_domains(r);
	scan_begin(r);
}

void
refresh_on_gone(struct refresh *r, refresh_gone *gone, void *ctx)
{
	r->user_gone = gone;
	r->gone_ctx = ctx;
}

bool
refresh_is_scanning(const struct refresh *r)
{
	return r->scanning;
}

void
refresh_all(struct refresh *r)
{
	index_drop_all(r->ix);
	compare_domains(r);
	scan_begin(r);
}
