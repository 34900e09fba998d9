/*
 * Command lines of POP3.  Trust: hostile text of bounded length.
 */
#include "base/base.h"
#include "base/num.h"
#include "pop3/command.h"

/* What stands behind a verb. */
enum form {
	NOTHING,
	TEXT,			/* something; PASS takes all of it, blanks too */
	NUMBER,
	MAYBE_NUMBER,
	TOP_NUMBERS,
	SASL
};

static const struct { const char *name; enum pop3_verb verb; enum form form; } verbs[] = {
	{ "APOP", POP3_APOP, TEXT }, { "AUTH", POP3_AUTH, SASL }, { "CAPA", POP3_CAPA, NOTHING },
	{ "DELE", POP3_DELE, NUMBER }, { "LIST", POP3_LIST, MAYBE_NUMBER }, { "NOOP", POP3_NOOP, NOTHING },
	{ "PASS", POP3_PASS, TEXT }, { "QUIT", POP3_QUIT, NOTHING }, { "RETR", POP3_RETR, NUMBER },
	{ "RSET", POP3_RSET, NOTHING }, { "STAT", POP3_STAT, NOTHING }, { "STLS", POP3_STLS, NOTHING },
	{ "TOP", POP3_TOP, TOP_NUMBERS }, { "UIDL", POP3_UIDL, MAYBE_NUMBER }, { "USER", POP3_USER, TEXT }
};

const char *
pop3_verb_name(enum pop3_verb verb)
{
	for (size_t i = 0; i < PB_COUNT(verbs); i++)
		if (verbs[i].verb == verb)
			return verbs[i].name;
	return "?";
}

/* 8-bit bytes are allowed: passwords may be UTF-8 (RFC 6856 2). */
static bool
has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

static bool
take_number(struct span word, struct pop3_command *c)
{
	c->has_number = true;
	return num_parse_u32(word, UINT32_MAX, &c->number) && c->number > 0;
}

static bool
take_sasl(struct span rest, struct pop3_command *c)
{
	c->mechanism = span_word(&rest);
	c->initial = SPAN_NONE;
	if (rest.n > 0)
		c->initial = span_word(&rest);
	if (span_is(c->initial, "="))
		c->initial = SPAN("");		/* RFC 5034 4: an empty response */
	return rest.n == 0;
}

static bool
take_argument(enum form form, struct pop3_command *c)
{
	struct span rest = c->argument, word;

	switch (form) {
	case NOTHING:
		return span_trim(rest).n == 0;
	case TEXT:
		return rest.n > 0;
	case NUMBER:
		return take_number(span_trim(rest), c);
	case MAYBE_NUMBER:
		return span_trim(rest).n == 0 || take_number(span_trim(rest), c);
	case TOP_NUMBERS:
		word = span_word(&rest);
		return take_number(word, c) && num_parse_u32(span_trim(rest), UINT32_MAX, &c->lines);
	case SASL:
		return take_sasl(rest, c);
	}
	return false;
}

enum pop3_parse
pop3_command_parse(struct span line, struct pop3_command *out)
{
	struct span rest = line;
	struct span name;

	*out = (struct pop3_command){ .verb = POP3_UNKNOWN };
	if (has_control(line))
		return POP3_BAD_BYTES;
	name = span_cut(&rest, ' ');
	out->argument = rest;
	for (size_t i = 0; i < PB_COUNT(verbs); i++) {
		if (!span_is_nocase(name, verbs[i].name))
			continue;
		out->verb = verbs[i].verb;
		return take_argument(verbs[i].form, out) ? POP3_OK : POP3_BAD_ARGUMENT;
	}
	return POP3_BAD_VERB;
}
