/* rules: see rules.h. */
#include "base/base.h"
#include "rules.h"

#include <stdlib.h>
#include "base/mem.h"

/* "ip" (an address or a network), or "ipFrom" to "ipTo" (IPBW-02, IPBW-03). */
static bool
read_range(const struct settings *s, const char *list, size_t i, struct addr_range *out)
{
	const char *ip = settings_entry(s, list, i, "ip");

	if (ip[0] != '\0')
		return addr_range_parse(span_of(ip), out);
	return addr_parse(span_of(settings_entry(s, list, i, "ipFrom")), &out->from)
		&& addr_parse(span_of(settings_entry(s, list, i, "ipTo")), &out->to)
		&& out->from.family == out->to.family;
}

static void
add_range(struct rules *r, const struct settings *s, const char *list, size_t i)
{
	if (read_range(s, list, i, &r->exempt[r->exempt_count]))
		r->exempt_count++;
}

struct rules *
rules_new(const struct settings *s)
{
	struct rules *r = mem_new(sizeof(*r));
	size_t white = settings_count(s, "whitelist/entry"), bypass = settings_count(s, "smtpAuthBypass/entry");

	r->periods.block_s = (int64_t)settings_num(s, "greylisting/blockPeriod") * 60;
	r->periods.pass_s = (int64_t)settings_num(s, "greylisting/passPeriod") * 60;
	r->periods.keep_s = (int64_t)settings_num(s, "greylisting/recordExpiration") * 86400;
	/* A pass period that ends before the block period would let nothing pass. */
	if (r->periods.pass_s <= r->periods.block_s)
		r->periods.pass_s = r->periods.block_s + 3600;
	r->exempt = mem_array(white + bypass + 1, sizeof(*r->exempt));
	for (size_t i = 0; i < white; i++)
		if (settings_entry_bool(s, "whitelist/entry", i, "smtp")
		    || settings_entry_bool(s, "whitelist/entry", i, "greylisting"))
			add_range(r, s, "whitelist/entry", i);
	for (size_t i = 0; i < bypass; i++)
		add_range(r, s, "smtpAuthBypass/entry", i);
	return r;
}

void
rules_free(struct rules **r)
{
	if (*r == NULL)
		return;
	free((*r)->exempt);
	free(*r);
	*r = NULL;
}

bool
rules_exempt(const struct rules *r, const struct addr *client)
{
	for (size_t i = 0; i < r->exempt_count; i++)
		if (addr_in_range(client, &r->exempt[i]))
			return true;
	return false;
}
