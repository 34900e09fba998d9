/*
 * status: one table, searched by subject and detail.
 */
#include "base/base.h"
#include "mail/status.h"

static const struct {
	const char *code;	/* "1.1"; "1.": any other of this subject */
	const char *words;
} table[] = {
	{ "1.1", "the mailbox does not exist" },
	{ "1.2", "the domain does not exist or takes no mail" },
	{ "1.3", "the address is not written as an address is" },
	{ "1.6", "the mailbox has moved and mail is not sent after it" },
	{ "1.7", "the sender's address is not written as an address is" },
	{ "1.8", "the sender's domain does not exist or takes no mail" },
	{ "1.10", "the domain says that it takes no mail (null MX)" },
	{ "1.", "something is wrong with an address" },
	{ "2.1", "the mailbox is switched off" },
	{ "2.2", "the mailbox is full" },
	{ "2.3", "the message is too large for this mailbox" },
	{ "2.", "something is wrong with the mailbox" },
	{ "3.1", "the server has no room left" },
	{ "3.2", "the server takes no mail now" },
	{ "3.4", "the message is too large for the server" },
	{ "3.", "something is wrong with the server" },
	{ "4.1", "the server does not answer" },
	{ "4.2", "the connection broke" },
	{ "4.3", "the name service (DNS) gave no answer" },
	{ "4.4", "no way to the domain is known" },
	{ "4.5", "the server is too busy" },
	{ "4.6", "the message went round in circles" },
	{ "4.7", "it was tried for too long" },
	{ "4.", "something is wrong on the way to the server" },
	{ "5.1", "the command was not the one expected" },
	{ "5.2", "the command was not understood" },
	{ "5.3", "there are too many recipients" },
	{ "5.4", "a parameter was not understood" },
	{ "5.", "the two servers did not understand each other" },
	{ "6.0", "the content is not as it must be" },
	{ "6.7", "an internationalised address cannot be sent there" },
	{ "6.", "something is wrong with the content" },
	{ "7.0", "it is not permitted, or not yet; a log-in may be missing" },
	{ "7.1", "it is refused by a rule: relaying, a block or a filter" },
	{ "7.4", "a security feature that is asked for is not there" },
	{ "7.5", "a signature or certificate could not be verified" },
	{ "7.8", "the log-in failed" },
	{ "7.9", "this way to log in is too weak" },
	{ "7.10", "TLS is required" },
	{ "7.11", "TLS is required to log in" },
	{ "7.13", "the account is switched off" },
	{ "7.20", "no valid DKIM signature was found" },
	{ "7.23", "SPF says that this server may not send for the domain" },
	{ "7.25", "the server's address has no good name (reverse DNS)" },
	{ "7.26", "SPF and DKIM both failed" },
	{ "7.27", "the sender's domain says that it takes no mail (null MX)" },
	{ "7.28", "too much mail of this kind came" },
	{ "7.29", "the chain of signatures (ARC) is broken" },
	{ "7.", "it is refused for reasons of security or policy" },
	{ "0.", "no reason was given" },
};

/* "5.1.1": the part behind the class; empty when it is no status code. */
static struct span
behind_class(struct span s)
{
	if (s.n < 5 || strchr("245", s.p[0]) == NULL || s.p[1] != '.')
		return SPAN_NONE;
	for (size_t i = 2; i < s.n; i++)
		if (!char_is_digit(s.p[i]) && s.p[i] != '.')
			return SPAN_NONE;
	return span_from(s, 2);
}

const char *
status_words(struct span status)
{
	struct span code = behind_class(status);

	for (size_t i = 0; code.n > 0 && i < PB_COUNT(table); i++) {
		struct span entry = span_of(table[i].code);

		if (span_eq(code, entry) || (entry.p[entry.n - 1] == '.' && span_starts(code, entry)))
			return table[i].words;
	}
	return NULL;
}
