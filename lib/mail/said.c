/*
 * said: see said.h.
 *
 * Trust: the words are another host's, but stand behind ours; the host is a
 * name of DNS, so it has neither a blank nor a bracket.
 */
#include "base/base.h"
#include "mail/said.h"

#define SAID "] said: "

struct verdict
said_verdict(const struct verdict *v, const char *host, const char *ip)
{
	bool has_name = host[0] != '\0' && host[0] != '[';

	return verdict_make(v->code, v->status, "%s[%s" SAID "%s", has_name ? host : ip, ip, v->text);
}

bool
said_parse(struct span text, struct span *host_out, struct span *words_out)
{
	ssize_t bracket = span_find(text, '['), said = span_search(text, SPAN(SAID));

	if (bracket <= 0 || said <= bracket)
		return false;
	for (ssize_t i = 0; i < said; i++)
		if (text.p[i] == ' ' || (text.p[i] == '[' && i != bracket))
			return false;
	*host_out = span_first(text, (size_t)bracket);
	*words_out = span_from(text, (size_t)said + strlen(SAID));
	return true;
}
