/*
 * format: what the text of a setting may look like.
 *
 * Pure functions.  A value that passes is safe to print on one line and to
 * put into a file name only where the format says so (FORMAT_HOST,
 * FORMAT_LOCALPART).
 */
#ifndef CONFIG_FORMAT_H
#define CONFIG_FORMAT_H

#include "base/base.h"
#include "base/span.h"
#include "config/settings_table.h"

/* In words, for messages: "a host name". */
const char *format_name(enum setting_format f);

/* True for a text that is not empty and has the form. */
bool format_is_valid(enum setting_format f, struct span s);

/* DNS name: labels of letters, digits and inner hyphens, 1 to 63 bytes each. */
bool format_is_host(struct span s);
/* A name of a DKIM key (RFC 6376 3.1); may be part of a file name. */
#define FORMAT_SELECTOR_MAX 63
bool format_is_selector(struct span s);
/* Name of a domain's folder: a host name of at most 255 bytes in small letters. */
bool format_is_domain_folder(struct span s);
/*
 * Name of a user and of the user's folder: dot-atom characters without "/", not
 * beginning with "." or "-", at most LIMIT_LOCAL_PART bytes, no capital letters.
 */
bool format_is_user_folder(struct span s);

/* Hosts of FORMAT_HOSTS, as they were written, separated by commas. */
bool format_put_hosts(struct span s, struct buf *out);

#endif
