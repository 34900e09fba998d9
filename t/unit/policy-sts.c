/* MTA-STS: the record that announces a policy, the policy, and which hosts it lists. */
#include "base/base.h"
#include "base/buf.h"
#include "policy/sts.h"
#include "tap.h"

static void
records(void)
{
	static const struct { const char *text, *id; bool is_sts; } table[] = {
		{ "v=STSv1; id=20160831085700Z;", "20160831085700Z", true }, { "v=STSv1;id=1", "1", true },
		{ "v=STSv1 ; x=y; id=abc", "abc", true }, { "v=STSv1; id=a; id=b", "a", true },
		{ "v=STSv1", NULL, true }, { "v=STSv1; id=;", NULL, true }, { "v=STSv1; id=a-b", NULL, true },
		{ "v=STSv1; id=012345678901234567890123456789012", NULL, true }, { "v=STSv1; nonsense; id=a", NULL, true },
		{ "v=STSv2; id=a", NULL, false }, { "id=a; v=STSv1", NULL, false }, { "v=spf1 -all", NULL, false }, { "", NULL, false },
	};

	for (size_t i = 0; i < PB_COUNT(table); i++) {
		char id[STS_ID_MAX];
		bool is_sts, good = sts_record_parse(span_of(table[i].text), id, &is_sts);

		is_text(good ? id : "none", table[i].id != NULL ? table[i].id : "none", table[i].text);
		is_num(is_sts, table[i].is_sts, "and whether it is one");
	}
	is_num(sts_record_parse(SPAN("v=STSv1; id=01234567890123456789012345678901"), (char[STS_ID_MAX]){ 0 }, &(bool){ false }), 1,
		"an id of 32 characters");
}

static void
policies(void)
{
	struct sts_policy p;
	const char *why;

	ok(sts_policy_parse(SPAN("version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: *.Example.net\r\nmax_age: 604800\r\n"), &p, &why),
		"a policy");
	ok(p.mode == TLS_STS_ENFORCE && p.max_age == 604800 && p.mx_count == 2, "its parts");
	ok(sts_policy_has(&p, SPAN("MX1.example.com")), "a host that it lists");
	ok(sts_policy_has(&p, SPAN("a.example.net")), "one below a wildcard");
	ok(!sts_policy_has(&p, SPAN("a.b.example.net")), "but one label only");
	ok(!sts_policy_has(&p, SPAN("example.net")), "and not none");
	ok(!sts_policy_has(&p, SPAN("mx2.example.com")) && !sts_policy_has(&p, SPAN("")), "others are not listed");
	ok(sts_policy_parse(SPAN("version:STSv1\nmode:testing\nmx:a\nmax_age:1"), &p, &why) && p.mode == TLS_STS_TESTING, "without blanks");
	ok(sts_policy_parse(SPAN("version: STSv1\nmode: none\nmax_age: 99999999999"), &p, &why) == false, "an age that is too large to be read");
	ok(sts_policy_parse(SPAN("version: STSv1\nmode: none\nmax_age: 99999999"), &p, &why) && p.max_age == STS_MAX_AGE_MAX, "a year is the most");
	ok(sts_policy_parse(SPAN("version: STSv1\nmode: none\nmax_age: 5\nx-new: y\nmode: enforce\n"), &p, &why) && p.mode == TLS_STS_NONE,
		"unknown keys are passed over, and of two modes the first counts");
}

static void
refused(void)
{
	static const char *const bad[] = {
		"", "version: STSv1\n", "version: STSv2\nmode: none\nmax_age: 1\n", "version: STSv1\nmode: strict\nmax_age: 1\n",
		"version: STSv1\nmode: unknown\nmax_age: 1\n", "version: STSv1\nmode: enforce\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a\nmax_age: x\n", "version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n", "version: STSv1\nmode: enforce\nmx: a.*.b\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx:\nmax_age: 1\n", "<html>not found</html>\n",
	};

	for (size_t i = 0; i < PB_COUNT(bad); i++) {
		struct sts_policy p;
		const char *why;

		ok(!sts_policy_parse(span_of(bad[i]), &p, &why) && why != NULL, "no policy: %zu: %s", i, why != NULL ? why : "");
	}
}

/* A policy with that many hosts. */
static bool
takes(size_t hosts)
{
	struct sts_policy p;
	struct buf b;
	const char *why;
	bool good;

	buf_init(&b, 65536);
	buf_text_put(&b, "version: STSv1\nmode: enforce\nmax_age: 1\n");
	for (size_t i = 0; i < hosts; i++)
		buf_printf(&b, "mx: mx%zu.example\n", i);
	good = sts_policy_parse(buf_view(&b), &p, &why) && p.mx_count == hosts;
	buf_free(&b);
	return good;
}

int
main(void)
{
	records();
	policies();
	refused();
	ok(takes(LIMIT_STS_HOSTS), "hosts of a policy at LIMIT_STS_HOSTS");
	ok(!takes(LIMIT_STS_HOSTS + 1), "over LIMIT_STS_HOSTS it is none");
	return done();
}
