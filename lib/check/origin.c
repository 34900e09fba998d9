/* origin: see origin.h. */
#include "base/base.h"
#include "check/origin.h"
#include "mail/header.h"
#include "mail/received.h"

enum origin_result
origin_hop(struct span received, const struct addr_set *gateways, struct addr *out)
{
	struct span ip;
	struct addr a;

	switch (received_client(received, &ip)) {
	case RECEIVED_FROM_NOBODY:
		return ORIGIN_MORE;
	case RECEIVED_FROM_UNKNOWN:
		return ORIGIN_NONE;
	case RECEIVED_FROM_ADDRESS:
	default:
		break;
	}
	if (!addr_parse(ip, &a))
		return ORIGIN_NONE;
	if (addr_is_loopback(&a) || addr_set_has(gateways, &a))
		return ORIGIN_MORE;
	*out = a;
	return ORIGIN_FOUND;
}

bool
origin_find(struct span header, const struct addr *peer, const struct addr_set *gateways, struct addr *out,
	struct span *helo_out)
{
	enum origin_result r = ORIGIN_MORE;
	struct header_field field = { .valid = false };

	if (!addr_set_has(gateways, peer))
		return false;
	while (r == ORIGIN_MORE && header_next(&header, &field))
		if (field.valid && span_is_nocase(field.name, "Received"))
			r = origin_hop(field.value, gateways, out);
	if (r == ORIGIN_FOUND && helo_out != NULL)
		*helo_out = received_helo(field.value);
	return r == ORIGIN_FOUND;
}
