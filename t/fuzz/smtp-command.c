/* Command lines: what is accepted prints to a line that parses to the same, without control bytes. */
#include "base/base.h"
#include "smtp/command.h"
#include "smtp/reply.h"
#include "smtp/xclient.h"
#include "fuzz.h"

static const struct smtp_ehlo everything = {
	.dsn = true, .has_size = true, .eightbitmime = true, .has_auth = true, .binarymime = true,
	.smtputf8 = true, .requiretls = true, .mt_priority = true, .deliverby = true,
};

/* What a host without SMTPUTF8 is told: no byte over 0x7f where nobody's address has one. */
static const struct smtp_ehlo plain = { .dsn = true };

static void
check_line(const struct buf *line)
{
	FUZZ_CHECK(!line->overflow && line->n > 2);
	for (size_t i = 0; i < line->n - 2; i++)
		FUZZ_CHECK((unsigned char)line->p[i] >= 0x20 && line->p[i] != 0x7f);
}

static void
try_mail(struct span args)
{
	struct smtp_mail m, again;
	struct buf line;

	if (smtp_mail_parse(args, &m) != SMTP_OK)
		return;
	buf_init(&line, 8192);
	FUZZ_CHECK(!m.from.is_utf8 || m.smtputf8);
	FUZZ_CHECK(m.by_mode != 'R' || m.by > 0);
	FUZZ_CHECK(m.hold_value >= 0);
	smtp_mail_print(&m, &everything, &line);
	check_line(&line);
	FUZZ_CHECK(smtp_mail_parse(span_make(line.p + 5, line.n - 7), &again) == SMTP_OK);
	FUZZ_CHECK(strcmp(m.from.text, again.from.text) == 0 && m.from.n == again.from.n);
	FUZZ_CHECK(strcmp(m.envid, again.envid) == 0 && m.ret == again.ret && m.body == again.body);
	FUZZ_CHECK(m.has_size == again.has_size && m.size == again.size);
	FUZZ_CHECK(m.smtputf8 == again.smtputf8 && m.requiretls == again.requiretls);
	FUZZ_CHECK(m.has_priority == again.has_priority && m.priority == again.priority);
	FUZZ_CHECK(m.by_mode == again.by_mode && m.by_trace == again.by_trace && m.by == again.by);
	FUZZ_CHECK(m.has_auth == again.has_auth && strcmp(m.auth.text, again.auth.text) == 0);
	buf_free(&line);
}

static void
try_rcpt(struct span args)
{
	struct smtp_rcpt r, again;
	struct buf line;

	if (smtp_rcpt_parse(args, &r) != SMTP_OK)
		return;
	buf_init(&line, 8192);
	smtp_rcpt_print(&r, &everything, &line);
	check_line(&line);
	FUZZ_CHECK(smtp_rcpt_parse(span_make(line.p + 5, line.n - 7), &again) == SMTP_OK);
	FUZZ_CHECK(strcmp(r.to.text, again.to.text) == 0 && r.notify == again.notify);
	FUZZ_CHECK(strcmp(r.orcpt, again.orcpt) == 0);
	buf_clear(&line);
	smtp_rcpt_print(&r, &plain, &line);
	check_line(&line);
	FUZZ_CHECK(smtp_rcpt_parse(span_make(line.p + 5, line.n - 7), &again) == SMTP_OK);
	FUZZ_CHECK(strcmp(r.orcpt, again.orcpt) == 0 && !again.orcpt_8bit);
	buf_free(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = span_make(data, size);
	struct smtp_command c = smtp_command_split(line);
	struct smtp_path path;

	FUZZ_CHECK(c.verb.n + c.args.n <= size);
	try_mail(c.args);
	try_rcpt(c.args);
	try_mail(line);
	(void)smtp_helo_is_valid(c.args);
	if (smtp_path_parse(line, &path) == SMTP_PATH_OK) {
		struct smtp_path again;

		FUZZ_CHECK(smtp_path_parse(smtp_path_view(&path), &again) == SMTP_PATH_OK);
		FUZZ_CHECK(strcmp(path.text, again.text) == 0 && path.local_n == again.local_n);
	}
	for (int forward = 0; forward < 2; forward++) {
		struct smtp_xclient x;

		if (!smtp_xclient_parse(c.args, forward, &x))
			continue;
		for (size_t i = 0; i < XCLIENT_ATTRIBUTES; i++)
			for (const char *p = x.value[i]; *p != '\0'; p++)
				FUZZ_CHECK(x.given[i] && *p >= 0x20 && *p < 0x7f);
	}
	return 0;
}
