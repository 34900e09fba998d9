/*
 * compile: XML in, records out; run by the rightless child of mail-master and,
 * for domains and users, by auth-check and mailctl.
 *
 * The pipe carries blocks "NAME LENGTH\n" + LENGTH bytes, NAME a program or
 * "error", and "end 0\n" last.  The parent bounds every length.
 */
#include "base/base.h"
#include "config/compile.h"
#include <errno.h>
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/record.h"
#include "config/config_file.h"
#include "config/settings_parse.h"
#include "sys/file.h"

static void
add_pair(struct buf *out, const char *key, const char *name, struct span value)
{
	struct buf pair;

	buf_init(&pair, LIMIT_SETTING_VALUE + 512);
	buf_printf(&pair, "%s ", name);
	buf_span(&pair, value);
	if (pair.overflow)
		out->overflow = true;
	record_add(out, key, buf_view(&pair));
	buf_free(&pair);
}

/* The value of an element in canonical form, or the default. */
static void
add_value(struct buf *out, const char *key, const struct setting *s, const struct xml_node *n)
{
	struct buf raw, value, why;

	buf_init(&raw, LIMIT_SETTING_VALUE);
	buf_init(&value, LIMIT_SETTING_VALUE);
	buf_init(&why, LIMIT_SETTING_VALUE);
	if (n == NULL || !xml_text(n, &raw) || !setting_check(s, buf_view(&raw), &value, &why))
		add_pair(out, key, s->path, span_of(s->dflt));
	else
		add_pair(out, key, s->path, buf_view(&value));
	buf_free(&why);
	buf_free(&value);
	buf_free(&raw);
}

static void
add_switch(struct buf *out, const struct setting *s, const struct xml_node *n)
{
	int enabled = n == NULL ? -1 : xml_enabled(n);

	if (s->sw == SWITCH_NONE)
		return;
	if (enabled < 0)
		enabled = s->sw == SWITCH_ON ? 1 : 0;
	if (enabled == 0)
		record_add_text(out, "off", s->path);
}

/* The host name of the machine stands in while none is set (GEN-01). */
static bool
add_host_name(struct buf *out, const struct setting *s, const struct xml_node *n)
{
	char name[LIMIT_DOMAIN + 1];
	struct buf set;
	bool is_set;

	if (s->scope != SCOPE_SERVER || strcmp(s->path, "hostName") != 0)
		return false;
	buf_init(&set, LIMIT_SETTING_VALUE);
	is_set = n != NULL && xml_text(n, &set) && set.n > 0;
	buf_free(&set);
	if (is_set || gethostname(name, sizeof(name)) != 0)
		return false;
	name[sizeof(name) - 1] = '\0';
	if (strchr(name, '.') == NULL)
		return false;
	add_pair(out, "set", s->path, span_of(name));
	return true;
}

/* May the program see it?  0: all may. */
static bool
is_seen(const struct setting *s, unsigned int program)
{
	return program == 0 || (s->programs & program) != 0;
}

static void
add_records(struct buf *out, const struct setting *list, const struct xml_node *parent, struct span name,
	unsigned int program)
{
	for (const struct xml_node *n = NULL; (n = xml_child(parent, name, n)) != NULL;) {
		record_add_text(out, "entry", list->path);
		for (const struct setting *f = list + 1;
		     f < setting_table + setting_count && setting_parent(f) == list; f++)
			if (is_seen(f, program))
				add_value(out, "field", f, config_field(f, n));
	}
}

/* Lists repeat the last element of their path below one container. */
static void
add_list(struct buf *out, const struct setting *s, const struct xml *x, unsigned int program)
{
	struct span path = span_of(s->path), name = path;
	const struct xml_node *parent = xml_root(x);
	ssize_t slash = span_rfind(path, '/');

	record_add_text(out, "list", s->path);
	if (slash >= 0) {
		parent = xml_at(parent, span_first(path, (size_t)slash));
		name = span_from(path, (size_t)slash + 1);
	}
	if (parent == NULL)
		return;
	if (s->type == SETTING_RECORDS) {
		add_records(out, s, parent, name, program);
		return;
	}
	for (const struct xml_node *n = NULL; (n = xml_child(parent, name, n)) != NULL;)
		add_value(out, "item", s, n);
}

static void
add_setting(struct buf *out, const struct setting *s, const struct xml *x, unsigned int program)
{
	const struct xml_node *n;

	if (s->type == SETTING_LIST || s->type == SETTING_RECORDS) {
		add_list(out, s, x, program);
		return;
	}
	n = xml_at(xml_root(x), span_of(s->path));
	if (!add_host_name(out, s, n))
		add_value(out, "set", s, n);
	add_switch(out, s, n);
}

bool
compile_record(const struct xml *x, enum setting_scope scope, unsigned int program, struct buf *out)
{
	record_begin(out, "settings");
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *s = &setting_table[i];

		if (s->scope == scope && setting_parent(s) == NULL && is_seen(s, program))
			add_setting(out, s, x, program);
	}
	return !out->overflow;
}

struct settings *
compile_settings(const struct xml *x, enum setting_scope scope)
{
	struct settings *st = NULL;
	struct buf text;

	buf_init(&text, LIMIT_SETTINGS);
	if (compile_record(x, scope, 0, &text))
		st = settings_parse_scope(scope, buf_view(&text));
	else
		errno = EFBIG;
	buf_free(&text);
	return st;
}

struct settings *
compile_read(int fd, enum setting_scope scope, const char *shown, struct buf *errors)
{
	struct xml_error err;
	struct xml *x = xml_read(fd, &err);
	struct settings *st = NULL;

	if (x == NULL) {
		buf_printf(errors, "%s:%d: %s\n", shown, err.line, err.text);
		return NULL;
	}
	if (config_validate(x, scope, shown, errors, NULL)) {
		st = compile_settings(x, scope);
		if (st == NULL)
			buf_printf(errors, "%s: %s\n", shown, strerror(errno));
	}
	xml_free(&x);
	return st;
}

/* -- the child's side ------------------------------------------------------- */

static void
write_block(int fd, const char *name, struct span text)
{
	char head[64];

	snprintf(head, sizeof(head), "%s %zu\n", name, text.n);
	if (file_write_all(fd, head, strlen(head)) != 0 || file_write_all(fd, text.p, text.n) != 0)
		die(EXIT_TRY_LATER, "settings: writing to the parent: %s", strerror(errno));
}

static struct xml *
child_read(int xml_fd, const char *shown, struct buf *errors)
{
	struct xml_error err;
	struct xml *x;

	if (xml_fd < 0)
		return xml_new(setting_root_name(SCOPE_SERVER));
	x = xml_read(xml_fd, &err);
	if (x == NULL)
		buf_printf(errors, "%s:%d: %s\n", shown, err.line, err.text);
	else if (!config_validate(x, SCOPE_SERVER, shown, errors, NULL))
		xml_free(&x);
	return x;
}

/* Entries of the files, as lines to be appended to a record. */
static bool
child_read_bypass(const int fds[BYPASS_FILES], struct buf *out, struct buf *errors)
{
	bool ok = true;

	for (size_t i = 0; i < BYPASS_FILES; i++)
		if (fds[i] >= 0)
			ok &= bypass_read(fds[i], bypass_files[i], out, errors);
	return ok;
}

/* Together with those of the settings they may be more than greylist-check takes. */
static bool
add_bypass(struct buf *text, const struct buf *bypass)
{
	struct settings *st;

	if (bypass->n == 0)
		return true;
	if (!buf_span(text, buf_view(bypass)))
		return false;
	st = settings_parse(buf_view(text));
	if (st == NULL)
		return false;
	settings_free(&st);
	return true;
}

int
compile_child(int xml_fd, const char *shown, int out_fd)
{
	static const int none[BYPASS_FILES] = { -1, -1 };

	return compile_child_with(xml_fd, shown, none, out_fd);
}

int
compile_child_with(int xml_fd, const char *shown, const int bypass_fds[BYPASS_FILES], int out_fd)
{
	struct buf text, bypass;
	struct xml *x;

	buf_init(&text, LIMIT_SETTINGS);
	buf_init(&bypass, LIMIT_SETTINGS);
	x = child_read(xml_fd, shown, &text);
	if (x == NULL || !child_read_bypass(bypass_fds, &bypass, &text)) {
		write_block(out_fd, "error", buf_view(&text));
		return EXIT_REFUSED;
	}
	for (size_t i = 0; i < setting_program_count; i++) {
		if (!compile_record(x, SCOPE_SERVER, setting_programs[i].bit, &text)
		    || (setting_programs[i].bit == PROGRAM_GREY && !add_bypass(&text, &bypass))) {
			write_block(out_fd, "error", SPAN("settings are too large\n"));
			return EXIT_REFUSED;
		}
		write_block(out_fd, setting_programs[i].name, buf_view(&text));
	}
	buf_free(&bypass);
	write_block(out_fd, "end", SPAN(""));
	xml_free(&x);
	buf_free(&text);
	return EXIT_DONE;
}

/* -- the parent's side ------------------------------------------------------ */

static bool
read_exactly(int fd, char *p, size_t n)
{
	while (n > 0) {
		ssize_t got = read(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

/* Read "NAME LENGTH\n"; false at the end of the pipe or for anything else. */
static bool
read_head(int fd, char name[64], size_t *length)
{
	char line[64];
	size_t n = 0;
	struct span rest, first;
	uint64_t num;

	do {
		if (n == sizeof(line) || !read_exactly(fd, line + n, 1))
			return false;
	} while (line[n++] != '\n');
	rest = span_make(line, n - 1);
	first = span_cut(&rest, ' ');
	if (rest.p == NULL || !num_parse(rest, LIMIT_SETTINGS, &num))
		return false;
	memcpy(name, first.p, first.n);
	name[first.n] = '\0';
	*length = (size_t)num;
	return true;
}

/* One block: 1 taken, 0 the end, -1 an error that is in errors. */
static int
take_block(int fd, compile_taker *take, void *ctx, unsigned int *seen, struct buf *errors)
{
	char name[64], *text;
	unsigned int bit;
	size_t n;

	if (!read_head(fd, name, &n)) {
		buf_text_put(errors, "the reader of the settings ended early\n");
		return -1;
	}
	if (strcmp(name, "end") == 0)
		return 0;
	text = mem_new(n + 1);
	bit = setting_program_bit(name);
	if (!read_exactly(fd, text, n)) {
		buf_text_put(errors, "the reader of the settings ended early\n");
		bit = 0;
	} else if (strcmp(name, "error") == 0) {
		buf_put(errors, text, n);
		bit = 0;
	} else if (bit == 0 || (*seen & bit) != 0) {
		buf_text_put(errors, "the reader of the settings sent nonsense\n");
		bit = 0;
	} else {
		*seen |= bit;
		take(ctx, name, span_make(text, n));
	}
	free(text);
	return bit == 0 ? -1 : 1;
}

int
compile_take(int fd, compile_taker *take, void *ctx, struct buf *errors)
{
	unsigned int seen = 0, all = 0;
	int rc;

	for (size_t i = 0; i < setting_program_count; i++)
		all |= setting_programs[i].bit;
	while ((rc = take_block(fd, take, ctx, &seen, errors)) == 1)
		;
	if (rc == 0 && seen != all) {
		buf_text_put(errors, "the reader of the settings left programs out\n");
		rc = -1;
	}
	return rc;
}
