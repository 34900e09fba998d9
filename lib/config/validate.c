/*
 * validate: one settings file against settings.def.
 *
 * Walks what stands in the file, not the table, so that the cost follows the
 * size of the file and every message has a line.  Containers and single
 * values may stand only once; the walk goes as deep as known paths go.
 */
#include "base/base.h"
#include "config/config_file.h"
#include "base/limits.h"
#include "base/mem.h"

struct walk {
	enum setting_scope scope;
	const char *shown;
	struct buf *errors, *warnings;
	size_t *counts;		/* list items seen, parallel to setting_table */
	bool ok;
};

PB_PRINTF(4, 5)
static void
complain(struct walk *w, const struct xml_node *n, const char *path, const char *fmt, ...)
{
	va_list ap;

	w->ok = false;
	buf_printf(w->errors, "%s:%d: %s: ", w->shown, xml_line(n), path);
	va_start(ap, fmt);
	buf_vprintf(w->errors, fmt, ap);
	va_end(ap);
	buf_char(w->errors, '\n');
}

struct xml_node *
config_field(const struct setting *field, const struct xml_node *record)
{
	struct xml_node *n = xml_child(record, span_of(setting_element(field)), NULL);
	const char *other = setting_other_element(field);

	return n != NULL || other == NULL ? n : xml_child(record, span_of(other), NULL);
}

/* s: the setting that it is, NULL for a container. */
static bool
stands_once(struct walk *w, const struct xml_node *parent, const struct xml_node *n, const char *path,
	const struct setting *s)
{
	if (xml_child(parent, span_of(xml_name(n)), NULL) == n && (s == NULL || config_field(s, parent) == n))
		return true;
	complain(w, n, path, "stands here a second time");
	return false;
}

static void
check_value(struct walk *w, const struct setting *s, const struct xml_node *n)
{
	struct buf value, canonical, why;

	buf_init(&value, LIMIT_SETTING_VALUE);
	buf_init(&canonical, LIMIT_SETTING_VALUE);
	buf_init(&why, LIMIT_SETTING_VALUE);
	if (!xml_text(n, &value)) {
		complain(w, n, s->path, "longer than %d bytes", LIMIT_SETTING_VALUE);
	} else if (!setting_check(s, buf_view(&value), &canonical, &why)) {
		struct buf shown;

		buf_init(&shown, 1024);
		buf_escaped(&shown, span_first(buf_view(&value), 80));
		complain(w, n, s->path, "%s, not \"%s\"", buf_text(&why),
			s->format == FORMAT_SECRET ? "***" : buf_text(&shown));
		buf_free(&shown);
	}
	if (s->sw != SWITCH_NONE && xml_enabled(n) == -2)
		complain(w, n, s->path, "attribute enabled must be True or False");
	buf_free(&why);
	buf_free(&canonical);
	buf_free(&value);
}

static void
check_count(struct walk *w, const struct setting *s, const struct xml_node *n)
{
	if (++w->counts[s - setting_table] == s->max_count + 1)
		complain(w, n, s->path, "more than %zu of them", s->max_count);
}

static void
unknown(struct walk *w, const struct xml_node *n, const char *path)
{
	if (w->warnings != NULL)
		buf_printf(w->warnings, "%s:%d: %s: unknown, kept as it is\n", w->shown, xml_line(n), path);
}

static void walk_children(struct walk *w, const struct xml_node *parent, const char *prefix);

static void
walk_element(struct walk *w, const struct xml_node *parent, const struct xml_node *n, const char *path)
{
	const struct setting *s = setting_find(w->scope, span_of(path));

	if (s == NULL && setting_is_container(w->scope, span_of(path))) {
		if (stands_once(w, parent, n, path, NULL))
			walk_children(w, n, path);
	} else if (s == NULL) {
		unknown(w, n, path);
	} else if (s->type == SETTING_RECORDS) {
		check_count(w, s, n);
		walk_children(w, n, path);
	} else if (s->type == SETTING_LIST) {
		check_count(w, s, n);
		check_value(w, s, n);
	} else if (stands_once(w, parent, n, path, s)) {
		check_value(w, s, n);
	}
}

/* Recursion ends with the longest path of the table: deeper elements are unknown. */
static void
walk_children(struct walk *w, const struct xml_node *parent, const char *prefix)
{
	for (const struct xml_node *n = NULL; (n = xml_child(parent, SPAN_NONE, n)) != NULL;) {
		char path[256];
		struct buf b;

		buf_init_fixed(&b, path, sizeof(path));
		if (!buf_printf(&b, "%s%s%s", prefix, prefix[0] == '\0' ? "" : "/", xml_name(n)))
			unknown(w, n, prefix);
		else
			walk_element(w, parent, n, path);
	}
}

/* The defaults for new domains are domain settings below one element. */
static void
walk_defaults(struct walk *w, const struct xml_node *root)
{
	struct xml_node *n = xml_child(root, SPAN("domainDefaults"), NULL);

	if (n == NULL)
		return;
	w->scope = SCOPE_DOMAIN;
	memset(w->counts, 0, setting_count * sizeof(*w->counts));
	walk_children(w, n, "");
}

bool
config_validate(const struct xml *x, enum setting_scope scope, const char *shown,
	struct buf *errors, struct buf *warnings)
{
	struct walk w = { scope, shown, errors, warnings, NULL, true };

	w.counts = mem_array(setting_count, sizeof(*w.counts));
	walk_children(&w, xml_root(x), "");
	if (scope == SCOPE_SERVER)
		walk_defaults(&w, xml_root(x));
	free(w.counts);
	return w.ok;
}
