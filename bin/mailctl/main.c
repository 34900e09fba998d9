/*
 * mailctl: all administration of a Pillarbox instance.
 *
 * Works on files where the truth is a file (settings, domains, users) and asks
 * the running programs over control sockets where it is not (queue, sessions).
 * It has the rights of its caller and no others.
 *
 * Crash: every change of settings is one rename; see config_file.h.
 */
#include "base/base.h"
#include "ctl.h"
#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include "base/die.h"
#include "base/mem.h"
#include "args.h"
#include "commands.h"
#include "output.h"

static void
usage(FILE *f)
{
	fputs("usage: mailctl [-r DIR] [--json | --tsv | -0] [--yes] COMMAND ...\n"
		"       mailctl [-r DIR] shell\n"
		"       mailctl help [COMMAND]\n"
		"       mailctl --help | --version\n", f);
}

/* Who runs this, for the history: the name before su or sudo when it is known. */
static void
note_who(struct ctl *c)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *pw = getpwuid(getuid());

	if (geteuid() == 0 && sudo != NULL && *sudo != '\0')
		snprintf(c->who, sizeof(c->who), "%s(sudo)", sudo);
	else if (pw != NULL)
		snprintf(c->who, sizeof(c->who), "%s", pw->pw_name);
	else
		snprintf(c->who, sizeof(c->who), "%u", (unsigned int)getuid());
}

/* The command line for the history, without what could be a password. */
static void
note_why(struct ctl *c, int argc, char **argv)
{
	struct buf why;
	bool hide = false;

	buf_init_fixed(&why, c->why, sizeof(c->why));
	for (int i = 0; i < argc && why.n < 800; i++) {
		if (i > 0)
			buf_char(&why, ' ');
		if (hide)
			buf_text_put(&why, "***");
		else if (args_secret(argv[i]) > 0)
			buf_printf(&why, "%.*s***", (int)args_secret(argv[i]), argv[i]);
		else
			buf_escaped(&why, span_first(span_of(argv[i]), 100));
		hide = args_hides_next(argv[i]) ||
			(i > 0 && strcmp(argv[i], "sysAdminPasswordHash") == 0);
	}
}

/* Take the options before the command; the number of words they and argv[0] are. */
static int
leading_options(struct ctl *c, int argc, char **argv)
{
	int i;

	c->root = getenv("PILLARBOX_ROOT");
	if (c->root != NULL && *c->root == '\0')
		c->root = NULL;
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-r") == 0 && i + 1 < argc) {
			c->root = argv[++i];
		} else if (strcmp(argv[i], "--help") == 0) {
			usage(stdout);
			exit(EXIT_DONE);
		} else if (strcmp(argv[i], "--version") == 0) {
			puts("mailctl " PACKAGE_VERSION);
			exit(EXIT_DONE);
		} else if (!ctl_take_option(c, argv[i])) {
			ctl_fail(EXIT_USAGE, "unknown option %s", argv[i]);
			usage(stderr);
			output_json_end(c, EXIT_USAGE);
			exit(EXIT_USAGE);
		}
	}
	return i;
}

static int
open_instance(struct ctl *c)
{
	char path[INSTANCE_PATH_MAX];
	struct stat st;

	if (instance_open(&c->instance, c->root) != 0)
		return ctl_fail(ctl_code_of_errno(errno), "%s: %s", c->root == NULL ? "/" : c->root, strerror(errno));
	if (stat(instance_path(&c->instance, path, "etc"), &st) != 0)
		return ctl_fail(errno == ENOENT ? EXIT_NO_OBJECT : ctl_code_of_errno(errno),
			"%s: %s (make an instance with: mailctl init%s)", path, strerror(errno),
			c->root == NULL ? "" : " DIR");
	/* Files made by root in a user's instance would be lost for its programs. */
	if (geteuid() == 0 && st.st_uid != 0) {
		if (setgid(st.st_gid) != 0 || setuid(st.st_uid) != 0)
			return ctl_fail(EXIT_NO_RIGHT, "cannot become uid %u: %s", (unsigned int)st.st_uid,
				strerror(errno));
	} else if (geteuid() != st.st_uid && geteuid() != 0) {
		return ctl_fail(EXIT_NO_RIGHT, "%s belongs to uid %u: no right", path, (unsigned int)st.st_uid);
	}
	return EXIT_DONE;
}

int
main(int argc, char **argv)
{
	struct ctl c = { .history_fd = -1, .instance = { .root_fd = -1 } };
	const struct command *cmd;
	int used, code = EXIT_DONE;
	char shell_word[] = "shell", *shell_argv[] = { shell_word, NULL };

	die_set_program("mailctl");
	umask(077);
	output_json_begin();
	used = leading_options(&c, argc, argv);
	argc -= used;
	argv += used;
	if (argc == 0 && isatty(STDIN_FILENO)) {
		argc = 1;
		argv = shell_argv;
	} else if (argc == 0) {
		usage(stderr);
		output_json_end(&c, EXIT_USAGE);
		return EXIT_USAGE;
	}
	note_who(&c);
	note_why(&c, argc, argv);
	argc = command_options(&c, argc, argv);
	cmd = command_find(argc, argv, &used);
	if (cmd != NULL && (cmd->flags & COMMAND_NO_INSTANCE) == 0)
		code = open_instance(&c);
	if (code == EXIT_DONE)
		code = command_run(&c, argc, argv);
	if (!c.in_shell)		/* which ended each of its lines */
		output_json_end(&c, code);
	if (fflush(stdout) != 0 || ferror(stdout))
		code = code == EXIT_DONE ? ctl_fail(EXIT_TRY_LATER, "standard output: %s", strerror(errno)) : code;
	return code;
}
