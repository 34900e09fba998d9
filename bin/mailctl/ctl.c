/*
 * ctl: messages, the instance, control calls and passwords.
 */
#include "base/base.h"
#include "ctl.h"
#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/compile.h"
#include "service/control.h"
#include "sys/file.h"

#define CALL_TIMEOUT_MS 30000

bool
ctl_take_option(struct ctl *c, const char *arg)
{
	if (strcmp(arg, "--json") == 0)
		c->format = CTL_JSON;
	else if (strcmp(arg, "--tsv") == 0)
		c->format = CTL_TSV;
	else if (strcmp(arg, "-0") == 0)
		c->format = CTL_NUL;
	else if (strcmp(arg, "--yes") == 0 || strcmp(arg, "--force") == 0)
		c->yes = true;
	else if (strcmp(arg, "--password-stdin") == 0)
		c->password_stdin = true;
	else
		return false;
	return true;
}

/* For --json: the words that also went to standard error. */
static char said_storage[65536];
static struct buf said;

void
ctl_forget_errors(void)
{
	buf_init_fixed(&said, said_storage, sizeof(said_storage));
}

const char *
ctl_errors(void)
{
	return buf_text(&said);
}

static void
say_error(struct span line)
{
	fflush(stdout);
	fprintf(stderr, "mailctl: %.*s\n", SPAN_ARG(line));
	buf_text_put(&said, said.n > 0 ? "\n" : "");
	buf_span(&said, line);
}

int
ctl_fail(int code, const char *fmt, ...)
{
	struct buf text;
	va_list ap;

	buf_init(&text, LIMIT_RECORD);
	va_start(ap, fmt);
	(void)buf_vprintf(&text, fmt, ap);
	va_end(ap);
	say_error(buf_view(&text));
	buf_free(&text);
	return code;
}

void
ctl_say(const struct ctl *c, const char *fmt, ...)
{
	va_list ap;

	if (c->format != CTL_TEXT)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

int
ctl_report(int code, const struct buf *errors)
{
	struct span rest = buf_view(errors);

	while (rest.p != NULL) {
		struct span line = span_cut(&rest, '\n');

		if (line.n > 0)
			say_error(line);
	}
	return code;
}

int
ctl_code_of_errno(int error)
{
	if (error == ENOENT || error == ENOTDIR)
		return EXIT_NO_OBJECT;
	return error == EACCES || error == EPERM ? EXIT_NO_RIGHT : EXIT_TRY_LATER;
}

int
ctl_open_dir(const struct ctl *c, const char *name)
{
	int fd = instance_openat(&c->instance, name, O_RDONLY | O_DIRECTORY, 0);
	char path[INSTANCE_PATH_MAX];

	if (fd < 0)
		ctl_fail(1, "%s: %s", instance_path(&c->instance, path, name), strerror(errno));
	return fd;
}

bool
ctl_author(struct ctl *c, struct config_author *out)
{
	if (c->history_fd < 0)
		c->history_fd = ctl_open_dir(c, "etc/history");
	*out = (struct config_author){ c->history_fd, c->who, c->why };
	return c->history_fd >= 0;
}

struct settings *
ctl_read_server_settings(const struct ctl *c, struct buf *errors)
{
	struct settings *st = NULL;
	struct config_file f;
	int etc = ctl_open_dir(c, "etc");

	if (etc < 0)
		return NULL;
	if (config_open(&f, etc, "etc", SCOPE_SERVER, errors)) {
		st = compile_settings(f.xml, SCOPE_SERVER);
		config_close(&f);
	}
	file_close(&etc);
	return st;
}

struct settings *
ctl_server_settings(const struct ctl *c)
{
	struct settings *st;
	struct buf errors;

	buf_init(&errors, 65536);
	st = ctl_read_server_settings(c, &errors);
	ctl_report(1, &errors);
	buf_free(&errors);
	return st;
}

/* An error reply in words; its own exit code when it carries one. */
static int
refused(const struct record *reply)
{
	uint64_t code;
	struct span text = record_get(reply, "text");

	if (!record_get_num(reply, "exit", 255, &code) || code == 0)
		code = EXIT_REFUSED;
	return ctl_fail((int)code, "%.*s", SPAN_ARG(text));
}

int
ctl_call(const struct ctl *c, const char *socket, const struct buf *request, bool quiet,
	struct record *reply)
{
	char path[INSTANCE_PATH_MAX];
	int code;

	instance_path(&c->instance, path, socket);
	if (control_call(path, request, CALL_TIMEOUT_MS, reply) != 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return quiet ? EXIT_TRY_LATER : ctl_fail(EXIT_TRY_LATER, "the server does not run");
		return ctl_fail(ctl_code_of_errno(errno), "%s: %s", path, strerror(errno));
	}
	if (!span_is(reply->verb, "error"))
		return EXIT_DONE;
	code = refused(reply);
	record_free(reply);
	return code;
}

int
ctl_call_greylist(const struct ctl *c, const struct buf *request, struct record *reply)
{
	int code = ctl_call(c, "run/pub/greylist-control", request, true, reply);

	if (code == EXIT_TRY_LATER)
		return ctl_fail(code, "greylist-check does not run: the server is stopped, or greylisting is off "
			"(mailctl set greylisting/enabled True)");
	return code;
}

int
ctl_tell_directory(const struct ctl *c, const char *key, const char *name)
{
	struct record reply;
	struct buf request;
	int code;

	buf_init(&request, LIMIT_RECORD);
	record_begin(&request, "changed");
	record_add_text(&request, key, name);
	code = ctl_call(c, "run/pub/auth-control", &request, true, &reply);
	buf_free(&request);
	if (code == EXIT_DONE)
		record_free(&reply);
	/* A server that does not run reads the files when it starts. */
	return code == EXIT_TRY_LATER ? EXIT_DONE : code;
}

/* One line without its end; false at the end of the input. */
static bool
read_line(FILE *f, struct buf *out)
{
	int ch;

	buf_clear(out);
	while ((ch = getc(f)) != EOF && ch != '\n')
		buf_char(out, (char)ch);
	if (out->n > 0 && out->p[out->n - 1] == '\r')
		buf_cut(out, out->n - 1);
	return ch != EOF || out->n > 0;
}

static bool
ask_hidden(const char *prompt, struct buf *out)
{
	struct termios old, quiet;
	bool ok;

	fputs(prompt, stderr);
	tcgetattr(STDIN_FILENO, &old);
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	ok = read_line(stdin, out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputc('\n', stderr);
	return ok;
}

static int
ask_twice(struct buf *out)
{
	struct buf again;
	int code = EXIT_DONE;

	buf_init(&again, LIMIT_PASSWORD + 1);
	if (!ask_hidden("Password: ", out) || !ask_hidden("Again: ", &again))
		code = ctl_fail(EXIT_USAGE, "no password given");
	else if (!span_eq(buf_view(out), buf_view(&again)))
		code = ctl_fail(EXIT_REFUSED, "the two passwords differ");
	mem_wipe(again.p, again.n);
	buf_free(&again);
	return code;
}

int
ctl_password(struct ctl *c, const char *given, struct buf *out)
{
	if (given != NULL)
		buf_text_put(out, given);
	else if (c->password_stdin && !read_line(stdin, out))
		return ctl_fail(EXIT_USAGE, "no password on standard input");
	else if (!c->password_stdin && isatty(STDIN_FILENO))
		return ask_twice(out);
	else if (!c->password_stdin)
		return ctl_fail(EXIT_USAGE, "give --password PW or --password-stdin");
	if (out->overflow || out->n > LIMIT_PASSWORD)
		return ctl_fail(EXIT_REFUSED, "the password is longer than %d bytes", LIMIT_PASSWORD);
	return EXIT_DONE;
}
