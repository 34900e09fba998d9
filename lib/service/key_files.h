/*
 * key_files: the certificates and keys that the settings name, opened for the
 * listener that is to read them.
 *
 * Names of the descriptors: "cert" and "key" of the server's own pair, "cert.N"
 * and "key.N" of the rule N (from 0) of sslRules/rule, "client-ca".
 *
 * mail-master opens them with its rights and hands them over; a listener under
 * inetd opens them itself.  A key is taken only when it belongs to root, to this
 * process's user or to the owner of the instance, and nobody else may read it.
 */
#ifndef SERVICE_KEY_FILES_H
#define SERVICE_KEY_FILES_H

#include "base/base.h"
#include "base/buf.h"
#include "config/settings.h"
#include "service/instance.h"

/* The most descriptors there may be: two for each certificate, and one file of CAs. */
#define KEY_FILES_MAX (2 * 65 + 1)

/* fd is then the callee's. */
typedef void key_files_take(void *ctx, const char *name, int fd);

/*
 * Open all of them.  What cannot be used is told in errors, one line each, and
 * the others are still given to take.  The server's own pair may be missing
 * altogether: then there is no TLS, and no error.  True when there was none.
 */
bool key_files_open(const struct instance *in, const struct settings *s, key_files_take *take, void *ctx,
	struct buf *errors);

/* The same without keeping any: may these settings be used? */
bool key_files_check(const struct instance *in, const struct settings *s, struct buf *errors) PB_MUST_CHECK;

/* One pair for mailctl: both descriptors are then the caller's.  False after a line in errors. */
bool key_files_open_pair(const struct instance *in, const char *cert_path, const char *key_path, int *cert, int *key,
	struct buf *errors) PB_MUST_CHECK;
/* A certificate by the path that a setting has; -1 with errno. */
int key_files_open_path(const struct instance *in, const char *path) PB_MUST_CHECK;

/* A key that is open at fd: may it be used?  False with a line of text in why. */
bool key_file_is_safe(int fd, uid_t owner, char *why, size_t size) PB_MUST_CHECK;

#endif
