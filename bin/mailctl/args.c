/*
 * args: one pass over argv; arguments are moved to its front.
 */
#include "base/base.h"
#include "args.h"
#include "ctl.h"

/* How many elements of argv the option at argv[0] took; 0 when it is unknown. */
static int
take_option(char **argv, int left, const struct arg_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(options[i].name);

		if (strncmp(argv[0], options[i].name, n) != 0)
			continue;
		if (argv[0][n] == '\0' && options[i].flag != NULL) {
			*options[i].flag = true;
			return 1;
		}
		if (options[i].value == NULL)
			continue;
		if (argv[0][n] == '=') {
			*options[i].value = argv[0] + n + 1;
			return 1;
		}
		if (argv[0][n] == '\0' && left > 1) {
			*options[i].value = argv[1];
			return 2;
		}
	}
	return 0;
}

bool
args_parse(struct args *a, int argc, char **argv, const struct arg_option *options,
	size_t option_count, size_t min, size_t max)
{
	bool is_option = true;
	int taken;

	a->count = 0;
	a->item = argv;
	for (int i = 0; i < argc; i += taken) {
		taken = 1;
		if (is_option && strcmp(argv[i], "--") == 0) {
			is_option = false;
		} else if (is_option && argv[i][0] == '-' && argv[i][1] == '-') {
			taken = take_option(argv + i, argc - i, options, option_count);
			if (taken == 0) {
				ctl_fail(2, "unknown option or missing value: %s", argv[i]);
				return false;
			}
		} else if (is_option && argv[i][0] == '-' &&
		    (taken = take_option(argv + i, argc - i, options, option_count)) > 0) {
			continue;
		} else {
			taken = 1;
			a->item[a->count++] = argv[i];
		}
	}
	if (a->count >= min && a->count <= max)
		return true;
	ctl_fail(2, a->count < min ? "too few arguments" : "too many arguments");
	return false;
}

static const char *const secret_words[] = { "--password=", "--admin-password=", "authPassword=", "adminPassword=" };

size_t
args_secret(const char *word)
{
	for (size_t i = 0; i < PB_COUNT(secret_words); i++)
		if (strncasecmp(word, secret_words[i], strlen(secret_words[i])) == 0)
			return strlen(secret_words[i]);
	return 0;
}

bool
args_hides_next(const char *word)
{
	return strcmp(word, "--password") == 0 || strcmp(word, "--admin-password") == 0;
}
