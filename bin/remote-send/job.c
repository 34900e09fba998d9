/*
 * job: see job.h.  Pure.
 *
 * Trust: schedule is our own program and agents talk to hostile servers; the
 * records of both are read as hostile.
 */
#include "base/base.h"
#include "job.h"

#include "base/num.h"

static bool
read_session(struct span s, char out[16])
{
	uint64_t n;

	out[0] = '\0';
	if (s.n == 0)
		return true;
	if (s.n >= 16 || !num_parse(s, UINT64_MAX, &n))
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

/* No address or name may carry a line end into a command. */
static bool
is_plain(struct span s, size_t max)
{
	if (s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool
read_rcpt(struct span value, struct job *out)
{
	struct job_rcpt *r = &out->rcpt[out->count];

	if (out->count == LIMIT_JOB_RECIPIENTS)
		return false;
	*r = (struct job_rcpt){ .number = 0 };
	if (!num_parse_u32(span_word(&value), UINT32_MAX, &r->number))
		return false;
	r->address = span_trim(value);
	if (r->address.n == 0 || !is_plain(r->address, LIMIT_ADDRESS))
		return false;
	out->count++;
	return true;
}

static bool
read_target(struct span value, struct job *out)
{
	struct target *t = &out->target[out->target_count];
	uint32_t preference, port;

	if (out->target_count == LIMIT_SEND_TARGETS)
		return false;
	if (!num_parse_u32(span_word(&value), UINT16_MAX, &preference) ||
	    !addr_parse(span_word(&value), &t->addr) ||
	    !num_parse_u32(span_word(&value), UINT16_MAX, &port))
		return false;
	value = span_trim(value);
	if (!is_plain(value, DNS_NAME_MAX - 1))
		return false;
	t->preference = (uint16_t)preference;
	t->addr.port = (uint16_t)port;
	memcpy(t->host, value.p, value.n);
	t->host[value.n] = '\0';
	out->target_count++;
	return true;
}

static bool
read_lists(const struct record *r, struct job *out)
{
	for (size_t i = 0; i < r->count; i++) {
		struct record_field *f = &r->fields[i];

		if (span_is(f->key, "rcpt") && !read_rcpt(f->value, out))
			return false;
		if (span_is(f->key, "target") && !read_target(f->value, out))
			return false;
	}
	return out->count > 0;
}

bool
job_read(const struct record *r, struct job *out)
{
	out->count = out->target_count = 0;
	if (!span_is(r->verb, "send") || !record_get_num(r, "job", UINT64_MAX, &out->number) ||
	    !record_get_num(r, "id", UINT64_MAX, &out->id) ||
	    !read_session(record_get(r, "session"), out->session))
		return false;
	out->from = record_get(r, "from");
	out->envid = record_get(r, "envid");
	out->ret = record_get(r, "ret");
	out->domain = record_get(r, "domain");
	out->host = record_get(r, "host");
	return is_plain(out->from, LIMIT_ADDRESS) && is_plain(out->envid, LIMIT_ENVID) &&
	    is_plain(out->domain, LIMIT_DOMAIN) && is_plain(out->host, LIMIT_DOMAIN + 8) &&
	    (out->domain.n > 0 || out->host.n > 0) && read_lists(r, out);
}

static void
add_target(const struct target *t, struct buf *out)
{
	char text[DNS_NAME_MAX + ADDR_TEXT_MAX + 16], ip[ADDR_TEXT_MAX];

	snprintf(text, sizeof(text), "%u %s %u %s", (unsigned)t->preference,
		addr_print(&t->addr, ip, sizeof(ip)), (unsigned)t->addr.port, t->host);
	record_add_text(out, "target", text);
}

void
job_print(const struct job *j, uint64_t number, struct buf *out)
{
	char text[LIMIT_ADDRESS + 16];

	record_begin(out, "send");
	record_add_num(out, "job", number);
	record_add_num(out, "id", j->id);
	record_add_text(out, "session", j->session);
	record_add(out, "from", j->from);
	record_add(out, "envid", j->envid);
	record_add(out, "ret", j->ret);
	record_add(out, "domain", j->domain);
	record_add(out, "host", j->host);
	for (size_t i = 0; i < j->count; i++) {
		snprintf(text, sizeof(text), "%u %.*s", j->rcpt[i].number, SPAN_ARG(j->rcpt[i].address));
		record_add_text(out, "rcpt", text);
	}
	for (size_t i = 0; i < j->target_count; i++)
		add_target(&j->target[i], out);
}

void
job_decide(struct job *j, const struct verdict *v)
{
	for (size_t i = 0; i < j->count; i++)
		if (!j->rcpt[i].decided) {
			j->rcpt[i].verdict = *v;
			j->rcpt[i].decided = true;
		}
}

void
job_answer(const struct job *j, struct buf *out)
{
	char text[VERDICT_TEXT_MAX + 48];

	record_begin(out, "sent");
	record_add_num(out, "job", j->number);
	for (size_t i = 0; i < j->count; i++) {
		int n = snprintf(text, sizeof(text), "%u ", j->rcpt[i].number);

		if (!j->rcpt[i].decided)
			continue;
		verdict_print(&j->rcpt[i].verdict, text + n, sizeof(text) - (size_t)n);
		record_add_text(out, "result", text);
	}
}

void
job_take_answer(struct job *j, const struct record *answer)
{
	for (size_t i = 0; i < answer->count; i++) {
		struct span value = answer->fields[i].value;
		struct verdict v;
		uint32_t number;

		if (!span_is(answer->fields[i].key, "result") ||
		    !num_parse_u32(span_word(&value), UINT32_MAX, &number) || !verdict_parse(span_trim(value), &v))
			continue;
		for (size_t k = 0; k < j->count; k++)
			if (j->rcpt[k].number == number && !j->rcpt[k].decided) {
				j->rcpt[k].verdict = v;
				j->rcpt[k].decided = true;
			}
	}
}
