/*
 * cmd_spool_shape: where the queue is long, and how old it is there.
 *
 * A row for each domain to which recipients still wait, with their number by
 * age: a wall of old mail for one destination looks different from a burst of
 * new mail for many.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "output.h"
#include "queue_select.h"

#define DEFAULT_ROWS 20
#define BUCKETS 8

/* Upper ends in seconds; the last one has none. */
static const uint64_t bucket_ends[BUCKETS - 1] = { 300, 900, 3600, 4 * 3600, 86400, 3 * 86400, 7 * 86400 };
static const char *const columns[] = { "dest", "waiting#", "5m#", "15m#", "1h#", "4h#", "1d#", "3d#", "7d#", "older#", NULL };

struct dest {
	char *name;			/* small letters */
	uint64_t total, by_age[BUCKETS];
};

struct shape {
	struct dest *dests;		/* sorted by name while they are counted */
	size_t count, cap;
	struct dest sum;
};

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct dest *)a)->name, ((const struct dest *)b)->name);
}

static int
compare_totals(const void *a, const void *b)
{
	const struct dest *x = a, *y = b;

	return x->total != y->total ? (x->total < y->total ? 1 : -1) : compare_names(a, b);
}

static struct dest *
dest_of(struct shape *s, struct span domain)
{
	size_t low = 0, high = s->count;
	char *name = mem_copy(domain);

	for (char *p = name; *p != '\0'; p++)
		*p = char_lower(*p);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int cmp = strcmp(name, s->dests[middle].name);

		if (cmp == 0) {
			free(name);
			return &s->dests[middle];
		}
		if (cmp > 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (s->count == s->cap) {
		s->cap = s->cap == 0 ? 64 : 2 * s->cap;
		s->dests = mem_resize_array(s->dests, s->cap, sizeof(*s->dests));
	}
	memmove(s->dests + low + 1, s->dests + low, (s->count - low) * sizeof(*s->dests));
	s->dests[low] = (struct dest){ .name = name };
	s->count++;
	return &s->dests[low];
}

static void
count(struct dest *d, size_t bucket)
{
	d->total++;
	d->by_age[bucket]++;
}

static void
add_message(struct shape *s, const struct queue_message *m)
{
	size_t bucket = 0;

	while (bucket < BUCKETS - 1 && m->age >= bucket_ends[bucket])
		bucket++;
	for (uint32_t i = 0; m->env != NULL && i < m->env->count; i++) {
		struct span address = m->env->rcpts[i].address;

		if (m->env->rcpts[i].state != RCPT_OPEN)
			continue;
		count(dest_of(s, span_from(address, (size_t)(span_rfind(address, '@') + 1))), bucket);
		count(&s->sum, bucket);
	}
}

static void
print_dest(struct output *o, const char *name, const struct dest *d)
{
	char text[BUCKETS + 1][24];
	const char *row[BUCKETS + 2] = { name };

	snprintf(text[0], sizeof(text[0]), "%llu", (unsigned long long)d->total);
	for (size_t i = 0; i < BUCKETS; i++)
		snprintf(text[i + 1], sizeof(text[0]), "%llu", (unsigned long long)d->by_age[i]);
	for (size_t i = 0; i <= BUCKETS; i++)
		row[i + 1] = text[i];
	output_row_array(o, row);
}

static int
read_shape(const struct ctl *c, const struct selector *where, struct shape *s)
{
	struct queue q;
	int code = queue_read(c, SIZE_MAX, &q);

	for (size_t i = 0; code == EXIT_DONE && i < q.count; i++) {
		struct queue_message m;

		queue_message_read(c, &q.entries[i], &m);
		if (where == NULL || queue_selects(where, &m))
			add_message(s, &m);
		queue_message_free(&m);
	}
	queue_free(&q);
	return code;
}

int
cmd_spool_shape(struct ctl *c, int argc, char **argv)
{
	const char *max_text = NULL, *where_text = NULL;
	const struct arg_option options[] = { { "--max", &max_text, NULL }, { "-w", &where_text, NULL } };
	struct selector *where = NULL;
	struct shape s = { .count = 0 };
	uint64_t max = DEFAULT_ROWS;
	struct output *o;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 0))
		return EXIT_USAGE;
	if (max_text != NULL && !num_parse(span_of(max_text), SIZE_MAX / 2, &max))
		return ctl_fail(EXIT_USAGE, "--max takes a number; 0 = no limit");
	if (where_text != NULL && (where = queue_selector(where_text)) == NULL)
		return EXIT_USAGE;
	code = read_shape(c, where, &s);
	selector_free(&where);
	if (s.count > 0)
		qsort(s.dests, s.count, sizeof(*s.dests), compare_totals);
	o = output_begin(c, columns);
	for (size_t i = 0; i < s.count && (max == 0 || i < max); i++)
		print_dest(o, s.dests[i].name, &s.dests[i]);
	print_dest(o, "TOTAL", &s.sum);
	output_end(&o);
	for (size_t i = 0; i < s.count; i++)
		free(s.dests[i].name);
	free(s.dests);
	return code;
}
