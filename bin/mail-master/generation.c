/*
 * generation: the life of the processes of each unit.
 *
 * Invariants:
 * 1. A unit has at most one current process.  All others are leaving, except
 *    that in a pool the older generation serves until the current is ready.
 * 2. Only pools may have a starting process beside a running one, for an owner
 *    of state may have no twin: there the old one ends before the new starts.
 * 3. A process that ends unasked is started again after a pause (backoff.h).
 */
#include "base/base.h"
#include "backoff.h"
#include "master.h"
#include "base/num.h"
#include "service/master.h"
#include "sys/clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* After SIGTERM: longer than a pool gives its sessions. */
#define PATIENCE_MS 25000

static void
tell(struct process *p, const char *text)
{
	if (p->fd >= 0)
		(void)!send(p->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
on_patience(void *ctx)
{
	struct process *p = ctx;

	p->patience = NULL;
	log_failure(&p->unit->master->svc, NULL, NULL, "event=killed program=%s pid=%d reason=did-not-stop",
		p->unit->def->name, (int)p->pid);
	(void)kill(-p->pid, SIGKILL);
}

/* Sessions may finish; `soon` ends them as SIGTERM does. */
static void
leave(struct process *p, bool soon)
{
	struct unit *u = p->unit;

	if (u->current == p)
		u->current = NULL;
	p->state = PROCESS_LEAVING;
	if (!soon && u->def->is_pool) {
		tell(p, "retire");
		return;
	}
	(void)kill(p->pid, SIGTERM);
	if (p->patience == NULL)
		p->patience = loop_timer(u->master->loop, PATIENCE_MS, on_patience, p);
}

static void
on_ready(struct process *p)
{
	struct unit *u = p->unit;

	if (p->state != PROCESS_STARTING)
		return;
	p->state = PROCESS_RUNNING;
	for (struct process *old = u->processes; old != NULL; old = old->next)
		if (old != p && old->state != PROCESS_LEAVING)
			leave(old, false);
	log_line(&u->master->svc, NULL, NULL, "event=ready program=%s pid=%d", u->def->name, (int)p->pid);
	requests_check(u->master);
}

static void
give_tickets(struct process *p)
{
	char text[MASTER_MESSAGE_MAX];

	(void)snprintf(text, sizeof(text), "tickets %llu",
		(unsigned long long)keep_tickets(p->unit->master));
	tell(p, text);
}

static void
on_line(void *ctx, int fd, unsigned events)
{
	struct process *p = ctx;
	char text[MASTER_MESSAGE_MAX];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	struct span s = span_trim(span_make(text, n > 0 ? (size_t)n : 0));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {		/* SIGCHLD tells the rest */
		loop_fd_drop(&p->watch);
		close(p->fd);
		p->fd = -1;
	} else if (span_is(s, "ready")) {
		on_ready(p);
	} else if (span_is(s, "tickets")) {
		give_tickets(p);
	} else if (span_starts(s, SPAN("finishing "))
	    && num_parse(span_from(s, strlen("finishing ")), UINT32_MAX, &p->finishing)) {
		p->has_answered = true;
		requests_check(p->unit->master);
	}
}

static void
on_retry(void *ctx)
{
	struct unit *u = ctx;

	u->retry = NULL;
	generation_start(u);
}

static void
start_later(struct unit *u, uint64_t lived_ms)
{
	if (u->retry != NULL || !u->is_wanted || u->master->phase != 0)
		return;
	u->retry = loop_timer(u->master->loop, backoff_pause(&u->pause_ms, lived_ms), on_retry, u);
}

static void
start_process(struct unit *u)
{
	struct process *p = sockets_open_unit(u->master, u->def) == 0 ? process_start(u) : NULL;

	if (p == NULL) {
		log_failure(&u->master->svc, NULL, NULL, "event=cannot-start program=%s error=%s",
			u->def->name, strerrorname_np(errno));
		start_later(u, 0);
		return;
	}
	p->next = u->processes;
	u->processes = p;
	u->current = p;
	p->watch = loop_fd(u->master->loop, p->fd, LOOP_READ, on_line, p);
	log_line(&u->master->svc, NULL, NULL, "event=start program=%s pid=%d", u->def->name, (int)p->pid);
}

static bool
owner_still_leaves(const struct unit *u)
{
	return !u->def->is_pool && u->processes != NULL;
}

void
generation_start(struct unit *u)
{
	u->is_wanted = true;
	if (u->current != NULL || u->retry != NULL || u->master->phase != 0)
		return;
	u->start_again = owner_still_leaves(u);
	if (!u->start_again)
		start_process(u);
}

void
generation_stop(struct unit *u)
{
	u->is_wanted = u->start_again = false;
	loop_timer_drop(&u->retry);
	sockets_close_unit(u->master, u->def);
	for (struct process *p = u->processes; p != NULL; p = p->next)
		if (p->state != PROCESS_LEAVING)
			leave(p, false);
}

/* "ready" is its answer, as after a start. */
static void
tell_reload(struct process *p)
{
	p->state = PROCESS_STARTING;
	tell(p, "reload");
}

void
generation_reload(struct unit *u)
{
	if (u->is_wanted && u->def->rereads && u->current != NULL)
		tell_reload(u->current);
	else
		generation_replace(u);
}

void
generation_replace(struct unit *u)
{
	if (!u->is_wanted)
		return;
	loop_timer_drop(&u->retry);
	u->pause_ms = 0;
	if (u->def->is_pool) {
		if (u->current != NULL && u->current->state == PROCESS_STARTING)
			leave(u->current, true);
		start_process(u);
		return;
	}
	if (u->current != NULL)
		leave(u->current, false);
	generation_start(u);
}

bool
unit_is_allowed(const struct unit *u)
{
	return u->def->only_if == NULL || settings_bool(u->master->loaded.own, u->def->only_if);
}

void
generation_apply(struct master *m)
{
	for (size_t i = 0; i < m->unit_count; i++) {
		struct unit *u = &m->units[i];
		bool wanted = u->is_wanted;

		if (wanted && unit_is_allowed(u))
			generation_start(u);
		else
			generation_stop(u);
		u->is_wanted = wanted;	/* what its setting forbids now may be allowed later */
	}
}

static void
tell_end(const struct process *p, int status)
{
	struct service *svc = &p->unit->master->svc;

	if (WIFSIGNALED(status))
		log_failure(svc, NULL, NULL, "event=ended program=%s pid=%d signal=%d",
			p->unit->def->name, (int)p->pid, WTERMSIG(status));
	else if (p->state != PROCESS_LEAVING)
		log_failure(svc, NULL, NULL, "event=ended program=%s pid=%d exit=%d",
			p->unit->def->name, (int)p->pid, WEXITSTATUS(status));
	else
		log_line(svc, NULL, NULL, "event=stopped program=%s pid=%d", p->unit->def->name, (int)p->pid);
}

static void
unlink_process(struct process *p)
{
	for (struct process **at = &p->unit->processes; *at != NULL; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			return;
		}
}

/* A running older generation goes on serving when its successor failed. */
static struct process *
survivor(const struct unit *u)
{
	for (struct process *p = u->processes; p != NULL; p = p->next)
		if (p->state == PROCESS_RUNNING)
			return p;
	return NULL;
}

static void
on_end(struct process *p, int status)
{
	struct unit *u = p->unit;
	bool unasked = p->state != PROCESS_LEAVING;
	uint64_t lived_ms = clock_ms() - p->started_ms;

	tell_end(p, status);
	unlink_process(p);
	loop_fd_drop(&p->watch);
	loop_timer_drop(&p->patience);
	if (p->fd >= 0)
		close(p->fd);
	if (u->current == p)
		u->current = NULL;
	free(p);
	if (unasked && u->is_wanted) {
		u->restarts++;
		start_later(u, lived_ms);
	} else if (u->start_again && !owner_still_leaves(u)) {
		u->start_again = false;
		generation_start(u);
	}
}

static struct process *
find_process(struct master *m, pid_t pid)
{
	for (size_t i = 0; i < m->unit_count; i++)
		for (struct process *p = m->units[i].processes; p != NULL; p = p->next)
			if (p->pid == pid)
				return p;
	return NULL;
}

/* Stop the units of this phase; false when none of them has a process left. */
static bool
stop_phase(struct master *m, int phase)
{
	bool waits = false;

	for (size_t i = 0; i < m->unit_count; i++) {
		struct unit *u = &m->units[i];

		if (u->def->stop_phase != phase)
			continue;
		loop_timer_drop(&u->retry);
		u->start_again = false;
		for (struct process *p = u->processes; p != NULL; p = p->next) {
			waits = true;
			if (p->patience == NULL)
				leave(p, true);
		}
	}
	return waits;
}

#define LAST_PHASE 4

static void
go_on_stopping(struct master *m)
{
	while (m->phase <= LAST_PHASE && !stop_phase(m, m->phase)) {
		m->phase++;
		if (m->phase == LAST_PHASE)	/* event-log ends now */
			log_flush(&m->svc, true);
	}
	if (m->phase > LAST_PHASE)
		loop_stop(m->loop);
}

void
generation_shutdown(struct master *m)
{
	if (m->phase != 0)
		return;
	m->phase = 1;
	log_line(&m->svc, NULL, NULL, "event=shutdown");
	go_on_stopping(m);
}

void
generation_reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct process *p = find_process(m, pid);

		if (p != NULL)
			on_end(p, status);
	}
	if (m->phase != 0)
		go_on_stopping(m);
	requests_check(m);
}

const char *
unit_state(const struct unit *u)
{
	if (!unit_is_allowed(u))
		return "off";
	if (u->current != NULL)
		return u->current->state == PROCESS_RUNNING || survivor(u) != NULL ? "running" : "starting";
	if (survivor(u) != NULL)
		return "running";
	if (u->is_wanted)
		return "waiting";
	return u->processes != NULL ? "finishing" : "stopped";
}
