/* What workers say to abuse-check, and the notice that comes of a name: no field without bounds, no forged line. */
#include "base/base.h"
#include "base/limits.h"
#include "check/abuse_map.h"
#include "notice.h"
#include "request.h"
#include "fuzz.h"

static const char *const verbs[] = {
	[REQUEST_CONNECT] = "connect", [REQUEST_BEGAN] = "began", [REQUEST_WOULD] = "would", [REQUEST_CLOSE] = "close",
	[REQUEST_LOGIN_FAILED] = "event", [REQUEST_LOGIN_GOOD] = "event", [REQUEST_ENTER] = "enter",
	[REQUEST_LEAVE] = "leave", [REQUEST_MESSAGE] = "message", [REQUEST_SPEND] = "spend", [REQUEST_BOUNCED] = "bounced",
};

static void
print_spend(const struct request *q, struct buf *out)
{
	char storage[LIMIT_ADDRESS + 64];
	struct buf limit;

	record_add_num(out, "size", q->size);
	for (size_t i = 0; i < q->limit_count; i++) {
		const struct request_limit *l = &q->limit[i];

		buf_init_fixed(&limit, storage, sizeof(storage));
		buf_printf(&limit, "%llu %llu %llu %.*s", (unsigned long long)l->messages, (unsigned long long)l->mb,
			(unsigned long long)l->bounces, SPAN_ARG(l->who));
		record_add(out, "limit", buf_view(&limit));
	}
}

static void
print(const struct request *q, struct buf *out)
{
	char ip[ADDR_TEXT_MAX] = "local";

	record_begin(out, verbs[q->kind]);
	if (q->kind == REQUEST_SPEND)
		print_spend(q, out);
	if (q->kind == REQUEST_BOUNCED)
		record_add(out, "user", q->name);
	if (q->kind == REQUEST_SPEND || q->kind == REQUEST_BOUNCED || q->kind == REQUEST_LEAVE)
		return;
	if (q->kind == REQUEST_CLOSE) {
		record_add_num(out, "bad", q->is_bad);
		if (!q->has_message)
			return;
	}
	record_add_text(out, "service", abuse_service_name(q->service));
	if (q->has_ip)
		addr_print(&q->ip, ip, sizeof(ip));
	record_add_text(out, "ip", ip);
	if (q->kind == REQUEST_LOGIN_FAILED || q->kind == REQUEST_LOGIN_GOOD)
		record_add_text(out, "kind", q->kind == REQUEST_LOGIN_GOOD ? "login-good" : "login-failed");
	if (q->kind == REQUEST_MESSAGE || q->has_message)
		record_add_num(out, "size", q->size);
	record_add(out, q->kind == REQUEST_MESSAGE || q->has_message ? "from" : "user", q->name);
}

/* What was read is written, and read to the same. */
static void
check_again(const struct request *q)
{
	struct request again;
	struct record r;
	struct buf out;

	buf_init(&out, LIMIT_ABUSE_RECORD);
	print(q, &out);
	FUZZ_CHECK(!out.overflow && record_parse(buf_view(&out), REQUEST_FIELDS, &r));
	FUZZ_CHECK(request_read(&r, &again) && again.kind == q->kind && again.service == q->service);
	FUZZ_CHECK(again.has_ip == q->has_ip && again.size == q->size && again.is_bad == q->is_bad && again.has_message == q->has_message);
	FUZZ_CHECK(!q->has_ip || addr_eq_ip(&again.ip, &q->ip));
	FUZZ_CHECK(span_eq(again.name, q->name) && again.limit_count == q->limit_count);
	for (size_t i = 0; i < q->limit_count; i++)
		FUZZ_CHECK(again.limit[i].messages == q->limit[i].messages && again.limit[i].mb == q->limit[i].mb &&
			again.limit[i].bounces == q->limit[i].bounces && span_eq(again.limit[i].who, q->limit[i].who));
	record_free(&r);
	buf_free(&out);
}

/* A shell reads it as one word: quotes are closed, and nothing special stands outside of them. */
static void
check_word(struct span word)
{
	bool quoted = false;

	FUZZ_CHECK(word.n > 0);
	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];

		FUZZ_CHECK(c >= ' ' && c <= '~');
		if (c == '\'')
			quoted = !quoted;
		else if (!quoted && c == '\\')
			FUZZ_CHECK(++i < word.n && word.p[i] == '\'');
		else if (!quoted)
			FUZZ_CHECK(char_is_alnum(c) || strchr("@._+:-", c) != NULL);
	}
	FUZZ_CHECK(!quoted);
}

/* Lines end with CR LF, hold printable ASCII, and the header has the fields that it has. */
static void
check_mail(struct span text)
{
	size_t fields = 0;
	bool in_header = true;

	FUZZ_CHECK(text.n > 2 && text.p[text.n - 1] == '\n');
	while (text.p != NULL && text.n > 0) {
		struct span line = span_cut(&text, '\n');

		FUZZ_CHECK(line.n > 0 && line.p[line.n - 1] == '\r' && line.n <= 999);
		in_header &= line.n > 1;
		fields += in_header;
		for (size_t i = 0; i + 1 < line.n; i++)
			FUZZ_CHECK(line.p[i] >= ' ' && line.p[i] <= '~');
	}
	FUZZ_CHECK(fields == 6);
}

static void
check_notice(const struct request *q)
{
	struct rule r = { .kind = (enum rule_kind)(q->size % 4), .number = 1, .by_sender = q->size % 8 > 3, .frame_s = 60,
		.count = 1, .block_s = 60 * (q->size % 3 == 0), .notify = "postmaster", .untold = q->size };
	struct crossing c = { .ip = q->has_ip ? &q->ip : NULL, .account = q->name, .count = 2, .size = q->size };
	struct buf out;

	buf_init(&out, 65536);
	notice_quote(&out, q->name);
	check_word(buf_view(&out));
	buf_clear(&out);
	notice_print(&r, &c, "mail.example", "postmaster@mail.example", &out);
	FUZZ_CHECK(!out.overflow && out.n < 8192);
	check_mail(buf_view(&out));
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request q;
	struct record r;

	if (!record_parse(span_make(data, size), REQUEST_FIELDS, &r))
		return 0;
	if (request_read(&r, &q) && q.kind != REQUEST_UNKNOWN) {
		FUZZ_CHECK(q.service >= 0 && q.service < ABUSE_SERVICES);
		FUZZ_CHECK(q.name.n <= LIMIT_LOGIN_NAME);
		FUZZ_CHECK(q.limit_count <= REQUEST_LIMITS);
		check_again(&q);
		check_notice(&q);
	}
	record_free(&r);
	return 0;
}
