/*
 * scan_client against a scan-check played by the test: it fails open in every
 * way, and believes no malformed or late reply.
 */
#include "base/base.h"

#include <sys/socket.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "check/scan_client.h"
#include "tap.h"

static int server = -1;
static struct scan_client *client;

static void
start(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
		abort();
	server = pair[0];
	client = scan_client_new(pair[1]);
}

static void
stop(void)
{
	if (server >= 0)
		close(server);
	server = -1;
	scan_client_free(&client);
}

/* Replies may lie there before they are asked for: n counts from 1. */
static void
reply(const char *text)
{
	if (send(server, text, strlen(text), 0) < 0)
		abort();
}

static struct addr
ip_of(const char *text)
{
	struct addr a;

	if (!addr_parse(span_of(text), &a))
		abort();
	return a;
}

static void
test_answers(void)
{
	struct addr ip = ip_of("192.0.2.1");
	struct addr_range range[LIMIT_SCAN_RANGES + 1];
	struct scan_spf spf;
	char name[SCAN_NAME_MAX], text[LIMIT_SCAN_RECORD];
	struct record r;
	ssize_t n;

	start();
	reply("spf\nn=1\nresult=softfail\ndomain=example.org\nproblem=\n");
	scan_spf(client, &ip, SPAN("helo.example"), SPAN("a@example.org"), 2000, &spf);
	is_num(spf.result, SCAN_SPF_SOFTFAIL, "the result");
	is_text(spf.domain, "example.org", "whose policy it was");
	is_text(scan_client_why(client), "", "and nothing to complain of");
	n = recv(server, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	is_text(text, "spf\nn=1\nip=192.0.2.1\nhelo=helo.example\nfrom=a@example.org\n", "the question");
	reply("domain\nn=2\nresult=null-mx\n");
	is_num(scan_sender_domain(client, SPAN("example.org"), 2000), SCAN_DOMAIN_NULL_MX, "sender domain");
	reply("reverse\nn=3\nresult=confirmed\nname=host.example\n");
	is_num(scan_reverse(client, &ip, 2000, name), SCAN_REVERSE_CONFIRMED, "reverse");
	is_text(name, "host.example", "... with its name");
	reply("helo\nn=4\nresult=matches\n");
	is_num(scan_helo(client, SPAN("host.example"), &ip, 2000), SCAN_HELO_MATCHES, "helo");
	while (recv(server, text, sizeof(text), MSG_DONTWAIT) > 0)
		;
	for (size_t i = 0; i < PB_COUNT(range); i++)
		range[i] = (struct addr_range){ ip, ip };
	reply("mx\nn=5\nresult=yes\n");
	is_num(scan_mx_points_to(client, SPAN("example.org"), range, PB_COUNT(range), 2000), SCAN_MX_YES, "mx");
	n = recv(server, text, sizeof(text), 0);
	ok(n > 0 && record_parse(span_make(text, (size_t)n), LIMIT_SCAN_RANGES + 2, &r),
		"with one range over LIMIT_SCAN_RANGES it has no more");
	is_num(r.count, LIMIT_SCAN_RANGES + 2, "and no fewer, ranges at LIMIT_SCAN_RANGES");
	record_free(&r);
	stop();
}

static void
test_hostile_text(void)
{
	char longer[LIMIT_ADDRESS + 1], text[LIMIT_SCAN_RECORD];
	ssize_t n;

	memset(longer, 'a', sizeof(longer));
	start();
	reply("domain\nn=1\nresult=no-host\n");
	is_num(scan_sender_domain(client, span_make(longer, sizeof(longer)), 2000), SCAN_DOMAIN_NO_HOST, "too long");
	n = recv(server, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	is_text(text, "domain\nn=1\nname=\n", "a text over LIMIT_ADDRESS is asked as empty");
	reply("domain\nn=2\nresult=no-host\n");
	is_num(scan_sender_domain(client, span_make(longer, LIMIT_ADDRESS), 2000), SCAN_DOMAIN_NO_HOST, "as long as may be");
	n = recv(server, text, sizeof(text) - 1, 0);
	ok(n == (ssize_t)strlen("domain\nn=2\nname=\n") + LIMIT_ADDRESS, "a text at LIMIT_ADDRESS is asked whole");
	reply("domain\nn=3\nresult=no-host\n");
	is_num(scan_sender_domain(client, span_make("a\0b", 3), 2000), SCAN_DOMAIN_NO_HOST, "with NUL");
	reply("domain\nn=4\nresult=no-host\n");
	is_num(scan_sender_domain(client, SPAN("a\nresult=resolves"), 2000), SCAN_DOMAIN_NO_HOST, "with LF");
	(void)recv(server, text, sizeof(text), 0);
	n = recv(server, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	is_text(text, "domain\nn=4\nname=a\\nresult=resolves\n", "a line end cannot make a field");
	stop();
}

/* What a good reply of n bytes says. */
static enum scan_domain_result
result_of(size_t n)
{
	static const char begin[] = "domain\nn=1\nresult=resolves\nname=";
	char text[LIMIT_SCAN_RECORD + 2];
	enum scan_domain_result result;

	memset(text, 'a', n);
	memcpy(text, begin, sizeof(begin) - 1);
	text[n - 1] = '\n';
	text[n] = '\0';
	start();
	reply(text);
	result = scan_sender_domain(client, SPAN("a.example"), 2000);
	stop();
	return result;
}

static void
test_fails_open(void)
{
	static const char *const bad[] = { "domain\nn=1\nresult", "\n", "domain\nn=1\nresult=resolves", "x" };

	client = scan_client_new(-1);
	is_num(scan_sender_domain(client, SPAN("a.example"), 2000), SCAN_DOMAIN_UNKNOWN, "nobody to ask");
	is_text(scan_client_why(client), "scan-check is away", "... says so");
	scan_client_free(&client);
	client = scan_client_open("/nonexistent/scan");
	is_num(scan_sender_domain(client, SPAN("a.example"), 2000), SCAN_DOMAIN_UNKNOWN, "no socket");
	scan_client_free(&client);
	start();
	is_num(scan_sender_domain(client, SPAN("a.example"), 20), SCAN_DOMAIN_UNKNOWN, "no answer");
	is_text(scan_client_why(client), "timeout", "... is a timeout");
	reply("domain\nn=1\nresult=nxdomain\n");
	reply("domain\nn=2\nresult=resolves\n");
	is_num(scan_sender_domain(client, SPAN("b.example"), 2000), SCAN_DOMAIN_RESOLVES, "a late answer is not taken for another");
	reply("domain\nn=3\nresult=unknown\n");
	is_num(scan_sender_domain(client, SPAN("c.example"), 2000), SCAN_DOMAIN_UNKNOWN, "busy");
	is_text(scan_client_why(client), "scan-check is busy", "... says so");
	reply("domain\nn=4\nresult=fine\n");
	is_num(scan_sender_domain(client, SPAN("d.example"), 2000), SCAN_DOMAIN_UNKNOWN, "a word that does not exist");
	close(server);
	server = -1;
	ok(!scan_client_is_lost(client), "the connection stands until then");
	is_num(scan_sender_domain(client, SPAN("e.example"), 2000), SCAN_DOMAIN_UNKNOWN, "gone in the middle");
	ok(scan_client_is_lost(client), "... which the worker can see");
	stop();
	for (size_t i = 0; i < PB_COUNT(bad); i++) {
		start();
		reply(bad[i]);
		is_num(scan_sender_domain(client, SPAN("a.example"), 2000), SCAN_DOMAIN_UNKNOWN, "malformed reply");
		is_text(scan_client_why(client), "scan-check is away", "... ends the connection");
		stop();
	}
	is_num(result_of(LIMIT_SCAN_RECORD), SCAN_DOMAIN_RESOLVES, "a reply at LIMIT_SCAN_RECORD");
	is_num(result_of(LIMIT_SCAN_RECORD + 1), SCAN_DOMAIN_UNKNOWN, "a reply over LIMIT_SCAN_RECORD");
}

/* Words there and back. */
static void
test_words(void)
{
	bool same = true;

	for (int i = 0; i <= SCAN_SPF_PERMERROR; i++)
		same &= (int)scan_spf_of(span_of(scan_spf_text((enum scan_spf_result)i))) == i;
	for (int i = 0; i <= SCAN_DOMAIN_TEMPERROR; i++)
		same &= (int)scan_domain_of(span_of(scan_domain_text((enum scan_domain_result)i))) == i;
	for (int i = 0; i <= SCAN_MX_TEMPERROR; i++)
		same &= (int)scan_mx_of(span_of(scan_mx_text((enum scan_mx_result)i))) == i;
	for (int i = 0; i <= SCAN_REVERSE_TEMPERROR; i++)
		same &= (int)scan_reverse_of(span_of(scan_reverse_text((enum scan_reverse_result)i))) == i;
	for (int i = 0; i <= SCAN_HELO_TEMPERROR; i++)
		same &= (int)scan_helo_of(span_of(scan_helo_text((enum scan_helo_result)i))) == i;
	ok(same, "every result has its word");
	is_text(scan_spf_text((enum scan_spf_result)99), "unknown", "no other has one");
}

int
main(void)
{
	test_answers();
	test_hostile_text();
	test_fails_open();
	test_words();
	return done();
}
