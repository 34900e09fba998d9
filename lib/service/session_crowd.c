/*
 * session_crowd: a session in a pool that is running out of places, or stops.
 *
 * The parent's signal sets a flag that only session_wait looks at: a stranger's
 * wait for its next command ends, and nothing else is disturbed.  The signal is
 * blocked at all other times, so it waits for the next wait.
 */
#include "base/base.h"
#include "service/session.h"
#include "service/pool.h"
#include "service/scoreboard.h"
#include "service/service.h"
#include "sys/clock.h"

#include <signal.h>

/* Log lines go out when nothing came for so long. */
#define LOG_REST_MS 1000
/* Errors that a stranger may make while the pool is crowded. */
#define CROWDED_ERRORS 2

static volatile sig_atomic_t told_to_end;

static void
on_end(int signo)
{
	(void)signo;
	told_to_end = 1;
}

void
session_crowd_begin(void)
{
	struct sigaction act = { .sa_handler = on_end };
	sigset_t end;

	sigemptyset(&end);
	sigaddset(&end, SESSION_END_SIGNAL);
	(void)sigprocmask(SIG_BLOCK, &end, NULL);
	(void)sigaction(SESSION_END_SIGNAL, &act, NULL);
}

/* What was meant for the session before is forgotten. */
void
session_crowd_new(struct session *s)
{
	static const struct timespec now;
	sigset_t end;

	if (s->svc->pressure == NULL)
		return;
	sigemptyset(&end);
	sigaddset(&end, SESSION_END_SIGNAL);
	while (sigtimedwait(&end, NULL, &now) > 0)
		;
	told_to_end = 0;
}

static bool
is_stranger(const struct session *s)
{
	return !s->is_known && s->score->user[0] == '\0';
}

bool
session_is_pressed(const struct session *s)
{
	return pressure_is_crowded(s->svc->pressure) && is_stranger(s);
}

uint64_t
session_patience(const struct session *s, uint64_t ms)
{
	return ms > SESSION_CROWDED_MS && session_is_pressed(s) ? SESSION_CROWDED_MS : ms;
}

uint64_t
session_tolerance(const struct session *s, uint64_t errors)
{
	return (errors == 0 || errors > CROWDED_ERRORS) && session_is_pressed(s) ? CROWDED_ERRORS : errors;
}

/* Wait for input; lines that were logged before do not wait with us. */
static enum stream_result
fill(struct session *s, uint64_t ms)
{
	bool has_lines = s->svc->log.pending.n > 0 && ms > LOG_REST_MS;
	enum stream_result r;

	stream_timeout(&s->io, has_lines ? LOG_REST_MS : ms);
	r = stream_fill(&s->io);
	if (r != LINE_TIMEOUT || !has_lines || session_was_ended(s))
		return r;
	log_flush(s->svc, false);
	stream_resume(&s->io);
	stream_timeout(&s->io, ms - LOG_REST_MS);
	return stream_fill(&s->io);
}

enum stream_result
session_wait(struct session *s, uint64_t ms)
{
	bool stranger = s->svc->pressure != NULL && is_stranger(s);
	enum stream_result r;

	if (stream_buffered_input(&s->io))
		return LINE_OK;
	ms = session_patience(s, ms);
	if (!stranger)
		return fill(s, ms);
	s->io.told_to_end = &told_to_end;
	__atomic_store_n(&s->score->waiting_ms, clock_ms(), __ATOMIC_RELAXED);
	r = fill(s, ms);
	__atomic_store_n(&s->score->waiting_ms, 0, __ATOMIC_RELAXED);
	s->io.told_to_end = NULL;
	return r;
}

bool
session_was_ended(const struct session *s)
{
	return s->svc->pressure != NULL && told_to_end != 0;
}
