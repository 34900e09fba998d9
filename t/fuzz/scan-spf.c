/*
 * SPF and the facts of DNS, from the texts of a peer and the answers of a server:
 * they end within their limits, and ask for what can be a name.
 *
 * Input: a line with what is asked ("0" SPF, "1" domain, "2" MX, "3" reverse,
 * "4" HELO; "6" behind it: by IPv6), one with HELO, one with the sender.  Then
 * each line is an answer: its first byte the outcome ("0" found ... "4" forged),
 * the rest records parted by "|".  A TXT record is cut into strings, an MX and a
 * PTR record into labels; one that begins with "=" is the wire form itself.
 */
#include "base/base.h"

#include <string.h>

#include "base/limits.h"
#include "check/scan_fact.h"
#include "check/spf.h"
#include "check/spf_macro.h"
#include "fuzz.h"

#define DATA_MAX 8192

static uint8_t data_of[LIMIT_DNS_RECORDS][DATA_MAX];

static size_t
put_strings(struct span text, uint8_t *out)
{
	size_t n = 0;

	do {
		struct span part = span_first(text, 255);

		if (n + part.n + 1 > DATA_MAX)
			break;
		out[n++] = (uint8_t)part.n;
		if (part.n > 0)
			memcpy(out + n, part.p, part.n);
		n += part.n;
		text = span_from(text, 255);
	} while (text.n > 0);
	return n;
}

static size_t
put_labels(struct span text, uint8_t *out, size_t n)
{
	while (text.p != NULL && text.n > 0) {
		struct span label = span_first(span_cut(&text, '.'), 63);

		if (n + label.n + 2 > DATA_MAX)
			break;
		out[n++] = (uint8_t)label.n;
		memcpy(out + n, label.p, label.n);
		n += label.n;
	}
	out[n++] = 0;
	return n;
}

static size_t
put_record(struct span text, enum dns_type type, uint8_t *out)
{
	if (text.n > 0 && text.p[0] == '=') {
		text = span_first(span_from(text, 1), DATA_MAX);
		if (text.n > 0)
			memcpy(out, text.p, text.n);
		return text.n;
	}
	if (type == DNS_TXT)
		return put_strings(text, out);
	if (type == DNS_MX || type == DNS_PTR) {
		memset(out, 0, 2);
		return put_labels(text, out, type == DNS_MX ? 2 : 0);
	}
	memset(out, 0, 16);
	memcpy(out, text.p != NULL ? text.p : "", text.n < 16 ? text.n : 16);
	return type == DNS_A ? 4 : 16;
}

static void
make_answer(struct span line, enum dns_type type, struct dns_record *records, struct dns_answer *out)
{
	*out = (struct dns_answer){ .outcome = DNS_NO_NAME, .records = records, .why = "" };
	if (line.n == 0)
		return;
	out->outcome = (enum dns_outcome)((unsigned char)line.p[0] % 5);
	line = span_from(line, 1);
	while (out->outcome == DNS_OK && line.p != NULL && out->count < LIMIT_DNS_RECORDS) {
		size_t n = put_record(span_cut(&line, '|'), type, data_of[out->count]);

		records[out->count] = (struct dns_record){ data_of[out->count], n };
		out->count++;
	}
}

static void
run_spf(const struct addr *ip, struct span helo, struct span from, struct span rest)
{
	struct spf *s = spf_new(ip, helo, from);
	struct dns_record records[LIMIT_DNS_RECORDS];
	const struct dns_question *q;
	struct dns_answer a;
	unsigned asked = 0;

	while ((q = spf_question(s)) != NULL) {
		FUZZ_CHECK(++asked <= LIMIT_SPF_QUERIES);
		FUZZ_CHECK(spf_macro_is_name(span_of(q->name)));
		make_answer(span_cut(&rest, '\n'), q->type, records, &a);
		spf_answer(s, &a);
	}
	FUZZ_CHECK(spf_result(s) != SCAN_SPF_UNKNOWN);
	FUZZ_CHECK((spf_problem(s)[0] != '\0') ==
		(spf_result(s) == SCAN_SPF_TEMPERROR || spf_result(s) == SCAN_SPF_PERMERROR));
	spf_free(&s);
}

static void
run_fact(struct scan_fact *f, struct span rest)
{
	struct dns_record records[LIMIT_DNS_RECORDS];
	const struct dns_question *q;
	struct dns_answer a;
	unsigned asked = 0;

	while ((q = scan_fact_question(f)) != NULL) {
		FUZZ_CHECK(++asked <= 1 + 2 * LIMIT_SCAN_HOSTS);
		make_answer(span_cut(&rest, '\n'), q->type, records, &a);
		scan_fact_answer(f, &a);
	}
	FUZZ_CHECK(strcmp(scan_fact_word(f), "unknown") != 0);
	scan_fact_free(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make(data, size), kind = span_cut(&rest, '\n');
	struct span helo = span_cut(&rest, '\n'), from = span_cut(&rest, '\n');
	struct addr ip = { .family = AF_INET, .ip = "1111" };
	struct addr_range range;

	if (kind.n > 1)
		ip = (struct addr){ .family = AF_INET6, .ip = "111111111111111" };
	range = (struct addr_range){ ip, ip };
	switch (kind.n > 0 ? kind.p[0] : '0') {
	case '1':
		run_fact(scan_fact_domain_new(from), rest);
		break;
	case '2':
		run_fact(scan_fact_mx_new(from, &range, 1), rest);
		break;
	case '3':
		run_fact(scan_fact_reverse_new(&ip), rest);
		break;
	case '4':
		run_fact(scan_fact_helo_new(helo, &ip), rest);
		break;
	default:
		run_spf(&ip, helo, from, rest);
	}
	return 0;
}
