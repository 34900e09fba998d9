/*
 * The table of settings, values and their check, and what programs read.
 */
/* Features: TOOL-03, GEN-01, BIND-05, ROUTE-02, ROUTE-03, ROUTE-05, GATE-07, PASS-01, PASS-02. */
#include "base/base.h"
#include "tap.h"
#include <errno.h>
#include <sys/wait.h>
#include "base/limits.h"
#include "base/mem.h"
#include "config/compile.h"
#include "config/config_file.h"
#include "config/format.h"
#include "config/gateway.h"
#include "config/manifest.h"
#include "config/password.h"
#include "config/route.h"
#include "config/settings.h"
#include "config/settings_table.h"

static void
test_table(void)
{
	struct buf out, why;
	bool good = true, helped = true;

	buf_init(&out, LIMIT_SETTING_VALUE);
	buf_init(&why, 4096);
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *s = &setting_table[i];

		buf_clear(&out);
		if (s->type != SETTING_LIST && s->type != SETTING_RECORDS &&
		    !setting_check(s, span_of(s->dflt), &out, &why) ) {
			good = false;
			printf("# default of %s: %s\n", s->path, s->dflt);
		}
		helped &= s->help[0] != '\0' && s->help[strlen(s->help) - 1] == '.';
	}
	ok(good, "every default is an allowed value");
	ok(helped, "every setting has a line of help");
	buf_free(&why);
	buf_free(&out);
}

static bool
accepts(const char *name, const char *value)
{
	const struct setting *s = setting_find(SCOPE_SERVER, span_of(name));
	struct buf out, why;
	bool yes;

	buf_init(&out, LIMIT_SETTING_VALUE);
	buf_init(&why, 4096);
	yes = setting_check(s, span_of(value), &out, &why);
	buf_free(&why);
	buf_free(&out);
	return yes;
}

static void
test_values(void)
{
	ok(accepts("smtpMaxBadCommands", " 1000 ") && !accepts("smtpMaxBadCommands", "1001") &&
		!accepts("smtpMaxBadCommands", "-1") && !accepts("smtpMaxBadCommands", "8x") &&
		!accepts("smtpMaxBadCommands", "") &&
		!accepts("smtpMaxBadCommands", "99999999999999999999999"), "numbers keep to their range");
	ok(accepts("retryIntervals", "10, 10,10,1440") && !accepts("retryIntervals", "10,,10") &&
		!accepts("retryIntervals", "") && !accepts("retryIntervals", "99999"), "so do lists of numbers");
	ok(accepts("allowRelay", "NOBODY") && !accepts("allowRelay", "everybody"), "choices, any letter case");
	ok(accepts("enableVrfy", "TRUE") && accepts("enableVrfy", "0") && !accepts("enableVrfy", "maybe"),
		"truth values");
	ok(accepts("hostName", "mail.example.com") && !accepts("hostName", "mail") &&
		!accepts("hostName", "a..b") && !accepts("hostName", "-a.b") && !accepts("hostName", "a b.c"),
		"host names");
	ok(accepts("primaryDns", "127.0.0.1@5353") && accepts("primaryDns", "::1") &&
		!accepts("primaryDns", "127.0.0.1@70000") && !accepts("primaryDns", "localhost"), "DNS servers");
	ok(accepts("tlsCertificatePath", "/etc/x.pem") && !accepts("tlsCertificatePath", "../x.pem") &&
		!accepts("tlsCertificatePath", "a\nb"), "file names");
	ok(accepts("smtpBanner", "Gr\xc3\xbc\xc3\x9f Gott") && !accepts("smtpBanner", "a\x1b[31m") &&
		!accepts("smtpBanner", "\xff"), "lines of UTF-8");
	ok(accepts("postmasterMailbox", "a@b.example") && !accepts("postmasterMailbox", "a") &&
		!accepts("postmasterMailbox", "a@b.example,c@d.example"), "addresses");
}

static void
test_folders(void)
{
	static const char *const bad[] = { "", ".", "..", "a/b", ".a", "-a", "a..b", "a.", "A", "a b", "a\x80" };
	char longer[LIMIT_LOCAL_PART + 2];
	bool none = true;

	for (size_t i = 0; i < PB_COUNT(bad); i++)
		none &= !format_is_user_folder(span_of(bad[i]));
	ok(none, "no name that could leave its folder or hide is a user's");
	memset(longer, 'a', sizeof(longer));
	ok(format_is_user_folder(span_make(longer, LIMIT_LOCAL_PART)), "a folder at LIMIT_LOCAL_PART");
	ok(!format_is_user_folder(span_make(longer, LIMIT_LOCAL_PART + 1)), "over LIMIT_LOCAL_PART");
	ok(format_is_user_folder(SPAN("o'neill+tag")) && !format_is_domain_folder(SPAN("../x.y")) &&
		!format_is_domain_folder(SPAN("Example.com")), "names of folders");
}

static const char sample[] = "<x><SMTPMaxBadCommands>3</SMTPMaxBadCommands>"
	"<smtpSessionTimeout enabled=\"False\">7</smtpSessionTimeout>"
	"<retryIntervals>1,2</retryIntervals>"
	"<blockedSenders><sender>a@b.c</sender><sender>*@d.e</sender></blockedSenders>"
	"<whitelist><entry><ip>127.0.0.1</ip><smtp>True</smtp></entry><entry><ip>10.0.0.0/8</ip></entry></whitelist>"
	"<hostName>h.example</hostName><hostNames><hostName><ip>127.0.0.2</ip><name>other.example</name></hostName>"
	"</hostNames></x>";

static void
test_compile(void)
{
	struct xml_error err;
	struct xml *x = xml_parse(span_of(sample), &err);
	struct settings *s;
	struct buf text;

	buf_init(&text, LIMIT_SETTINGS);
	ok(compile_record(x, SCOPE_SERVER, PROGRAM_SMTP, &text), "a program's record is made");
	s = settings_parse(buf_view(&text));
	ok(s != NULL, "and read");
	is_num(settings_num(s, "smtpMaxBadCommands"), 3, "a number");
	is_num(settings_num(s, "smtpCommandTimeout"), 120, "a default");
	ok(!settings_enabled(s, "smtpSessionTimeout") && settings_num(s, "smtpSessionTimeout") == 7,
		"a switched-off value is kept");
	is_num(settings_count(s, "blockedSenders/sender"), 2, "a list");
	is_text(settings_list(s, "blockedSenders/sender", 1), "*@d.e", "its item");
	ok(settings_entry_bool(s, "whitelist/entry", 0, "smtp") &&
		!settings_entry_bool(s, "whitelist/entry", 1, "smtp"), "records with fields and defaults");
	is_text(settings_host_name(s, "127.0.0.2"), "other.example", "host name of an address");
	is_text(settings_host_name(s, "127.0.0.3"), "h.example", "host name of all others");
	settings_free(&s);
	ok(compile_record(x, SCOPE_SERVER, PROGRAM_RUNNER, &text) &&
		span_search(buf_view(&text), SPAN("smtpMaxBadCommands")) < 0, "a program sees only its own");
	s = settings_parse(buf_view(&text));
	is_num(settings_list_num(s, "retryIntervals", 1), 2, "a list of numbers");
	settings_free(&s);
	buf_free(&text);
	xml_free(&x);
}

static void
test_hostile_records(void)
{
	static const char *const bad[] = {
		"", "other\n", "settings\nset=noSuchName 1\n", "settings\nset=smtpMaxBadCommands 9999\n",
		"settings\nset=smtpMaxBadCommands 1\nset=smtpMaxBadCommands 2\n", "settings\nitem=smtpMaxBadCommands 1\n",
		"settings\nitem=blockedSenders/sender a@b\n", "settings\nfield=whitelist/entry/ip 1.2.3.4\n",
		"settings\nentry=whitelist/entry\n", "settings\nunknown=smtpMaxBadCommands 1\n",
		"settings\nlist=blockedSenders/sender\nset=blockedSenders/sender x\n",
		"settings\nlist=smtpMaxBadCommands\n", "settings\noff=smtpSessionTimeout\n",
	};

	for (size_t i = 0; i < PB_COUNT(bad); i++) {
		struct settings *s = settings_parse(span_of(bad[i]));

		ok(s == NULL && errno == EBADMSG, "hostile record %zu is refused", i);
		settings_free(&s);
	}
}

static void
refuses(const char *xml, const char *want, const char *name)
{
	struct xml_error err;
	struct xml *x = xml_parse(span_of(xml), &err);
	struct buf errors;

	buf_init(&errors, 65536);
	ok(x != NULL && !config_validate(x, SCOPE_SERVER, "f.xml", &errors, NULL) &&
		strstr(buf_text(&errors), want) != NULL, "%s: %s", name, buf_text(&errors));
	buf_free(&errors);
	xml_free(&x);
}

static void
test_validate(void)
{
	struct xml_error err;
	struct xml *x = xml_parse(SPAN("<a>\n<noSuch/>\n<greylisting><other/></greylisting></a>"), &err);
	struct buf errors, warnings;

	refuses("<a>\n\n<smtpMaxBadCommands>1001</smtpMaxBadCommands></a>",
		"f.xml:3: smtpMaxBadCommands: must be 0 to 1000 commands, not \"1001\"", "out of range");
	refuses("<a><dnsCache>True</dnsCache>\n<dnsCache>True</dnsCache></a>", "f.xml:2: dnsCache: stands here a second",
		"duplicate");
	refuses("<a><greylisting/>\n<greylisting/></a>", "f.xml:2: greylisting: stands here a second", "duplicate container");
	refuses("<a><bindings><port><number>0</number></port></bindings></a>", "bindings/port/number: must be 1 to 65535",
		"a field of a record");
	refuses("<a><domainDefaults><maxUsers>x</maxUsers></domainDefaults></a>", "maxUsers: must be", "a domain default");
	refuses("<a><smtpSessionTimeout enabled=\"x\">15</smtpSessionTimeout></a>", "attribute enabled", "a bad switch");
	refuses("<a><postmasterMailbox>\xc2\x9b</postmasterMailbox></a>", "\\xc2\\x9b", "control characters are shown escaped");
	buf_init(&errors, 4096);
	buf_init(&warnings, 4096);
	ok(config_validate(x, SCOPE_SERVER, "f.xml", &errors, &warnings), "unknown elements are no error");
	is_text(buf_text(&warnings), "f.xml:2: noSuch: unknown, kept as it is\n"
		"f.xml:3: greylisting/other: unknown, kept as it is\n", "but are told");
	buf_free(&warnings);
	buf_free(&errors);
	xml_free(&x);
}

static size_t taken;

static void
count(void *ctx PB_UNUSED, const char *program PB_UNUSED, struct span text PB_UNUSED)
{
	taken++;
}

/* Parent and child of mail-master's reading, with this XML in a file. */
static int
through_pipe(const char *xml, struct buf *errors)
{
	FILE *f = tmpfile();
	int ends[2], rc;
	pid_t pid;

	fputs(xml, f);
	fflush(f);
	if (pipe(ends) != 0)
		return -2;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(compile_child(fileno(f), "etc/mailconfig.xml", ends[1]));
	close(ends[1]);
	taken = 0;
	rc = compile_take(ends[0], count, NULL, errors);
	close(ends[0]);
	waitpid(pid, NULL, 0);
	fclose(f);
	return rc;
}

static int
take_text(const char *text, struct buf *errors)
{
	int ends[2], rc;

	if (pipe(ends) != 0 || write(ends[1], text, strlen(text)) < 0)
		return -2;
	close(ends[1]);
	rc = compile_take(ends[0], count, NULL, errors);
	close(ends[0]);
	return rc;
}

static void
test_pipe(void)
{
	struct buf errors;

	buf_init(&errors, 65536);
	is_num(through_pipe(sample, &errors), 0, "the child's settings reach the parent");
	is_num(taken, setting_program_count, "those of every program");
	is_num(through_pipe("<a><subSpools>0</subSpools></a>", &errors), -1, "errors do too");
	ok(strstr(buf_text(&errors), "etc/mailconfig.xml:1: subSpools: must be 1 to 1000") != NULL, "with file, line and range");
	is_num(take_text("end 0\n", &errors), -1, "an answer that leaves programs out is refused");
	is_num(take_text("smtp-listen 99999999999999\n", &errors), -1, "a length past LIMIT_SETTINGS is refused");
	is_num(take_text("sh 0\n", &errors), -1, "an unknown program is refused");
	is_num(take_text("smtp-listen 0\nsmtp-listen 0\n", &errors), -1, "a program twice is refused");
	is_num(take_text("smtp-listen 10\nabc", &errors), -1, "a short block is refused");
	buf_free(&errors);
}

static void
test_route(void)
{
	struct xml_error err;
	struct xml *x = xml_parse(SPAN("<x><domainForwarding><server><address>192.0.2.1</address><port>2525</port>"
		"<domains>a.example, B.example</domains></server><server><address>2001:db8::1</address>"
		"<domains>c.example</domains></server></domainForwarding></x>"), &err);
	struct settings *s = compile_settings(x, SCOPE_SERVER);
	struct buf host;

	buf_init(&host, 100);
	ok(route_find(s, SPAN("b.EXAMPLE"), &host), "a forwarded domain is found");
	is_text(buf_text(&host), "192.0.2.1:2525", "with host and port");
	buf_clear(&host);
	ok(route_find(s, SPAN("c.example"), &host), "another one");
	is_text(buf_text(&host), "[2001:db8::1]:25", "with an IPv6 address");
	ok(!route_find(s, SPAN("x.a.example"), NULL) && !route_find(s, SPAN(""), NULL), "no other is");
	buf_free(&host);
	settings_free(&s);
	xml_free(&x);
}

/* ROUTE-03, ROUTE-05: as the known pages write it: ipAddress, and a domain on each line. */
static void
test_route_spellings(void)
{
	static const char text[] = "<x><domainForwarding><server><ipAddress>192.0.2.1</ipAddress><domains>\r\n"
		"\ta.example\r\n\tb.example, c.example\n\n d.example e.example,\n</domains></server></domainForwarding>"
		"<incomingGateways><gateway><IPADDRESS>192.0.2.9</IPADDRESS><domains>g.example\nh.example</domains></gateway>"
		"</incomingGateways></x>";
	struct xml_error err;
	struct xml *x = xml_parse(span_of(text), &err);
	struct settings *s = compile_settings(x, SCOPE_SERVER);
	struct buf errors, warnings, host;
	const char *forwarded[] = { "a.example", "b.example", "C.example", "d.example", "e.example", "g.example", "h.example" };

	buf_init(&errors, 4096);
	buf_init(&warnings, 4096);
	buf_init(&host, 100);
	ok(config_validate(x, SCOPE_SERVER, "f", &errors, &warnings) && warnings.n == 0, "both spellings are known");
	for (size_t i = 0; i < PB_COUNT(forwarded); i++)
		ok(route_find(s, span_of(forwarded[i]), NULL), "%s is in the list", forwarded[i]);
	ok(!route_find(s, SPAN("example"), NULL) && !route_find(s, SPAN("i.example"), NULL), "and no other");
	ok(route_find(s, SPAN("h.example"), &host), "a gateway is found");
	is_text(buf_text(&host), "192.0.2.9:25", "by its ipAddress");
	is_text(settings_entry(s, "domainForwarding/server", 0, "domains"), "a.example,b.example,c.example,d.example,e.example",
		"programs get one form of the list");
	settings_free(&s);
	xml_free(&x);
	x = xml_parse(SPAN("<x><domainForwarding><server><address>192.0.2.1</address><ipAddress>192.0.2.2</ipAddress></server>"
		"</domainForwarding></x>"), &err);
	ok(!config_validate(x, SCOPE_SERVER, "f", &errors, NULL) && strstr(buf_text(&errors), "ipAddress: stands here a second time") != NULL,
		"both at once are refused");
	xml_free(&x);
	ok(!accepts("domainForwarding/server/domains", "a.example b_c") && accepts("domainForwarding/server/domains", ""), "what is no domain is refused");
	buf_free(&host);
	buf_free(&warnings);
	buf_free(&errors);
}

static void
test_manifest(void)
{
	const struct manifest_entry *e = manifest_find("domains/example.com/users/bob/Maildir/new");

	ok(e != NULL && e->mode == 0700 && strcmp(e->owner, "pbmail") == 0, "wildcards match one component each");
	e = manifest_find("log/stderr.log");
	is_text(e->owner, "root", "a literal path is stronger than a wildcard");
	ok(manifest_find("domains/a/b/c") == NULL, "other paths are not described");
}

static void
test_password(void)
{
	struct settings *s = settings_defaults("auth-check");

	is_num(password_broken_rules(s, SPAN("Secret-word-1"), SPAN("bob")), 0, "a good password");
	is_num(password_broken_rules(s, SPAN("x"), SPAN("bob")),
		PASSWORD_SHORT | PASSWORD_NO_NUMBER | PASSWORD_NO_CAPITAL, "each broken rule is named");
	is_num(password_broken_rules(s, SPAN("XxBoB12345"), SPAN("bob")), PASSWORD_HAS_NAME, "the user's name in it");
	settings_free(&s);
}

static void
test_gateway_urls(void)
{
	static const char *const bad[] = { "", "x", "http://x", "smtp://", "smtp://:25", "smtp://x:0", "smtp://x:65536", "smtp://x:y",
		"smtp://a b", "smtp://u@x", "smtp://x/y", "smtp://[::1", "smtp://[::1]x", "smtps://" };
	struct gateway_url u;

	ok(gateway_url_parse(SPAN("smtp://gw.example"), &u) && strcmp(u.host, "gw.example") == 0 && u.port == 25 && !u.implicit_tls,
		"a url has its port by its kind");
	ok(gateway_url_parse(SPAN("SMTPS://gw.example:4465/"), &u) && u.port == 4465 && u.implicit_tls, "or says it");
	ok(gateway_url_parse(SPAN("smtps://[2001:db8::1]"), &u) && strcmp(u.host, "2001:db8::1") == 0 && u.port == 465, "an IPv6 address stands in brackets");
	for (size_t i = 0; i < PB_COUNT(bad); i++)
		ok(!gateway_url_parse(span_of(bad[i]), &u), "no url: %s", bad[i]);
}

int
main(void)
{
	test_table();
	test_values();
	test_folders();
	test_compile();
	test_hostile_records();
	test_validate();
	test_pipe();
	test_route();
	test_route_spellings();
	test_manifest();
	test_password();
	test_gateway_urls();
	return done();
}
