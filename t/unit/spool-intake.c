/* Records between receiver and intake: the same envelope on both sides, hostile ones refused. */
#include "base/base.h"
#include "tap.h"
#include "base/limits.h"
#include "spool/intake_record.h"

static struct envelope *
pass(const struct buf *text)
{
	struct record r;
	struct envelope *e;

	if (!record_parse(buf_view(text), INTAKE_FIELDS, &r))
		return NULL;
	e = intake_record_get_commit(&r);
	record_free(&r);
	return e;
}

static struct envelope *
sample(uint32_t rcpts)
{
	struct envelope *e = envelope_new();

	e->id = 100000000042;
	e->sender = SPAN("bob@example.com");
	e->session = SPAN("123456789012");
	e->helo = SPAN("a\\b");
	e->size = 10;
	e->crc32c = 0xdeadbeef;
	e->has_size = true;
	e->created = 1795255200;
	for (uint32_t i = 0; i < rcpts; i++)
		envelope_add(e, SPAN("alice@example.net"));
	e->rcpts[0].notify = SPAN("failure,delay");
	e->rcpts[rcpts - 1].orcpt = SPAN("rfc822;x@example.org");
	return e;
}

static void
test_same(void)
{
	struct envelope *e = sample(INTAKE_COMMIT_RCPTS), *got;
	struct buf a, b, record;

	buf_init(&record, LIMIT_RECORD);
	buf_init(&a, LIMIT_ENVELOPE);
	buf_init(&b, LIMIT_ENVELOPE);
	ok(intake_record_put_commit(&record, e), "an envelope with the most recipients fits");
	got = pass(&record);
	ok(got != NULL && envelope_print(e, &a) && envelope_print(got, &b) && span_eq(buf_view(&a), buf_view(&b)),
		"it is the same on the other side");
	envelope_free(&got);
	envelope_add(e, SPAN("one@example.net"));
	ok(!intake_record_put_commit(&record, e), "one recipient more goes another way");
	envelope_free(&e);
	buf_free(&a);
	buf_free(&b);
	buf_free(&record);
}

static void
test_hostile(void)
{
	static const char good[] = "commit\nid=5\nsender=a@b\ncreated=0\npriority=5\nsize=1\ncrc32c=00000000\n";
	static const char *const more[] = {
		"", "rcpt=\n", "rcpt=a b@c\n", "rcpt=a@b\\r\\nrcpt: 2 x@y\n", "rcpt=a@b\nnotify=2 never\n",
		"rcpt=a@b\nnotify=1 x\\ny\n", "rcpt=a@b\norcpt=0 x\n", "rcpt=a@b\nid=6\n", "rcpt=a@b\nhelo=x\\ny\n",
		"rcpt=a@b\nnotify=1 never\nnotify=1 never\n"
	};
	struct buf text;
	struct envelope *e;

	buf_init(&text, LIMIT_RECORD);
	buf_printf(&text, "%srcpt=a@b\n", good);
	e = pass(&text);
	ok(e != NULL, "the pattern is good");
	envelope_free(&e);
	for (size_t i = 0; i < PB_COUNT(more); i++) {
		buf_clear(&text);
		buf_printf(&text, "%s%s", good, more[i]);
		e = pass(&text);
		ok(e == NULL, "refused: case %zu", i);
		envelope_free(&e);
	}
	buf_clear(&text);
	buf_text_put(&text, good);
	for (int i = 0; i <= INTAKE_COMMIT_RCPTS; i++)
		buf_text_put(&text, "rcpt=a@b\n");
	ok(pass(&text) == NULL, "refused: too many recipients");
	buf_free(&text);
}

static void
test_error(void)
{
	struct verdict v = verdict_make(452, "4.3.1", "full"), got;
	struct record r;
	struct buf text;

	buf_init(&text, LIMIT_RECORD);
	intake_record_put_error(&text, &v);
	ok(record_parse(buf_view(&text), 8, &r) && intake_record_get_error(&r, &got), "a refusal is read");
	ok(got.code == 452 && strcmp(got.status, "4.3.1") == 0 && strcmp(got.text, "full") == 0, "as it was meant");
	record_free(&r);
	ok(record_parse(SPAN("error\ncode=250\nstatus=2.0.0\ntext=ok\n"), 8, &r) && !intake_record_get_error(&r, &got),
		"a success is no refusal");
	record_free(&r);
	buf_free(&text);
}

int
main(void)
{
	test_same();
	test_hostile();
	test_error();
	return done();
}
