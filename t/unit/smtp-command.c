/* MAIL and RCPT with their parameters: what is read can be printed and read again. */
#include "base/base.h"
#include "smtp/command.h"
#include "smtp/reply.h"
#include "exact.h"
#include "tap.h"

struct mail_result { enum smtp_error e; struct smtp_mail m; };
struct rcpt_result { enum smtp_error e; struct smtp_rcpt r; };

static void
read_mail(struct span in, void *ctx)
{
	struct mail_result *r = ctx;

	r->e = smtp_mail_parse(in, &r->m);
}

static void
read_rcpt(struct span in, void *ctx)
{
	struct rcpt_result *r = ctx;

	r->e = smtp_rcpt_parse(in, &r->r);
}

static struct mail_result
mail_of(const char *text)
{
	struct mail_result r;

	with_exact(span_of(text), read_mail, &r);
	return r;
}

static struct rcpt_result
rcpt_of(const char *text)
{
	struct rcpt_result r;

	with_exact(span_of(text), read_rcpt, &r);
	return r;
}

static void
test_split(void)
{
	struct smtp_command c = smtp_command_split(SPAN("mail  FROM:<a@x> SIZE=1  "));

	is_span(c.verb, "mail", "the verb as typed");
	is_span(c.args, "FROM:<a@x> SIZE=1", "the arguments without blanks around them");
	c = smtp_command_split(SPAN(""));
	ok(c.verb.n == 0 && c.args.n == 0, "an empty line has neither");
}

static void
test_mail(void)
{
	struct mail_result r = mail_of("FROM:<a@x> SIZE=100 body=8bitmime RET=HDRS ENVID=a+2Bb AUTH=c+40d");

	is_num(r.e, SMTP_OK, "MAIL with every parameter");
	ok(r.m.has_size && r.m.size == 100, "SIZE");
	is_num(r.m.body, SMTP_BODY_8BITMIME, "BODY");
	is_num(r.m.ret, SMTP_RET_HDRS, "RET");
	is_text(r.m.envid, "a+b", "ENVID is decoded");
	ok(mail_of("FROM:<a@x> AUTH=c+40d.example").m.has_auth, "AUTH with an address");
	is_num(mail_of("from: <a@x>").e, SMTP_OK, "a blank before the path is tolerated");
	r = mail_of("FROM:<> AUTH=<>");
	ok(r.e == SMTP_OK && smtp_path_is_null(&r.m.from), "the null reverse-path");
}

static void
test_mail_refused(void)
{
	static const struct { const char *text; enum smtp_error want; } bad[] = {
		{ "", SMTP_ERROR_SYNTAX }, { "<a@x>", SMTP_ERROR_SYNTAX }, { "TO:<a@x>", SMTP_ERROR_SYNTAX },
		{ "FROM:", SMTP_ERROR_FROM }, { "FROM:a@x", SMTP_ERROR_FROM }, { "FROM:<a@x>y", SMTP_ERROR_FROM },
		{ "FROM:<@a:b@c>", SMTP_ERROR_ROUTE }, { "FROM:<a@x> SIZE=-1", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> SIZE=99999999999999999999", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> SIZE=9223372036854775808", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> SIZE", SMTP_ERROR_PARAM_VALUE }, { "FROM:<a@x> SIZE=", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> SIZE=1 SIZE=1", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> BODY=X", SMTP_ERROR_PARAM_VALUE }, { "FROM:<a@x> RET=", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> AUTH=<", SMTP_ERROR_PARAM_VALUE }, { "FROM:<a@x> =", SMTP_ERROR_PARAM_UNKNOWN },
		{ "FROM:<a@x> ==", SMTP_ERROR_PARAM_UNKNOWN }, { "FROM:<a@x> NOTIFY=NEVER", SMTP_ERROR_PARAM_UNKNOWN },
		{ "FROM:<a@x> ENVID=a=b", SMTP_ERROR_PARAM_VALUE }, { "FROM:<a@x> ENVID=a+0Ab", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> UNHEARD", SMTP_ERROR_PARAM_UNKNOWN },
	};

	for (size_t i = 0; i < PB_COUNT(bad); i++)
		is_num(mail_of(bad[i].text).e, bad[i].want, bad[i].text);
}

/* MAIL with n parameters, each wrong from the second on. */
static enum smtp_error
with_params(size_t n)
{
	struct buf text;
	enum smtp_error e;

	buf_init(&text, 10000);
	buf_text_put(&text, "FROM:<a@x>");
	for (size_t i = 0; i < n; i++)
		buf_text_put(&text, " SIZE=1");
	e = mail_of(buf_text(&text)).e;
	buf_free(&text);
	return e;
}

static void
test_many_params(void)
{
	is_num(with_params(LIMIT_SMTP_PARAMS), SMTP_ERROR_PARAM_VALUE, "parameters at LIMIT_SMTP_PARAMS are read one by one");
	is_num(with_params(LIMIT_SMTP_PARAMS + 1), SMTP_ERROR_PARAM_COUNT, "over LIMIT_SMTP_PARAMS they are too many");
}

/* FROM:<a@x> and a value of n bytes */
static enum smtp_error
with_value(const char *prefix, size_t n)
{
	struct buf text;
	enum smtp_error e;

	buf_init(&text, 10000);
	buf_text_put(&text, prefix);
	for (size_t i = 0; i < n; i++)
		buf_char(&text, 'v');
	e = prefix[0] == 'F' ? mail_of(buf_text(&text)).e : rcpt_of(buf_text(&text)).e;
	buf_free(&text);
	return e;
}

static void
test_rcpt(void)
{
	struct rcpt_result r = rcpt_of("TO:<a@x> NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+2Bx@y");

	is_num(r.e, SMTP_OK, "RCPT with every parameter");
	is_num(r.r.notify, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY, "NOTIFY");
	is_text(r.r.orcpt, "rfc822;Bob+x@y", "ORCPT is decoded");
	is_num(rcpt_of("TO:<postmaster>").e, SMTP_OK, "postmaster needs no domain");
	is_num(rcpt_of("TO:<>").e, SMTP_ERROR_TO, "the null path is no recipient");
	is_num(rcpt_of("TO:<a@x> NOTIFY=NEVER,SUCCESS").e, SMTP_ERROR_PARAM_VALUE, "NEVER stands alone");
	is_num(rcpt_of("TO:<a@x> NOTIFY=").e, SMTP_ERROR_PARAM_VALUE, "NOTIFY needs a value");
	is_num(rcpt_of("TO:<a@x> NOTIFY=DELAY,DELAY").e, SMTP_ERROR_PARAM_VALUE, "no word twice");
	is_num(rcpt_of("TO:<a@x> ORCPT=x").e, SMTP_ERROR_PARAM_VALUE, "ORCPT has a type");
	is_num(rcpt_of("TO:<a@x> ORCPT=;x").e, SMTP_ERROR_PARAM_VALUE, "that is not empty");
	is_num(with_value("FROM:<a@x> ENVID=", LIMIT_ENVID), SMTP_OK, "ENVID at LIMIT_ENVID");
	is_num(with_value("FROM:<a@x> ENVID=", LIMIT_ENVID + 1), SMTP_ERROR_PARAM_VALUE, "over LIMIT_ENVID");
	is_num(with_value("TO:<a@x> ORCPT=rfc822;", LIMIT_ORCPT - 7), SMTP_OK, "ORCPT at LIMIT_ORCPT");
	is_num(with_value("TO:<a@x> ORCPT=rfc822;", LIMIT_ORCPT - 6), SMTP_ERROR_PARAM_VALUE, "over LIMIT_ORCPT");
}

static void
test_print(void)
{
	struct smtp_ehlo all = { .dsn = true, .has_size = true, .eightbitmime = true, .has_auth = true };
	struct mail_result m = mail_of("FROM:<\"a b\"@x> SIZE=5 BODY=8BITMIME RET=FULL ENVID=+2B AUTH=q@r");
	struct rcpt_result r = rcpt_of("TO:<b@y> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@y");
	struct buf out;

	buf_init(&out, 4096);
	smtp_mail_print(&m.m, &all, &out);
	is_span(buf_view(&out), "MAIL FROM:<\"a b\"@x> SIZE=5 BODY=8BITMIME RET=FULL ENVID=+2B AUTH=q@r\r\n",
		"MAIL for a server that knows everything");
	buf_clear(&out);
	smtp_mail_print(&m.m, NULL, &out);
	is_span(buf_view(&out), "MAIL FROM:<\"a b\"@x>\r\n", "MAIL for a server that knows HELO only");
	buf_clear(&out);
	smtp_rcpt_print(&r.r, &all, &out);
	is_span(buf_view(&out), "RCPT TO:<b@y> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@y\r\n", "RCPT with DSN");
	buf_clear(&out);
	smtp_rcpt_print(&r.r, NULL, &out);
	is_span(buf_view(&out), "RCPT TO:<b@y>\r\n", "RCPT without");
	buf_free(&out);
}

/* Read with these bytes behind "utf-8;" and printed again: for a host with SMTPUTF8, then for one without. */
static void
orcpt_prints(const char *given, const char *stored, bool came_8bit, const char *with, const char *without)
{
	struct smtp_ehlo ehlo = { .dsn = true, .smtputf8 = true };
	char line[600], want[700];
	struct rcpt_result r;
	struct buf out;

	buf_init(&out, 4096);
	snprintf(line, sizeof(line), "TO:<b@y> ORCPT=utf-8;%s", given);
	r = rcpt_of(line);
	is_num(r.e, SMTP_OK, given);
	is_text(r.r.orcpt, stored, "... is kept as UTF-8");
	ok(r.r.orcpt_8bit == came_8bit, "... and says whether it came so");
	r.r.orcpt_8bit = true;
	smtp_rcpt_print(&r.r, &ehlo, &out);
	snprintf(want, sizeof(want), "RCPT TO:<b@y> ORCPT=utf-8;%s\r\n", with);
	is_span(buf_view(&out), want, "... goes to a host with SMTPUTF8");
	ehlo.smtputf8 = false;
	buf_clear(&out);
	smtp_rcpt_print(&r.r, &ehlo, &out);
	snprintf(want, sizeof(want), "RCPT TO:<b@y> ORCPT=utf-8;%s\r\n", without);
	is_span(buf_view(&out), want, "... and to one without");
	ehlo.smtputf8 = true;
	r.r.orcpt_8bit = false;
	buf_clear(&out);
	smtp_rcpt_print(&r.r, &ehlo, &out);
	is_span(buf_view(&out), want, "... and in a transaction without SMTPUTF8");
	buf_free(&out);
}

/* RFC 6533 3 */
static void
test_orcpt_utf8(void)
{
	static const char *const bad[] = { "a+2Bb", "a=b", "a\\b", "\\x{}", "\\x{61}", "\\x{0E4}", "\\x{D800}", "\\x{110000}",
		"\\x{E4", "\\x{1}", "\\x{7F}", "\\x{85}", "\\y{E4}", "\\x", "\xc3", "\xc3(", "\xc0\xaf", "\xed\xa0\x80", "\xc2\x85", "" };
	char line[600];

	orcpt_prints("j\xc3\xb6@b\xc3\xbc.example", "utf-8;j\xc3\xb6@b\xc3\xbc.example", true,
		"j\xc3\xb6@b\xc3\xbc.example", "j\\x{F6}@b\\x{FC}.example");
	orcpt_prints("j\\x{f6}\\x{1F600}@y", "utf-8;j\xc3\xb6\xf0\x9f\x98\x80@y", false,
		"j\xc3\xb6\xf0\x9f\x98\x80@y", "j\\x{F6}\\x{1F600}@y");
	orcpt_prints("a\\x{2B}b\\x{3D}\\x{5C}\\x{20}c@y", "utf-8;a+b=\\ c@y", false,
		"a\\x{2B}b\\x{3D}\\x{5C}\\x{20}c@y", "a\\x{2B}b\\x{3D}\\x{5C}\\x{20}c@y");
	orcpt_prints("plain@y", "utf-8;plain@y", false, "plain@y", "plain@y");
	for (size_t i = 0; i < PB_COUNT(bad); i++) {
		snprintf(line, sizeof(line), "TO:<b@y> ORCPT=utf-8;%s", bad[i]);
		ok(rcpt_of(line).e == SMTP_ERROR_PARAM_VALUE, "not taken: number %zu", i);
	}
	is_num(rcpt_of("TO:<b@y> ORCPT=rfc822;j\xc3\xb6@y").e, SMTP_ERROR_PARAM_VALUE, "nor UTF-8 of another type");
	is_num(with_value("TO:<a@x> ORCPT=utf-8;", LIMIT_ORCPT - 6), SMTP_OK, "the longest");
	is_num(with_value("TO:<a@x> ORCPT=utf-8;", LIMIT_ORCPT - 5), SMTP_ERROR_PARAM_VALUE, "and one byte more");
}

static void
test_extensions(void)
{
	static const struct { const char *args; enum smtp_error want; } all[] = {
		{ "FROM:<a@x> SMTPUTF8", SMTP_OK }, { "FROM:<a@x> SMTPUTF8=1", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<\xc3\xa4@x> SMTPUTF8", SMTP_OK }, { "FROM:<\xc3\xa4@x>", SMTP_ERROR_UTF8 },
		{ "FROM:<\xc3@x> SMTPUTF8", SMTP_ERROR_FROM }, { "FROM:<a@b\xc3\xbc.example>", SMTP_ERROR_UTF8 },
		{ "FROM:<a@x> REQUIRETLS", SMTP_OK }, { "FROM:<a@x> REQUIRETLS=no", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> MT-PRIORITY=-9", SMTP_OK }, { "FROM:<a@x> MT-PRIORITY=10", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> MT-PRIORITY=+1", SMTP_ERROR_PARAM_VALUE }, { "FROM:<a@x> MT-PRIORITY", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> HOLDFOR=60", SMTP_OK }, { "FROM:<a@x> HOLDFOR=-1", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> HOLDFOR=0", SMTP_ERROR_PARAM_VALUE }, { "FROM:<a@x> HOLDFOR=1", SMTP_OK },
		{ "FROM:<a@x> HOLDFOR=06", SMTP_ERROR_PARAM_VALUE }, { "FROM:<a@x> HOLDFOR=999999999", SMTP_OK },
		{ "FROM:<a@x> HOLDFOR=1000000000", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> HOLDFOR=6 HOLDUNTIL=2030-01-01T00:00:00Z", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> HOLDUNTIL=2030-01-01T00:00:00Z", SMTP_OK },
		{ "FROM:<a@x> HOLDUNTIL=2030-02-30T00:00:00Z", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> HOLDUNTIL=tomorrow", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> BY=120;R", SMTP_OK }, { "FROM:<a@x> BY=-120;NT", SMTP_OK },
		{ "FROM:<a@x> BY=0;R", SMTP_ERROR_PARAM_VALUE }, { "FROM:<a@x> BY=1;X", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> BY=1", SMTP_ERROR_PARAM_VALUE }, { "FROM:<a@x> BY=1;RTT", SMTP_ERROR_PARAM_VALUE },
		{ "FROM:<a@x> BODY=BINARYMIME", SMTP_OK }, { "FROM:<a@x> BODY=X", SMTP_ERROR_PARAM_VALUE },
	};
	struct mail_result m = mail_of("FROM:<a@x> HOLDUNTIL=2026-11-22t12:15:00.5+02:00 BY=+90;rt MT-PRIORITY=4");

	for (size_t i = 0; i < PB_COUNT(all); i++)
		ok(mail_of(all[i].args).e == all[i].want, "MAIL %s", all[i].args);
	is_num(m.m.hold_value, INT64_C(1795342500), "HOLDUNTIL with a zone and a fraction");
	ok(m.m.by == 90 && m.m.by_mode == 'R' && m.m.by_trace && m.m.priority == 4, "BY and MT-PRIORITY are read");
}

static void
test_helo(void)
{
	ok(smtp_helo_is_valid(SPAN("mail.example.org")) && smtp_helo_is_valid(SPAN("localhost")) &&
	   smtp_helo_is_valid(SPAN("[127.0.0.1]")) && smtp_helo_is_valid(SPAN("[IPv6:::1]")), "names for EHLO");
	ok(!smtp_helo_is_valid(SPAN("")) && !smtp_helo_is_valid(SPAN("a b")) && !smtp_helo_is_valid(SPAN("%n%s\x1b")) &&
	   !smtp_helo_is_valid(SPAN("[nonsense]")) && !smtp_helo_is_valid(SPAN("a(.b")), "and what is none");
}

int
main(void)
{
	test_split();
	test_mail();
	test_mail_refused();
	test_many_params();
	test_rcpt();
	test_print();
	test_orcpt_utf8();
	test_extensions();
	test_helo();
	return done();
}
