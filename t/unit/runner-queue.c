/* The queue in memory: order of due times, parking, and that nothing gets lost. */
#include "base/base.h"
#include "../../bin/spool-runner/queue.h"

#include "tap.h"

static struct spool_ref
ref(uint64_t id)
{
	return (struct spool_ref){ .id = id, .sub = (uint32_t)(id % 10) };
}

static uint64_t
pop(struct queue *q)
{
	uint32_t i = queue_first_due(q, INT64_MAX);
	uint64_t id;

	if (i == QUEUE_NONE)
		return 0;
	id = queue_at(q, i)->id;
	queue_remove(q, i);
	return id;
}

static void
order(void)
{
	struct queue *q = queue_new();
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
	struct queue *q = queue_new();
	int64_t next;

	for (uint64_t id = 1; id <= 4; id++)
		queue_add(q, ref(id), (int64_t)id * 100);
	queue_set_priority(q, queue_find(q, 2), 10);
	queue_set_priority(q, queue_find(q, 1), 1);
	queue_set_priority(q, queue_find(q, 4), 10);
	ok(queue_first_due(q, 99) == QUEUE_NONE, "nothing is due before its time, whatever its priority");
	ok(queue_next_time(q, &next) && next == 100, "the time of the next is known");
	ok(queue_first_due(q, 100) == queue_find(q, 1), "a low one goes when it is alone");
	ok(queue_first_due(q, 300) == queue_find(q, 2), "the highest of those that are due goes first");
	queue_remove(q, queue_find(q, 2));
	ok(queue_first_due(q, 300) == queue_find(q, 3), "then the next lower");
	queue_set_priority(q, queue_find(q, 1), 9);
	ok(queue_first_due(q, 300) == queue_find(q, 1), "a priority may change while it is due");
	ok(queue_first_due(q, 400) == queue_find(q, 4), "one that becomes due overtakes");
	queue_free(&q);
}

static void
parking(void)
{
	struct queue *q = queue_new();
	uint32_t a = queue_add(q, ref(1), 0), b = queue_add(q, ref(2), 0), c = queue_add(q, ref(3), 0);

	queue_park(q, a, 7);
	queue_park(q, b, 7);
	queue_park(q, c, 7);
	ok(queue_first_due(q, INT64_MAX) == QUEUE_NONE, "what is parked is not due");
	ok(queue_first_parked(q, 7) == a && queue_first_parked(q, 8) == QUEUE_NONE, "first come, first woken");
	queue_remove(q, b);
	queue_wait(q, a, 0);
	ok(queue_first_parked(q, 7) == c, "one may leave from the middle");
	queue_activate(q, c);
	ok(queue_first_parked(q, 7) == QUEUE_NONE && queue_first_due(q, INT64_MAX) == a, "each is in one state");
	queue_free(&q);
}

/* Many messages in a disorderly order, with removals: the heap and the hash stay whole. */
static void
many(void)
{
	struct queue *q = queue_new();
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
	while (queue_first_due(q, INT64_MAX) != QUEUE_NONE) {
		uint64_t due = queue_at(q, queue_first_due(q, INT64_MAX))->due;

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
	parking();
	many();
	ok(sizeof(struct queue_entry) <= 64, "an entry with its places stays far under 200 bytes");
	return done();
}
