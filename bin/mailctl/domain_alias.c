/*
 * domain_alias: see domain_alias.h.
 *
 * Whose a name is auth-check knows from its index, whatever the number of domains.
 * While the server does not run the settings of all domains are read.
 */
#include "base/base.h"
#include "domain_alias.h"
#include <fcntl.h>
#include "account.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/compile.h"
#include "sys/file.h"

#define LIST "domainAliases/domainAlias"

/* EXIT_TRY_LATER: the server does not run. */
static int
ask(const struct ctl *c, const char *name, char owner[256])
{
	struct record reply;
	struct buf request;
	int code;

	buf_init(&request, LIMIT_RECORD);
	record_begin(&request, "whose");
	record_add_text(&request, "name", name);
	code = ctl_call(c, "run/pub/auth-control", &request, true, &reply);
	buf_free(&request);
	if (code != EXIT_DONE)
		return code;
	snprintf(owner, 256, "%.*s", SPAN_ARG(record_get(&reply, "domain")));
	record_free(&reply);
	return EXIT_DONE;
}

static bool
has_name(const struct ctl *c, const char *domain, const char *name)
{
	struct settings *st = NULL;
	struct domain d;
	bool found = false;

	if (domain_open(c, domain, &d) == EXIT_DONE) {
		st = domain_settings(&d);
		domain_close(&d);
	}
	for (size_t i = 0; st != NULL && !found && i < settings_count(st, LIST); i++)
		found = strcasecmp(settings_list(st, LIST, i), name) == 0;
	settings_free(&st);
	return found;
}

static int
look(const struct ctl *c, const char *name, char owner[256])
{
	int domains = ctl_open_dir(c, "domains");
	char **names;
	size_t n;

	if (domains < 0)
		return EXIT_NO_RIGHT;
	names = names_list(domains, "domainConfig.xml", &n);
	for (size_t i = 0; i < n && owner[0] == '\0'; i++)
		if (has_name(c, names[i], name))
			snprintf(owner, 256, "%s", names[i]);
	names_free(names);
	file_close(&domains);
	return EXIT_DONE;
}

int
domain_alias_is_free(const struct ctl *c, const char *name, const char *domain)
{
	char owner[256] = "";
	int code = ask(c, name, owner);

	if (code == EXIT_TRY_LATER)
		code = look(c, name, owner);
	if (code == EXIT_DONE && owner[0] != '\0' && strcmp(owner, domain) != 0)
		code = ctl_fail(EXIT_REFUSED, "%s is another name of the domain %s (mailctl domain-alias delete %s %s)", name,
			owner, owner, name);
	return code;
}

/* A name of the list, in small letters in out. */
static int
check_name(const struct ctl *c, int domains, const struct settings *st, size_t at, const char *domain)
{
	char name[256], other[256], path[300];
	int code = domain_name(settings_list(st, LIST, at), name);

	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < at; i++)
		if (domain_name(settings_list(st, LIST, i), other) == EXIT_DONE && strcmp(other, name) == 0)
			return ctl_fail(EXIT_REFUSED, "%s is another name of the domain already", name);
	snprintf(path, sizeof(path), "%s/domainConfig.xml", name);
	if (faccessat(domains, path, F_OK, 0) == 0 || strcmp(name, domain) == 0)
		return ctl_fail(EXIT_REFUSED, "%s is a domain of its own", name);
	return domain_alias_is_free(c, name, domain);
}

int
domain_alias_check(const struct ctl *c, const struct config_file *f, const char *domain)
{
	struct settings *st = compile_settings(f->xml, SCOPE_DOMAIN);
	uint64_t max = st == NULL ? 0 : settings_num(st, "maxDomainAliases");
	size_t n = st == NULL ? 0 : settings_count(st, LIST);
	int domains = ctl_open_dir(c, "domains"), code = st == NULL || domains < 0 ? EXIT_REFUSED : EXIT_DONE;

	if (code == EXIT_DONE && max > 0 && n > max)
		code = ctl_fail(EXIT_REFUSED, "the domain may have %llu aliases (maxDomainAliases)",
			(unsigned long long)max);
	for (size_t i = 0; i < n && code == EXIT_DONE; i++)
		code = check_name(c, domains, st, i, domain);
	file_close(&domains);
	settings_free(&st);
	return code;
}

/* -- all domains at once ------------------------------------------------------- */

struct other {
	char *name;		/* owned, small letters */
	const char *domain;
};

struct others {
	struct other *at;
	size_t n, room;
};

static int
compare_others(const void *a, const void *b)
{
	const struct other *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : strcmp(x->domain, y->domain);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
collect(const struct ctl *c, const char *domain, struct others *out)
{
	struct settings *st = NULL;
	struct domain d;
	char name[256];

	if (domain_open(c, domain, &d) == EXIT_DONE) {
		st = domain_settings(&d);
		domain_close(&d);
	}
	for (size_t i = 0; st != NULL && i < settings_count(st, LIST); i++) {
		if (domain_name(settings_list(st, LIST, i), name) != EXIT_DONE)
			continue;
		if (out->n == out->room) {
			out->room = out->room == 0 ? 64 : 2 * out->room;
			out->at = mem_resize_array(out->at, out->room, sizeof(*out->at));
		}
		out->at[out->n++] = (struct other){ mem_text(name), domain };
	}
	settings_free(&st);
}

void
domain_alias_conflicts(const struct ctl *c, char **names, size_t n, domain_alias_conflict *call, void *ctx)
{
	struct others all = { .n = 0 };

	for (size_t i = 0; i < n; i++)
		collect(c, names[i], &all);
	if (all.n > 0)
		qsort(all.at, all.n, sizeof(*all.at), compare_others);
	for (size_t i = 0; i < all.n; i++) {
		const struct other *o = &all.at[i];
		const char *name = o->name;

		if (bsearch(&name, names, n, sizeof(*names), compare_names) != NULL)
			call(ctx, o->name, o->domain, o->name);
		else if (i > 0 && strcmp(o[-1].name, o->name) == 0)
			call(ctx, o->name, o->domain, o[-1].domain);
	}
	for (size_t i = 0; i < all.n; i++)
		free(all.at[i].name);
	free(all.at);
}
