/* greylist-judge: block period, pass period, expiry, and what makes two deliveries the same. */
/* Features: GREY-02, GREY-03, GREY-04, GREY-05. */
#include "base/base.h"
#include "tap.h"

#include <stdlib.h>
#include "../../bin/greylist-check/judge.h"

static struct judge judge;
static const struct periods periods = { .block_s = 900, .pass_s = 21600, .keep_s = 36 * 86400 };
static int64_t earliest;

static enum judgement
try(const char *ip, const char *sender, const char *recipient, int64_t now)
{
	struct addr a;

	if (!addr_parse(span_of(ip), &a))
		return JUDGED_FAILED;
	return judge_delivery(&judge, &periods, &a, span_of(sender), span_of(recipient), now, &earliest);
}

static void
life_of_a_record(void)
{
	const int64_t t = 1000000;

	is_num(try("192.0.2.1", "a@b.c", "d@e.f", t), JUDGED_LATER, "a first contact comes again later");
	is_num(earliest, t + 900, "after the block period");
	is_num(try("192.0.2.1", "a@b.c", "d@e.f", t + 899), JUDGED_LATER, "a retry within it too");
	is_num(earliest, t + 900, "which begins no new period");
	is_num(try("192.0.2.1", "a@b.c", "d@e.f", t + 900), JUDGED_PASS, "a retry after it passes");
	is_num(try("192.0.2.1", "a@b.c", "d@e.f", t + 901), JUDGED_PASS, "and so does all that follows");
	is_num(try("192.0.2.1", "a@b.c", "d@e.f", t + 35 * 86400), JUDGED_PASS, "for the time records are kept");
	is_num(try("192.0.2.1", "a@b.c", "d@e.f", t + 70 * 86400), JUDGED_PASS, "which each use prolongs");
	is_num(try("192.0.2.1", "a@b.c", "d@e.f", t + 106 * 86400 + 1), JUDGED_LATER, "an expired one is a first contact");
}

static void
late_retry(void)
{
	const int64_t t = 2000000;

	is_num(try("198.51.100.1", "a@b.c", "d@e.f", t), JUDGED_LATER, "first contact");
	is_num(try("198.51.100.1", "a@b.c", "d@e.f", t + 21600), JUDGED_LATER, "a retry after the pass period is a first contact");
	is_num(earliest, t + 21600 + 900, "with its own block period");
	is_num(try("198.51.100.1", "a@b.c", "d@e.f", t + 21600 + 900), JUDGED_PASS, "and passes after that");
}

static void
identity(void)
{
	const int64_t t = 3000000;

	is_num(try("203.0.113.1", "A@b.c", "d@E.f", t), JUDGED_LATER, "first contact");
	is_num(try("203.0.113.200", "a@B.c", "D@e.f", t + 900), JUDGED_PASS, "the same /24 and any letter case are the same");
	is_num(try("203.0.112.1", "a@b.c", "d@e.f", t + 900), JUDGED_LATER, "another /24 is not");
	is_num(try("203.0.113.1", "a2@b.c", "d@e.f", t + 900), JUDGED_LATER, "nor another sender");
	is_num(try("203.0.113.1", "a@b.c", "d2@e.f", t + 900), JUDGED_LATER, "nor another recipient");
	is_num(try("203.0.113.1", "a@b.cd", "@e.f", t + 900), JUDGED_LATER, "nor a shifted border between the two");
	is_num(try("2001:db8:1:2::1", "a@b.c", "d@e.f", t), JUDGED_LATER, "IPv6");
	is_num(try("2001:db8:1:2:ffff::1", "a@b.c", "d@e.f", t + 900), JUDGED_PASS, "is known by its /64");
	is_num(try("2001:db8:1:3::1", "a@b.c", "d@e.f", t + 900), JUDGED_LATER, "and another /64 is another");
	is_num(try("203.0.113.1", "", "d@e.f", t), JUDGED_LATER, "an empty sender is a sender");
}

static void
clock_set_back(void)
{
	is_num(try("192.0.2.77", "a@b.c", "d@e.f", 5000000), JUDGED_LATER, "first contact");
	is_num(try("192.0.2.77", "a@b.c", "d@e.f", 4000000), JUDGED_LATER, "a record from the future is none");
	is_num(earliest, 4000900, "so nobody waits for the old clock");
}

int
main(void)
{
	char home[] = "/tmp/greylist-judge-XXXXXX";
	enum state_found found;
	struct state *db;
	char name[400];

	if (mkdtemp(home) == NULL || state_open(&db, home, "greylist.db", 1 << 20, &found) < 0)
		return 1;
	is_num(judge_init(&judge, db), 0, "a new database gets its secret");
	life_of_a_record();
	late_retry();
	identity();
	clock_set_back();
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	is_num(try("192.0.2.9", name, name, 1), JUDGED_LATER, "names of any length are judged");
	state_close(&db);
	is_num(state_open(&db, home, "greylist.db", 1 << 20, &found), 0, "the database opens again");
	is_num(judge_init(&judge, db), 0, "with the same secret");
	is_num(try("203.0.113.1", "a@b.c", "d@e.f", 3000000 + 901), JUDGED_PASS, "so that records still count");
	state_close(&db);
	return done();
}
