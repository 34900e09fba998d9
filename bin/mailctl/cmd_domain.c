/*
 * cmd_domain: domain add, list, show, edit, delete.
 *
 * Order of an add: folder, domainConfig.xml, administrator, and last the entry
 * in domainList.xml, which is what the server goes by.  A delete goes the
 * other way round.
 */
#include "base/base.h"
#include "commands.h"
#include <errno.h>
#include <sys/stat.h>
#include "account.h"
#include "args.h"
#include "base/die.h"
#include "base/mem.h"
#include "caution.h"
#include "config/compile.h"
#include "config/manifest.h"
#include "domain_alias.h"
#include "domain_port.h"
#include "edit.h"
#include "output.h"
#include "postmaster.h"
#include "show.h"
#include "space.h"
#include "sys/file.h"

static int
list_add(struct config_file *f, const void *name, struct buf *errors)
{
	char word[300], *words[] = { word };

	snprintf(word, sizeof(word), "name=%s", (const char *)name);
	return edit_add(f, "domain", 1, words, errors);
}

static int
list_remove(struct config_file *f, const void *name, struct buf *errors)
{
	char word[300], *words[] = { word };

	snprintf(word, sizeof(word), "name=%s", (const char *)name);
	return edit_remove(f, "domain", 1, words, errors);
}

/* Values of domainDefaults in mailconfig.xml become the new domain's own (DDEF-01). */
static int
copy_defaults(const struct ctl *c, struct config_file *to, struct buf *errors)
{
	struct xml_node *defaults, *n;
	struct config_file server;
	struct buf value;
	int etc = ctl_open_dir(c, "etc"), code = EXIT_DONE;

	if (etc < 0)
		return EXIT_NO_RIGHT;
	if (!config_open(&server, etc, "etc", SCOPE_SERVER, errors)) {
		file_close(&etc);
		return EXIT_REFUSED;
	}
	buf_init(&value, LIMIT_SETTING_VALUE);
	defaults = xml_child(xml_root(server.xml), SPAN("domainDefaults"), NULL);
	for (size_t i = 0; i < setting_count && defaults != NULL && code == EXIT_DONE; i++) {
		const struct setting *s = &setting_table[i];

		if (s->scope != SCOPE_DOMAIN || s->type == SETTING_LIST || s->type == SETTING_RECORDS)
			continue;
		n = xml_at(defaults, span_of(s->path));
		buf_clear(&value);
		if (n != NULL && xml_text(n, &value))
			code = edit_set(to, s->path, buf_text(&value), errors);
	}
	buf_free(&value);
	config_close(&server);
	file_close(&etc);
	return code;
}

/* What a domain is made with, or changed by. */
struct change {
	const struct ctl *c;
	const char *name;
	const char *admin;		/* local part; of a new domain only */
	const struct args *words;	/* the first is the name */
	uint64_t *port;			/* smtpPort of the domain as it will be */
};

static int
apply_words(struct config_file *f, const struct change *change, struct buf *errors)
{
	int code = edit_words(f, change->words->count - 1, change->words->item + 1, errors);

	if (code == EXIT_DONE)
		code = domain_alias_check(change->c, f, change->name);
	return code == EXIT_DONE ? domain_port_check(change->c, f, change->port) : code;
}

static int
set_first(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *change = ctx;
	char postmaster[400];
	int code;

	if (f->exists)
		return ctl_fail(EXIT_REFUSED, "domain %s exists already", change->name);
	snprintf(postmaster, sizeof(postmaster), "%s@%s", change->admin, change->name);
	code = copy_defaults(change->c, f, errors);
	if (code == EXIT_DONE)
		code = edit_set(f, "postmaster", postmaster, errors);
	return code == EXIT_DONE ? apply_words(f, change, errors) : code;
}

static int
write_domain(struct ctl *c, int fd, const char *name, const char *admin, const struct args *a, uint64_t *port_out)
{
	const struct change change = { c, name, admin, a, port_out };
	char folder[300];

	snprintf(folder, sizeof(folder), "domains/%s", name);
	return edit_file(c, fd, fd, folder, SCOPE_DOMAIN, set_first, &change);
}

static int
make_domain_folders(const struct ctl *c, const char *name, int *fd_out)
{
	char folder[300], users[310];
	int domains = ctl_open_dir(c, "domains");

	if (domains < 0)
		return EXIT_NO_RIGHT;
	snprintf(folder, sizeof(folder), "domains/%s", name);
	snprintf(users, sizeof(users), "%s/users", folder);
	*fd_out = -1;
	if (manifest_make_dir(domains, name, folder) == 0 &&
	    (*fd_out = file_open_dir(domains, name)) >= 0 &&
	    manifest_make_dir(*fd_out, "users", users) == 0 && file_fsync_dir(domains) == 0) {
		file_close(&domains);
		return EXIT_DONE;
	}
	ctl_fail(1, "%s: %s", folder, strerror(errno));
	file_close(fd_out);
	file_close(&domains);
	return EXIT_TRY_LATER;
}

/* The most domains this server may have (TOOL-18), and the name is free. */
static int
check_new_domain(const struct ctl *c, const char *name)
{
	struct settings *server = ctl_server_settings(c);
	char **names, path[300];
	uint64_t max;
	int domains, code = EXIT_DONE;
	size_t n;

	if (server == NULL)
		return EXIT_REFUSED;
	max = settings_num(server, "maxDomains");
	settings_free(&server);
	domains = ctl_open_dir(c, "domains");
	if (domains < 0)
		return EXIT_NO_RIGHT;
	snprintf(path, sizeof(path), "%s/domainConfig.xml", name);
	if (faccessat(domains, path, F_OK, 0) == 0)
		code = ctl_fail(EXIT_REFUSED, "domain %s exists already", name);
	else
		code = domain_alias_is_free(c, name, name);
	if (code == EXIT_DONE && max > 0) {
		names = names_list(domains, "domainConfig.xml", &n);
		names_free(names);
		if (n >= max)
			code = ctl_fail(EXIT_REFUSED, "this server may have %llu domains (maxDomains)",
				(unsigned long long)max);
	}
	file_close(&domains);
	return code;
}

static int
add_admin(struct ctl *c, const char *name, const char *admin, const char *full_name, struct span password)
{
	struct user_new u = { .user = admin, .password = password, .full_name = full_name, .is_admin = true };
	struct domain d;
	int code = domain_open(c, name, &d);

	if (code == EXIT_DONE) {
		code = user_make(c, &d, &u);
		domain_close(&d);
	}
	return code;
}

/* Undo what a failed add has made, so that it can be tried again. */
static void
remove_half(const struct ctl *c, const char *name)
{
	int domains = ctl_open_dir(c, "domains");

	if (domains >= 0 && tree_remove(domains, name) != 0 && errno != ENOENT)
		ctl_fail(1, "domains/%s: %s", name, strerror(errno));
	file_close(&domains);
}

/* The first domain's administrator is the postmaster of a server without one (GEN-02). */
static int
first_postmaster(struct ctl *c, const char *name, const char *admin)
{
	struct settings *server = ctl_server_settings(c);
	char address[400];
	bool is_set;

	if (server == NULL)
		return EXIT_REFUSED;
	is_set = settings_text(server, "postmasterMailbox")[0] != '\0';
	settings_free(&server);
	if (is_set)
		return EXIT_DONE;
	snprintf(address, sizeof(address), "%s@%s", admin, name);
	ctl_say(c, "%s gets the mail for postmaster (setting postmasterMailbox)", address);
	return edit_server(c, "postmasterMailbox", address);
}

int
cmd_domain_add(struct ctl *c, int argc, char **argv)
{
	const char *admin = NULL, *given = NULL, *full_name = NULL;
	const struct arg_option options[] = {
		{ "--admin", &admin, NULL }, { "--password", &given, NULL }, { "--full-name", &full_name, NULL },
	};
	struct address checked;
	struct buf password;
	char name[256], address[400];
	struct args a;
	uint64_t port = 0;
	int code, fd = -1;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, ARGS_MAX))
		return EXIT_USAGE;
	if (admin == NULL)
		return ctl_fail(EXIT_USAGE, "a domain needs an administrator: --admin USER --password PW");
	code = domain_name(a.item[0], name);
	snprintf(address, sizeof(address), "%s@%s", admin, name);
	if (code == EXIT_DONE)
		code = address_parse(address, &checked);
	if (code == EXIT_DONE)
		code = check_new_domain(c, name);
	buf_init(&password, LIMIT_PASSWORD + 1);
	if (code == EXIT_DONE)
		code = ctl_password(c, given, &password);
	if (code == EXIT_DONE)
		code = user_check_password(c, buf_view(&password), checked.user);
	if (code == EXIT_DONE && (code = make_domain_folders(c, name, &fd)) == EXIT_DONE) {
		code = write_domain(c, fd, name, checked.user, &a, &port);
		if (code == EXIT_DONE)
			code = add_admin(c, name, checked.user, full_name, buf_view(&password));
		if (code == EXIT_DONE)
			code = edit_etc(c, SCOPE_DOMAINS, list_add, name);
		file_close(&fd);
		if (code != EXIT_DONE)
			remove_half(c, name);
	}
	mem_wipe(password.p, password.n);
	buf_free(&password);
	if (code == EXIT_DONE)
		code = first_postmaster(c, name, checked.user);
	if (code == EXIT_DONE)
		code = domain_port_open(c, port);
	return code == EXIT_DONE ? ctl_tell_directory(c, "domain", name) : code;
}

static void
list_row(struct output *o, const struct ctl *c, const char *name)
{
	char users[32], aliases[32], used[32] = "";
	uint64_t bytes;
	struct settings *st, *al;
	struct domain d;
	size_t n;

	if (domain_open(c, name, &d) != EXIT_DONE)
		return;
	st = domain_settings(&d);
	al = alias_settings(&d);
	names_free(names_list(d.users_fd, "userConfig.xml", &n));
	snprintf(users, sizeof(users), "%zu", n);
	snprintf(aliases, sizeof(aliases), "%zu", al == NULL ? 0 : settings_count(al, "alias"));
	if (space_used(c, name, &bytes))
		snprintf(used, sizeof(used), "%llu", (unsigned long long)(bytes + (1 << 20) - 1) >> 20);
	if (st != NULL)
		output_row(o, name, settings_bool(st, "disabled") ? "disabled" : "enabled", users, aliases,
			settings_text(st, "diskSpaceMB"), used);
	settings_free(&st);
	settings_free(&al);
	domain_close(&d);
}

int
cmd_domain_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "domain", "state", "users#", "aliases#", "diskSpaceMB#", "usedMB#", NULL };
	struct output *o;
	struct args a;
	char **names;
	size_t n;
	int domains;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	domains = ctl_open_dir(c, "domains");
	if (domains < 0)
		return EXIT_NO_RIGHT;
	names = names_list(domains, "domainConfig.xml", &n);
	o = output_begin(c, columns);
	for (size_t i = 0; i < n; i++)
		list_row(o, c, names[i]);
	output_end(&o);
	names_free(names);
	file_close(&domains);
	return EXIT_DONE;
}

int
cmd_domain_show(struct ctl *c, int argc, char **argv)
{
	char used[32] = "";
	const struct show_fact fact = { "diskSpaceUsed", used, "bytes",
		"Mail of the domain now; empty while the server does not run, or has not counted it yet." };
	uint64_t bytes;
	struct settings *st;
	struct domain d;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	code = domain_open(c, a.item[0], &d);
	if (code != EXIT_DONE)
		return code;
	st = domain_settings(&d);
	if (space_used(c, d.name, &bytes))
		snprintf(used, sizeof(used), "%llu", (unsigned long long)bytes);
	code = show_with_fact(c, st, SCOPE_DOMAIN, a.item + 1, a.count - 1, &fact);
	settings_free(&st);
	domain_close(&d);
	return code;
}

static uint64_t
port_of(const struct domain *d)
{
	struct settings *st = domain_settings(d);
	uint64_t port = domain_port_of(st);

	settings_free(&st);
	return port;
}

static int
apply(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *change = ctx;
	int code = apply_words(f, change, errors);

	if (code == EXIT_DONE)
		caution_log_in(change->c, f, change->name);
	return code;
}

int
cmd_domain_edit(struct ctl *c, int argc, char **argv)
{
	uint64_t port = 0, old_port;
	struct change change;
	struct domain d;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 2, ARGS_MAX))
		return EXIT_USAGE;
	code = domain_open(c, a.item[0], &d);
	if (code != EXIT_DONE)
		return code;
	old_port = port_of(&d);
	caution_words(a.count - 1, a.item + 1);
	change = (struct change){ c, d.name, NULL, &a, &port };
	code = edit_file(c, d.fd, d.fd, d.folder, SCOPE_DOMAIN, apply, &change);
	if (code == EXIT_DONE)
		code = domain_port_open(c, port);
	if (code == EXIT_DONE && old_port != port)
		code = domain_port_close(c, old_port);
	if (code == EXIT_DONE)
		code = ctl_tell_directory(c, "domain", d.name);
	if (code == EXIT_DONE)
		postmaster_warn(c, d.name);
	domain_close(&d);
	return code;
}

static bool
confirm(const struct ctl *c, const char *name)
{
	char line[300];

	if (c->yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		ctl_fail(1, "all mail of %s would be lost; add --yes", name);
		return false;
	}
	fprintf(stderr, "All users and mail of %s will be removed for good.  Type its name: ", name);
	if (fgets(line, sizeof(line), stdin) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return strcasecmp(line, name) == 0;
}

int
cmd_domain_delete(struct ctl *c, int argc, char **argv)
{
	struct domain d;
	struct args a;
	uint64_t port;
	int code, domains;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, 1))
		return EXIT_USAGE;
	code = domain_open(c, a.item[0], &d);
	if (code != EXIT_DONE)
		return code;
	port = port_of(&d);
	if (!confirm(c, d.name))
		code = EXIT_REFUSED;
	if (code == EXIT_DONE)
		code = edit_etc(c, SCOPE_DOMAINS, list_remove, d.name);
	if (code == EXIT_NO_OBJECT)	/* a delete that was cut short */
		code = EXIT_DONE;
	if (code == EXIT_DONE && file_unlinkat(d.fd, "domainConfig.xml", 0) != 0)
		code = ctl_fail(EXIT_TRY_LATER, "%s: %s", d.folder, strerror(errno));
	domains = ctl_open_dir(c, "domains");
	if (code == EXIT_DONE && (domains < 0 || tree_remove(domains, d.name) != 0))
		code = ctl_fail(EXIT_TRY_LATER, "%s: %s", d.folder, strerror(errno));
	file_close(&domains);
	if (code == EXIT_DONE)
		code = domain_port_close(c, port);
	if (code == EXIT_DONE)
		code = ctl_tell_directory(c, "domain", d.name);
	if (code == EXIT_DONE)
		postmaster_warn(c, d.name);
	domain_close(&d);
	return code;
}
