/*
 * queue: the scheduler's list, or the folders.
 *
 * Trust: file names and envelopes in the spool come from the mail programs;
 * names must be decimal ids, envelopes pass envelope_parse.
 */
#include "base/base.h"
#include "queue.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "spool/control.h"
#include "sys/file.h"

#define SCHEDULE "run/pub/schedule"

static struct queue_entry *
add(struct queue *q, size_t *cap)
{
	if (q->count == *cap) {
		*cap = *cap == 0 ? 256 : *cap * 2;
		q->entries = mem_resize_array(q->entries, *cap, sizeof(*q->entries));
	}
	memset(&q->entries[q->count], 0, sizeof(*q->entries));
	return &q->entries[q->count++];
}

/* "ID SUB STATUS ATTEMPTS NEXT PRIORITY" */
static bool
parse_line(struct span line, struct queue_entry *e)
{
	struct span status;
	uint64_t next;

	if (!num_parse(span_word(&line), UINT64_MAX, &e->id) || !num_parse_u32(span_word(&line), UINT32_MAX, &e->sub))
		return false;
	status = span_word(&line);
	snprintf(e->status, sizeof(e->status), "%.*s", SPAN_ARG(span_first(status, sizeof(e->status) - 1)));
	if (!num_parse(span_word(&line), UINT32_MAX, &e->attempts) ||
	    !num_parse(span_word(&line), INT64_MAX, &next) || !num_parse_u32(span_word(&line), 10, &e->priority))
		return false;
	e->next = (int64_t)next;
	return true;
}

static int
ask_list(const struct ctl *c, uint64_t after, size_t max, struct record *reply)
{
	struct buf request;
	int code;

	buf_init(&request, 1024);
	record_begin(&request, "list");
	record_add_num(&request, "after", after);
	record_add_num(&request, "max", max < CONTROL_LIST_MAX ? max : CONTROL_LIST_MAX);
	code = ctl_call(c, SCHEDULE, &request, true, reply);
	buf_free(&request);
	return code;
}

static int
from_scheduler(const struct ctl *c, size_t max, struct queue *q)
{
	uint64_t after = 0, more = 1;
	size_t cap = 0;

	while (more == 1 && q->count < max) {
		struct record reply;
		int code = ask_list(c, after, max - q->count, &reply);

		if (code != EXIT_DONE)
			return code;
		if (!record_get_num(&reply, "more", 1, &more) ||
		    !record_get_num(&reply, "total", UINT64_MAX, &q->total))
			more = 0;
		for (size_t i = 0; record_get_nth(&reply, "m", i).p != NULL; i++) {
			struct queue_entry *e = add(q, &cap);

			if (!parse_line(record_get_nth(&reply, "m", i), e)) {
				record_free(&reply);
				return ctl_fail(EXIT_TRY_LATER, "the scheduler gave an answer that is none");
			}
			after = e->id;
		}
		record_free(&reply);
	}
	return EXIT_DONE;
}

static void
read_folder(int spool_fd, uint32_t sub, struct queue *q, size_t *cap)
{
	char name[32];
	const struct dirent *e;
	DIR *dir;
	int fd;

	snprintf(name, sizeof(name), "SubSpool%u", sub);
	fd = openat(spool_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		struct span file = span_of(e->d_name);
		uint64_t id;

		if (!span_ends_nocase(file, SPAN(".hdr")) || !num_parse(span_first(file, file.n - 4), UINT64_MAX, &id))
			continue;
		struct queue_entry *entry = add(q, cap);

		entry->id = id;
		entry->sub = sub;
		snprintf(entry->status, sizeof(entry->status), "stopped");
	}
	if (dir != NULL)
		closedir(dir);
}

static int
compare_ids(const void *a, const void *b)
{
	const struct queue_entry *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int
open_file(const struct ctl *c, const struct queue_entry *e, const char *suffix)
{
	char name[96];
	int fd;

	snprintf(name, sizeof(name), "spool/SubSpool%u/%llu.%s", e->sub, (unsigned long long)e->id, suffix);
	fd = instance_openat(&c->instance, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	/* One that was moved into the spool folder itself. */
	snprintf(name, sizeof(name), "spool/%llu.%s", (unsigned long long)e->id, suffix);
	return instance_openat(&c->instance, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
}

/* The first line of an envelope says so, and intake has let go of the message. */
static bool
is_quarantined(const struct ctl *c, const struct queue_entry *e)
{
	struct span word = SPAN("Quarantined");
	int fd = open_file(c, e, "hdr"), body;
	char first[16];
	ssize_t n;

	if (fd < 0)
		return false;
	n = pread(fd, first, sizeof(first), 0);
	file_close(&fd);
	if (n < (ssize_t)word.n || !span_eq(span_make(first, word.n), word))
		return false;
	body = open_file(c, e, "em_");
	if (body < 0)
		return true;
	file_close(&body);
	return false;
}

/* Those in quarantine, or the others; at most max. */
static void
keep(const struct ctl *c, bool quarantined, size_t max, struct queue *q)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->count; i++)
		if (is_quarantined(c, &q->entries[i]) == quarantined)
			q->entries[kept++] = q->entries[i];
	q->total = kept;
	q->count = kept < max ? kept : max;
}

static int
from_folders(const struct ctl *c, bool quarantined, size_t max, struct queue *q)
{
	int fd = ctl_open_dir(c, "spool");
	size_t cap = 0;

	if (fd < 0)
		return EXIT_NO_RIGHT;
	for (uint32_t sub = 0; sub < LIMIT_SUB_SPOOLS; sub++)
		read_folder(fd, sub, q, &cap);
	file_close(&fd);
	if (q->count > 0)
		qsort(q->entries, q->count, sizeof(*q->entries), compare_ids);
	keep(c, quarantined, max, q);
	return EXIT_DONE;
}

int
queue_read(const struct ctl *c, size_t max, struct queue *out)
{
	int code;

	memset(out, 0, sizeof(*out));
	code = from_scheduler(c, max, out);
	if (code == EXIT_TRY_LATER && out->count == 0)
		code = from_folders(c, false, max, out);
	return code;
}

void
queue_free(struct queue *q)
{
	free(q->entries);
	memset(q, 0, sizeof(*q));
}

/* While the scheduler is stopped the folders are searched for the name. */
static bool
find_file(const struct ctl *c, uint64_t id, struct queue_entry *out)
{
	memset(out, 0, sizeof(*out));
	out->id = id;
	snprintf(out->status, sizeof(out->status), "stopped");
	for (out->sub = 0; out->sub < LIMIT_SUB_SPOOLS; out->sub++) {
		int fd = open_file(c, out, "hdr");

		if (fd >= 0) {
			file_close(&fd);
			return true;
		}
	}
	return false;
}

int
queue_look(const struct ctl *c, uint64_t id, struct queue_entry *out, bool *found)
{
	struct record reply;
	struct buf request;
	int code;

	buf_init(&request, 1024);
	record_begin(&request, "show");
	record_add_num(&request, "id", id);
	code = ctl_call(c, SCHEDULE, &request, true, &reply);
	buf_free(&request);
	if (code == EXIT_TRY_LATER) {
		*found = find_file(c, id, out);
		return EXIT_DONE;
	}
	if (code != EXIT_DONE)
		return code;
	memset(out, 0, sizeof(*out));
	*found = parse_line(record_get(&reply, "m"), out);
	record_free(&reply);
	return EXIT_DONE;
}

int
queue_find(const struct ctl *c, uint64_t id, struct queue_entry *out)
{
	bool found = false;
	int code = queue_look(c, id, out, &found);

	if (code == EXIT_DONE && !found)
		code = ctl_fail(EXIT_NO_OBJECT, "there is no message %llu", (unsigned long long)id);
	return code;
}

struct envelope *
queue_envelope(const struct ctl *c, const struct queue_entry *e, const char **why)
{
	struct envelope *env = NULL;
	enum envelope_error error;
	struct buf text;
	int fd = open_file(c, e, "hdr");

	if (fd < 0) {
		*why = strerror(errno);
		return NULL;
	}
	buf_init(&text, LIMIT_ENVELOPE);
	if (file_read_all(fd, &text) != 0) {
		*why = strerror(errno);
	} else {
		error = envelope_parse(buf_view(&text), &env);
		*why = envelope_error_text(error);
	}
	buf_free(&text);
	file_close(&fd);
	return env;
}

int
queue_read_quarantine(const struct ctl *c, struct queue *out)
{
	int code;

	memset(out, 0, sizeof(*out));
	code = from_folders(c, true, SIZE_MAX, out);
	for (size_t i = 0; i < out->count; i++)
		snprintf(out->entries[i].status, sizeof(out->entries[i].status), "quarantined");
	return code;
}

int
queue_find_quarantined(const struct ctl *c, uint64_t id, struct queue_entry *out)
{
	if (!find_file(c, id, out) || !is_quarantined(c, out))
		return ctl_fail(EXIT_NO_OBJECT, "there is no message %llu in quarantine", (unsigned long long)id);
	snprintf(out->status, sizeof(out->status), "quarantined");
	return EXIT_DONE;
}

int
queue_body(const struct ctl *c, const struct queue_entry *e, uint64_t *size_out)
{
	int fd = open_file(c, e, "eml");
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		fd = open_file(c, e, "em_");
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		file_close(&fd);
		errno = ENOTSUP;
		return -1;
	}
	*size_out = (uint64_t)st.st_size;
	return fd;
}

void
queue_time_text(int64_t seconds, char out[QUEUE_TIME_MAX])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	out[0] = '\0';
	if (seconds > 0 && localtime_r(&t, &tm) != NULL)
		strftime(out, QUEUE_TIME_MAX, "%Y-%m-%d %H:%M:%S", &tm);
}
