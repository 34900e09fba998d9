/*
 * show: values in the form in which `set` takes them.
 */
#include "base/base.h"
#include "show.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "output.h"

static const char *const columns[] = { "setting", "value", "unit", "enabled", "help", NULL };

static void
row(struct output *o, const struct settings *st, const struct setting *s, const char *value)
{
	const char *enabled = s->sw == SWITCH_NONE ? "" : settings_enabled(st, s->path) ? "True" : "False";

	if (s->format == FORMAT_SECRET && value[0] != '\0')
		value = "***";
	output_row(o, s->path, value, s->unit, enabled, s->help);
}

static void
add_list(struct output *o, const struct settings *st, const struct setting *s)
{
	for (size_t i = 0; i < settings_count(st, s->path); i++)
		row(o, st, s, settings_list(st, s->path, i));
}

static const char *
shown(const struct setting *s, const char *value)
{
	return s->format == FORMAT_SECRET && value[0] != '\0' ? "***" : value;
}

static void
add_records(struct output *o, const struct settings *st, const struct setting *s)
{
	struct buf text;

	buf_init(&text, 64 * LIMIT_SETTING_VALUE);
	for (size_t i = 0; i < settings_count(st, s->path); i++) {
		buf_clear(&text);
		for (const struct setting *f = s + 1;
		     f < setting_table + setting_count && setting_parent(f) == s; f++)
			buf_printf(&text, "%s%s=%s", text.n > 0 ? " " : "", setting_element(f),
				shown(f, settings_entry(st, s->path, i, setting_element(f))));
		row(o, st, s, buf_text(&text));
	}
	buf_free(&text);
}

static void
add(struct output *o, const struct settings *st, const struct setting *s)
{
	if (s->type == SETTING_LIST)
		add_list(o, st, s);
	else if (s->type == SETTING_RECORDS)
		add_records(o, st, s);
	else
		row(o, st, s, settings_text(st, s->path));
}

static void
add_fact(struct output *o, const struct show_fact *fact)
{
	output_row(o, fact->name, fact->value, fact->unit, "", fact->help);
}

static void
show_all(const struct ctl *c, const struct settings *st, enum setting_scope scope, const struct show_fact *fact)
{
	struct output *o = output_begin(c, columns);

	for (size_t i = 0; i < setting_count; i++)
		if (setting_table[i].scope == scope && setting_parent(&setting_table[i]) == NULL)
			add(o, st, &setting_table[i]);
	if (fact != NULL)
		add_fact(o, fact);
	output_end(&o);
}

static const struct setting *
find(enum setting_scope scope, const char *name)
{
	const struct setting *s = setting_find(scope, span_of(name));

	if (s != NULL && setting_parent(s) == NULL)
		return s;
	ctl_fail(EXIT_NO_OBJECT, "%s: no such setting", name);
	return NULL;
}

/* For people: the bare value, rows for lists. */
static int
show_one(const struct ctl *c, const struct settings *st, enum setting_scope scope, const char *name)
{
	const struct setting *s = find(scope, name);
	struct output *o;

	if (s == NULL)
		return EXIT_NO_OBJECT;
	if (s->type != SETTING_LIST && s->type != SETTING_RECORDS) {
		puts(s->format == FORMAT_SECRET && settings_text(st, s->path)[0] != '\0' ? "***" :
			settings_text(st, s->path));
		return EXIT_DONE;
	}
	o = output_begin(c, columns);
	add(o, st, s);
	output_end(&o);
	return EXIT_DONE;
}

static bool
is_fact(const struct show_fact *fact, const char *name)
{
	return fact != NULL && strcasecmp(name, fact->name) == 0;
}

/* For machines: all of them, or none. */
static int
show_rows(const struct ctl *c, const struct settings *st, enum setting_scope scope, char *const *names, size_t count,
	const struct show_fact *fact)
{
	struct output *o;

	for (size_t i = 0; i < count; i++)
		if (!is_fact(fact, names[i]) && find(scope, names[i]) == NULL)
			return EXIT_NO_OBJECT;
	o = output_begin(c, columns);
	for (size_t i = 0; i < count; i++)
		if (is_fact(fact, names[i]))
			add_fact(o, fact);
		else
			add(o, st, find(scope, names[i]));
	output_end(&o);
	return EXIT_DONE;
}

int
show_settings(const struct ctl *c, const struct settings *st, enum setting_scope scope, char *const *names, size_t count)
{
	return show_with_fact(c, st, scope, names, count, NULL);
}

int
show_with_fact(const struct ctl *c, const struct settings *st, enum setting_scope scope, char *const *names,
	size_t count, const struct show_fact *fact)
{
	int code = EXIT_DONE;

	if (st == NULL)
		return EXIT_REFUSED;
	if (count == 0)
		show_all(c, st, scope, fact);
	else if (c->format != CTL_TEXT)
		return show_rows(c, st, scope, names, count, fact);
	for (size_t i = 0; i < count && code == EXIT_DONE; i++)
		if (is_fact(fact, names[i]))
			puts(fact->value);
		else
			code = show_one(c, st, scope, names[i]);
	return code;
}
