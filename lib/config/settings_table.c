/*
 * settings_table: settings.def unfolded once, and questions about its rows.
 */
#include "base/base.h"
#include "config/settings_table.h"
#include "base/num.h"
#include "config/format.h"

#define SMTP PROGRAM_SMTP
#define RUNNER PROGRAM_RUNNER
#define LOCAL PROGRAM_LOCAL
#define REMOTE PROGRAM_REMOTE
#define POP PROGRAM_POP
#define IMAP PROGRAM_IMAP
#define GREY PROGRAM_GREY
#define AUTH PROGRAM_AUTH
#define ABUSE PROGRAM_ABUSE
#define LOG PROGRAM_LOG
#define INJECT PROGRAM_INJECT
#define MASTER PROGRAM_MASTER
#define SCAN PROGRAM_SCAN

#define NUM(path, scope, unit, sw, dflt, min, max, feature, programs, help) \
	{ path, SCOPE_##scope, SETTING_NUM, FORMAT_PLAIN, SWITCH_##sw, unit, "", #dflt, min, max, 0, \
	  feature, programs, help },
#define BOOL(path, scope, dflt, feature, programs, help) \
	{ path, SCOPE_##scope, SETTING_BOOL, FORMAT_PLAIN, SWITCH_NONE, "", "", \
	  (dflt) ? "True" : "False", 0, 0, 0, feature, programs, help },
#define ENUM(path, scope, choices, dflt, feature, programs, help) \
	{ path, SCOPE_##scope, SETTING_ENUM, FORMAT_PLAIN, SWITCH_NONE, "", choices, dflt, 0, 0, 0, \
	  feature, programs, help },
#define TEXT(path, scope, format, sw, dflt, max, feature, programs, help) \
	{ path, SCOPE_##scope, SETTING_TEXT, FORMAT_##format, SWITCH_##sw, "", "", dflt, 0, max, 0, \
	  feature, programs, help },
#define NUMS(path, scope, unit, dflt, min, max, count, feature, programs, help) \
	{ path, SCOPE_##scope, SETTING_NUMS, FORMAT_PLAIN, SWITCH_NONE, unit, "", dflt, min, max, count, \
	  feature, programs, help },
#define LIST(path, scope, format, max, count, feature, programs, help) \
	{ path, SCOPE_##scope, SETTING_LIST, FORMAT_##format, SWITCH_NONE, "", "", "", 0, max, count, \
	  feature, programs, help },
#define RECORDS(path, scope, count, feature, programs, help) \
	{ path, SCOPE_##scope, SETTING_RECORDS, FORMAT_PLAIN, SWITCH_NONE, "", "", "", 0, 0, count, \
	  feature, programs, help },

const struct setting setting_table[] = {
#include "config/settings.def"
};
const size_t setting_count = PB_COUNT(setting_table);

const struct setting_program_name setting_programs[] = {
	{ PROGRAM_SMTP, "smtp-listen" }, { PROGRAM_RUNNER, "spool-runner" },
	{ PROGRAM_LOCAL, "local-deliver" }, { PROGRAM_REMOTE, "remote-send" },
	{ PROGRAM_POP, "pop3-serve" }, { PROGRAM_IMAP, "imap-serve" },
	{ PROGRAM_GREY, "greylist-check" }, { PROGRAM_AUTH, "auth-check" },
	{ PROGRAM_ABUSE, "abuse-check" }, { PROGRAM_LOG, "event-log" },
	{ PROGRAM_INJECT, "mail-inject" }, { PROGRAM_MASTER, "mail-master" },
	{ PROGRAM_SCAN, "scan-check" },
};
const size_t setting_program_count = PB_COUNT(setting_programs);

static const char *const file_names[SCOPE_COUNT] = {
	"mailconfig.xml", "domainList.xml", "domainConfig.xml", "aliases.xml", "userConfig.xml"
};
static const char *const root_names[SCOPE_COUNT] = {
	"mailConfig", "domainList", "domainConfig", "aliases", "userConfig"
};

const char *
setting_file_name(enum setting_scope scope)
{
	return file_names[scope];
}

const char *
setting_root_name(enum setting_scope scope)
{
	return root_names[scope];
}

unsigned int
setting_program_bit(const char *name)
{
	for (size_t i = 0; i < setting_program_count; i++)
		if (strcmp(setting_programs[i].name, name) == 0)
			return setting_programs[i].bit;
	return 0;
}

/* Names that the known files and pages have for what is written by another here. */
static const struct {
	enum setting_scope scope;
	const char *list, *other, *element;
} others[] = {
	{ SCOPE_SERVER, "domainForwarding/server", "ipAddress", "address" },
	{ SCOPE_SERVER, "incomingGateways/gateway", "ipAddress", "address" },
};

static const struct setting *
find_other(enum setting_scope scope, struct span path)
{
	ssize_t slash = span_rfind(path, '/');
	char known[128];

	for (size_t i = 0; slash > 0 && i < PB_COUNT(others); i++) {
		if (others[i].scope != scope || !span_eq_nocase(span_first(path, (size_t)slash), span_of(others[i].list)) ||
		    !span_eq_nocase(span_from(path, (size_t)slash + 1), span_of(others[i].other)))
			continue;
		snprintf(known, sizeof(known), "%s/%s", others[i].list, others[i].element);
		return setting_find(scope, span_of(known));
	}
	return NULL;
}

const char *
setting_other_element(const struct setting *s)
{
	size_t n;

	for (size_t i = 0; i < PB_COUNT(others); i++) {
		n = strlen(others[i].list);
		if (others[i].scope == s->scope && strncmp(s->path, others[i].list, n) == 0 && s->path[n] == '/' &&
		    strcmp(s->path + n + 1, others[i].element) == 0)
			return others[i].other;
	}
	return NULL;
}

const struct setting *
setting_find(enum setting_scope scope, struct span path)
{
	for (size_t i = 0; i < setting_count; i++)
		if (setting_table[i].scope == scope &&
		    span_eq_nocase(path, span_of(setting_table[i].path)))
			return &setting_table[i];
	return find_other(scope, path);
}

const struct setting *
setting_parent(const struct setting *s)
{
	struct span path = span_of(s->path);
	ssize_t slash = span_rfind(path, '/');
	const struct setting *parent;

	if (slash < 0)
		return NULL;
	parent = setting_find(s->scope, span_first(path, (size_t)slash));
	return parent != NULL && parent->type == SETTING_RECORDS ? parent : NULL;
}

const char *
setting_element(const struct setting *s)
{
	const char *slash = strrchr(s->path, '/');

	return slash == NULL ? s->path : slash + 1;
}

bool
setting_is_container(enum setting_scope scope, struct span path)
{
	for (size_t i = 0; i < setting_count; i++) {
		struct span whole = span_of(setting_table[i].path);

		if (setting_table[i].scope == scope && whole.n > path.n &&
		    whole.p[path.n] == '/' && span_eq_nocase(span_first(whole, path.n), path))
			return true;
	}
	return false;
}

bool
setting_bool_parse(struct span value, bool *out)
{
	if (span_is_nocase(value, "true") || span_is(value, "1") || span_is_nocase(value, "yes")) {
		*out = true;
		return true;
	}
	*out = false;
	return span_is_nocase(value, "false") || span_is(value, "0") || span_is_nocase(value, "no");
}

void
setting_range(const struct setting *s, struct buf *out)
{
	struct span rest = span_of(s->choices);

	switch (s->type) {
	case SETTING_NUM:
		buf_printf(out, "%llu to %llu %s", (unsigned long long)s->min,
			(unsigned long long)s->max, s->unit);
		break;
	case SETTING_NUMS:
		buf_printf(out, "1 to %zu numbers of %llu to %llu %s, comma separated", s->max_count,
			(unsigned long long)s->min, (unsigned long long)s->max, s->unit);
		break;
	case SETTING_BOOL:
		buf_text_put(out, "True or False");
		break;
	case SETTING_ENUM:
		buf_text_put(out, "one of");
		while (rest.p != NULL) {
			buf_char(out, ' ');
			buf_span(out, span_cut(&rest, '|'));
		}
		break;
	case SETTING_TEXT:
	case SETTING_LIST:
		buf_printf(out, "%s of at most %llu bytes", format_name(s->format),
			(unsigned long long)s->max);
		if (s->type == SETTING_LIST)
			buf_printf(out, ", at most %zu of them", s->max_count);
		break;
	case SETTING_RECORDS:
		buf_printf(out, "at most %zu records", s->max_count);
		break;
	}
}

static bool
check_num(const struct setting *s, struct span value, struct buf *out)
{
	uint64_t n;

	if (!num_parse(value, s->max, &n) || n < s->min)
		return false;
	return buf_printf(out, "%llu", (unsigned long long)n);
}

static bool
check_nums(const struct setting *s, struct span value, struct buf *out)
{
	size_t count = 0;

	while (value.p != NULL) {
		if (count++ > 0)
			buf_char(out, ',');
		if (count > s->max_count || !check_num(s, span_trim(span_cut(&value, ',')), out))
			return false;
	}
	return count > 0;
}

static bool
check_enum(const struct setting *s, struct span value, struct buf *out)
{
	struct span rest = span_of(s->choices);

	while (rest.p != NULL) {
		struct span choice = span_cut(&rest, '|');

		if (span_eq_nocase(choice, value))
			return buf_span(out, choice);
	}
	return false;
}

static bool
check_value(const struct setting *s, struct span value, struct buf *out)
{
	bool yes;

	switch (s->type) {
	case SETTING_NUM:
		return check_num(s, value, out);
	case SETTING_NUMS:
		return check_nums(s, value, out);
	case SETTING_BOOL:
		return setting_bool_parse(value, &yes) && buf_text_put(out, yes ? "True" : "False");
	case SETTING_ENUM:
		return check_enum(s, value, out);
	case SETTING_TEXT:
	case SETTING_LIST:
		if (value.n > s->max || (value.n == 0 && s->type == SETTING_LIST))
			return false;
		if (value.n > 0 && !format_is_valid(s->format, value))
			return false;
		return s->format == FORMAT_HOSTS ? format_put_hosts(value, out) : buf_span(out, value);
	case SETTING_RECORDS:
		return false;
	}
	return false;
}

bool
setting_check(const struct setting *s, struct span value, struct buf *out, struct buf *why)
{
	size_t start = out->n;

	if (check_value(s, span_trim(value), out))
		return true;
	buf_cut(out, start);
	buf_text_put(why, "must be ");
	setting_range(s, why);
	return false;
}
