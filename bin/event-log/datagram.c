/*
 * datagram: from what a program sent to lines in the file of its kind.
 *
 * Trust: any service user's program may have been taken over.  The kernel
 * tells the sender's uid; a kind can be written only by the programs that own
 * it; a line is written as one line of printable ASCII, and one that does not
 * look like a log line goes to the administrative log, quoted.
 */
#include "base/base.h"
#include "event_log.h"
#include "base/limits.h"
#include "base/num.h"

const struct log_kind log_kinds[] = {
	{ "administrative", "*" },
	{ "smtpLog", "pbsmtp" },
	{ "popLog", "pbmail" },
	{ "imapLog", "pbmail" },
	{ "delivery", "pbmail,pbsend" },
	{ "authLog", "pbauth" },
	{ "abuseLog", "pbcheck" },
	{ "greylistLog", "pbcheck" },
	{ "scanLog", "pbscan" },
};

const size_t log_kind_count = PB_COUNT(log_kinds);

void
datagram_put_plain(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= ' ' && c <= '~')
			buf_char(out, (char)c);
		else
			buf_printf(out, "\\x%02x", c);
	}
}

bool
datagram_is_line(struct span line)
{
	static const char form[] = "00:00:00.000 [";
	ssize_t first, second;

	if (line.n < sizeof(form))
		return false;
	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == '0' ? !char_is_digit(line.p[i]) : line.p[i] != form[i])
			return false;
	first = span_search(line, SPAN("]["));
	if (first < 0)
		return false;
	second = span_search(span_from(line, (size_t)first), SPAN("] "));
	return second > 0;
}

static bool
may_write(const struct event_log *e, const struct log_kind *k, uid_t uid)
{
	struct span rest = span_of(k->users);

	if (uid == 0 || uid == geteuid())
		return true;
	if (strcmp(k->users, "*") == 0) {
		for (size_t i = 0; i < SERVICE_USERS_MAX; i++)
			if (e->svc.uids[i] == uid)
				return true;
		return false;
	}
	while (rest.p != NULL) {
		struct span user = span_cut(&rest, ',');
		char name[32];

		(void)snprintf(name, sizeof(name), "%.*s", SPAN_ARG(user));
		if (service_uid(&e->svc, name) == uid)
			return true;
	}
	return false;
}

/* "log kind=K program=P lost=N" */
struct head {
	struct logfile *file;
	struct span program;
	uint64_t lost;
};

static bool
program_is_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return s.n > 0 && s.n < 32;
}

static bool
read_head(struct event_log *e, struct span line, uid_t uid, struct head *out)
{
	struct span word;

	*out = (struct head){ 0 };
	if (!span_is(span_word(&line), "log"))
		return false;
	while ((word = span_word(&line)).n > 0) {
		struct span key = span_cut(&word, '=');

		if (span_is(key, "kind")) {
			for (size_t i = 0; i < log_kind_count; i++)
				if (span_is(word, log_kinds[i].name) && may_write(e, &log_kinds[i], uid))
					out->file = &e->files[i];
		} else if (span_is(key, "program")) {
			out->program = word;
		} else if (span_is(key, "lost")) {
			if (!num_parse(word, UINT64_MAX, &out->lost))
				return false;
		}
	}
	return out->file != NULL && program_is_plain(out->program);
}

static void
take_line(struct event_log *e, const struct head *h, struct span line)
{
	char room[4 * LIMIT_LOG_LINE + 256];
	struct buf out;

	buf_init_fixed(&out, room, sizeof(room));
	datagram_put_plain(&out, span_first(line, LIMIT_LOG_LINE));
	if (datagram_is_line(line))
		logfile_put(e, h->file, buf_view(&out));
	else
		logfile_say(e, "administrative", "event=malformed-line program=%.*s text=\"%s\"",
			SPAN_ARG(h->program), buf_text(&out));
}

void
datagram_take(struct event_log *e, char *text, size_t n, uid_t uid)
{
	struct span rest = span_make(text, n);
	struct head h;

	if (!read_head(e, span_cut(&rest, '\n'), uid, &h)) {
		logfile_say(e, "administrative", "event=log-refused uid=%u bytes=%zu", (unsigned)uid, n);
		return;
	}
	if (h.lost > 0)
		logfile_say(e, h.file->kind->name, "event=log-lost program=%.*s lines=%llu",
			SPAN_ARG(h.program), (unsigned long long)h.lost);
	while (rest.p != NULL && rest.n > 0)
		take_line(e, &h, span_cut(&rest, '\n'));
}
