/* mx and job of remote-send: order of hosts, loops, and records between the processes. */
#include "base/base.h"
#include "base/mem.h"
#include "job.h"
#include "mx.h"
#include "transaction.h"
#include "tap.h"

static struct self self = { .names = { "mail.us.example" }, .name_count = 1 };

#define MX_MAX 300
static uint8_t wire[MX_MAX][80];
static struct dns_record records[MX_MAX];

/* A record "PREFERENCE HOST" in wire form. */
static void
make_mx(size_t i, unsigned preference, const char *host)
{
	struct span rest = span_of(host);
	size_t n = 2;

	wire[i][0] = (uint8_t)(preference >> 8);
	wire[i][1] = (uint8_t)preference;
	while (host[0] != '\0' && rest.p != NULL) {
		struct span label = span_cut(&rest, '.');

		wire[i][n++] = (uint8_t)label.n;
		memcpy(wire[i] + n, label.p, label.n);
		n += label.n;
	}
	wire[i][n++] = 0;
	records[i] = (struct dns_record){ wire[i], n };
}

static struct mx
sort(size_t count)
{
	struct dns_answer a = { .outcome = DNS_OK, .records = records, .count = count };
	struct mx out;

	mx_sort(&a, &self, 42, &out);
	return out;
}

static void
order(void)
{
	struct mx mx;
	bool differs = false;
	char first[DNS_NAME_MAX];

	make_mx(0, 30, "c.example");
	make_mx(1, 10, "a.example");
	make_mx(2, 20, "b.example");
	make_mx(3, 20, "b.example");
	mx = sort(4);
	is_num(mx.count, 3, "one host once");
	ok(strcmp(mx.host[0].name, "a.example") == 0 && strcmp(mx.host[2].name, "c.example") == 0,
		"by preference, lowest first");
	make_mx(4, 20, "MAIL.us.example");
	mx = sort(5);
	ok(mx.count == 1 && mx.was_self, "we and all that are no better are cut away");
	make_mx(0, 0, "");
	mx = sort(1);
	ok(mx.is_null && mx.count == 0, "the null MX");
	make_mx(1, 10, "a.example");
	mx = sort(2);
	ok(!mx.is_null && mx.count == 1, "a null MX among others is passed over (RFC 7505 3)");
	for (size_t i = 0; i < MX_MAX; i++) {
		char name[40];

		snprintf(name, sizeof(name), "m%zu.example", i);
		make_mx(i, 10, name);
	}
	is_num(sort(LIMIT_MX_HOSTS).count, LIMIT_MX_HOSTS, "hosts at LIMIT_MX_HOSTS are kept");
	is_num(sort(LIMIT_MX_HOSTS + 1).count, LIMIT_MX_HOSTS, "one over LIMIT_MX_HOSTS is not");
	mx = sort(MX_MAX);
	is_num(mx.count, LIMIT_MX_HOSTS, "three hundred hosts are cut");
	memcpy(first, mx.host[0].name, sizeof(first));
	for (uint64_t lot = 0; lot < 8; lot++) {
		mx_sort(&(struct dns_answer){ .records = records, .count = 20 }, &self, lot, &mx);
		differs |= strcmp(first, mx.host[0].name) != 0;
	}
	ok(differs, "hosts of one preference are drawn by lot");
	records[0] = (struct dns_record){ (const uint8_t *)"\0\1\5ab", 5 };
	mx = sort(1);
	ok(mx.count == 0 && !mx.is_null, "a malformed record is no host");
}

static void
add(struct mx *mx, size_t host, const char *ip)
{
	struct addr a;
	struct dns_record r = { a.ip, 4 };

	if (!addr_parse(span_of(ip), &a))
		ok(false, "%s", ip);
	r.n = a.family == AF_INET ? 4 : 16;
	mx_add_addrs(mx, host, a.family == AF_INET ? DNS_A : DNS_AAAA,
		&(struct dns_answer){ .outcome = DNS_OK, .records = &r, .count = 1 });
}

static void
targets(void)
{
	struct target t[LIMIT_SEND_TARGETS];
	struct verdict why;
	struct mx mx;
	bool dns;

	make_mx(0, 10, "a.example");
	make_mx(1, 20, "b.example");
	mx = sort(2);
	add(&mx, 0, "2001:db8::1");
	add(&mx, 0, "192.0.2.1");
	add(&mx, 1, "192.0.2.2");
	is_num(mx_targets(&mx, &self, 25, t, &why, &dns), 3, "all addresses");
	ok(t[0].addr.family == AF_INET && t[1].addr.family == AF_INET6 && t[2].preference == 20 &&
	    t[0].addr.port == 25, "IPv4 first on a machine without IPv6, hosts in order");
	self.has_ipv6 = true;
	ok(mx_targets(&mx, &self, 25, t, &why, &dns) == 3 && t[0].addr.family == AF_INET6,
		"IPv6 first on one that has it");
	mx = sort(2);
	add(&mx, 0, "192.0.2.1");
	add(&mx, 1, "127.0.0.1");
	is_num(mx_targets(&mx, &self, 25, t, &why, &dns), 1, "a backup at our own address is cut away");
	mx = sort(2);
	add(&mx, 0, "::");
	add(&mx, 1, "192.0.2.2");
	ok(mx_targets(&mx, &self, 25, t, &why, &dns) == 0 && why.code == 554 &&
	    strcmp(why.status, "5.4.6") == 0 && !dns, "the best host is nobody's address: a loop");
	mx = sort(2);
	mx.host[1].failed = true;
	ok(mx_targets(&mx, &self, 25, t, &why, &dns) == 0 && strcmp(why.status, "4.4.3") == 0 && dns,
		"look-ups that failed are tried again");
	mx = sort(1);
	for (int i = 0; i < 40; i++)
		add(&mx, 0, "192.0.2.7");
	ok(mx.host[0].addr_count <= LIMIT_HOST_ADDRS, "one address is not kept forty times");
}

/* Two hosts with so many addresses; how many of them are tried. */
static size_t
targets_of(int first, int second, struct mx *mx)
{
	struct target t[LIMIT_SEND_TARGETS];
	struct verdict why;
	char ip[32];
	bool dns;

	make_mx(0, 10, "a.example");
	make_mx(1, 20, "b.example");
	*mx = sort(2);
	for (int i = 0; i < first + second; i++) {
		snprintf(ip, sizeof(ip), "192.0.2.%d", 10 + i);
		add(mx, i >= first, ip);
	}
	return mx_targets(mx, &self, 25, t, &why, &dns);
}

static void
target_limits(void)
{
	const int rest = LIMIT_SEND_TARGETS - LIMIT_HOST_ADDRS;
	struct mx mx;

	(void)targets_of(LIMIT_HOST_ADDRS, 0, &mx);
	is_num(mx.host[0].addr_count, LIMIT_HOST_ADDRS, "addresses of a host at LIMIT_HOST_ADDRS are kept");
	(void)targets_of(LIMIT_HOST_ADDRS + 1, 0, &mx);
	is_num(mx.host[0].addr_count, LIMIT_HOST_ADDRS, "one over LIMIT_HOST_ADDRS is not");
	is_num(targets_of(LIMIT_HOST_ADDRS, rest, &mx), LIMIT_SEND_TARGETS, "targets at LIMIT_SEND_TARGETS are tried");
	ok(targets_of(LIMIT_HOST_ADDRS, rest + 1, &mx) == LIMIT_SEND_TARGETS &&
		mx.host[0].addr_count + mx.host[1].addr_count == LIMIT_SEND_TARGETS + 1, "one over LIMIT_SEND_TARGETS is not");
}

static void
records_of_jobs(void)
{
	static struct job job, copy;
	struct record r, r2;
	struct buf out;

	buf_init(&out, LIMIT_RECORD);
	record_begin(&out, "send");
	record_add_text(&out, "job", "7");
	record_add_text(&out, "id", "99");
	record_add_text(&out, "session", "000000000001");
	record_add_text(&out, "from", "");
	record_add_text(&out, "domain", "x.example");
	record_add_text(&out, "rcpt", "1 \"a b\"@x.example");
	record_add_text(&out, "rcpt", "4 c@x.example");
	ok(record_parse(buf_view(&out), LIMIT_JOB_FIELDS, &r) && job_read(&r, &job), "a job is read");
	ok(job.count == 2 && job.rcpt[1].number == 4 && span_is(job.rcpt[0].address, "\"a b\"@x.example"),
		"with its recipients");
	job.target_count = 1;
	ok(addr_parse_port(SPAN("[2001:db8::1]:2525"), 25, &job.target[0].addr), "an address");
	snprintf(job.target[0].host, sizeof(job.target[0].host), "mx.x.example");
	buf_clear(&out);
	job_print(&job, 8, &out);
	ok(record_parse(buf_view(&out), LIMIT_JOB_FIELDS, &r2) && job_read(&r2, &copy), "and written again");
	ok(copy.number == 8 && copy.count == 2 && copy.target_count == 1 &&
	    addr_eq(&copy.target[0].addr, &job.target[0].addr) &&
	    strcmp(copy.target[0].host, "mx.x.example") == 0, "nothing is lost");
	record_free(&r2);
	if (!record_parse(SPAN("sent\njob=8\nresult=4 250 2.0.0 ok\nresult=4 550 5.1.1 changed\n"
	    "result=9 250 2.0.0 not asked\nresult=x\n"), 20, &r2))
		ok(false, "answer");
	job_take_answer(&job, &r2);
	ok(!job.rcpt[0].decided && job.rcpt[1].decided && job.rcpt[1].verdict.code == 250,
		"only recipients of the job count, and the first word");
	record_free(&r2);
	record_free(&r);
	buf_free(&out);
}

static void
gateways_of_jobs(void)
{
	static struct job job, copy;
	struct record r;
	struct buf out;

	buf_init(&out, LIMIT_RECORD);
	if (!record_parse(SPAN("send\njob=7\nid=1\ndomain=x.example\nrcpt=1 a@x.example\npriority=9\n"), 20, &r) || !job_read(&r, &job))
		ok(false, "a job");
	ok(job.priority == 9 && job.gateway_count == 0, "a job has its priority");
	job.target_count = 1;
	job.target[0] = (struct target){ .preference = 1 };
	ok(job_gateway_of(&job, &job.target[0]) == NULL, "an MX host is no gateway");
	job.gateway_count = 2;
	job.gateway[0] = (struct job_gateway){ .implicit_tls = false };
	job.gateway[1] = (struct job_gateway){ .implicit_tls = true };
	memset(job.gateway[1].user, 'u', LIMIT_LOGIN_NAME);
	memset(job.gateway[1].password, ' ', LIMIT_PASSWORD);
	ok(addr_parse_port(SPAN("192.0.2.1:465"), 25, &job.target[0].addr), "an address");
	job_print(&job, 8, &out);
	record_free(&r);
	ok(record_parse(buf_view(&out), LIMIT_JOB_FIELDS, &r) && job_read(&r, &copy), "with gateways it is read again");
	ok(copy.priority == 9 && copy.gateway_count == 2 && !copy.gateway[0].implicit_tls &&
	    copy.gateway[0].user[0] == '\0' && copy.gateway[1].implicit_tls &&
	    strcmp(copy.gateway[1].user, job.gateway[1].user) == 0 &&
	    strcmp(copy.gateway[1].password, job.gateway[1].password) == 0, "names and passwords at their limits too");
	ok(job_gateway_of(&copy, &copy.target[0]) == &copy.gateway[1], "a target has the gateway of its preference");
	job_forget_secrets(&copy);
	ok(copy.gateway[1].password[0] == '\0' && copy.gateway[1].password[LIMIT_PASSWORD - 1] == '\0', "passwords can be forgotten");
	record_free(&r);
	buf_free(&out);
}

static void
questions_to_gateways(void)
{
	static const char text[] = "ask\njob=1\nid=0\ndomain=gw\ngateway=0 0 dQ== cA==\ntarget=0 192.0.2.1 587 gw\n";
	static struct job job, copy;
	struct record r;
	struct buf out;

	buf_init(&out, LIMIT_RECORD);
	ok(record_parse(span_of(text), 20, &r) && job_read(&r, &job), "a question to a gateway is read");
	ok(job.asks && job.count == 0 && job.gateway[0].only_proven, "its password goes only to who has proven who he is");
	job_print(&job, 1, &out);
	record_free(&r);
	ok(record_parse(buf_view(&out), 20, &r) && job_read(&r, &copy) && copy.asks && copy.target_count == 1, "and written again");
	record_free(&r);
	buf_free(&out);
}

static void
refused_jobs(void)
{
	static const char *const bad[] = {
		"send\njob=1\nid=1\ndomain=x\n",
		"send\njob=1\nid=1\nrcpt=1 a@x\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\\r\\nDATA\n",
		"send\njob=1\nid=1\ndomain=x\nfrom=a\\nb\nrcpt=1 a@x\n",
		"send\njob=1\nid=-1\ndomain=x\nrcpt=1 a@x\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=a@x\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\ntarget=10 nowhere 25 x\n",
		"send\njob=1\nid=1\ndomain=x\nsession=12345678901234567\nrcpt=1 a@x\n",
		"other\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\npriority=0\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\npriority=11\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\ngateway=1 0 - -\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\ngateway=0 x - -\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\ngateway=0 2 - -\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\ngateway=0 0 YQ -\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\ngateway=0 0 DQo= -\n",
		"send\njob=1\nid=1\ndomain=x\nrcpt=1 a@x\ngateway=0 0 YQ== - more\n",
		"ask\njob=1\nid=0\ndomain=x\n",
		"ask\njob=1\nid=0\ndomain=x\nrcpt=1 a@x\ngateway=0 0 - -\n",
	};
	static struct job job;
	struct record r;
	struct buf many;

	for (size_t i = 0; i < PB_COUNT(bad); i++) {
		bool good = record_parse(span_of(bad[i]), 20, &r);

		ok(good && !job_read(&r, &job), "refused: %zu", i);
		if (good)
			record_free(&r);
	}
	buf_init(&many, LIMIT_RECORD);
	buf_text_put(&many, "send\njob=1\nid=1\ndomain=x\n");
	for (int i = 0; i <= LIMIT_JOB_RECIPIENTS; i++)
		buf_printf(&many, "rcpt=%d a@x\n", i);
	ok(record_parse(buf_view(&many), LIMIT_JOB_FIELDS, &r) && !job_read(&r, &job),
		"a recipient too many");
	record_free(&r);
	buf_free(&many);
}

static void
return_paths(void)
{
	is_num(transaction_return_path(SPAN("Return-Path: <a@b>\r\nSubject: x\r\n")), 20, "Return-Path is left out");
	is_num(transaction_return_path(SPAN("return-path:\r\n <a@b>\r\n\tx\r\nTo: x\r\n")), 26, "folded too");
	is_num(transaction_return_path(SPAN("Received: x\r\nReturn-Path: <>\r\n")), 0, "only at the start");
	is_num(transaction_return_path(SPAN("Return-Path: <a@b>")), 0, "only with an end");
	is_num(transaction_return_path(SPAN_NONE), 0, "nothing from nothing");
}

int
main(void)
{
	order();
	targets();
	target_limits();
	records_of_jobs();
	gateways_of_jobs();
	questions_to_gateways();
	refused_jobs();
	return_paths();
	return done();
}
