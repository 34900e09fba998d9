/*
 * tls_report: see tls_report.h.
 *
 * Rows lie in the order in which they came, and are found by a keyed hash: their
 * names are strangers'.  A day has at most LIMIT_REPORT_ROWS of them; what comes after
 * that is counted under the domain "-".
 */
#include "base/base.h"
#include "tls_report.h"

#include <dirent.h>
#include <errno.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "mail/date.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/random.h"

#define WRITE_MS 60000
#define KEPT_DAYS 30
#define PREFIX "tls-report-"
#define HEAD "tls-report 1\n"
#define UNFINISHED "new-tls-report"
#define NAME_SIZE 40
#define ROW_MAX 700
#define BUCKETS 16384

struct row {
	char *key;		/* the line behind its count */
	uint64_t count;
	uint32_t next;		/* place + 1 of the next one in its bucket; 0: none */
};

struct tls_report {
	struct service *svc;
	struct loop *loop;
	int dir;
	int64_t day;		/* since 1970 */
	bool is_dirty, failed;
	uint64_t seed;
	struct row *rows;
	size_t count, room;
	uint32_t bucket[BUCKETS];
};

static int64_t
today(void)
{
	return clock_wall_ms() / 1000 / 86400;
}

static void
name_of(int64_t day, char out[NAME_SIZE])
{
	int y, m, d;

	date_civil(day, &y, &m, &d);
	snprintf(out, NAME_SIZE, PREFIX "%04d-%02d-%02d", y, m, d);
}

static struct row *
find(struct tls_report *r, struct span key, uint32_t **bucket)
{
	*bucket = &r->bucket[hash_keyed(r->seed, key) % BUCKETS];
	for (uint32_t i = **bucket; i != 0; i = r->rows[i - 1].next)
		if (span_is(key, r->rows[i - 1].key))
			return &r->rows[i - 1];
	return NULL;
}

/* False when there is no room for another row. */
static bool
add(struct tls_report *r, struct span key, uint64_t count)
{
	uint32_t *bucket;
	struct row *row = find(r, key, &bucket);

	if (row == NULL && r->count == LIMIT_REPORT_ROWS)
		return false;
	if (row == NULL) {
		if (r->count == r->room) {
			r->room = r->room == 0 ? 64 : 2 * r->room;
			r->rows = mem_resize_array(r->rows, r->room, sizeof(*r->rows));
		}
		row = &r->rows[r->count++];
		*row = (struct row){ .key = mem_copy(key), .next = *bucket };
		*bucket = (uint32_t)r->count;
	}
	row->count += count;
	return true;
}

static void
forget_all(struct tls_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->rows[i].key);
	r->count = 0;
	memset(r->bucket, 0, sizeof(r->bucket));
}

/* -- the file ---------------------------------------------------------------- */

static int
write_rows(const struct tls_report *r, int fd)
{
	struct buf out;
	int result = 0;

	buf_init(&out, 65536 + ROW_MAX);
	buf_text_put(&out, HEAD);
	for (size_t i = 0; i < r->count && result == 0; i++) {
		buf_printf(&out, "%llu\t%s\n", (unsigned long long)r->rows[i].count, r->rows[i].key);
		if (out.n > 65536) {
			result = file_write_all(fd, out.p, out.n);
			buf_clear(&out);
		}
	}
	if (result == 0)
		result = file_write_all(fd, out.p, out.n);
	buf_free(&out);
	return result;
}

static void
write_file(struct tls_report *r)
{
	char name[NAME_SIZE];
	int fd, result = -1;

	if (!r->is_dirty)
		return;
	fd = file_openat(r->dir, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	name_of(r->day, name);
	if (fd >= 0 && write_rows(r, fd) == 0)
		result = file_renameat(r->dir, UNFINISHED, r->dir, name, 0);
	if (result < 0 && !r->failed)
		log_failure(r->svc, NULL, NULL, "event=tls-report-failed error=%s", strerrorname_np(errno));
	file_close(&fd);
	r->failed = result < 0;
	r->is_dirty = result < 0;
}

/* "COUNT TAB KEY"; what is no row is passed over. */
static void
read_row(struct tls_report *r, struct span line)
{
	struct span key = line;
	uint64_t count;

	if (num_parse(span_cut(&key, '\t'), UINT32_MAX, &count) && key.p != NULL && key.n > 0 && key.n < ROW_MAX)
		(void)add(r, key, count);
}

static void
read_file(struct tls_report *r)
{
	char name[NAME_SIZE];
	struct span rest;
	struct buf text;
	int fd;

	name_of(r->day, name);
	fd = file_openat(r->dir, name, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return;
	buf_init(&text, LIMIT_REPORT_ROWS * (size_t)ROW_MAX);
	if (file_read_all(fd, &text) == 0 && span_starts_nocase(buf_view(&text), SPAN(HEAD)))
		for (rest = span_from(buf_view(&text), strlen(HEAD)); rest.p != NULL;)
			read_row(r, span_cut(&rest, '\n'));
	buf_free(&text);
	file_close(&fd);
}

/* Names sort as their days do. */
static void
remove_old(const struct tls_report *r)
{
	int fd = file_open_dir(r->dir, ".");
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char oldest[NAME_SIZE];
	struct dirent *e;

	if (d == NULL) {
		file_close(&fd);
		return;
	}
	name_of(r->day - KEPT_DAYS, oldest);
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0 && strcmp(e->d_name, oldest) < 0 &&
		    file_unlinkat(r->dir, e->d_name, 0) < 0)
			break;
	closedir(d);
}

/* At midnight a new file begins. */
static void
turn_day(struct tls_report *r)
{
	int64_t now = today();

	if (now == r->day)
		return;
	write_file(r);
	forget_all(r);
	r->day = now;
	r->is_dirty = false;
	remove_old(r);
}

static void
on_minute(void *ctx)
{
	struct tls_report *r = ctx;

	write_file(r);
	turn_day(r);
	(void)loop_timer(r->loop, WRITE_MS, on_minute, r);
}

struct tls_report *
tls_report_new(struct service *svc, struct loop *loop, int dir)
{
	struct tls_report *r = mem_new(sizeof(*r));

	*r = (struct tls_report){ .svc = svc, .loop = loop, .dir = dir, .day = today(), .seed = random_u64() };
	read_file(r);
	remove_old(r);
	(void)loop_timer(loop, WRITE_MS, on_minute, r);
	return r;
}

void
tls_report_end(struct tls_report *r)
{
	write_file(r);
}

/* -- what happened ------------------------------------------------------------ */

/* A word of a row: nothing that ends one. */
static void
put_word(struct buf *b, struct span word)
{
	if (b->n > 0)
		buf_char(b, '\t');
	if (word.n == 0)
		buf_char(b, '-');
	for (size_t i = 0; i < word.n; i++)
		buf_char(b, word.p[i] > ' ' && word.p[i] < 0x7f ? char_lower(word.p[i]) : '?');
}

static void
count(struct tls_report *r, struct span domain, const char *type, const char *result, const char *mx,
	const char *from, const char *to)
{
	char storage[ROW_MAX];
	struct buf key;

	turn_day(r);
	buf_init_fixed(&key, storage, sizeof(storage));
	put_word(&key, domain);
	put_word(&key, span_of(type));
	put_word(&key, span_of(result));
	put_word(&key, span_of(mx));
	put_word(&key, span_of(from));
	put_word(&key, span_of(to));
	if (key.overflow || !add(r, buf_view(&key), 1)) {
		buf_clear(&key);
		buf_printf(&key, "-\t%s\t%s\t-\t-\t-", type, result);
		if (!add(r, buf_view(&key), 1))
			return;
	}
	r->is_dirty = true;
}

/* Whose policy it was. */
static struct span
hop_of(const struct job *j, const struct target *t)
{
	return j->gateway_count > 0 ? span_of(t->host) : j->host.n > 0 ? j->host : j->domain;
}

void
tls_report_job(struct tls_report *r, const struct job *j)
{
	for (size_t i = 0; i < j->target_count; i++) {
		const struct target *t = &j->target[i];
		char ip[ADDR_TEXT_MAX];

		if (t->report.result[0] != '\0')
			count(r, hop_of(j, t), tls_policy_type_text(t->report.type), t->report.result,
				t->host, t->report.from, addr_print(&t->addr, ip, sizeof(ip)));
	}
}

void
tls_report_policy(struct tls_report *r, struct span domain, enum sts_fault fault)
{
	static const char *const words[] = { "", "sts-policy-fetch-error", "sts-webpki-invalid", "sts-policy-invalid" };

	if (fault != STS_FINE)
		count(r, domain, tls_policy_type_text(TLS_POLICY_STS), words[fault], "", "", "");
}
