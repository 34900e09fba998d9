/* bindings: see bindings.h. */
#include "base/base.h"
#include "config/bindings.h"
#include "base/num.h"
#include "base/span.h"

const struct binding binding_table[] = {
	{ "smtp", 25 }, { "smtps", 465 }, { "submission", 587 },
	{ "pop3", 110 }, { "pop3s", 995 }, { "imap", 143 }, { "imaps", 993 },
};
const size_t binding_count = PB_COUNT(binding_table);

unsigned
binding_number(const char *service)
{
	for (size_t i = 0; i < binding_count; i++)
		if (strcmp(binding_table[i].service, service) == 0)
			return binding_table[i].number;
	return 0;
}

bool
binding_list_has(const char *ports, uint64_t number)
{
	struct span rest = span_of(ports);
	uint64_t n;

	if (rest.n == 0)
		return true;
	while (rest.p != NULL)
		if (num_parse(span_trim(span_cut(&rest, ',')), 65535, &n) && n == number)
			return true;
	return false;
}
