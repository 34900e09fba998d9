/*
 * story: two passes over the log files: which tickets and ids, then all lines
 * that have one of them.
 */
#include "base/base.h"
#include "story.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"

#define FIELD_MAX 1024

struct search {
	struct story *story;
	const char *key;
	enum story_key kind;
	bool by_id;			/* the number is of a message: others of its session are left out */
};

/* -- sets of words ----------------------------------------------------------- */

/* Where the word is, or belongs. */
static size_t
place(const struct words *w, struct span word, bool *found)
{
	size_t low = 0, high = w->count;

	*found = false;
	while (low < high && !*found) {
		size_t middle = low + (high - low) / 2;
		int cmp = span_cmp(word, span_of(w->at[middle]));

		*found = cmp == 0;
		if (cmp > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return high;
}

static bool
has(const struct words *w, struct span word)
{
	bool found;

	place(w, word, &found);
	return found;
}

static void
add(struct words *w, struct span word)
{
	bool found;
	size_t i = place(w, word, &found);

	if (found || word.n == 0 || span_is(word, "-"))
		return;
	if (w->count == w->cap) {
		w->cap = w->cap == 0 ? 64 : 2 * w->cap;
		w->at = mem_resize_array(w->at, w->cap, sizeof(*w->at));
	}
	memmove(w->at + i + 1, w->at + i, (w->count - i) * sizeof(*w->at));
	w->at[i] = mem_copy(word);
	w->count++;
}

static void
free_words(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->at[i]);
	free(w->at);
}

/* -- passes ------------------------------------------------------------------- */

static bool
field_is(struct span text, const char *name, const char *value)
{
	char field[FIELD_MAX];

	return log_field(text, name, field, sizeof(field)) && strcasecmp(field, value) == 0;
}

static bool
is_hit(const struct search *s, const struct log_entry *e)
{
	switch (s->kind) {
	case STORY_NUMBER:
		return span_is(e->ticket, s->key) || field_is(e->text, "id", s->key);
	case STORY_MESSAGE_ID:
		return field_is(e->text, "message-id", s->key);
	case STORY_ADDRESS:
	default:
		return field_is(e->text, "from", s->key) || field_is(e->text, "to", s->key) ||
			field_is(e->text, "user", s->key) || field_is(e->text, "rcpt", s->key);
	}
}

static void
find_names(void *ctx, const struct log_entry *e)
{
	struct search *s = ctx;
	char id[FIELD_MAX];

	/* Most lines have no part of the key; only then is a line taken apart. */
	if (span_search_nocase(e->line, span_of(s->key)) < 0 || !is_hit(s, e))
		return;
	add(&s->story->tickets, e->ticket);
	if (log_field(e->text, "id", id, sizeof(id)) && (s->kind != STORY_NUMBER || strcmp(id, s->key) == 0)) {
		add(&s->story->ids, span_of(id));
		s->by_id |= s->kind != STORY_ADDRESS;
	}
}

static char *
join(const char *day, struct span clock)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %.*s", day, SPAN_ARG(clock));
	return mem_text(text);
}

static char *
text_or_empty(struct span s)
{
	return span_is(s, "-") ? mem_text("") : mem_copy(s);
}

static void
keep(struct story *s, const struct log_entry *e)
{
	if (s->count == s->cap) {
		s->cap = s->cap == 0 ? 64 : 2 * s->cap;
		s->lines = mem_resize_array(s->lines, s->cap, sizeof(*s->lines));
	}
	s->lines[s->count++] = (struct story_line){ join(e->day, e->time), text_or_empty(e->ip),
		text_or_empty(e->ticket), mem_copy(e->text) };
}

static void
find_lines(void *ctx, const struct log_entry *e)
{
	struct search *s = ctx;
	char id[FIELD_MAX], bounce[FIELD_MAX];
	bool has_id = log_field(e->text, "id", id, sizeof(id));
	bool mine = has_id && has(&s->story->ids, span_of(id));

	if (!mine && (!has(&s->story->tickets, e->ticket) || (has_id && s->by_id)))
		return;
	keep(s->story, e);
	if (mine && log_field(e->text, "bounce", bounce, sizeof(bounce)))
		add(&s->story->ids, span_of(bounce));
}

static int
compare_lines(const void *a, const void *b)
{
	const struct story_line *x = a, *y = b;

	return strcmp(x->when, y->when);
}

bool
story_key(const char *text, enum story_key *out)
{
	struct span s = span_of(text);
	uint64_t number;

	if (num_parse(s, UINT64_MAX, &number))
		*out = STORY_NUMBER;
	else if (s.n > 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		*out = STORY_MESSAGE_ID;
	else if (span_find(s, '@') >= 0)
		*out = STORY_ADDRESS;
	else
		return false;
	return true;
}

int
story_read(const struct ctl *c, const char *key, enum story_key kind, unsigned days, struct story *out)
{
	struct search s = { .story = out, .key = key, .kind = kind };
	int code;

	*out = (struct story){ .count = 0 };
	code = logs_each(c, days, NULL, find_names, &s);
	if (code == EXIT_DONE && out->tickets.count + out->ids.count > 0)
		code = logs_each(c, days, NULL, find_lines, &s);
	if (out->count > 0)
		qsort(out->lines, out->count, sizeof(*out->lines), compare_lines);
	return code;
}

void
story_free(struct story *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->lines[i].when);
		free(s->lines[i].ip);
		free(s->lines[i].ticket);
		free(s->lines[i].text);
	}
	free(s->lines);
	free_words(&s->tickets);
	free_words(&s->ids);
}
