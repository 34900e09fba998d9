/*
 * control: the loop's thread: the control socket, the database's upkeep, the log, and
 * the end.
 *
 *	reload	read run/settings/greylist-check again (libmilter takes SIGHUP as "stop")
 *	stats	ok delayed= passed= skipped=
 */
#include "base/base.h"
#include "greylist.h"

#include <errno.h>
#include <fcntl.h>
#include "base/die.h"
#include "service/control.h"
#include "sys/clock.h"

static bool
reload(struct buf *reply)
{
	int fd = openat(greylist.settings_dir, "greylist-check", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct settings *s = fd < 0 ? NULL : settings_read(fd);
	struct rules *fresh;

	if (s == NULL)
		control_error(reply, EXIT_REFUSED, "the settings cannot be read: errno %d", errno);
	if (fd >= 0)
		close(fd);
	if (s == NULL)
		return false;
	fresh = rules_new(s);
	settings_free(&s);
	pthread_rwlock_wrlock(&greylist.rules_lock);
	rules_free(&greylist.rules);
	greylist.rules = fresh;
	pthread_rwlock_unlock(&greylist.rules_lock);
	return true;
}

static void
say_stats(struct buf *reply)
{
	record_begin(reply, "ok");
	record_add_num(reply, "delayed", __atomic_load_n(&greylist.delayed, __ATOMIC_RELAXED));
	record_add_num(reply, "passed", __atomic_load_n(&greylist.passed, __ATOMIC_RELAXED));
	record_add_num(reply, "skipped", __atomic_load_n(&greylist.skipped, __ATOMIC_RELAXED));
}

static bool
handle(void *ctx PB_UNUSED, struct control_call *call PB_UNUSED, const struct record *request, struct buf *reply)
{
	if (span_is(request->verb, "stats"))
		say_stats(reply);
	else if (!span_is(request->verb, "reload"))
		control_error(reply, EXIT_USAGE, "greylist-check knows reload and stats");
	else if (reload(reply))
		record_begin(reply, "ok");
	return true;
}

static void
each_second(void *ctx PB_UNUSED)
{
	if (state_tend(greylist.judge.db, clock_wall_ms() / 1000) < 0)
		die(EXIT_TRY_LATER, "greylist.db: %m (%s)", state_why());
	pthread_mutex_lock(&greylist.log_lock);
	log_flush(&greylist.svc, false);
	pthread_mutex_unlock(&greylist.log_lock);
	loop_timer(greylist.loop, 1000, each_second, NULL);
}

/* Every decision was written when it was made, so there is nothing to wait for but the log. */
void
greylist_end(void)
{
	pthread_mutex_lock(&greylist.log_lock);
	log_flush(&greylist.svc, true);
	_exit(EXIT_DONE);
}

static void
on_stop(void *ctx PB_UNUSED)
{
	greylist_end();
}

static void *
run(void *ctx PB_UNUSED)
{
	loop_run(greylist.loop);
	return NULL;
}

void
control_begin(int control_fd)
{
	pthread_t thread;

	greylist.loop = loop_new();
	if (control_fd >= 0 && control_serve(greylist.loop, control_fd, NULL, 0, handle, NULL) == NULL)
		die(EXIT_TRY_LATER, "cannot serve greylist-control: %m");
	service_attach(&greylist.svc, greylist.loop, on_stop, NULL);
	loop_timer(greylist.loop, 1000, each_second, NULL);
	if (pthread_create(&thread, NULL, run, NULL) != 0 || pthread_detach(thread) != 0)
		die(EXIT_TRY_LATER, "cannot make a thread");
}
