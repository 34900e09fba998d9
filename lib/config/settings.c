/*
 * settings: the text that mail-master wrote for one program, as look-ups.
 *
 * Trust: the text was made by a process without rights from files that an
 * administrator wrote; it is taken as hostile.  Every line names a setting of
 * settings.def, values are checked against it again, counts are bounded.
 *
 * A value is kept in one slot per row of the table.  List items and record
 * fields keep their order in one array; an item's slot links to its first.
 */
#include "base/base.h"
#include "config/settings.h"
#include <arpa/inet.h>
#include <errno.h>
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/record.h"
#include "config/settings_parse.h"
#include "config/settings_table.h"
#include "sys/file.h"

struct item {
	char *value;		/* of lists; NULL for a record */
	char **fields;		/* of a record: one per row of the table it may have */
};

struct slot {
	bool present;		/* this program may see it */
	bool off;
	char *value;
	struct item *items;
	size_t count, cap;
};

struct settings {
	enum setting_scope scope;
	struct slot *slots;	/* parallel to setting_table */
};

/* Fields of a record list are the rows that directly follow it. */
static size_t
field_count(size_t row)
{
	size_t n = 0;

	while (row + 1 + n < setting_count &&
	    setting_parent(&setting_table[row + 1 + n]) == &setting_table[row])
		n++;
	return n;
}

static ssize_t
row_find(const struct settings *st, struct span path)
{
	const struct setting *s = setting_find(st->scope, path);

	return s == NULL ? -1 : s - setting_table;
}

static struct item *
item_new(struct slot *slot)
{
	if (slot->count == slot->cap) {
		slot->cap = slot->cap == 0 ? 4 : slot->cap * 2;
		slot->items = mem_resize_array(slot->items, slot->cap, sizeof(*slot->items));
	}
	memset(&slot->items[slot->count], 0, sizeof(struct item));
	return &slot->items[slot->count++];
}

/* The value in canonical form, owned by the caller; NULL when it is not allowed. */
static char *
checked(const struct setting *s, struct span value)
{
	struct buf out, why;
	char *copy = NULL;

	buf_init(&out, LIMIT_SETTING_VALUE);
	buf_init(&why, LIMIT_SETTING_VALUE);
	if (setting_check(s, value, &out, &why))
		copy = mem_copy(buf_view(&out));
	buf_free(&out);
	buf_free(&why);
	return copy;
}

static bool
add_numbers(struct slot *slot, const struct setting *s, struct span value)
{
	char *list = checked(s, value);
	struct span rest;

	if (list == NULL)
		return false;
	rest = span_of(list);
	while (rest.p != NULL)
		item_new(slot)->value = mem_copy(span_cut(&rest, ','));
	slot->value = list;
	return true;
}

static bool
take_set(struct settings *st, size_t row, struct span value)
{
	const struct setting *s = &setting_table[row];
	struct slot *slot = &st->slots[row];

	if (slot->value != NULL || setting_parent(s) != NULL)
		return false;
	slot->present = true;
	if (s->type == SETTING_NUMS)
		return add_numbers(slot, s, value);
	if (s->type == SETTING_LIST || s->type == SETTING_RECORDS)
		return false;
	slot->value = checked(s, value);
	return slot->value != NULL;
}

static bool
take_item(struct settings *st, size_t row, struct span value)
{
	const struct setting *s = &setting_table[row];
	struct slot *slot = &st->slots[row];
	char *copy;

	if (s->type != SETTING_LIST || !slot->present || slot->count >= s->max_count)
		return false;
	copy = checked(s, value);
	if (copy == NULL)
		return false;
	item_new(slot)->value = copy;
	return true;
}

static bool
take_entry(struct settings *st, size_t row)
{
	const struct setting *s = &setting_table[row];
	struct slot *slot = &st->slots[row];
	size_t n = field_count(row);
	struct item *item;

	if (s->type != SETTING_RECORDS || !slot->present || slot->count >= s->max_count)
		return false;
	item = item_new(slot);
	item->fields = mem_array(n, sizeof(char *));
	for (size_t i = 0; i < n; i++)
		item->fields[i] = mem_text(setting_table[row + 1 + i].dflt);
	return true;
}

/* A field belongs to the last entry of its list. */
static bool
take_field(struct settings *st, size_t row, struct span value)
{
	const struct setting *s = &setting_table[row], *parent = setting_parent(s);
	struct slot *slot;
	char **place, *copy;

	if (parent == NULL)
		return false;
	slot = &st->slots[parent - setting_table];
	if (slot->count == 0)
		return false;
	copy = checked(s, value);
	if (copy == NULL)
		return false;
	place = &slot->items[slot->count - 1].fields[s - parent - 1];
	free(*place);
	*place = copy;
	return true;
}

static bool
is_list(const struct setting *s)
{
	return s->type == SETTING_LIST || s->type == SETTING_RECORDS;
}

/* Every value that was promised (a switch alone promises one) is there. */
static bool
is_complete(const struct settings *st)
{
	for (size_t i = 0; i < setting_count; i++)
		if (st->slots[i].present && st->slots[i].value == NULL && !is_list(&setting_table[i]))
			return false;
	return true;
}

static bool
take(struct settings *st, const struct record_field *f)
{
	struct span value = f->value, name = span_cut(&value, ' ');
	ssize_t row = row_find(st, name);

	if (row < 0)
		return false;
	if (value.p == NULL)
		value = SPAN("");
	if (span_is(f->key, "set"))
		return take_set(st, (size_t)row, value);
	if (span_is(f->key, "item"))
		return take_item(st, (size_t)row, value);
	if (span_is(f->key, "entry"))
		return take_entry(st, (size_t)row);
	if (span_is(f->key, "field"))
		return take_field(st, (size_t)row, value);
	if (span_is(f->key, "list") && !is_list(&setting_table[row]))
		return false;
	if (span_is(f->key, "off") || span_is(f->key, "list")) {
		st->slots[row].present = true;
		st->slots[row].off |= span_is(f->key, "off");
		return true;
	}
	return false;
}

static struct settings *
settings_new(enum setting_scope scope)
{
	struct settings *st = mem_new(sizeof(*st));

	st->scope = scope;
	st->slots = mem_array(setting_count, sizeof(*st->slots));
	return st;
}

struct settings *
settings_parse_scope(enum setting_scope scope, struct span text)
{
	struct settings *st;
	struct record r;
	bool ok;

	if (text.n > LIMIT_SETTINGS || !record_parse(text, LIMIT_SETTINGS_LINES, &r)) {
		errno = EBADMSG;
		return NULL;
	}
	st = settings_new(scope);
	ok = span_is(r.verb, "settings");
	for (size_t i = 0; ok && i < r.count; i++)
		ok = take(st, &r.fields[i]);
	record_free(&r);
	if (!ok || !is_complete(st)) {
		settings_free(&st);
		errno = EBADMSG;
	}
	return st;
}

struct settings *
settings_parse(struct span text)
{
	return settings_parse_scope(SCOPE_SERVER, text);
}

struct settings *
settings_read(int fd)
{
	struct settings *st = NULL;
	struct buf text;
	int saved;

	buf_init(&text, LIMIT_SETTINGS);
	if (file_read_all(fd, &text) == 0)
		st = settings_parse(buf_view(&text));
	saved = errno;
	buf_free(&text);
	errno = saved;
	return st;
}

struct settings *
settings_defaults(const char *program)
{
	unsigned int bit = setting_program_bit(program);
	struct settings *st = settings_new(SCOPE_SERVER);

	if (bit == 0)
		bug("no settings for program %s", program);
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *s = &setting_table[i];

		if ((s->programs & bit) == 0 || s->scope != SCOPE_SERVER || setting_parent(s) != NULL)
			continue;
		st->slots[i].present = true;
		st->slots[i].off = s->sw == SWITCH_OFF;
		if (s->type == SETTING_NUMS && !add_numbers(&st->slots[i], s, span_of(s->dflt)))
			bug("default of %s", s->path);
		else if (s->type != SETTING_NUMS)
			st->slots[i].value = mem_text(s->dflt);
	}
	return st;
}

void
settings_free(struct settings **s)
{
	if (*s == NULL)
		return;
	for (size_t i = 0; i < setting_count; i++) {
		struct slot *slot = &(*s)->slots[i];
		size_t fields = slot->items != NULL ? field_count(i) : 0;

		for (size_t k = 0; k < slot->count; k++) {
			for (size_t f = 0; slot->items[k].fields != NULL && f < fields; f++)
				free(slot->items[k].fields[f]);
			free(slot->items[k].fields);
			free(slot->items[k].value);
		}
		free(slot->items);
		free(slot->value);
	}
	free((*s)->slots);
	free(*s);
	*s = NULL;
}

static const struct slot *
slot_of(const struct settings *s, const char *name)
{
	ssize_t row = row_find(s, span_of(name));

	if (row < 0 || !s->slots[row].present)
		bug("setting %s is not for this program", name);
	return &s->slots[row];
}

static uint64_t
number(const char *name, const char *text)
{
	uint64_t n;

	if (!num_parse(span_of(text), UINT64_MAX, &n))
		bug("setting %s is no number", name);
	return n;
}

static bool
truth(const char *name, const char *text)
{
	bool yes;

	if (!setting_bool_parse(span_of(text), &yes))
		bug("setting %s is no truth value", name);
	return yes;
}

uint64_t
settings_num(const struct settings *s, const char *name)
{
	return number(name, settings_text(s, name));
}

bool
settings_bool(const struct settings *s, const char *name)
{
	return truth(name, settings_text(s, name));
}

const char *
settings_text(const struct settings *s, const char *name)
{
	const struct slot *slot = slot_of(s, name);

	return slot->value == NULL ? "" : slot->value;
}

bool
settings_enabled(const struct settings *s, const char *name)
{
	return !slot_of(s, name)->off;
}

size_t
settings_count(const struct settings *s, const char *name)
{
	return slot_of(s, name)->count;
}

const char *
settings_list(const struct settings *s, const char *name, size_t i)
{
	const struct slot *slot = slot_of(s, name);

	if (i >= slot->count || slot->items[i].value == NULL)
		bug("setting %s has no item %zu", name, i);
	return slot->items[i].value;
}

uint64_t
settings_list_num(const struct settings *s, const char *name, size_t i)
{
	return number(name, settings_list(s, name, i));
}

const char *
settings_entry(const struct settings *s, const char *name, size_t i, const char *field)
{
	const struct slot *slot = slot_of(s, name);
	size_t row = (size_t)(slot - s->slots);

	if (i >= slot->count || slot->items[i].fields == NULL)
		bug("setting %s has no entry %zu", name, i);
	for (size_t f = 0; f < field_count(row); f++)
		if (strcmp(setting_element(&setting_table[row + 1 + f]), field) == 0)
			return slot->items[i].fields[f];
	bug("setting %s has no field %s", name, field);
}

uint64_t
settings_entry_num(const struct settings *s, const char *name, size_t i, const char *field)
{
	return number(field, settings_entry(s, name, i, field));
}

bool
settings_entry_bool(const struct settings *s, const char *name, size_t i, const char *field)
{
	return truth(field, settings_entry(s, name, i, field));
}

/* The same address, however it is written? */
static bool
same_ip(const char *a, const char *b)
{
	unsigned char x[16], y[16];

	if (inet_pton(AF_INET, a, x) == 1)
		return inet_pton(AF_INET, b, y) == 1 && memcmp(x, y, 4) == 0;
	return inet_pton(AF_INET6, a, x) == 1 && inet_pton(AF_INET6, b, y) == 1 && memcmp(x, y, 16) == 0;
}

const char *
settings_host_name(const struct settings *s, const char *local_ip)
{
	static const char list[] = "hostNames/hostName";

	for (size_t i = 0; i < settings_count(s, list); i++)
		if (same_ip(settings_entry(s, list, i, "ip"), local_ip))
			return settings_entry(s, list, i, "name");
	return settings_text(s, "hostName");
}
