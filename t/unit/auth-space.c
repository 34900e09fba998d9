/* auth-space: when a domain's mail is counted, when its administrator is told, and what the sums keep (LIMIT-01). */
/* Features: LIMIT-01. */
#include "base/base.h"
#include "tap.h"
#include "tmpdir.h"

#include "../../bin/auth-check/index.h"
#include "../../bin/auth-check/space.h"
#include "../../bin/auth-check/spaces.h"

#define MB (1u << 20)

static void
sums(void)
{
	struct space p = { .limit = MB };

	space_move(&p, -5);
	is_num(p.kept.used, 0, "a sum does not go below nothing");
	space_move(&p, INT64_MAX);
	space_move(&p, INT64_MAX);
	is_num(p.kept.used, INT64_MAX, "nor beyond what is written");
	space_move(&p, INT64_MIN);
	is_num(p.kept.used, INT64_MAX, "a number that has no opposite is not taken");
	p.kept.used = MB - SPACE_NOTHING;
	is_num(space_room(&p), SPACE_NOTHING, "what the smallest message may need is room");
	p.kept.used++;
	is_num(space_room(&p), 0, "one byte less is none");
	ok(!space_is_full(&p), "but what was never counted is not full");
	p.kept.is_counted = true;
	ok(space_is_full(&p), "counted it is");
	p.limit = 0;
	ok(!space_is_full(&p) && !space_is_nearly_full(&p), "without a limit nothing is");
	p.limit = MB;
	p.kept.used = MB - MB / SPACE_NEARLY_PART;
	ok(!space_is_nearly_full(&p), "a sixteenth is left");
	p.kept.used++;
	ok(space_is_nearly_full(&p), "less is left");
}

static void
counting(void)
{
	struct space p = { .limit = MB, .has_moved = true };
	const uint64_t t = 1000000;

	ok(space_count_is_due(&p, 0, t), "what was never counted is counted");
	p.counting_ms = t;
	ok(!space_count_is_due(&p, 0, t + 1), "once at a time");
	space_move(&p, 100);
	space_counted(&p, 500000, t + 50);
	is_num(p.kept.used, 500100, "what moved meanwhile counts as well");
	ok(!space_count_is_due(&p, 0, t + 10 * SPACE_UNCHANGED_AGAIN_MS), "a domain with room is not counted again");
	ok(space_count_is_due(&p, t + 51, t + 50 + SPACE_STALE_TIMES * 50), "but when all are to be");
	p.is_stale = true;
	ok(space_count_is_due(&p, 0, t + 50 + SPACE_STALE_TIMES * 50), "or a user was deleted");
	ok(!space_count_is_due(&p, 0, t + 49 + SPACE_STALE_TIMES * 50), "not sooner: many may be, one after the other");
	p.is_stale = false;
	p.kept.used = MB - 20000;
	p.has_moved = true;
	ok(!space_count_is_due(&p, 0, t + 50 + SPACE_NEARLY_AGAIN_MS), "nearly full: not before the rest that the last count earned");
	ok(space_count_is_due(&p, 0, t + 50 + SPACE_NEARLY_AGAIN_MS + SPACE_REST_TIMES * 50), "then it is");
	p.has_moved = false;
	ok(!space_count_is_due(&p, 0, t + 10 * SPACE_UNCHANGED_AGAIN_MS), "without a change it is not");
	p.kept.used = MB;
	ok(!space_count_is_due(&p, 0, t + 50 + SPACE_FULL_AGAIN_MS + 5000), "full without a change: not soon");
	ok(space_count_is_due(&p, 0, t + 50 + SPACE_UNCHANGED_AGAIN_MS + 5000), "but some time, since others may have made room");
	p.has_moved = true;
	ok(space_count_is_due(&p, 0, t + 50 + SPACE_FULL_AGAIN_MS + 5000), "full after a change: soon");
	p.counted_ms = 0;
	ok(space_count_is_due(&p, 0, t), "in a new life at once");
}

static void
warnings(void)
{
	struct space p = { .limit = MB, .kept = { .is_counted = true, .used = MB } };
	const int64_t now = 1000000;
	const uint64_t t = 5000;

	ok(!space_warning_is_due(&p, now, t), "nobody is told of what was not counted in this life");
	p.counted_ms = t;
	ok(space_warning_is_due(&p, now, t), "a full domain is told of");
	p.warning_ms = t;
	ok(!space_warning_is_due(&p, now, t + SPACE_WARN_AGAIN_MS - 1), "one that could not be handed in waits");
	ok(space_warning_is_due(&p, now, t + SPACE_WARN_AGAIN_MS), "and is tried again");
	p.kept.warned_s = now;
	p.warning_ms = 0;
	ok(!space_warning_is_due(&p, now + SPACE_WARN_S - 1, t), "told of once a day");
	ok(space_warning_is_due(&p, now + SPACE_WARN_S, t), "and again the next, while it is full");
	p.kept.used = 0;
	ok(!space_warning_is_due(&p, now + SPACE_WARN_S, t), "not when it has room");
	p.has_refused = true;
	ok(space_warning_is_due(&p, now + SPACE_WARN_S, t), "but when a message had none");
	ok(space_may_warn(&p, now - 1), "a time in the future does not silence it");
}

static struct index *ix;

static void
put_domain(const char *name, uint64_t mb)
{
	struct domain d = { .space_mb = mb };

	snprintf(d.name, sizeof(d.name), "%s", name);
	index_put_domain(ix, &d);
}

static void
tables(void)
{
	struct spaces *s = spaces_new(ix);
	char domain[LIMIT_DOMAIN + 1];
	struct space_use use;
	uint64_t room = 7;

	put_domain("a.example", 1);
	put_domain("b.example", 0);
	ok(!spaces_use(s, SPAN("x.example"), &use), "a domain that is none of ours");
	spaces_add(s, SPAN("x.example"), 5);
	ok(!spaces_room(s, SPAN("a.example"), &room), "nothing is known before a count");
	is_num(spaces_next(s, domain, &use), SPACES_COUNT, "which is asked for");
	is_text(domain, "a.example", "of the domain that somebody named");
	is_num(spaces_next(s, domain, &use), SPACES_COUNT, "again when the counter asks anew: it had died");
	spaces_counted(s, SPAN("x.example"), 1);
	ok(!spaces_room(s, SPAN("a.example"), &room), "a count of another is not taken");
	(void)spaces_next(s, domain, &use);
	spaces_counted(s, SPAN("a.example"), MB / 2);
	ok(spaces_room(s, SPAN("a.example"), &room) && room == MB / 2, "then its room is known");
	spaces_add(s, SPAN("a.example"), MB / 2);
	ok(spaces_room(s, SPAN("a.example"), &room) && room == 0, "and what was put into it");
	is_num(spaces_next(s, domain, &use), SPACES_WARN, "its administrator is to be told");
	is_num(use.used, MB, "of its use");
	spaces_warned(s, SPAN("a.example"));
	is_num(spaces_next(s, domain, &use), SPACES_IDLE, "once");
	spaces_refused(s, SPAN("a.example"));
	is_num(spaces_next(s, domain, &use), SPACES_IDLE, "also when mail is refused");
	spaces_add(s, SPAN("a.example"), -10000);
	ok(spaces_room(s, SPAN("a.example"), &room) && room == 10000, "what is deleted makes room");
	put_domain("a.example", 2);
	ok(spaces_room(s, SPAN("a.example"), &room) && room == MB + 10000, "and so does a larger limit");
	spaces_save(s);
	index_drop_domain(ix, SPAN("a.example"));
	ok(!spaces_use(s, SPAN("a.example"), &use), "a deleted domain has no sum");
	put_domain("a.example", 1);
	ok(spaces_use(s, SPAN("a.example"), &use) && !use.is_counted, "nor has a new one of its name");
	spaces_add(s, SPAN("b.example"), 5);
	ok(!spaces_room(s, SPAN("b.example"), &room), "a domain without a limit has no room to tell");
	spaces_free(&s);
}

/* What another life finds. */
static void
kept(const char *home)
{
	struct spaces *s = spaces_new(ix);
	char domain[LIMIT_DOMAIN + 1];
	struct space_use use;
	bool anew;

	put_domain("c.example", 1);
	ok(spaces_use(s, SPAN("c.example"), &use) && !use.is_counted, "a domain to be counted");
	while (spaces_next(s, domain, &use) == SPACES_COUNT)
		spaces_counted(s, span_of(domain), MB);
	spaces_warned(s, SPAN("c.example"));
	spaces_add(s, SPAN("c.example"), -100);
	spaces_save(s);
	spaces_free(&s);
	index_close(&ix);
	ix = index_open(home, &anew);
	s = spaces_new(ix);
	ok(!anew && spaces_use(s, SPAN("c.example"), &use) && use.is_counted && use.used == MB - 100, "sums outlive the process");
	is_num(spaces_next(s, domain, &use), SPACES_COUNT, "a domain that is nearly full is counted in the new life");
	spaces_counted(s, SPAN("c.example"), MB);
	is_num(spaces_next(s, domain, &use), SPACES_IDLE, "but not told of again");
	spaces_free(&s);
}

int
main(void)
{
	char home[300];
	bool anew;
	int dir;

	sums();
	counting();
	warnings();
	dir = tmpdir_open("auth-space");
	snprintf(home, sizeof(home), "%s/home", tmpdir_path);
	ix = index_open(home, &anew);
	tables();
	kept(home);
	index_close(&ix);
	close(dir);
	tmpdir_remove();
	return done();
}
