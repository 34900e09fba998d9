/*
 * cmd_init: make a new instance.
 *
 * Folders come from the manifest.  mailconfig.xml is written last, so a
 * folder with that file is an instance and one without can be tried again.
 * With DIR all lies below it; without, and with no root named otherwise, the
 * installed instance is made, for which only root has the rights.
 */
#include "base/base.h"
#include "commands.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "cert.h"
#include "config/manifest.h"
#include "directory/secret.h"
#include "edit.h"
#include "output.h"
#include "sys/file.h"
#include "sys/user.h"

struct init {
	const char *dir;		/* NULL: the installed instance */
	const char *base_port, *host, *listen, *admin, *admin_password;
	uint64_t base;			/* 0: the well-known ports */
	char host_name[LIMIT_DOMAIN + 1];
	struct instance instance;	/* open from make_root on */
};

struct port {
	const char *service;
	const char *variable;
	unsigned int number;		/* well-known */
};

/* In the order of --base-port N: N, N+1 ... */
static const struct port ports[] = {
	{ "smtp", "SMTP_PORT", 25 }, { "smtps", "SMTPS_PORT", 465 },
	{ "submission", "SUBMISSION_PORT", 587 }, { "pop3", "POP3_PORT", 110 },
	{ "pop3s", "POP3S_PORT", 995 }, { "imap", "IMAP_PORT", 143 }, { "imaps", "IMAPS_PORT", 993 },
};

/* What mailconfig.xml says to whoever opens it (ADMIN-08). */
static const char admin_comment[] =
	" System administrator.  Lost the password?  Delete the two elements\n"
	"       sysAdminUserName and sysAdminPasswordHash, restart the server, and set\n"
	"       a new name and password with mailctl on this machine.  Mail keeps\n"
	"       flowing and all other settings stay. ";

static unsigned int
port_of(const struct init *in, size_t i)
{
	return in->base == 0 ? ports[i].number : (unsigned int)(in->base + i);
}

static int
make_users(const struct ctl *c)
{
	if (geteuid() != 0)
		return EXIT_DONE;
	for (size_t i = 0; user_service_names[i] != NULL; i++) {
		int rc = user_create(user_service_names[i]);

		if (rc < 0)
			return ctl_fail(EXIT_TRY_LATER, "cannot make the user %s: %s", user_service_names[i],
				strerror(errno));
		if (rc == 0)
			ctl_say(c, "made the service user %s", user_service_names[i]);
	}
	return EXIT_DONE;
}

/* Folders above the parts of an installed instance; those that exist are left as they are. */
static int
make_parents(const char *path)
{
	char parent[INSTANCE_PATH_MAX];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (slash == NULL || slash == parent)
		return 0;
	*slash = '\0';
	if (access(parent, F_OK) == 0)
		return 0;
	if (make_parents(parent) != 0 || mkdir(parent, 0700) != 0)
		return -1;
	return chmod(parent, 0755);
}

static int
make_folders(const struct init *in)
{
	char path[INSTANCE_PATH_MAX];

	for (size_t i = 0; i < manifest_count; i++) {
		const struct manifest_entry *e = &manifest_table[i];

		if (!e->at_init || e->type != 'd' || strcmp(e->path, ".") == 0)
			continue;
		instance_path(&in->instance, path, e->path);
		if (make_parents(path) != 0 || manifest_make_dir(AT_FDCWD, path, e->path) != 0)
			return ctl_fail(ctl_code_of_errno(errno), "%s: %s", path, strerror(errno));
	}
	return EXIT_DONE;
}

static int
write_file(const struct init *in, const char *name, struct span text)
{
	char path[INSTANCE_PATH_MAX];
	int fd = file_openat(AT_FDCWD, instance_path(&in->instance, path, name),
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	int code = EXIT_DONE;

	if (fd < 0 || file_write_all(fd, text.p, text.n) != 0 || manifest_apply(fd, name) != 0 ||
	    file_fsync(fd) != 0)
		code = ctl_fail(ctl_code_of_errno(errno), "%s: %s", path, strerror(errno));
	file_close(&fd);
	return code;
}

static int
make_certificate(const struct init *in)
{
	struct buf key, cert;
	int code = EXIT_TRY_LATER;

	buf_init(&key, 65536);
	buf_init(&cert, 65536);
	if (cert_make(in->host_name, &key, &cert) != 0)
		ctl_fail(1, "cannot make a certificate for %s", in->host_name);
	else if ((code = write_file(in, "etc/tls/key.pem", buf_view(&key))) == EXIT_DONE)
		code = write_file(in, "etc/tls/cert.pem", buf_view(&cert));
	mem_wipe(key.p, key.n);
	buf_free(&key);
	buf_free(&cert);
	return code;
}

static int
write_ports(const struct init *in)
{
	struct buf text;
	int code;

	buf_init(&text, 4096);
	for (size_t i = 0; i < PB_COUNT(ports); i++)
		buf_printf(&text, "%s=%u\n", ports[i].variable, port_of(in, i));
	code = write_file(in, "run/instance.env", buf_view(&text));
	buf_free(&text);
	return code;
}

static int
add_bindings(const struct init *in, struct config_file *f, struct buf *errors)
{
	char word[96], second[64], *words[] = { word, second };
	int code = EXIT_DONE;

	snprintf(word, sizeof(word), "address=%s", in->listen);
	code = edit_add(f, "bindings/ipAddress", 1, words, errors);
	if (code == EXIT_DONE && strcmp(in->listen, "0.0.0.0") == 0 && access("/proc/net/if_inet6", F_OK) == 0) {
		snprintf(word, sizeof(word), "address=::");
		code = edit_add(f, "bindings/ipAddress", 1, words, errors);
	}
	for (size_t i = 0; i < PB_COUNT(ports) && code == EXIT_DONE; i++) {
		snprintf(word, sizeof(word), "number=%u", port_of(in, i));
		snprintf(second, sizeof(second), "service=%s", ports[i].service);
		code = edit_add(f, "bindings/port", 2, words, errors);
	}
	return code;
}

static int
add_admin(const struct init *in, struct config_file *f, struct buf *errors)
{
	char hash[SECRET_MAX + 1];
	int code;

	xml_comment(xml_root(f->xml), admin_comment);
	if (in->admin == NULL)
		return EXIT_DONE;
	if (secret_make_hash(span_of(in->admin_password), hash) != 0)
		return ctl_fail(EXIT_REFUSED, "the administrator's password cannot be used");
	code = edit_set(f, "sysAdminUserName", in->admin, errors);
	return code == EXIT_DONE ? edit_set(f, "sysAdminPasswordHash", hash, errors) : code;
}

static int
write_settings(struct ctl *c, const struct init *in)
{
	struct config_author by = { -1, c->who, c->why };
	char path[INSTANCE_PATH_MAX];
	int etc = file_open_dir(AT_FDCWD, instance_path(&in->instance, path, "etc")), code = EXIT_REFUSED;
	struct config_file f;
	struct buf errors;

	if (etc < 0 || (by.history_fd = file_open_dir(etc, "history")) < 0) {
		file_close(&etc);
		return ctl_fail(ctl_code_of_errno(errno), "%s/history: %s", path, strerror(errno));
	}
	buf_init(&errors, 65536);
	if (config_edit(&f, etc, etc, "etc", SCOPE_SERVER, &errors)) {
		code = add_admin(in, &f, &errors);
		if (code == EXIT_DONE)
			code = edit_set(&f, "hostName", in->host_name, &errors);
		if (code == EXIT_DONE)
			code = add_bindings(in, &f, &errors);
		if (code == EXIT_DONE && !config_save(&f, &by, &errors))
			code = EXIT_REFUSED;
		config_close(&f);
	}
	ctl_report(code, &errors);
	buf_free(&errors);
	file_close(&by.history_fd);
	file_close(&etc);
	return code;
}

/* The root of a private instance, which belongs to whoever makes it. */
static int
make_private_root(struct init *in)
{
	struct instance *i = &in->instance;
	int fd, code = EXIT_DONE;

	if (mkdir(in->dir, 0755) != 0 && errno != EEXIST)
		return ctl_fail(ctl_code_of_errno(errno), "%s: %s", in->dir, strerror(errno));
	if (instance_open(i, in->dir) != 0)
		return ctl_fail(ctl_code_of_errno(errno), "%s: %s", in->dir, strerror(errno));
	if (i->owner != geteuid())
		return ctl_fail(EXIT_NO_RIGHT, "%s belongs to uid %u, not to you", in->dir, (unsigned int)i->owner);
	fd = open(i->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || faccessat(fd, "etc/mailconfig.xml", F_OK, 0) == 0)
		code = fd < 0 ? ctl_fail(ctl_code_of_errno(errno), "%s: %s", in->dir, strerror(errno))
			: ctl_fail(EXIT_REFUSED, "%s is an instance already", in->dir);
	else if (manifest_apply(fd, ".") != 0)
		code = ctl_fail(ctl_code_of_errno(errno), "%s: %s", in->dir, strerror(errno));
	file_close(&fd);
	return code;
}

/* The installed one: its folders are spread over the system's own. */
static int
find_installed_root(struct init *in)
{
	char path[INSTANCE_PATH_MAX];

	if (geteuid() != 0)
		return ctl_fail(EXIT_NO_RIGHT, "only root may make the installed instance; for your own: mailctl init DIR");
	if (instance_open(&in->instance, NULL) != 0)
		return ctl_fail(ctl_code_of_errno(errno), "/: %s", strerror(errno));
	if (access(instance_path(&in->instance, path, "etc/mailconfig.xml"), F_OK) == 0)
		return ctl_fail(EXIT_REFUSED, "there is an installed instance already: %s", path);
	return EXIT_DONE;
}

/* --host-name, else the machine's, else one that says what it is. */
static int
choose_host(struct init *in)
{
	if (in->host != NULL)
		snprintf(in->host_name, sizeof(in->host_name), "%s", in->host);
	else if (gethostname(in->host_name, sizeof(in->host_name) - 1) != 0 ||
		 strchr(in->host_name, '.') == NULL)
		snprintf(in->host_name, sizeof(in->host_name), "localhost");
	return EXIT_DONE;
}

static int
check_options(struct init *in)
{
	if ((in->admin == NULL) != (in->admin_password == NULL))
		return ctl_fail(EXIT_USAGE, "--admin and --admin-password go together");
	if (in->base_port != NULL && (!num_parse(span_of(in->base_port), 65535 - PB_COUNT(ports), &in->base) ||
				      in->base == 0))
		return ctl_fail(EXIT_USAGE, "--base-port must be 1 to %zu", 65535 - PB_COUNT(ports));
	if (in->base == 0 && geteuid() != 0)
		in->base = 10025;	/* an ordinary user may not open port 25 */
	if (in->listen == NULL)
		in->listen = in->base == 0 ? "0.0.0.0" : "127.0.0.1";
	return choose_host(in);
}

static void
print_ports(const struct ctl *c, const struct init *in)
{
	static const char *const columns[] = { "service", "address", "port#", NULL };
	struct output *o = output_begin(c, columns);

	for (size_t i = 0; i < PB_COUNT(ports); i++) {
		char number[16];

		snprintf(number, sizeof(number), "%u", port_of(in, i));
		output_row(o, ports[i].service, in->listen, number);
	}
	output_end(&o);
}

int
cmd_init(struct ctl *c, int argc, char **argv)
{
	struct init in = { .dir = c->root, .instance = { .root_fd = -1 } };
	const struct arg_option options[] = {
		{ "--base-port", &in.base_port, NULL }, { "--host-name", &in.host, NULL },
		{ "--listen", &in.listen, NULL }, { "--admin-password", &in.admin_password, NULL },
		{ "--admin", &in.admin, NULL },
	};
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 1))
		return EXIT_USAGE;
	if (a.count == 1)
		in.dir = a.item[0];
	code = check_options(&in);
	if (code == EXIT_DONE)
		code = in.dir == NULL ? find_installed_root(&in) : make_private_root(&in);
	if (code == EXIT_DONE)
		code = make_users(c);
	if (code == EXIT_DONE)
		code = make_folders(&in);
	if (code == EXIT_DONE)
		code = make_certificate(&in);
	if (code == EXIT_DONE)
		code = write_ports(&in);
	if (code == EXIT_DONE)
		code = write_settings(c, &in);
	instance_close(&in.instance);
	if (code == EXIT_DONE && c->format != CTL_TEXT)
		print_ports(c, &in);
	return code;
}
