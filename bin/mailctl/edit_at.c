/*
 * edit_at: records of a list by their place, for lists whose records have no
 * name of their own.
 */
#include "base/base.h"
#include "edit.h"
#include "base/die.h"

/* The element that holds the records of the list; NULL when there are none. */
static struct xml_node *
parent_of(const struct config_file *f, const char *list)
{
	struct span path = span_of(list);
	ssize_t slash = span_rfind(path, '/');

	return slash < 0 ? xml_root(f->xml) : xml_at(xml_root(f->xml), span_first(path, (size_t)slash));
}

static struct xml_node *
next_record(const struct config_file *f, const char *list, const struct xml_node *after)
{
	const struct xml_node *parent = parent_of(f, list);
	struct span path = span_of(list);

	return parent == NULL ? NULL : xml_child(parent, span_from(path, (size_t)(span_rfind(path, '/') + 1)), after);
}

size_t
edit_count(const struct config_file *f, const char *list)
{
	struct xml_node *n = NULL;
	size_t count = 0;

	while ((n = next_record(f, list, n)) != NULL)
		count++;
	return count;
}

static struct xml_node *
find(const struct config_file *f, const char *list, size_t at, struct buf *errors)
{
	struct xml_node *n = NULL;

	for (size_t i = 0; (n = next_record(f, list, n)) != NULL; i++)
		if (i == at)
			return n;
	buf_printf(errors, "%s: there is no number %zu\n", list, at + 1);
	return NULL;
}

int
edit_change_at(struct config_file *f, const char *list, size_t at, size_t count, char *const *words,
	struct buf *errors)
{
	const struct setting *s = setting_find(f->scope, span_of(list));
	struct xml_node *n = find(f, list, at, errors);
	int code = EXIT_DONE;

	if (n == NULL || s == NULL)
		return EXIT_NO_OBJECT;
	for (size_t i = 0; i < count && code == EXIT_DONE; i++)
		code = edit_field(s, n, words[i], errors);
	return code;
}

int
edit_remove_at(struct config_file *f, const char *list, size_t at, struct buf *errors)
{
	struct xml_node *n = find(f, list, at, errors);

	if (n == NULL)
		return EXIT_NO_OBJECT;
	xml_remove(n);
	return EXIT_DONE;
}
