/*
 * intake_record: the envelope as a record between receiver and intake.
 *
 * Trust: intake takes it from a process that talks to the world.  Everything
 * is checked by the same functions that check a .hdr, and text that could not
 * stand in one is refused.
 */
#include "base/base.h"
#include "spool/intake_record.h"
#include "base/limits.h"
#include "base/num.h"

static void
add_if(struct buf *out, const char *key, struct span value)
{
	if (value.n > 0)
		record_add(out, key, value);
}

static void
add_numbered(struct buf *out, const char *key, uint32_t number, struct span value)
{
	struct buf text;

	if (value.n == 0)
		return;
	buf_init(&text, LIMIT_RECORD);
	buf_printf(&text, "%u ", number);
	if (!buf_span(&text, value))
		out->overflow = true;
	record_add(out, key, buf_view(&text));
	buf_free(&text);
}

static void
add_body(struct buf *out, const struct envelope *e)
{
	char crc[9];

	record_add_num(out, "size", e->size);
	snprintf(crc, sizeof(crc), "%08x", e->crc32c);
	record_add_text(out, "crc32c", crc);
}

void
intake_record_put_queue(struct buf *out, const struct envelope *e)
{
	record_begin(out, "queue");
	record_add_num(out, "id", e->id);
	add_body(out, e);
}

bool
intake_record_get_queue(const struct record *r, uint64_t *size, uint32_t *crc32c)
{
	return record_get_num(r, "size", INT64_MAX, size) &&
		envelope_hex32_parse(record_get(r, "crc32c"), crc32c);
}

static void
add_time(struct buf *out, const char *key, int64_t seconds)
{
	char text[ENVELOPE_TIME_SIZE];

	if (seconds == 0)
		return;
	envelope_time_print(seconds, text);
	record_add_text(out, key, text);
}

/* What the sender asked of the transport. */
static void
add_demands(struct buf *out, const struct envelope *e)
{
	char storage[ENVELOPE_TIME_SIZE + 8];
	struct buf text;

	if (e->smtputf8)
		record_add_num(out, "smtputf8", 1);
	if (e->requiretls)
		record_add_num(out, "requiretls", 1);
	buf_init_fixed(&text, storage, sizeof(storage));
	if (e->mt_priority != 0 && buf_printf(&text, "%d", e->mt_priority))
		record_add(out, "mt-priority", buf_view(&text));
	add_time(out, "hold", e->hold);
	if (e->by == 0)
		return;
	buf_clear(&text);
	envelope_by_print(e, &text);
	record_add(out, "by", buf_view(&text));
}

static bool
take_demands(struct envelope *e, const struct record *r)
{
	struct span priority = record_get(r, "mt-priority"), hold = record_get(r, "hold");
	struct span by = record_get(r, "by");

	e->smtputf8 = span_is(record_get(r, "smtputf8"), "1");
	e->requiretls = span_is(record_get(r, "requiretls"), "1");
	return (priority.p == NULL || envelope_mt_priority_parse(priority, &e->mt_priority)) &&
		(hold.p == NULL || envelope_time_parse(hold, &e->hold)) &&
		(by.p == NULL || envelope_by_parse(by, e));
}

bool
intake_record_put_commit(struct buf *out, const struct envelope *e)
{
	if (e->rcpt_count > INTAKE_COMMIT_RCPTS)
		return false;
	record_begin(out, "commit");
	record_add_num(out, "id", e->id);
	add_if(out, "session", e->session);
	record_add(out, "sender", e->sender);
	add_if(out, "from", e->from);
	add_if(out, "auth", e->auth);
	add_if(out, "helo", e->helo);
	add_if(out, "ip", e->ip);
	add_if(out, "host", e->host);
	add_if(out, "envid", e->envid);
	add_if(out, "ret", e->ret);
	add_demands(out, e);
	record_add_num(out, "created", e->created > 0 ? (uint64_t)e->created : 0);
	record_add_num(out, "priority", e->priority);
	add_body(out, e);
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		record_add(out, "rcpt", e->rcpts[i].address);
	for (uint32_t i = 0; i < e->rcpt_count; i++) {
		add_numbered(out, "notify", i + 1, e->rcpts[i].notify);
		add_numbered(out, "orcpt", i + 1, e->rcpts[i].orcpt);
	}
	return !out->overflow && out->n <= LIMIT_RECORD;
}

/* A copy in the arena of e; false when the text could break a line. */
static bool
take(struct envelope *e, const struct record *r, const char *key, struct span *out)
{
	struct span value = record_get(r, key);
	const char *copy;

	*out = SPAN_NONE;
	if (value.p == NULL)
		return true;
	copy = arena_copy(e->arena, value);
	if (copy == NULL || span_find(value, '\r') >= 0 || span_find(value, '\n') >= 0)
		return false;
	*out = span_make(copy, value.n);
	return true;
}

static bool
take_text(struct envelope *e, const struct record *r)
{
	return take(e, r, "session", &e->session) && take(e, r, "sender", &e->sender) &&
		take(e, r, "from", &e->from) && take(e, r, "auth", &e->auth) &&
		take(e, r, "helo", &e->helo) && take(e, r, "ip", &e->ip) &&
		take(e, r, "host", &e->host) && take(e, r, "envid", &e->envid) &&
		take(e, r, "ret", &e->ret) &&
		(e->sender.n == 0 || envelope_address_is_valid(e->sender));
}

static bool
take_numbers(struct envelope *e, const struct record *r)
{
	struct span crc = record_get(r, "crc32c");
	uint64_t created, priority;

	if (!record_get_num(r, "id", UINT64_MAX, &e->id) || e->id == 0 ||
	    !record_get_num(r, "size", INT64_MAX, &e->size) ||
	    !record_get_num(r, "created", INT64_C(253402300799), &created) ||
	    !record_get_num(r, "priority", 10, &priority) || priority < 1 ||
	    !envelope_hex32_parse(crc, &e->crc32c))
		return false;
	e->created = (int64_t)created;
	e->priority = (uint32_t)priority;
	e->has_size = true;
	return true;
}

static bool
take_rcpts(struct envelope *e, const struct record *r)
{
	for (size_t i = 0; ; i++) {
		struct span address = record_get_nth(r, "rcpt", i);
		const char *copy;

		if (address.p == NULL)
			return i > 0;
		copy = i >= INTAKE_COMMIT_RCPTS || !envelope_address_is_valid(address) ? NULL :
			arena_copy(e->arena, address);
		if (copy == NULL || envelope_add(e, span_make(copy, address.n)) == NULL)
			return false;
	}
}

/* `key=N value` for a recipient that is there and has none yet. */
static bool
take_numbered(struct envelope *e, const struct record *r, const char *key, size_t field)
{
	for (size_t i = 0; ; i++) {
		struct span value = record_get_nth(r, key, i);
		struct span *at;
		const char *copy;
		uint32_t n;

		if (value.p == NULL)
			return true;
		if (i >= INTAKE_COMMIT_RCPTS ||
		    !num_parse_u32(span_cut(&value, ' '), e->count, &n) || n == 0 || value.n == 0 ||
		    span_find(value, '\r') >= 0 || span_find(value, '\n') >= 0)
			return false;
		at = (struct span *)(void *)((char *)&e->rcpts[n - 1] + field);
		copy = at->n > 0 ? NULL : arena_copy(e->arena, value);
		if (copy == NULL)
			return false;
		*at = span_make(copy, value.n);
	}
}

struct envelope *
intake_record_get_commit(const struct record *r)
{
	struct envelope *e = envelope_new();

	if (take_text(e, r) && take_demands(e, r) && take_numbers(e, r) && take_rcpts(e, r) &&
	    take_numbered(e, r, "notify", offsetof(struct envelope_rcpt, notify)) &&
	    take_numbered(e, r, "orcpt", offsetof(struct envelope_rcpt, orcpt)))
		return e;
	envelope_free(&e);
	return NULL;
}

void
intake_record_put_error(struct buf *out, const struct verdict *v)
{
	record_begin(out, "error");
	record_add_num(out, "code", (uint64_t)v->code);
	record_add_text(out, "status", v->status);
	record_add_text(out, "text", v->text);
}

bool
intake_record_get_error(const struct record *r, struct verdict *out)
{
	uint64_t code;
	char status[sizeof(out->status)];
	struct span s = record_get(r, "status"), text = record_get(r, "text");

	if (!record_get_num(r, "code", 599, &code) || code < 400 || !verdict_status_is_valid(s) ||
	    s.n >= sizeof(status))
		return false;
	snprintf(status, sizeof(status), "%.*s", SPAN_ARG(s));
	*out = verdict_make((int)code, status, "%.*s", SPAN_ARG(span_first(text, VERDICT_TEXT_MAX - 1)));
	return true;
}

void
intake_record_put_id(struct buf *out, const char *verb, uint64_t id)
{
	record_begin(out, verb);
	record_add_num(out, "id", id);
}
