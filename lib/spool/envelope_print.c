/*
 * envelope_print: write the head of a .hdr, with its checksum.
 *
 * What is printed is parsed again to the same envelope; a value that would
 * break the lines is refused, never repaired.
 */
#include "base/base.h"
#include "spool/envelope.h"
#include "base/crc32c.h"
#include "base/limits.h"

static bool
value_is_clean(struct span value)
{
	return span_find(value, '\r') < 0 && span_find(value, '\n') < 0 && span_find(value, '\0') < 0 &&
		value.n <= LIMIT_ENVELOPE_LINE / 2;
}

static void
put_pair(struct buf *out, const char *key, struct span value)
{
	if (!value_is_clean(value))
		out->overflow = true;
	buf_printf(out, "%s: ", key);
	buf_span(out, span_trim(value));
	buf_put(out, "\r\n", 2);
}

static void
put_if(struct buf *out, const char *key, struct span value)
{
	if (value.n > 0)
		put_pair(out, key, value);
}

static void
put_address(struct buf *out, struct span address)
{
	if (!envelope_address_is_valid(address))
		out->overflow = true;
	buf_span(out, address);
}

static void
put_top(const struct envelope *e, struct buf *out)
{
	buf_span(out, envelope_status_text(e->status));
	if (e->sender.n > 0)
		put_address(out, e->sender);
	buf_put(out, "\r\n", 2);
	for (uint32_t i = 0; i < e->rcpt_count; i++) {
		if (i > 0)
			buf_char(out, ',');
		put_address(out, e->rcpts[i].address);
	}
	buf_printf(out, "\r\nid: %llu\r\n", (unsigned long long)e->id);
}

/* What the sender asked of the transport. */
static void
put_demands(const struct envelope *e, struct buf *out)
{
	char text[ENVELOPE_TIME_SIZE];

	if (e->smtputf8 || e->requiretls)
		buf_printf(out, "require:%s%s\r\n", e->smtputf8 ? " SMTPUTF8" : "",
			e->requiretls ? " REQUIRETLS" : "");
	if (e->mt_priority != 0)
		buf_printf(out, "mtPriority: %d\r\n", e->mt_priority);
	if (e->hold != 0) {
		envelope_time_print(e->hold, text);
		put_pair(out, "hold", span_of(text));
	}
	if (e->by != 0) {
		buf_text_put(out, "by: ");
		envelope_by_print(e, out);
		buf_put(out, "\r\n", 2);
	}
}

/* What made it, and for whom. */
static void
put_kind(const struct envelope *e, struct buf *out)
{
	if (e->kind == ENVELOPE_PERSON)
		return;
	buf_printf(out, "kind: %s ", envelope_kind_name(e->kind));
	put_address(out, e->kind_of);
	buf_put(out, "\r\n", 2);
}

static void
put_session(const struct envelope *e, struct buf *out)
{
	put_if(out, "from", e->from);
	put_if(out, "auth", e->auth);
	put_if(out, "connectedIp", e->ip);
	put_if(out, "helo", e->helo);
	put_if(out, "connectedHostName", e->host);
	put_if(out, "smtpSessionId", e->session);
	if (e->created > 0) {
		char time[ENVELOPE_TIME_SIZE];

		envelope_time_print(e->created, time);
		put_pair(out, "creationDate", span_of(time));
	}
	put_if(out, "envid", e->envid);
	put_if(out, "ret", e->ret);
	put_demands(e, out);
	put_if(out, "quarantine", e->quarantine);
	put_kind(e, out);
	if (e->priority != 5)
		buf_printf(out, "priority: %u\r\n", e->priority);
}

/* notify belongs to the first recipient of that address without one: order matters. */
static void
put_rcpts(const struct envelope *e, struct buf *out)
{
	for (uint32_t i = 0; i < e->rcpt_count; i++) {
		const struct envelope_rcpt *r = &e->rcpts[i];

		buf_printf(out, "rcpt: %u ", i + 1);
		buf_span(out, r->address);
		buf_put(out, "\r\n", 2);
		if (r->notify.n > 0) {
			if (!value_is_clean(r->notify) || span_find(r->notify, '=') >= 0)
				out->overflow = true;
			buf_text_put(out, "notify: ");
			buf_span(out, r->address);
			buf_char(out, '=');
			buf_span(out, r->notify);
			buf_put(out, "\r\n", 2);
		}
		if (r->orcpt.n > 0) {
			if (!value_is_clean(r->orcpt))
				out->overflow = true;
			buf_printf(out, "orcpt: %u ", i + 1);
			buf_span(out, r->orcpt);
			buf_put(out, "\r\n", 2);
		}
	}
}

/* Keys that this file writes itself. */
static bool
is_own_key(struct span key)
{
	static const char *const own[] = {
		"id", "from", "auth", "helo", "connectedIp", "connectedHostName", "smtpSessionId",
		"creationDate", "notify", "orcpt", "envid", "ret", "priority", "size", "crc32c",
		"rcpt", "end", "require", "mtPriority", "hold", "by",
		"quarantine", "kind"
	};

	for (size_t i = 0; i < PB_COUNT(own); i++)
		if (span_is_nocase(key, own[i]))
			return true;
	return false;
}

static void
put_extras(const struct envelope *e, struct buf *out)
{
	for (uint32_t i = 0; i < e->extra_count; i++) {
		struct span key = e->extras[i].key;

		if (is_own_key(key))
			continue;
		if (key.n == 0 || !value_is_clean(key) || span_find(key, ':') >= 0 ||
		    !value_is_clean(e->extras[i].value))
			out->overflow = true;
		buf_span(out, key);
		buf_text_put(out, ": ");
		buf_span(out, span_trim(e->extras[i].value));
		buf_put(out, "\r\n", 2);
	}
}

bool
envelope_print(const struct envelope *e, struct buf *out)
{
	size_t start = out->n;

	if (e->rcpt_count == 0 || e->id == 0 || !e->has_size || e->priority < 1 || e->priority > 10)
		return false;
	put_top(e, out);
	put_session(e, out);
	put_extras(e, out);
	put_rcpts(e, out);
	buf_printf(out, "size: %llu\r\ncrc32c: %08x\r\n", (unsigned long long)e->size, e->crc32c);
	if (out->overflow)
		return false;
	buf_printf(out, "end: %u %08x\r\n\r\n", e->rcpt_count,
		crc32c(0, out->p + start, out->n - start));
	return !out->overflow && out->n - start <= LIMIT_ENVELOPE;
}
