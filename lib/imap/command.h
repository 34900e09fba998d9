/*
 * command: tag and name of a command, and the arguments of those that have a
 * form of their own.
 */
#ifndef IMAP_COMMAND_H
#define IMAP_COMMAND_H

#include "base/base.h"
#include "base/buf.h"
#include "imap/lex.h"
#include "imap/set.h"

struct imap_command {
	struct span tag;	/* p == NULL when there is none that can be read */
	struct span name;	/* "FETCH"; after "UID " the command behind it */
	bool uid;		/* UID FETCH, UID STORE … */
};

/* Read "tag SP name"; x stands behind it.  False: not a command, answer BAD. */
bool imap_command_parse(struct imap_lex *x, struct imap_command *out) PB_MUST_CHECK;

/* System flags as Maildir letters, all else as keywords. */
struct imap_flags {
	uint64_t letters;	/* MAILDIR_BIT of D F R S T, see imap_flag_letter */
	struct span *keywords;	/* in the arena; at most LIMIT_IMAP_FLAGS */
	size_t count;
	bool recent;		/* \Recent was named: only a server may set it */
};

/* The Maildir letter of "\Seen" …; 0 when it is none of the five. */
char imap_flag_letter(struct span name);
const char *imap_flag_name(char letter);

/* "(" flags ")"; with bare, also flags without parentheses (STORE). */
bool imap_flags_parse(struct imap_lex *x, bool bare, struct imap_flags *out) PB_MUST_CHECK;

enum imap_store_how { IMAP_STORE_REPLACE, IMAP_STORE_ADD, IMAP_STORE_REMOVE };
struct imap_store {
	enum imap_store_how how;
	bool silent;
	struct imap_flags flags;
};
bool imap_store_parse(struct imap_lex *x, struct imap_store *out) PB_MUST_CHECK;

/*
 * APPEND up to its message: mailbox [flags] [date], then the literal that ends
 * the line (imap_literal_at_end).
 */
struct imap_append {
	struct span mailbox;	/* modified UTF-7 as given */
	struct imap_flags flags;
	bool has_date;
	int64_t date;
};
bool imap_append_parse(struct imap_lex *x, struct imap_append *out) PB_MUST_CHECK;
/* The same for each further message of a MULTIAPPEND: SP [flags SP] [date SP] literal. */
bool imap_append_next(struct imap_lex *x, struct imap_append *out) PB_MUST_CHECK;

/* "(MESSAGES UNSEEN …)" */
enum {
	STATUS_MESSAGES = 1, STATUS_RECENT = 2, STATUS_UIDNEXT = 4, STATUS_UIDVALIDITY = 8,
	STATUS_UNSEEN = 16, STATUS_SIZE = 32, STATUS_HIGHESTMODSEQ = 64
};
bool imap_status_parse(struct imap_lex *x, unsigned *items) PB_MUST_CHECK;

/* "dd-Mon-yyyy hh:mm:ss +zzzz" in quotes, and its printer with a zone in minutes. */
bool imap_date_time_parse(struct imap_lex *x, int64_t *utc) PB_MUST_CHECK;
void imap_date_time_print(int64_t utc, int zone, struct buf *out);
/* "1-Feb-1994", quoted or not, as days since 1970. */
bool imap_date_parse(struct imap_lex *x, int64_t *days) PB_MUST_CHECK;

/* Does a name match a LIST pattern?  "*" matches all, "%" all but the separator. */
bool imap_list_match(struct span pattern, struct span name, char separator);

#endif
