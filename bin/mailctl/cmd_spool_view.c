/*
 * cmd_spool_view: the text of messages in the queue, as it is or as JSON.
 */
#include "base/base.h"
#include "commands.h"
#include <errno.h>
#include "base/base64.h"
#include "base/die.h"
#include "base/mem.h"
#include "cmd_spool.h"
#include "mail/charset.h"
#include "output.h"
#include "queue.h"
#include "sys/file.h"

struct output *
spool_view_begin(const struct ctl *c)
{
	static const char *const columns[] = { "id", "size#", "encoding", "message", NULL };

	return c->format == CTL_JSON ? output_begin(c, columns) : NULL;
}

/* JSON holds text; bytes that are none, or a NUL, stand in base64. */
static void
view_row(struct output *o, const struct queue_entry *e, struct span text)
{
	bool is_text = charset_is_utf8(text) && span_find(text, '\0') < 0;
	char id[24], size[24], *copy;
	struct buf b;

	buf_init(&b, text.n / 3 * 4 + 8);
	if (!is_text && !base64_encode(&b, text))
		bug("base64: %zu bytes", text.n);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)e->id);
	snprintf(size, sizeof(size), "%zu", text.n);
	copy = mem_copy(is_text ? text : buf_view(&b));
	output_row(o, id, size, is_text ? "utf-8" : "base64", copy);
	free(copy);
	buf_free(&b);
}

static int
view_body(struct output *o, const struct queue_entry *e, int fd, uint64_t size)
{
	struct buf all;
	char part[65536];
	ssize_t n;

	buf_init(&all, size + sizeof(part));
	while ((n = read(fd, part, sizeof(part))) > 0)
		if (o == NULL)
			fwrite(part, 1, (size_t)n, stdout);
		else
			buf_span(&all, span_make(part, (size_t)n));
	if (n == 0 && o != NULL)
		view_row(o, e, buf_view(&all));
	buf_free(&all);
	return n == 0 ? EXIT_DONE : ctl_fail(EXIT_TRY_LATER, "reading: %s", strerror(errno));
}

int
spool_view_entry(const struct ctl *c, struct output *o, const struct queue_entry *e)
{
	uint64_t size;
	int fd = queue_body(c, e, &size), code;

	if (fd < 0)
		return ctl_fail(ctl_code_of_errno(errno), "message %llu: %s", (unsigned long long)e->id,
			strerror(errno));
	code = view_body(o, e, fd, size);
	file_close(&fd);
	return code;
}

int
cmd_spool_view(struct ctl *c, int argc, char **argv)
{
	struct spool_choice ch = { .all = false };
	struct output *o;
	int code;

	if (!spool_choose(&ch, argc, argv, false, NULL, 0))
		return EXIT_USAGE;
	o = spool_view_begin(c);
	code = spool_each_entry(c, &ch, o, spool_view_entry);
	if (o != NULL)
		output_end(&o);
	return code;
}
