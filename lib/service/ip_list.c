/* ip_list: see ip_list.h. */
#include "base/base.h"
#include "service/ip_list.h"

bool
ip_list_entry(const struct settings *s, const char *list, size_t i, struct addr_range *out)
{
	const char *ip = settings_entry(s, list, i, "ip");
	char text[2 * ADDR_TEXT_MAX];

	if (ip[0] != '\0')
		return addr_range_parse(span_of(ip), out);
	snprintf(text, sizeof(text), "%s-%s", settings_entry(s, list, i, "ipFrom"), settings_entry(s, list, i, "ipTo"));
	return addr_range_parse(span_of(text), out);
}

void
ip_list_add(struct addr_set *set, const struct settings *s, const char *list, const char *flag)
{
	size_t n = settings_count(s, list);
	struct addr_range range;

	for (size_t i = 0; i < n; i++)
		if ((flag == NULL || settings_entry_bool(s, list, i, flag)) && ip_list_entry(s, list, i, &range))
			addr_set_add(set, &range);
}

void
ip_list_add_plain(struct addr_set *set, const struct settings *s, const char *list)
{
	size_t n = settings_count(s, list);
	struct addr_range range;

	for (size_t i = 0; i < n; i++)
		if (addr_range_parse(span_of(settings_list(s, list, i)), &range))
			addr_set_add(set, &range);
}
