/*
 * requests: what mailctl and the init script ask over run/master.
 *
 *	status			-> ok pid= service=WORDS (repeated)
 *	start name=... wait=	-> ok, when all are ready or after twenty seconds
 *	ready			-> the same for all that is wanted, which stays as it is
 *	stop name=...		-> ok finishing=SESSIONS, when all others than pools have
 *				   ended; those that have not in fifteen seconds are stopping=NAME
 *	restart name=...	-> ok, when all are ready
 *	reload name=...		-> ok, when the new generations are ready; or error, and
 *				   then everything is as it was.  Units that are named begin
 *				   anew though nothing changed for them; name may be left out
 *	shutdown		-> ok; mail-master then ends phase by phase
 *
 * name is a service (smtp, pop, imap, spool), a unit (smtp-listen), or all; it
 * may repeat.  WORDS of status: unit, service or "-", state, pid or 0, seconds
 * up, restarts.
 */
#include "base/base.h"
#include "master.h"
#include "service/key_files.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sys/clock.h"

#include <errno.h>

#define ERRORS_MAX 16384
/*
 * How long an answer waits for programs to be ready, a predecessor that has work in
 * hand included; for one to end; or for pools to tell their sessions.
 */
#define READY_MS 20000
#define ENDED_MS 15000
#define FINISHING_MS 2000

/* An answer that is owed: when all of `units` are as wanted, or in the end. */
struct waiting {
	struct waiting *next;
	struct master *master;
	struct control_call *call;
	struct loop_timer *timer;
	bool units[MASTER_UNITS_MAX];
	bool for_stop;
};

/*
 * Sessions of processes on their way out; false when a pool has not told yet, or
 * anything else still works.
 */
static bool
count_finishing(const struct unit *u, uint64_t *sessions)
{
	for (const struct process *p = u->processes; p != NULL; p = p->next) {
		if (p->state != PROCESS_LEAVING)
			continue;
		if (!u->def->is_pool || !p->has_answered)
			return false;
		*sessions += p->finishing;
	}
	return true;
}

/* Does the new generation serve, and nobody else?  An older one has said that its workers take no more clients. */
static bool
is_up(const struct unit *u)
{
	if (!u->is_wanted || !unit_is_allowed(u))
		return true;
	if (u->current == NULL || u->current->state != PROCESS_RUNNING)
		return false;
	for (const struct process *p = u->processes; p != NULL; p = p->next)
		if (u->def->is_pool && p->state == PROCESS_LEAVING && p->fd >= 0 && !p->has_answered)
			return false;
	return true;
}

static bool
is_settled(const struct waiting *w, uint64_t *sessions)
{
	for (size_t i = 0; i < w->master->unit_count; i++) {
		const struct unit *u = &w->master->units[i];

		if (!w->units[i])
			continue;
		if (w->for_stop ? !count_finishing(u, sessions) : !is_up(u))
			return false;
	}
	return true;
}

/* Names of the units that are not up, for the answer after the wait was in vain. */
static void
say_missing(const struct waiting *w, struct buf *reply)
{
	char names[512] = "";
	size_t n = 0;

	for (size_t i = 0; i < w->master->unit_count; i++) {
		const struct unit *u = &w->master->units[i];

		if (w->units[i] && !is_up(u))
			n += (size_t)snprintf(names + n, sizeof(names) - n, " %s", u->def->name);
	}
	control_error(reply, EXIT_TRY_LATER, "not ready yet:%s (see the administrative log and log/stderr.log)", names);
}

/* Those whose end was waited for in vain. */
static void
say_stopping(const struct waiting *w, struct buf *reply)
{
	for (size_t i = 0; i < w->master->unit_count; i++) {
		const struct unit *u = &w->master->units[i];

		if (w->units[i] && !u->def->is_pool && u->processes != NULL)
			record_add_text(reply, "stopping", u->def->name);
	}
}

/* Answer and forget; `late`: the timer came first. */
static void
settle(struct waiting *w, uint64_t sessions, bool late)
{
	struct buf reply;

	for (struct waiting **at = &w->master->waiting; *at != NULL; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			break;
		}
	loop_timer_drop(&w->timer);
	buf_init(&reply, LIMIT_RECORD);
	if (late && !w->for_stop) {
		say_missing(w, &reply);
	} else {
		record_begin(&reply, "ok");
		if (w->for_stop)
			record_add_num(&reply, "finishing", sessions);
		say_stopping(w, &reply);
	}
	control_reply(w->call, &reply);
	buf_free(&reply);
	free(w);
}

static void
on_late(void *ctx)
{
	struct waiting *w = ctx;
	uint64_t sessions = 0;

	w->timer = NULL;
	(void)is_settled(w, &sessions);
	settle(w, sessions, true);
}

void
requests_check(struct master *m)
{
	struct waiting *next;

	for (struct waiting *w = m->waiting; w != NULL; w = next) {
		uint64_t sessions = 0;

		next = w->next;
		if (is_settled(w, &sessions))
			settle(w, sessions, false);
	}
}

static void
answer_later(struct master *m, struct control_call *call, const bool *units, bool for_stop)
{
	struct waiting *w = mem_new(sizeof(*w));
	bool pools_only = true;

	*w = (struct waiting){ .next = m->waiting, .master = m, .call = call, .for_stop = for_stop };
	memcpy(w->units, units, sizeof(w->units));
	for (size_t i = 0; i < m->unit_count; i++)
		pools_only &= !units[i] || m->units[i].def->is_pool;
	w->timer = loop_timer(m->loop, !for_stop ? READY_MS : pools_only ? FINISHING_MS : ENDED_MS, on_late, w);
	m->waiting = w;
}

static void
show_status(struct master *m, struct buf *reply)
{
	uint64_t now = clock_ms();

	record_begin(reply, "ok");
	record_add_num(reply, "pid", (uint64_t)getpid());
	for (size_t i = 0; i < m->unit_count; i++) {
		const struct unit *u = &m->units[i];
		const struct process *p = u->current != NULL ? u->current : u->processes;
		char words[160];

		(void)snprintf(words, sizeof(words), "%s %s %s %d %llu %u", u->def->name,
			u->def->service != NULL ? u->def->service : "-", unit_state(u),
			p != NULL ? (int)p->pid : 0,
			p != NULL ? (unsigned long long)((now - p->started_ms) / 1000) : 0ULL, u->restarts);
		record_add_text(reply, "service", words);
	}
}

static bool
unit_has_name(const struct unit *u, struct span name)
{
	return span_is(name, "all") || span_is(name, u->def->name)
		|| (u->def->service != NULL && span_is(name, u->def->service));
}

/* Which units the request names; false, with an error begun, for an unknown name. */
static bool
find_units(struct master *m, const struct record *request, bool *units, struct buf *reply)
{
	struct span name;

	memset(units, 0, MASTER_UNITS_MAX * sizeof(*units));
	for (size_t i = 0; (name = record_get_nth(request, "name", i)).p != NULL; i++) {
		bool found = false;

		for (size_t k = 0; k < m->unit_count; k++)
			if (unit_has_name(&m->units[k], name))
				units[k] = found = true;
		if (!found) {
			control_error(reply, EXIT_NO_OBJECT, "no service %.*s", SPAN_ARG(name));
			return false;
		}
	}
	if (record_get(request, "name").p == NULL) {
		control_error(reply, EXIT_USAGE, "name is missing");
		return false;
	}
	return true;
}

/* Only services can be stopped: without the owners nothing would work at all. */
static bool
may_stop(struct master *m, const struct record *request, bool *units, struct buf *reply)
{
	bool all = span_is(record_get(request, "name"), "all");

	for (size_t i = 0; i < m->unit_count; i++) {
		if (!units[i] || m->units[i].def->service != NULL)
			continue;
		units[i] = false;
		if (!all) {
			control_error(reply, EXIT_REFUSED, "%s cannot be stopped alone",
				m->units[i].def->name);
			return false;
		}
	}
	return true;
}

static bool
start_or_stop(struct master *m, struct control_call *call, const struct record *request,
	struct buf *reply)
{
	bool units[MASTER_UNITS_MAX], stops = span_is(request->verb, "stop");
	bool restarts = span_is(request->verb, "restart");

	if (!find_units(m, request, units, reply) || (stops && !may_stop(m, request, units, reply)))
		return true;
	for (size_t i = 0; i < m->unit_count; i++) {
		struct unit *u = &m->units[i];

		if (!units[i])
			continue;
		if (stops)
			generation_stop(u);
		else if (restarts && unit_is_allowed(u) && u->is_wanted)
			generation_replace(u);
		else if (unit_is_allowed(u))
			generation_start(u);
		log_line(&m->svc, NULL, NULL, "event=asked verb=%.*s program=%s",
			SPAN_ARG(request->verb), u->def->name);
	}
	if (keep_stopped(m) != 0)
		log_failure(&m->svc, NULL, NULL, "event=cannot-keep what=stopped error=%s",
			strerrorname_np(errno));
	answer_later(m, call, units, stops);
	requests_check(m);
	return false;
}

/* To those that were named: which units see other settings, other ports or have keys that may be new. */
static void
find_affected(struct master *m, const struct loaded *next, const struct port *ports, size_t count,
	bool *units)
{
	for (size_t i = 0; i < m->unit_count; i++) {
		const struct unit_def *d = m->units[i].def;

		units[i] |= d->keys || load_differs(&m->loaded, next, d->program)
			|| sockets_listener_differs(m, ports, count, d->ports);
	}
}

static int
reload(struct master *m, bool *units, struct buf *errors)
{
	struct port ports[MASTER_PORTS_MAX];
	struct loaded next;
	size_t count;

	if (load_settings(m, &next, errors) != 0)
		return -1;
	if (sockets_ports(m, next.own, ports, &count, errors) != 0) {
		load_free(&next);
		return -1;
	}
	if (!key_files_check(&m->svc.instance, next.own, errors)) {
		sockets_give_up(m, ports, count);
		load_free(&next);
		return -1;
	}
	find_affected(m, &next, ports, count, units);
	if (load_write(m, &next, &m->loaded) != 0) {
		buf_printf(errors, "cannot write run/settings: %s\n", strerror(errno));
		(void)load_write(m, &m->loaded, NULL);
		load_free(&next);
		return -1;
	}
	load_free(&m->loaded);
	m->loaded = next;
	sockets_tell(m, m->ports, m->port_count, ports, count);
	sockets_take(m, ports, count);
	if (keep_ports(m) != 0)
		log_failure(&m->svc, NULL, NULL, "event=cannot-keep what=ports error=%s",
			strerrorname_np(errno));
	for (size_t i = 0; i < m->unit_count; i++)
		if (units[i] && unit_is_allowed(&m->units[i]))
			generation_reload(&m->units[i]);
	generation_apply(m);
	log_line(&m->svc, NULL, NULL, "event=reload");
	return 0;
}

static void
log_refused(struct master *m, struct span why)
{
	struct buf text;

	buf_init(&text, 4 * ERRORS_MAX);
	log_value(&text, "text", why);
	log_failure(&m->svc, NULL, NULL, "event=reload-refused%s", buf_text(&text));
	buf_free(&text);
}

void
requests_reload(struct master *m)
{
	bool units[MASTER_UNITS_MAX] = { false };
	struct buf errors;

	buf_init(&errors, ERRORS_MAX);
	if (m->phase == 0 && reload(m, units, &errors) != 0)
		log_refused(m, span_trim(buf_view(&errors)));
	buf_free(&errors);
}

static bool
answer_reload(struct master *m, struct control_call *call, const struct record *request, struct buf *reply)
{
	bool units[MASTER_UNITS_MAX] = { false };
	struct buf errors;
	int result;

	if (record_get(request, "name").p != NULL && !find_units(m, request, units, reply))
		return true;
	buf_init(&errors, ERRORS_MAX);
	result = reload(m, units, &errors);
	if (result != 0) {
		struct span text = span_trim(buf_view(&errors));

		record_begin(reply, "error");
		record_add_num(reply, "exit", EXIT_REFUSED);
		record_add(reply, "text", text);
		log_refused(m, text);
	}
	buf_free(&errors);
	if (result != 0)
		return true;
	answer_later(m, call, units, false);
	requests_check(m);
	return false;
}

static bool
answer_ready(struct master *m, struct control_call *call)
{
	bool units[MASTER_UNITS_MAX];

	for (size_t i = 0; i < PB_COUNT(units); i++)
		units[i] = true;
	answer_later(m, call, units, false);
	requests_check(m);
	return false;
}

static bool
handle(void *ctx, struct control_call *call, const struct record *request, struct buf *reply)
{
	struct master *m = ctx;

	if (span_is(request->verb, "status")) {
		show_status(m, reply);
	} else if (m->phase != 0) {
		control_error(reply, EXIT_TRY_LATER, "the server is stopping");
	} else if (span_is(request->verb, "start") || span_is(request->verb, "stop")
	    || span_is(request->verb, "restart")) {
		return start_or_stop(m, call, request, reply);
	} else if (span_is(request->verb, "ready")) {
		return answer_ready(m, call);
	} else if (span_is(request->verb, "reload")) {
		return answer_reload(m, call, request, reply);
	} else if (span_is(request->verb, "shutdown")) {
		record_begin(reply, "ok");
		generation_shutdown(m);
	} else {
		control_error(reply, EXIT_USAGE, "unknown request");
	}
	return true;
}

void
requests_start(struct master *m)
{
	m->control = control_serve(m->loop, m->control_fd, NULL, 0, handle, m);
}
