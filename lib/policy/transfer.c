/* transfer: see transfer.h. */
#include "base/base.h"
#include "policy/transfer.h"
#include "policy/sum.h"

#define YES SPAN("yes")

struct verdict
policy_text(const struct policy_text *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	if (f->bare_lf || f->bare_cr) {
		policy_sum_add(&s, f->bare_lf ? "bare-lf" : "bare-cr", YES, POLICY_AGAINST);
		return verdict_make(521, "5.5.2", "Bare %s in message, closing connection", f->bare_lf ? "LF" : "CR");
	}
	if (f->nul) {
		policy_sum_add(&s, "nul", YES, POLICY_AGAINST);
		return verdict_make(554, "5.6.0", "NUL in message");
	}
	if (f->long_line) {
		policy_sum_add_num(&s, "line-limit", f->line_max, POLICY_AGAINST);
		return verdict_make(554, "5.6.0", "Line too long");
	}
	if (f->parts_unreadable) {
		policy_sum_add(&s, "binary-parts", SPAN("unreadable"), POLICY_AGAINST);
		return verdict_make(554, "5.6.0", "The binary parts of the message cannot be read");
	}
	policy_sum_add(&s, "text", SPAN("ok"), 0);
	return verdict_make(250, "2.0.0", "OK");
}

struct verdict
policy_header(const struct policy_header *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	if (f->too_many_bytes) {
		policy_sum_add_num(&s, "header-bytes-limit", f->bytes_max, POLICY_AGAINST);
		return verdict_make(554, "5.6.0", "Header larger than %llu bytes", (unsigned long long)f->bytes_max);
	}
	if (f->too_many_lines) {
		policy_sum_add_num(&s, "header-lines-limit", f->lines_max, POLICY_AGAINST);
		return verdict_make(554, "5.6.0", "Header of more than %llu lines", (unsigned long long)f->lines_max);
	}
	policy_sum_add(&s, "header", SPAN("ok"), 0);
	return verdict_make(250, "2.0.0", "OK");
}

struct verdict
policy_messages(uint64_t sent, uint64_t max, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	if (max == 0 || sent < max)
		return verdict_make(250, "2.0.0", "OK");
	policy_sum_add_num(&s, "messages-limit", max, POLICY_AGAINST);
	return verdict_make(421, "4.7.0", "Too many messages in this session");
}

struct verdict
policy_rcpt_count(const struct policy_rcpt_count *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	if (f->named < f->max)
		return verdict_make(250, "2.1.5", "OK");
	policy_sum_add_num(&s, "recipients-limit", f->max, POLICY_AGAINST);
	if (f->overshot <= f->overshoot_max)
		return verdict_make(452, "4.5.3", "Too many recipients");
	policy_sum_add_num(&s, "overshoot-limit", f->overshoot_max, POLICY_AGAINST);
	return verdict_make(421, "4.7.0", "Too many recipients, closing connection");
}

struct verdict
policy_unknown_rcpts(uint64_t unknown, uint64_t max, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	if (max == 0 || unknown <= max)
		return verdict_make(250, "2.1.5", "OK");
	policy_sum_add_num(&s, "unknown-recipients-limit", max, POLICY_AGAINST);
	return verdict_make(421, "4.7.0", "Too many unknown recipients");
}

struct verdict
policy_demands(const struct policy_demands *f, int *priority_out, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	*priority_out = f->priority;
	if (f->requiretls && !f->tls) {
		policy_sum_add(&s, "requiretls-without-tls", YES, POLICY_AGAINST);
		return verdict_make(555, "5.5.4", "REQUIRETLS is not offered here");
	}
	if (f->holds && !f->hold_offered) {
		policy_sum_add(&s, "hold-not-offered", YES, POLICY_AGAINST);
		return verdict_make(555, "5.5.4", "FUTURERELEASE is not offered here");
	}
	if (f->holds && f->hold_until > f->now + f->hold_max) {
		policy_sum_add_num(&s, "hold-limit", (uint64_t)f->hold_max, POLICY_AGAINST);
		return verdict_make(501, "5.5.4", "A message is held %lld seconds at most", (long long)f->hold_max);
	}
	if (f->priority > 0 && !f->is_known) {		/* RFC 6710 6: only those whom we know may overtake others */
		policy_sum_add_num(&s, "priority-lowered", (uint64_t)f->priority, 0);
		*priority_out = 0;
	}
	return verdict_make(250, "2.1.0", "OK");
}

struct verdict
policy_unasked(enum policy_checker who, struct span place, enum policy_fail mode, struct buf *why)
{
	static const char *const names[] = { [POLICY_MILTER] = "milter-unasked", [POLICY_SERVER] = "policy-server-unasked" };
	static const char *const words[] = { [POLICY_MILTER] = "content filter", [POLICY_SERVER] = "policy server" };
	struct policy_sum s = { why, 0 };

	policy_sum_add(&s, names[who], place, 0);
	switch (mode) {
	case POLICY_FAIL_TEMPFAIL:
		policy_sum_add(&s, "fail-mode", SPAN("tempfail"), POLICY_AGAINST);
		return verdict_make(451, "4.7.1", "A %s is not available, try again later", words[who]);
	case POLICY_FAIL_REJECT:
		policy_sum_add(&s, "fail-mode", SPAN("reject"), POLICY_AGAINST);
		return verdict_make(550, "5.7.1", "A %s is not available", words[who]);
	case POLICY_FAIL_ACCEPT:
		break;
	}
	policy_sum_add(&s, "fail-mode", SPAN("accept"), 0);
	return verdict_make(250, "2.0.0", "OK");
}
