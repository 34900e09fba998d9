/*
 * key_files: see key_files.h.
 *
 * Trust: the paths are the administrator's.  A symbolic link is followed (tools
 * that renew certificates leave them); what counts is the file it leads to.
 */
#include "base/base.h"
#include "service/key_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct opening {
	const struct instance *in;
	key_files_take *take;
	void *ctx;
	struct buf *errors;
	bool good;
};

bool
key_file_is_safe(int fd, uid_t owner, char *why, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		snprintf(why, size, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(why, size, "not a file");
	else if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != owner)
		snprintf(why, size, "belongs to uid %u, not to root or the owner of the server", (unsigned)st.st_uid);
	else if ((st.st_mode & 077) != 0)
		snprintf(why, size, "mode %04o lets others at a private key; it must be 0600", (unsigned)st.st_mode & 07777);
	else
		return true;
	return false;
}

/* A relative path is one of the instance's settings. */
static bool
is_usable(const char *path)
{
	return *path == '/' || strncmp(path, "etc/", 4) == 0;
}

int
key_files_open_path(const struct instance *in, const char *path)
{
	if (!is_usable(path)) {
		errno = ENOENT;
		return -1;
	}
	return *path == '/' ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
		: instance_openat(in, path, O_RDONLY | O_NONBLOCK, 0);
}

static bool
refuse(struct opening *o, const char *path, const char *why)
{
	o->good = false;
	buf_printf(o->errors, "%s: %s\n", *path == '\0' ? "(no path)" : path, why);
	return false;
}

static bool
open_one(struct opening *o, const char *path, bool is_key, int *out)
{
	char why[128];

	if (*path == '\0')
		return refuse(o, path, "a certificate is missing");
	if (!is_usable(path))
		return refuse(o, path, "a path of a certificate or key begins with / or etc/");
	*out = key_files_open_path(o->in, path);
	if (*out < 0)
		return refuse(o, path, strerror(errno));
	if (!is_key || key_file_is_safe(*out, o->in->owner, why, sizeof(why)))
		return true;
	close(*out);
	return refuse(o, path, why);
}

/* Both or none: half a pair is of no use. */
static bool
open_both(struct opening *o, const char *cert_path, const char *key_path, int *cert, int *key)
{
	if (!open_one(o, cert_path, false, cert))
		return false;
	if (open_one(o, *key_path != '\0' ? key_path : cert_path, true, key))
		return true;
	close(*cert);
	return false;
}

bool
key_files_open_pair(const struct instance *in, const char *cert_path, const char *key_path, int *cert, int *key,
	struct buf *errors)
{
	struct opening o = { in, NULL, NULL, errors, true };

	return open_both(&o, cert_path, key_path, cert, key);
}

static void
give_pair(struct opening *o, const char *cert_path, const char *key_path, const char *suffix)
{
	char name[32];
	int cert, key;

	if (!open_both(o, cert_path, key_path, &cert, &key))
		return;
	(void)snprintf(name, sizeof(name), "cert%s", suffix);
	o->take(o->ctx, name, cert);
	(void)snprintf(name, sizeof(name), "key%s", suffix);
	o->take(o->ctx, name, key);
}

static bool
is_missing(const struct opening *o, const char *path)
{
	int fd;

	if (*path != '\0' && !is_usable(path))
		return false;
	fd = key_files_open_path(o->in, path);
	if (fd < 0)
		return errno == ENOENT;
	close(fd);
	return false;
}

bool
key_files_open(const struct instance *in, const struct settings *s, key_files_take *take, void *ctx,
	struct buf *errors)
{
	struct opening o = { in, take, ctx, errors, true };
	const char *cert = settings_text(s, "tlsCertificatePath"), *key = settings_text(s, "tlsPrivateKeyPath");
	const char *ca = settings_text(s, "tlsClientCaPath");
	int fd;

	if (!is_missing(&o, cert) || !is_missing(&o, key))
		give_pair(&o, cert, key, "");
	for (size_t i = 0; i < settings_count(s, "sslRules/rule"); i++) {
		char suffix[24];

		(void)snprintf(suffix, sizeof(suffix), ".%zu", i);
		give_pair(&o, settings_entry(s, "sslRules/rule", i, "certificatePath"),
			settings_entry(s, "sslRules/rule", i, "privateKeyPath"), suffix);
	}
	if (*ca != '\0' && open_one(&o, ca, false, &fd))
		take(ctx, "client-ca", fd);
	return o.good;
}

static void
close_one(void *ctx PB_UNUSED, const char *name PB_UNUSED, int fd)
{
	close(fd);
}

bool
key_files_check(const struct instance *in, const struct settings *s, struct buf *errors)
{
	return key_files_open(in, s, close_one, NULL, errors);
}
