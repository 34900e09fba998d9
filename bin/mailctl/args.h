/*
 * args: options and arguments of one command.
 *
 * Options are --name VALUE, --name=VALUE or --flag, anywhere among the
 * arguments; "--" ends them.  A command may have a short one, "-w VALUE"; any
 * other word with one dash is an argument.
 */
#ifndef MAILCTL_ARGS_H
#define MAILCTL_ARGS_H

#include "base/base.h"

#define ARGS_MAX 4096

struct arg_option {
	const char *name;	/* "--password", "-w" */
	const char **value;	/* set when the option takes a value ... */
	bool *flag;		/* ... else this is set to true */
};

struct args {
	size_t count;
	char **item;		/* borrowed from argv */
};

/*
 * Sort argv into options and arguments; the number of arguments must be in
 * min..max.  False after a message on standard error.
 */
bool args_parse(struct args *a, int argc, char **argv, const struct arg_option *options,
	size_t option_count, size_t min, size_t max) PB_MUST_CHECK;

/* Words that hold a password: how many bytes go before it ("--password=", "authPassword="); 0 for all others. */
size_t args_secret(const char *word);
/* "--password" and the like, whose value is the next word. */
bool args_hides_next(const char *word);

#endif
