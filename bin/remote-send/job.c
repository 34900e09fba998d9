/*
 * job: see job.h.  Pure.
 *
 * Trust: schedule is our own program and agents talk to hostile servers; the
 * records of both are read as hostile.
 */
#include "base/base.h"
#include "job.h"

#include "base/base64.h"
#include "base/mem.h"
#include "base/num.h"
#include "directory/dkim_key.h"
#include "smtp/command.h"

#define SELECTOR_MAX 63

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
	t->report = (struct target_report){ .result = "" };
	t->preference = (uint16_t)preference;
	t->addr.port = (uint16_t)port;
	memcpy(t->host, value.p, value.n);
	t->host[value.n] = '\0';
	out->target_count++;
	return true;
}

struct target_tls *
job_tls(struct job *j, const char *host)
{
	struct target_tls *t;

	for (size_t i = 0; i < j->tls_count; i++)
		if (strcmp(j->tls[i].host, host) == 0)
			return &j->tls[i];
	if (j->tls_count == LIMIT_MX_HOSTS)
		return NULL;
	t = &j->tls[j->tls_count++];
	*t = (struct target_tls){ .tlsa_count = 0 };
	snprintf(t->host, sizeof(t->host), "%s", host);
	return t;
}

bool
job_add_tlsa(struct job *j, struct target_tls *tls, const struct tlsa *record)
{
	struct tlsa *t = &tls->tlsa[tls->tlsa_count];

	if (tls->tlsa_count == LIMIT_TLSA_RECORDS || record->n > sizeof(j->tlsa_data) - j->tlsa_bytes)
		return false;
	*t = *record;
	memcpy(j->tlsa_data + j->tlsa_bytes, record->data, record->n);
	t->data = j->tlsa_data + j->tlsa_bytes;
	j->tlsa_bytes += record->n;
	tls->tlsa_count++;
	return true;
}

static bool
read_flag(struct span s, bool *out)
{
	*out = span_is(s, "1");
	return *out || span_is(s, "0");
}

static bool
read_tls(struct span value, struct job *out)
{
	struct policy_tls_out facts = { .rule = tls_rule_named(span_word(&value)) };
	struct span base;
	char name[DNS_NAME_MAX];
	struct target_tls *t;
	size_t before = out->tls_count;

	facts.dane = tls_dane_named(span_word(&value));
	facts.sts = tls_sts_named(span_word(&value));
	if (!read_flag(span_word(&value), &facts.sts_has_host) || !read_flag(span_word(&value), &facts.is_named_safely))
		return false;
	base = span_word(&value);
	value = span_trim(value);
	if (value.n == 0 || !is_plain(value, DNS_NAME_MAX - 1) || !is_plain(base, DNS_NAME_MAX - 1))
		return false;
	memcpy(name, value.p, value.n);
	name[value.n] = '\0';
	t = job_tls(out, name);
	if (t == NULL || out->tls_count == before)
		return false;
	t->facts = facts;
	if (!span_is(base, "-"))
		memcpy(t->base, base.p, base.n);
	return true;
}

static bool
read_tlsa(struct span value, struct job *out)
{
	uint32_t n, usage, selector, matching;
	struct tlsa t;
	struct buf data;
	bool good;

	if (!num_parse_u32(span_word(&value), LIMIT_MX_HOSTS, &n) || n >= out->tls_count ||
	    !num_parse_u32(span_word(&value), UINT8_MAX, &usage) ||
	    !num_parse_u32(span_word(&value), UINT8_MAX, &selector) ||
	    !num_parse_u32(span_word(&value), UINT8_MAX, &matching))
		return false;
	buf_init(&data, LIMIT_JOB_TLSA_BYTES);
	good = base64_decode(span_trim(value), &data);
	t = (struct tlsa){ .usage = (uint8_t)usage, .selector = (uint8_t)selector, .matching = (uint8_t)matching,
		.data = (const uint8_t *)data.p, .n = data.n };
	good = good && tlsa_is_usable(&t) && job_add_tlsa(out, &out->tls[n], &t);
	buf_free(&data);
	return good;
}

/* Base64 of printable text, "-" for none. */
static bool
read_secret(struct span word, char *out, size_t size)
{
	struct buf text;

	out[0] = '\0';
	if (span_is(word, "-"))
		return true;
	buf_init_fixed(&text, out, size);
	if (!base64_decode(word, &text) || text.n == 0 || !is_plain(buf_view(&text), size - 1))
		return false;
	buf_text(&text);
	return true;
}

/* They stand in the order of their preferences, 0, 1 and so on. */
static bool
read_gateway(struct span value, struct job *out)
{
	struct job_gateway *g = &out->gateway[out->gateway_count];
	uint32_t preference, implicit;

	if (out->gateway_count == PB_COUNT(out->gateway))
		return false;
	*g = (struct job_gateway){ .port = 0 };
	if (!num_parse_u32(span_word(&value), UINT16_MAX, &preference) || preference != out->gateway_count ||
	    !num_parse_u32(span_word(&value), 1, &implicit) ||
	    !read_secret(span_word(&value), g->user, sizeof(g->user)) ||
	    !read_secret(span_word(&value), g->password, sizeof(g->password)) || value.n > 0)
		return false;
	g->implicit_tls = implicit == 1;
	out->gateway_count++;
	return true;
}

/* "N VALUE" for a recipient of this job. */
static struct job_rcpt *
rcpt_of(struct span *value, struct job *out)
{
	uint32_t number;

	if (!num_parse_u32(span_word(value), UINT32_MAX, &number))
		return NULL;
	*value = span_trim(*value);
	for (size_t i = 0; i < out->count; i++)
		if (out->rcpt[i].number == number)
			return &out->rcpt[i];
	return NULL;
}

static bool
read_dsn(const struct record_field *f, struct job *out)
{
	struct span value = f->value;
	struct job_rcpt *r = rcpt_of(&value, out);

	if (r == NULL)
		return false;
	if (span_is(f->key, "notify"))
		return smtp_notify_parse(value, &r->notify);
	r->orcpt = value;
	return value.n > 0 && is_plain(value, LIMIT_ORCPT);
}

/* Fields of the envelope that ask for something of the next host. */
static bool
read_demands(const struct record *r, struct job *out)
{
	struct span mode = record_get(r, "by-mode"), priority = record_get(r, "mt-priority");
	uint64_t by = 0;
	bool negative = priority.n > 0 && priority.p[0] == '-';

	out->smtputf8 = span_is(record_get(r, "smtputf8"), "1");
	out->requiretls = span_is(record_get(r, "requiretls"), "1");
	out->mt_priority = 0;
	out->by_mode = '\0';
	out->by_trace = mode.n == 2 && mode.p[1] == 'T';
	if (priority.p != NULL && !num_parse_int(span_from(priority, negative), 9, &out->mt_priority))
		return false;
	if (negative)
		out->mt_priority = -out->mt_priority;
	if (mode.n > 0)
		out->by_mode = mode.p[0] == 'R' ? 'R' : 'N';
	if (mode.p != NULL && !record_get_num(r, "by", INT32_MAX * (uint64_t)1000, &by))
		return false;
	out->by = (int64_t)by;
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
		if (span_is(f->key, "tls") && !read_tls(f->value, out))
			return false;
		if (span_is(f->key, "tlsa") && !read_tlsa(f->value, out))
			return false;
		if (span_is(f->key, "gateway") && !read_gateway(f->value, out))
			return false;
	}
	for (size_t i = 0; i < r->count; i++) {
		const struct record_field *f = &r->fields[i];

		if ((span_is(f->key, "notify") || span_is(f->key, "orcpt")) && !read_dsn(f, out))
			return false;
	}
	for (size_t i = 0; i < out->gateway_count; i++)
		out->gateway[i].only_proven = out->asks;
	return out->asks ? out->count == 0 && out->gateway_count == 1 : out->count > 0;
}

void
job_forget_targets(struct job *j)
{
	j->target_count = j->tls_count = j->tlsa_bytes = 0;
}

bool
job_read_place(const struct record *r, struct job *out)
{
	out->count = out->gateway_count = 0;
	out->asks = out->is_backup = false;
	job_forget_targets(out);
	out->priority = 5;
	out->domain = record_get(r, "domain");
	out->host = record_get(r, "host");
	if (record_get(r, "priority").p != NULL && (!num_parse_u32(record_get(r, "priority"), 10, &out->priority) ||
	    out->priority == 0))
		return false;
	return record_get_num(r, "job", UINT64_MAX, &out->number) && is_plain(out->domain, LIMIT_DOMAIN) &&
	    is_plain(out->host, LIMIT_DOMAIN + 8) && (out->domain.n > 0 || out->host.n > 0);
}

bool
job_read(const struct record *r, struct job *out)
{
	bool asks = span_is(r->verb, "ask");

	if ((!asks && !span_is(r->verb, "send")) || !job_read_place(r, out) || !record_get_num(r, "id", UINT64_MAX, &out->id) ||
	    !read_session(record_get(r, "session"), out->session))
		return false;
	out->asks = asks;
	out->from = record_get(r, "from");
	out->envid = record_get(r, "envid");
	out->ret = record_get(r, "ret");
	out->auth = record_get(r, "auth");
	out->author = record_get(r, "author");
	out->forwarder = record_get(r, "forwarder");
	out->sign = record_get(r, "sign");
	out->signatures = SPAN_NONE;
	for (int i = 0; i < JOB_KEYS; i++)
		out->selector[i] = record_get(r, dkim_kind_name((enum dkim_kind)i));
	return is_plain(out->from, LIMIT_ADDRESS) && is_plain(out->envid, LIMIT_ENVID) &&
	    is_plain(out->auth, LIMIT_ADDRESS) && is_plain(out->author, LIMIT_ADDRESS) &&
	    is_plain(out->forwarder, LIMIT_DOMAIN) &&
	    is_plain(out->sign, LIMIT_DOMAIN) && is_plain(out->selector[DKIM_RSA], SELECTOR_MAX) &&
	    is_plain(out->selector[DKIM_ED25519], SELECTOR_MAX) && read_demands(r, out) && read_lists(r, out);
}

static void
add_target(const struct target *t, struct buf *out)
{
	char text[DNS_NAME_MAX + ADDR_TEXT_MAX + 16], ip[ADDR_TEXT_MAX];

	snprintf(text, sizeof(text), "%u %s %u %s", (unsigned)t->preference,
		addr_print(&t->addr, ip, sizeof(ip)), (unsigned)t->addr.port, t->host);
	record_add_text(out, "target", text);
}

static void
add_tls(const struct target_tls *t, size_t n, struct buf *out)
{
	char text[2 * DNS_NAME_MAX + 64];

	snprintf(text, sizeof(text), "%s %s %s %d %d %s %s", tls_rule_text(t->facts.rule),
		tls_dane_text(t->facts.dane), tls_sts_text(t->facts.sts), t->facts.sts_has_host,
		t->facts.is_named_safely, t->base[0] != '\0' ? t->base : "-", t->host);
	record_add_text(out, "tls", text);
	for (size_t i = 0; i < t->tlsa_count; i++) {
		const struct tlsa *r = &t->tlsa[i];
		struct buf line;

		buf_init(&line, 2 * LIMIT_JOB_TLSA_BYTES);
		buf_printf(&line, "%zu %u %u %u ", n, r->usage, r->selector, r->matching);
		base64_encode(&line, span_make((const char *)r->data, r->n));
		record_add(out, "tlsa", buf_view(&line));
		buf_free(&line);
	}
}

void
job_print_targets(const struct job *j, struct buf *out)
{
	for (size_t i = 0; i < j->target_count; i++)
		add_target(&j->target[i], out);
}

static void
add_secret(struct buf *text, const char *secret)
{
	buf_char(text, ' ');
	if (secret[0] == '\0')
		buf_char(text, '-');
	else
		base64_encode(text, span_of(secret));
}

static void
add_gateway(const struct job_gateway *g, size_t preference, struct buf *out)
{
	char storage[2 * (LIMIT_LOGIN_NAME + LIMIT_PASSWORD)];
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	buf_printf(&text, "%zu %d", preference, g->implicit_tls);
	add_secret(&text, g->user);
	add_secret(&text, g->password);
	record_add(out, "gateway", buf_view(&text));
	mem_wipe(storage, sizeof(storage));
}

static void
add_demands(const struct job *j, struct buf *out)
{
	char text[16];

	if (j->priority != 5)
		record_add_num(out, "priority", j->priority);
	if (j->smtputf8)
		record_add_num(out, "smtputf8", 1);
	if (j->requiretls)
		record_add_num(out, "requiretls", 1);
	if (j->mt_priority != 0) {
		snprintf(text, sizeof(text), "%d", j->mt_priority);
		record_add_text(out, "mt-priority", text);
	}
	if (j->by != 0) {
		record_add_num(out, "by", (uint64_t)j->by);
		snprintf(text, sizeof(text), "%c%s", j->by_mode, j->by_trace ? "T" : "");
		record_add_text(out, "by-mode", text);
	}
}

static void
add_dsn(const struct job_rcpt *r, struct buf *out)
{
	char storage[LIMIT_ORCPT + 32];
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	if (r->notify != 0) {
		buf_printf(&text, "%u ", r->number);
		smtp_notify_print(r->notify, &text);
		record_add(out, "notify", buf_view(&text));
	}
	if (r->orcpt.n > 0) {
		buf_clear(&text);
		buf_printf(&text, "%u %.*s", r->number, SPAN_ARG(r->orcpt));
		record_add(out, "orcpt", buf_view(&text));
	}
}

void
job_print(const struct job *j, uint64_t number, struct buf *out)
{
	char text[LIMIT_ADDRESS + 16];

	record_begin(out, j->asks ? "ask" : "send");
	record_add_num(out, "job", number);
	record_add_num(out, "id", j->id);
	record_add_text(out, "session", j->session);
	record_add(out, "from", j->from);
	record_add(out, "envid", j->envid);
	record_add(out, "ret", j->ret);
	record_add(out, "domain", j->domain);
	record_add(out, "host", j->host);
	if (j->sign.n > 0)
		record_add(out, "sign", j->sign);
	for (int i = 0; i < JOB_KEYS; i++)
		if (j->selector[i].n > 0)
			record_add(out, dkim_kind_name((enum dkim_kind)i), j->selector[i]);
	add_demands(j, out);
	for (size_t i = 0; i < j->count; i++) {
		snprintf(text, sizeof(text), "%u %.*s", j->rcpt[i].number, SPAN_ARG(j->rcpt[i].address));
		record_add_text(out, "rcpt", text);
		add_dsn(&j->rcpt[i], out);
	}
	job_print_targets(j, out);
	for (size_t i = 0; i < j->tls_count; i++)
		add_tls(&j->tls[i], i, out);
	for (size_t i = 0; i < j->gateway_count; i++)
		add_gateway(&j->gateway[i], i, out);
}

const struct job_gateway *
job_gateway_of(const struct job *j, const struct target *t)
{
	return t->preference < j->gateway_count ? &j->gateway[t->preference] : NULL;
}

void
job_forget_secrets(struct job *j)
{
	for (size_t i = 0; i < j->gateway_count; i++)
		mem_wipe(j->gateway[i].password, sizeof(j->gateway[i].password));
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

/*
 * What a hostile server says is cut so that the answer for LIMIT_JOB_RECIPIENTS
 * stays within LIMIT_RECORD, also when every byte of it had to be escaped.
 */
#define RESULT_MAX 448

void
job_answer(const struct job *j, struct buf *out)
{
	char text[RESULT_MAX];

	record_begin(out, "sent");
	record_add_num(out, "job", j->number);
	for (size_t i = 0; i < j->count; i++) {
		int n = snprintf(text, sizeof(text), "%u ", j->rcpt[i].number);

		if (!j->rcpt[i].decided)
			continue;
		verdict_print(&j->rcpt[i].verdict, text + n, sizeof(text) - (size_t)n);
		record_add_text(out, "result", text);
		if (j->rcpt[i].dsn_passed)
			record_add_num(out, "dsn", j->rcpt[i].number);
		if (j->rcpt[i].by_passed)
			record_add_num(out, "by", j->rcpt[i].number);
	}
}

void
job_add_reports(const struct job *j, struct buf *out)
{
	char text[2 * ADDR_TEXT_MAX + 64];

	for (size_t i = 0; i < j->target_count; i++) {
		const struct target_report *r = &j->target[i].report;

		if (r->result[0] == '\0')
			continue;
		snprintf(text, sizeof(text), "%zu %d %s %s", i, (int)r->type, r->result, r->from);
		record_add_text(out, "tls", text);
	}
}

static bool
copy_word(struct span word, char *out, size_t size)
{
	if (word.n >= size || !is_plain(word, size))
		return false;
	memcpy(out, word.p, word.n);
	out[word.n] = '\0';
	return true;
}

static void
take_report(struct job *j, struct span value)
{
	struct target_report r = { .result = "" };
	uint32_t n, type;

	if (num_parse_u32(span_word(&value), UINT16_MAX, &n) && n < j->target_count &&
	    num_parse_u32(span_word(&value), TLS_POLICY_STS, &type) &&
	    copy_word(span_word(&value), r.result, sizeof(r.result)) &&
	    copy_word(span_word(&value), r.from, sizeof(r.from))) {
		r.type = (enum tls_policy_type)type;
		j->target[n].report = r;
	}
}

void
job_take_answer(struct job *j, const struct record *answer)
{
	for (size_t i = 0; i < answer->count; i++) {
		struct span value = answer->fields[i].value;
		struct job_rcpt *r;
		struct verdict v;
		uint32_t number;

		if (span_is(answer->fields[i].key, "dsn") && (r = rcpt_of(&value, j)) != NULL)
			r->dsn_passed = true;
		if (span_is(answer->fields[i].key, "by") && (r = rcpt_of(&value, j)) != NULL)
			r->by_passed = true;
		if (span_is(answer->fields[i].key, "tls"))
			take_report(j, answer->fields[i].value);
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
