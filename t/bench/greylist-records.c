/*
 * greylist-records: what a look-up in greylist-check's database costs as it grows.
 *
 *	greylist-records DIR [RECORDS]
 *
 * For 10,000, 1 million and 10 million records (RECORDS at most) a database is made below
 * DIR.  Most are written in the order of their keys, a thousand a transaction, since only
 * their number matters; SAMPLES contacts are then made by the calls that greylist-check makes,
 * which lie anywhere between them, and looked up again.  Printed are what one decision costs in
 * time and in time of the processor, a second's upkeep, and sizes.  Not a part of the test suite.
 */
#include "base/base.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include "../../bin/greylist-check/record_value.h"
#include "../../bin/greylist-check/records.h"
#include "base/num.h"
#include "sys/clock.h"

#define SAMPLES 20000
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
		const char *name = deliver(i, START);

		if (name == NULL || strcmp(name, want) != 0)
			fail(name != NULL ? name : "a decision failed");
	}
	return (struct cost){ (double)(clock_ms() - begun) * 1000 / (double)count,
		(double)(cpu_ns() - cpu) / 1000 / (double)count };
}

/* The n-th of `all` records that nobody asks for. */
static void
put_filler(struct state *db, uint64_t n, uint64_t all)
{
	unsigned char raw[RECORD_VALUE_MAX];
	struct record_key key = { { RECORD_CONTACT } };
	struct record_value v = { .kind = RECORD_WAITING, .first_s = START, .last_s = START,
		.origin = SPAN("192.0.2.0/24") };
	uint64_t place = htobe64(n * (UINT64_MAX / all)), rest = mix(n);
	struct sender s;

	make_sender(n, &s);
	v.sender = s.c.sender;
	v.recipient = s.c.recipient;
	memcpy(key.bytes + 1, &place, 8);
	memcpy(key.bytes + 9, &rest, 8);
	if (state_put(db, span_make(key.bytes, sizeof(key.bytes)), span_make(raw, record_value_write(&v, raw)),
	    START + periods.pass_s) < 0)
		fail("write");
}

static void
fill(struct state *db, uint64_t count)
{
	for (uint64_t n = 0; n < count; n++) {
		if (n % 1000 == 0 && state_begin(db) < 0)
			fail("begin");
		put_filler(db, n, count);
		if ((n % 1000 == 999 || n + 1 == count) && state_commit(db) < 0)
			fail("commit");
		if (n % TEND_EVERY == TEND_EVERY - 1 && state_tend(db, START) < 0)
			fail("checkpoint");
	}
}

static double
upkeep_ms(struct state *db)
{
	uint64_t cpu = cpu_ns();

	for (int i = 0; i < 20; i++)
		if (state_tend(db, START + i) < 0)
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
	fill(db, count - samples);
	fresh = decide_all(samples, "first-contact");
	if (state_tend(db, START + STATE_CHECKPOINT_SECONDS) < 0)
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
