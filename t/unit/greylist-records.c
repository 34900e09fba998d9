/* greylist-records: what makes two deliveries the same, pages of a list, counters, known senders. */
/* Features: GREY-02, GREY-05, GREY-11, GREY-17. */
#include "base/base.h"
#include "tap.h"
#include <errno.h>

#include <stdlib.h>
#include "../../bin/greylist-check/records.h"
#include "../../bin/greylist-check/record_value.h"
#include "../../bin/greylist-check/expect.h"

static struct records records;
static const struct periods periods = { .block_s = 900, .pass_s = 21600, .keep_s = 36 * 86400 };
static int64_t earliest;

static struct triple
make(const char *ip, const char *sender, const char *recipient, const char *domain)
{
	struct triple c = { .sender = span_of(sender), .recipient = span_of(recipient), .domain = span_of(domain) };

	if (!addr_parse(span_of(ip), &c.client))
		printf("# no address: %s\n", ip);
	return c;
}

static const char *
deliver(const struct triple *c, int64_t now)
{
	struct found network, domain;
	struct judged j;

	if (records_find(&records, c, &network, &domain) < 0)
		return "failed";
	j = judge(&periods, &network.seen, c->domain.n > 0 ? &domain.seen : NULL, now);
	earliest = j.earliest_s;
	if (j.writes && records_write(&records, c, &periods, &j, &network, &domain) < 0)
		return "failed";
	return j.name;
}

static const char *
try(const char *ip, const char *sender, const char *recipient, int64_t now)
{
	struct triple c = make(ip, sender, recipient, "");

	return deliver(&c, now);
}

static void
identity(void)
{
	const int64_t t = 3000000;

	is_text(try("203.0.113.1", "A@b.c", "d@E.f", t), "first-contact", "first contact");
	is_text(try("203.0.113.200", "a@B.c", "D@e.f", t + 900), "came-back", "the same /24 and any letter case are the same");
	is_text(try("203.0.112.1", "a@b.c", "d@e.f", t + 900), "first-contact", "another /24 is not");
	is_text(try("203.0.113.1", "a2@b.c", "d@e.f", t + 900), "first-contact", "nor another sender");
	is_text(try("203.0.113.1", "a@b.c", "d2@e.f", t + 900), "first-contact", "nor another recipient");
	is_text(try("203.0.113.1", "a@b.cd", "@e.f", t + 900), "first-contact", "nor a shifted border between the two");
	is_text(try("2001:db8:1:2::1", "a@b.c", "d@e.f", t), "first-contact", "IPv6");
	is_text(try("2001:db8:1:2:ffff::1", "a@b.c", "d@e.f", t + 900), "came-back", "is known by its /64");
	is_text(try("2001:db8:1:3::1", "a@b.c", "d@e.f", t + 900), "first-contact", "and another /64 is another");
	is_text(try("203.0.113.1", "", "d@e.f", t), "first-contact", "an empty sender is a sender");
}

static void
life(void)
{
	const int64_t t = 1000000;

	is_text(try("192.0.2.1", "a@b.c", "d@e.f", t), "first-contact", "a life begins");
	is_text(try("192.0.2.1", "a@b.c", "d@e.f", t + 899), "too-early", "waits");
	is_num(earliest, t + 900, "for what it was told first");
	is_text(try("192.0.2.1", "a@b.c", "d@e.f", t + 900), "came-back", "passes");
	is_text(try("192.0.2.1", "a@b.c", "d@e.f", t + 35 * 86400), "passed-before", "stays");
	is_text(try("192.0.2.1", "a@b.c", "d@e.f", t + 70 * 86400), "passed-before", "as long as it is used (GREY-05)");
	is_text(try("192.0.2.1", "a@b.c", "d@e.f", t + 106 * 86400 + 1), "first-contact", "and ends");
}

static void
by_domain(void)
{
	const int64_t t = 5000000;
	struct triple a = make("198.51.100.1", "bounce-1@farm.example", "d@e.f", "farm.example");
	struct triple b = make("192.0.2.200", "bounce-2@farm.example", "d@e.f", "farm.example");
	struct triple other = make("198.51.100.1", "x@farm.example", "else@e.f", "farm.example");
	struct triple lost = make("198.51.100.9", "bounce-1@farm.example", "d@e.f", "");
	char origin[ORIGIN_TEXT_MAX];

	is_text(deliver(&a, t), "first-contact", "a server farm");
	is_text(deliver(&b, t + 900), "came-back", "comes back from another network, with another local part");
	is_text(deliver(&a, t + 901), "passed-before", "and is known for both");
	is_text(deliver(&other, t + 901), "first-contact", "another recipient is another matter");
	is_text(deliver(&lost, t + 902), "passed-before", "while SPF cannot be asked its network is known");
	records_origin(&a, origin);
	is_text(origin, "farm.example", "what stands for it is its domain");
	records_origin(&lost, origin);
	is_text(origin, "198.51.100.0/24", "or its network");
}

static void
by_address(void)
{
	const int64_t t = 6000000;
	struct triple a = make("192.0.2.50", "p@q.r", "d@e.f", "q.r");
	struct triple b = make("192.0.2.51", "p@q.r", "d@e.f", "q.r");

	a.by_address = b.by_address = true;
	is_text(deliver(&a, t), "first-contact", "the plain triple");
	is_text(deliver(&b, t + 900), "first-contact", "knows each address alone");
	is_text(deliver(&a, t + 900), "came-back", "and itself");
}

static void
clock_set_back(void)
{
	is_text(try("192.0.2.77", "a@b.c", "d@e.f", 5000000), "first-contact", "first contact");
	is_text(try("192.0.2.77", "a@b.c", "d@e.f", 4000000), "first-contact", "a record from the future is none");
	is_num(earliest, 4000900, "so nobody waits for the old clock");
}

static void
known_senders(void)
{
	const int64_t t = 7000000, keep = 36 * 86400;
	enum known how;

	is_num(records_known(&records, SPAN("s@t.u"), SPAN("d@e.f"), t, keep, &how), 0, "a sender is looked up");
	is_num(how, KNOWN_NOT, "and not known");
	is_num(records_learn(&records, SPAN("S@t.u"), SPAN("d@e.f"), KNOWN_RECEIVED, t, keep), 0, "mail was received");
	is_num(records_known(&records, SPAN("s@T.u"), SPAN("D@e.f"), t + 1, keep, &how), 0, "then");
	is_num(how, KNOWN_RECEIVED, "it is known, in any letter case (GREY-11)");
	is_num(records_known(&records, SPAN("s@t.u"), SPAN("x@e.f"), t + 1, keep, &how), 0, "by this recipient");
	is_num(how, KNOWN_NOT, "alone");
	is_num(records_learn(&records, SPAN("s@t.u"), SPAN("d@e.f"), KNOWN_RECEIVED, t + 86400, keep), 0, "mail a day later");
	is_num(records_known(&records, SPAN("s@t.u"), SPAN("d@e.f"), t + keep + 1, keep, &how), 0, "makes it known");
	is_num(how, KNOWN_RECEIVED, "for longer");
	is_num(records_known(&records, SPAN("s@t.u"), SPAN("d@e.f"), t + 86400 + keep, keep, &how), 0, "but not");
	is_num(how, KNOWN_NOT, "for ever");
}

static int rows_seen;
static size_t longest_row;

static int
note_row(const struct row *r, void *ctx)
{
	rows_seen++;
	if (r->sender.n + r->recipient.n > longest_row)
		longest_row = r->sender.n + r->recipient.n;
	return *(int *)ctx;
}

static int
walk_all(int answer, int64_t now)
{
	char from[STATE_KEY_MAX], next[STATE_KEY_MAX];
	int n = 0, pages = 0;

	rows_seen = 0;
	do {
		n = records_walk(&records, span_make(from, (size_t)n), now, note_row, &answer, next);
		if (n < 0)
			return -1;
		memcpy(from, next, (size_t)n);
		pages++;
	} while (n > 0);
	return pages;
}

static void
pages(void)
{
	char sender[32];
	int before;

	(void)walk_all(0, 8000000);
	before = rows_seen;
	for (int i = 0; i < RECORDS_STEP + 100; i++) {
		snprintf(sender, sizeof(sender), "s%d@pages.example", i);
		if (strcmp(try("192.0.2.1", sender, "d@e.f", 8000000), "first-contact") != 0)
			is_num(i, -1, "a page is filled");
	}
	is_num(walk_all(0, 8000000), 2, "more than a page takes two");
	is_num(rows_seen, before + RECORDS_STEP + 100, "and shows each once");
	is_num(walk_all(0, INT64_MAX - 1) > 0 ? rows_seen : -1, 0, "what expired is not shown");
	is_num(walk_all(2, 8000000), 2, "all are removed");
	is_num(walk_all(0, 8000000) > 0 ? rows_seen : -1, 0, "and gone");
}

static struct counts
counts_after_sweeps(int64_t now)
{
	for (int i = 0; i < 20; i++)
		if (state_tend(records.db, now) < 0)
			printf("# %s\n", state_why());
	return records_counts(&records);
}

static void
counters(void)
{
	const int64_t t = 9000000;
	struct triple farm = make("198.51.100.1", "x@farm.example", "d@e.f", "farm.example");
	struct triple gone = make("192.0.2.2", "gone@b.c", "d@e.f", "");
	struct counts before, n;

	before = counts_after_sweeps(t);
	is_num(before.waiting, 0, "nothing waits after all was removed");
	(void)try("192.0.2.1", "one@b.c", "d@e.f", t);
	(void)deliver(&gone, t);
	(void)deliver(&farm, t);
	n = records_counts(&records);
	is_num(n.first - before.first, 3, "three first contacts (GREY-17)");
	is_num(n.waiting, 3, "wait, each counted once, also with two records");
	(void)try("192.0.2.1", "one@b.c", "d@e.f", t + 900);
	(void)deliver(&farm, t + 900);
	n = records_counts(&records);
	is_num(n.back - before.back, 2, "two come back");
	is_num(n.waiting, 1, "one waits on");
	is_num(n.known_good, 2, "two have passed");
	n = counts_after_sweeps(t + 21600);
	is_num(n.gave_up - before.gave_up, 1, "who did not come back within the pass period gave up");
	is_num(n.waiting, 0, "and waits no more");
	(void)deliver(&gone, t + 30000);
	is_num(records_forget(&records, &gone), 1, "a record is forgotten");
	is_num(records_forget(&records, &gone), 0, "once");
	is_num(records_counts(&records).waiting, 0, "which is no giving up");
	is_num(records_counts(&records).gave_up, n.gave_up, "of the sender");
	is_num(records_forget(&records, &farm), 2, "both records of a domain are forgotten");
	is_num(records_save_counts(&records), 0, "counters are kept");
}

/* No address that a client sends makes a record longer; what is cut is still told apart by its key. */
static void
long_addresses(void)
{
	static char a[LIMIT_ADDRESS + 1], b[LIMIT_ADDRESS + 1];
	int answer = 0;

	memset(a, 'x', LIMIT_ADDRESS);
	memset(b, 'x', LIMIT_ADDRESS);
	b[LIMIT_ADDRESS - 1] = 'y';
	is_text(try("192.0.2.9", a, a, 1), "first-contact", "the longest addresses are judged");
	is_text(try("192.0.2.9", b, a, 901), "first-contact", "and differ by their last byte");
	is_num(walk_all(answer, 902), 1, "they are listed");
	is_num(longest_row, 2 * RECORD_TEXT_MAX, "cut");
}

static void
broken_values(void)
{
	struct record_value v = { .kind = RECORD_WAITING, .first_s = 5, .last_s = -1,
		.origin = SPAN("o"), .sender = SPAN(""), .recipient = SPAN("r") };
	unsigned char raw[RECORD_VALUE_MAX];
	size_t n = record_value_write(&v, raw);

	ok(record_value_read(span_make(raw, n), &v), "a record is read");
	is_span(v.recipient, "r", "with its texts");
	is_num(v.last_s, 0, "a time before 1970 is 0");
	for (size_t cut = 0; cut < n; cut++)
		ok(!record_value_read(span_make(raw, cut), &v), "cut at %zu it is not", cut);
	raw[0] = 'q';
	ok(!record_value_read(span_make(raw, n), &v), "nor of an unknown kind");
}

static void
expectations(struct state *db)
{
	char name[32];
	int fits = 0;

	is_num(expect_open(db, 100), 0, "nobody waits for mail");
	ok(!expect_any(100), "at first");
	is_num(expect_add(SPAN("u@d.e"), 1000, 100), 0, "a user waits");
	is_num(expect_until("u@d.e", 999), 1000, "until the stated time");
	is_num(expect_until("u@d.e", 1000), 0, "and then no more");
	is_num(expect_until("v@d.e", 200), 0, "nobody else does");
	for (int i = 1; i < LIMIT_EXPECTED; i++) {
		snprintf(name, sizeof(name), "u%d@d.e", i);
		fits += expect_add(span_of(name), 2000, 100) == 0;
	}
	is_num(fits, LIMIT_EXPECTED - 1, "with him users at LIMIT_EXPECTED may wait");
	ok(expect_add(SPAN("one@d.e"), 2000, 100) < 0 && errno == ENOSPC, "one over LIMIT_EXPECTED may not");
	is_num(expect_add(SPAN("u@d.e"), 1500, 100), 0, "one of them may wait longer");
	is_num(expect_add(SPAN("late@d.e"), 3000, 2000), 0, "and those who ended make room");
	is_num(expect_end(SPAN("late@d.e"), 2000), 1, "it ends when told so");
	is_num(expect_end(SPAN("late@d.e"), 2000), 0, "once");
	ok(!expect_any(2000), "nobody waits any more");
}

int
main(void)
{
	char home[] = "/tmp/greylist-records-XXXXXX";
	enum state_found found;
	struct counts n;
	struct state *db;

	if (mkdtemp(home) == NULL || state_open(&db, home, "greylist.db", 1 << 20, &found) < 0)
		return 1;
	is_num(records_open(&records, db), 0, "a new database gets its secret");
	identity();
	life();
	by_domain();
	by_address();
	clock_set_back();
	known_senders();
	pages();
	counters();
	long_addresses();
	broken_values();
	expectations(db);
	n = records_counts(&records);
	is_text(try("203.0.113.1", "again@b.c", "d@e.f", 9500000), "first-contact", "a contact");
	state_close(&db);
	is_num(state_open(&db, home, "greylist.db", 1 << 20, &found), 0, "the database opens again");
	is_num(records_open(&records, db), 0, "with the same secret");
	is_text(try("203.0.113.1", "again@b.c", "d@e.f", 9500900), "came-back", "so that records still count");
	is_num(records_counts(&records).gave_up, n.gave_up, "and counters go on");
	state_close(&db);
	return done();
}
