/*
 * account: domains and users as folders and files of the instance.
 *
 * A domain is there when domains/NAME/domainConfig.xml is; a user when
 * users/NAME/userConfig.xml is.  That file is written last and removed first,
 * so a crash leaves folders at worst.  Nothing here lists or rewrites all
 * users to change one.
 */
#ifndef MAILCTL_ACCOUNT_H
#define MAILCTL_ACCOUNT_H

#include "base/base.h"
#include "base/limits.h"
#include "config/settings.h"
#include "ctl.h"

struct domain {
	char name[256];
	char folder[CONFIG_PATH_MAX - 192];	/* "domains/example.com" */
	int fd;
	int users_fd;
};

struct address {
	char user[LIMIT_LOCAL_PART + 1];
	char domain[256];
	char text[LIMIT_ADDRESS + 1];	/* user@domain, small letters */
};

/* Open an existing domain; EXIT_NO_OBJECT and others after a message. */
int domain_open(const struct ctl *c, const char *name, struct domain *out);
void domain_close(struct domain *d);
/* Put the name in small letters into out; EXIT_USAGE after a message when it is none. */
int domain_name(const char *name, char out[256]);

/* Read the settings of a domain, of a user in it, or its aliases; NULL after messages. */
struct settings *domain_settings(const struct domain *d);
struct settings *user_settings(const struct domain *d, const char *user);
struct settings *alias_settings(const struct domain *d);

int address_parse(const char *text, struct address *out);

/* True when users/NAME/userConfig.xml is there. */
bool user_exists(const struct domain *d, const char *user);

struct user_new {
	const char *user;
	struct span password;
	const char *full_name;		/* NULL: none */
	bool is_admin;
	size_t word_count;		/* more settings, NAME=VALUE */
	char *const *words;
};

/* Make an account with its Maildir; an exit code after a message. */
int user_make(struct ctl *c, const struct domain *d, const struct user_new *u);

/* Put hash, and SCRAM and CRAM secrets where the domain offers them, into the document. */
int user_set_password(const struct settings *domain, struct config_file *f, struct span password);

/* Is the password good enough for this server?  EXIT_REFUSED after one message a rule. */
int user_check_password(const struct ctl *c, struct span password, const char *user);

/* Remove a folder with all that is in it; follows no links.  0, or -1 with errno. */
int tree_remove(int dirfd, const char *name) PB_MUST_CHECK;

/* Names in a folder whose NAME/file exists, sorted; NULL-ended, free with names_free. */
char **names_list(int dirfd, const char *file, size_t *count_out);
void names_free(char **names);

/*
 * The list verb of what domains have: rows of the domains named in argv, or of
 * all.  each prints those of one; an exit code, which ends the list unless EXIT_DONE.
 */
struct output;
typedef int domain_lister(const struct ctl *c, struct output *o, const char *domain);
int domains_list(struct ctl *c, int argc, char **argv, const char *const *columns, domain_lister *each);

#endif
