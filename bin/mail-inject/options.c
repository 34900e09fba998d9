/*
 * options: what old and new callers of sendmail(1) write.
 *
 * Options that tell a queueing or a formatting detail of other servers are
 * taken and have no effect; those that ask for another program's work (-bi,
 * -bp, -q ...) are refused.  `-r` names the sender when the program was called
 * "sendmail", else the instance, as for every program of Pillarbox.
 */
#include "base/base.h"
#include "options.h"

static const char *self;

PB_NORETURN static void
usage(FILE *to, int code)
{
	fprintf(to, "usage: %s [-r ROOT] [-t] [-i] [-f SENDER] [-F NAME] [-N NOTIFY] [-R FULL|HDRS] [-V ENVID]\n"
		"                   [RECIPIENT ...] < MESSAGE\n"
		"       %s [-r ROOT] -bs\n"
		"       %s --help | --version\n", self, self, self);
	exit(code);
}

/* The value of an option: behind its letter, or the next argument. */
static const char *
value_of(char **argv, int *i)
{
	if (argv[*i][2] != '\0')
		return argv[*i] + 2;
	if (argv[*i + 1] == NULL)
		usage(stderr, INJECT_USAGE);
	return argv[++*i];
}

/* -bX: what to do. */
static void
read_mode(struct options *o, const char *mode)
{
	if (strcmp(mode, "s") == 0) {
		o->smtp = true;
	} else if (strcmp(mode, "m") != 0) {
		fprintf(stderr, "%s: -b%s is not supported; see mailctl(1)\n", self, mode);
		exit(INJECT_USAGE);
	}
}

static void
read_option(struct options *o, char **argv, int *i)
{
	const char *option = argv[*i];
	bool is_sendmail = strcmp(self, "sendmail") == 0;

	switch (option[1]) {
	case 't':
		o->from_header = true;
		break;
	case 'i':
		o->dots_are_text = true;
		break;
	case 'b':
		read_mode(o, option + 2);
		break;
	case 'f':
		o->sender = value_of(argv, i);
		break;
	case 'r':
		if (is_sendmail)
			o->sender = value_of(argv, i);
		else
			o->root = value_of(argv, i);
		break;
	case 'F':
		o->full_name = value_of(argv, i);
		break;
	case 'N':
		o->notify = value_of(argv, i);
		break;
	case 'R':
		o->ret = value_of(argv, i);
		break;
	case 'V':
		o->envid = value_of(argv, i);
		break;
	case 'o':		/* -oi is -i; other settings of Sendmail mean nothing here */
		o->dots_are_text = o->dots_are_text || strcmp(option, "-oi") == 0;
		break;
	case 'B': case 'h': case 'L': case 'O': case 'p': case 'X':
		(void)value_of(argv, i);
		break;
	case 'G': case 'm': case 'n': case 'U': case 'v':
		break;
	default:
		usage(stderr, INJECT_USAGE);
	}
}

void
options_read(struct options *o, int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	int i = 1;

	*o = (struct options){ .root = NULL };
	self = argc < 1 ? "mail-inject" : slash != NULL ? slash + 1 : argv[0];
	for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--help") == 0)
			usage(stdout, INJECT_OK);
		if (strcmp(argv[i], "--version") == 0) {
			printf("mail-inject (%s) %s\n", PACKAGE_NAME, PACKAGE_VERSION);
			exit(INJECT_OK);
		}
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		read_option(o, argv, &i);
	}
	o->recipients = argv + i;
	o->recipient_count = (size_t)(argc - i);
	if (o->smtp ? o->recipient_count > 0 : !o->from_header && o->recipient_count == 0)
		usage(stderr, INJECT_USAGE);
}
