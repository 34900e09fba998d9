/*
 * envelope_line: the lines behind the head.  Every function writes the text of
 * one line and ends it with end_line, which adds the checksum.
 */
#include "base/base.h"
#include "spool/envelope_line.h"
#include "base/crc32c.h"
#include "base/limits.h"

static void
end_line(struct buf *out, uint32_t seed, size_t start)
{
	struct span line;

	if (out->overflow)
		return;
	line = span_from(buf_view(out), start);
	if (line.n > LIMIT_ENVELOPE_LINE || span_find(line, '\n') >= 0 || span_find(line, '\r') >= 0)
		out->overflow = true;
	buf_printf(out, " [%08x]\r\n", crc32c(seed, line.p, line.n));
}

static void
put_verdict(struct buf *out, const struct verdict *v)
{
	char text[VERDICT_TEXT_MAX + 32];

	verdict_print(v, text, sizeof(text));
	buf_span(out, span_trim(span_of(text)));
}

static void
put_outcome(struct buf *out, uint32_t seed, const char *key, uint32_t number, const struct verdict *v)
{
	size_t start = out->n;

	buf_printf(out, "%s: %u ", key, number);
	put_verdict(out, v);
	end_line(out, seed, start);
}

void
envelope_line_done(struct buf *out, uint32_t seed, uint32_t number, const struct verdict *v)
{
	put_outcome(out, seed, "done", number, v);
}

void
envelope_line_fail(struct buf *out, uint32_t seed, uint32_t number, const struct verdict *v)
{
	put_outcome(out, seed, "fail", number, v);
}

void
envelope_line_retry(struct buf *out, uint32_t seed, uint32_t number, uint32_t attempts, int64_t at,
	const struct verdict *v)
{
	size_t start = out->n;
	char time[ENVELOPE_TIME_SIZE];

	envelope_time_print(at, time);
	buf_printf(out, "retry: %u;%s %u ", attempts, time, number);
	put_verdict(out, v);
	end_line(out, seed, start);
}

uint32_t
envelope_line_to(struct buf *out, uint32_t seed, uint32_t original, uint32_t first_free,
	const struct envelope_to *to, size_t count)
{
	size_t start = out->n;

	buf_printf(out, "to: %u", original);
	for (size_t i = 0; i < count; i++) {
		if (!envelope_address_is_valid(to[i].address) || to[i].target == TARGET_UNKNOWN)
			out->overflow = true;
		buf_printf(out, " %u=%s:", i == 0 ? original : first_free++,
			to[i].target == TARGET_MAILBOX ? "mailbox" : "remote");
		buf_span(out, to[i].address);
	}
	end_line(out, seed, start);
	return first_free;
}

void
envelope_line_bounce(struct buf *out, uint32_t seed, uint32_t group, const uint32_t *numbers, size_t count)
{
	size_t start = out->n;

	buf_printf(out, "bounce: %u", group);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, " %u", numbers[i]);
	end_line(out, seed, start);
}

void
envelope_line_bounced(struct buf *out, uint32_t seed, uint32_t group, uint64_t id)
{
	size_t start = out->n;

	buf_printf(out, "bounced: %u %llu", group, (unsigned long long)id);
	end_line(out, seed, start);
}

void
envelope_line_held(struct buf *out, uint32_t seed, bool held)
{
	size_t start = out->n;

	buf_printf(out, "held: %s", held ? "yes" : "no");
	end_line(out, seed, start);
}

void
envelope_line_priority(struct buf *out, uint32_t seed, uint32_t priority)
{
	size_t start = out->n;

	if (priority < 1 || priority > 10)
		out->overflow = true;
	buf_printf(out, "priority: %u", priority);
	end_line(out, seed, start);
}

void
envelope_line_redirect(struct buf *out, uint32_t seed, uint32_t number, struct span address)
{
	size_t start = out->n;

	if (!envelope_address_is_valid(address))
		out->overflow = true;
	buf_printf(out, "redirect: %u ", number);
	buf_span(out, address);
	end_line(out, seed, start);
}

void
envelope_line_again(struct buf *out, uint32_t seed, struct span line)
{
	size_t start = out->n;

	buf_span(out, line);
	end_line(out, seed, start);
}

void
envelope_line_body(struct buf *out, uint32_t seed, uint64_t size, uint32_t crc)
{
	size_t start = out->n;

	buf_printf(out, "size: %llu", (unsigned long long)size);
	end_line(out, seed, start);
	start = out->n;
	buf_printf(out, "crc32c: %08x", crc);
	end_line(out, seed, start);
}
