/* counter: see counter.h. */
#include "base/base.h"
#include "counter.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "directory/directory.h"
#include "mailbox.h"
#include "service/service.h"
#include "store/maildir.h"
#include "store/quota.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "warning.h"

#define ASK_MS 1000
/* After a failure auth-check, or who takes the warning, is left alone for so long. */
#define RETRY_MS 10000

struct counter {
	struct service *svc;
	int domains;
	struct directory *directory;	/* NULL: not connected */
};

/* A Maildir that is not there yet holds nothing. */
static uint64_t
count_user(const struct counter *c, const char *user, const char *domain)
{
	char address[LIMIT_ADDRESS + 1], path[MAILBOX_PATH_SIZE];
	uint64_t bytes = 0;
	int dir;

	snprintf(address, sizeof(address), "%s@%s", user, domain);
	if (!mailbox_path(span_of(address), path) || (dir = maildir_open_dir(c->domains, path)) < 0)
		return 0;
	if (quota_count(dir, &bytes) != 0)
		log_failure(c->svc, NULL, NULL, "event=not-counted path=%s error=%s", path, strerrorname_np(errno));
	file_close(&dir);
	return bytes;
}

/* False when auth-check is gone. */
static bool
count_domain(const struct counter *c, const char *domain)
{
	char user[LIMIT_LOCAL_PART + 1] = "";
	uint64_t started = clock_ms(), bytes = 0;
	size_t users = 0;
	int r;

	while ((r = directory_space_user(c->directory, span_of(domain), user)) == 1) {
		bytes += count_user(c, user, domain);
		users++;
	}
	if (r < 0 || directory_space_counted(c->directory, span_of(domain), bytes) != 0)
		return false;
	log_line(c->svc, NULL, NULL, "event=domain-counted domain=%s users=%zu bytes=%llu ms=%llu", domain, users,
		(unsigned long long)bytes, (unsigned long long)(clock_ms() - started));
	return true;
}

/* False: try later. */
static bool
warn(const struct counter *c, const struct directory_space_work *work)
{
	switch (warning_send(c->svc, work->domain, work->used, work->limit)) {
	case WARNING_SENT:
	case WARNING_REFUSED:		/* by everybody who could be told: the log has it */
		return directory_space_warned(c->directory, span_of(work->domain)) == 0;
	case WARNING_LATER:
		break;
	}
	return false;
}

/* How long to rest.  A warning that is not taken now comes again by itself. */
static uint64_t
work(struct counter *c)
{
	struct directory_space_work work;
	int fd;

	if (c->directory == NULL || !directory_lookup_is_up(c->directory)) {
		directory_free(&c->directory);
		fd = owner_connect(c->svc, "lookup", SOCK_STREAM);
		if (fd < 0)
			return RETRY_MS;
		c->directory = directory_new(fd, -1);
	}
	switch (directory_space_work(c->directory, &work)) {
	case 0:
		return ASK_MS;
	case 1:
		if (work.warns ? warn(c, &work) : count_domain(c, work.domain))
			return 0;
		return work.warns ? ASK_MS : RETRY_MS;
	default:
		return RETRY_MS;
	}
}

void
counter_run(struct service *svc, int domains)
{
	struct counter c = { .svc = svc, .domains = domains };

	for (;;) {
		uint64_t rest = work(&c);

		log_flush(svc, false);
		usleep((useconds_t)rest * 1000);
	}
}
