/*
 * control: the loop's thread: the control socket, the database's upkeep, the log, and
 * the end.
 *
 *	reload	read run/settings/greylist-check again (libmilter takes SIGHUP as "stop")
 *	stats	ok delayed= passed= skipped=
 *	list [from=HEX]	ok record=waiting|passed SINCE EXPIRES NETWORK SENDER RECIPIENT ... [next=HEX]
 *	delete ip= sender= recipient=	ok, or error exit=3
 *	delete all=1	ok
 */
#include "base/base.h"
#include "greylist.h"

#include <errno.h>
#include <fcntl.h>
#include "base/die.h"
#include "base/limits.h"
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

/* Room for the longest line of a list and the key of the next one. */
#define LIST_ROOM 2048

static int
list_one(const struct judge_record *r, void *ctx)
{
	char network[ADDR_TEXT_MAX] = "-", text[LIST_ROOM];
	struct buf *reply = ctx, line;

	if (reply->n > LIMIT_RECORD - 2 * LIST_ROOM) {
		buf_text_put(reply, "next=");
		for (size_t i = 0; i < r->key.n; i++)
			buf_printf(reply, "%02x", (unsigned char)r->key.p[i]);
		buf_char(reply, '\n');
		return 1;
	}
	if (r->network.family != AF_UNSPEC)
		addr_print(&r->network, network, sizeof(network));
	buf_init_fixed(&line, text, sizeof(text));
	buf_printf(&line, "%s %lld %lld %s <", r->is_passed ? "passed" : "waiting", (long long)r->since_s,
		(long long)r->expires_s, network);
	buf_escaped(&line, r->sender);
	buf_text_put(&line, "> <");
	buf_escaped(&line, r->recipient);
	buf_char(&line, '>');
	record_add(reply, "record", buf_view(&line));
	return 0;
}

static int
hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A key in hexadecimal digits; empty when it is none. */
static struct span
read_key(struct span hex, char out[STATE_KEY_MAX])
{
	size_t n = 0;

	if (hex.n % 2 != 0 || hex.n / 2 > STATE_KEY_MAX)
		return SPAN_NONE;
	for (size_t i = 0; i < hex.n; i += 2) {
		int high = hex_value(hex.p[i]), low = hex_value(hex.p[i + 1]);

		if (high < 0 || low < 0)
			return SPAN_NONE;
		out[n++] = (char)(high << 4 | low);
	}
	return span_make(out, n);
}

static void
trouble(void)
{
	die(EXIT_TRY_LATER, "greylist.db: %m (%s)", state_why());
}

static void
list(const struct record *request, struct buf *reply)
{
	char key[STATE_KEY_MAX];

	record_begin(reply, "ok");
	if (judge_each(&greylist.judge, read_key(record_get(request, "from"), key), clock_wall_ms() / 1000, list_one,
	    reply) < 0)
		trouble();
}

static void
forget(const struct record *request, struct buf *reply)
{
	int64_t now = clock_wall_ms() / 1000;
	struct addr ip;
	int found;

	if (span_is(record_get(request, "all"), "1")) {
		found = judge_forget_all(&greylist.judge, now) < 0 ? -1 : 1;
	} else if (!addr_parse(record_get(request, "ip"), &ip)) {
		control_error(reply, EXIT_USAGE, "the first word must be an address");
		return;
	} else {
		found = judge_forget(&greylist.judge, &ip, record_get(request, "sender"),
			record_get(request, "recipient"), now);
	}
	if (found < 0)
		trouble();
	if (found)
		record_begin(reply, "ok");
	else
		control_error(reply, EXIT_NO_OBJECT, "there is no such record");
}

static bool
handle(void *ctx PB_UNUSED, struct control_call *call PB_UNUSED, const struct record *request, struct buf *reply)
{
	if (span_is(request->verb, "stats"))
		say_stats(reply);
	else if (span_is(request->verb, "list"))
		list(request, reply);
	else if (span_is(request->verb, "delete"))
		forget(request, reply);
	else if (!span_is(request->verb, "reload"))
		control_error(reply, EXIT_USAGE, "greylist-check knows reload, stats, list and delete");
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
