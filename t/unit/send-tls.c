/* What remote-send knows of a host's TLS: records between its processes, TLSA records, and what a connection is good for. */
#include "base/base.h"
#include "base/limits.h"
#include "base/mem.h"
#include "job.h"
#include "net/tlsa.h"
#include "secure.h"
#include "waiver.h"
#include "tap.h"

static struct job job, copy;
static struct record record;

/* The job as an agent reads it. */
static bool
pass_on(void)
{
	struct buf out;
	bool good;

	buf_init(&out, LIMIT_RECORD);
	job_print(&job, 1, &out);	/* the job points into the record that it was read from */
	record_free(&record);
	good = !out.overflow && record_parse(buf_view(&out), JOB_ROUTED_FIELDS, &record) && job_read(&record, &copy);
	buf_free(&out);
	return good;
}

static bool
read_text(const char *text, struct job *out)
{
	record_free(&record);
	return record_parse(span_of(text), JOB_ROUTED_FIELDS, &record) && job_read(&record, out);
}

#define JOB "send\njob=1\nid=1\ndomain=d.example\nrcpt=1 a@d.example\ntarget=10 192.0.2.1 25 mx.d.example\n"

static void
hosts(void)
{
	static const uint8_t digest[64] = "digest";
	struct tlsa t = { .usage = 3, .selector = 1, .matching = 1, .data = digest, .n = 32 };
	struct target_tls *tls;

	ok(read_text(JOB, &job), "a job");
	tls = job_tls(&job, "mx.d.example");
	tls->facts = (struct policy_tls_out){ .rule = TLS_RULE_ENCRYPT, .dane = TLS_DANE_USABLE, .sts = TLS_STS_ENFORCE,
		.sts_has_host = true, .is_named_safely = true };
	snprintf(tls->base, sizeof(tls->base), "alias.d.example");
	ok(job_add_tlsa(&job, tls, &t), "a TLSA record");
	ok(job_tls(&job, "mx.d.example") == tls, "a host stands there once");
	ok(pass_on() && copy.tls_count == 1, "the agent reads what the parent knows");
	tls = &copy.tls[0];
	is_text(tls->host, "mx.d.example", "the host");
	is_text(tls->base, "alias.d.example", "the name of its records");
	ok(tls->facts.rule == TLS_RULE_ENCRYPT && tls->facts.dane == TLS_DANE_USABLE && tls->facts.sts == TLS_STS_ENFORCE &&
	    tls->facts.sts_has_host && tls->facts.is_named_safely, "the facts");
	ok(tls->tlsa_count == 1 && tls->tlsa[0].usage == 3 && tls->tlsa[0].selector == 1 && tls->tlsa[0].matching == 1 &&
	    tls->tlsa[0].n == 32 && memcmp(tls->tlsa[0].data, digest, 32) == 0, "and the record");
}

/* The longest of everything that the parent adds. */
static void
room(void)
{
	static uint8_t data[LIMIT_JOB_TLSA_BYTES + 1];
	struct tlsa t = { .usage = 3, .data = data, .n = 1 };
	struct target_tls *tls = NULL;
	char name[DNS_NAME_MAX];
	size_t before, after;
	bool good = true;
	struct buf out;

	ok(read_text(JOB, &job), "a job");
	buf_init(&out, LIMIT_RECORD);
	job.target_count = 0;
	job_print(&job, UINT64_MAX, &out);
	before = out.n;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < LIMIT_MX_HOSTS; i++) {
		name[0] = (char)('a' + i);
		tls = job_tls(&job, name);
		snprintf(tls->base, sizeof(tls->base), "%s", name);
		tls->facts.dane = TLS_DANE_UNUSABLE;
	}
	ok(job_tls(&job, "another") == NULL, "no more hosts than are tried");
	for (size_t i = 0; i < LIMIT_TLSA_RECORDS; i++)
		good &= job_add_tlsa(&job, tls, &t);
	ok(good, "records of a host");
	is_num(tls->tlsa_count, LIMIT_TLSA_RECORDS, "records of a host at LIMIT_TLSA_RECORDS");
	ok(!job_add_tlsa(&job, tls, &t), "one over LIMIT_TLSA_RECORDS has no place");
	tls = job_tls(&job, job.tls[0].host);
	t.n = LIMIT_JOB_TLSA_BYTES - job.tlsa_bytes + 1;
	ok(!job_add_tlsa(&job, tls, &t), "over LIMIT_JOB_TLSA_BYTES there is no room");
	for (size_t i = 1; i < LIMIT_MX_HOSTS - 1; i++)
		for (size_t k = 0; k < LIMIT_TLSA_RECORDS; k++) {
			t.n = 1;
			good &= job_add_tlsa(&job, &job.tls[i], &t);
		}
	t.n = LIMIT_JOB_TLSA_BYTES - job.tlsa_bytes;
	ok(good && job_add_tlsa(&job, tls, &t), "bytes at LIMIT_JOB_TLSA_BYTES");
	for (size_t i = 0; i < LIMIT_SEND_TARGETS; i++) {
		job.target[i] = (struct target){ .preference = UINT16_MAX, .addr = { .family = AF_INET6, .port = UINT16_MAX } };
		memset(job.target[i].addr.ip, 0xff, 16);
		memcpy(job.target[i].host, name, sizeof(name));
	}
	job.target_count = LIMIT_SEND_TARGETS;
	buf_clear(&out);
	job_print(&job, UINT64_MAX, &out);
	after = out.n;
	ok(after - before <= LIMIT_JOB_ROUTE, "all of it fits what is kept free for it: %zu", after - before);
	ok(pass_on(), "and is read");
	buf_free(&out);
}

static void
refused(void)
{
	static const char *const bad[] = {
		"tls=auto none none 0 0 -\n", "tls=auto none none 2 0 - mx\n", "tls=auto none none 0 x - mx\n",
		"tls=auto none none 0 0 - mx\ntls=auto none none 0 0 - mx\n",
		"tlsa=0 3 1 1 AAAA\n", "tls=auto none none 0 0 - mx\ntlsa=0 3 1 1 AAAA\n",
		"tls=auto none none 0 0 - mx\ntlsa=0 1 1 0 AAAA\n", "tls=auto none none 0 0 - mx\ntlsa=0 3 1 0 ?\n",
		"tls=auto none none 0 0 - mx\ntlsa=1 3 1 0 AAAA\n", "tls=auto none none 0 0 - mx\ntlsa=0 256 1 0 AAAA\n",
		"tls=auto none none 0 0 - mx\ntlsa=0 3 1 0 \n",
	};

	for (size_t i = 0; i < PB_COUNT(bad); i++) {
		char text[400];

		snprintf(text, sizeof(text), JOB "%s", bad[i]);
		ok(!read_text(text, &job), "what is known of TLS, spoilt: %zu", i);
	}
}

static void
records(void)
{
	static const uint8_t wire[] = { 3, 1, 1, 0xaa };
	struct dns_record r = { wire, sizeof(wire) };
	struct tlsa t;

	ok(tlsa_read(&r, &t) && t.usage == 3 && t.selector == 1 && t.matching == 1 && t.n == 1 && t.data[0] == 0xaa,
		"a TLSA record is read");
	ok(!tlsa_is_usable(&t), "a SHA-256 digest has 32 bytes");
	r.n = 3;
	ok(!tlsa_read(&r, &t), "without data it is none");
	t = (struct tlsa){ .usage = 3, .selector = 1, .matching = 2, .data = wire, .n = 64 };
	ok(tlsa_is_usable(&t), "SHA-512 has 64");
	t.usage = 1;
	ok(!tlsa_is_usable(&t), "usages for the web are none for mail");
	t.usage = 2;
	t.selector = 2;
	ok(!tlsa_is_usable(&t), "a selector that nobody defined");
	t.selector = 0;
	t.matching = 3;
	ok(!tlsa_is_usable(&t), "nor a digest");
	t.matching = 0;
	ok(tlsa_is_usable(&t), "a whole certificate");
}

static void
reuse(void)
{
	struct secured s = { .level = TLS_LEVEL_NONE };
	struct tls_need need = { .level = TLS_LEVEL_MAY };

	ok(secure_suffices(&s, &need), "clear text is enough where TLS is not needed");
	need.level = TLS_LEVEL_ENCRYPT;
	ok(!secure_suffices(&s, &need), "and nowhere else");
	s.level = TLS_LEVEL_ENCRYPT;
	ok(secure_suffices(&s, &need), "TLS where it is");
	need.level = TLS_LEVEL_VERIFY;
	ok(!secure_suffices(&s, &need), "without proof not where proof is");
	s.level = TLS_LEVEL_DANE;
	ok(!secure_suffices(&s, &need), "nor with another one");
	need.level = TLS_LEVEL_DANE;
	snprintf(s.domain, sizeof(s.domain), "a.example");
	ok(!secure_suffices(&s, &need), "nor with one for another domain");
	snprintf(need.domain, sizeof(need.domain), "a.example");
	ok(secure_suffices(&s, &need), "with the same one");
	s.level = need.level = TLS_LEVEL_VERIFY;
	snprintf(s.domain, sizeof(s.domain), "b.example");
	ok(secure_suffices(&s, &need), "a certificate that names the host is good for all domains");
	s.own_names = true;
	ok(!secure_suffices(&s, &need), "one that has names of a rule is not");
	need.rule = (struct domain_rule){ .rule = TLS_RULE_VERIFY, .name_count = 1 };
	ok(!secure_suffices(&s, &need), "nor for the rule of another domain");
	snprintf(need.domain, sizeof(need.domain), "b.example");
	ok(secure_suffices(&s, &need), "but for its own");
	need.level = TLS_LEVEL_NONE;
	ok(!secure_suffices(&s, &need), "TLS is not used where that was set");
}

static void
waiver(void)
{
	ok(waiver_stands_in(SPAN("Subject: x\r\nTLS-Required: No\r\n\r\nbody")), "TLS-Required: No waives");
	ok(waiver_stands_in(SPAN("tls-required:no \r\n\r\n")), "in any letters");
	ok(!waiver_stands_in(SPAN("TLS-Required: Yes\r\n\r\n")), "another value does not");
	ok(!waiver_stands_in(SPAN("TLS-Required: No\r\nTLS-Required: No\r\n\r\n")), "nor two of them");
	ok(!waiver_stands_in(SPAN("Subject: x\r\n\r\nTLS-Required: No\r\n")), "nor one in the body");
	ok(!waiver_stands_in(SPAN_NONE), "nor nothing");
}

int
main(void)
{
	waiver();
	hosts();
	room();
	refused();
	records();
	reuse();
	record_free(&record);
	return done();
}
