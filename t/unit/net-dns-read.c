/* dns_read: names and records as a hostile server may write them. */
#include "base/base.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/dns.h"
#include "tap.h"

/* Read a name from an exact-size block, so that the sanitizer sees each byte too far. */
static bool
read_name(const char *wire, size_t n, char out[DNS_NAME_MAX])
{
	uint8_t *copy = mem_new(n);
	bool good;

	memcpy(copy, wire, n);
	good = dns_read_name(copy, n, out);
	free(copy);
	return good;
}
#define NAME(wire, out) read_name(wire, sizeof(wire) - 1, out)

static void
long_names(void)
{
	char wire[400], out[DNS_NAME_MAX];

	for (size_t i = 0; i < 4; i++) {
		wire[i * 64] = 63;
		memset(wire + i * 64 + 1, 'a', 63);
	}
	wire[192] = 61;
	wire[254] = '\0';
	ok(read_name(wire, 255, out) && strlen(out) == 253, "the longest name there is");
	wire[192] = 63;
	wire[256] = 1;
	wire[257] = 'a';
	wire[258] = '\0';
	ok(!read_name(wire, 259, out), "a longer one is refused");
}

static void
name_servers(void)
{
	struct buf text, out;

	buf_init(&text, 4096);
	buf_init(&out, 4096);
	dns_read_name_servers(SPAN("# x\nsearch example.org\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # two\n"
	    "nameserver\nnameserver nobody\nnameserver fe80::1%eth0\nnameserver 192.0.2.2"), &out);
	is_text(buf_text(&out), "192.0.2.1\n2001:db8::1\n192.0.2.2\n", "the name servers of a resolv.conf");
	for (int i = 1; i <= LIMIT_NAME_SERVERS; i++)
		buf_printf(&text, "nameserver 192.0.2.%d\n", i);
	buf_clear(&out);
	dns_read_name_servers(buf_view(&text), &out);
	is_num(out.n, LIMIT_NAME_SERVERS * strlen("192.0.2.1\n"), "servers at LIMIT_NAME_SERVERS are taken");
	buf_text_put(&text, "nameserver 192.0.2.9\n");
	buf_clear(&out);
	dns_read_name_servers(buf_view(&text), &out);
	is_num(out.n, LIMIT_NAME_SERVERS * strlen("192.0.2.1\n"), "one over LIMIT_NAME_SERVERS is not");
	buf_free(&text);
	buf_free(&out);
}

int
main(void)
{
	char out[DNS_NAME_MAX];
	struct dns_mx mx;
	struct addr a;

	name_servers();
	ok(NAME("\3MX1\7example\3org\0", out), "a name");
	is_text(out, "mx1.example.org", "in lower case, without final dot");
	ok(NAME("\0", out) && out[0] == '\0', "the root is empty");
	ok(!NAME("", out), "no byte is no name");
	ok(!NAME("\3mx1", out), "a name must end");
	ok(!NAME("\5mx1\0", out), "a label must fit");
	ok(!NAME("\3mx1\0x", out), "nothing may follow");
	ok(!NAME("\300\014", out), "compression is gone by now");
	ok(!NAME("\3m.x\0", out), "a dot in a label is refused");
	ok(!NAME("\3m\0x\0", out), "NUL in a label is refused");
	ok(!NAME("\3m\nx\0", out), "control characters are refused");
	long_names();
	ok(dns_read_mx(&(struct dns_record){ (const uint8_t *)"\1\2\1a\0", 5 }, &mx) &&
	    mx.preference == 258 && strcmp(mx.host, "a") == 0, "an MX");
	ok(dns_read_mx(&(struct dns_record){ (const uint8_t *)"\0\0\0", 3 }, &mx) && mx.host[0] == '\0',
		"the null MX");
	ok(!dns_read_mx(&(struct dns_record){ (const uint8_t *)"\0\0", 2 }, &mx), "a short MX");
	ok(dns_read_addr(&(struct dns_record){ (const uint8_t *)"\177\0\0\1", 4 }, DNS_A, &a) &&
	    addr_is_loopback(&a), "an A");
	ok(!dns_read_addr(&(struct dns_record){ (const uint8_t *)"\177\0\0", 3 }, DNS_A, &a), "a short A");
	ok(!dns_read_addr(&(struct dns_record){ (const uint8_t *)"\177\0\0\1", 4 }, DNS_AAAA, &a),
		"an A is no AAAA");
	return done();
}
