/*
 * refresh_list: which domains there are, from domainList.xml.
 */
#include "base/base.h"
#include "refresh_private.h"

#include <stdlib.h>
#include "base/buf.h"
#include "base/mem.h"
#include "config/format.h"

struct list_reading {
	struct refresh *r;
	struct buf names;	/* NAME FOLDER LF */
};

/* Folders lie below domains/: the only place where auth-check may look. */
static bool
folder_of(struct span name, struct span path, struct buf *out)
{
	if (path.n == 0)
		return buf_span(out, name);
	if (!span_starts(path, SPAN("domains/")) || span_search(path, SPAN("..")) >= 0
	    || span_find(path, ' ') >= 0 || path.n > LIMIT_DOMAIN + 8)
		return false;
	return buf_span(out, span_from(path, 8));
}

static void
take_listed(void *ctx, const struct record *rec)
{
	struct list_reading *l = ctx;
	char name[LIMIT_DOMAIN + 1];
	size_t start = l->names.n;

	refresh_copy_lower(record_get(rec, "name"), name, sizeof(name));
	if (!format_is_domain_folder(span_of(name)))
		return;
	buf_text_put(&l->names, name);
	buf_char(&l->names, ' ');
	if (!folder_of(span_of(name), record_get(rec, "folder"), &l->names)) {
		log_failure(l->r->svc, NULL, NULL, "event=domain-outside domain=%s", name);
		buf_cut(&l->names, start);
		return;
	}
	buf_char(&l->names, '\n');
}

/* One line of the list. */
struct listed {
	struct span name, folder;
};

static int
compare_listed(const void *a, const void *b)
{
	return span_cmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

/* The lines as an array in the order of names; owned by the caller. */
static struct listed *
sort_listed(struct span lines, size_t *count_out)
{
	struct listed *list;
	size_t n = 0;

	for (size_t i = 0; i < lines.n; i++)
		n += lines.p[i] == '\n';
	list = mem_array(n + 1, sizeof(*list));
	*count_out = n;
	for (size_t i = 0; i < n; i++) {
		list[i].folder = span_cut(&lines, '\n');
		list[i].name = span_cut(&list[i].folder, ' ');
	}
	qsort(list, n, sizeof(*list), compare_listed);
	return list;
}

static void
drop_unlisted(struct refresh *r, const struct listed *list, size_t n)
{
	char domain[LIMIT_DOMAIN + 1] = "", next[LIMIT_DOMAIN + 1];

	while (index_next_domain(r->ix, span_of(domain), next)) {
		struct listed key = { .name = span_of(next) };

		memcpy(domain, next, sizeof(domain));
		if (bsearch(&key, list, n, sizeof(*list), compare_listed) != NULL)
			continue;
		index_begin(r->ix);
		index_drop_domain(r->ix, span_of(domain));
		index_commit(r->ix);
	}
}

static void
read_listed(struct refresh *r, const struct listed *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char folder[LIMIT_DOMAIN + 64];

		refresh_copy(list[i].folder, folder, sizeof(folder));
		refresh_domain_read(r, list[i].name, folder);
		refresh_domain_aliases(r, list[i].name, folder);
	}
}

void
refresh_list(struct refresh *r)
{
	struct list_reading l = { .r = r };
	struct stamp known = { 0 };
	struct file_stamp now = refresh_file_stamp(r->etc_fd, "domainList.xml");
	struct listed *list;
	size_t n;

	if (index_get_stamp(r->ix, "list", &known) && refresh_file_same(&now.stamp, &known))
		return;
	buf_init(&l.names, LIMIT_XML);
	if (now.exists && !refresh_file_parse(r, r->etc_fd, "domainList.xml", "list", take_listed, &l)) {
		buf_free(&l.names);
		return;
	}
	list = sort_listed(buf_view(&l.names), &n);
	drop_unlisted(r, list, n);
	read_listed(r, list, n);
	free(list);
	buf_free(&l.names);
	index_put_stamp(r->ix, "list", &now.stamp);
}
