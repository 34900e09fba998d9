/*
 * cmd_try: what would the server say to this client, sender and recipients?
 *
 * The running smtp-listen serves a session that only pretends (its try.c says
 * what that means); here the client is played and everything that was decided
 * is shown, step by step, with the replies.
 *
 * Trust: addresses of the command line are put between brackets as they are, so
 * that hostile ones can be tried too; only line ends are refused.
 */
#include "base/base.h"
#include "commands.h"
#include <errno.h>
#include <sys/socket.h>
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/connect.h"
#include "try.h"

#define ANSWER_MS 60000
#define PIECE 65536

/* -- what the server says --------------------------------------------------- */

static struct span
value_of(struct span *words, const char *key)
{
	struct span word = span_word(words), rest = word;

	return span_is(span_cut(&rest, '='), key) ? rest : SPAN_NONE;
}

static void
copy(char *out, size_t size, struct span s)
{
	snprintf(out, size, "%.*s", SPAN_ARG(span_first(s, size - 1)));
}

/* Who would be asked, and is not: "what=milter name=unix:x"; greylist-check is asked in another way. */
static void
show_not_asked(struct try *t, const char *step, struct span rest)
{
	char what[64], name[512];

	copy(what, sizeof(what), value_of(&rest, "what"));
	copy(name, sizeof(name), value_of(&rest, "name"));
	if (strcmp(what, "greylisting") == 0) {
		copy(t->mailer, sizeof(t->mailer), span_of(name));
		return;
	}
	snprintf(name + strlen(name), sizeof(name) - strlen(name), " not-asked");
	output_row(t->out, step, what, name, "", "", "");
}

static void
show_log(struct try *t, const char *step, struct span line)
{
	char value[1600];
	struct span rest = line;

	copy(value, sizeof(value), line);
	output_row(t->out, step, "log", value, "", "", "");
	if (!span_is(span_word(&rest), "event=origin"))
		return;
	copy(t->origin, sizeof(t->origin), value_of(&rest, "ip"));
	if (strcmp(t->origin, "-") == 0)
		t->origin[0] = '\0';
}

/* "event=check about=A name=N value=V weight=W total=T", or another line of the log. */
static void
show_line(struct try *t, const char *step, struct span line)
{
	char name[128], value[1600], weight[16], total[16];
	struct span rest = line, event = span_word(&rest);

	if (span_is(event, "event=not-asked")) {
		show_not_asked(t, step, rest);
		return;
	}
	if (!span_is(event, "event=check")) {
		show_log(t, step, line);
		return;
	}
	(void)value_of(&rest, "about");
	copy(name, sizeof(name), value_of(&rest, "name"));
	copy(value, sizeof(value), value_of(&rest, "value"));
	copy(weight, sizeof(weight), value_of(&rest, "weight"));
	copy(total, sizeof(total), value_of(&rest, "total"));
	output_row(t->out, step, name, value, weight, total, "");
}

static void
show_reply(struct try *t, const char *step)
{
	struct span rest = span_make(t->reply.text, t->reply.text_n);
	char text[LIMIT_SMTP_REPLY_TEXT + 32];

	while (rest.p != NULL) {
		struct span line = span_cut(&rest, '\n');

		snprintf(text, sizeof(text), "%d%s%s%s%.*s", t->reply.code, t->reply.status[0] != '\0' ? " " : "",
			t->reply.status, line.n > 0 ? " " : "", SPAN_ARG(line));
		output_row(t->out, step, "reply", "", "", "", text);
	}
}

void
try_note_worst(struct try *t, int code)
{
	if (t->worst == 0 && code >= 400)
		t->worst = code;
}

/* Everything up to the reply; an exit code. */
static int
hear(struct try *t, const char *step, bool shown)
{
	enum smtp_reply_step r = SMTP_REPLY_MORE;
	struct span line;

	smtp_reply_begin(&t->reply);
	stream_timeout(&t->io, ANSWER_MS);
	while (r == SMTP_REPLY_MORE) {
		if (stream_line(&t->io, LIMIT_SMTP_REPLY_LINE * 4, &line) != LINE_OK)
			return ctl_fail(EXIT_TRY_LATER, "smtp-listen ended the session");
		if (span_starts(line, SPAN("# ")))
			show_line(t, step, span_from(line, 2));
		else
			r = smtp_reply_line(&t->reply, line);
	}
	if (r == SMTP_REPLY_BAD)
		return ctl_fail(EXIT_TRY_LATER, "smtp-listen made no reply");
	if (shown)
		show_reply(t, step);
	try_note_worst(t, t->reply.code);
	return EXIT_DONE;
}

PB_PRINTF(4, 5)
static int
say(struct try *t, const char *step, bool shown, const char *fmt, ...)
{
	struct buf line;
	va_list ap;

	buf_init(&line, 65536);
	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	buf_text_put(&line, "\r\n");
	stream_put(&t->io, buf_view(&line));
	buf_free(&line);
	return stream_flush(&t->io) == 0 ? hear(t, step, shown) : ctl_fail(EXIT_TRY_LATER, "smtp-listen is gone");
}

/* -- the steps -------------------------------------------------------------- */

/* RFC 5321 4.5.2; bare LF as files on disk have it becomes CR LF. */
static void
put_text(struct stream *io, const char *p, size_t n, char *before)
{
	for (size_t i = 0; i < n; i++) {
		if (*before == '\n' && p[i] == '.')
			stream_put(io, SPAN("."));
		if (p[i] == '\n' && *before != '\r')
			stream_put(io, SPAN("\r"));
		stream_put(io, span_make(p + i, 1));
		*before = p[i];
	}
}

static int
send_file(struct try *t)
{
	FILE *f = strcmp(t->file, "-") == 0 ? stdin : fopen(t->file, "re");
	char *piece, before = '\n';
	size_t n;
	int code;

	if (f == NULL)
		return ctl_fail(ctl_code_of_errno(errno), "%s: %s", t->file, strerror(errno));
	piece = mem_new(PIECE);
	while ((n = fread(piece, 1, PIECE, f)) > 0) {
		stream_timeout(&t->io, ANSWER_MS);
		put_text(&t->io, piece, n, &before);
	}
	free(piece);
	if (f != stdin)
		(void)fclose(f);
	stream_put(&t->io, before == '\n' ? SPAN(".\r\n") : SPAN("\r\n.\r\n"));
	if (stream_flush(&t->io) != 0)
		return ctl_fail(EXIT_TRY_LATER, "smtp-listen is gone");
	code = hear(t, "data", false);
	if (code == EXIT_DONE && (t->reply.code >= 400 || !try_greylist_data(t)))
		show_reply(t, "data");
	return code;
}

/* The recipients; *good_out: one was taken. */
static int
try_recipients(struct try *t, bool *good_out)
{
	int code = EXIT_DONE;

	*good_out = false;
	for (size_t i = 0; code == EXIT_DONE && i < t->to_count; i++) {
		t->mailer[0] = '\0';
		code = say(t, "rcpt", false, "RCPT TO:<%s>", t->to[i]);
		if (code != EXIT_DONE || (t->reply.code < 400 && try_greylist_rcpt(t, t->to[i])))
			continue;
		show_reply(t, "rcpt");
		*good_out |= t->reply.code < 400;
		if (t->reply.code == 421)
			break;
	}
	return code;
}

static bool
was_refused(const struct try *t)
{
	return t->reply.code >= 400;
}

static int
try_message(struct try *t)
{
	bool good;
	int code;

	if (t->size != NULL)
		code = say(t, "mail", true, "MAIL FROM:<%s> SIZE=%s", t->from, t->size);
	else
		code = say(t, "mail", true, "MAIL FROM:<%s>", t->from);
	if (code != EXIT_DONE || was_refused(t))
		return code;
	code = try_recipients(t, &good);
	if (code != EXIT_DONE || !good || t->file == NULL || t->reply.code == 421)
		return code;
	code = say(t, "data", true, "DATA");
	return code != EXIT_DONE || was_refused(t) ? code : send_file(t);
}

static int
try_session(struct try *t)
{
	int code = hear(t, "connect", false);

	if (code == EXIT_DONE && was_refused(t))
		return ctl_fail(EXIT_TRY_LATER, "smtp-listen: %d %s", t->reply.code, t->reply.text);
	if (code == EXIT_DONE)
		code = say(t, "connect", true, "XTRY IP=%s LOCAL=%s PORT=%s TLS=%d", t->ip, t->local, t->port, t->tls);
	if (code == EXIT_DONE && t->reply.code == 500)
		return ctl_fail(EXIT_NO_RIGHT, "only root or the owner of the instance may do this");
	if (code == EXIT_DONE && t->reply.code == 501)
		return ctl_fail(EXIT_USAGE, "--ip and --local want an address, --port one of smtp, submission, smtps, smtp-tls");
	if (code == EXIT_DONE && !was_refused(t))
		code = say(t, "helo", true, "EHLO %s", t->helo);
	if (code == EXIT_DONE && !was_refused(t) && t->user != NULL)
		code = say(t, "auth", true, "XTRY AUTH=%s", t->user);
	if (code != EXIT_DONE || was_refused(t))
		return code;
	return try_message(t);
}

/* -- the command line ------------------------------------------------------- */

/* Move every "--to ADDRESS" out of argv; the number of words left. */
static int
take_recipients(struct try *t, int argc, char **argv)
{
	int n = 0;

	t->to = mem_array((size_t)argc + 1, sizeof(*t->to));
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "--to=", 5) == 0)
			t->to[t->to_count++] = argv[i] + 5;
		else if (strcmp(argv[i], "--to") == 0 && i + 1 < argc)
			t->to[t->to_count++] = argv[++i];
		else
			argv[n++] = argv[i];
	}
	return n;
}

static bool
is_one_line(const char *text)
{
	return text == NULL || strpbrk(text, "\r\n") == NULL;
}

static bool
are_one_line(const struct try *t)
{
	const char *const texts[] = { t->from, t->ip, t->helo, t->user, t->port, t->local, t->size };
	bool good = true;

	for (size_t i = 0; i < PB_COUNT(texts); i++)
		good &= is_one_line(texts[i]);
	for (size_t i = 0; i < t->to_count; i++)
		good &= is_one_line(t->to[i]);
	return good;
}

static int
exit_code(const struct try *t)
{
	if (t->worst == 0)
		return EXIT_DONE;
	return t->worst >= 500 ? EXIT_REFUSED : EXIT_TRY_LATER;
}

static int
run(struct ctl *c, struct try *t)
{
	static const char *const columns[] = { "step", "check", "value", "weight#", "total#", "reply", NULL };
	char path[INSTANCE_PATH_MAX];
	int code, fd = connect_unix(instance_path(&c->instance, path, "run/pub/smtp"), SOCK_STREAM);

	if (fd < 0)
		return ctl_fail(EXIT_TRY_LATER, "the server does not run");
	t->c = c;
	stream_init(&t->io, fd, PIECE);
	t->out = output_begin(c, columns);
	code = try_session(t);
	output_end(&t->out);
	stream_close(&t->io);
	return code == EXIT_DONE ? exit_code(t) : code;
}

int
cmd_try(struct ctl *c, int argc, char **argv)
{
	struct try t = { .from = NULL, .helo = "client.invalid", .port = "smtp", .local = "127.0.0.1" };
	const struct arg_option options[] = {
		{ "--from", &t.from, NULL }, { "--ip", &t.ip, NULL }, { "--helo", &t.helo, NULL },
		{ "--auth", &t.user, NULL }, { "--port", &t.port, NULL }, { "--local", &t.local, NULL },
		{ "--size", &t.size, NULL }, { "--tls", NULL, &t.tls },
	};
	struct args a;
	int code;

	argc = take_recipients(&t, argc, argv);
	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 1) || t.from == NULL || t.ip == NULL ||
	    t.to_count == 0)
		code = EXIT_USAGE;
	else if (!are_one_line(&t))
		code = ctl_fail(EXIT_USAGE, "no option may hold a line end");
	else if (c->format == CTL_NUL)
		code = ctl_fail(EXIT_USAGE, "try has no form with -0");
	else {
		t.file = a.count == 1 ? a.item[0] : NULL;
		code = run(c, &t);
	}
	free(t.to);
	free(t.late);
	return code;
}
