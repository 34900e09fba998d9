/* numbered: see numbered.h. */
#include "base/base.h"
#include "numbered.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/compile.h"
#include "edit.h"

#define NUMBER_MAX 100000

struct change {
	const struct numbered *n;
	size_t at;		/* for edit and delete: from 0 */
	size_t count;
	char *const *words;
};

static int
check(const struct config_file *f, const struct numbered *n, size_t at, struct buf *errors)
{
	struct settings *s = compile_settings(f->xml, SCOPE_SERVER);
	int code = n->check(s, at, errors);

	settings_free(&s);
	return code;
}

static int
add(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *ch = ctx;
	size_t last = edit_count(f, ch->n->list);
	int code = edit_add(f, ch->n->list, ch->count, ch->words, errors);

	return code == EXIT_DONE ? check(f, ch->n, last, errors) : code;
}

static int
edit(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *ch = ctx;
	int code = edit_change_at(f, ch->n->list, ch->at, ch->count, ch->words, errors);

	return code == EXIT_DONE ? check(f, ch->n, ch->at, errors) : code;
}

static int
delete(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *ch = ctx;

	return edit_remove_at(f, ch->n->list, ch->at, errors);
}

static int
run(struct ctl *c, const struct numbered *n, size_t at, size_t count, char *const *words, edit_fn *fn)
{
	char **all = mem_array(count + n->secret_count, sizeof(*all));
	struct change ch = { n, at, count + n->secret_count, all };
	int code;

	for (size_t i = 0; i < count; i++)
		all[i] = words[i];
	for (size_t i = 0; i < n->secret_count; i++)
		all[count + i] = n->secrets[i];
	code = ch.count == 0 && fn != delete ? EXIT_USAGE : edit_etc(c, SCOPE_SERVER, fn, &ch);
	free(all);
	return code;
}

/* The first word is the number. */
static int
run_at(struct ctl *c, const struct numbered *n, size_t count, char *const *words, edit_fn *fn)
{
	uint64_t number;

	if (count == 0 || !num_parse(span_of(words[0]), NUMBER_MAX, &number) || number == 0)
		return EXIT_USAGE;
	return run(c, n, (size_t)number - 1, count - 1, words + 1, fn);
}

int
numbered_add(struct ctl *c, const struct numbered *n, size_t count, char *const *words)
{
	return run(c, n, 0, count, words, add);
}

int
numbered_edit(struct ctl *c, const struct numbered *n, size_t count, char *const *words)
{
	return run_at(c, n, count, words, edit);
}

int
numbered_delete(struct ctl *c, const struct numbered *n, size_t count, char *const *words)
{
	return count == 1 ? run_at(c, n, count, words, delete) : EXIT_USAGE;
}
