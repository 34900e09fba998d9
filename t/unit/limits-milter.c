/*
 * What a milter may change in one message, and how long it may take: the
 * limits of smtp-listen's edits and of lib/check's milter client.  The clock
 * is the test's: a step that takes ten minutes takes none.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "check/milter.h"
#include "check/milter_wire.h"
#include "edit.h"
#include "mail/header.h"
#include "message.h"
#include "sys/clock.h"
#include "tap.h"

#include <sys/socket.h>
#include <unistd.h>

#define STEP_MS 10

/* >= 0: time goes on by a step at each look at the clock, and the milter at this end says something then. */
static int other_end = -1;
static uint64_t now_ms;
static uint64_t answer_at;	/* "in progress" before, its answer from then on */

uint64_t __real_clock_ms(void);
uint64_t __wrap_clock_ms(void);

static void
say(int fd, char kind, const uint32_t *numbers, size_t count)
{
	struct buf out;

	buf_init(&out, 1000);
	milter_packet_begin(&out, kind);
	for (size_t i = 0; i < count; i++)
		milter_put_u32(&out, numbers[i]);
	milter_packet_end(&out, 0);
	if (send(fd, out.p, out.n, MSG_DONTWAIT) != (ssize_t)out.n)
		bug("send: %m");
	buf_free(&out);
}

uint64_t
__wrap_clock_ms(void)
{
	if (other_end < 0)
		return __real_clock_ms();
	now_ms += STEP_MS;
	say(other_end, now_ms >= answer_at ? MILTER_RESP_CONTINUE : MILTER_RESP_PROGRESS, NULL, 0);
	return now_ms;
}

static void
take_text(struct message *m, struct span text)
{
	char *at = message_room(m, text.n);

	if (at == NULL)
		bug("no room for %zu bytes", text.n);
	memcpy(at, text.p, text.n);
	(void)message_take(m, text.n, -1);
}

static void
begin(struct message *m, size_t fields)
{
	message_init(m);
	for (size_t i = 0; i < fields; i++)
		take_text(m, SPAN("A: b\r\n"));
	take_text(m, SPAN("\r\nbody\r\n"));
	message_scan(m, SPAN("us.example"));
}

/* message_reset keeps small buffers for the next message. */
static void
end(struct message *m)
{
	message_reset(m);
	buf_free(&m->trace);
	buf_free(&m->added);
	buf_free(&m->text);
	buf_free(&m->header);
	buf_free(&m->body);
}

static void
number_of_edits(void)
{
	struct milter_edits edits;
	struct message m;
	bool good = true;

	begin(&m, LIMIT_HEADER_LINES);
	edit_begin(&m, &edits);
	for (int i = 0; i < LIMIT_MILTER_EDITS; i++)
		good = good && edits.add(edits.ctx, SPAN("X"), SPAN(" y"));
	ok(good, "fields at LIMIT_MILTER_EDITS are added to the longest header");
	ok(!edits.add(edits.ctx, SPAN("X"), SPAN(" y")), "one over LIMIT_MILTER_EDITS is refused");
	ok(!edits.insert(edits.ctx, 0, SPAN("X"), SPAN(" y")), "inserted too");
	ok(edit_end(&m, &edits, true), "the edits are made");
	is_num(edit_header(&m).n, LIMIT_HEADER_LINES * 6 + LIMIT_MILTER_EDITS * 6, "the others are in the header");
	end(&m);
}

/* Fields of ours and of policy servers, and every change of an earlier milter, stay. */
static void
fields_of_ours(void)
{
	const size_t ours = LIMIT_DELEGATE_ANSWER / 4;
	struct milter_edits edits;
	struct message m;

	begin(&m, LIMIT_HEADER_LINES);
	edit_begin(&m, &edits);
	ok(edits.change(edits.ctx, LIMIT_HEADER_LINES, SPAN("A"), SPAN_NONE), "the last field is taken out");
	ok(edit_end(&m, &edits, true), "which is done");
	for (size_t i = 0; i < ours; i++)
		buf_text_put(&m.added, "O:\r\n");
	ok(span_starts(edit_header(&m), SPAN("O:\r\nO:\r\n")), "a milter is shown fields that were added after a change");
	edit_begin(&m, &edits);
	ok(edits.add(edits.ctx, SPAN("X"), SPAN(" y")), "a milter adds a field");
	ok(edit_end(&m, &edits, true), "which is done too");
	is_num(header_count(edit_header(&m), "O"), ours, "all of ours are still there");
	is_num(header_count(edit_header(&m), "A"), LIMIT_HEADER_LINES - 1, "with all of the client's");
	is_num(header_count(edit_header(&m), "X"), 1, "and that of the milter");
	end(&m);
}

/* Reading on from where a replaced body ends. */
static void
empty_body(void)
{
	struct milter_edits edits;
	struct message m;
	char byte;

	begin(&m, 1);
	edit_begin(&m, &edits);
	ok(edits.body(edits.ctx, SPAN(""), true), "a body of nothing");
	ok(edit_end(&m, &edits, true), "is taken");
	is_num(edit_read_body(&m, 0, &byte, 1), 0, "and read as nothing");
	end(&m);
}

static void
bytes_of_edits(void)
{
	struct milter_edits edits;
	struct message m;
	char *value = mem_new(LIMIT_MILTER_HEADERS);

	memset(value, 'v', LIMIT_MILTER_HEADERS);
	begin(&m, 1);
	edit_begin(&m, &edits);
	ok(edits.add(edits.ctx, SPAN("X"), span_make(value, LIMIT_MILTER_HEADERS - 4)), "a field at LIMIT_MILTER_HEADERS");
	ok(!edits.add(edits.ctx, SPAN("X"), SPAN("y")), "and no other beside it");
	ok(edit_end(&m, &edits, false), "the edits are dropped");
	is_num(edit_header(&m).n, 6, "dropped edits leave the header as it was");
	edit_begin(&m, &edits);
	ok(!edits.add(edits.ctx, SPAN("X"), span_make(value, LIMIT_MILTER_HEADERS - 3)), "a field over LIMIT_MILTER_HEADERS");
	ok(edit_end(&m, &edits, false), "is no edit");
	free(value);
	end(&m);
}

static void
new_body(void)
{
	struct milter_edits edits;
	struct message m;
	size_t piece = LIMIT_MILTER_BODY / 64;
	char *text = mem_new(piece);
	bool good = true;

	memset(text, 'x', piece);
	begin(&m, 1);
	edit_begin(&m, &edits);
	for (int i = 0; i < 64; i++)
		good = good && edits.body(edits.ctx, span_make(text, piece), i == 0);
	ok(good, "a body at LIMIT_MILTER_BODY");
	ok(!edits.body(edits.ctx, SPAN("x"), false), "over LIMIT_MILTER_BODY it is refused");
	ok(edit_end(&m, &edits, false), "the edits are dropped");
	free(text);
	end(&m);
}

static const char *
no_macro(void *ctx, const char *name)
{
	(void)ctx, (void)name;
	return NULL;
}

/* What a step comes to that is "in progress" so long, however often the milter says so. */
static enum milter_outcome
after(uint64_t ms)
{
	static const uint32_t agreed[] = { 6, 0, 0 };
	enum milter_outcome outcome;
	struct milter *m;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		bug("socketpair: %m");
	m = milter_new(fds[0], 3000, no_macro, NULL);
	say(fds[1], MILTER_NEGOTIATE, agreed, PB_COUNT(agreed));
	is_num(milter_negotiate(m), MILTER_CONTINUE, "the milter agrees");
	now_ms = __real_clock_ms();
	answer_at = now_ms + ms;
	other_end = fds[1];
	outcome = milter_helo(m, SPAN("c.example"));
	other_end = -1;
	milter_free(&m);
	close(fds[1]);
	return outcome;
}

static void
total_time(void)
{
	/* Each packet costs a few looks at the clock. */
	is_num(after(LIMIT_MILTER_TOTAL_MS - 10 * STEP_MS), MILTER_CONTINUE, "an answer at LIMIT_MILTER_TOTAL_MS");
	is_num(after(LIMIT_MILTER_TOTAL_MS + 10 * STEP_MS), MILTER_FAILED, "one over LIMIT_MILTER_TOTAL_MS comes too late");
}

/* The byte that is one too many for memory makes the message go to its file. */
static void
message_memory(void)
{
	struct message m;
	char *text = mem_new(LIMIT_MESSAGE_MEMORY);
	char back[4];
	FILE *file = tmpfile();

	memset(text, 't', LIMIT_MESSAGE_MEMORY);
	message_init(&m);
	take_text(&m, span_make(text, LIMIT_MESSAGE_MEMORY));
	ok(!m.spilled && m.text.n == LIMIT_MESSAGE_MEMORY, "a message at LIMIT_MESSAGE_MEMORY is kept in memory");
	*message_room(&m, 1) = 'u';
	ok(file != NULL && message_take(&m, 1, dup(fileno(file))) && m.spilled, "over LIMIT_MESSAGE_MEMORY it goes to the file");
	*message_room(&m, 1) = 'v';
	ok(!message_take(&m, 1, -1) && m.text.n == LIMIT_MESSAGE_MEMORY + 1, "what follows is not kept in memory");
	m.found.body = 0;
	is_num(message_read_body(&m, LIMIT_MESSAGE_MEMORY, back, sizeof(back)), 1, "the part in memory is read");
	is_num(message_read_body(&m, LIMIT_MESSAGE_MEMORY + 1, back, sizeof(back)), 1, "and the part in the file");
	ok(back[0] == 'v', "byte for byte");
	end(&m);
	if (file != NULL)
		fclose(file);
	free(text);
}

int
main(void)
{
	number_of_edits();
	fields_of_ours();
	empty_body();
	bytes_of_edits();
	new_body();
	message_memory();
	total_time();
	return done();
}
