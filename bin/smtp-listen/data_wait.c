/*
 * data_wait: how long the text of a message may take.
 *
 * Three clocks, of which the first to run out ends the session:
 * 1. smtpCommandTimeout, from one byte to the next;
 * 2. the pace: in each smtpDataTimeout the message is whole, or has brought
 *    DATA_RATE bytes a second, so that a byte now and then buys
 *    nothing.  Nobody honest is slower, and nobody who flows is cut;
 * 3. smtpTransactionTimeout, for all of it.
 * While the pool is crowded a stranger has SESSION_CROWDED_MS for the first two,
 * and CROWDED_RATE.  That may begin in the middle of a wait, so waits
 * are short.
 */
#include "base/base.h"
#include "smtp.h"
#include "data.h"
#include "sys/clock.h"

/* Bytes a second that earn a message more time than smtpDataTimeout: a tenth of what the slowest line carries. */
#define DATA_RATE 100
/* The same from strangers while places run out: any server has ten times that. */
#define CROWDED_RATE 2000
/* Between two looks at how full the pool is. */
#define LOOK_MS 2000

static void
set_terms(struct smtp *c, uint64_t now)
{
	pace_terms(&c->t.pace, session_patience(c->s, c->config->data_timeout_ms),
		   session_is_pressed(c->s) ? CROWDED_RATE : DATA_RATE, now);
}

void
data_start_clock(struct smtp *c)
{
	uint64_t now = clock_ms();

	c->t.text_end = now + c->config->transaction_timeout_ms;
	pace_begin(&c->t.pace, c->config->data_timeout_ms, DATA_RATE, now);
	set_terms(c, now);
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool
data_is_late(struct smtp *c)
{
	uint64_t now = clock_ms();

	set_terms(c, now);
	return now >= least(c->t.text_end, pace_end(&c->t.pace));
}

enum stream_result
data_wait(struct smtp *c)
{
	uint64_t began = clock_ms();

	if (stream_buffered_input(&c->s->io))
		return LINE_OK;
	stream_timeout(&c->s->io, session_patience(c->s, c->config->command_timeout_ms));	/* for what we say */
	for (;;) {
		uint64_t now = clock_ms(), end;
		enum stream_result r;

		set_terms(c, now);
		end = least(began + session_patience(c->s, c->config->command_timeout_ms),
			    least(c->t.text_end, pace_end(&c->t.pace)));
		/* What has come already is looked at, however late it is for us. */
		r = stream_fill_within(&c->s->io, now < end ? least(end - now, LOOK_MS) : 0);
		if (r != LINE_TIMEOUT || now >= end)
			return r;
	}
}

void
data_came(struct smtp *c, size_t n)
{
	pace_take(&c->t.pace, n, clock_ms());
}

void
data_lost(struct smtp *c, enum stream_result r)
{
	bool slow = r == LINE_TIMEOUT && clock_ms() >= pace_end(&c->t.pace);

	smtp_log(c, "event=data-ended why=\"%s\"", slow ? "too slow" : stream_why(&c->s->io, r));
	if (r == LINE_TIMEOUT)
		reply(c, 421, "4.4.2", slow ? "The message comes too slowly, closing connection" :
		      "Timeout, closing connection");
	c->over = true;
}
