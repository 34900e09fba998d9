/*
 * local-deliver: put messages into mailboxes.
 *
 * A parent accepts connections of intake and schedule on run/pub/deliver and
 * forks one agent for each (agent.c); they are few and long-lived.  Beside them runs
 * the counter (counter.c).
 *
 * Trust: callers are checked by uid, their jobs are read as hostile (job.c),
 * and what users may have put into their Maildirs is refused (openat2).
 * Crash: dying anywhere is safe; a job that was not answered is repeated.
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent.h"
#include "counter.h"
#include "base/die.h"
#include "base/limits.h"
#include "io/door.h"
#include "service/service.h"
#include "sys/descriptors.h"
#include "sys/peer.h"

/* After the counter has died. */
#define COUNTER_REST_MS 10000

struct deliver {
	struct service svc;
	struct loop *loop;
	struct door *door;
	int listen;
	int spool;
	int domains;
	bool sync_always;
	uid_t callers[1];
	size_t agents;
	pid_t agent[LIMIT_DELIVER_AGENTS];
	pid_t counter;		/* 0: it does not run */
};

static int
open_folder(struct deliver *d, const char *name)
{
	int fd = instance_openat(&d->svc.instance, name, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		die(EXIT_REFUSED, "cannot open %s: %s", name, strerror(errno));
	return fd;
}

static void
open_folders(struct deliver *d)
{
	d->spool = open_folder(d, "spool");
	d->domains = open_folder(d, "domains");
	d->sync_always = strcmp(settings_text(d->svc.settings, "spoolSyncDirectory"), "always") == 0;
	service_path(&d->svc, "spool", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REFER | SANDBOX_MKDIR);
	service_path(&d->svc, "domains", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REFER | SANDBOX_MKDIR);
}

/* In a child: only what it needs stays open, and SIGTERM ends it. */
static void
become_child(const struct deliver *d, int conn, int spool)
{
	sigset_t all;

	descriptors_close_all_but((int[]){ conn, spool, d->domains, d->svc.log.fd }, 4);
	signal(SIGTERM, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
}

static void
start_counter(void *ctx)
{
	struct deliver *d = ctx;

	log_flush(&d->svc, false);
	d->counter = fork();
	if (d->counter == 0) {
		become_child(d, -1, -1);
		counter_run(&d->svc, d->domains);
	}
	if (d->counter < 0) {
		log_failure(&d->svc, NULL, NULL, "event=counter-not-started error=%d", errno);
		d->counter = 0;
		loop_timer(d->loop, COUNTER_REST_MS, start_counter, d);
	}
}

static void
become_agent(struct deliver *d, int conn)
{
	struct agent a = { .svc = &d->svc, .conn = conn, .spool = d->spool, .domains = d->domains,
		.sync_always = d->sync_always };
	sigset_t all;

	become_child(d, conn, d->spool);
	sigemptyset(&all);
	sigaddset(&all, SIGTERM);
	sigprocmask(SIG_BLOCK, &all, NULL);
	_exit(agent_run(&a));
}

static void
on_accept_failed(void *ctx, int error)
{
	struct deliver *d = ctx;

	log_failure(&d->svc, NULL, NULL, "event=accept-failed error=%s", strerrorname_np(error));
	log_flush(&d->svc, false);
}

/* While the table is full callers wait in the backlog. */
static void
on_connection(void *ctx, int conn)
{
	struct deliver *d = ctx;
	pid_t pid;

	if (!peer_is_allowed(conn, d->callers, PB_COUNT(d->callers))) {
		log_failure(&d->svc, NULL, NULL, "event=caller-refused");
		close(conn);
		return;
	}
	log_flush(&d->svc, false);
	pid = fork();
	if (pid == 0)
		become_agent(d, conn);
	close(conn);
	if (pid < 0) {
		log_failure(&d->svc, NULL, NULL, "event=agent-not-started error=%d", errno);
		return;
	}
	d->agent[d->agents++] = pid;
	if (d->agents == LIMIT_DELIVER_AGENTS)
		door_hold(d->door, true);
}

static void
forget_agent(struct deliver *d, pid_t pid)
{
	for (size_t i = 0; i < d->agents; i++)
		if (d->agent[i] == pid) {
			d->agent[i] = d->agent[--d->agents];
			door_hold(d->door, false);
			return;
		}
}

static void
on_child(void *ctx, int signo)
{
	struct deliver *d = ctx;
	int status;
	pid_t pid;

	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_DONE)
			log_failure(&d->svc, NULL, NULL, "event=%s-died status=%d", pid == d->counter ? "counter" : "agent", status);
		if (pid == d->counter) {
			d->counter = 0;
			loop_timer(d->loop, COUNTER_REST_MS, start_counter, d);
		} else {
			forget_agent(d, pid);
		}
	}
	log_flush(&d->svc, false);
}

static void
on_stop(void *ctx)
{
	struct deliver *d = ctx;

	for (size_t i = 0; i < d->agents; i++)
		kill(d->agent[i], SIGTERM);
	if (d->counter > 0)
		kill(d->counter, SIGTERM);
	loop_stop(d->loop);
}

int
main(int argc, char **argv)
{
	struct deliver d = { .listen = -1 };

	service_init(&d.svc, "local-deliver", argc, argv);
	service_settings(&d.svc, "delivery");
	service_warm_up(&d.svc);
	open_folders(&d);
	service_confine(&d.svc, SANDBOX_DELIVER);
	service_owners(&d.svc, OWNER_LOG);
	d.callers[0] = service_uid(&d.svc, "pbmail");
	d.listen = service_fd(&d.svc, "listen.unix.deliver");
	if (d.listen < 0)
		die(EXIT_USAGE, "no listening socket: this program is started by mail-master");
	d.loop = loop_new();
	loop_signal(d.loop, SIGCHLD, on_child, &d);
	service_attach(&d.svc, d.loop, on_stop, &d);
	d.door = door_open(d.loop, d.listen, 0, on_connection, on_accept_failed, &d);
	if (d.door == NULL)
		die(EXIT_TRY_LATER, "cannot watch the socket: %m");
	service_ready(&d.svc);
	start_counter(&d);	/* with the filter that service_ready puts on */
	loop_run(d.loop);
	while (waitpid(-1, NULL, 0) > 0)
		;
	log_flush(&d.svc, true);
	return EXIT_DONE;
}
