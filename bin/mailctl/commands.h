/*
 * commands: every command of mailctl, as data.
 *
 * A command gets the words after noun and verb and returns an exit code.
 */
#ifndef MAILCTL_COMMANDS_H
#define MAILCTL_COMMANDS_H

#include "base/base.h"
#include "ctl.h"

typedef int command_fn(struct ctl *c, int argc, char **argv);

enum command_flag {
	COMMAND_EDITS = 1,		/* staged in the shell until commit */
	COMMAND_NO_INSTANCE = 2,	/* works without an instance */
	COMMAND_DOMAINS = 4,		/* completes names of domains */
	COMMAND_USERS = 8,		/* completes addresses */
	COMMAND_SETTINGS = 16		/* completes names of settings */
};

struct command {
	const char *noun;
	const char *verb;		/* "" for commands of one word */
	command_fn *run;
	unsigned int flags;
	const char *args;		/* for help */
	const char *help;		/* one line */
};

extern const struct command command_table[];
extern const size_t command_count;

/*
 * Find the command of these words, the short forms ("start", "online") too;
 * *used is the number of words that name it.  NULL when there is none.
 */
const struct command *command_find(int argc, char **argv, int *used);

/* Take options that all commands share out of the words, up to "--"; the words left. */
int command_options(struct ctl *c, int argc, char **argv);

/* After a change of server settings by this command: the running server reads them; none running is no error. */
int command_reload(struct ctl *c);

/* Run one command line of words; the exit code. */
int command_run(struct ctl *c, int argc, char **argv);

command_fn cmd_init, cmd_help, cmd_shell;
command_fn cmd_get, cmd_set;
command_fn cmd_domain_add, cmd_domain_list, cmd_domain_show, cmd_domain_edit, cmd_domain_delete;
command_fn cmd_dkim_add, cmd_dkim_list, cmd_dkim_show, cmd_dkim_use, cmd_dkim_delete;
command_fn cmd_domain_alias_add, cmd_domain_alias_list, cmd_domain_alias_delete;
command_fn cmd_user_add, cmd_user_list, cmd_user_show, cmd_user_edit, cmd_user_delete, cmd_user_passwd;
command_fn cmd_alias_add, cmd_alias_edit, cmd_alias_list, cmd_alias_delete;
command_fn cmd_service_start, cmd_service_stop, cmd_service_restart, cmd_service_status, cmd_service_reload;
command_fn cmd_spool_list, cmd_spool_shape, cmd_spool_show, cmd_spool_view, cmd_spool_recipients;
command_fn cmd_spool_force, cmd_spool_delete, cmd_spool_reset, cmd_spool_hold, cmd_spool_release;
command_fn cmd_spool_priority, cmd_spool_requeue, cmd_dest, cmd_lockdown;
command_fn cmd_quarantine_list, cmd_quarantine_show, cmd_quarantine_view, cmd_quarantine_release, cmd_quarantine_delete;
command_fn cmd_log_show, cmd_check, cmd_advise, cmd_explain, cmd_connections, cmd_sessions_list, cmd_reindex;
command_fn cmd_try, cmd_trusted_list, cmd_trusted_add, cmd_trusted_delete;
command_fn cmd_gateway_list, cmd_gateway_add, cmd_gateway_edit, cmd_gateway_delete;
command_fn cmd_outgoing_list, cmd_outgoing_add, cmd_outgoing_edit, cmd_outgoing_delete, cmd_route_show;
command_fn cmd_role_show, cmd_role_advise;
command_fn cmd_block_list, cmd_block_show, cmd_block_add, cmd_block_delete;
command_fn cmd_abuse_list, cmd_abuse_show, cmd_abuse_add, cmd_abuse_edit, cmd_abuse_delete;
command_fn cmd_ip_list_list, cmd_ip_list_show, cmd_ip_list_add, cmd_ip_list_edit, cmd_ip_list_delete;
command_fn cmd_bindings_list, cmd_bindings_show, cmd_bindings_add, cmd_bindings_edit, cmd_bindings_delete;
command_fn cmd_bindings_check;
command_fn cmd_greylist_stats, cmd_greylist_list, cmd_greylist_delete, cmd_greylist_why, cmd_expect;
command_fn cmd_tls_show, cmd_tls_rule;

/* May `set` give this value?  EXIT_REFUSED after a message when OpenSSL does not know what is in it. */
int tls_check_setting(const char *name, const char *value);

#endif
