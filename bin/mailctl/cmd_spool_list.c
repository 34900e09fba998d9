/*
 * cmd_spool_list: what waits in the queue, by any column, chosen by a selector.
 *
 * In the order of creation the first --max messages are read and no more; by
 * another order or with a choice all of them must be.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "output.h"
#include "queue.h"
#include "queue_select.h"

#define DEFAULT_ROWS 100
#define WATCH_MAX 86400

/* One message as it is shown. */
struct row {
	struct queue_entry entry;
	char *sender;
	uint64_t age, size;
	uint32_t finished, total, priority;
};

struct list {
	struct row *rows;
	size_t count, cap;
	uint64_t of;			/* messages in the queue */
};

struct view {
	struct selector *where;		/* NULL: all */
	uint64_t max;
};

/* -- order --------------------------------------------------------------------- */

static int
order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Each compares two rows by a column; equal ones go by id. */
static int by_id(const struct row *a, const struct row *b) { return order(a->entry.id, b->entry.id); }
static int by_sender(const struct row *a, const struct row *b) { return strcasecmp(a->sender, b->sender); }
static int by_age(const struct row *a, const struct row *b) { return order(a->age, b->age); }
static int by_attempts(const struct row *a, const struct row *b) { return order(a->entry.attempts, b->entry.attempts); }
static int by_next(const struct row *a, const struct row *b) { return order((uint64_t)a->entry.next, (uint64_t)b->entry.next); }
static int by_recipients(const struct row *a, const struct row *b) { return order(a->total, b->total); }
static int by_status(const struct row *a, const struct row *b) { return strcmp(a->entry.status, b->entry.status); }
static int by_size(const struct row *a, const struct row *b) { return order(a->size, b->size); }
static int by_path(const struct row *a, const struct row *b) { return order(a->entry.sub, b->entry.sub); }
static int by_priority(const struct row *a, const struct row *b) { return order(a->priority, b->priority); }

static const char *const columns[] = { "id", "sender", "age#", "attempts#", "next", "recipients",
	"status", "sizeKB#", "path", "priority#", NULL };

static const struct {
	const char *name;
	int (*compare)(const struct row *, const struct row *);
} sorts[] = {
	{ "id", by_id }, { "time", by_id }, { "sender", by_sender }, { "age", by_age }, { "attempts", by_attempts },
	{ "next", by_next }, { "recipients", by_recipients }, { "status", by_status }, { "size", by_size },
	{ "sizeKB", by_size }, { "path", by_path }, { "priority", by_priority },
};

struct sorting {
	int (*compare)(const struct row *, const struct row *);
	bool reverse;
};

static int
compare_rows(const void *a, const void *b, void *ctx)
{
	const struct sorting *s = ctx;
	int result = s->compare(a, b);

	if (result == 0)
		result = by_id(a, b);
	return s->reverse ? -result : result;
}

static bool
find_sort(const char *name, struct sorting *out)
{
	for (size_t i = 0; i < PB_COUNT(sorts); i++)
		if (strcasecmp(name, sorts[i].name) == 0) {
			out->compare = sorts[i].compare;
			return true;
		}
	ctl_fail(EXIT_USAGE, "--sort takes a column: id sender age attempts next recipients status size path priority");
	return false;
}

/* -- reading ------------------------------------------------------------------- */

static void
add_row(struct list *l, const struct queue_message *m)
{
	struct row *r;

	if (l->count == l->cap) {
		l->cap = l->cap == 0 ? 256 : l->cap * 2;
		l->rows = mem_resize_array(l->rows, l->cap, sizeof(*l->rows));
	}
	r = &l->rows[l->count++];
	*r = (struct row){ .entry = m->entry, .age = m->age, .size = m->size, .priority = m->entry.priority };
	if (m->env == NULL) {
		r->sender = mem_text("?");
		return;
	}
	r->sender = m->env->sender.n == 0 ? mem_text("<>") : mem_copy(m->env->sender);
	if (m->entry.priority == 0)
		r->priority = m->env->priority;
	for (uint32_t i = 0; i < m->env->count; i++)
		if (m->env->rcpts[i].target != TARGET_UNKNOWN || m->env->rcpts[i].number <= m->env->rcpt_count) {
			r->total++;
			r->finished += m->env->rcpts[i].state != RCPT_OPEN;
		}
}

static int
read_list(const struct ctl *c, const struct view *v, const struct sorting *s, struct list *l)
{
	bool in_order = s->compare == by_id && !s->reverse;
	struct queue q;
	int code = queue_read(c, in_order && v->where == NULL ? v->max : SIZE_MAX, &q);

	for (size_t i = 0; code == EXIT_DONE && i < q.count && (!in_order || l->count < v->max); i++) {
		struct queue_message m;

		queue_message_read(c, &q.entries[i], &m);
		if (v->where == NULL || queue_selects(v->where, &m))
			add_row(l, &m);
		queue_message_free(&m);
	}
	l->of = q.total;
	queue_free(&q);
	if (l->count > 0 && !in_order)
		qsort_r(l->rows, l->count, sizeof(*l->rows), compare_rows, (void *)s);
	return code;
}

static void
free_list(struct list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->rows[i].sender);
	free(l->rows);
}

/* -- printing ------------------------------------------------------------------ */

static void
print_row(struct output *o, const struct row *r)
{
	char id[24], age[24], attempts[24], next[QUEUE_TIME_MAX], done[32], kb[24], path[32], priority[16];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)r->entry.id);
	snprintf(age, sizeof(age), "%llu", (unsigned long long)r->age);
	snprintf(attempts, sizeof(attempts), "%llu", (unsigned long long)r->entry.attempts);
	queue_time_text(r->entry.next, next);
	snprintf(done, sizeof(done), "%u/%u", r->finished, r->total);
	snprintf(kb, sizeof(kb), "%llu", (unsigned long long)((r->size + 1023) / 1024));
	snprintf(path, sizeof(path), "SubSpool%u", r->entry.sub);
	snprintf(priority, sizeof(priority), "%u", r->priority);
	output_row(o, id, r->sender, age, attempts, next, done, r->entry.status, kb, path, priority);
}

static int
show_list(const struct ctl *c, const struct view *v, const struct sorting *s)
{
	struct list l = { .count = 0 };
	int code = read_list(c, v, s, &l);
	size_t shown = l.count < v->max ? l.count : (size_t)v->max;
	struct output *o = output_begin(c, columns);

	for (size_t i = 0; i < shown; i++)
		print_row(o, &l.rows[i]);
	output_end(&o);
	if (code == EXIT_DONE)
		ctl_say(c, "%zu of %llu", shown, (unsigned long long)l.of);
	free_list(&l);
	return code;
}

/* -- options ------------------------------------------------------------------- */

static void
add_quoted(struct buf *b, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_char(b, '\\');
		buf_char(b, text.p[i]);
	}
}

/* The short options are selectors too; all that are given must hold. */
static struct selector *
make_selector(const char *const texts[], const char *const terms[], size_t n)
{
	struct selector *s;
	struct buf b;

	buf_init(&b, 65536);
	for (size_t i = 0; i < n; i++) {
		if (texts[i] == NULL)
			continue;
		buf_text_put(&b, b.n > 0 ? " & " : "");
		if (terms[i][0] == '(') {
			buf_printf(&b, "(%s)", texts[i]);
		} else {
			buf_printf(&b, "%s\"", terms[i]);
			add_quoted(&b, span_of(texts[i]));
			buf_char(&b, '"');
		}
	}
	s = queue_selector(buf_text(&b));
	buf_free(&b);
	return s;
}

static int
watch(const struct ctl *c, const struct view *v, const struct sorting *s, unsigned seconds)
{
	int code;

	while ((code = show_list(c, v, s)) == EXIT_DONE && seconds > 0) {
		output_json_end(c, code);	/* a value each time */
		output_json_begin();
		putchar('\n');
		fflush(stdout);
		sleep(seconds);
	}
	return code;
}

int
cmd_spool_list(struct ctl *c, int argc, char **argv)
{
	enum { WHERE, SENDER, RECIPIENT, STATUS, DOMAIN, OLDER, TERMS };
	static const char *const terms[TERMS] = { "(", "sender~", "rcpt~", "status=", "dest=", "age>=" };
	const char *text[TERMS] = { NULL }, *max = NULL, *sort = "id", *every = NULL;
	struct view v = { .max = DEFAULT_ROWS };
	struct sorting s = { .reverse = false };
	const struct arg_option options[] = {
		{ "--max", &max, NULL }, { "--sort", &sort, NULL }, { "--reverse", NULL, &s.reverse },
		{ "--watch", &every, NULL }, { "-w", &text[WHERE], NULL }, { "--sender", &text[SENDER], NULL },
		{ "--recipient", &text[RECIPIENT], NULL }, { "--status", &text[STATUS], NULL },
		{ "--domain", &text[DOMAIN], NULL }, { "--older", &text[OLDER], NULL },
	};
	bool has_choice = false;
	uint64_t seconds = 0;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 0) || !find_sort(sort, &s))
		return EXIT_USAGE;
	if (max != NULL && !num_parse(span_of(max), SIZE_MAX / 2, &v.max))
		return ctl_fail(EXIT_USAGE, "--max takes a number; 0 = no limit");
	if (every != NULL && (!num_parse(span_of(every), WATCH_MAX, &seconds) || seconds == 0))
		return ctl_fail(EXIT_USAGE, "--watch takes seconds, 1 to %d", WATCH_MAX);
	if (v.max == 0)
		v.max = SIZE_MAX;
	for (size_t i = 0; i < TERMS; i++)
		has_choice |= text[i] != NULL;
	if (has_choice && (v.where = make_selector(text, terms, TERMS)) == NULL)
		return EXIT_USAGE;
	code = watch(c, &v, &s, (unsigned)seconds);
	selector_free(&v.where);
	return code;
}
