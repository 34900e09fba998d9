/*
 * tlsa: see tlsa.h.  Pure; what it reads came from the network.
 */
#include "base/base.h"
#include "net/tlsa.h"

bool
tlsa_read(const struct dns_record *r, struct tlsa *out)
{
	if (r->n < 4)
		return false;
	*out = (struct tlsa){ .usage = r->data[0], .selector = r->data[1], .matching = r->data[2],
		.data = r->data + 3, .n = r->n - 3 };
	return true;
}

bool
tlsa_is_usable(const struct tlsa *t)
{
	static const size_t length[] = { 0, 32, 64 };	/* whole, SHA-256, SHA-512 */

	if (t->usage != TLSA_DANE_TA && t->usage != TLSA_DANE_EE)
		return false;
	return t->selector <= 1 && t->matching < PB_COUNT(length) && t->n > 0 &&
	    (t->matching == 0 || t->n == length[t->matching]);
}
