/*
 * commands: the table, look-up, and running one.
 */
#include "base/base.h"
#include "commands.h"
#include "base/die.h"
#include "output.h"
#include "service/control.h"
#include "tls_pairs.h"

const struct command command_table[] = {
	{ "init", "", cmd_init, COMMAND_NO_INSTANCE,
	  "[DIR] [--base-port N] [--host-name NAME] [--listen ADDRESS] [--admin NAME --admin-password PW]",
	  "make a new instance" },
	{ "service", "start", cmd_service_start, 0, "[SERVICE ...]", "start the server, or stopped services" },
	{ "service", "stop", cmd_service_stop, 0, "[SERVICE ...]", "stop the server, or services" },
	{ "service", "restart", cmd_service_restart, 0, "[SERVICE ...]", "stop and start" },
	{ "service", "status", cmd_service_status, 0, "[SERVICE ...]", "what runs" },
	{ "service", "reload", cmd_service_reload, 0, "[SERVICE ...]", "read changed settings" },
	{ "domain", "add", cmd_domain_add, COMMAND_EDITS,
	  "NAME --admin USER --password PW [SETTING=VALUE ...]", "add a domain and its administrator" },
	{ "domain", "list", cmd_domain_list, 0, "", "all domains" },
	{ "domain", "show", cmd_domain_show, COMMAND_DOMAINS, "NAME", "settings of a domain" },
	{ "domain", "edit", cmd_domain_edit, COMMAND_EDITS | COMMAND_DOMAINS, "NAME SETTING=VALUE ...",
	  "change settings of a domain" },
	{ "domain", "delete", cmd_domain_delete, COMMAND_EDITS | COMMAND_DOMAINS, "NAME [--yes]",
	  "remove a domain with all its mail" },
	{ "domain-alias", "add", cmd_domain_alias_add, COMMAND_EDITS | COMMAND_DOMAINS, "DOMAIN NAME ...",
	  "other names of a domain, at which its addresses are the same" },
	{ "domain-alias", "list", cmd_domain_alias_list, COMMAND_DOMAINS, "[DOMAIN ...]", "other names of domains" },
	{ "domain-alias", "delete", cmd_domain_alias_delete, COMMAND_EDITS | COMMAND_DOMAINS, "DOMAIN NAME ...",
	  "remove other names" },
	{ "dkim", "add", cmd_dkim_add, COMMAND_EDITS | COMMAND_DOMAINS, "DOMAIN [--type rsa|ed25519|both] [--selector NAME] [--bits N]",
	  "make keys that sign mail, and print their DNS records" },
	{ "dkim", "list", cmd_dkim_list, COMMAND_DOMAINS, "[DOMAIN ...]", "which domains sign, and by which keys" },
	{ "dkim", "show", cmd_dkim_show, COMMAND_DOMAINS, "DOMAIN", "the DNS records of its keys" },
	{ "dkim", "use", cmd_dkim_use, COMMAND_EDITS | COMMAND_DOMAINS, "DOMAIN [--selector NAME]",
	  "sign by these keys from now on; their records must be in DNS" },
	{ "dkim", "delete", cmd_dkim_delete, COMMAND_EDITS | COMMAND_DOMAINS, "DOMAIN SELECTOR", "remove a key that is no longer used" },
	{ "user", "add", cmd_user_add, COMMAND_EDITS,
	  "USER@DOMAIN --password PW [--full-name NAME] [--domain-admin] [SETTING=VALUE ...]",
	  "add a user" },
	{ "user", "list", cmd_user_list, COMMAND_DOMAINS, "[DOMAIN ...]", "users of domains" },
	{ "user", "show", cmd_user_show, COMMAND_USERS, "USER@DOMAIN", "settings of a user" },
	{ "user", "edit", cmd_user_edit, COMMAND_EDITS | COMMAND_USERS, "USER@DOMAIN SETTING=VALUE ...",
	  "change settings of a user" },
	{ "user", "delete", cmd_user_delete, COMMAND_EDITS | COMMAND_USERS, "USER@DOMAIN ... [--yes]",
	  "remove users with all their mail" },
	{ "user", "passwd", cmd_user_passwd, COMMAND_EDITS | COMMAND_USERS, "USER@DOMAIN --password PW",
	  "set a password" },
	{ "lockdown", "", cmd_lockdown, COMMAND_USERS, "USER@DOMAIN [--dry-run]",
	  "somebody else sends by this account: a new password, and its mail out of the queue" },
	{ "alias", "add", cmd_alias_add, COMMAND_EDITS, "NAME@DOMAIN TARGET ...", "an address for others" },
	{ "alias", "edit", cmd_alias_edit, COMMAND_EDITS, "NAME@DOMAIN TARGET ...", "other targets" },
	{ "alias", "list", cmd_alias_list, COMMAND_DOMAINS, "[DOMAIN ...]", "aliases of domains" },
	{ "alias", "delete", cmd_alias_delete, COMMAND_EDITS, "NAME@DOMAIN ...", "remove aliases" },
	{ "get", "", cmd_get, COMMAND_SETTINGS, "[SETTING ...]", "settings of the server" },
	{ "set", "", cmd_set, COMMAND_EDITS | COMMAND_SETTINGS,
	  "SETTING VALUE | SETTING --enable | --disable | --add SETTING ITEM ... | --remove SETTING ITEM ...",
	  "change a setting of the server" },
	{ "spool", "list", cmd_spool_list, 0,
	  "[-w SELECTOR] [--sender A] [--recipient A] [--domain D] [--older AGE] [--status S] [--sort COLUMN [--reverse]] [--max N] [--watch SECONDS]",
	  "messages in the queue" },
	{ "spool", "shape", cmd_spool_shape, 0, "[-w SELECTOR] [--max N]", "recipients that wait, by destination and age" },
	{ "spool", "show", cmd_spool_show, 0, "ID ... | - | -w SELECTOR | --all", "envelopes" },
	{ "spool", "view", cmd_spool_view, 0, "ID ... | - | -w SELECTOR | --all", "the messages themselves" },
	{ "spool", "recipients", cmd_spool_recipients, 0, "ID ... | - | -w SELECTOR | --all", "what became of each recipient" },
	{ "spool", "force", cmd_spool_force, 0, "ID ... | - | -w SELECTOR | --all [--dry-run]", "try now" },
	{ "spool", "delete", cmd_spool_delete, 0, "ID ... | - | -w SELECTOR | --all [--dry-run]", "remove without a bounce" },
	{ "spool", "reset-retries", cmd_spool_reset, 0, "ID ... | - | -w SELECTOR | --all [--dry-run]", "begin the retries again" },
	{ "spool", "hold", cmd_spool_hold, 0, "ID ... | - | -w SELECTOR | --all [--dry-run]", "no attempt until they are released" },
	{ "spool", "release", cmd_spool_release, 0, "ID ... | - | -w SELECTOR | --all [--dry-run]", "let those that were held go on" },
	{ "spool", "priority", cmd_spool_priority, 0, "N ID ... | - | -w SELECTOR | --all [--dry-run]",
	  "set 1 to 10, whatever the rules say; 10 goes first" },
	{ "spool", "requeue", cmd_spool_requeue, 0, "ID ... | - | -w SELECTOR | --all --to DOMAIN [--from DOMAIN] [--dry-run]",
	  "send what waits to the same names at another domain" },
	{ "dest", "", cmd_dest, 0, "DOMAIN [--days N]", "where its mail goes, who waits, and what its hosts said last, in plain words" },
	{ "quarantine", "list", cmd_quarantine_list, 0, "[-w SELECTOR]", "messages that were put aside, and why" },
	{ "quarantine", "show", cmd_quarantine_show, 0, "ID ... | - | -w SELECTOR | --all", "their envelopes" },
	{ "quarantine", "view", cmd_quarantine_view, 0, "ID ... | - | -w SELECTOR | --all", "the messages themselves" },
	{ "quarantine", "release", cmd_quarantine_release, 0, "ID ... | - | -w SELECTOR | --all [--dry-run]", "let them go: they are delivered" },
	{ "quarantine", "delete", cmd_quarantine_delete, 0, "ID ... | - | -w SELECTOR | --all [--dry-run]", "remove without a bounce" },
	{ "log", "show", cmd_log_show, 0, "[KIND] [--date YYYY.MM.DD] [-w SELECTOR] [--search TEXT] [--related]", "log lines" },
	{ "explain", "", cmd_explain, 0, "ID | TICKET | '<MESSAGE-ID>' | ADDRESS [--days N] [--all]",
	  "what became of a message, from the first connection to the mailbox" },
	{ "connections", "", cmd_connections, 0, "[smtp|pop|imap|all]", "open connections" },
	{ "sessions", "list", cmd_sessions_list, 0, "", "logged-in sessions" },
	{ "whitelist", "list", cmd_ip_list_list, 0, "", "addresses that are trusted" },
	{ "whitelist", "show", cmd_ip_list_show, 0, "ADDRESS | ADDRESS/BITS | FIRST-LAST", "the entries that hold these addresses" },
	{ "whitelist", "add", cmd_ip_list_add, COMMAND_EDITS, "ADDRESS | ADDRESS/BITS | FIRST-LAST [smtp=True] [pop=True] [imap=True] [greylisting=True]", "add an entry" },
	{ "whitelist", "edit", cmd_ip_list_edit, COMMAND_EDITS, "ENTRY [address=NEW] [FIELD=VALUE ...]", "change an entry" },
	{ "whitelist", "delete", cmd_ip_list_delete, COMMAND_EDITS, "ENTRY ...", "remove entries" },
	{ "blacklist", "list", cmd_ip_list_list, 0, "", "addresses that are refused" },
	{ "blacklist", "show", cmd_ip_list_show, 0, "ADDRESS | ADDRESS/BITS | FIRST-LAST", "the entries that hold these addresses" },
	{ "blacklist", "add", cmd_ip_list_add, COMMAND_EDITS, "ADDRESS | ADDRESS/BITS | FIRST-LAST [smtp=False] [pop=False] [imap=False]", "add an entry" },
	{ "blacklist", "edit", cmd_ip_list_edit, COMMAND_EDITS, "ENTRY [address=NEW] [FIELD=VALUE ...]", "change an entry" },
	{ "blacklist", "delete", cmd_ip_list_delete, COMMAND_EDITS, "ENTRY ...", "remove entries" },
	{ "auth-bypass", "list", cmd_ip_list_list, 0, "", "addresses that need no SMTP log-in" },
	{ "auth-bypass", "show", cmd_ip_list_show, 0, "ADDRESS | ADDRESS/BITS | FIRST-LAST", "the entries that hold these addresses" },
	{ "auth-bypass", "add", cmd_ip_list_add, COMMAND_EDITS, "ADDRESS | ADDRESS/BITS | FIRST-LAST", "add an entry" },
	{ "auth-bypass", "edit", cmd_ip_list_edit, COMMAND_EDITS, "ENTRY address=NEW", "change an entry" },
	{ "auth-bypass", "delete", cmd_ip_list_delete, COMMAND_EDITS, "ENTRY ...", "remove entries" },
	{ "ip-bypass", "list", cmd_ip_list_list, 0, "", "addresses of our own gateways" },
	{ "ip-bypass", "show", cmd_ip_list_show, 0, "ADDRESS | ADDRESS/BITS | FIRST-LAST", "the entries that hold these addresses" },
	{ "ip-bypass", "add", cmd_ip_list_add, COMMAND_EDITS, "ADDRESS | ADDRESS/BITS | FIRST-LAST [bypassSpamChecks=False] [bypassGreylisting=False]", "add an entry" },
	{ "ip-bypass", "edit", cmd_ip_list_edit, COMMAND_EDITS, "ENTRY [address=NEW] [FIELD=VALUE ...]", "change an entry" },
	{ "ip-bypass", "delete", cmd_ip_list_delete, COMMAND_EDITS, "ENTRY ...", "remove entries" },
	{ "bindings", "list", cmd_bindings_list, 0, "[ports]", "addresses and what is open on them, or the ports" },
	{ "bindings", "show", cmd_bindings_show, 0, "ADDRESS | PORT", "one of them" },
	{ "bindings", "add", cmd_bindings_add, COMMAND_EDITS, "ADDRESS [ports=N,N...] [hostName=NAME] | PORT service=NAME",
	  "open an address, or a port" },
	{ "bindings", "edit", cmd_bindings_edit, COMMAND_EDITS, "ADDRESS [ports=N,N...] [hostName=NAME] | PORT service=NAME",
	  "change what is open" },
	{ "bindings", "delete", cmd_bindings_delete, COMMAND_EDITS, "ADDRESS | PORT", "close an address, or a port" },
	{ "bindings", "check", cmd_bindings_check, 0, "", "ports and addresses that are open beyond the need" },
	{ "block", "list", cmd_block_list, 0, "", "addresses that are blocked now" },
	{ "block", "show", cmd_block_show, 0, "ADDRESS ...", "blocks of an address" },
	{ "block", "add", cmd_block_add, 0,
	  "ADDRESS ... [--minutes N] [--service smtp|pop|imap|all] [--reason TEXT]", "block addresses" },
	{ "block", "delete", cmd_block_delete, 0, "ADDRESS ... [--service smtp|pop|imap|all]", "lift blocks" },
	{ "abuse", "list", cmd_abuse_list, 0, "", "rules that detect abuse" },
	{ "abuse", "show", cmd_abuse_show, 0, "NUMBER", "one rule" },
	{ "abuse", "add", cmd_abuse_add, COMMAND_EDITS, "FIELD=VALUE ...", "add a rule" },
	{ "abuse", "edit", cmd_abuse_edit, COMMAND_EDITS, "NUMBER FIELD=VALUE ...", "change a rule" },
	{ "abuse", "delete", cmd_abuse_delete, COMMAND_EDITS, "NUMBER ...", "remove rules" },
	{ "greylist", "why", cmd_greylist_why, 0, "ADDRESS | IP | IP SENDER RECIPIENT [--helo NAME]",
	  "what greylisting would do now, and the records behind it" },
	{ "greylist", "stats", cmd_greylist_stats, 0, "",
	  "what greylisting did; a share of 95% of first contacts that never come back is usual" },
	{ "greylist", "list", cmd_greylist_list, 0,
	  "[--state waiting|passed|known] [--network IP] [--sender PATTERN] [--recipient PATTERN] [--max N]",
	  "records of greylisting" },
	{ "greylist", "delete", cmd_greylist_delete, 0,
	  "IP SENDER RECIPIENT | --all | [--state WORD] [--network IP] [--sender PATTERN] [--recipient PATTERN]",
	  "forget records of greylisting" },
	{ "expect", "", cmd_expect, COMMAND_USERS, "[USER@DOMAIN [--for 15m | --end]]",
	  "no greylisting for a user who waits for mail, such as a log-in code; without a user: who waits" },
	{ "tls", "show", cmd_tls_show, 0, "", "certificates that the listeners show, and what is wrong with them" },
	{ "tls", "rule", cmd_tls_rule, COMMAND_EDITS,
	  "list | add FIELD=VALUE ... | edit NUMBER FIELD=VALUE ... | delete NUMBER [--restart]",
	  "certificates for addresses, ports and names" },
	{ "gateway", "list", cmd_gateway_list, 0, "", "servers for which mail is taken in" },
	{ "gateway", "add", cmd_gateway_add, COMMAND_EDITS, "FIELD=VALUE ...",
	  "take mail in for a server: fields as in incomingGateways/gateway" },
	{ "gateway", "edit", cmd_gateway_edit, COMMAND_EDITS, "NUMBER FIELD=VALUE ...", "change one of them" },
	{ "gateway", "delete", cmd_gateway_delete, COMMAND_EDITS, "NUMBER", "take mail in for it no longer" },
	{ "outgoing", "list", cmd_outgoing_list, 0, "", "gateways through which mail goes out" },
	{ "outgoing", "add", cmd_outgoing_add, COMMAND_EDITS, "FIELD=VALUE ... [--password PW] [--admin-password PW]",
	  "send mail through a gateway: fields as in gatewayServers/server" },
	{ "outgoing", "edit", cmd_outgoing_edit, COMMAND_EDITS,
	  "NUMBER [FIELD=VALUE ...] [--password PW] [--admin-password PW]", "change one of them" },
	{ "outgoing", "delete", cmd_outgoing_delete, COMMAND_EDITS, "NUMBER", "send through it no longer" },
	{ "route", "show", cmd_route_show, 0, "ADDRESS [--priority N]", "which way a message to the address would go, and why" },
	{ "role", "show", cmd_role_show, 0, "[ROLE]", "which parts of a role among servers are set up; without one: all roles" },
	{ "role", "advise", cmd_role_advise, 0, "ROLE", "what is left to do for it" },
	{ "trusted", "list", cmd_trusted_list, COMMAND_DOMAINS | COMMAND_USERS, "DOMAIN | USER@DOMAIN",
	  "senders that are never greylisted" },
	{ "trusted", "add", cmd_trusted_add, COMMAND_EDITS | COMMAND_DOMAINS | COMMAND_USERS,
	  "DOMAIN|USER@DOMAIN SENDER ...", "trust senders: addresses or domains, * as wildcard" },
	{ "trusted", "delete", cmd_trusted_delete, COMMAND_EDITS | COMMAND_DOMAINS | COMMAND_USERS,
	  "DOMAIN|USER@DOMAIN SENDER ...", "trust them no longer" },
	{ "try", "", cmd_try, 0,
	  "[FILE] --from A --to A [--to A ...] --ip IP [--helo NAME] [--auth USER] [--port smtp|submission|smtps|smtp-tls] [--tls] "
	  "[--size BYTES] [--local IP]", "what the server would say to a message, and why" },
	{ "check", "", cmd_check, 0, "", "verify settings, files and modes" },
	{ "advise", "", cmd_advise, 0, "[--days N]", "what should be looked at from time to time" },
	{ "reindex", "", cmd_reindex, 0, "", "rebuild the index of accounts" },
	{ "shell", "", cmd_shell, 0, "", "commands one by one, edits kept until commit" },
	{ "help", "", cmd_help, COMMAND_NO_INSTANCE, "[COMMAND]", "this list" },
};
const size_t command_count = PB_COUNT(command_table);

static const struct { const char *word, *noun, *verb; } short_forms[] = {
	{ "start", "service", "start" }, { "stop", "service", "stop" },
	{ "restart", "service", "restart" }, { "status", "service", "status" },
	{ "reload", "service", "reload" }, { "online", "sessions", "list" },
};

static const struct command *
find_words(const char *noun, const char *verb)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(command_table[i].noun, noun) == 0 && strcmp(command_table[i].verb, verb) == 0)
			return &command_table[i];
	return NULL;
}

const struct command *
command_find(int argc, char **argv, int *used)
{
	const struct command *found;

	*used = 1;
	if (argc < 1)
		return NULL;
	for (size_t i = 0; i < PB_COUNT(short_forms); i++)
		if (strcmp(short_forms[i].word, argv[0]) == 0)
			return find_words(short_forms[i].noun, short_forms[i].verb);
	found = find_words(argv[0], "");
	if (found != NULL || argc < 2)
		return found;
	*used = 2;
	return find_words(argv[0], argv[1]);
}

/* Certificate and key have a setting each: between the two changes they do not fit, which is no error. */
static bool
pairs_fit(const struct ctl *c)
{
	struct buf errors;
	bool fit;

	buf_init(&errors, 65536);
	fit = tls_pairs_fit(c, &errors);
	if (!fit)
		fprintf(stderr, "mailctl: warning: saved, and in force as soon as these fit:\n%s", buf_text(&errors));
	buf_free(&errors);
	return fit;
}

int
command_reload(struct ctl *c)
{
	struct record reply;
	struct buf request;
	int code;

	if (!c->was_edited)
		return EXIT_DONE;
	c->was_edited = false;
	if (!pairs_fit(c))
		return EXIT_DONE;
	buf_init(&request, 4096);
	record_begin(&request, "reload");
	code = ctl_call(c, "run/master", &request, true, &reply);
	buf_free(&request);
	if (code == EXIT_DONE)
		record_free(&reply);
	return code == EXIT_TRY_LATER ? EXIT_DONE : code;
}

int
command_options(struct ctl *c, int argc, char **argv)
{
	bool ended = false;
	int n = 0;

	for (int i = 0; i < argc; i++) {
		ended |= strcmp(argv[i], "--") == 0;
		if (ended || !ctl_take_option(c, argv[i]))
			argv[n++] = argv[i];
	}
	return n;
}

int
command_run(struct ctl *c, int argc, char **argv)
{
	int used, code;
	const struct command *cmd;

	argc = command_options(c, argc, argv);
	cmd = command_find(argc, argv, &used);
	if (cmd == NULL)
		return ctl_fail(EXIT_USAGE, "no such command: %s%s%s (try: mailctl help)",
			argc > 0 ? argv[0] : "", argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	c->noun = cmd->noun;
	code = cmd->run(c, argc - used, argv + used);
	if (code == EXIT_USAGE)
		fprintf(stderr, "usage: mailctl %s%s%s %s\n", cmd->noun, cmd->verb[0] == '\0' ? "" : " ",
			cmd->verb, cmd->args);
	return code == EXIT_DONE ? command_reload(c) : code;
}

/* Does the command stand under these words of `help`?  Short forms name it too. */
static bool
is_asked(const struct command *cmd, int argc, char **argv)
{
	int used;

	if (argc == 0)
		return true;
	if (argc == 1 && command_find(argc, argv, &used) == cmd)
		return true;
	return strcmp(argv[0], cmd->noun) == 0 && (argc == 1 || strcmp(argv[1], cmd->verb) == 0);
}

/* What an administrator must know before using a noun. */
static const struct { const char *noun, *text; } advice[] = {
	{ "greylist",
	  "Greylisting refuses a sender's first mail with 451 and takes a retry after the block period.\n"
	  "It has drawbacks: the first mail from a new sender is late by that time or more, which\n"
	  "hurts sign-up confirmations and log-in codes (see expect); and some servers never retry, or\n"
	  "too soon only, so that their mail is lost: whitelist them with greylisting on, as in\n"
	  "    mailctl whitelist add 192.0.2.0/24 greylisting=True\n"
	  "or let users and domains switch it off (disableGreylisting) or name trusted senders.\n" },
};

static void
help_row(struct output *o, const struct command *cmd)
{
	char words[64];

	snprintf(words, sizeof(words), "%s%s%s", cmd->noun, cmd->verb[0] == '\0' ? "" : " ", cmd->verb);
	if (o == NULL)
		printf("mailctl %s %s\n        %s\n", words, cmd->args, cmd->help);
	else
		output_row(o, words, cmd->args, cmd->help);
}

static void
print_advice(const char *noun)
{
	for (size_t i = 0; i < PB_COUNT(advice); i++)
		if (strcmp(noun, advice[i].noun) == 0)
			fputs(advice[i].text, stdout);
}

int
cmd_help(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "command", "arguments", "help", NULL };
	struct output *o = NULL;
	bool found = false;

	for (size_t i = 0; i < command_count; i++)
		found |= is_asked(&command_table[i], argc, argv);
	if (!found)
		return ctl_fail(EXIT_NO_OBJECT, "no such command: %s%s%s", argv[0], argc > 1 ? " " : "",
			argc > 1 ? argv[1] : "");
	if (c->format != CTL_TEXT)
		o = output_begin(c, columns);
	for (size_t i = 0; i < command_count; i++)
		if (is_asked(&command_table[i], argc, argv))
			help_row(o, &command_table[i]);
	if (o != NULL)
		output_end(&o);
	else if (argc > 0)
		print_advice(argv[0]);
	return EXIT_DONE;
}
