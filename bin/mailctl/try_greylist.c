/*
 * try_greylist: greylisting in `mailctl try`.  smtp-listen says for which
 * recipients it would ask greylist-check as a milter; its control socket answers
 * from the same code without noting anything, the reply to the client included.
 */
#include "base/base.h"
#include "try.h"

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "smtp/command.h"

/* "NAME VALUE WEIGHT TOTAL" */
static void
show_step(struct try *t, const char *step, struct span words)
{
	struct span name = span_word(&words), value = span_word(&words), weight = span_word(&words), total = span_word(&words);
	char texts[4][1600];

	snprintf(texts[0], sizeof(texts[0]), "greylist-%.*s", SPAN_ARG(span_first(name, 60)));
	snprintf(texts[1], sizeof(texts[1]), "%.*s", SPAN_ARG(span_first(value, sizeof(texts[1]) - 1)));
	snprintf(texts[2], sizeof(texts[2]), "%.*s", SPAN_ARG(span_first(weight, 16)));
	snprintf(texts[3], sizeof(texts[3]), "%.*s", SPAN_ARG(span_first(total, 16)));
	output_row(t->out, step, texts[0], texts[1], texts[2], texts[3], "");
}

static void
show_steps(struct try *t, const char *step, const struct record *reply)
{
	for (size_t i = 0; record_get_nth(reply, "step", i).p != NULL; i++)
		show_step(t, step, record_get_nth(reply, "step", i));
}

static void
show_refusal(struct try *t, const char *step, struct span text)
{
	char line[LIMIT_SMTP_REPLY_LINE];

	snprintf(line, sizeof(line), "%.*s", SPAN_ARG(span_first(text, sizeof(line) - 1)));
	output_row(t->out, step, "reply", "", "", "", line);
	try_note_worst(t, 451);
}

/* Both addresses as smtp-listen reads them, which took what stands in `to` between brackets. */
static void
add_addresses(const struct try *t, const char *to, struct buf *request)
{
	char line[LIMIT_SMTP_LINE];
	struct smtp_mail mail;
	struct smtp_rcpt rcpt;

	snprintf(line, sizeof(line), "FROM:<%s>", t->from);
	record_add_text(request, "sender", smtp_mail_parse(span_of(line), &mail) == SMTP_OK ? mail.from.text : t->from);
	snprintf(line, sizeof(line), "TO:<%s>", to);
	record_add_text(request, "recipient", smtp_rcpt_parse(span_of(line), &rcpt) == SMTP_OK ? rcpt.to.text : to);
}

/* False: no answer. */
static bool
ask(struct try *t, const char *ip, const char *to, const char *mailer, struct record *reply)
{
	struct buf request;
	int code;

	buf_init(&request, LIMIT_RECORD);
	record_begin(&request, "why");
	record_add_text(&request, "ip", ip);
	add_addresses(t, to, &request);
	record_add_text(&request, "helo", t->helo);
	record_add_text(&request, "mailer", mailer);
	if (t->user != NULL)
		record_add_text(&request, "user", t->user);
	code = ctl_call(t->c, "run/pub/greylist-control", &request, true, reply);
	buf_free(&request);
	return code == EXIT_DONE;
}

static void
put_off(struct try *t, const char *to)
{
	struct try_late *late;

	if (t->late == NULL)
		t->late = mem_array(t->to_count, sizeof(*t->late));
	late = &t->late[t->late_count++];
	late->to = to;
	snprintf(late->mailer, sizeof(late->mailer), "%s", t->mailer);
	output_row(t->out, "rcpt", "greylisting", "asked when the header is there", "", "", "");
}

bool
try_greylist_rcpt(struct try *t, const char *to)
{
	uint64_t is_gateway = 0;
	struct record reply;
	bool later;

	if (t->mailer[0] == '\0' || !ask(t, t->ip, to, t->mailer, &reply))
		return false;
	if (record_get_num(&reply, "gateway", 1, &is_gateway) && is_gateway == 1) {
		put_off(t, to);
		later = false;
	} else {
		show_steps(t, "rcpt", &reply);
		later = span_is(record_get(&reply, "verdict"), "later");
		if (later)
			show_refusal(t, "rcpt", record_get(&reply, "reply"));
	}
	record_free(&reply);
	return later;
}

/* All recipients of a message get one answer: that of the one who waits longest. */
bool
try_greylist_data(struct try *t)
{
	char text[LIMIT_SMTP_REPLY_LINE] = "";
	uint64_t longest = 0;

	for (size_t i = 0; i < t->late_count; i++) {
		const struct try_late *late = &t->late[i];
		uint64_t earliest = 0;
		struct record reply;

		if (!ask(t, t->origin[0] != '\0' ? t->origin : t->ip, late->to, late->mailer, &reply))
			continue;
		show_steps(t, "data", &reply);
		if (record_get_num(&reply, "earliest", INT64_MAX, &earliest) && earliest > longest) {
			longest = earliest;
			snprintf(text, sizeof(text), "%.*s", SPAN_ARG(span_first(record_get(&reply, "reply"), sizeof(text) - 1)));
		}
		record_free(&reply);
	}
	if (longest > 0)
		show_refusal(t, "data", span_of(text));
	return longest > 0;
}
