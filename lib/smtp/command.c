/*
 * smtp/command: reading and printing MAIL and RCPT.
 *
 * A parameter is `keyword[=value]`; each keyword has one function in a table,
 * and giving one twice is an error.  Blanks after "FROM:" are tolerated, as
 * every server does, though RFC 5321 3.3 forbids them.
 */
#include "base/base.h"
#include "base/num.h"
#include "mail/unitext.h"
#include "smtp/command.h"
#include "smtp/extension.h"
#include "smtp/reply.h"
#include "smtp/xtext.h"

const struct smtp_error_reply *
smtp_error_reply(enum smtp_error e)
{
	static const struct smtp_error_reply replies[] = {
		[SMTP_OK] = { 250, "2.0.0", "OK" },
		[SMTP_ERROR_SYNTAX] = { 501, "5.5.4", "Syntax error in arguments" },
		[SMTP_ERROR_FROM] = { 501, "5.1.7", "Bad sender address syntax" },
		[SMTP_ERROR_TO] = { 501, "5.1.3", "Bad recipient address syntax" },
		[SMTP_ERROR_ROUTE] = { 553, "5.1.3", "Source routes are not accepted" },
		[SMTP_ERROR_PARAM_UNKNOWN] = { 555, "5.5.4", "Unknown parameter" },
		[SMTP_ERROR_PARAM_VALUE] = { 501, "5.5.4", "Bad parameter value" },
		[SMTP_ERROR_PARAM_COUNT] = { 501, "5.5.4", "Too many parameters" },
		[SMTP_ERROR_UTF8] = { 553, "5.6.7", "Non-ASCII addresses need SMTPUTF8" },
	};

	return &replies[e];
}

struct smtp_command
smtp_command_split(struct span line)
{
	struct smtp_command c;

	c.verb = span_word(&line);
	c.args = span_trim(line);
	return c;
}

/* One parameter: its keyword, and the function that reads its value. */
struct param {
	const char *keyword;
	bool (*read)(struct span value, void *out);
};

static bool
read_size(struct span value, void *out)
{
	struct smtp_mail *m = out;

	m->has_size = num_parse(value, INT64_MAX, &m->size);
	return m->has_size;
}

static bool
read_body(struct span value, void *out)
{
	struct smtp_mail *m = out;

	if (span_is_nocase(value, "7BIT"))
		m->body = SMTP_BODY_7BIT;
	else if (span_is_nocase(value, "8BITMIME"))
		m->body = SMTP_BODY_8BITMIME;
	else if (span_is_nocase(value, "BINARYMIME"))
		m->body = SMTP_BODY_BINARYMIME;
	return m->body != SMTP_BODY_NONE;
}

static bool
read_ret(struct span value, void *out)
{
	struct smtp_mail *m = out;

	if (span_is_nocase(value, "FULL"))
		m->ret = SMTP_RET_FULL;
	else if (span_is_nocase(value, "HDRS"))
		m->ret = SMTP_RET_HDRS;
	return m->ret != SMTP_RET_NONE;
}

static bool
read_envid(struct span value, void *out)
{
	struct smtp_mail *m = out;
	struct buf text;

	buf_init_fixed(&text, m->envid, sizeof(m->envid));
	return value.n > 0 && smtp_xtext_parse(value, &text);
}

/* RFC 4954 5: a mailbox as xtext, or "<>" when nobody was authenticated. */
static bool
read_auth(struct span value, void *out)
{
	struct smtp_mail *m = out;
	char storage[LIMIT_ADDRESS + 1];
	struct buf text;

	m->has_auth = true;
	if (span_is(value, "<>"))
		return true;
	buf_init_fixed(&text, storage, sizeof(storage));
	return value.n > 0 && smtp_xtext_parse(value, &text) &&
	       smtp_path_parse(buf_view(&text), &m->auth) == SMTP_PATH_OK;
}

bool
smtp_notify_parse(struct span s, unsigned *out)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE", "DELAY" };
	unsigned bits = 0;

	while (s.p != NULL) {
		struct span word = span_cut(&s, ',');
		size_t i = 0;

		while (i < PB_COUNT(words) && !span_is_nocase(word, words[i]))
			i++;
		if (i == PB_COUNT(words) || (bits & (1u << i)) != 0)
			return false;
		bits |= 1u << i;
	}
	*out = bits;
	/* RFC 3461 4.1: NEVER stands alone. */
	return bits != 0 && ((bits & SMTP_NOTIFY_NEVER) == 0 || bits == SMTP_NOTIFY_NEVER);
}

static bool
read_notify(struct span value, void *out)
{
	struct smtp_rcpt *r = out;

	return smtp_notify_parse(value, &r->notify);
}

/* addr-type ";" xtext, where the type is an atom (RFC 3461 4.2); RFC 6533 3 for "utf-8". */
static bool
read_orcpt(struct span value, void *out)
{
	struct smtp_rcpt *r = out;
	ssize_t semicolon = span_find(value, ';');
	struct buf text;

	if (semicolon < 1)
		return false;
	for (ssize_t i = 0; i < semicolon; i++)
		if (!char_is_alnum(value.p[i]) && value.p[i] != '-')
			return false;
	if ((size_t)semicolon + 1 >= value.n)
		return false;
	buf_init_fixed(&text, r->orcpt, sizeof(r->orcpt));
	if (!span_is_nocase(span_first(value, (size_t)semicolon), "utf-8"))
		return smtp_xtext_parse(value, &text);
	buf_span(&text, span_first(value, (size_t)semicolon + 1));
	return unitext_parse(span_from(value, (size_t)semicolon + 1), &text, &r->orcpt_8bit);
}

static const struct param mail_params[] = {
	{ "SIZE", read_size }, { "BODY", read_body }, { "RET", read_ret },
	{ "ENVID", read_envid }, { "AUTH", read_auth },
	{ "SMTPUTF8", smtp_extension_smtputf8 }, { "REQUIRETLS", smtp_extension_requiretls },
	{ "MT-PRIORITY", smtp_extension_priority }, { "HOLDFOR", smtp_extension_holdfor },
	{ "HOLDUNTIL", smtp_extension_holduntil }, { "BY", smtp_extension_by }, { NULL, NULL }
};

static const struct param rcpt_params[] = {
	{ "NOTIFY", read_notify }, { "ORCPT", read_orcpt }, { NULL, NULL }
};

static bool
are_too_many(struct span args)
{
	for (size_t count = 0; span_word(&args).n > 0; count++)
		if (count == LIMIT_SMTP_PARAMS)
			return true;
	return false;
}

/* Counted first: of too many not one is read, whatever is wrong with them. */
static enum smtp_error
params_parse(struct span args, const struct param *table, void *out)
{
	unsigned seen = 0;

	if (are_too_many(args))
		return SMTP_ERROR_PARAM_COUNT;
	for (;;) {
		struct span value = span_word(&args);
		struct span keyword;
		size_t i = 0;

		if (value.n == 0)
			return SMTP_OK;
		keyword = span_cut(&value, '=');
		while (table[i].keyword != NULL && !span_is_nocase(keyword, table[i].keyword))
			i++;
		if (table[i].keyword == NULL)
			return SMTP_ERROR_PARAM_UNKNOWN;
		if ((seen & (1u << i)) != 0 || !table[i].read(value, out))
			return SMTP_ERROR_PARAM_VALUE;
		seen |= 1u << i;
	}
}

/* `word` ":" [blanks] path, and then nothing or a blank. */
static enum smtp_error
path_after(struct span *args, const char *word, enum smtp_error bad, struct smtp_path *path)
{
	enum smtp_path_error e;
	struct span prefix = span_of(word);

	if (!span_starts_nocase(*args, prefix))
		return SMTP_ERROR_SYNTAX;
	*args = span_from(*args, prefix.n);
	while (args->n > 0 && (args->p[0] == ' ' || args->p[0] == '\t'))
		*args = span_from(*args, 1);
	e = smtp_path_read(args, path);
	if (e == SMTP_PATH_ROUTE)
		return SMTP_ERROR_ROUTE;
	if (e != SMTP_PATH_OK || (args->n > 0 && args->p[0] != ' ' && args->p[0] != '\t'))
		return bad;
	return SMTP_OK;
}

enum smtp_error
smtp_mail_parse(struct span args, struct smtp_mail *out)
{
	enum smtp_error e;

	*out = (struct smtp_mail){ .has_size = false };
	e = path_after(&args, "FROM:", SMTP_ERROR_FROM, &out->from);
	if (e == SMTP_OK)
		e = params_parse(args, mail_params, out);
	return e == SMTP_OK && out->from.is_utf8 && !out->smtputf8 ? SMTP_ERROR_UTF8 : e;
}

enum smtp_error
smtp_rcpt_parse(struct span args, struct smtp_rcpt *out)
{
	enum smtp_error e;

	*out = (struct smtp_rcpt){ .notify = 0 };
	e = path_after(&args, "TO:", SMTP_ERROR_TO, &out->to);
	if (e == SMTP_OK && smtp_path_is_null(&out->to))
		return SMTP_ERROR_TO;
	return e == SMTP_OK ? params_parse(args, rcpt_params, out) : e;
}

bool
smtp_helo_is_valid(struct span name)
{
	return smtp_domain_is_valid(name) || smtp_literal_is_valid(name);
}

void
smtp_notify_print(unsigned notify, struct buf *out)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE", "DELAY" };
	const char *comma = "";

	for (size_t i = 0; i < PB_COUNT(words); i++) {
		if ((notify & (1u << i)) == 0)
			continue;
		buf_printf(out, "%s%s", comma, words[i]);
		comma = ",";
	}
}

void
smtp_mail_print(const struct smtp_mail *m, const struct smtp_ehlo *ehlo, struct buf *out)
{
	static const struct smtp_ehlo none = { .size = 0 };
	const struct smtp_ehlo *offer = ehlo != NULL ? ehlo : &none;

	buf_printf(out, "MAIL FROM:<%s>", m->from.text);
	if (offer->has_size && m->has_size)
		buf_printf(out, " SIZE=%llu", (unsigned long long)m->size);
	if (offer->eightbitmime && m->body != SMTP_BODY_NONE)
		buf_printf(out, " BODY=%s", m->body == SMTP_BODY_7BIT ? "7BIT" :
			m->body == SMTP_BODY_BINARYMIME && offer->binarymime ? "BINARYMIME" : "8BITMIME");
	if (offer->dsn && m->ret != SMTP_RET_NONE)
		buf_text_put(out, m->ret == SMTP_RET_FULL ? " RET=FULL" : " RET=HDRS");
	if (offer->dsn && m->envid[0] != '\0') {
		buf_text_put(out, " ENVID=");
		smtp_xtext_print(span_of(m->envid), out);
	}
	if (offer->has_auth && m->has_auth) {
		buf_text_put(out, " AUTH=");
		if (smtp_path_is_null(&m->auth))
			buf_text_put(out, "<>");
		else
			smtp_xtext_print(smtp_path_view(&m->auth), out);
	}
	smtp_extension_print(m, offer, out);
	buf_text_put(out, "\r\n");
}

/* In ORCPT the type and its semicolon are not xtext (RFC 3461 4.2). */
static void
orcpt_print(struct span orcpt, bool may_be_8bit, struct buf *out)
{
	struct span type = span_cut(&orcpt, ';');

	buf_printf(out, " ORCPT=%.*s;", SPAN_ARG(type));
	if (span_is_nocase(type, "utf-8"))
		unitext_print(orcpt, !may_be_8bit, out);
	else
		smtp_xtext_print(orcpt, out);
}

void
smtp_rcpt_print(const struct smtp_rcpt *r, const struct smtp_ehlo *ehlo, struct buf *out)
{
	bool dsn = ehlo != NULL && ehlo->dsn;

	buf_printf(out, "RCPT TO:<%s>", r->to.text);
	if (dsn && r->notify != 0) {
		buf_text_put(out, " NOTIFY=");
		smtp_notify_print(r->notify, out);
	}
	if (dsn && r->orcpt[0] != '\0')
		orcpt_print(span_of(r->orcpt), r->orcpt_8bit && ehlo->smtputf8, out);
	buf_text_put(out, "\r\n");
}
