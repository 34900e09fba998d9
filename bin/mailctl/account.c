/*
 * account: making and reading domains and users.
 *
 * Order for a new user: (1) the folder users/NAME and its Maildir, with owners
 * and modes of the manifest; (2) fsync of the folders; (3) userConfig.xml, the
 * commit point; (4) auth-check is told.  mailctl makes the Maildir itself, so
 * that it works while the server is stopped (spool-layout/README).
 */
#include "base/base.h"
#include "base/limits.h"
#include "account.h"
#include "args.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/die.h"
#include "base/mem.h"
#include "config/compile.h"
#include "config/format.h"
#include "config/manifest.h"
#include "config/password.h"
#include "directory/secret.h"
#include "edit.h"
#include "sys/file.h"
#include "output.h"

int
domain_name(const char *name, char out[256])
{
	size_t n = strlen(name);

	if (n > 0 && name[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n && i < 255; i++)
		out[i] = char_lower(name[i]);
	out[n < 255 ? n : 255] = '\0';
	if (n > 255 || !format_is_domain_folder(span_of(out)))
		return ctl_fail(EXIT_USAGE, "%s is not a domain name", name);
	return EXIT_DONE;
}

int
address_parse(const char *text, struct address *out)
{
	const char *at = strrchr(text, '@');
	int code;

	if (at == NULL || at == text || (size_t)(at - text) > LIMIT_LOCAL_PART)
		return ctl_fail(EXIT_USAGE, "%s is not an address USER@DOMAIN", text);
	code = domain_name(at + 1, out->domain);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < (size_t)(at - text); i++)
		out->user[i] = char_lower(text[i]);
	out->user[at - text] = '\0';
	if (!format_is_user_folder(span_of(out->user)))
		return ctl_fail(EXIT_USAGE, "%s: the name must be %s", text, format_name(FORMAT_LOCALPART));
	snprintf(out->text, sizeof(out->text), "%s@%s", out->user, out->domain);
	return EXIT_DONE;
}

int
domain_open(const struct ctl *c, const char *name, struct domain *out)
{
	int code = domain_name(name, out->name);

	out->fd = out->users_fd = -1;
	if (code != EXIT_DONE)
		return code;
	snprintf(out->folder, sizeof(out->folder), "domains/%s", out->name);
	out->fd = instance_openat(&c->instance, out->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (out->fd < 0 || faccessat(out->fd, "domainConfig.xml", F_OK, 0) != 0) {
		code = errno == ENOENT ?
			ctl_fail(EXIT_NO_OBJECT, "there is no domain %s", out->name) :
			ctl_fail(ctl_code_of_errno(errno), "%s: %s", out->folder, strerror(errno));
		domain_close(out);
		return code;
	}
	out->users_fd = openat(out->fd, "users", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out->users_fd < 0) {
		code = ctl_fail(ctl_code_of_errno(errno), "%s/users: %s", out->folder, strerror(errno));
		domain_close(out);
	}
	return code;
}

void
domain_close(struct domain *d)
{
	file_close(&d->fd);
	file_close(&d->users_fd);
}

static struct settings *
read_settings(int dirfd, const char *folder, enum setting_scope scope)
{
	struct settings *st = NULL;
	struct config_file f;
	struct buf errors;

	buf_init(&errors, 65536);
	if (config_open(&f, dirfd, folder, scope, &errors)) {
		st = compile_settings(f.xml, scope);
		config_close(&f);
	}
	ctl_report(1, &errors);
	buf_free(&errors);
	return st;
}

struct settings *
domain_settings(const struct domain *d)
{
	return read_settings(d->fd, d->folder, SCOPE_DOMAIN);
}

struct settings *
alias_settings(const struct domain *d)
{
	return read_settings(d->fd, d->folder, SCOPE_ALIASES);
}

struct settings *
user_settings(const struct domain *d, const char *user)
{
	char folder[CONFIG_PATH_MAX - 64];
	struct settings *st;
	int fd = openat(d->users_fd, user, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	snprintf(folder, sizeof(folder), "%s/users/%s", d->folder, user);
	st = read_settings(fd, folder, SCOPE_USER);
	file_close(&fd);
	return st;
}

bool
user_exists(const struct domain *d, const char *user)
{
	char path[LIMIT_LOCAL_PART + 32];

	snprintf(path, sizeof(path), "%s/userConfig.xml", user);
	return faccessat(d->users_fd, path, F_OK, 0) == 0;
}

int
user_check_password(const struct ctl *c, struct span password, const char *user)
{
	struct settings *server;
	struct buf why;
	unsigned int broken;

	if (!secret_is_password(password))
		return ctl_fail(EXIT_REFUSED, "a password has 1 to %d bytes", LIMIT_PASSWORD);
	server = ctl_server_settings(c);
	if (server == NULL)
		return EXIT_REFUSED;
	broken = password_broken_rules(server, password, span_of(user));
	buf_init(&why, 4096);
	password_explain(server, broken, &why);
	ctl_report(EXIT_REFUSED, &why);
	buf_free(&why);
	settings_free(&server);
	return broken == 0 ? EXIT_DONE : EXIT_REFUSED;
}

static int
put_secret(struct config_file *f, const char *name, const char *value, int made, struct buf *errors)
{
	if (made != 0) {
		buf_printf(errors, "%s: %s\n", name, errno == EINVAL ?
			"the password has characters that SASLprep does not allow" : strerror(errno));
		return EXIT_REFUSED;
	}
	return edit_set(f, name, value, errors);
}

/* One SCRAM secret if the domain wants it; an older one must not outlive its password. */
static int
put_scram(const struct settings *domain, struct config_file *f, const char *offer, const char *name,
	enum secret_scram kind, struct span password, struct buf *errors)
{
	char scram[SECRET_MAX + 1] = "";
	int code = EXIT_DONE;

	if (settings_bool(domain, offer))
		code = put_secret(f, name, scram, secret_make_scram(kind, password, scram), errors);
	else if (f->exists)
		code = edit_set(f, name, "", errors);
	mem_wipe(scram, sizeof(scram));
	return code;
}

int
user_set_password(const struct settings *domain, struct config_file *f, struct span password)
{
	char hash[SECRET_MAX + 1] = "", cram[SECRET_CRAM_MAX + 1] = "";
	struct buf errors;
	int code;

	buf_init(&errors, 4096);
	code = put_secret(f, "passwordHash", hash, secret_make_hash(password, hash), &errors);
	if (code == EXIT_DONE)
		code = put_scram(domain, f, "offerScramSha256", "scramSha256", SECRET_SCRAM_SHA256, password, &errors);
	if (code == EXIT_DONE)
		code = put_scram(domain, f, "offerScramSha1", "scramSha1", SECRET_SCRAM_SHA1, password, &errors);
	if (code == EXIT_DONE && settings_bool(domain, "offerCramMd5"))
		code = put_secret(f, "cramMd5State", cram, secret_make_cram(password, cram), &errors);
	else if (code == EXIT_DONE && f->exists)
		code = edit_set(f, "cramMd5State", "", &errors);
	mem_wipe(hash, sizeof(hash));
	mem_wipe(cram, sizeof(cram));
	ctl_report(code, &errors);
	buf_free(&errors);
	return code;
}

/* users/NAME with Maildir and its three folders. */
static int
make_folders(const struct domain *d, const char *user)
{
	static const char *const parts[] = { "", "/Maildir", "/Maildir/cur", "/Maildir/new", "/Maildir/tmp" };
	char name[LIMIT_LOCAL_PART + 32], path[CONFIG_PATH_MAX];
	int maildir;

	for (size_t i = 0; i < PB_COUNT(parts); i++) {
		snprintf(name, sizeof(name), "%s%s", user, parts[i]);
		snprintf(path, sizeof(path), "%s/users/%s", d->folder, name);
		if (manifest_make_dir(d->users_fd, name, path) != 0)
			return -1;
	}
	snprintf(name, sizeof(name), "%s/Maildir", user);
	maildir = file_open_dir(d->users_fd, name);
	if (maildir < 0)
		return -1;
	if (file_fsync_dir(maildir) != 0 || file_fsync_dir(d->users_fd) != 0) {
		file_close(&maildir);
		return -1;
	}
	file_close(&maildir);
	return 0;
}

/* How many folders of users there are: the link count tells where it can. */
static uint64_t
count_users(const struct domain *d)
{
	struct stat st;
	char **names;
	size_t n;

	if (fstat(d->users_fd, &st) == 0 && st.st_nlink > 2)
		return st.st_nlink - 2;
	names = names_list(d->users_fd, "userConfig.xml", &n);
	names_free(names);
	return n;
}

static int
check_room(const struct settings *domain, const struct domain *d, const char *user)
{
	uint64_t max = settings_num(domain, "maxUsers");

	if (user_exists(d, user))
		return ctl_fail(EXIT_REFUSED, "%s@%s exists already", user, d->name);
	if (max > 0 && count_users(d) >= max)
		return ctl_fail(EXIT_REFUSED, "domain %s may have %llu users (maxUsers)", d->name,
			(unsigned long long)max);
	return EXIT_DONE;
}

struct first_settings {
	const struct domain *domain;
	const struct settings *settings;	/* of the domain */
	const struct user_new *user;
};

static int
set_first(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct first_settings *first = ctx;
	const struct user_new *u = first->user;
	int code;

	if (f->exists)
		return ctl_fail(EXIT_REFUSED, "%s@%s exists already", u->user, first->domain->name);
	code = user_set_password(first->settings, f, u->password);
	if (code == EXIT_DONE && u->full_name != NULL)
		code = edit_set(f, "fullName", u->full_name, errors);
	if (code == EXIT_DONE && u->is_admin)
		code = edit_set(f, "accountType", "domainAdmin", errors);
	return code == EXIT_DONE ? edit_words(f, u->word_count, u->words, errors) : code;
}

static int
write_user(struct ctl *c, const struct domain *d, const struct settings *domain, const struct user_new *u)
{
	const struct first_settings first = { d, domain, u };
	char folder[CONFIG_PATH_MAX - 64];
	int code, fd = file_open_dir(d->users_fd, u->user);

	if (fd < 0)
		return ctl_fail(EXIT_TRY_LATER, "%s: %s", u->user, strerror(errno));
	snprintf(folder, sizeof(folder), "%s/users/%s", d->folder, u->user);
	code = edit_file(c, d->fd, fd, folder, SCOPE_USER, set_first, &first);
	file_close(&fd);
	return code;
}

int
user_make(struct ctl *c, const struct domain *d, const struct user_new *u)
{
	struct settings *domain = domain_settings(d);
	char address[LIMIT_ADDRESS + 1];
	int code;

	if (domain == NULL)
		return EXIT_REFUSED;
	code = check_room(domain, d, u->user);
	if (code == EXIT_DONE)
		code = user_check_password(c, u->password, u->user);
	if (code == EXIT_DONE && make_folders(d, u->user) != 0)
		code = ctl_fail(ctl_code_of_errno(errno), "%s/users/%s: %s", d->folder, u->user, strerror(errno));
	if (code == EXIT_DONE)
		code = write_user(c, d, domain, u);
	settings_free(&domain);
	snprintf(address, sizeof(address), "%s@%s", u->user, d->name);
	return code == EXIT_DONE ? ctl_tell_directory(c, "user", address) : code;
}

/* -- folders ---------------------------------------------------------------- */

/*
 * Depth first with a descriptor per level; names come from users (mailboxes),
 * so nothing is followed.  Maildirs nest a few levels only.
 */
static int
remove_content(int fd, int depth)
{
	int copy = depth > 64 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;
	int rc = 0;

	if (dir == NULL)
		return -1;
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		int sub;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (file_unlinkat(fd, e->d_name, 0) == 0)
			continue;
		sub = errno == EISDIR || errno == EPERM ? file_open_dir(fd, e->d_name) : -1;
		rc = sub < 0 ? -1 : remove_content(sub, depth + 1);
		file_close(&sub);
		if (rc == 0)
			rc = file_unlinkat(fd, e->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
	return rc;
}

int
tree_remove(int dirfd, const char *name)
{
	int fd = file_open_dir(dirfd, name), rc;

	if (fd < 0)
		return -1;
	rc = remove_content(fd, 0);
	file_close(&fd);
	if (rc == 0)
		rc = file_unlinkat(dirfd, name, AT_REMOVEDIR);
	return rc == 0 ? file_fsync_dir(dirfd) : -1;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **
names_list(int dirfd, const char *file, size_t *count_out)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	char **names = NULL, path[512];
	const struct dirent *e;
	size_t n = 0, cap = 0;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", e->d_name, file);
		if (faccessat(dirfd, path, F_OK, 0) != 0)
			continue;
		if (n + 1 >= cap) {
			cap = cap == 0 ? 64 : cap * 2;
			names = mem_resize_array(names, cap, sizeof(*names));
		}
		names[n++] = mem_text(e->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	if (names == NULL)
		names = mem_new(sizeof(*names));
	names[n] = NULL;
	qsort(names, n, sizeof(*names), compare_names);
	*count_out = n;
	return names;
}

void
names_free(char **names)
{
	for (char **p = names; p != NULL && *p != NULL; p++)
		free(*p);
	free(names);
}

int
domains_list(struct ctl *c, int argc, char **argv, const char *const *columns, domain_lister *each)
{
	char **names = NULL, **list;
	int domains, code = EXIT_DONE;
	struct output *o;
	struct args a;
	size_t n;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, ARGS_MAX))
		return EXIT_USAGE;
	domains = ctl_open_dir(c, "domains");
	if (domains < 0)
		return EXIT_NO_RIGHT;
	n = a.count;
	list = a.item;
	if (n == 0)
		list = names = names_list(domains, "domainConfig.xml", &n);
	o = output_begin(c, columns);
	for (size_t i = 0; i < n && code == EXIT_DONE; i++)
		code = each(c, o, list[i]);
	output_end(&o);
	names_free(names);
	file_close(&domains);
	return code;
}
