/* Records of DNS answers: names that are taken are host names; no answer makes us send to ourselves. */
#include "base/base.h"
#include "mx.h"
#include "fuzz.h"

static const struct self self = { .names = { "us.example" }, .name_count = 1 };

static void
check_name(const char *name)
{
	FUZZ_CHECK(strlen(name) < DNS_NAME_MAX);
	for (const char *p = name; *p != '\0'; p++)
		FUZZ_CHECK(char_is_alnum(*p) || *p == '-' || *p == '_' || *p == '.');
}

/* The input as records of a length byte each. */
static size_t
cut_records(const uint8_t *data, size_t size, struct dns_record *out, size_t max)
{
	size_t n = 0;

	while (size > 0 && n < max) {
		size_t len = data[0] < size - 1 ? data[0] : size - 1;

		out[n++] = (struct dns_record){ data + 1, len };
		data += 1 + len;
		size -= 1 + len;
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_record records[LIMIT_DNS_RECORDS];
	struct dns_answer a = { .outcome = DNS_OK, .records = records };
	struct target targets[LIMIT_SEND_TARGETS];
	char name[DNS_NAME_MAX];
	struct verdict why;
	struct mx mx;
	bool dns;
	size_t n;

	if (dns_read_name(data, size, name))
		check_name(name);
	a.count = cut_records(data, size, records, PB_COUNT(records));
	mx_sort(&a, &self, size, &mx);
	FUZZ_CHECK(mx.count <= LIMIT_MX_HOSTS);
	for (size_t i = 0; i < mx.count; i++) {
		check_name(mx.host[i].name);
		FUZZ_CHECK(!self_is_name(&self, span_of(mx.host[i].name)));
		FUZZ_CHECK(i == 0 || mx.host[i - 1].preference <= mx.host[i].preference);
		mx_add_addrs(&mx, i, DNS_A, &a);
		mx_add_addrs(&mx, i, DNS_AAAA, &a);
	}
	for (size_t i = 0; i < a.count; i++) {
		struct tlsa t;

		if (tlsa_read(&a.records[i], &t))
			FUZZ_CHECK(t.n > 0 && t.data + t.n == a.records[i].data + a.records[i].n &&
			    (!tlsa_is_usable(&t) || t.usage >= TLSA_DANE_TA));
	}
	n = mx_targets(&mx, &self, 25, targets, &why, &dns);
	FUZZ_CHECK(n <= LIMIT_SEND_TARGETS);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(!self_is_addr(&self, &targets[i].addr));
	return 0;
}
