/*
 * cmd_role: role show, advise: which parts of a role are set up, and what to do
 * for those that are not (GATE-19).
 */
#include "base/base.h"
#include "commands.h"
#include "account.h"
#include "args.h"
#include "base/die.h"
#include "output.h"
#include "role.h"
#include "sys/file.h"

/* Domains of the instance; -1 after a message. */
static ssize_t
count_domains(const struct ctl *c)
{
	int fd = ctl_open_dir(c, "domains");
	size_t count;

	if (fd < 0)
		return -1;
	names_free(names_list(fd, setting_file_name(SCOPE_DOMAIN), &count));
	file_close(&fd);
	return (ssize_t)count;
}

static const char *
state_of(const struct role_part *p, bool done)
{
	return p->is_done == NULL ? "elsewhere" : done ? "set up" : "missing";
}

typedef void part_row(struct output *o, const struct role *r, const struct role_part *p, const char *state,
	const char *found);

static void
show_part(struct output *o, const struct role *r, const struct role_part *p, const char *state, const char *found)
{
	output_row(o, r->name, p->name, state, found);
}

/* Only what is left to do. */
static void
advise_part(struct output *o, const struct role *r, const struct role_part *p, const char *state, const char *found)
{
	(void)found;
	if (strcmp(state, "set up") != 0)
		output_row(o, r->name, p->name, state, p->advice);
}

static void
each_part(struct output *o, const struct role *r, const struct role_facts *f, part_row *row)
{
	for (const struct role_part *p = r->parts; p->name != NULL; p++) {
		struct buf found;
		bool done;

		buf_init(&found, 4096);
		done = p->is_done != NULL && p->is_done(f, &found);
		row(o, r, p, state_of(p, done), buf_text(&found));
		buf_free(&found);
	}
}

/* Does the server have the role, at least in part? */
static bool
has_role(const struct role *r, const struct role_facts *f)
{
	bool has = false;

	for (const struct role_part *p = r->parts; p->name != NULL; p++) {
		struct buf found;

		buf_init(&found, 4096);
		has |= p->makes_it && p->is_done(f, &found);
		buf_free(&found);
	}
	return has;
}

static size_t
missing_parts(const struct role *r, const struct role_facts *f)
{
	size_t n = 0;

	for (const struct role_part *p = r->parts; p->name != NULL; p++) {
		struct buf found;

		buf_init(&found, 4096);
		n += p->is_done != NULL && !p->is_done(f, &found);
		buf_free(&found);
	}
	return n;
}

/* A server may have several at once. */
static void
show_all(const struct ctl *c, const struct role_facts *f)
{
	static const char *const columns[] = { "role", "has?", "missing#", "help", NULL };
	struct output *o = output_begin(c, columns);

	for (size_t i = 0; i < role_count; i++) {
		char missing[24];

		snprintf(missing, sizeof(missing), "%zu", missing_parts(&roles[i], f));
		output_row(o, roles[i].name, has_role(&roles[i], f) ? "True" : "False", missing, roles[i].help);
	}
	output_end(&o);
}

static int
no_such(const char *name)
{
	char names[200] = "";

	for (size_t i = 0; i < role_count; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i > 0 ? ", " : "", roles[i].name);
	return ctl_fail(EXIT_NO_OBJECT, "no such role: %s (there are %s)", name, names);
}

static int
run(struct ctl *c, const struct args *a, const char *const *columns, part_row *row)
{
	struct role_facts f = { .domains = 0 };
	const struct role *r = a->count > 0 ? role_find(a->item[0]) : NULL;
	struct settings *s;
	struct output *o;
	ssize_t domains;

	if (a->count > 0 && r == NULL)
		return no_such(a->item[0]);
	domains = count_domains(c);
	s = domains < 0 ? NULL : ctl_server_settings(c);
	if (s == NULL)
		return EXIT_REFUSED;
	f = (struct role_facts){ s, (size_t)domains };
	if (r == NULL) {
		show_all(c, &f);
	} else {
		o = output_begin(c, columns);
		each_part(o, r, &f, row);
		output_end(&o);
	}
	settings_free(&s);
	return EXIT_DONE;
}

int
cmd_role_show(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "role", "part", "state", "found", NULL };
	struct args a;

	return args_parse(&a, argc, argv, NULL, 0, 0, 1) ? run(c, &a, columns, show_part) : EXIT_USAGE;
}

int
cmd_role_advise(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "role", "part", "state", "advice", NULL };
	struct args a;

	return args_parse(&a, argc, argv, NULL, 0, 1, 1) ? run(c, &a, columns, advise_part) : EXIT_USAGE;
}
