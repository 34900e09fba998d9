/*
 * settings-doc: mailconfig(5) and the sample settings files, made from
 * settings.def when the tree is built, so that neither can be out of date.
 *
 *	settings-doc HEAD	the page: the text of HEAD, then all settings
 *	settings-doc --sample	mailconfig.xml with every default, as comments
 */
#include "base/base.h"
#include "base/die.h"
#include "base/mem.h"
#include "config/settings_table.h"

static const char *const scope_titles[SCOPE_COUNT] = {
	[SCOPE_SERVER] = "THE SERVER (mailconfig.xml)",
	[SCOPE_DOMAINS] = "LIST OF DOMAINS (domainList.xml)",
	[SCOPE_DOMAIN] = "A DOMAIN (domainConfig.xml)",
	[SCOPE_ALIASES] = "ALIASES OF A DOMAIN (aliases.xml)",
	[SCOPE_USER] = "A USER (userConfig.xml)",
};

/* Text for mdoc: a backslash and a leading control character mean themselves. */
static void
put(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text != '\0'; text++)
		if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
}

static void
put_programs(const struct setting *s)
{
	bool any = false;

	for (size_t i = 0; i < setting_program_count; i++)
		if ((s->programs & setting_programs[i].bit) != 0) {
			printf("%s%s", any ? ", " : "Read by ", setting_programs[i].name);
			any = true;
		}
	if (any)
		puts(".");
}

static void
put_setting(const struct setting *s)
{
	struct buf range;

	buf_init(&range, 8192);
	setting_range(s, &range);
	printf(".It Va %s\n", s->path);
	put(s->help);
	putchar('\n');
	fputs("Allowed: ", stdout);
	put(buf_text(&range));
	puts(".");
	if (s->dflt[0] != '\0')
		printf("Default: %s.\n", s->dflt);
	if (s->sw != SWITCH_NONE)
		printf("Has the attribute\n.Va enabled ,\n%s by default.\n", s->sw == SWITCH_ON ? "True" : "False");
	if (setting_parent(s) == NULL)
		put_programs(s);
	buf_free(&range);
}

static int
page(const char *head)
{
	FILE *f = fopen(head, "r");
	int ch;

	if (f == NULL)
		return EXIT_NO_OBJECT;
	while ((ch = getc(f)) != EOF)
		putchar(ch);
	fclose(f);
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		printf(".Sh %s\n.Bl -tag -width Ds\n", scope_titles[scope]);
		for (size_t i = 0; i < setting_count; i++)
			if ((int)setting_table[i].scope == scope)
				put_setting(&setting_table[i]);
		puts(".El");
	}
	puts(".Sh SEE ALSO\n.Xr mailctl 1 ,\n.Xr mail-master 8");
	return EXIT_DONE;
}

/* One element of the sample with its parents; lists stand there once. */
static void
put_sample(const struct setting *s)
{
	struct span path = span_of(s->path), name;
	char *open = mem_text(""), *more;
	struct buf part;

	buf_init(&part, 4096);
	printf("  <!-- %s", s->help);
	if (s->unit[0] != '\0')
		printf(" (%s)", s->unit);
	fputs(" -->\n  <!-- ", stdout);
	while (path.p != NULL) {
		name = span_cut(&path, '/');
		printf("<%.*s%s>", SPAN_ARG(name),
			path.p != NULL || s->sw == SWITCH_NONE ? "" : s->sw == SWITCH_ON ?
				" enabled=\"True\"" : " enabled=\"False\"");
		buf_clear(&part);
		buf_printf(&part, "</%.*s>%s", SPAN_ARG(name), open);
		more = mem_text(buf_text(&part));
		free(open);
		open = more;
	}
	printf("%s%s -->\n", s->dflt, open);
	free(open);
	buf_free(&part);
}

static int
sample(void)
{
	printf("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- Every setting of the server with its default. -->\n<%s>\n",
		setting_root_name(SCOPE_SERVER));
	for (size_t i = 0; i < setting_count; i++)
		if (setting_table[i].scope == SCOPE_SERVER && setting_table[i].type != SETTING_RECORDS)
			put_sample(&setting_table[i]);
	printf("</%s>\n", setting_root_name(SCOPE_SERVER));
	return EXIT_DONE;
}

int
main(int argc, char **argv)
{
	int code;

	if (argc != 2)
		return EXIT_USAGE;
	code = strcmp(argv[1], "--sample") == 0 ? sample() : page(argv[1]);
	return fflush(stdout) == 0 ? code : EXIT_TRY_LATER;
}
