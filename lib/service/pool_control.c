/*
 * pool_control: what `mailctl connections` asks a listener.
 *
 *	status			-> ok busy= idle= total= max= served= refused=
 *	connections from=PLACE	-> ok connection=... (repeated) next=PLACE (when there are more)
 *	end pid=PID		-> ok
 *	tls from=PLACE		-> see service_tls.h
 *
 * A connection is one line of words, "-" for nothing: pid, listener, ip,
 * ticket, connected (wall clock, ms), bytes in, bytes out, user, doing.
 * Pids are from the parent's own table; the rest is from the worker's page,
 * which the worker could have forged: it is for reading only.
 */
#include "base/base.h"
#include "service/pool.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "service/service_tls.h"

#include <signal.h>

/* Bytes of one connection line at most: all texts of a score and numbers. */
#define LINE_MAX_BYTES 600

static void
add_connection(struct pool *p, unsigned place, struct buf *reply)
{
	char text[LINE_MAX_BYTES];
	struct score s;

	scoreboard_read(p->board, place, &s);
	(void)snprintf(text, sizeof(text), "%d %s %s %s %llu %llu %llu %s %s", (int)p->workers[place].pid,
		s.listener[0] ? s.listener : "-", s.ip[0] ? s.ip : "-", s.ticket[0] ? s.ticket : "-",
		(unsigned long long)s.connected_ms, (unsigned long long)s.bytes_in,
		(unsigned long long)s.bytes_out, s.user[0] ? s.user : "-", s.doing[0] ? s.doing : "-");
	record_add_text(reply, "connection", text);
}

static void
list_connections(struct pool *p, const struct record *request, struct buf *reply)
{
	uint64_t from = 0;

	if (record_get(request, "from").p != NULL
	    && !record_get_num(request, "from", p->max_total, &from)) {
		control_error(reply, EXIT_USAGE, "from is not a place");
		return;
	}
	record_begin(reply, "ok");
	for (unsigned i = (unsigned)from; i < p->max_total; i++) {
		if (p->workers[i].pid == 0 || !p->workers[i].is_busy)
			continue;
		if (reply->n + 2 * LINE_MAX_BYTES > LIMIT_RECORD) {
			record_add_num(reply, "next", i);
			return;
		}
		add_connection(p, i, reply);
	}
}

static void
end_session(struct pool *p, const struct record *request, struct buf *reply)
{
	uint64_t pid;

	if (!record_get_num(request, "pid", INT32_MAX, &pid)) {
		control_error(reply, EXIT_USAGE, "pid is missing");
		return;
	}
	for (unsigned i = 0; i < p->max_total; i++) {
		struct pool_worker *w = &p->workers[i];

		if (w->pid == 0 || (uint64_t)w->pid != pid || !w->is_busy)
			continue;
		(void)kill(w->pid, SIGTERM);
		record_begin(reply, "ok");
		return;
	}
	control_error(reply, EXIT_NO_OBJECT, "no session has pid %llu", (unsigned long long)pid);
}

static void
show_status(const struct pool *p, struct buf *reply)
{
	record_begin(reply, "ok");
	record_add_num(reply, "busy", p->busy);
	record_add_num(reply, "idle", p->total - p->busy);
	record_add_num(reply, "total", p->total);
	record_add_num(reply, "max", p->max_total);
	record_add_num(reply, "served", p->served);
	record_add_num(reply, "refused", p->refused);
}

static bool
handle(void *ctx, struct control_call *call, const struct record *request, struct buf *reply)
{
	struct pool *p = ctx;

	(void)call;
	if (span_is(request->verb, "status"))
		show_status(p, reply);
	else if (span_is(request->verb, "connections"))
		list_connections(p, request, reply);
	else if (span_is(request->verb, "end"))
		end_session(p, request, reply);
	else if (span_is(request->verb, "tls"))
		service_tls_show(p->svc, request, reply);
	else
		control_error(reply, EXIT_USAGE, "unknown request");
	return true;
}

void
pool_control_start(struct pool *p)
{
	char name[SERVICE_FD_NAME_MAX];
	int fd;

	(void)snprintf(name, sizeof(name), "listen.unix.ctl-%s", p->svc->name);
	fd = service_fd(p->svc, name);
	if (fd >= 0)
		p->control = control_serve(p->loop, fd, NULL, 0, handle, p);
}
