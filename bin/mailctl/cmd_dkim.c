/*
 * cmd_dkim: keys with which outgoing mail of a domain is signed (FEAT-06, DKIM-03).
 *
 * A key is used in this order: it is made (add), its record is published in
 * DNS, then mail is signed by it (use).  So `add` changes no setting while the
 * domain signs: a signature whose record cannot be found is worse than none.
 *
 * Crash: a key file is whole before its name is there; the settings name it last.
 */
#include "base/base.h"
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "args.h"
#include "base/die.h"
#include "base/num.h"
#include "base/mem.h"
#include "config/format.h"
#include "config/settings_table.h"
#include "config/manifest.h"
#include "directory/dkim_key.h"
#include "dkim.h"
#include "edit.h"
#include "output.h"
#include "sys/clock.h"
#include "sys/file.h"

#define FOLDER "dkim"
#define SELECTOR_MAX FORMAT_SELECTOR_MAX
#define RECORD_STRING 255		/* RFC 1035 3.3: one string of a TXT record */

static const struct {
	const char *selector, *path;
} names[] = {
	[DKIM_RSA] = { "dkimSelector", "dkimKeyPath" },
	[DKIM_ED25519] = { "dkimEd25519Selector", "dkimEd25519KeyPath" },
};

/* -- files ------------------------------------------------------------------------ */

static bool
key_file(const char *selector, char *out, size_t size)
{
	int n = snprintf(out, size, FOLDER "/%s.pem", selector);

	return n > 0 && (size_t)n < size && format_is_selector(span_of(selector));
}

static struct dkim_key *
read_key(const struct domain *d, const char *path, const char **why)
{
	int fd = file_openat2(d->fd, path, O_RDONLY, 0);
	struct dkim_key *k = NULL;
	struct buf pem;

	if (fd < 0) {
		*why = strerror(errno);
		return NULL;
	}
	buf_init(&pem, DKIM_PEM_MAX);
	if (file_read_all(fd, &pem) < 0)
		*why = strerror(errno);
	else
		k = dkim_key_read(buf_view(&pem), why);
	mem_wipe(pem.p, pem.n);
	buf_free(&pem);
	file_close(&fd);
	return k;
}

/* Written whole, then named: 0, or -1 with errno. */
static int
write_key(const struct domain *d, const char *path, const struct buf *pem)
{
	char whole[CONFIG_PATH_MAX], temporary[160];
	int fd, result = -1, folder = -1, saved;

	snprintf(whole, sizeof(whole), "%s/" FOLDER, d->folder);
	if (manifest_make_dir(d->fd, FOLDER, whole) < 0)
		return -1;
	snprintf(whole, sizeof(whole), "%s/%s", d->folder, path);
	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	fd = file_openat(d->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	if (file_write_all(fd, pem->p, pem->n) == 0 && manifest_apply(fd, whole) == 0 && file_fsync(fd) == 0 &&
	    file_renameat(d->fd, temporary, d->fd, path, RENAME_NOREPLACE) == 0 &&
	    (folder = file_open_dir(d->fd, FOLDER)) >= 0)
		result = file_fsync_dir(folder);
	saved = errno;
	if (result < 0)
		unlinkat(d->fd, temporary, 0);	/* what could not be named is of no use */
	file_close(&folder);
	file_close(&fd);
	errno = saved;
	return result;
}

/* -- records ------------------------------------------------------------------------ */

static void
print_record(const struct dkim_key *k, struct buf *out)
{
	buf_printf(out, "v=DKIM1; k=%s; ", dkim_kind_name(dkim_key_kind(k)));
	if (dkim_key_kind(k) == DKIM_RSA)
		buf_text_put(out, "h=sha256; ");
	buf_text_put(out, "p=");
	if (!dkim_key_public(k, out))
		buf_clear(out);
}

/* NAME IN TXT ( "..." "..." ), as zone files have it; for machines the text as one. */
static void
say_record(const struct ctl *c, struct output *o, const char *selector, const char *domain, const struct buf *text)
{
	char name[SELECTOR_MAX + 300];

	snprintf(name, sizeof(name), "%s._domainkey.%s.", selector, domain);
	if (c->format != CTL_TEXT) {
		output_row(o, name, "TXT", text->p);
		return;
	}
	printf("%s IN TXT (", name);
	for (struct span rest = buf_view(text); rest.n > 0; rest = span_from(rest, RECORD_STRING))
		printf(" \"%.*s\"", SPAN_ARG(span_first(rest, RECORD_STRING)));
	printf(" )\n");
}

/* The record of a key, for each name of the domain. */
static void
say_records(const struct ctl *c, struct output *o, const struct domain *d, const struct settings *st,
	const char *selector, const struct dkim_key *k)
{
	struct buf text;

	buf_init(&text, DKIM_PEM_MAX);
	print_record(k, &text);
	say_record(c, o, selector, d->name, &text);
	for (size_t i = 0; i < settings_count(st, "domainAliases/domainAlias"); i++)
		say_record(c, o, selector, settings_list(st, "domainAliases/domainAlias", i), &text);
	buf_free(&text);
}

static struct output *
records_begin(const struct ctl *c)
{
	static const char *const columns[] = { "name", "type", "text", NULL };

	return c->format == CTL_TEXT ? NULL : output_begin(c, columns);
}

static void
records_end(struct output **o)
{
	if (*o != NULL)
		output_end(o);
}

/* -- settings ------------------------------------------------------------------------ */

struct choice {
	const char *selector[2];	/* by kind; NULL: as it is */
	bool on;
};

static int
choose(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct choice *ch = ctx;
	char path[128];
	int code = EXIT_DONE;

	for (int i = 0; i < 2 && code == EXIT_DONE; i++) {
		if (ch->selector[i] == NULL)
			continue;
		(void)key_file(ch->selector[i], path, sizeof(path));
		code = edit_set(f, names[i].selector, ch->selector[i], errors);
		if (code == EXIT_DONE)
			code = edit_set(f, names[i].path, path, errors);
	}
	if (code == EXIT_DONE && ch->on)
		code = edit_set(f, "enableDomainKeySigning", "True", errors);
	return code;
}

static int
apply(struct ctl *c, const struct domain *d, const struct choice *ch)
{
	int code = edit_file(c, d->fd, d->fd, d->folder, SCOPE_DOMAIN, choose, ch);

	return code == EXIT_DONE ? ctl_tell_directory(c, "domain", d->name) : code;
}

/* -- add ------------------------------------------------------------------------------ */

static int
make_key(const struct domain *d, enum dkim_kind kind, unsigned bits, const char *selector, struct dkim_key **out)
{
	char path[128];
	struct buf pem;
	int code = EXIT_DONE;

	if (!key_file(selector, path, sizeof(path)))
		return ctl_fail(EXIT_USAGE, "%s is not %s", selector, format_name(FORMAT_SELECTOR));
	*out = dkim_key_make(kind, bits);
	buf_init(&pem, DKIM_PEM_MAX);
	if (*out == NULL || !dkim_key_print(*out, &pem))
		code = ctl_fail(EXIT_REFUSED, "a key of %u bits cannot be made", bits);
	else if (write_key(d, path, &pem) < 0 && errno == EEXIST)
		code = ctl_fail(EXIT_REFUSED, "%s/%s is there already; choose another --selector", d->folder, path);
	else if (faccessat(d->fd, path, F_OK, 0) < 0)
		code = ctl_fail(ctl_code_of_errno(errno), "%s/%s: %s", d->folder, path, strerror(errno));
	mem_wipe(pem.p, pem.n);
	buf_free(&pem);
	return code;
}

static int
add_keys(struct ctl *c, const struct domain *d, const struct settings *st, const bool wanted[2], unsigned bits,
	const char *base)
{
	bool signs = settings_bool(st, "enableDomainKeySigning");
	char selector[2][SELECTOR_MAX + 16];
	struct dkim_key *key[2] = { NULL, NULL };
	struct choice ch = { .on = false };
	int code = EXIT_DONE;

	for (int i = 0; i < 2 && code == EXIT_DONE; i++) {
		snprintf(selector[i], sizeof(selector[i]), "%s-%s", base, dkim_kind_name((enum dkim_kind)i));
		if (wanted[i])
			code = make_key(d, (enum dkim_kind)i, bits, selector[i], &key[i]);
		if (wanted[i])
			ch.selector[i] = selector[i];
	}
	if (code == EXIT_DONE && !signs)
		code = apply(c, d, &ch);
	if (code == EXIT_DONE) {
		struct output *o = records_begin(c);

		for (int i = 0; i < 2; i++)
			if (key[i] != NULL)
				say_records(c, o, d, st, selector[i], key[i]);
		records_end(&o);
		ctl_say(c, "put this into DNS, then: mailctl dkim use %s --selector %s\n", d->name, base);
	}
	dkim_key_free(&key[DKIM_RSA]);
	dkim_key_free(&key[DKIM_ED25519]);
	return code;
}

/* What --type means: false when it is no kind of key. */
static bool
read_type(const char *type, bool wanted[2])
{
	enum dkim_kind kind;

	wanted[DKIM_RSA] = wanted[DKIM_ED25519] = true;
	if (type == NULL || strcmp(type, "both") == 0)
		return true;
	if (!dkim_kind_named(span_of(type), &kind))
		return false;
	wanted[DKIM_RSA] = wanted[DKIM_ED25519] = false;
	wanted[kind] = true;
	return true;
}

int
cmd_dkim_add(struct ctl *c, int argc, char **argv)
{
	const char *type = NULL, *selector = NULL, *bits_text = NULL;
	const struct arg_option options[] = { { "--type", &type, NULL }, { "--selector", &selector, NULL },
		{ "--bits", &bits_text, NULL } };
	uint32_t bits = DKIM_BITS_USUAL;
	struct settings *st;
	struct domain d;
	bool wanted[2];
	char today[16];
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, 1))
		return EXIT_USAGE;
	if (!read_type(type, wanted))
		return ctl_fail(EXIT_USAGE, "--type %s: rsa, ed25519 or both", type);
	if (bits_text != NULL && (!num_parse_u32(span_of(bits_text), DKIM_BITS_MAX, &bits) || bits < DKIM_BITS_MIN))
		return ctl_fail(EXIT_USAGE, "--bits %s: %d to %d", bits_text, DKIM_BITS_MIN, DKIM_BITS_MAX);
	code = domain_open(c, a.item[0], &d);
	if (code != EXIT_DONE)
		return code;
	gmtime_r(&now, &tm);
	strftime(today, sizeof(today), "%Y%m%d", &tm);
	st = domain_settings(&d);
	code = st == NULL ? EXIT_REFUSED : add_keys(c, &d, st, wanted, bits, selector != NULL ? selector : today);
	settings_free(&st);
	domain_close(&d);
	return code;
}

/* -- use ------------------------------------------------------------------------------- */

/* The keys that a base name (or nothing: the settings) stands for; those that are there. */
static int
find_keys(const struct domain *d, const struct settings *st, const char *base, char selector[2][SELECTOR_MAX + 16],
	struct choice *ch)
{
	for (int i = 0; i < 2; i++) {
		const char *why = "";
		struct dkim_key *k;
		char path[128];

		if (base != NULL)
			snprintf(selector[i], sizeof(selector[i]), "%s-%s", base, dkim_kind_name((enum dkim_kind)i));
		else
			snprintf(selector[i], sizeof(selector[i]), "%s", settings_text(st, names[i].selector));
		if (selector[i][0] == '\0' || !key_file(selector[i], path, sizeof(path)) ||
		    (base != NULL && faccessat(d->fd, path, F_OK, 0) < 0))
			continue;
		if (base == NULL)
			snprintf(path, sizeof(path), "%s", settings_text(st, names[i].path));
		k = read_key(d, path, &why);
		if (k == NULL)
			return ctl_fail(EXIT_REFUSED, "%s/%s: %s", d->folder, path, why);
		if (dkim_key_kind(k) != (enum dkim_kind)i) {
			dkim_key_free(&k);
			return ctl_fail(EXIT_REFUSED, "%s/%s is no %s key", d->folder, path, dkim_kind_name((enum dkim_kind)i));
		}
		dkim_key_free(&k);
		ch->selector[i] = selector[i];
	}
	if (ch->selector[0] == NULL && ch->selector[1] == NULL)
		return ctl_fail(EXIT_NO_OBJECT, "%s has no key%s%s; make one: mailctl dkim add %s", d->name,
			base != NULL ? " of the selector " : "", base != NULL ? base : "", d->name);
	return EXIT_DONE;
}

int
cmd_dkim_use(struct ctl *c, int argc, char **argv)
{
	const char *base = NULL;
	const struct arg_option options[] = { { "--selector", &base, NULL } };
	char selector[2][SELECTOR_MAX + 16];
	struct choice ch = { .on = true }, none = { .on = true };
	struct settings *st;
	struct domain d;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, 1))
		return EXIT_USAGE;
	code = domain_open(c, a.item[0], &d);
	if (code != EXIT_DONE)
		return code;
	st = domain_settings(&d);
	code = st == NULL ? EXIT_REFUSED : find_keys(&d, st, base, selector, &ch);
	/* Without --selector the settings are right as they are: they may name files elsewhere. */
	if (code == EXIT_DONE)
		code = apply(c, &d, base != NULL ? &ch : &none);
	settings_free(&st);
	domain_close(&d);
	return code;
}

/* -- show, list, delete ------------------------------------------------------------------ */

int
cmd_dkim_show(struct ctl *c, int argc, char **argv)
{
	struct output *o;
	struct settings *st;
	struct domain d;
	struct args a;
	size_t shown = 0;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, 1))
		return EXIT_USAGE;
	code = domain_open(c, a.item[0], &d);
	if (code != EXIT_DONE)
		return code;
	st = domain_settings(&d);
	code = st == NULL ? EXIT_REFUSED : EXIT_DONE;
	o = records_begin(c);
	for (int i = 0; i < 2 && code == EXIT_DONE; i++) {
		const char *selector = settings_text(st, names[i].selector), *path = settings_text(st, names[i].path), *why = "";
		struct dkim_key *k;

		if (selector[0] == '\0')
			continue;
		k = read_key(&d, path, &why);
		if (k == NULL)
			code = ctl_fail(EXIT_REFUSED, "%s/%s: %s", d.folder, path, why);
		else
			say_records(c, o, &d, st, selector, k);
		shown += k != NULL;
		dkim_key_free(&k);
	}
	records_end(&o);
	if (code == EXIT_DONE && shown == 0)
		code = ctl_fail(EXIT_NO_OBJECT, "%s has no key; make one: mailctl dkim add %s", d.name, d.name);
	else if (code == EXIT_DONE && !settings_bool(st, "enableDomainKeySigning"))
		ctl_say(c, "mail of %s is not signed yet: mailctl dkim use %s\n", d.name, d.name);
	settings_free(&st);
	domain_close(&d);
	return code;
}

static int
list_domain(const struct ctl *c, struct output *o, const char *name)
{
	struct settings *st;
	struct domain d;
	int code = domain_open(c, name, &d);

	if (code != EXIT_DONE)
		return code;
	st = domain_settings(&d);
	if (st != NULL)
		output_row(o, d.name, settings_bool(st, "enableDomainKeySigning") ? "true" : "false",
			settings_text(st, names[DKIM_RSA].selector), settings_text(st, names[DKIM_ED25519].selector));
	code = st == NULL ? EXIT_REFUSED : EXIT_DONE;
	settings_free(&st);
	domain_close(&d);
	return code;
}

int
cmd_dkim_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "domain", "signs?", "rsa", "ed25519", NULL };

	return domains_list(c, argc, argv, columns, list_domain);
}

int
cmd_dkim_delete(struct ctl *c, int argc, char **argv)
{
	struct settings *st;
	struct domain d;
	struct args a;
	char path[128];
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 2, 2))
		return EXIT_USAGE;
	code = domain_open(c, a.item[0], &d);
	if (code != EXIT_DONE)
		return code;
	st = domain_settings(&d);
	code = st == NULL ? EXIT_REFUSED : EXIT_DONE;
	for (int i = 0; i < 2 && code == EXIT_DONE; i++)
		if (strcasecmp(settings_text(st, names[i].selector), a.item[1]) == 0)
			code = ctl_fail(EXIT_REFUSED, "%s signs with %s: use another key first (mailctl dkim use), or mailctl domain edit %s %s=",
				d.name, a.item[1], d.name, names[i].selector);
	if (code == EXIT_DONE && !key_file(a.item[1], path, sizeof(path)))
		code = ctl_fail(EXIT_USAGE, "%s is no selector", a.item[1]);
	else if (code == EXIT_DONE && file_unlinkat(d.fd, path, 0) < 0)
		code = ctl_fail(ctl_code_of_errno(errno), "%s/%s: %s", d.folder, path, strerror(errno));
	settings_free(&st);
	domain_close(&d);
	return code;
}

/* -- check --------------------------------------------------------------------------------- */

void
dkim_check(const struct domain *d, const struct settings *st, struct buf *errors)
{
	bool any = false;

	if (!settings_bool(st, "enableDomainKeySigning"))
		return;
	for (int i = 0; i < 2; i++) {
		const char *path = settings_text(st, names[i].path), *why = "";
		struct dkim_key *k;

		if (settings_text(st, names[i].selector)[0] == '\0')
			continue;
		any = true;
		k = read_key(d, path, &why);
		if (k == NULL)
			buf_printf(errors, "%s/%s: %s: mail of the domain waits\n", d->folder, path, why);
		else if (dkim_key_kind(k) != (enum dkim_kind)i)
			buf_printf(errors, "%s/%s: it is no %s key: mail of the domain waits\n", d->folder, path,
				dkim_kind_name((enum dkim_kind)i));
		dkim_key_free(&k);
	}
	if (!any)
		buf_printf(errors, "%s/domainConfig.xml: enableDomainKeySigning: there is no key; make one: mailctl dkim add %s\n",
			d->folder, d->name);
}
