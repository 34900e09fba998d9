/* Destinations: how many deliveries each may have, and when it rests. */
#include "base/base.h"
#include "../../bin/spool-runner/destination.h"

#include "tap.h"

static void
answers(struct destinations *d, uint32_t i, int n, int code, const char *status, int64_t now)
{
	struct verdict v = verdict_make(code, status, "what it says");

	for (; n > 0; n--)
		destination_answered(d, i, &v, false, now);
}

static void
known(void)
{
	struct destinations *d = destinations_new(10, 256);
	uint32_t a = destination_get(d, SPAN("one.example")), b = destination_get(d, SPAN("two.example"));

	ok(a != b && a >= DEST_FIRST && b >= DEST_FIRST, "two domains are two destinations");
	is_num(destination_get(d, SPAN("ONE.Example")), a, "letters in any case are one");
	ok(!destination_put(d, a) && destination_find(d, SPAN("one.example")) == a, "it is known while it is in use");
	ok(destination_put(d, a) && destination_find(d, SPAN("one.example")) == UINT32_MAX, "and forgotten then");
	is_num(destination_find(d, SPAN("two.example")), b, "another stays");
	ok(!destination_put(d, DEST_LOCAL) && !destination_put(d, DEST_ANY), "the first two are for ever");
	destinations_free(&d);
}

static void
many(void)
{
	struct destinations *d = destinations_new(10, 256);
	bool good = true;
	char name[32];

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 10000; i++) {
			int n = snprintf(name, sizeof(name), "d%u.example", i);
			uint32_t got = destination_get(d, span_make(name, (size_t)n));

			good = good && destination_find(d, span_make(name, (size_t)n)) == got;
		}
		for (unsigned i = 0; i < 10000; i++) {
			int n = snprintf(name, sizeof(name), "d%u.example", i);

			good = good && destination_put(d, destination_find(d, span_make(name, (size_t)n)));
		}
	}
	ok(good, "ten thousand come and go, twice");
	destinations_free(&d);
}

static void
window(void)
{
	struct destinations *d = destinations_new(10, 256);
	uint32_t i = destination_get(d, SPAN("one.example"));

	is_num(destination_window(d, i), DESTINATION_FIRST, "it begins small");
	for (int n = 0; n < DESTINATION_FIRST; n++) {
		ok(destination_is_open(d, i, 100), "there is a place");
		destination_begins(d, i);
	}
	ok(!destination_is_open(d, i, 100), "then there is none");
	destination_ends(d, i);
	ok(destination_is_open(d, i, 100), "until one ends");
	answers(d, i, 7, 250, "2.0.0", 100);
	is_num(destination_window(d, i), DESTINATION_FIRST + 1, "it grows as deliveries succeed");
	answers(d, i, 500, 250, "2.0.0", 100);
	is_num(destination_window(d, i), 10, "to the setting and no further");
	answers(d, i, 5, 550, "5.1.1", 100);
	answers(d, i, 5, 451, "4.7.1", 100);
	is_num(destination_window(d, i), 10, "refusals change nothing");
	answers(d, i, 1, 451, "4.4.2", 100);
	ok(destination_window(d, i) == 1 && destination_is_troubled(d, i), "one that is slow has one");
	ok(destination_rests_until(d, i) == 0, "and does not rest");
	answers(d, i, 1, 250, "2.0.0", 100);
	ok(destination_window(d, i) == 2 && !destination_is_troubled(d, i), "and grows again");
	destinations_free(&d);
	d = destinations_new(3, 256);
	i = destination_get(d, SPAN("one.example"));
	is_num(destination_window(d, i), 3, "a setting below the beginning is obeyed");
	destinations_free(&d);
}

static void
busy(void)
{
	struct destinations *d = destinations_new(10, 256);
	uint32_t i = destination_get(d, SPAN("one.example"));
	const char *words;
	int64_t now = 1000;

	answers(d, i, 3, 421, "4.3.2", now);
	ok(destination_rests_until(d, i) == now + 5 && !destination_is_open(d, i, now + 4), "who is busy rests");
	is_num(destination_window(d, i), 2, "answers from before the rest count once");
	ok(destination_is_open(d, i, now + 5), "until the rest is over");
	ok(!destination_is_dead(d, i, now, &words), "it is not dead");
	for (int n = 0; n < 6; n++) {
		now = destination_rests_until(d, i);
		answers(d, i, 1, 421, "4.3.2", now);
	}
	is_num(destination_rests_until(d, i) - now, 60, "longer each time, up to a minute");
	is_num(destination_window(d, i), 1, "one at a time");
	answers(d, i, 1, 250, "2.0.0", now + 60);
	answers(d, i, 1, 421, "4.3.2", now + 60);
	is_num(destination_rests_until(d, i), now + 65, "after a success it begins anew");
	destinations_free(&d);
}

static void
dead(void)
{
	struct destinations *d = destinations_new(10, 256);
	uint32_t i = destination_get(d, SPAN("one.example"));
	struct verdict v = verdict_make(451, "4.4.3", "no name server");
	const char *words;
	int64_t now = 1000;

	answers(d, i, 1, 451, "4.4.1", now);
	ok(destination_window(d, i) == 1 && !destination_is_dead(d, i, now, &words), "one failure may be a message's own");
	answers(d, i, 3, 451, "4.4.1", now);
	ok(destination_is_dead(d, i, now + 9, &words) && strcmp(words, "451 4.4.1 what it says") == 0,
		"two tell that it is dead, and what others are to be told");
	ok(!destination_is_dead(d, i, now + 10, &words), "for ten seconds");
	destination_begins(d, i);
	ok(destination_is_open(d, i, now + 9), "who is due meanwhile gets that answer, whatever goes on");
	ok(!destination_is_open(d, i, now + 10), "then one tries");
	destination_ends(d, i);
	for (int n = 0; n < 8; n++) {
		now = destination_rests_until(d, i);
		answers(d, i, 1, 451, "4.4.1", now);
	}
	is_num(destination_rests_until(d, i) - now, 300, "longer each time, up to five minutes");
	destination_answered(d, i, &v, true, now + 300);
	ok(destination_is_troubled(d, i), "that its name cannot be looked up tells nothing of it");
	answers(d, i, 1, 550, "5.1.1", now + 300);
	ok(!destination_is_troubled(d, i) && destination_rests_until(d, i) == 0, "any answer tells that it lives");
	destinations_free(&d);
}

int
main(void)
{
	known();
	many();
	window();
	busy();
	dead();
	return done();
}
