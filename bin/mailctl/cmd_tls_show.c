/*
 * cmd_tls_show: which certificates the listeners show, by their own words, and
 * what is wrong with them: out of time, soon out of time, or not what the file
 * on disk holds by now.
 */
#include "base/base.h"
#include "commands.h"
#include <time.h>
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "net/tls_certificate.h"
#include "output.h"
#include "service/key_files.h"

/* Certificates are renewed a month ahead by the usual tools: after that something is amiss. */
#define WARN_DAYS 21
#define DAY_S 86400

/* One certificate as a listener tells it; texts lie in the reply. */
struct shown {
	struct span ip, port, is_default, from, until, fingerprint, subject, issuer, names, file;
};

static bool
read_shown(struct span line, struct shown *out)
{
	struct span *const fields[] = { &out->ip, &out->port, &out->is_default, &out->from, &out->until,
		&out->fingerprint, &out->subject, &out->issuer, &out->names, &out->file };

	for (size_t i = 0; i < PB_COUNT(fields); i++) {
		if (line.p == NULL)
			return false;
		*fields[i] = span_cut(&line, '\t');
	}
	return line.p == NULL;
}

static const char *
state_of_file(const struct ctl *c, const struct shown *s)
{
	char path[4097], error[TLS_ERROR_MAX];
	const char *state = "file-unreadable";
	struct tls_facts facts;
	int fd;

	snprintf(path, sizeof(path), "%.*s", SPAN_ARG(s->file));
	fd = key_files_open_path(&c->instance, path);
	if (fd < 0)
		return state;
	if (tls_inspect(fd, -1, &facts, error)) {
		state = span_is(s->fingerprint, facts.fingerprint) ? "ok" : "file-differs";
		tls_facts_free(&facts);
	}
	close(fd);
	return state;
}

static bool
read_seconds(struct span s, int64_t *out)
{
	uint64_t n;

	if (!num_parse(s, INT64_MAX, &n))
		return false;
	*out = (int64_t)n;
	return true;
}

static const char *
state_of(const struct ctl *c, const struct shown *s, int64_t now)
{
	const char *file = state_of_file(c, s);
	int64_t from, until;

	if (!read_seconds(s->from, &from) || !read_seconds(s->until, &until) || until < now)
		return "expired";
	if (from > now)
		return "not-yet-valid";
	if (strcmp(file, "ok") != 0)
		return file;
	return until < now + WARN_DAYS * DAY_S ? "expires-soon" : "ok";
}

static void
print_date(struct span seconds, char *out, size_t size)
{
	int64_t s;
	time_t t;
	struct tm tm;

	out[0] = '\0';
	if (!read_seconds(seconds, &s))
		return;
	t = (time_t)s;
	if (gmtime_r(&t, &tm) != NULL)
		(void)strftime(out, size, "%Y-%m-%d", &tm);
}

static const char *
words_for(const char *state)
{
	static const struct { const char *state, *words; } table[] = {
		{ "expired", "has expired" },
		{ "not-yet-valid", "is not valid yet" },
		{ "expires-soon", "expires soon" },
		{ "file-differs", "is not the one in the file any more: mailctl reload" },
		{ "file-unreadable", "cannot be compared with its file" },
	};

	for (size_t i = 0; i < PB_COUNT(table); i++)
		if (strcmp(table[i].state, state) == 0)
			return table[i].words;
	return state;
}

static void
add_row(const struct ctl *c, struct output *o, const char *service, const struct shown *s, int64_t now, bool *warned)
{
	const char *state = state_of(c, s, now);
	char text[8][2048], date[32];
	const struct span fields[] = { s->ip, s->port, s->names, s->subject, s->issuer, s->fingerprint, s->file };

	for (size_t i = 0; i < PB_COUNT(fields); i++)
		snprintf(text[i], sizeof(text[i]), "%.*s", SPAN_ARG(span_first(fields[i], sizeof(text[i]) - 1)));
	print_date(s->until, date, sizeof(date));
	output_row(o, service, text[0], strcmp(text[1], "0") == 0 ? "*" : text[1], text[2], text[3], text[4], date,
		text[5], text[6], state);
	if (strcmp(state, "ok") == 0)
		return;
	*warned = true;
	fprintf(stderr, "mailctl: warning: %s: the certificate of %s (%s, until %s) %s\n", service, text[3], text[6],
		date, words_for(state));
}

/* One page of one listener; *from is where the next begins, 0 after the last. */
static int
ask_page(const struct ctl *c, const char *program, uint64_t *from, struct record *reply)
{
	struct buf request;
	char socket[64];
	int code;

	snprintf(socket, sizeof(socket), "run/pub/ctl-%s", program);
	buf_init(&request, 256);
	record_begin(&request, "tls");
	record_add_num(&request, "from", *from);
	code = ctl_call(c, socket, &request, true, reply);
	buf_free(&request);
	if (code == EXIT_DONE && !record_get_num(reply, "next", LIMIT_TLS_CERTIFICATES, from))
		*from = 0;
	return code;
}

static int
show_program(const struct ctl *c, struct output *o, const char *program, bool *warned)
{
	int64_t now = (int64_t)time(NULL);
	struct record reply;
	uint64_t from = 0;

	do {
		int code = ask_page(c, program, &from, &reply);
		struct shown s;

		if (code != EXIT_DONE)
			return code;
		for (size_t i = 0; record_get_nth(&reply, "certificate", i).p != NULL; i++)
			if (read_shown(record_get_nth(&reply, "certificate", i), &s))
				add_row(c, o, program, &s, now, warned);
		record_free(&reply);
	} while (from != 0);
	return EXIT_DONE;
}

int
cmd_tls_show(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "service", "address", "port", "names", "subject", "issuer", "not-after",
		"sha256", "file", "state", NULL };
	static const char *const programs[] = { "smtp-listen", "pop3-serve", "imap-serve" };
	bool warned = false, asked = false;
	struct output *o;
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	o = output_begin(c, columns);
	for (size_t i = 0; i < PB_COUNT(programs); i++) {
		int code = show_program(c, o, programs[i], &warned);

		asked |= code == EXIT_DONE;
		if (code == EXIT_TRY_LATER)
			fprintf(stderr, "mailctl: %s does not run\n", programs[i]);
	}
	output_end(&o);
	if (!asked)
		return EXIT_TRY_LATER;
	return warned ? EXIT_REFUSED : EXIT_DONE;
}
