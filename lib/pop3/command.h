/*
 * The room lib/pop3: the grammar of POP3 (RFC 1939, 2449, 2595, 5034), pure.
 *
 * command: one command line, without its line end.
 */
#ifndef POP3_COMMAND_H
#define POP3_COMMAND_H

#include "base/base.h"
#include "base/span.h"

enum pop3_verb {
	POP3_UNKNOWN,
	POP3_APOP, POP3_AUTH, POP3_CAPA, POP3_DELE, POP3_LIST, POP3_NOOP, POP3_PASS,
	POP3_QUIT, POP3_RETR, POP3_RSET, POP3_STAT, POP3_STLS, POP3_TOP, POP3_UIDL, POP3_USER,
	POP3_VERBS
};

struct pop3_command {
	enum pop3_verb verb;
	struct span argument;	/* all after the first blank, as it stands: PASS may hold blanks */
	/* AUTH: mechanism and initial response (p == NULL: none). */
	struct span mechanism;
	struct span initial;
	/* DELE, RETR, TOP, and LIST, UIDL when has_number: a message number from 1 up. */
	bool has_number;
	uint32_t number;
	uint32_t lines;		/* TOP */
};

enum pop3_parse {
	POP3_OK,
	POP3_BAD_VERB,		/* no such command */
	POP3_BAD_ARGUMENT,	/* missing, superfluous or malformed */
	POP3_BAD_BYTES		/* a NUL, CR or other control character */
};

enum pop3_parse pop3_command_parse(struct span line, struct pop3_command *out) PB_MUST_CHECK;
const char *pop3_verb_name(enum pop3_verb verb);

#endif
