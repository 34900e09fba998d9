/*
 * envelope_parse_lines: read what stands behind the head of a .hdr, line by
 * line; each carries its own checksum, and the last one of a kind wins.
 *
 * Trust: as envelope_parse.c.
 */
#include "base/base.h"
#include "spool/envelope_read.h"
#include "spool/envelope_parts.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/num.h"

/* Each reads the value of its key, false = damaged. */

static bool
line_outcome(struct envelope_reader *r, struct span value, enum envelope_rcpt_state state)
{
	struct envelope_rcpt *rcpt = envelope_read_rcpt(r, span_cut(&value, ' '));

	if (rcpt == NULL || value.n == 0)
		return false;
	rcpt->state = state;
	rcpt->outcome = value;
	return true;
}

static bool
line_done(struct envelope_reader *r, struct span value)
{
	return line_outcome(r, value, RCPT_DONE);
}

/* A notice of its delay, long told, says nothing about the failure. */
static bool
line_fail(struct envelope_reader *r, struct span value)
{
	struct span number = value;
	struct envelope_rcpt *rcpt = envelope_read_rcpt(r, span_cut(&number, ' '));

	if (!line_outcome(r, value, RCPT_FAILED))
		return false;
	rcpt->bounce = 0;
	rcpt->bounced = false;
	return true;
}

/* ATTEMPTS;DATE TIME N outcome */
static bool
line_retry(struct envelope_reader *r, struct span value)
{
	uint32_t attempts;
	int64_t at;
	struct span number = span_from(value, 0);
	struct envelope_rcpt *rcpt;

	if (!num_parse_u32(span_cut(&value, ';'), UINT32_MAX, &attempts) ||
	    !envelope_time_parse(span_first(value, ENVELOPE_TIME_SIZE - 1), &at))
		return false;
	value = span_from(value, ENVELOPE_TIME_SIZE);
	number = value;
	if (!line_outcome(r, value, RCPT_OPEN))
		return false;
	rcpt = envelope_read_rcpt(r, span_cut(&number, ' '));
	rcpt->attempts = attempts;
	rcpt->retry_at = at;
	return true;
}

static bool
parse_target(struct span *word, enum envelope_target *out)
{
	struct span kind = span_cut(word, ':');

	*out = span_is(kind, "mailbox") ? TARGET_MAILBOX : TARGET_REMOTE;
	return (span_is(kind, "mailbox") || span_is(kind, "remote")) &&
		envelope_address_is_valid(*word);
}

/* N N=kind:address M=kind:address … */
static bool
line_to(struct envelope_reader *r, struct span value)
{
	struct envelope_rcpt *rcpt = envelope_read_rcpt(r, span_cut(&value, ' '));
	uint32_t number = rcpt == NULL ? 0 : rcpt->number, original = rcpt == NULL ? 0 : rcpt->original;
	bool first = true;

	/* What an alias has added is expanded only once it is redirected. */
	if (rcpt == NULL || value.n == 0 || (number > r->e->rcpt_count && rcpt->target != TARGET_UNKNOWN))
		return false;
	while (value.p != NULL) {
		struct span word = envelope_cut_unquoted(&value, ' ');
		enum envelope_target kind;
		uint32_t n;

		if (!num_parse_u32(span_cut(&word, '='), LIMIT_TARGETS, &n) || !parse_target(&word, &kind))
			return false;
		if (n != (first ? number : r->e->count + 1))
			return false;
		if (first) {
			rcpt->address = word;
		} else {
			rcpt = envelope_add_target(r->e, original, word);
			if (rcpt == NULL)
				return false;
		}
		rcpt->target = kind;
		first = false;
	}
	return true;
}

/* yes or no */
static bool
line_held(struct envelope_reader *r, struct span value)
{
	r->e->held = span_is(value, "yes");
	return r->e->held || span_is(value, "no");
}

static bool
line_priority(struct envelope_reader *r, struct span value)
{
	r->e->priority_by_hand = true;
	return envelope_read_priority(r, value);
}

/* N ADDRESS: what was said at the old address counts no more. */
static bool
line_redirect(struct envelope_reader *r, struct span value)
{
	struct envelope_rcpt *rcpt = envelope_read_rcpt(r, span_cut(&value, ' '));

	if (rcpt == NULL || rcpt->state != RCPT_OPEN || !envelope_address_is_valid(value))
		return false;
	rcpt->address = value;
	rcpt->target = TARGET_UNKNOWN;
	rcpt->attempts = 0;
	rcpt->retry_at = 0;
	rcpt->outcome = SPAN_NONE;
	return true;
}

/* GROUP N N N */
static bool
line_bounce(struct envelope_reader *r, struct span value)
{
	uint32_t group;

	if (!num_parse_u32(span_cut(&value, ' '), 999, &group) || group == 0 || value.n == 0)
		return false;
	if (group > r->e->groups)
		r->e->groups = group;
	while (value.p != NULL) {
		struct envelope_rcpt *rcpt = envelope_read_rcpt(r, span_cut(&value, ' '));

		if (rcpt == NULL)
			return false;
		rcpt->bounce = group;
		rcpt->bounced = false;
	}
	return true;
}

/* GROUP ID */
static bool
line_bounced(struct envelope_reader *r, struct span value)
{
	uint32_t group;
	uint64_t id;

	if (!num_parse_u32(span_cut(&value, ' '), 999, &group) || group == 0 ||
	    !num_parse(value, UINT64_MAX, &id))
		return false;
	for (uint32_t i = 0; i < r->e->count; i++)
		if (r->e->rcpts[i].bounce == group)
			r->e->rcpts[i].bounced = true;
	return true;
}

static const struct envelope_key line_keys[] = {
	{ "done", line_done }, { "fail", line_fail }, { "retry", line_retry }, { "to", line_to },
	{ "bounce", line_bounce }, { "bounced", line_bounced }, { "priority", line_priority },
	{ "held", line_held }, { "redirect", line_redirect }, { "size", envelope_read_size }, { "crc32c", envelope_read_crc }
};

/* What a cut power supply leaves: a run of zeros. */
static bool
is_torn(struct span line)
{
	return span_search(line, span_make("\0", 2)) >= 0;
}

/* Take off " [checksum]" and compare it. */
static bool
unguard(const struct envelope_reader *r, struct span *line)
{
	struct span guard;
	uint32_t crc;

	if (line->n <= ENVELOPE_LINE_GUARD)
		return false;
	guard = span_from(*line, line->n - ENVELOPE_LINE_GUARD);
	*line = span_first(*line, line->n - ENVELOPE_LINE_GUARD);
	return span_starts(guard, SPAN(" [")) && guard.p[guard.n - 1] == ']' &&
		envelope_hex32_parse(span_make(guard.p + 2, 8), &crc) &&
		crc == crc32c(r->e->line_seed, line->p, line->n);
}

enum envelope_error
envelope_read_lines(struct envelope_reader *r)
{
	for (;;) {
		struct span line;
		enum envelope_read got;

		r->e->good_size = (uint64_t)(r->rest.p - r->start);
		got = envelope_read_line(r, &line);
		if (got == ENVELOPE_READ_NONE)
			return ENVELOPE_OK;
		if (is_torn(line))
			return ENVELOPE_OK;
		if (got == ENVELOPE_READ_BAD || !unguard(r, &line) ||
		    !envelope_read_pair(r, line, line_keys, PB_COUNT(line_keys)))
			return ENVELOPE_DAMAGED;
	}
}
