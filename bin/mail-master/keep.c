/*
 * keep: what outlives a mail-master, and the folders that must be there.
 *
 *	run/mail-master.pid		locked while it runs; its pid
 *	run/instance.env		the ports in use, as shell assignments
 *	state/mail-master/tickets	the first ticket never given out
 *	state/mail-master/stopped	services that mailctl stopped, one a line
 *
 * Crash argument: a block of tickets is on disk as used before anybody gets
 * it, so a ticket is never given twice; a crash loses at most a block.
 */
#include "base/base.h"
#include "master.h"
#include "base/die.h"
#include "base/num.h"
#include "config/manifest.h"
#include "service/master.h"
#include "sys/durable.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/user.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define SMALL_FILE 4096

static void
make_users(void)
{
	for (size_t i = 0; user_service_names[i] != NULL; i++) {
		int made = user_create(user_service_names[i]);

		if (made < 0)
			die(EXIT_NO_RIGHT, "cannot create the user %s: %m", user_service_names[i]);
		if (made == 0)
			fprintf(stderr, "mail-master: created the system user %s\n", user_service_names[i]);
	}
}

static void
make_folder(struct master *m, const struct manifest_entry *e)
{
	char path[INSTANCE_PATH_MAX];
	uid_t uid;
	gid_t gid;

	if (mkdir(instance_path(&m->svc.instance, path, e->path), e->mode) != 0) {
		if (errno == EEXIST)
			return;
		die(EXIT_REFUSED, "cannot make %s: %m", path);
	}
	if (manifest_owner(e, &uid, &gid) != 0)
		die(EXIT_NO_OBJECT, "no user %s for %s", e->owner, path);
	if (chown(path, uid, gid) != 0 || chmod(path, e->mode) != 0)
		die(EXIT_NO_RIGHT, "cannot give %s to %s: %m", path, e->owner);
}

static int
open_folder(struct master *m, const char *name)
{
	char path[INSTANCE_PATH_MAX];
	int fd = instance_openat(&m->svc.instance, name, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		die(EXIT_NO_OBJECT, "cannot open %s: %m", instance_path(&m->svc.instance, path, name));
	return fd;
}

/* run/ is empty after each boot of a machine; the others are made by the installer or mailctl. */
void
keep_folders(struct master *m)
{
	if (geteuid() == 0)
		make_users();
	for (size_t i = 0; i < manifest_count; i++) {
		const struct manifest_entry *e = &manifest_table[i];

		if (e->type == 'd' && e->at_init && strcmp(e->path, ".") != 0)
			make_folder(m, e);
	}
	m->run_fd = open_folder(m, "run");
	m->pub_fd = open_folder(m, "run/pub");
	m->state_fd = open_folder(m, "state/mail-master");
}

void
keep_lock(struct master *m)
{
	m->lock_fd = lock_file(m->run_fd, "mail-master.pid", false);
	if (m->lock_fd < 0 && errno == EAGAIN)
		die(EXIT_REFUSED, "another mail-master runs this instance already");
	if (m->lock_fd < 0)
		die(EXIT_NO_RIGHT, "cannot lock run/mail-master.pid: %m");
}

void
keep_pid(struct master *m)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (fchmod(m->lock_fd, 0644) != 0 || file_ftruncate(m->lock_fd, 0) != 0
	    || file_pwrite_all(m->lock_fd, text, (size_t)n, 0) != 0)
		die(EXIT_REFUSED, "cannot write run/mail-master.pid: %m");
}

/* An empty file tells `status` from a mail-master that was killed. */
void
keep_no_pid(struct master *m)
{
	if (file_ftruncate(m->lock_fd, 0) != 0)
		log_failure(&m->svc, NULL, NULL, "event=cannot-keep what=pid error=%s", strerrorname_np(errno));
}

/* The content of a small file of ours; empty when there is none. */
static void
read_small(struct master *m, const char *name, struct buf *out)
{
	int fd = openat(m->state_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	buf_init(out, SMALL_FILE);
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || file_read_all(fd, out) != 0)
		die(EXIT_REFUSED, "cannot read state/mail-master/%s: %m", name);
	close(fd);
}

static bool
is_stopped(struct span list, const char *service)
{
	while (list.p != NULL)
		if (span_is(span_cut(&list, '\n'), service))
			return true;
	return false;
}

void
keep_read(struct master *m)
{
	struct buf text;

	read_small(m, "tickets", &text);
	m->next_ticket = 1;
	if (text.n > 0 && !num_parse(span_trim(buf_view(&text)), MASTER_TICKETS_END, &m->next_ticket))
		die(EXIT_REFUSED, "state/mail-master/tickets is not a number");
	buf_free(&text);
	read_small(m, "stopped", &text);
	for (size_t i = 0; i < m->unit_count; i++)
		m->units[i].is_wanted = m->units[i].def->service == NULL
			|| !is_stopped(buf_view(&text), m->units[i].def->service);
	buf_free(&text);
}

uint64_t
keep_tickets(struct master *m)
{
	uint64_t first = m->next_ticket;
	char text[32];
	int n;

	if (first + 2 * MASTER_TICKETS > MASTER_TICKETS_END)
		first = 1;
	m->next_ticket = first + MASTER_TICKETS;
	n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)m->next_ticket);
	if (durable_replace(m->state_fd, "tickets", text, (size_t)n, 0600) != 0)
		log_failure(&m->svc, NULL, NULL, "event=cannot-keep what=tickets error=%s",
			strerrorname_np(errno));
	return first;
}

int
keep_stopped(struct master *m)
{
	struct buf text;
	int result;

	buf_init(&text, SMALL_FILE);
	for (size_t i = 0; i < m->unit_count; i++)
		if (m->units[i].def->service != NULL && !m->units[i].is_wanted)
			buf_printf(&text, "%s\n", m->units[i].def->service);
	result = durable_replace(m->state_fd, "stopped", buf_text(&text), text.n, 0600);
	buf_free(&text);
	return result;
}

int
keep_ports(struct master *m)
{
	static const struct { const char *listener, *name; } table[] = {
		{ "smtp", "SMTP_PORT" }, { "smtps", "SMTPS_PORT" }, { "submission", "SUBMISSION_PORT" },
		{ "pop3", "POP3_PORT" }, { "pop3s", "POP3S_PORT" },
		{ "imap", "IMAP_PORT" }, { "imaps", "IMAPS_PORT" },
	};
	struct buf text;
	int result;

	buf_init(&text, SMALL_FILE);
	for (size_t i = 0; i < PB_COUNT(table); i++)
		for (size_t k = 0; k < m->port_count; k++)
			if (strcmp(m->ports[k].listener, table[i].listener) == 0) {
				buf_printf(&text, "%s=%u\n", table[i].name, (unsigned)m->ports[k].addr.port);
				break;
			}
	result = durable_replace(m->run_fd, "instance.env", buf_text(&text), text.n, 0644);
	buf_free(&text);
	return result;
}
