/*
 * runner: what intake and schedule have in common.
 */
#include "base/base.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/die.h"
#include "sys/clock.h"

#define LOCK_TRIES 150		/* longer than one that stops takes */
#define LOCK_WAIT_MS 100

int
runner_open_spool(struct service *svc)
{
	int fd = instance_openat(&svc->instance, "spool", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		die(EXIT_REFUSED, "cannot open the spool: %s", strerror(errno));
	service_path(svc, "spool", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REFER | SANDBOX_MKDIR);
	return fd;
}

static void
on_spool_log(void *ctx, const char *text)
{
	log_failure(ctx, NULL, NULL, "%s", text);	/* a whole line, event= first */
}

/* One that is just being stopped, or its helpers, may hold the lock for a moment. */
static void
take_lock(const struct service *svc, struct spool *sp, const char *lock)
{
	for (int i = 0; spool_lock(sp, lock) < 0; i++) {
		if (errno != EAGAIN)
			die(EXIT_REFUSED, "cannot lock %s: %s", lock, strerror(errno));
		if (i == LOCK_TRIES)
			die(EXIT_REFUSED, "%s is already running on this spool", svc->mode);
		clock_sleep_ms(LOCK_WAIT_MS);
	}
}

struct spool *
runner_spool(struct service *svc, int spool_fd, const char *lock)
{
	struct spool_options options = {
		.sub_spools = (uint32_t)settings_num(svc->settings, "subSpools"),
		.sub_spool_size = (uint32_t)settings_num(svc->settings, "subSpoolSize"),
		.sync_directory = strcmp(settings_text(svc->settings, "spoolSyncDirectory"), "always") == 0,
		.log = on_spool_log,
		.log_ctx = svc,
	};
	struct spool *sp;

	umask(027);	/* messages are 0440, see spool_put.h */
	if (spool_open(spool_fd, &options, &sp) < 0)
		die(EXIT_REFUSED, "cannot use the spool: %s", strerror(errno));
	take_lock(svc, sp, lock);
	return sp;
}

int
runner_listener(const struct service *svc, const char *name)
{
	int fd = service_fd(svc, name);

	if (fd < 0)
		die(EXIT_USAGE, "no listening socket: this program is started by mail-master");
	return fd;
}

bool
runner_has_checker(const struct service *svc)
{
	return settings_bool(svc->settings, "outsideChecker");
}
