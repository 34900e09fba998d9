/*
 * envelope_read: what the two halves of the parser share: envelope_parse.c
 * reads the head, envelope_parse_lines.c what was appended to it.
 */
#ifndef SPOOL_ENVELOPE_READ_H
#define SPOOL_ENVELOPE_READ_H

#include "base/base.h"
#include "spool/envelope.h"

struct envelope_reader {
	struct envelope *e;
	const char *start;
	const char *line;		/* where the line being read starts */
	struct span rest;		/* not read yet */
	struct span all_rcpts;		/* line 3 */
	bool ours;			/* a key was seen that only we write */
	bool ended;			/* `end:` was right */
	bool has_body_size, has_body_crc, has_id;
};

enum envelope_read { ENVELOPE_READ_LINE, ENVELOPE_READ_NONE, ENVELOPE_READ_BAD };

struct envelope_key {
	const char *name;
	bool (*read)(struct envelope_reader *r, struct span value);
};

/* The next line without its CRLF; ENVELOPE_READ_NONE (nothing taken) when none is complete. */
enum envelope_read envelope_read_line(struct envelope_reader *r, struct span *out) PB_MUST_CHECK;

/* Read `key: value` by the table; a key that is not in it is kept as it is.  False: damaged. */
bool envelope_read_pair(struct envelope_reader *r, struct span line, const struct envelope_key *keys, size_t count)
	PB_MUST_CHECK;

/* All lines behind the head; good_size follows the last one that counts. */
enum envelope_error envelope_read_lines(struct envelope_reader *r) PB_MUST_CHECK;

/* The recipient of that number; NULL when there is none. */
struct envelope_rcpt *envelope_read_rcpt(struct envelope_reader *r, struct span s);
/* Cut the text before the first c that is not inside double quotes. */
struct span envelope_cut_unquoted(struct span *rest, char c);

/* Keys that stand in both halves. */
bool envelope_read_size(struct envelope_reader *r, struct span value);
bool envelope_read_crc(struct envelope_reader *r, struct span value);
bool envelope_read_priority(struct envelope_reader *r, struct span value);

#endif
