/* request: see request.h. */
#include "base/base.h"
#include "request.h"

#include "base/limits.h"
#include "base/num.h"
#include "check/abuse_map.h"

static bool
read_place(const struct record *r, struct request *out)
{
	struct span ip = record_get(r, "ip");

	out->service = abuse_service_named(record_get(r, "service"));
	out->has_ip = !span_is(ip, "local");
	return out->service >= 0 && (!out->has_ip || addr_parse(ip, &out->ip));
}

static bool
read_event(const struct record *r, struct request *out)
{
	struct span kind = record_get(r, "kind");

	out->name = span_first(record_get(r, "user"), LIMIT_LOGIN_NAME);
	out->kind = span_is(kind, "login-good") ? REQUEST_LOGIN_GOOD : REQUEST_LOGIN_FAILED;
	return (out->kind == REQUEST_LOGIN_GOOD || span_is(kind, "login-failed")) && read_place(r, out);
}

static bool
read_message(const struct record *r, struct request *out)
{
	out->name = span_first(record_get(r, "from"), LIMIT_LOGIN_NAME);
	return record_get_num(r, "size", UINT64_MAX, &out->size) && read_place(r, out);
}

static bool
read_limit(struct span text, struct request_limit *out)
{
	if (!num_parse(span_word(&text), UINT32_MAX, &out->messages) || !num_parse(span_word(&text), UINT32_MAX, &out->mb) ||
	    !num_parse(span_word(&text), UINT32_MAX, &out->bounces))
		return false;
	out->who = span_trim(text);
	return out->who.n > 0 && out->who.n <= LIMIT_ADDRESS;
}

static bool
read_spend(const struct record *r, struct request *out)
{
	out->kind = REQUEST_SPEND;
	for (size_t i = 0; record_get_nth(r, "limit", i).p != NULL; i++)
		if (i == REQUEST_LIMITS || !read_limit(record_get_nth(r, "limit", i), &out->limit[out->limit_count++]))
			return false;
	return record_get_num(r, "size", UINT64_MAX, &out->size);
}

bool
request_read(const struct record *r, struct request *out)
{
	uint64_t bad;

	*out = (struct request){ .kind = REQUEST_UNKNOWN };
	if (span_is(r->verb, "connect") || span_is(r->verb, "would")) {
		out->kind = span_is(r->verb, "would") ? REQUEST_WOULD : REQUEST_CONNECT;
		return read_place(r, out);
	}
	if (span_is(r->verb, "began")) {
		out->kind = REQUEST_BEGAN;
		return read_place(r, out);
	}
	if (span_is(r->verb, "close")) {
		out->kind = REQUEST_CLOSE;
		if (!record_get_num(r, "bad", 1, &bad))
			return false;
		out->is_bad = bad == 1;
		out->has_message = record_get(r, "size").p != NULL;
		return !out->has_message || read_message(r, out);
	}
	if (span_is(r->verb, "event"))
		return read_event(r, out);
	if (span_is(r->verb, "enter")) {
		out->kind = REQUEST_ENTER;
		out->name = span_first(record_get(r, "user"), LIMIT_LOGIN_NAME);
		return out->name.n > 0 && read_place(r, out);
	}
	if (span_is(r->verb, "spend"))
		return read_spend(r, out);
	if (span_is(r->verb, "bounced")) {
		out->kind = REQUEST_BOUNCED;
		out->name = record_get(r, "user");
		return out->name.n > 0 && out->name.n <= LIMIT_ADDRESS;
	}
	if (span_is(r->verb, "leave")) {
		out->kind = REQUEST_LEAVE;
		return true;
	}
	if (span_is(r->verb, "message")) {
		out->kind = REQUEST_MESSAGE;
		return read_message(r, out);
	}
	return true;
}
