/*
 * job: read a delivery job, write its answer.
 *
 * Trust: the callers are our own programs, but a job is read as hostile: the
 * file name is taken apart and must be rebuilt to the same text, so that it
 * names a message of the queue and nothing else.
 */
#include "base/base.h"
#include "job.h"

#include "base/num.h"

#define SUBSPOOL_MAX 99999

static bool
read_file(struct span file, struct job *out)
{
	uint64_t sub, id;
	struct span name = file, dir = span_cut(&name, '/');
	struct span prefix = SPAN("SubSpool");
	struct buf b;

	if (name.n < 5 || !num_parse(span_first(name, name.n - 4), UINT64_MAX, &id) || id != out->id)
		return false;
	buf_init_fixed(&b, out->file, sizeof(out->file));
	if (span_is(dir, "."))
		buf_char(&b, '.');
	else if (span_starts(dir, prefix) && num_parse(span_from(dir, prefix.n), SUBSPOOL_MAX, &sub))
		buf_printf(&b, "SubSpool%llu", (unsigned long long)sub);
	else
		return false;
	buf_printf(&b, "/%llu.%s", (unsigned long long)id,
	    span_is(span_from(name, name.n - 4), ".em_") ? "em_" : "eml");
	return !b.overflow && span_eq(buf_view(&b), file);
}

static bool
read_session(struct span session, struct job *out)
{
	uint64_t n;

	if (session.p == NULL)
		return true;
	if (session.n >= sizeof(out->session) || !num_parse(session, UINT64_MAX, &n))
		return session.n == 0;
	memcpy(out->session, session.p, session.n);
	out->session[session.n] = '\0';
	return true;
}

static bool
read_rcpt(struct span value, struct job *out)
{
	struct job_rcpt *r = &out->rcpt[out->count];
	struct span number = span_word(&value);

	if (!num_parse_u32(number, UINT32_MAX, &r->number))
		return false;
	r->address = span_trim(value);
	if (r->address.n == 0 || r->address.n > LIMIT_ADDRESS)
		return false;
	out->count++;
	return true;
}

static bool
read_late(const struct record *r, struct job *out)
{
	uint64_t late = 0;

	if (record_get(r, "late").p != NULL && !record_get_num(r, "late", 1, &late))
		return false;
	out->is_late = late == 1;
	return true;
}

bool
job_read(const struct record *r, struct job *out)
{
	out->count = 0;
	out->session[0] = '\0';
	if (!span_is(r->verb, "deliver") ||
	    !record_get_num(r, "job", UINT64_MAX, &out->number) ||
	    !record_get_num(r, "id", UINT64_MAX, &out->id) || !read_late(r, out))
		return false;
	if (!read_file(record_get(r, "file"), out) || !read_session(record_get(r, "session"), out))
		return false;
	for (size_t i = 0; i < r->count; i++) {
		if (!span_is(r->fields[i].key, "rcpt"))
			continue;
		if (out->count == LIMIT_JOB_RECIPIENTS || !read_rcpt(r->fields[i].value, out))
			return false;
	}
	return out->count > 0;
}

void
job_answer_begin(struct buf *out, uint64_t job)
{
	record_begin(out, "done");
	record_add_num(out, "job", job);
}

void
job_answer_result(struct buf *out, uint32_t number, const struct verdict *v)
{
	char text[VERDICT_TEXT_MAX + 48];
	int n = snprintf(text, sizeof(text), "%u ", number);

	verdict_print(v, text + n, sizeof(text) - (size_t)n);
	record_add_text(out, "result", text);
}
