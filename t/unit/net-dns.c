/* dns: what it needs from files, and its process. Answers of servers: t/outbound/dns.t. */
#include "base/base.h"
#include "net/dns.h"
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <unbound.h>
#include <unistd.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sys/clock.h"

#define DS ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"

static char path[] = "/tmp/net-dns.XXXXXX";

static void
write_anchor(const char *text, size_t times)
{
	FILE *f = fopen(path, "w");

	for (size_t i = 0; f != NULL && i < times; i++)
		fputs(text, f);
	if (f == NULL || fclose(f) != 0)
		_exit(99);
}

/* A good anchor, with a comment so that the file has n bytes. */
static void
write_anchor_of(size_t n)
{
	char *text = mem_new(n + 1);

	memset(text, 'x', n);
	memcpy(text, DS "\n;", sizeof(DS) + 1);
	text[n - 1] = '\n';
	write_anchor(text, 1);
	free(text);
}

static bool
is_taken(void)
{
	char error[200] = "";
	struct dns *d = dns_new("127.0.0.1", path, true, error, sizeof(error));
	bool taken = d != NULL;

	dns_free(&d);
	return taken;
}

static void
refused(const char *servers, const char *why)
{
	char error[200] = "";
	struct dns *d = dns_new(servers, path, true, error, sizeof(error));

	ok(d == NULL && error[0] != '\0', "%s: %s", why, error);
	dns_free(&d);
}

static void
files(void)
{
	write_anchor("", 1);
	refused("127.0.0.1", "an empty trust anchor");
	write_anchor("; only a comment\n\n", 1);
	refused("127.0.0.1", "one without record");
	write_anchor(". IN DNSKEY ( 257 3 8\n AwEAA )\n", 1);
	refused("127.0.0.1", "a record over several lines");
	write_anchor_of(LIMIT_DNS_FILE);
	ok(is_taken(), "an anchor at LIMIT_DNS_FILE bytes");
	write_anchor_of(LIMIT_DNS_FILE + 1);
	refused("127.0.0.1", "over LIMIT_DNS_FILE");
	write_anchor(DS " ; the root\n", 1);
	refused("ns.example.org", "a name instead of an address");
	refused("127.0.0.1@99999", "a port that is none");
	(void)unlink(path);
	refused("127.0.0.1", "no file");
}

static int answers;
static enum dns_outcome outcome;
static size_t records;

static void
on_answer(void *ctx, const struct dns_answer *a)
{
	(void)ctx;
	answers++;
	outcome = a->outcome;
	records = a->count;
}

static void
run(struct dns *d, int until)
{
	uint64_t end = clock_ms() + 5000;

	while (answers < until && clock_ms() < end) {
		struct pollfd p = { .fd = dns_fd(d), .events = POLLIN };

		if (poll(&p, 1, 100) > 0 && !dns_process(d))
			break;
	}
}

static void
queries(void)
{
	char error[200] = "", name[300];
	struct dns *d;
	uint64_t id;

	write_anchor("; comment\n" DS " ; the root\n", 1);
	d = dns_new("127.0.0.1@9 ::1@9", path, false, error, sizeof(error));
	ok(d != NULL, "two servers and an anchor %s", error);
	if (d == NULL)
		return;
	memset(name, 'a', sizeof(name));
	is_num(dns_query(d, span_make(name, sizeof(name)), DNS_A, on_answer, NULL), 0, "a name too long cannot be asked");
	is_num(dns_query(d, span_make("a\0b", 3), DNS_A, on_answer, NULL), 0, "nor one with NUL");
	is_num(dns_query(d, SPAN_NONE, DNS_A, on_answer, NULL), 0, "nor none");
	is_num(answers, 0, "and nobody is called");
	ok(dns_start(d), "the resolver starts");
	ok(dns_query(d, SPAN("localhost"), DNS_A, on_answer, NULL) != 0, "a name is asked");
	run(d, 1);
	ok(answers == 1 && outcome == DNS_OK, "and answered");
	id = dns_query(d, SPAN("x.example.org"), DNS_MX, on_answer, NULL);
	ok(id != 0, "another is asked");
	dns_cancel(d, id);
	dns_cancel(d, id);
	run(d, 2);
	is_num(answers, 1, "a question taken back is not answered");
	ok(dns_query(d, SPAN("y.example.org"), DNS_MX, on_answer, NULL) != 0, "a third");
	dns_restart(d);
	ok(answers == 2 && outcome == DNS_FAIL, "fails when the resolver is lost");
	ok(dns_query(d, SPAN("localhost"), DNS_A, on_answer, NULL) != 0, "a new one");
	run(d, 3);
	ok(answers == 3 && outcome == DNS_OK, "answers");
	dns_free(&d);
}

/* Set: the library is asked nothing, and how it would have told its answer is kept. */
static bool held;
static ub_callback_type tell;
static void *tell_ctx;

int __real_ub_resolve_async(struct ub_ctx *ctx, const char *name, int type, int class, void *mydata,
	ub_callback_type callback, int *id);
int __wrap_ub_resolve_async(struct ub_ctx *ctx, const char *name, int type, int class, void *mydata,
	ub_callback_type callback, int *id);
void __real_ub_resolve_free(struct ub_result *r);
void __wrap_ub_resolve_free(struct ub_result *r);

int
__wrap_ub_resolve_async(struct ub_ctx *ctx, const char *name, int type, int class, void *mydata,
	ub_callback_type callback, int *id)
{
	if (!held)
		return __real_ub_resolve_async(ctx, name, type, class, mydata, callback, id);
	tell = callback;
	tell_ctx = mydata;
	*id = 1;
	return 0;
}

void
__wrap_ub_resolve_free(struct ub_result *r)
{
	if (!held)
		__real_ub_resolve_free(r);
}

/* How many records are looked at of an answer with n. */
static size_t
records_of(struct dns *d, size_t n)
{
	char address[] = "\300\000\002\001";
	char **data = mem_array(n + 1, sizeof(*data));
	int *len = mem_array(n + 1, sizeof(*len));
	struct ub_result r = { .data = data, .len = len, .havedata = 1 };

	for (size_t i = 0; i < n; i++) {
		data[i] = address;
		len[i] = 4;
	}
	held = true;
	records = 0;
	if (dns_query(d, SPAN("many.example"), DNS_A, on_answer, NULL) != 0)
		tell(tell_ctx, 0, &r);
	held = false;
	free(data);
	free(len);
	return records;
}

static void
many_records(void)
{
	char error[200] = "";
	struct dns *d = dns_new("127.0.0.1", NULL, false, error, sizeof(error));

	if (!ok(d != NULL, "a resolver %s", error))
		return;
	is_num(records_of(d, LIMIT_DNS_RECORDS), LIMIT_DNS_RECORDS, "records at LIMIT_DNS_RECORDS are all looked at");
	is_num(records_of(d, LIMIT_DNS_RECORDS + 1), LIMIT_DNS_RECORDS, "of one over LIMIT_DNS_RECORDS the last is not");
	dns_free(&d);
}

/* Two questions of one client, which is content with one answer. */
struct client {
	struct dns *dns;
	uint64_t ids[2];
	int *calls;
};

static void
on_either(void *ctx, const struct dns_answer *a)
{
	struct client *c = ctx;

	(void)a;
	(*c->calls)++;
	dns_cancel(c->dns, c->ids[0]);
	dns_cancel(c->dns, c->ids[1]);
	free(c);
}

static void
client_leaves_at_restart(void)
{
	char error[200] = "";
	struct dns *d = dns_new("127.0.0.1@9", NULL, false, error, sizeof(error));
	struct client *c = mem_new(sizeof(*c));
	int calls = 0, before = answers;

	if (d == NULL || !dns_start(d))
		bug("dns: %s", error);
	*c = (struct client){ .dns = d, .calls = &calls };
	c->ids[0] = dns_query(d, SPAN("one.example.org"), DNS_MX, on_either, c);
	(void)dns_query(d, SPAN("between.example.org"), DNS_MX, on_answer, NULL);
	c->ids[1] = dns_query(d, SPAN("two.example.org"), DNS_MX, on_either, c);
	ok(c->ids[0] != 0 && c->ids[1] != 0, "two questions of one client");
	dns_restart(d);
	is_num(calls, 1, "when the resolver is lost a client that leaves is not called again");
	is_num(answers, before + 1, "and another is");
	dns_free(&d);
}

int
main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 99;
	close(fd);
	files();
	queries();
	many_records();
	client_leaves_at_restart();
	(void)unlink(path);
	return done();
}
