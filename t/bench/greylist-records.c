/*
 * greylist-records: what a look-up in greylist-check's database costs as it grows.
 *
 *	greylist-records DIR [RECORDS]
 *
 * For 10,000, 1 million and 10 million records (RECORDS at most) a database is made below
 * DIR as greylist-fill.h says; SAMPLES contacts are then made by the calls that greylist-check
 * makes, and looked up again.  Printed are what one decision costs in
 * time and in time of the processor, a second's upkeep, and sizes.  Not a part of the test suite.
 */
#include "base/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include "greylist-fill.h"
#include "base/num.h"
#include "sys/clock.h"

#define SAMPLES 20000
#define CACHE_BYTES (32U << 20)		/* as greylist-check has it */

static struct records records;
static const char *home;

static uint64_t
disk_bytes(void)
{
	DIR *d = opendir(home);
	struct dirent *e;
	uint64_t sum = 0;
	struct stat st;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_blocks * 512;
	if (d != NULL)
		closedir(d);
	return sum;
}

static unsigned long
resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long all = 0, pages = 0;

	if (f == NULL || fscanf(f, "%lu %lu", &all, &pages) != 2)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

struct cost {
	double us, cpu_us;
};

static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

PB_NORETURN static void
fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, state_why());
	exit(1);
}

/* One decision for each of the samples. */
static struct cost
decide_all(uint64_t count, const char *want)
{
	uint64_t begun = clock_ms(), cpu = cpu_ns();

	for (uint64_t i = 0; i < count; i++) {
		const char *name = greylist_deliver(&records, i);

		if (name == NULL || strcmp(name, want) != 0)
			fail(name != NULL ? name : "a decision failed");
	}
	return (struct cost){ (double)(clock_ms() - begun) * 1000 / (double)count,
		(double)(cpu_ns() - cpu) / 1000 / (double)count };
}

static double
upkeep_ms(struct state *db)
{
	uint64_t cpu = cpu_ns();

	for (int i = 0; i < 20; i++)
		if (state_tend(db, GREYLIST_START + i) < 0)
			fail("upkeep");
	return (double)(cpu_ns() - cpu) / 20e6;
}

static void
measure(const char *dir, uint64_t count)
{
	uint64_t samples = count / 2 < SAMPLES ? count / 2 : SAMPLES;
	struct cost fresh, again;
	enum state_found found;
	struct state *db;
	char name[512];
	double upkeep;

	snprintf(name, sizeof(name), "%s/%llu", dir, (unsigned long long)count);
	home = name;
	if (state_open(&db, home, "greylist.db", CACHE_BYTES, &found) < 0 || records_open(&records, db) < 0)
		fail(home);
	if (greylist_fill(db, count - samples) < 0)
		fail("fill");
	fresh = decide_all(samples, "first-contact");
	if (state_tend(db, GREYLIST_START + STATE_CHECKPOINT_SECONDS) < 0)
		fail("checkpoint");
	again = decide_all(samples, "too-early");
	upkeep = upkeep_ms(db);
	printf("%9llu records: look-up %5.1f us (processor %5.1f), first contact %5.1f us (%5.1f), a second's upkeep %4.1f ms;"
		" disk %4llu MiB, %3llu bytes a record, memory %3lu MiB\n",
		(unsigned long long)count, again.us, again.cpu_us, fresh.us, fresh.cpu_us, upkeep,
		(unsigned long long)(disk_bytes() >> 20), (unsigned long long)(disk_bytes() / count), resident_kib() >> 10);
	fflush(stdout);
	state_close(&db);
}

int
main(int argc, char **argv)
{
	static const uint64_t sizes[] = { 10000, 1000000, 10000000 };
	uint64_t most = 10000000;

	if (argc < 2 || (argc > 2 && !num_parse(span_of(argv[2]), 1000000000, &most))) {
		fprintf(stderr, "usage: greylist-records DIR [RECORDS]\n");
		return 2;
	}
	for (size_t i = 0; i < PB_COUNT(sizes) && sizes[i] <= most; i++)
		measure(argv[1], sizes[i]);
	return 0;
}
