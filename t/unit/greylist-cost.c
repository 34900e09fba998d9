/*
 * A look-up of greylist-check costs the same however many records there are:
 * counted are the pages of the database that it reads, which are what grows
 * with a tree, and not time.
 */
#include "base/base.h"

#include "../../lib/state/state_private.h"
#include "../bench/greylist-fill.h"
#include "tap.h"
#include "tmpdir.h"

#define SAMPLES 2000
#define CACHE_BYTES (32U << 20)		/* as greylist-check has it */

static struct records records;

/* Pages that were asked for until now, in memory or not. */
static uint64_t
pages_read(struct state *db)
{
	DB_MPOOL_STAT *stat;
	uint64_t sum;

	if (db->env->memp_stat(db->env, &stat, NULL, 0) != 0)
		return 0;
	sum = stat->st_cache_hit + stat->st_cache_miss;
	free(stat);
	return sum;
}

/* Pages for all samples, each of which is judged as `want`; 0 when one is not. */
static uint64_t
cost(struct state *db, const char *want)
{
	uint64_t before = pages_read(db);

	for (uint64_t i = 0; i < SAMPLES; i++) {
		const char *name = greylist_deliver(&records, i);

		if (name == NULL || strcmp(name, want) != 0)
			return 0;
	}
	return pages_read(db) - before;
}

static void
measure(const char *name, uint64_t count, uint64_t *fresh, uint64_t *again)
{
	char home[sizeof(tmpdir_path) + 16];
	enum state_found found;
	struct state *db;

	*fresh = *again = 0;
	snprintf(home, sizeof(home), "%s/%s", tmpdir_path, name);
	if (state_open(&db, home, "greylist.db", CACHE_BYTES, &found) < 0)
		return;
	if (records_open(&records, db) == 0 && greylist_fill(db, count - SAMPLES) == 0) {
		*fresh = cost(db, "first-contact");
		*again = cost(db, "too-early");
	}
	state_close(&db);
}

int
main(void)
{
	uint64_t few_fresh, few_again, many_fresh, many_again;

	close(tmpdir_open("cost"));
	measure("few", 10000, &few_fresh, &few_again);
	measure("many", 200000, &many_fresh, &many_again);
	tmpdir_remove();
	printf("# pages for %d look-ups: %llu and %llu; for first contacts: %llu and %llu\n", SAMPLES,
		(unsigned long long)few_again, (unsigned long long)many_again,
		(unsigned long long)few_fresh, (unsigned long long)many_fresh);
	ok(few_again >= SAMPLES && many_again >= SAMPLES, "each look-up reads pages");
	ok(few_fresh > few_again && many_fresh > many_again, "a first contact, which is written, reads more");
	ok(many_again < few_again * 2, "a look-up among 200,000 records reads less than twice the pages of one among 10,000");
	ok(many_fresh < few_fresh * 2, "a first contact too");
	return done();
}
