/*
 * resolve_expand: what an address stands for in the end.
 *
 * Targets are walked depth first with the set of addresses seen so far, so
 * that a loop ends and each final target stands once.  A local target that
 * does not exist is kept as a mailbox: its delivery fails, and the sender hears it.
 */
#include "base/base.h"
#include "resolve_found.h"

#include <stdlib.h>
#include "base/mem.h"

struct expansion {
	struct resolver *rs;
	struct arena *arena;
	const char **seen;	/* every address looked at, in small letters */
	size_t seen_count;
	size_t targets;
	bool too_deep, too_many;
	bool accounts_only;	/* mailboxes without detail: who they are, not where mail goes */
	struct buf *out;
};

/* True the first time.  Linear: at most 2 * LIMIT_EXPANSION short names. */
static bool
is_new(struct expansion *e, const char *name)
{
	char *copy;

	for (size_t i = 0; i < e->seen_count; i++)
		if (strcmp(e->seen[i], name) == 0)
			return false;
	if (e->seen_count == 2 * LIMIT_EXPANSION || (copy = arena_copy(e->arena, span_of(name))) == NULL) {
		e->too_many = true;
		return false;
	}
	e->seen[e->seen_count++] = copy;
	return true;
}

/* A blank would part targets: it is written %20, and % is %25. */
static void
put_escaped(const char *address, struct buf *out)
{
	for (const char *c = address; *c != '\0'; c++) {
		if (*c == ' ')
			buf_text_put(out, "%20");
		else if (*c == '%')
			buf_text_put(out, "%25");
		else
			buf_char(out, *c);
	}
}

static void
put_target(struct expansion *e, const char *kind, const char *address)
{
	if (e->targets++ == LIMIT_EXPANSION) {
		e->too_many = true;
		return;
	}
	buf_printf(e->out, "%s%s:", e->targets > 1 ? " " : "", kind);
	put_escaped(address, e->out);
}

static void expand_address(struct expansion *e, const char *address, int depth);

static void
expand_alias(struct expansion *e, const char *canonical, int depth)
{
	ssize_t at = span_rfind(span_of(canonical), '@');
	struct span name = span_first(span_of(canonical), (size_t)at);
	struct span domain = span_from(span_of(canonical), (size_t)at + 1), rest;
	struct buf targets;

	if (depth == LIMIT_EXPANSION_DEPTH) {
		e->too_deep = true;
		return;
	}
	buf_init(&targets, 70000);
	if (index_alias(e->rs->ix, domain, name, &targets)) {
		for (rest = buf_view(&targets); rest.p != NULL && !e->too_many;) {
			struct span target = span_trim(span_cut(&rest, ','));
			char text[LIMIT_ADDRESS + 1];

			if (target.n == 0 || target.n > LIMIT_ADDRESS)
				continue;
			memcpy(text, target.p, target.n);
			text[target.n] = '\0';
			expand_address(e, text, depth + 1);
		}
	}
	buf_free(&targets);
}

/*
 * A member at a domain that is disabled: an alias stands for its members as
 * ever, anything else is a mailbox whose mail waits until the domain is back.
 */
static void
expand_disabled(struct expansion *e, const char *canonical, int depth)
{
	size_t at = (size_t)span_rfind(span_of(canonical), '@');
	struct buf targets;
	bool is_alias;

	buf_init(&targets, 70000);
	is_alias = index_alias(e->rs->ix, span_from(span_of(canonical), at + 1), span_first(span_of(canonical), at),
	    &targets);
	buf_free(&targets);
	if (is_alias)
		expand_alias(e, canonical, depth);
	else
		put_target(e, "held", canonical);
}

static void
expand_address(struct expansion *e, const char *address, int depth)
{
	const char *name;
	struct found f;

	if (!resolve_meaning(e->rs, address, &f))
		return;
	name = e->accounts_only ? f.canonical : f.full;
	if (f.meaning == IS_FOREIGN) {
		if (is_new(e, address))
			put_target(e, "remote", address);
	} else if (f.meaning == IS_NOBODY || !is_new(e, name)) {
		return;
	} else if (f.meaning == IS_ALIAS) {
		expand_alias(e, f.canonical, depth);
	} else if (f.meaning == IS_DISABLED && resolve_in_disabled_domain(e->rs, f.canonical)) {
		expand_disabled(e, f.canonical, depth);
	} else {
		put_target(e, "mailbox", name);
	}
}

void
resolve_members(struct resolver *rs, const struct found *f, bool accounts_only, struct buf *out)
{
	struct expansion e = { .rs = rs, .out = out, .accounts_only = accounts_only };

	e.arena = arena_new(2 * LIMIT_EXPANSION * (LIMIT_ADDRESS + 16) + 65536);
	e.seen = mem_array(2 * LIMIT_EXPANSION, sizeof(*e.seen));
	buf_text_put(out, "OK ");
	expand_address(&e, f->canonical, 0);
	if (e.too_many || out->overflow) {
		buf_clear(out);
		buf_text_put(out, "PERM 550 5.3.5 The alias stands for too many addresses");
	} else if (e.too_deep || e.targets == 0) {
		buf_clear(out);
		buf_text_put(out, "PERM 550 5.4.6 The alias leads in a circle or too deep");
	}
	free(e.seen);
	arena_free(&e.arena);
}

void
resolve_expand(struct resolver *rs, struct span key, struct buf *out)
{
	struct found f;

	if (!resolve_key(rs, key, &f))
		resolve_refused_key(rs, key, out);
	else if (f.meaning == IS_DISABLED && resolve_in_disabled_domain(rs, f.canonical))
		buf_text_put(out, "OK held:");
	else if (resolve_refused(&f, out))
		return;
	else if (f.meaning == IS_MAILBOX && buf_text_put(out, "OK mailbox:"))
		put_escaped(f.full, out);
	else
		resolve_members(rs, &f, false, out);
}
