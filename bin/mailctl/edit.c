/*
 * edit: names to elements.  The document is changed in memory only; whoever
 * saves it validates the whole, so a half-done edit is never written.
 */
#include "base/base.h"
#include "edit.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sys/file.h"

/* A setting and the element below which its path begins. */
struct place {
	const struct setting *s;
	struct xml_node *base;
};

static int
unknown(struct buf *errors, const char *name)
{
	buf_printf(errors, "%s: no such setting\n", name);
	return EXIT_NO_OBJECT;
}

static int
find(struct config_file *f, const char *name, struct place *out, struct buf *errors)
{
	struct span path = span_of(name);

	out->base = xml_root(f->xml);
	out->s = setting_find(f->scope, path);
	if (out->s == NULL && f->scope == SCOPE_SERVER &&
	    span_starts_nocase(path, SPAN("domainDefaults/"))) {
		out->s = setting_find(SCOPE_DOMAIN, span_from(path, 15));
		out->base = xml_make(out->base, SPAN("domainDefaults"));
	}
	if (out->s == NULL)
		return unknown(errors, name);
	if (setting_parent(out->s) != NULL) {
		buf_printf(errors, "%s: is a field; add or remove whole entries of %s\n", name,
			setting_parent(out->s)->path);
		return EXIT_REFUSED;
	}
	return EXIT_DONE;
}

/* The value in canonical form in out; EXIT_REFUSED with the range otherwise. */
static int
check(const struct setting *s, struct span value, struct buf *out, struct buf *errors)
{
	struct buf why;
	bool ok;

	buf_init(&why, LIMIT_SETTING_VALUE);
	ok = setting_check(s, value, out, &why);
	if (!ok)
		buf_printf(errors, "%s: %s\n", s->path, buf_text(&why));
	buf_free(&why);
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

static int
set_text(const struct setting *s, struct xml_node *n, struct span value, struct buf *errors)
{
	struct buf text;
	int code;

	buf_init(&text, LIMIT_SETTING_VALUE);
	code = check(s, value, &text, errors);
	if (code == EXIT_DONE)
		xml_set_text(n, buf_view(&text));
	buf_free(&text);
	return code;
}

/* The element that holds a list's items; made when `make`. */
static struct xml_node *
container(const struct place *p, bool make)
{
	struct span path = span_of(p->s->path);
	ssize_t slash = span_rfind(path, '/');

	if (slash < 0)
		return p->base;
	path = span_first(path, (size_t)slash);
	return make ? xml_make(p->base, path) : xml_at(p->base, path);
}

static int
set_list(const struct place *p, struct span value, struct buf *errors)
{
	struct xml_node *parent = container(p, true), *n;
	struct span name = span_of(setting_element(p->s));
	int code = EXIT_DONE;

	while ((n = xml_child(parent, name, NULL)) != NULL)
		xml_remove(n);
	while (value.p != NULL && code == EXIT_DONE) {
		struct span item = span_trim(span_cut(&value, ','));

		if (item.n > 0)
			code = set_text(p->s, xml_add(parent, name), item, errors);
	}
	return code;
}

int
edit_set(struct config_file *f, const char *name, const char *value, struct buf *errors)
{
	struct place p;
	int code = find(f, name, &p, errors);

	if (code != EXIT_DONE)
		return code;
	if (p.s->type == SETTING_LIST)
		return set_list(&p, span_of(value), errors);
	if (p.s->type == SETTING_RECORDS) {
		buf_printf(errors, "%s: is a list of records; use --add and --remove\n", name);
		return EXIT_REFUSED;
	}
	return set_text(p.s, xml_make(p.base, span_of(p.s->path)), span_of(value), errors);
}

int
edit_switch(struct config_file *f, const char *name, bool on, struct buf *errors)
{
	struct place p;
	struct xml_node *n;
	int code = find(f, name, &p, errors);

	if (code != EXIT_DONE)
		return code;
	if (p.s->sw == SWITCH_NONE) {
		buf_printf(errors, "%s: has no switch\n", name);
		return EXIT_REFUSED;
	}
	n = xml_at(p.base, span_of(p.s->path));
	if (n == NULL) {
		n = xml_make(p.base, span_of(p.s->path));
		xml_set_text(n, span_of(p.s->dflt));
	}
	xml_set_enabled(n, on);
	return EXIT_DONE;
}

/* The field of a record list that a word "field=value" names; NULL otherwise. */
static const struct setting *
field_of(const struct setting *list, struct span name)
{
	for (const struct setting *s = list + 1;
	     s < setting_table + setting_count && setting_parent(s) == list; s++)
		if (span_eq_nocase(name, span_of(setting_element(s))) ||
		    (setting_other_element(s) != NULL && span_eq_nocase(name, span_of(setting_other_element(s)))))
			return s;
	return NULL;
}

int
edit_field(const struct setting *list, struct xml_node *record, const char *word, struct buf *errors)
{
	struct span value = span_of(word), name = span_cut(&value, '=');
	const struct setting *field = field_of(list, name);
	struct xml_node *n;

	if (value.p == NULL || field == NULL) {
		buf_printf(errors, "%s: expected field=value with a field of %s\n", word, list->path);
		return EXIT_REFUSED;
	}
	n = config_field(field, record);
	return set_text(field, n != NULL ? n : xml_make(record, span_of(setting_element(field))), value, errors);
}

int
edit_add(struct config_file *f, const char *name, size_t count, char *const *words, struct buf *errors)
{
	struct place p;
	struct xml_node *parent, *record;
	int code = find(f, name, &p, errors);

	if (code != EXIT_DONE)
		return code;
	parent = container(&p, true);
	if (p.s->type == SETTING_LIST) {
		for (size_t i = 0; i < count && code == EXIT_DONE; i++)
			code = set_text(p.s, xml_add(parent, span_of(setting_element(p.s))),
				span_of(words[i]), errors);
		return code;
	}
	if (p.s->type != SETTING_RECORDS) {
		buf_printf(errors, "%s: is no list\n", name);
		return EXIT_REFUSED;
	}
	record = xml_add(parent, span_of(setting_element(p.s)));
	for (size_t i = 0; i < count && code == EXIT_DONE; i++)
		code = edit_field(p.s, record, words[i], errors);
	return code;
}

static bool
text_is(const struct xml_node *n, struct span want)
{
	struct buf text;
	bool same;

	if (n == NULL)
		return false;
	buf_init(&text, LIMIT_SETTING_VALUE);
	same = xml_text(n, &text) && span_eq_nocase(buf_view(&text), want);
	buf_free(&text);
	return same;
}

/* Does the element match every word: an item's text, or all field=value pairs? */
static bool
matches(const struct setting *s, const struct xml_node *n, size_t count, char *const *words)
{
	for (size_t i = 0; i < count; i++) {
		struct span value = span_of(words[i]), name;
		const struct setting *field;

		if (s->type == SETTING_LIST) {
			if (text_is(n, value))
				return true;
			continue;
		}
		name = span_cut(&value, '=');
		field = field_of(s, name);
		if (value.p == NULL || !text_is(field != NULL ? config_field(field, n) : xml_child(n, name, NULL), value))
			return false;
	}
	return s->type == SETTING_RECORDS && count > 0;
}

int
edit_remove(struct config_file *f, const char *name, size_t count, char *const *words, struct buf *errors)
{
	struct place p;
	struct xml_node *parent, *n = NULL, *next;
	size_t removed = 0;
	int code = find(f, name, &p, errors);

	if (code != EXIT_DONE)
		return code;
	parent = container(&p, false);
	for (n = parent == NULL ? NULL : xml_child(parent, span_of(setting_element(p.s)), NULL);
	     n != NULL; n = next) {
		next = xml_child(parent, span_of(setting_element(p.s)), n);
		if (matches(p.s, n, count, words)) {
			xml_remove(n);
			removed++;
		}
	}
	if (removed > 0)
		return EXIT_DONE;
	buf_printf(errors, "%s: nothing matches\n", name);
	return EXIT_NO_OBJECT;
}

int
edit_entry(struct config_file *f, const char *name, size_t match_count, char *const *match,
	size_t count, char *const *words, struct buf *errors)
{
	struct place p;
	struct xml_node *parent, *n = NULL;
	bool found = false;
	int code = find(f, name, &p, errors);

	if (code != EXIT_DONE)
		return code;
	if (p.s->type != SETTING_RECORDS) {
		buf_printf(errors, "%s: is no list of records\n", name);
		return EXIT_REFUSED;
	}
	parent = container(&p, false);
	while (parent != NULL && code == EXIT_DONE &&
	       (n = xml_child(parent, span_of(setting_element(p.s)), n)) != NULL) {
		if (!matches(p.s, n, match_count, match))
			continue;
		found = true;
		for (size_t i = 0; i < count && code == EXIT_DONE; i++)
			code = edit_field(p.s, n, words[i], errors);
	}
	if (found)
		return code;
	buf_printf(errors, "%s: nothing matches\n", name);
	return EXIT_NO_OBJECT;
}

/* NAME=VALUE, or NAME@enabled=True for the switch beside a value. */
static int
edit_word(struct config_file *f, char *name, struct span value, struct buf *errors)
{
	static const char attribute[] = "@enabled";
	size_t n = strlen(name), end = sizeof(attribute) - 1;

	if (n <= end || strcmp(name + n - end, attribute) != 0)
		return edit_set(f, name, value.p, errors);
	if (!span_is_nocase(value, "True") && !span_is_nocase(value, "False")) {
		buf_printf(errors, "%s: True or False\n", name);
		return EXIT_REFUSED;
	}
	name[n - end] = '\0';
	return edit_switch(f, name, span_is_nocase(value, "True"), errors);
}

int
edit_words(struct config_file *f, size_t count, char *const *words, struct buf *errors)
{
	for (size_t i = 0; i < count; i++) {
		struct span value = span_of(words[i]), name = span_cut(&value, '=');
		char *copy;
		int code;

		if (value.p == NULL) {
			buf_printf(errors, "%s: expected SETTING=VALUE\n", words[i]);
			return EXIT_USAGE;
		}
		copy = mem_copy(name);
		code = edit_word(f, copy, value, errors);
		free(copy);
		if (code != EXIT_DONE)
			return code;
	}
	return EXIT_DONE;
}

int
edit_file(struct ctl *c, int lock_dirfd, int dirfd, const char *folder, enum setting_scope scope,
	edit_fn *change, const void *ctx)
{
	int code = EXIT_NO_RIGHT;
	struct config_author by;
	struct config_file f;
	struct buf errors;

	buf_init(&errors, 65536);
	if (ctl_author(c, &by) && config_edit(&f, lock_dirfd, dirfd, folder, scope, &errors)) {
		code = change(&f, ctx, &errors);
		if (code == EXIT_DONE && !config_save(&f, &by, &errors))
			code = EXIT_REFUSED;
		config_close(&f);
	} else if (errors.n > 0) {
		code = EXIT_REFUSED;
	}
	ctl_report(code, &errors);
	buf_free(&errors);
	return code;
}

int
edit_etc(struct ctl *c, enum setting_scope scope, edit_fn *change, const void *ctx)
{
	int etc = ctl_open_dir(c, "etc"), code;

	if (etc < 0)
		return EXIT_NO_RIGHT;
	code = edit_file(c, etc, etc, "etc", scope, change, ctx);
	file_close(&etc);
	c->was_edited |= code == EXIT_DONE && scope == SCOPE_SERVER;
	return code;
}

struct pair {
	const char *name, *value;
};

static int
set_pair(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct pair *p = ctx;

	return edit_set(f, p->name, p->value, errors);
}

int
edit_server(struct ctl *c, const char *name, const char *value)
{
	const struct pair p = { name, value };

	return edit_etc(c, SCOPE_SERVER, set_pair, &p);
}
