/*
 * control: the loop's thread: the control socket, the database's upkeep, the log, and
 * the end.
 *
 *	reload	-> ok; run/settings/greylist-check was read again (libmilter takes SIGHUP as
 *		"stop"); mail-master asks for it with "reload" on its own line
 *	stats	-> ok delayed= passed= skipped= first= back= gave-up= waiting= good=, see struct counts
 *	list, delete: control_list.c	why: control_why.c
 *	expect user= seconds=	-> ok user="UNTIL MAILBOX"
 *	expect end=USER		-> ok, or error exit=3
 *	expect			-> ok user="UNTIL MAILBOX" ...
 */
#include "base/base.h"
#include "greylist.h"

#include <errno.h>
#include <fcntl.h>
#include "ask.h"
#include "base/die.h"
#include "base/limits.h"
#include "expect.h"
#include "rules.h"
#include "service/control.h"
#include "service/master.h"
#include "sys/clock.h"

/* 0, or an errno: the rules of before hold on. */
static int
reread(void)
{
	int fd = openat(greylist.settings_dir, "greylist-check", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct settings *s = fd < 0 ? NULL : settings_read(fd);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	if (s == NULL) {
		greylist_log("", NULL, "event=reload-failed error=%s", strerrorname_np(saved));
		return saved;
	}
	/* The filter of system calls is for life: another one needs another process. */
	if (strcmp(settings_text(s, "sandboxBreach"), settings_text(greylist.svc.settings, "sandboxBreach")) != 0)
		greylist_end();
	rules_replace(rules_new(s));
	greylist_log("", NULL, "event=reload");
	return 0;
}

static void
answer_reload(const struct record *request PB_UNUSED, struct buf *reply)
{
	int error = reread();

	if (error != 0)
		control_error(reply, EXIT_REFUSED, "the settings cannot be read: %s", strerror(error));
	else
		record_begin(reply, "ok");
}

static void
answer_stats(const struct record *request PB_UNUSED, struct buf *reply)
{
	struct counts n = records_counts(&greylist.records);

	record_begin(reply, "ok");
	record_add_num(reply, "delayed", n.delayed);
	record_add_num(reply, "passed", n.passed);
	record_add_num(reply, "skipped", n.skipped);
	record_add_num(reply, "first", n.first);
	record_add_num(reply, "back", n.back);
	record_add_num(reply, "gave-up", n.gave_up);
	record_add_num(reply, "waiting", n.waiting);
	record_add_num(reply, "good", n.known_good);
}

/* -- users who wait for mail ------------------------------------------------ */

static void
add_expected(const char *mailbox, int64_t until, void *ctx)
{
	char line[LIMIT_ADDRESS + 32];

	snprintf(line, sizeof(line), "%lld %s", (long long)until, mailbox);
	record_add_text(ctx, "user", line);
}

/* The mailbox that a user's address stands for: aliases, other names of the domain and "+detail" followed. */
struct one_mailbox {
	char address[LIMIT_ADDRESS + 1];
	size_t count;
};

static bool
note_mailbox(const char *mailbox, void *ctx)
{
	struct one_mailbox *m = ctx;

	snprintf(m->address, sizeof(m->address), "%s", mailbox);
	return ++m->count > 1;
}

static bool
find_mailbox(struct span user, struct one_mailbox *m, struct buf *reply)
{
	*m = (struct one_mailbox){ .count = 0 };
	if (user.n == 0 || user.n > LIMIT_ADDRESS) {
		control_error(reply, EXIT_USAGE, "the user is an address");
		return false;
	}
	if (!ask_mailboxes(user, note_mailbox, m) && m->count == 1)
		return true;
	control_error(reply, EXIT_NO_OBJECT, m->count > 1 ? "the address stands for several users"
		: "there is no such user, or auth-check does not answer");
	return false;
}

static void
begin_expecting(struct span user, uint64_t seconds, struct buf *reply)
{
	int64_t now = clock_wall_ms() / 1000;
	struct one_mailbox m;

	if (!find_mailbox(user, &m, reply))
		return;
	if (expect_add(span_of(m.address), now + (int64_t)seconds, now) == 0) {
		greylist_log("", NULL, "event=expect user=%s until=%lld", m.address, (long long)(now + (int64_t)seconds));
		record_begin(reply, "ok");
		add_expected(m.address, now + (int64_t)seconds, reply);
	} else if (errno == ENOSPC) {
		control_error(reply, EXIT_REFUSED, "%d users wait already", LIMIT_EXPECTED);
	} else {
		greylist_trouble();
	}
}

static void
end_expecting(struct span user, struct buf *reply)
{
	struct one_mailbox m;
	int found;

	if (!find_mailbox(user, &m, reply))
		return;
	found = expect_end(span_of(m.address), clock_wall_ms() / 1000);
	if (found < 0)
		greylist_trouble();
	if (found)
		record_begin(reply, "ok");
	else
		control_error(reply, EXIT_NO_OBJECT, "this user does not wait for mail");
}

static void
answer_expect(const struct record *request, struct buf *reply)
{
	struct span user = record_get(request, "user"), end = record_get(request, "end");
	uint64_t seconds;

	if (end.p != NULL) {
		end_expecting(end, reply);
	} else if (user.p == NULL) {
		record_begin(reply, "ok");
		expect_each(clock_wall_ms() / 1000, add_expected, reply);
	} else if (!record_get_num(request, "seconds", LIMIT_EXPECT_SECONDS, &seconds) || seconds == 0) {
		control_error(reply, EXIT_USAGE, "the time must be 1 second to %d hours", LIMIT_EXPECT_SECONDS / 3600);
	} else {
		begin_expecting(user, seconds, reply);
	}
}

/* -- the loop --------------------------------------------------------------- */

static const struct {
	const char *verb;
	void (*answer)(const struct record *request, struct buf *reply);
} verbs[] = {
	{ "reload", answer_reload }, { "stats", answer_stats }, { "list", control_list },
	{ "delete", control_delete }, { "why", control_why }, { "expect", answer_expect },
};

static bool
handle(void *ctx PB_UNUSED, struct control_call *call PB_UNUSED, const struct record *request, struct buf *reply)
{
	for (size_t i = 0; i < PB_COUNT(verbs); i++) {
		if (span_is(request->verb, verbs[i].verb)) {
			verbs[i].answer(request, reply);
			return true;
		}
	}
	control_error(reply, EXIT_USAGE, "greylist-check knows reload, stats, list, delete, why and expect");
	return true;
}

static void
each_second(void *ctx PB_UNUSED)
{
	if (records_save_counts(&greylist.records) < 0
	    || state_tend(greylist.records.db, clock_wall_ms() / 1000) < 0)
		greylist_trouble();
	pthread_mutex_lock(&greylist.log_lock);
	log_flush(&greylist.svc, false);
	pthread_mutex_unlock(&greylist.log_lock);
	loop_timer(greylist.loop, 1000, each_second, NULL);
}

/* Every decision was written when it was made; what is lost is a second of counters. */
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

/* mail-master waits for "ready" again, whatever came of it: the log says that. */
static void
on_reload(void *ctx PB_UNUSED)
{
	(void)reread();
	(void)master_tell(&greylist.svc, "ready");
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
	/* Timers are for the loop's thread alone: the log, which all threads write, is sent by each_second. */
	greylist.svc.loop = NULL;
	greylist.svc.on_reload = on_reload;
	loop_timer(greylist.loop, 1000, each_second, NULL);
	if (pthread_create(&thread, NULL, run, NULL) != 0 || pthread_detach(thread) != 0)
		die(EXIT_TRY_LATER, "cannot make a thread");
}
