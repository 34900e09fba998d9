/*
 * received: see received.h.
 *
 * What servers write, with the address that they saw marked by ^:
 *
 *	from HELO (NAME [^])			Postfix, Sendmail, Google, ourselves
 *	from NAME ([^] helo=HELO)		Exim
 *	from [^] (port=1 helo=HELO)		Exim without a name
 *	from NAME (HELO HELO) (^)		qmail
 *	from HELO (^)				Exchange
 *	from HELO ([^] unverified)		others
 *
 * So comments come first, where words that quote HELO are passed over, and
 * then what stands outside.
 */
#include "base/base.h"
#include "mail/received.h"
#include "mail/header.h"

#include <arpa/inet.h>

static bool
is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == '(' || c == ')' || c == ';';
}

struct place {
	int depth;		/* of parentheses; 0: outside of comments */
	int lowest;		/* on the way from the word before */
};

/* The next word, at most up to the next blank or parenthesis. */
static struct span
next_word(struct span *rest, struct place *at)
{
	size_t n = 0;

	at->lowest = at->depth;
	while (rest->n > 0 && is_separator(rest->p[0])) {
		if (rest->p[0] == '(')
			at->depth++;
		else if (rest->p[0] == ')' && at->depth > 0)
			at->depth--;
		if (at->depth < at->lowest)
			at->lowest = at->depth;
		*rest = span_from(*rest, 1);
	}
	while (n < rest->n && !is_separator(rest->p[n]))
		n++;
	*rest = span_from(*rest, n);
	return span_make(rest->p - n, n);
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]", "[192.0.2.1]:25", "192.0.2.1" without what is around it. */
static struct span
bare(struct span word)
{
	ssize_t end;

	if (word.n > 0 && word.p[0] == '[') {
		word = span_from(word, 1);
		end = span_find(word, ']');
		if (end < 0)
			return SPAN_NONE;
		word = span_first(word, (size_t)end);
	}
	if (span_starts_nocase(word, SPAN("IPv6:")))
		word = span_from(word, 5);
	return word;
}

static bool
is_address(struct span word, struct span *ip)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char binary[16];
	struct span s = bare(word);

	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (memchr(text, '\0', s.n) != NULL ||
	    (inet_pton(AF_INET, text, binary) != 1 && inet_pton(AF_INET6, text, binary) != 1))
		return false;
	*ip = s;
	return true;
}

/* Does the client speak in the words that follow, up to the end of the comment? */
static bool
quotes_client(struct span word)
{
	return span_is_nocase(word, "HELO") || span_is_nocase(word, "EHLO");
}

/* An address in the comments, or outside of them, of the clause. */
static bool
find_address(struct span clause, bool in_comment, struct span *ip)
{
	struct place at = { 0, 0 };
	int quoted = 0;		/* depth at which the client is quoted; 0: it is not */

	while (clause.n > 0) {
		struct span word = next_word(&clause, &at);

		if (at.lowest < quoted)
			quoted = 0;
		if (in_comment && at.depth > 0 && quotes_client(word))
			quoted = quoted == 0 ? at.depth : quoted;
		else if (quoted == 0 && (at.depth > 0) == in_comment && is_address(word, ip))
			return true;
	}
	return false;
}

/* What stands between "from" and "by", both outside of comments. */
static bool
find_clause(struct span value, struct span *clause)
{
	struct place at = { 0, 0 };
	bool in = false;

	while (value.n > 0) {
		struct span word = next_word(&value, &at);

		if (at.depth > 0 || word.n == 0)
			continue;
		if (in && span_is_nocase(word, "by")) {
			clause->n = (size_t)(word.p - clause->p);
			return true;
		}
		if (!in && !span_is_nocase(word, "from"))
			return false;
		if (!in)
			*clause = value;	/* to the end, unless a "by" comes */
		in = true;
	}
	return in;
}

enum received_from
received_client(struct span value, struct span *ip)
{
	struct span clause = SPAN_NONE;

	*ip = SPAN_NONE;
	if (!find_clause(value, &clause))
		return RECEIVED_FROM_NOBODY;
	if (find_address(clause, true, ip) || find_address(clause, false, ip))
		return RECEIVED_FROM_ADDRESS;
	return RECEIVED_FROM_UNKNOWN;
}

/* In a comment: "HELO name", "EHLO name", "helo=name". */
static struct span
find_quoted_name(struct span clause)
{
	struct place at = { 0, 0 };
	bool is_next = false;

	while (clause.n > 0) {
		struct span word = next_word(&clause, &at);

		if (at.depth == 0)
			is_next = false;
		else if (is_next && word.n > 0)
			return word;
		else if (span_starts_nocase(word, SPAN("helo=")))
			return span_from(word, 5);
		else
			is_next = quotes_client(word);
	}
	return SPAN_NONE;
}

struct span
received_helo(struct span value)
{
	struct place at = { 0, 0 };
	struct span clause = SPAN_NONE, name;

	if (!find_clause(value, &clause))
		return SPAN_NONE;
	name = find_quoted_name(clause);
	return name.n > 0 ? name : next_word(&clause, &at);
}
