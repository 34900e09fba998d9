/* MTA-STS records and policies: any bytes, and what is taken is within bounds. */
#include "base/base.h"
#include "policy/sts.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct sts_policy p;
	char id[STS_ID_MAX];
	const char *why;
	bool is_sts;

	if (sts_record_parse(text, id, &is_sts))
		FUZZ_CHECK(is_sts && id[0] != '\0' && strlen(id) < STS_ID_MAX);
	if (!sts_policy_parse(text, &p, &why)) {
		FUZZ_CHECK(why != NULL);
		return 0;
	}
	FUZZ_CHECK(p.mx_count <= LIMIT_STS_HOSTS && p.max_age <= STS_MAX_AGE_MAX);
	FUZZ_CHECK(p.mode == TLS_STS_NONE || p.mx_count > 0);
	for (size_t i = 0; i < p.mx_count; i++)
		FUZZ_CHECK(p.mx[i][0] == '*' || sts_policy_has(&p, span_of(p.mx[i])));
	return 0;
}
