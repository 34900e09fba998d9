/*
 * options: what old and new callers of sendmail(1) write.
 *
 * Options that tell a queueing or a formatting detail of other servers are
 * taken and have no effect; those that ask for what this server has no need of
 * (-bd, -q with a time ...) are refused.  `-r` names the sender when the program
 * was called "sendmail", else the instance, as for every program of Pillarbox.
 * Called "mailq" it is -bp, and "newaliases" -bi: aliases are always in use.
 */
#include "base/base.h"
#include "options.h"
#include "smtp/command.h"

static const char *self;

PB_NORETURN static void
usage(FILE *to, int code)
{
	fprintf(to, "usage: %s [-r ROOT] [-t] [-i] [-f SENDER] [-F NAME] [-N NOTIFY] [-R FULL|HDRS] [-V ENVID]\n"
		"                   [RECIPIENT ...] < MESSAGE\n"
		"       %s [-r ROOT] -bs\n"
		"       %s [-r ROOT] -bp | -q | -qI ID | -qR TEXT | -qS TEXT\n"
		"       %s --help | --version\n", self, self, self, self);
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

PB_NORETURN static void
refuse(const char *option)
{
	fprintf(stderr, "%s: %s is not supported; see mailctl(1)\n", self, option);
	exit(INJECT_USAGE);
}

/* -bX: what to do. */
static void
read_mode(struct options *o, const char *option)
{
	const char *mode = option + 2;

	if (strcmp(mode, "s") == 0)
		o->smtp = true;
	else if (strcmp(mode, "p") == 0)
		o->queue = QUEUE_LIST;
	else if (strcmp(mode, "i") == 0)
		exit(INJECT_OK);
	else if (strcmp(mode, "m") != 0)
		refuse(option);
}

/* -q, -qI ID, -qR RECIPIENT, -qS SENDER; the text may be in the same word. */
static void
read_queue(struct options *o, char **argv, int *i)
{
	static const struct { char letter; enum options_queue queue; } kinds[] = {
		{ 'I', QUEUE_RUN_ID }, { 'R', QUEUE_RUN_RECIPIENT }, { 'S', QUEUE_RUN_SENDER },
	};
	const char *option = argv[*i];

	if (option[2] == '\0') {
		o->queue = QUEUE_RUN;
		return;
	}
	for (size_t k = 0; k < PB_COUNT(kinds); k++)
		if (option[2] == kinds[k].letter) {
			o->queue = kinds[k].queue;
			if (option[3] == '\0' && argv[*i + 1] == NULL)
				usage(stderr, INJECT_USAGE);
			o->queue_text = option[3] != '\0' ? option + 3 : argv[++*i];
			return;
		}
	refuse(option);
}

/* Letters without a value, alone or together (-ti). */
static void
read_flags(struct options *o, const char *letters)
{
	for (; *letters != '\0'; letters++)
		if (*letters == 't')
			o->from_header = true;
		else if (*letters == 'i')
			o->dots_are_text = true;
		else if (strchr("GmnUv", *letters) == NULL)
			usage(stderr, INJECT_USAGE);
}

static void
check_dsn(const struct options *o)
{
	unsigned notify;

	if (o->notify != NULL && !smtp_notify_parse(span_of(o->notify), &notify)) {
		fprintf(stderr, "%s: -N takes never, or some of success,failure,delay\n", self);
		exit(INJECT_USAGE);
	}
	if (o->ret != NULL && strcasecmp(o->ret, "full") != 0 && strcasecmp(o->ret, "hdrs") != 0) {
		fprintf(stderr, "%s: -R takes FULL or HDRS\n", self);
		exit(INJECT_USAGE);
	}
}

static void
read_option(struct options *o, char **argv, int *i)
{
	const char *option = argv[*i];
	bool is_sendmail = strcmp(self, "sendmail") == 0;

	switch (option[1]) {
	case 't': case 'i': case 'G': case 'm': case 'n': case 'U': case 'v':
		read_flags(o, option + 1);
		break;
	case 'b':
		read_mode(o, option);
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
	case 'q':
		read_queue(o, argv, i);
		break;
	case 'o':		/* -oi is -i; other settings of Sendmail mean nothing here */
		o->dots_are_text = o->dots_are_text || strcmp(option, "-oi") == 0;
		break;
	case 'B': case 'h': case 'L': case 'O': case 'p': case 'X':
		(void)value_of(argv, i);
		break;
	case 'A': case 'e':
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
	if (strcmp(self, "mailq") == 0)
		o->queue = QUEUE_LIST;
	if (strcmp(self, "newaliases") == 0)
		exit(INJECT_OK);
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
	check_dsn(o);
	if (o->queue != QUEUE_NO || o->smtp ? o->recipient_count > 0 : !o->from_header && o->recipient_count == 0)
		usage(stderr, INJECT_USAGE);
}
