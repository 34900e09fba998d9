/*
 * hours: how much somebody sent in this clock hour, and how many bounces came
 * (THR-01).
 *
 * Counters stand in the database under "hour HOUR WHAT WHO", so that they
 * outlive a restart and are removed when their hour is over.  "told" is there
 * when the hour's event was told of.
 */
#include "base/base.h"
#include "abuse.h"

#include <errno.h>

#include "base/die.h"
#include "policy/throttle.h"
#include "request.h"
#include "sys/clock.h"

#define HOUR_S 3600
#define KIB 1024

struct hour_key {
	char text[STATE_KEY_MAX];
};

static int64_t
now_s(void)
{
	return clock_wall_ms() / 1000;
}

static struct span
key_of(struct hour_key *k, const char *what, struct span who)
{
	struct buf b;

	buf_init_fixed(&b, k->text, sizeof(k->text));
	buf_printf(&b, "hour %lld %s ", (long long)(now_s() / HOUR_S), what);
	for (size_t i = 0; i < who.n; i++)
		buf_char(&b, char_lower(who.p[i]));
	return buf_view(&b);
}

/* What cannot be counted holds nobody back. */
static uint64_t
count(struct abuse *a, const char *what, struct span who, uint64_t add)
{
	struct hour_key k;
	int64_t n = state_count(a->state, key_of(&k, what, who), add > UINT32_MAX ? UINT32_MAX : (uint32_t)add, now_s(),
		2 * HOUR_S);

	if (n >= 0)
		return (uint64_t)n;
	log_failure(&a->svc, "", "", "event=database-failed doing=count error=\"%s\"", state_why());
	if (errno == EIO)
		die(EXIT_TRY_LATER, "database: %s", state_why());
	return 0;
}

static enum policy_throttled
judge(struct abuse *a, const struct request_limit *l)
{
	struct policy_throttle f = { .messages_max = l->messages, .kib_max = l->mb * KIB, .bounces_max = l->bounces };

	if (l->messages > 0)
		f.messages = count(a, "messages", l->who, 0);
	if (l->mb > 0)
		f.kib = count(a, "kib", l->who, 0);
	if (l->bounces > 0)
		f.bounces = count(a, "bounces", l->who, 0);
	return policy_throttle(&f);
}

void
hours_spend(struct abuse *a, const struct request *q, struct buf *reply)
{
	for (size_t i = 0; i < q->limit_count; i++) {
		const struct request_limit *l = &q->limit[i];
		enum policy_throttled t = judge(a, l);

		if (t == POLICY_SENDS)
			continue;
		record_begin(reply, "held");
		record_add(reply, "who", l->who);
		record_add_text(reply, "limit", policy_throttled_name(t));
		record_add_num(reply, "first", count(a, "told", l->who, 1) == 1);
		return;
	}
	for (size_t i = 0; i < q->limit_count; i++) {
		(void)count(a, "messages", q->limit[i].who, 1);
		(void)count(a, "kib", q->limit[i].who, (q->size + KIB - 1) / KIB);
	}
	record_begin(reply, "ok");
}

void
hours_bounced(struct abuse *a, struct span address)
{
	ssize_t at = span_rfind(address, '@');

	(void)count(a, "bounces", address, 1);
	if (at >= 0)
		(void)count(a, "bounces", span_from(address, (size_t)at + 1), 1);
}
