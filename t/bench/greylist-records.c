/*
 * greylist-records: what a look-up in greylist-check's database costs as it grows.
 *
 *	greylist-records DIR [RECORDS [SECONDS]]
 *
 * Fills a new database in DIR (made, and left there) with contacts by the calls that
 * greylist-check makes, at most RECORDS (10 million) and for at most SECONDS (3600).  At
 * 10,000, 1 million and 10 million it prints what one decision of each kind costs,
 * what a second's sweep for expired records costs, and sizes.  Not a part of the test suite.
 */
#include "base/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "../../bin/greylist-check/records.h"
#include "base/buf.h"
#include "base/num.h"
#include "sys/clock.h"

#define SAMPLES 20000
#define NEW_FROM (1ULL << 40)		/* senders that are in no fill */
#define NEW_COUNT 2000
#define TEND_EVERY 200000		/* writes between checkpoints while filling */
#define CACHE_BYTES (32U << 20)		/* as greylist-check has it */
#define START 1000000000		/* wall seconds of the first contact */

static struct records records;
static const struct periods periods = { .block_s = 900, .pass_s = 21600, .keep_s = 36 * 86400 };
static const char *home;

static uint64_t
mix(uint64_t n)
{
	n = (n ^ n >> 31) * 0x9e3779b97f4a7c15U;
	n = (n ^ n >> 29) * 0xbf58476d1ce4e5b9U;
	return n ^ n >> 32;
}

/* The n-th sender: another network, another address. */
struct sender {
	char from[64], to[64];
	struct triple c;
};

static void
make_sender(uint64_t n, struct sender *s)
{
	uint64_t r = mix(n + 1);

	s->c = (struct triple){ .client = { .family = AF_INET } };
	memcpy(s->c.client.ip, &r, 4);
	snprintf(s->from, sizeof(s->from), "user%llu@domain%llu.example", (unsigned long long)(r >> 32),
		(unsigned long long)(r & 0xffff));
	snprintf(s->to, sizeof(s->to), "mailbox%llu@example.com", (unsigned long long)(n % 10000));
	s->c.sender = span_of(s->from);
	s->c.recipient = span_of(s->to);
}

/* What greylist-check does for one recipient; the name of the judgement, NULL when it failed. */
static const char *
deliver(uint64_t n, int64_t now)
{
	struct found network, domain;
	struct sender s;
	struct judged j;

	make_sender(n, &s);
	if (records_find(&records, &s.c, &network, &domain) < 0)
		return NULL;
	j = judge(&periods, &network.seen, NULL, now);
	if (j.writes && records_write(&records, &s.c, &periods, &j, &network, &domain) < 0)
		return NULL;
	return j.name;
}

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

/* Microseconds of one decision; from: the first sample's number; step: how far they are apart. */
static double
sample(uint64_t from, uint64_t step, uint64_t count, int64_t now, const char *want)
{
	uint64_t begun = clock_ms();

	for (uint64_t i = 0; i < count; i++) {
		const char *name = deliver(from + i * step, now);

		if (name == NULL || strcmp(name, want) != 0) {
			fprintf(stderr, "%s, not %s: %s\n", name != NULL ? name : "failed", want, state_why());
			exit(1);
		}
	}
	return (double)(clock_ms() - begun) * 1000 / (double)count;
}

static void
forget(uint64_t from, uint64_t count)
{
	struct sender s;

	for (uint64_t i = 0; i < count; i++) {
		make_sender(from + i, &s);
		if (records_forget(&records, &s.c) != 1) {
			fprintf(stderr, "not forgotten: %s\n", state_why());
			exit(1);
		}
	}
}

static void
measure(uint64_t filled, int64_t now)
{
	uint64_t count = filled < SAMPLES ? filled : SAMPLES, step = filled / count, begun;
	double early, fresh, sweep;

	early = sample(0, step, count, now, "too-early");
	fresh = sample(NEW_FROM, 1, NEW_COUNT, now, "first-contact");
	forget(NEW_FROM, NEW_COUNT);	/* the next measure wants them new */
	begun = clock_ms();
	for (int i = 0; i < 20; i++)
		if (state_tend(records.db, now + i) < 0)
			exit(1);
	sweep = (double)(clock_ms() - begun) / 20;
	printf("%10llu records: look-up %6.1f us, first contact %6.1f us, a second's upkeep %5.1f ms; disk %6llu MiB (%llu bytes a record), memory %5lu MiB\n",
		(unsigned long long)filled, early, fresh, sweep, (unsigned long long)(disk_bytes() >> 20),
		(unsigned long long)(disk_bytes() / filled), resident_kib() >> 10);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	uint64_t most = 10000000, seconds = 3600, end;
	enum state_found found;
	struct state *db;

	if (argc < 2 || (argc > 2 && !num_parse(span_of(argv[2]), 1000000000, &most))
	    || (argc > 3 && !num_parse(span_of(argv[3]), 86400, &seconds))) {
		fprintf(stderr, "usage: greylist-records DIR [RECORDS [SECONDS]]\n");
		return 2;
	}
	home = argv[1];
	if (state_open(&db, home, "greylist.db", CACHE_BYTES, &found) < 0 || found != STATE_FOUND_NONE
	    || records_open(&records, db) < 0) {
		fprintf(stderr, "%s: %s, or there is a database\n", home, state_why());
		return 1;
	}
	end = clock_ms() + seconds * 1000;
	for (uint64_t n = 0; n < most && clock_ms() < end; n++) {
		if (deliver(n, START) == NULL || (n % TEND_EVERY == TEND_EVERY - 1 && state_tend(db, START) < 0)) {
			fprintf(stderr, "%s\n", state_why());
			return 1;
		}
		if (n + 1 == 10000 || n + 1 == 1000000 || n + 1 == 10000000)
			measure(n + 1, START);
	}
	state_close(&db);
	return 0;
}
