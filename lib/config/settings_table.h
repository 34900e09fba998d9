/*
 * settings_table: settings.def as data, with look-up and the check of a value.
 *
 * The room lib/config holds the settings: the table of all of them, the XML
 * files that people and mailctl write (xml.h, config_file.h), what programs
 * get from them (compile.h, settings.h), domains and users (domain.h, user.h),
 * and the manifest of files.  Only settings.h and manifest.h are meant for
 * programs that run; all that touches XML belongs to mailctl, auth-check and
 * the rightless child of mail-master.
 */
#ifndef CONFIG_SETTINGS_TABLE_H
#define CONFIG_SETTINGS_TABLE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/* Which file a setting stands in. */
enum setting_scope {
	SCOPE_SERVER,		/* etc/mailconfig.xml */
	SCOPE_DOMAINS,		/* etc/domainList.xml */
	SCOPE_DOMAIN,		/* domains/DOMAIN/domainConfig.xml */
	SCOPE_ALIASES,		/* domains/DOMAIN/aliases.xml */
	SCOPE_USER		/* domains/DOMAIN/users/USER/userConfig.xml */
};
#define SCOPE_COUNT 5

enum setting_type {
	SETTING_NUM, SETTING_BOOL, SETTING_ENUM, SETTING_TEXT,
	SETTING_NUMS,		/* one element with comma separated numbers */
	SETTING_LIST,		/* a repeated element with text */
	SETTING_RECORDS		/* a repeated element with fields of its own */
};

enum setting_format {
	FORMAT_PLAIN,		/* printable ASCII */
	FORMAT_LINE,		/* any UTF-8 without control characters */
	FORMAT_SECRET,		/* printable ASCII, never shown */
	FORMAT_HOST,		/* DNS name with at least one dot, or localhost */
	FORMAT_SELECTOR,	/* DNS name of one or more labels */
	FORMAT_HOSTS,		/* several, separated by commas, blanks or line ends; canonical: by commas */
	FORMAT_IP,		/* IPv4 or IPv6 address */
	FORMAT_NETWORK,		/* address, or address/bits */
	FORMAT_DNS,		/* address, or address@port */
	FORMAT_SOCKET,		/* unix:NAME, unix:/PATH, inet:PORT@ADDRESS, inet6:PORT@ADDRESS */
	FORMAT_MAILBOX,		/* local@domain */
	FORMAT_LOCALPART,	/* what may stand left of the @ */
	FORMAT_FIELD,		/* name of a header field (RFC 5322 3.6.8) */
	FORMAT_PATTERN,		/* address or domain, with * as wildcard */
	FORMAT_PATH		/* file name without control characters and ".." */
};

enum setting_switch { SWITCH_NONE, SWITCH_ON, SWITCH_OFF };

/* Bits of settings.def's column `programs`. */
enum setting_program {
	PROGRAM_SMTP = 1 << 0, PROGRAM_RUNNER = 1 << 1, PROGRAM_LOCAL = 1 << 2,
	PROGRAM_REMOTE = 1 << 3, PROGRAM_POP = 1 << 4, PROGRAM_IMAP = 1 << 5,
	PROGRAM_GREY = 1 << 6, PROGRAM_AUTH = 1 << 7, PROGRAM_ABUSE = 1 << 8,
	PROGRAM_LOG = 1 << 9, PROGRAM_INJECT = 1 << 10, PROGRAM_MASTER = 1 << 11,
	PROGRAM_SCAN = 1 << 12
};

struct setting {
	const char *path;
	enum setting_scope scope;
	enum setting_type type;
	enum setting_format format;	/* of texts and list items */
	enum setting_switch sw;
	const char *unit;		/* of numbers, else "" */
	const char *choices;		/* of enumerations: "a|b|c", else "" */
	const char *dflt;		/* as it would stand in the file */
	uint64_t min, max;		/* numbers: range; texts: max is the length */
	size_t max_count;		/* lists and records */
	const char *feature;
	unsigned int programs;
	const char *help;
};

extern const struct setting setting_table[];
extern const size_t setting_count;

struct setting_program_name { unsigned int bit; const char *name; };
extern const struct setting_program_name setting_programs[];
extern const size_t setting_program_count;

/* The bit of a program's name; 0 when it has no settings. */
unsigned int setting_program_bit(const char *name);

/* The setting of that path (letter case is ignored), or of its other spelling; NULL when there is none. */
const struct setting *setting_find(enum setting_scope scope, struct span path);

/* The record list that a field belongs to; NULL for all that is no field. */
const struct setting *setting_parent(const struct setting *s);

/* The last component of a path: the element's own name. */
const char *setting_element(const struct setting *s);

/* Another name under which the element is read; NULL for most.  It is never written. */
const char *setting_other_element(const struct setting *s);

/* True when `path` is a proper beginning ("greylisting") of some setting's path. */
bool setting_is_container(enum setting_scope scope, struct span path);

/*
 * Check a value and append its canonical form to out (True/False, no blanks
 * around, choices in the table's letter case).  On failure returns false and
 * appends to why what is allowed: "must be 1 to 65535 (port)".
 */
bool setting_check(const struct setting *s, struct span value, struct buf *out,
	struct buf *why) PB_MUST_CHECK;

/* The allowed values in words, as setting_check and mailconfig(5) give them. */
void setting_range(const struct setting *s, struct buf *out);

/* Read True/False in any letter case, also 1/0 and yes/no; false for all else. */
bool setting_bool_parse(struct span value, bool *out) PB_MUST_CHECK;

/* File name ("mailconfig.xml") and root element ("mailConfig") of a scope. */
const char *setting_file_name(enum setting_scope scope);
const char *setting_root_name(enum setting_scope scope);

#endif
