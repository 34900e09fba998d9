/*
 * journal: the truth about UIDs, keywords and modification sequences of one
 * mailbox; lines of text, only ever appended.
 *
 *	pillarbox-mailbox 1 UIDVALIDITY ID
 *	a MODSEQ UID WHERE LETTERS KEYWORDS SIZE WIRE DATE NAME	a message has this UID
 *	f MODSEQ UID WHERE LETTERS KEYWORDS			its flags are these now
 *	x MODSEQ UID						it is gone
 *	k BIT NAME						a keyword
 *	s NEW CUR		the directories were read when their mtimes (ns) were these; 0: unsure
 *	r UID			messages below it are \Recent to no new session
 *	u UIDNEXT MODSEQ	lower bounds, after a rewrite or damage
 *
 * Each line ends with a blank, the CRC-32C of what stands before that blank in
 * eight hex digits, and LF.  WHERE is n, c or b (enum maildir_where), LETTERS
 * those of the file name or "-", KEYWORDS a bit set in hex, DATE seconds since
 * 1970.  In names what is not printable ASCII, the blank and "%" are %XX.
 *
 * ID is random and changes when the journal is rewritten to drop what is no
 * longer needed; an index names the ID it was made from.
 *
 * Here is only the text: pure, and fuzzed as it stands.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "store/maildir.h"

/* No line is longer: an escaped name and ten numbers. */
#define JOURNAL_LINE_MAX 1100

enum journal_kind {
	JOURNAL_HEAD = 'p', JOURNAL_ADD = 'a', JOURNAL_FLAGS = 'f', JOURNAL_GONE = 'x',
	JOURNAL_KEYWORD = 'k', JOURNAL_SCAN = 's', JOURNAL_NEXT = 'u', JOURNAL_RECENT = 'r'
};

struct journal_line {
	enum journal_kind kind;
	uint64_t modseq;	/* a f x; u: highest modseq */
	uint32_t uid;		/* a f x r; u: UIDNEXT; head: UIDVALIDITY; k: bit */
	enum maildir_where where;
	uint64_t letters;
	uint64_t keywords;
	uint64_t file_size;
	uint64_t wire_size;
	int64_t date;
	uint64_t id;		/* head */
	uint64_t new_ns, cur_ns;	/* s */
	size_t name_n;		/* a, k */
	char name[MAILDIR_NAME_MAX + 1];
};

/* Read one line without its LF; false when it is damaged. */
bool journal_parse(struct span line, struct journal_line *out) PB_MUST_CHECK;
void journal_print(const struct journal_line *l, struct buf *out);

#endif
