/*
 * spool_choice: see spool_choice.h.
 *
 * All names are read before the first message is touched: a word that is none
 * changes nothing, and a file name that stands there twice (as .hdr and .eml)
 * means one message.
 */
#include "base/base.h"
#include "spool_choice.h"
#include <errno.h>
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "output.h"
#include "queue_select.h"
#include "spool/spool_id.h"

#define OPTIONS_MAX 8

struct ids {
	uint64_t *at;
	size_t count, cap;
};

/* -- words ------------------------------------------------------------------- */

bool
spool_choose(struct spool_choice *ch, int argc, char **argv, bool acts, const struct arg_option *more,
	size_t more_count)
{
	struct arg_option options[OPTIONS_MAX] = {
		{ "-w", &ch->where, NULL }, { "--all", NULL, &ch->all }, { "--dry-run", NULL, &ch->dry_run },
	};
	size_t n = acts ? 3 : 2;

	if (more_count > OPTIONS_MAX - n)
		bug("too many options of a command: %zu", more_count);
	for (size_t i = 0; i < more_count; i++)
		options[n++] = more[i];
	if (!args_parse(&ch->names, argc, argv, options, n, 0, ARGS_MAX))
		return false;
	if (ch->all + (ch->where != NULL) + (ch->names.count > 0) == 1)
		return true;
	ctl_fail(EXIT_USAGE, "which messages?  Give ids, or -w SELECTOR, or --all");
	return false;
}

static void
add(struct ids *ids, uint64_t id)
{
	if (ids->count == ids->cap) {
		ids->cap = ids->cap == 0 ? 64 : 2 * ids->cap;
		ids->at = mem_resize_array(ids->at, ids->cap, sizeof(*ids->at));
	}
	ids->at[ids->count++] = id;
}

/* "123", "123.hdr", "spool/SubSpool0/123.eml" */
static int
add_name(struct ids *ids, struct span name)
{
	struct span base = span_from(name, (size_t)(span_rfind(name, '/') + 1));
	enum spool_file kind;
	uint64_t id;

	if (!num_parse(name, UINT64_MAX, &id) && !spool_id_parse(base, &id, &kind))
		return ctl_fail(EXIT_USAGE, "%.*s is not the id of a message", SPAN_ARG(span_first(name, 200)));
	add(ids, id);
	return EXIT_DONE;
}

/* An id, with more words behind it as `spool list` prints them; else the name of a file, which may have blanks in it. */
static int
add_line(struct ids *ids, struct span line)
{
	struct span rest = span_trim(line), whole = rest, word = span_word(&rest);
	uint64_t id;

	if (word.n == 0)
		return EXIT_DONE;
	return add_name(ids, num_parse(word, UINT64_MAX, &id) ? word : whole);
}

static int
read_lines(struct ids *ids)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int code = EXIT_DONE;

	while (code == EXIT_DONE && (n = getline(&line, &cap, stdin)) > 0) {
		struct span rest = span_make(line, (size_t)n);

		while (code == EXIT_DONE && rest.p != NULL)
			code = add_line(ids, span_cut(&rest, '\0'));
	}
	if (code == EXIT_DONE && ferror(stdin))
		code = ctl_fail(EXIT_TRY_LATER, "standard input: %s", strerror(errno));
	free(line);
	return code;
}

static int
compare_ids(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int
read_names(const struct args *names, struct ids *ids)
{
	size_t kept = 0;
	int code = EXIT_DONE;

	for (size_t i = 0; i < names->count && code == EXIT_DONE; i++)
		code = strcmp(names->item[i], "-") == 0 ? read_lines(ids) : add_name(ids, span_of(names->item[i]));
	if (ids->count > 0)
		qsort(ids->at, ids->count, sizeof(*ids->at), compare_ids);
	for (size_t i = 0; i < ids->count; i++)
		if (kept == 0 || ids->at[kept - 1] != ids->at[i])
			ids->at[kept++] = ids->at[i];
	ids->count = kept;
	return code;
}

/* -- messages ----------------------------------------------------------------- */

static int
each_selected(const struct ctl *c, const struct spool_choice *ch, int (*fn)(void *ctx, uint64_t id), void *ctx)
{
	struct selector *s = ch->where == NULL ? NULL : queue_selector(ch->where);
	struct queue q;
	int code;

	if (ch->where != NULL && s == NULL)
		return EXIT_USAGE;
	code = ch->quarantined ? queue_read_quarantine(c, &q) : queue_read(c, SIZE_MAX, &q);
	for (size_t i = 0; code == EXIT_DONE && i < q.count; i++) {
		struct queue_message m;

		if (s == NULL) {
			code = fn(ctx, q.entries[i].id);
			continue;
		}
		queue_message_read(c, &q.entries[i], &m);
		if (queue_selects(s, &m))
			code = fn(ctx, m.entry.id);
		queue_message_free(&m);
	}
	queue_free(&q);
	selector_free(&s);
	return code;
}

int
spool_choice_each(const struct ctl *c, const struct spool_choice *ch, int (*fn)(void *ctx, uint64_t id), void *ctx)
{
	struct ids ids = { .count = 0 };
	int code;

	if (ch->names.count == 0)
		return each_selected(c, ch, fn, ctx);
	code = read_names(&ch->names, &ids);
	for (size_t i = 0; i < ids.count && code == EXIT_DONE; i++)
		code = fn(ctx, ids.at[i]);
	free(ids.at);
	return code;
}

int
spool_choice_find(const struct ctl *c, const struct spool_choice *ch, uint64_t id, struct queue_entry *out, bool *found)
{
	*found = true;
	if (ch->quarantined)
		return queue_find_quarantined(c, id, out);
	return ch->names.count > 0 ? queue_find(c, id, out) : queue_look(c, id, out, found);
}

static int
print_id(void *ctx, uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	output_row(ctx, text);
	return EXIT_DONE;
}

int
spool_choice_print(const struct ctl *c, const struct spool_choice *ch)
{
	static const char *const columns[] = { "id", NULL };
	struct output *o = output_begin(c, columns);
	int code = spool_choice_each(c, ch, print_id, o);

	output_end(&o);
	return code;
}
