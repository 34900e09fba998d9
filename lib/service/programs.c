/*
 * programs: see programs.h.  The manifest of files (spool-layout) names the
 * same users.
 */
#include "base/base.h"
#include "service/programs.h"

const struct program program_table[] = {
	{ "mail-master", "root" },
	{ "event-log", "pblog" },
	{ "auth-check", "pbauth" },
	{ "abuse-check", "pbcheck" },
	{ "greylist-check", "pbcheck" },
	{ "spool-runner", "pbmail" },
	{ "local-deliver", "pbmail" },
	{ "remote-send", "pbsend" },
	{ "scan-check", "pbscan" },
	{ "smtp-listen", "pbsmtp" },
	{ "pop3-serve", "pbmail" },
	{ "imap-serve", "pbmail" },
};

const size_t program_count = PB_COUNT(program_table);

const struct program *
program_find(const char *name)
{
	for (size_t i = 0; i < program_count; i++)
		if (strcmp(program_table[i].name, name) == 0)
			return &program_table[i];
	return NULL;
}
