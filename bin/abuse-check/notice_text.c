/*
 * notice_text: the words of a notice.
 *
 * Trust: the account may be what an attacker typed: it is shown as printable
 * ASCII, cut where a line would become too long for mail (RFC 5322 2.1.1), and in
 * commands as one word that no shell takes apart.
 */
#include "base/base.h"
#include "notice.h"

/* Of a line of 998. */
#define NAME_MAX 800

static const char *const what[] = {
	[RULE_DOS] = "connections",
	[RULE_BAD_SESSIONS] = "sessions without a message",
	[RULE_LOGIN_FAILURES] = "failed log-ins",
	[RULE_INTERNAL_SPAMMER] = "messages",
};

static bool
is_plain(struct span word)
{
	for (size_t i = 0; i < word.n; i++)
		if (!char_is_alnum(word.p[i]) && strchr("@._+:-", word.p[i]) == NULL)
			return false;
	return word.n > 0 && word.p[0] != '-';
}

void
notice_quote(struct buf *out, struct span word)
{
	if (is_plain(word)) {
		buf_span(out, word);
		return;
	}
	buf_char(out, '\'');
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] == '\'')
			buf_text_put(out, "'\\''");
		else
			buf_char(out, word.p[i] >= ' ' && word.p[i] <= '~' ? word.p[i] : '?');
	}
	buf_char(out, '\'');
}

static void
put_header(const struct rule *r, const char *who, const char *host, const char *from, struct buf *out)
{
	buf_printf(out, "From: Abuse detection <%s>\r\n", from);
	buf_printf(out, "To: %s\r\n", r->notify);
	buf_printf(out, "Subject: Abuse detection on %s: %s: %s\r\n", host, rule_kind_name(r->kind), who);
	buf_text_put(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n\r\n");
}

static void
put_facts(const struct rule *r, const struct crossing *c, const char *who, const char *ip, struct buf *out)
{
	bool is_spam = r->kind == RULE_INTERNAL_SPAMMER;

	buf_printf(out, "Rule %u (%s%s) was crossed.\r\n\r\n", r->number, rule_kind_name(r->kind),
		!is_spam ? "" : r->by_sender ? ", match volume" : ", match sameSize");
	if (who[0] != '\0')
		buf_printf(out, "  account: %s\r\n", who);
	buf_printf(out, "  address: %s\r\n", ip);
	buf_printf(out, "  count:   %u %s in the last %u minutes; the rule says %u\r\n", c->count, what[r->kind],
		r->frame_s / 60, r->count);
	if (is_spam)
		buf_printf(out, "  size:    %llu bytes%s\r\n", (unsigned long long)c->size,
			r->by_sender ? ", the last one" : ", each of them");
	buf_text_put(out, "\r\n");
}

/* ABUSE-14: what an administrator will want to do next. */
static void
put_spam_commands(const struct crossing *c, struct buf *out)
{
	char storage[NAME_MAX];
	struct buf word;

	buf_text_put(out, "Sending was not stopped.");
	buf_init_fixed(&word, storage, sizeof(storage));
	notice_quote(&word, c->account);
	if (span_find(c->account, '@') < 0 || word.overflow) {
		buf_text_put(out, "  It came from no account: see the log of smtp-listen.\r\n");
		return;
	}
	buf_printf(out, "  To lock the account:\r\n\r\n    mailctl user edit %s disabled=True\r\n\r\n"
		"To see what waits in the spool, and to remove it:\r\n\r\n"
		"    mailctl spool list --max 0 --sender %s\r\n"
		"    mailctl --tsv spool list --max 0 --sender %s | sed 1d | mailctl spool delete -\r\n",
		storage, storage, storage);
}

static void
put_block_commands(const struct rule *r, const char *ip, struct buf *out)
{
	if (r->block_s == 0) {
		buf_printf(out, "The address was not blocked.  To block it:\r\n\r\n    mailctl block add %s\r\n", ip);
		return;
	}
	buf_printf(out, "The address is blocked for %u minutes.  To see the block, and to lift it:\r\n\r\n"
		"    mailctl block show %s\r\n    mailctl block delete %s\r\n", r->block_s / 60, ip, ip);
}

void
notice_print(const struct rule *r, const struct crossing *c, const char *host, const char *from, struct buf *out)
{
	char ip[ADDR_TEXT_MAX] = "this machine", who[NAME_MAX];
	struct buf account;

	if (c->ip != NULL)
		addr_print(c->ip, ip, sizeof(ip));
	buf_init_fixed(&account, who, sizeof(who));
	(void)buf_escaped(&account, c->account);	/* cut when too long */
	put_header(r, r->kind == RULE_INTERNAL_SPAMMER && account.n > 0 ? who : ip, host, from, out);
	put_facts(r, c, who, ip, out);
	if (r->kind == RULE_INTERNAL_SPAMMER)
		put_spam_commands(c, out);
	else
		put_block_commands(r, ip, out);
	if (r->untold > 0)
		buf_printf(out, "\r\nSince the last notice this rule was crossed %llu times more.\r\n",
			(unsigned long long)r->untold);
}
