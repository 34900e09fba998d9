/*
 * cmd_service: start, stop, restart, status, reload.
 *
 * Without names they mean the whole server, that is mail-master; with names
 * the services smtp, pop, imap, spool, or a single program.
 */
#include "base/base.h"
#include "commands.h"
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "edit.h"
#include "output.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "tls_pairs.h"

#define STOP_WAIT_MS 60000
#define PID_WAIT_MS 200
#define MASTER "run/master"

static int
ask(const struct ctl *c, const char *verb, const struct args *names, bool quiet, struct record *reply)
{
	struct buf request;
	int code;

	buf_init(&request, LIMIT_RECORD);
	record_begin(&request, verb);
	for (size_t i = 0; names != NULL && i < names->count; i++)
		record_add_text(&request, "name", names->item[i]);
	code = request.overflow ? EXIT_USAGE : ctl_call(c, MASTER, &request, quiet, reply);
	buf_free(&request);
	return code;
}

static int
ask_only(const struct ctl *c, const char *verb, const struct args *names)
{
	struct record reply;
	int code = ask(c, verb, names, false, &reply);

	if (code == EXIT_DONE)
		record_free(&reply);
	return code;
}

/*
 * While Spool is stopped intake sends nothing straight through, so that mail
 * is accepted and waits (SVC-07); it learns that from a setting.
 */
static int
note_spool(struct ctl *c, const struct args *names, bool runs)
{
	struct settings *st;
	bool is_named = false, noted;

	for (size_t i = 0; i < names->count; i++)
		is_named |= strcmp(names->item[i], "spool") == 0 || strcmp(names->item[i], "all") == 0 ||
			strcmp(names->item[i], "spool-schedule") == 0;
	if (!is_named)
		return EXIT_DONE;
	st = ctl_server_settings(c);
	if (st == NULL)
		return EXIT_REFUSED;
	noted = settings_bool(st, "services/spool");
	settings_free(&st);
	return noted == runs ? EXIT_DONE : edit_server(c, "services/spool", runs ? "True" : "False");
}

/* Pid of the running mail-master, 0 when none answers. */
static pid_t
master_pid(const struct ctl *c)
{
	struct record reply;
	uint64_t pid = 0;

	if (ask(c, "status", NULL, true, &reply) != EXIT_DONE)
		return 0;
	if (!record_get_num(&reply, "pid", INT32_MAX, &pid))
		pid = 0;
	record_free(&reply);
	return (pid_t)pid;
}

/* mail-master lies beside mailctl in a build tree, else where it was installed. */
static void
find_master(char out[INSTANCE_PATH_MAX])
{
	char self[INSTANCE_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash != NULL)
			*slash = '\0';
		if (snprintf(out, INSTANCE_PATH_MAX, "%s/mail-master", self) < INSTANCE_PATH_MAX &&
		    access(out, X_OK) == 0)
			return;
	}
	snprintf(out, INSTANCE_PATH_MAX, "%s/mail-master", PB_LIBEXECDIR);
}

/* Run mail-master until it is in the background; its messages go to our standard error. */
static int
spawn_master(const struct ctl *c)
{
	char program[INSTANCE_PATH_MAX];
	int status = 0;
	pid_t pid;

	find_master(program);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return ctl_fail(EXIT_TRY_LATER, "fork: %s", strerror(errno));
	if (pid == 0) {
		if (c->instance.is_private)
			execl(program, program, "-r", c->instance.root, (char *)NULL);
		else
			execl(program, program, (char *)NULL);
		ctl_fail(1, "%s: %s", program, strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status))
		return ctl_fail(EXIT_TRY_LATER, "mail-master was ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status) == 0 ? EXIT_DONE : ctl_fail(EXIT_REFUSED, "the server did not start");
}

/* What was stopped stays so over restarts of the server; whoever starts it may not remember. */
static void
say_stopped(struct ctl *c)
{
	struct record reply;
	struct span words;

	if (ask(c, "status", NULL, true, &reply) != EXIT_DONE)
		return;
	for (size_t i = 0; (words = record_get_nth(&reply, "service", i)).p != NULL; i++) {
		struct span service;

		(void)span_word(&words);
		service = span_word(&words);
		if (span_is(span_word(&words), "stopped"))
			ctl_say(c, "%.*s stays stopped; mailctl start %.*s starts it", SPAN_ARG(service), SPAN_ARG(service));
	}
	record_free(&reply);
}

/* The listeners run without them, so that other mail goes on. */
static void
warn_of_pairs(const struct ctl *c)
{
	struct buf errors;

	buf_init(&errors, 65536);
	if (!tls_pairs_fit(c, &errors))
		fprintf(stderr, "mailctl: warning: there is no TLS with what does not fit:\n%s", buf_text(&errors));
	buf_free(&errors);
}

static int
start_all(struct ctl *c)
{
	int code = spawn_master(c);

	if (code == EXIT_DONE)
		code = ask_only(c, "ready", NULL);
	if (code == EXIT_DONE)
		say_stopped(c);
	warn_of_pairs(c);
	return code;
}

int
cmd_service_start(struct ctl *c, int argc, char **argv)
{
	bool runs = master_pid(c) != 0;
	struct args names;
	int code;

	if (!args_parse(&names, argc, argv, NULL, 0, 0, ARGS_MAX))
		return EXIT_USAGE;
	if (names.count == 0 && !runs)
		return start_all(c);
	if (names.count == 0) {
		ctl_say(c, "the server runs already");
		return EXIT_DONE;
	}
	/* Noted and read first: who heard of it later would have to begin anew. */
	code = note_spool(c, &names, true);
	if (code == EXIT_DONE)
		code = runs ? command_reload(c) : spawn_master(c);
	c->was_edited = false;
	return code == EXIT_DONE ? ask_only(c, "start", &names) : code;
}

static void
pause_ms(long ms)
{
	struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };

	nanosleep(&t, NULL);
}

/*
 * Has mail-master ended?  Its lock tells: the pid may stand for a dead process
 * that nobody waits for, as in a container whose first process is no init.
 */
static bool
has_ended(const struct ctl *c)
{
	int run = ctl_open_dir(c, "run"), lock;

	if (run < 0)
		return true;
	lock = lock_file(run, "mail-master.pid", false);
	file_close(&run);
	if (lock < 0)
		return false;
	file_close(&lock);
	return true;
}

static int
stop_all(struct ctl *c)
{
	pid_t pid = master_pid(c);
	uint64_t end = clock_ms() + STOP_WAIT_MS;
	int code;

	if (pid == 0) {
		ctl_say(c, "the server does not run");
		return EXIT_DONE;
	}
	code = ask_only(c, "shutdown", NULL);
	if (code != EXIT_DONE)
		return code;
	while (!has_ended(c)) {
		if (clock_ms() > end)
			return ctl_fail(EXIT_TRY_LATER, "sessions are still finishing (mail-master is process %d)",
				(int)pid);
		pause_ms(20);
	}
	/* It gave its lock up: the pid goes at once, if somebody waits for it. */
	end = clock_ms() + PID_WAIT_MS;
	while (kill(pid, 0) == 0 && clock_ms() < end)
		pause_ms(2);
	return EXIT_DONE;
}

int
cmd_service_stop(struct ctl *c, int argc, char **argv)
{
	struct record reply;
	struct span stopping;
	struct args names;
	uint64_t n;
	int code, noted;

	if (!args_parse(&names, argc, argv, NULL, 0, 0, ARGS_MAX))
		return EXIT_USAGE;
	if (names.count == 0)
		return stop_all(c);
	code = ask(c, "stop", &names, false, &reply);
	if (code != EXIT_DONE)
		return code;
	if (record_get_num(&reply, "finishing", UINT32_MAX, &n) && n > 0)
		ctl_say(c, "%llu still finishing", (unsigned long long)n);
	for (size_t i = 0; (stopping = record_get_nth(&reply, "stopping", i)).p != NULL; i++)
		code = ctl_fail(EXIT_TRY_LATER, "%.*s is still stopping", SPAN_ARG(stopping));
	record_free(&reply);
	noted = note_spool(c, &names, false);
	return noted != EXIT_DONE ? noted : code;
}

int
cmd_service_restart(struct ctl *c, int argc, char **argv)
{
	struct args names;
	int code;

	if (!args_parse(&names, argc, argv, NULL, 0, 0, ARGS_MAX))
		return EXIT_USAGE;
	if (names.count > 0)
		return ask_only(c, "restart", &names);
	code = stop_all(c);
	return code == EXIT_DONE ? cmd_service_start(c, 0, argv) : code;
}

int
cmd_service_reload(struct ctl *c, int argc, char **argv)
{
	struct args names;
	struct buf errors;
	int code = EXIT_REFUSED;

	if (!args_parse(&names, argc, argv, NULL, 0, 0, ARGS_MAX))
		return EXIT_USAGE;
	c->was_edited = false;
	buf_init(&errors, 65536);
	if (tls_pairs_fit(c, &errors))
		code = ask_only(c, "reload", &names);
	ctl_report(code, &errors);
	buf_free(&errors);
	return code;
}

/* Is this line of the status wanted?  Names are of programs or of services. */
static bool
is_named(const struct args *names, struct span program, struct span service)
{
	for (size_t i = 0; i < names->count; i++)
		if (span_is(program, names->item[i]) || span_is(service, names->item[i]))
			return true;
	return names->count == 0;
}

static bool
status_row(struct output *o, const struct args *names, struct span words)
{
	struct span part[6];
	char text[6][64];

	for (size_t i = 0; i < PB_COUNT(part); i++) {
		part[i] = span_word(&words);
		snprintf(text[i], sizeof(text[i]), "%.*s", SPAN_ARG(span_first(part[i], 60)));
	}
	if (!is_named(names, part[0], part[1]))
		return true;
	output_row(o, text[0], text[1], text[2], text[3], text[4], text[5]);
	return span_is(part[2], "running") || (names->count == 0 && (span_is(part[2], "stopped") || span_is(part[2], "off")));
}

/* Exit code: 0 all that is asked for runs, 3 it does not (LSB). */
int
cmd_service_status(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "program", "service", "state", "pid#", "uptime#", "restarts#", NULL };
	struct record reply;
	struct output *o;
	struct args names;
	bool good = true;
	int code;

	if (!args_parse(&names, argc, argv, NULL, 0, 0, ARGS_MAX))
		return EXIT_USAGE;
	code = ask(c, "status", NULL, true, &reply);
	if (code == EXIT_TRY_LATER && c->format == CTL_JSON)
		return ctl_fail(EXIT_NO_OBJECT, "the server does not run");
	if (code == EXIT_TRY_LATER) {	/* which is an answer, not an error */
		ctl_say(c, "the server does not run");
		return EXIT_NO_OBJECT;
	}
	if (code != EXIT_DONE)
		return code;
	o = output_begin(c, columns);
	for (size_t i = 0; record_get_nth(&reply, "service", i).p != NULL; i++)
		good &= status_row(o, &names, record_get_nth(&reply, "service", i));
	if (names.count > 0 && output_rows(o) == 0)
		good = false;
	output_end(&o);
	record_free(&reply);
	return good ? EXIT_DONE : EXIT_NO_OBJECT;
}
