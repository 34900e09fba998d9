/*
 * process: start one program with the descriptors that are its own.
 *
 * The child gets a clean environment, the standard descriptors, and from 3 on
 * what PILLARBOX_FDS names; every other descriptor of ours is close-on-exec.
 */
#include "base/base.h"
#include "master.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "service/key_files.h"
#include "sys/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define FIRST_FD 3

/* Names and descriptors to hand over, in the order of their new numbers. */
struct handover {
	struct service_fd fds[SERVICE_FDS_MAX];
	size_t count;
	int opened[KEY_FILES_MAX];	/* keys and certificates, closed again by us */
	size_t opened_count;
};

static void
hand(struct handover *h, const char *prefix, struct span name, int fd)
{
	if (fd < 0)
		return;
	if (h->count == SERVICE_FDS_MAX)
		bug("more than %d descriptors for one program", SERVICE_FDS_MAX);
	(void)snprintf(h->fds[h->count].name, SERVICE_FD_NAME_MAX, "%s%.*s", prefix, SPAN_ARG(name));
	h->fds[h->count++].fd = fd;
}

static void
hand_ports(const struct unit *u, struct handover *h)
{
	struct span rest = span_of(u->def->ports);

	while (rest.p != NULL && rest.n > 0) {
		struct span want = span_cut(&rest, ',');

		for (size_t i = 0; i < u->master->port_count; i++)
			if (span_is(want, u->master->ports[i].listener))
				hand(h, "listen.", want, u->master->ports[i].fd);
	}
}

static void
hand_sockets(const struct unit *u, struct handover *h)
{
	struct span rest = span_of(u->def->sockets);

	while (rest.p != NULL && rest.n > 0) {
		struct span want = span_cut(&rest, ',');

		for (size_t i = 0; i < u->master->socket_count; i++)
			if (span_is(want, u->master->sockets[i].name))
				hand(h, "listen.unix.", want, u->master->sockets[i].fd);
	}
}

static void
hand_key(void *ctx, const char *name, int fd)
{
	struct handover *h = ctx;

	h->opened[h->opened_count++] = fd;
	hand(h, "", span_of(name), fd);
}

/* What cannot be used is told and left out: the other certificates still serve. */
static void
hand_keys(const struct unit *u, struct handover *h)
{
	struct master *m = u->master;
	struct buf errors;

	if (!u->def->keys)
		return;
	buf_init(&errors, 16384);
	(void)key_files_open(&m->svc.instance, m->loaded.own, hand_key, h, &errors);
	for (struct span rest = buf_view(&errors); rest.n > 0;) {
		struct span line = span_cut(&rest, '\n');

		log_failure(&m->svc, NULL, NULL, "event=no-key program=%s why=\"%.*s\"", u->def->name, SPAN_ARG(line));
	}
	buf_free(&errors);
}

/* In the child: descriptor i of the list becomes FIRST_FD + i. */
static void
place_descriptors(struct handover *h)
{
	int above = FIRST_FD + (int)h->count;

	for (size_t i = 0; i < h->count; i++) {
		h->fds[i].fd = fcntl(h->fds[i].fd, F_DUPFD_CLOEXEC, above);
		if (h->fds[i].fd < 0)
			_exit(EXIT_TRY_LATER);
	}
	for (size_t i = 0; i < h->count; i++)
		if (dup2(h->fds[i].fd, FIRST_FD + (int)i) < 0)
			_exit(EXIT_TRY_LATER);
}

static void
keep_variable(const char *name, char **env, size_t *n)
{
	const char *value = getenv(name);
	struct buf text;

	if (value == NULL)
		return;
	buf_init(&text, 4096);
	buf_printf(&text, "%s=%s", name, value);
	if (!text.overflow)
		env[(*n)++] = mem_copy(buf_view(&text));
	buf_free(&text);
}

/* A pool whose older generation still serves. */
static bool
replaces(const struct unit *u)
{
	for (const struct process *p = u->processes; p != NULL; p = p->next)
		if (p->state == PROCESS_RUNNING)
			return true;
	return false;
}

static char **
make_environment(const struct unit *u, const struct handover *h)
{
	static const char *const kept[] = { "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS" };
	char **env = mem_array(9, sizeof(*env));
	size_t n = 0;
	struct buf fds;

	env[n++] = mem_text("PATH=/usr/bin:/bin");
	for (size_t i = 0; i < PB_COUNT(kept); i++)
		keep_variable(kept[i], env, &n);
	buf_init(&fds, 8192);
	buf_text_put(&fds, "PILLARBOX_FDS=");
	for (size_t i = 0; i < h->count; i++)
		buf_printf(&fds, "%s%s=%d", i == 0 ? "" : " ", h->fds[i].name, FIRST_FD + (int)i);
	env[n++] = mem_copy(buf_view(&fds));
	buf_free(&fds);
	if (replaces(u))
		env[n++] = mem_text("PILLARBOX_REPLACES=1");
	return env;
}

PB_NORETURN static void
become(const struct unit *u, struct handover *h)
{
	struct buf path;
	const char *argv[6];
	size_t n = 0;
	sigset_t none;

	buf_init(&path, INSTANCE_PATH_MAX * 2);
	buf_printf(&path, "%s/%s", u->master->libexec, u->def->program);
	argv[n++] = u->def->program;
	if (u->master->svc.instance.is_private) {
		argv[n++] = "-r";
		argv[n++] = u->master->svc.instance.root;
	}
	if (u->def->mode != NULL)
		argv[n++] = u->def->mode;
	argv[n] = NULL;
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	place_descriptors(h);
	execve(buf_text(&path), (char *const *)(uintptr_t)argv, make_environment(u, h));
	_exit(EXIT_NO_OBJECT);
}

static void
close_opened(struct handover *h)
{
	for (size_t i = 0; i < h->opened_count; i++)
		if (h->opened[i] >= 0)
			close(h->opened[i]);
}

struct process *
process_start(struct unit *u)
{
	struct handover h = { .count = 0 };
	struct process *p;
	int line[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, line) != 0)
		return NULL;
	(void)fcntl(line[1], F_SETFL, 0);
	hand(&h, "", SPAN("master"), line[1]);
	hand_ports(u, &h);
	hand_sockets(u, &h);
	hand_keys(u, &h);
	pid = fork();
	if (pid == 0)
		become(u, &h);
	close_opened(&h);
	close(line[1]);
	if (pid < 0) {
		close(line[0]);
		return NULL;
	}
	p = mem_new(sizeof(*p));
	*p = (struct process){ .unit = u, .pid = pid, .fd = line[0], .started_ms = clock_ms() };
	return p;
}
