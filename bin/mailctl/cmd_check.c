/*
 * cmd_check: is everything as it should be?
 *
 * Walks the instance and compares each path with the manifest (type, owner,
 * group, mode), validates every settings file, compares domainList.xml with the
 * folders, and looks whether certificates and keys fit.  Changes nothing.  Mailboxes are not entered: their names
 * are the users' and may be many.
 */
#include "base/base.h"
#include "commands.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "account.h"
#include "args.h"
#include "base/die.h"
#include "config/manifest.h"
#include "dkim.h"
#include "domain_alias.h"
#include "output.h"
#include "postmaster.h"
#include "sys/file.h"
#include "tls_pairs.h"

#define DEPTH_MAX 8

struct check {
	struct ctl *c;
	struct output *o;
	size_t problems;
};

PB_PRINTF(4, 5)
static void
report(struct check *ck, const char *kind, const char *path, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	output_row(ck->o, kind, path, text);
	if (strcmp(kind, "warning") != 0)
		ck->problems++;
}

static char
type_letter(mode_t mode)
{
	if (S_ISDIR(mode))
		return 'd';
	if (S_ISSOCK(mode))
		return 's';
	return S_ISREG(mode) ? 'f' : '?';
}

static void
compare(struct check *ck, const struct manifest_entry *e, const char *path, const struct stat *st)
{
	char want = strchr("sqg", e->type) != NULL ? 's' : e->type;
	uid_t uid;
	gid_t gid;

	if (type_letter(st->st_mode) != want)
		report(ck, "type", path, "is not a %s", want == 'd' ? "folder" : want == 's' ? "socket" : "file");
	if (manifest_owner(e, &uid, &gid) != 0) {
		report(ck, "owner", path, "there is no user %s", e->owner);
		return;
	}
	if (st->st_uid != uid || (geteuid() == 0 && st->st_gid != gid))
		report(ck, "owner", path, "belongs to %u:%u, not to %s:%s", (unsigned int)st->st_uid,
			(unsigned int)st->st_gid, e->owner, e->group);
	if ((st->st_mode & 07777) != e->mode)
		report(ck, "mode", path, "has mode %04o, not %04o", (unsigned int)(st->st_mode & 07777),
			(unsigned int)e->mode);
}

/* Does the manifest say anything about what lies in this folder? */
static bool
is_described(const struct manifest_entry *folder)
{
	for (size_t i = 0; i < manifest_count; i++) {
		struct span whole = span_of(manifest_table[i].path);
		ssize_t slash = span_rfind(whole, '/');

		if (slash > 0 && span_is(span_first(whole, (size_t)slash), folder->path))
			return true;
	}
	return false;
}

static void walk(struct check *ck, int fd, const char *path, int depth);

static void
visit(struct check *ck, int dirfd, const char *name, const char *path, int depth)
{
	const struct manifest_entry *e = manifest_find(path);
	struct stat st;
	int fd;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			report(ck, "error", path, "%s", strerror(errno));
		return;
	}
	if (e == NULL) {
		if (strncmp(path, "spool/", 6) != 0 && strncmp(path, "state/", 6) != 0)
			report(ck, "warning", path, "is not in the manifest");
		return;
	}
	compare(ck, e, path, &st);
	if (!S_ISDIR(st.st_mode) || !is_described(e) || depth >= DEPTH_MAX ||
	    strstr(path, "/Maildir") != NULL)
		return;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		report(ck, "error", path, "%s", strerror(errno));
		return;
	}
	walk(ck, fd, path, depth + 1);
	file_close(&fd);
}

/* The folder fd is borrowed; `path` is its path from the root of the instance. */
static void
walk(struct check *ck, int fd, const char *path, int depth)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;

	if (dir == NULL) {
		report(ck, "error", path, "%s", strerror(errno));
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		char child[CONFIG_PATH_MAX];

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path, e->d_name) < (int)sizeof(child))
			visit(ck, fd, e->d_name, child, depth);
	}
	closedir(dir);
}

static void
check_tree(struct check *ck)
{
	for (size_t i = 0; i < manifest_count; i++) {
		const struct manifest_entry *e = &manifest_table[i];
		char path[INSTANCE_PATH_MAX];
		struct stat st;
		int fd;

		if (!e->at_init || e->type != 'd' || strcmp(e->path, ".") == 0)
			continue;
		if (lstat(instance_path(&ck->c->instance, path, e->path), &st) != 0) {
			report(ck, "missing", e->path, "%s", strerror(errno));
			continue;
		}
		if (strchr(e->path, '/') != NULL)	/* met again when its parent is walked */
			continue;
		compare(ck, e, e->path, &st);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			walk(ck, fd, e->path, 1);
		file_close(&fd);
	}
}

/* -- settings ---------------------------------------------------------------- */

static void
report_lines(struct check *ck, const char *kind, const struct buf *lines)
{
	struct span rest = buf_view(lines);

	while (rest.p != NULL) {
		struct span line = span_cut(&rest, '\n');
		ssize_t colon = span_search(line, SPAN(": "));
		char path[CONFIG_PATH_MAX];

		if (line.n == 0)
			continue;
		snprintf(path, sizeof(path), "%.*s", colon > 0 ? (int)colon : 0, line.p);
		report(ck, kind, path, "%.*s", SPAN_ARG(span_from(line, colon > 0 ? (size_t)colon + 2 : 0)));
	}
}

static void
check_file(struct check *ck, int dirfd, const char *folder, enum setting_scope scope)
{
	struct config_file f;
	struct buf errors, warnings;

	buf_init(&errors, 1 << 20);
	buf_init(&warnings, 1 << 20);
	if (config_open(&f, dirfd, folder, scope, &errors)) {
		if (!config_validate(f.xml, scope, f.path, &errors, &warnings))
			ck->problems++;
		config_close(&f);
	}
	report_lines(ck, "setting", &errors);
	report_lines(ck, "warning", &warnings);
	buf_free(&errors);
	buf_free(&warnings);
}

static void
check_keys(struct check *ck, const struct domain *d)
{
	struct settings *st = domain_settings(d);
	struct buf errors;

	buf_init(&errors, 65536);
	if (st != NULL)
		dkim_check(d, st, &errors);
	report_lines(ck, "key", &errors);
	buf_free(&errors);
	settings_free(&st);
}

static void
check_domain(struct check *ck, const char *name)
{
	char folder[CONFIG_PATH_MAX - 64];
	struct domain d;
	char **users;
	size_t n;

	if (domain_open(ck->c, name, &d) != EXIT_DONE) {
		report(ck, "missing", name, "the domain cannot be opened");
		return;
	}
	check_file(ck, d.fd, d.folder, SCOPE_DOMAIN);
	check_file(ck, d.fd, d.folder, SCOPE_ALIASES);
	check_keys(ck, &d);
	users = names_list(d.users_fd, "userConfig.xml", &n);
	for (size_t i = 0; i < n; i++) {
		int fd = openat(d.users_fd, users[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		snprintf(folder, sizeof(folder), "%s/users/%s", d.folder, users[i]);
		if (fd >= 0)
			check_file(ck, fd, folder, SCOPE_USER);
		file_close(&fd);
	}
	names_free(users);
	domain_close(&d);
}

/* Every folder in the list, and nothing in the list without a folder. */
static void
check_domain_list(struct check *ck, char **folders, size_t n, int etc)
{
	struct config_file f;
	struct buf errors, name;

	buf_init(&errors, 65536);
	buf_init(&name, 512);
	if (config_open(&f, etc, "etc", SCOPE_DOMAINS, &errors)) {
		for (size_t i = 0; i < n; i++) {
			bool found = false;

			for (const struct xml_node *d = NULL;
			     !found && (d = xml_child(xml_root(f.xml), SPAN("domain"), d)) != NULL;) {
				const struct xml_node *t = xml_child(d, SPAN("name"), NULL);

				buf_clear(&name);
				found = t != NULL && xml_text(t, &name) &&
					span_eq_nocase(buf_view(&name), span_of(folders[i]));
			}
			if (!found)
				report(ck, "domain", folders[i], "has a folder but is not in etc/domainList.xml");
		}
		config_close(&f);
	}
	report_lines(ck, "setting", &errors);
	buf_free(&name);
	buf_free(&errors);
}

/* What the settings allow one by one, and should not be together (GEN-02, SMTPIN-06). */
static void
check_sense(struct check *ck, size_t domain_count)
{
	struct settings *server = ctl_server_settings(ck->c);
	char why[512];

	if (server != NULL && strcmp(settings_text(server, "allowRelay"), "anyone") == 0)
		report(ck, "warning", "etc/mailconfig.xml", "allowRelay: anyone can send anything through this server");
	/* Before the first domain nobody can be named. */
	if (server != NULL && domain_count > 0 &&
	    !postmaster_is_good(ck->c, settings_text(server, "postmasterMailbox"), why, sizeof(why)))
		report(ck, "warning", "etc/mailconfig.xml", "postmasterMailbox: %s", why);
	settings_free(&server);
}

static void
check_certificates(struct check *ck)
{
	struct buf errors;

	buf_init(&errors, 65536);
	if (!tls_pairs_fit(ck->c, &errors))
		report_lines(ck, "certificate", &errors);
	buf_free(&errors);
}

/* USER-05: by mailctl it cannot come to that. */
static void
report_conflict(void *ctx, const char *name, const char *domain, const char *owner)
{
	char path[CONFIG_PATH_MAX];

	snprintf(path, sizeof(path), "domains/%s/domainConfig.xml", domain);
	if (strcmp(name, owner) == 0)
		report(ctx, "domain", path, "domainAliases: %s is a domain of its own, which gets the mail", name);
	else
		report(ctx, "domain", path, "domainAliases: %s is another name of %s too: one of them gets the mail", name, owner);
}

int
cmd_check(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "problem", "path", "text", NULL };
	struct check ck = { .c = c };
	struct args a;
	char **names;
	size_t n;
	int etc, domains;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	etc = ctl_open_dir(c, "etc");
	domains = ctl_open_dir(c, "domains");
	if (etc < 0 || domains < 0)
		return EXIT_NO_RIGHT;
	ck.o = output_begin(c, columns);
	check_tree(&ck);
	check_file(&ck, etc, "etc", SCOPE_SERVER);
	names = names_list(domains, "domainConfig.xml", &n);
	check_domain_list(&ck, names, n, etc);
	for (size_t i = 0; i < n; i++)
		check_domain(&ck, names[i]);
	check_sense(&ck, n);
	check_certificates(&ck);
	domain_alias_conflicts(c, names, n, report_conflict, &ck);
	names_free(names);
	output_end(&ck.o);
	file_close(&etc);
	file_close(&domains);
	if (ck.problems == 0)
		ctl_say(c, "no problems");
	return ck.problems == 0 ? EXIT_DONE : EXIT_REFUSED;
}
