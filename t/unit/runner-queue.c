/* The queue in memory (QUEUE-13): the order, lanes, turns, and that nothing gets lost. */
#include "base/base.h"
#include "../../bin/spool-runner/queue.h"

#include "tap.h"

static struct spool_ref
ref(uint64_t id)
{
	return (struct spool_ref){ .id = id, .sub = (uint32_t)(id % 10) };
}

#define ALL_LANES ((1u << QUEUE_LANES) - 1)

static uint32_t
queue_first_at(struct queue *q, int64_t now)
{
	return queue_first(q, now, ALL_LANES);
}

static struct queue *
new_queue(void)
{
	struct queue *q = queue_new();

	queue_open(q, 0, QUEUE_HERE);
	return q;
}

static uint64_t
pop(struct queue *q)
{
	uint32_t i = queue_first_at(q, INT64_MAX);
	uint64_t id;

	if (i == QUEUE_NONE)
		return 0;
	id = queue_at(q, i)->id;
	queue_goes(q, i);
	queue_remove(q, i);
	return id;
}

/* The same for what is due at `now`. */
static uint64_t
pop_at(struct queue *q, int64_t now)
{
	return queue_first_at(q, now) == QUEUE_NONE ? 0 : pop(q);
}

static void
order(void)
{
	struct queue *q = new_queue();
	uint32_t i;

	queue_add(q, ref(5), 300);
	queue_add(q, ref(7), 100);
	queue_add(q, ref(6), 100);
	i = queue_add(q, ref(9), 200);
	ok(queue_find(q, 9) == i && queue_find(q, 8) == QUEUE_NONE, "found by id");
	queue_wait(q, i, 50);
	is_num(pop(q), 9, "a new time moves a message");
	is_num(pop(q), 6, "the earliest first, the lower id among equals");
	is_num(pop(q), 7, "then the higher");
	is_num(pop(q), 5, "then the later");
	is_num(queue_count(q), 0, "empty");
	queue_free(&q);
}

/* Priority decides among those that are due, and only among them. */
static void
priority(void)
{
	struct queue *q = new_queue();
	int64_t next;

	for (uint64_t id = 1; id <= 4; id++)
		queue_add(q, ref(id), (int64_t)id * 100);
	queue_set_priority(q, queue_find(q, 2), 10);
	queue_set_priority(q, queue_find(q, 1), 1);
	queue_set_priority(q, queue_find(q, 4), 10);
	ok(queue_first_at(q, 99) == QUEUE_NONE, "nothing is due before its time, whatever its priority");
	ok(queue_next_time(q, &next) && next == 100, "the time of the next is known");
	ok(queue_first_at(q, 100) == queue_find(q, 1), "a low one goes when it is alone");
	ok(queue_first_at(q, 300) == queue_find(q, 2), "the highest of those that are due goes first");
	queue_remove(q, queue_find(q, 2));
	ok(queue_first_at(q, 300) == queue_find(q, 3), "then the next lower");
	queue_set_priority(q, queue_find(q, 1), 9);
	ok(queue_first_at(q, 300) == queue_find(q, 1), "a priority may change while it is due");
	ok(queue_first_at(q, 400) == queue_find(q, 4), "one that becomes due overtakes");
	queue_free(&q);
}

/* Of senders that are all due each has his turn. */
static void
senders(void)
{
	struct queue *q = new_queue();
	uint32_t i;

	for (uint64_t id = 1; id <= 1000; id++)
		queue_set_sender(q, queue_add(q, ref(id), 100), 0x1000, false);
	for (int n = 0; n < 10; n++)
		pop_at(q, 100);
	i = queue_add(q, ref(2000), 100);
	queue_set_sender(q, i, 0x2000, false);
	is_num(pop_at(q, 100), 2000, "who sends one message does not wait behind a thousand of another");
	for (uint64_t id = 3001; id <= 3003; id++)
		queue_set_sender(q, queue_add(q, ref(id), 100), 0x3000, false);
	is_num(pop_at(q, 100), 3001, "a new sender's first");
	is_num(pop_at(q, 100), 11, "then the other's next");
	is_num(pop_at(q, 100), 3002, "and in turn");
	is_num(pop_at(q, 100), 12, "of one sender the older first");
	queue_set_sender(q, queue_add(q, ref(4000), 100), 0x1000, true);
	is_num(pop_at(q, 100), 3003, "the other's third");
	is_num(pop_at(q, 100), 4000, "what was tried before is as of another sender");
	for (int n = 0; n < 100; n++)
		queue_activate(q, queue_first_at(q, 100));
	queue_set_sender(q, queue_add(q, ref(5000), 100), 0x5000, false);
	is_num(pop_at(q, 100), 5000, "who was only looked at does not move the others on");
	queue_free(&q);
}

/* Lanes that are closed cost the others nothing. */
static void
lanes(void)
{
	struct queue *q = new_queue();
	uint32_t a = queue_add(q, ref(1), 0), b = queue_add(q, ref(2), 0), c = queue_add(q, ref(3), 0);
	unsigned outside = 1u << QUEUE_OUTSIDE, troubled = 1u << QUEUE_TROUBLED;

	queue_set_dest(q, a, 7);
	queue_set_dest(q, b, 7);
	queue_set_dest(q, c, 8);
	ok(queue_first_at(q, 100) == QUEUE_NONE, "lanes begin closed");
	queue_open(q, 8, QUEUE_OUTSIDE);
	ok(queue_first(q, 100, outside) == c && queue_first(q, 100, troubled) == QUEUE_NONE, "one is opened, of one kind");
	queue_open(q, 7, QUEUE_TROUBLED);
	ok(queue_first(q, 100, outside | troubled) == a, "the first of those that are open");
	ok(queue_first(q, 100, outside) == c, "or of one kind alone");
	queue_activate(q, a);
	queue_again(q, a, 7);
	ok(queue_first(q, 100, troubled) == a, "who found no place keeps his turn");
	queue_remove(q, a);
	ok(queue_first(q, 100, troubled) == b, "the next");
	queue_open(q, 7, QUEUE_CLOSED);
	ok(queue_first_at(q, 100) == c, "a lane closes");
	queue_wait(q, c, 500);
	ok(queue_first_at(q, 100) == QUEUE_NONE && queue_first_at(q, 500) == c, "each is in one state");
	queue_free(&q);
}

/* None waits for ever. */
static void
ageing(void)
{
	struct queue *q = new_queue();
	uint32_t low = queue_add(q, ref(1), 1000), high, forced;

	queue_set_priority(q, low, 1);
	high = queue_add(q, ref(2), 1000);
	queue_set_priority(q, high, 3);
	ok(queue_first_at(q, 1000) == high, "the higher priority goes first");
	queue_age(q, 1000 + 2 * QUEUE_AGE_S - 1, 2);
	ok(queue_first_at(q, 1000) == high, "both grow older");
	queue_remove(q, high);
	high = queue_add(q, ref(3), 1000 + 2 * QUEUE_AGE_S);
	queue_set_priority(q, high, 2);
	(void)queue_first_at(q, 1000 + 2 * QUEUE_AGE_S);
	queue_age(q, 1000 + 2 * QUEUE_AGE_S, 10);
	ok(queue_first_at(q, 1000 + 2 * QUEUE_AGE_S) == low, "who has waited overtakes who comes later");
	queue_age(q, 1000 + 1000 * QUEUE_AGE_S, 10);
	forced = queue_add(q, ref(4), 0);
	queue_at(q, forced)->flags |= QUEUE_FORCED;
	ok(queue_first_at(q, 5000) == forced, "but nobody who is forced");
	queue_remove(q, forced);
	queue_activate(q, low);
	queue_again(q, low, 0);
	ok(queue_first_at(q, 1000 + 2 * QUEUE_AGE_S) == low, "without a place he does not grow young again");
	queue_free(&q);
}

/* Many messages in a disorderly order, with removals: the heap and the hash stay whole. */
static void
many(void)
{
	struct queue *q = new_queue();
	uint64_t last = 0, n = 0, r = 12345;
	bool sorted = true, found = true;

	for (uint64_t id = 1; id <= 100000; id++) {
		r = r * 6364136223846793005u + 1442695040888963407u;
		queue_add(q, ref(id), (int64_t)(r >> 40));
		if (id % 3 == 0)
			queue_remove(q, queue_find(q, id / 3 * 2));
	}
	for (uint64_t id = 1; id <= 100000; id++)
		if (queue_find(q, id) != QUEUE_NONE)
			found = found && queue_at(q, queue_find(q, id))->id == id;
	while (queue_first_at(q, INT64_MAX) != QUEUE_NONE) {
		uint64_t due = queue_at(q, queue_first_at(q, INT64_MAX))->due;

		sorted = sorted && due >= last;
		last = due;
		pop(q);
		n++;
	}
	ok(found, "every message is found by its id");
	ok(sorted, "times come in order");
	is_num(n, 100000 - 33333, "none is lost, none is doubled");
	queue_free(&q);
}

int
main(void)
{
	order();
	priority();
	senders();
	lanes();
	ageing();
	many();
	ok(sizeof(struct queue_entry) <= 72, "an entry with its places stays far under 200 bytes");
	return done();
}
