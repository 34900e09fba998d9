/* oauth: see oauth.h. */
#include "base/base.h"
#include "oauth.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include "base/die.h"
#include "base/mem.h"

#define FOLDER "etc/"

struct oauth {
	int etc_fd;
	const char *name;	/* below etc/ */
	struct jwt_rules rules;
};

struct oauth *
oauth_new(struct service *svc)
{
	const struct settings *s = svc->settings;
	const char *path = settings_text(s, "oauth/jwksPath");
	struct oauth *o;

	if (!settings_bool(s, "oauth/enabled"))
		return NULL;
	if (strncmp(path, FOLDER, strlen(FOLDER)) != 0)
		die(EXIT_REFUSED, "oauth/jwksPath must lie in etc/, not %s", path);
	o = mem_new(sizeof(*o));
	o->name = path + strlen(FOLDER);
	o->rules = (struct jwt_rules){ .issuer = settings_text(s, "oauth/issuer"),
		.audience = settings_text(s, "oauth/audience"), .user_claim = settings_text(s, "oauth/userClaim") };
	if (o->rules.issuer[0] == '\0' || o->rules.audience[0] == '\0')
		die(EXIT_REFUSED, "oauth/enabled needs oauth/issuer and oauth/audience");
	o->etc_fd = instance_openat(&svc->instance, "etc", O_PATH | O_DIRECTORY, 0);
	if (o->etc_fd < 0)
		die(EXIT_NO_OBJECT, "cannot open etc/: %m");
	/* Helpers may open no file, so the library reads its settings here. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1)
		die(EXIT_TRY_LATER, "OpenSSL cannot start");
	return o;
}

int
oauth_open_keys(const struct oauth *o)
{
	int fd = openat(o->etc_fd, o->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 022) == 0)
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

const struct jwt_rules *
oauth_rules(const struct oauth *o)
{
	return &o->rules;
}
