/*
 * sockets: everything anybody can connect to is bound here, and only here.
 *
 * The sockets of run/pub get owner and mode from the manifest and stay open as
 * long as mail-master lives: while a program restarts, connections wait.
 * Ports follow the settings; what is the same before and after stays open.
 */
#include "base/base.h"
#include "master.h"
#include "base/die.h"
#include "base/num.h"
#include "config/bindings.h"
#include "config/manifest.h"
#include "net/listen.h"
#include "sys/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define BACKLOG 1024
#define PUB "run/pub/"

static int
socket_type(char manifest_type)
{
	switch (manifest_type) {
	case 's': return SOCK_STREAM;
	case 'q': return SOCK_SEQPACKET;
	case 'g': return SOCK_DGRAM;
	default: return -1;
	}
}

/*
 * Bind one socket of the manifest in dirfd; dies on failure.  A datagram says
 * who sent it only when the socket asks before: event-log could not do that in
 * time for the first lines of those that start with it.
 */
static int
bind_entry(const struct manifest_entry *e, int dirfd, const char *name)
{
	uid_t uid;
	gid_t gid;
	int on = 1, fd = listen_unix(dirfd, name, socket_type(e->type), e->mode, BACKLOG);

	if (fd < 0)
		die(EXIT_REFUSED, "cannot bind %s: %m", e->path);
	if (e->type == 'g' && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0)
		die(EXIT_REFUSED, "SO_PASSCRED for %s: %m", e->path);
	if (manifest_owner(e, &uid, &gid) != 0)
		die(EXIT_NO_OBJECT, "no user %s for %s", e->owner, e->path);
	if (fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
		die(EXIT_NO_RIGHT, "cannot give %s to %s: %m", e->path, e->owner);
	return fd;
}

void
sockets_bind_all(struct master *m)
{
	const struct manifest_entry *own = manifest_find("run/master");

	for (size_t i = 0; i < manifest_count; i++) {
		const struct manifest_entry *e = &manifest_table[i];
		const char *name = e->path + strlen(PUB);

		if (strncmp(e->path, PUB, strlen(PUB)) != 0 || socket_type(e->type) < 0)
			continue;
		if (m->socket_count == MASTER_SOCKETS_MAX)
			bug("more than %d sockets in the manifest", MASTER_SOCKETS_MAX);
		m->sockets[m->socket_count++] = (struct pub_socket){
			.name = name, .entry = e, .fd = bind_entry(e, m->pub_fd, name) };
	}
	if (own == NULL || socket_type(own->type) < 0)
		bug("the manifest has no socket run/master");
	m->control_fd = bind_entry(own, m->run_fd, "master");
}

/*
 * Close a listening socket for everybody: workers that are in a session hold
 * it too, and without shutdown it would take connections that nobody serves.
 */
static void
close_for_all(int *fd)
{
	if (*fd < 0)
		return;
	(void)shutdown(*fd, SHUT_RDWR);
	close(*fd);
	*fd = -1;
}

static bool
is_in_list(const char *list, const char *name)
{
	struct span rest = span_of(list);

	while (rest.p != NULL && rest.n > 0)
		if (span_is(span_cut(&rest, ','), name))
			return true;
	return false;
}

void
sockets_close_unit(struct master *m, const struct unit_def *d)
{
	for (size_t i = 0; i < m->port_count; i++)
		if (is_in_list(d->ports, m->ports[i].listener))
			close_for_all(&m->ports[i].fd);
	for (size_t i = 0; i < m->socket_count; i++) {
		if (m->sockets[i].fd < 0 || !is_in_list(d->sockets, m->sockets[i].name))
			continue;
		close_for_all(&m->sockets[i].fd);
		(void)unlinkat(m->pub_fd, m->sockets[i].name, 0);	/* bind replaces it otherwise */
	}
}

int
sockets_open_unit(struct master *m, const struct unit_def *d)
{
	for (size_t i = 0; i < m->port_count; i++) {
		struct port *p = &m->ports[i];

		if (p->fd < 0 && is_in_list(d->ports, p->listener))
			p->fd = listen_tcp(&p->addr, BACKLOG);
		if (p->fd < 0 && is_in_list(d->ports, p->listener))
			return -1;
	}
	for (size_t i = 0; i < m->socket_count; i++) {
		struct pub_socket *s = &m->sockets[i];

		if (s->fd < 0 && is_in_list(d->sockets, s->name))
			s->fd = bind_entry(s->entry, m->pub_fd, s->name);
	}
	return 0;
}

static int
find_open(const struct master *m, const struct port *want)
{
	for (size_t i = 0; i < m->port_count; i++)
		if (addr_eq(&m->ports[i].addr, &want->addr))
			return m->ports[i].fd;
	return -1;
}

/* Processes of a server that was killed end by themselves, and hold its ports till then. */
#define PORT_TRIES 30
#define PORT_WAIT_MS 100

/* Only the start waits: nobody is served yet. */
static int
open_port(const struct master *m, const struct addr *addr)
{
	int fd = listen_tcp(addr, BACKLOG);

	for (int i = 0; fd < 0 && errno == EADDRINUSE && m->loop == NULL && i < PORT_TRIES; i++) {
		clock_sleep_ms(PORT_WAIT_MS);
		fd = listen_tcp(addr, BACKLOG);
	}
	return fd;
}

/* Add a port to the list, open from before or opened now; false after a message. */
bool
sockets_add(const struct master *m, struct port *ports, size_t *count, const struct port *want,
	struct buf *errors)
{
	char text[ADDR_TEXT_MAX];
	int fd = find_open(m, want);

	for (size_t i = 0; i < *count; i++) {
		if (!addr_eq(&ports[i].addr, &want->addr))
			continue;
		if (strcmp(ports[i].listener, want->listener) == 0)
			return true;	/* named twice */
		buf_printf(errors, "port %s cannot serve both %s and %s\n",
			addr_print_port(&want->addr, text, sizeof(text)), ports[i].listener, want->listener);
		return false;
	}
	if (*count == MASTER_PORTS_MAX) {
		buf_printf(errors, "more than %d ports on all addresses together\n", MASTER_PORTS_MAX);
		return false;
	}
	if (fd < 0)
		fd = open_port(m, &want->addr);
	if (fd < 0) {
		buf_printf(errors, "cannot open port %s for %s: %s\n",
			addr_print_port(&want->addr, text, sizeof(text)), want->listener, strerror(errno));
		return false;
	}
	ports[*count] = *want;
	ports[(*count)++].fd = fd;
	return true;
}

/* One port on every address of the settings; without any, on all of both kinds. */
bool
sockets_add_everywhere(const struct master *m, const struct settings *s, struct port *ports, size_t *count,
	const struct port_rule *rule, struct buf *errors)
{
	size_t addresses = settings_count(s, "bindings/ipAddress");
	static const char *const all[] = { "0.0.0.0", "::" };

	for (size_t i = 0; i < (addresses > 0 ? addresses : PB_COUNT(all)); i++) {
		const char *text = addresses > 0
			? settings_entry(s, "bindings/ipAddress", i, "address") : all[i];
		struct port want = { .fd = -1 };

		if (addresses > 0 && !binding_list_has(
		    settings_entry(s, "bindings/ipAddress", i, "ports"), rule->number))
			continue;
		(void)snprintf(want.listener, sizeof(want.listener), "%s", rule->listener);
		if (!addr_parse(span_of(text), &want.addr)) {
			buf_printf(errors, "bindings/ipAddress/address: \"%s\" is not an address\n", text);
			return false;
		}
		want.addr.port = (uint16_t)rule->number;
		if (!sockets_add(m, ports, count, &want, errors)
		    && !(addresses == 0 && want.addr.family == AF_INET6))
			return false;
	}
	return true;
}

/* The setting submissionBinding, beside the list (SMTPIN-25). */
static bool
add_submission(const struct master *m, const struct settings *s, struct port *ports, size_t *count, struct buf *errors)
{
	const char *text = settings_text(s, "submissionBinding");
	struct port want = { .fd = -1, .listener = "submission" };

	if (!settings_enabled(s, "submissionBinding"))
		return true;
	if (addr_parse_port(span_of(text), 587, &want.addr) && want.addr.port != 0)
		return sockets_add(m, ports, count, &want, errors);
	buf_printf(errors, "submissionBinding: \"%s\" is not ADDRESS:PORT\n", text);
	return false;
}

/* Close what was opened for a list that is not to be used. */
void
sockets_give_up(const struct master *m, const struct port *ports, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (find_open(m, &ports[i]) < 0)
			close(ports[i].fd);
}

int
sockets_ports(struct master *m, const struct settings *s, struct port *new_ports,
	size_t *count, struct buf *errors)
{
	size_t rules = settings_count(s, "bindings/port");
	bool good = true;

	*count = 0;
	for (size_t i = 0; good && i < (rules > 0 ? rules : binding_count); i++) {
		struct port_rule rule = rules > 0
			? (struct port_rule){ settings_entry(s, "bindings/port", i, "service"),
				settings_entry_num(s, "bindings/port", i, "number") }
			: (struct port_rule){ binding_table[i].service, binding_table[i].number };

		good = sockets_add_everywhere(m, s, new_ports, count, &rule, errors);
	}
	if (good && tls_rules_ports(m, s, new_ports, count, errors) &&
	    add_submission(m, s, new_ports, count, errors))
		return 0;
	sockets_give_up(m, new_ports, *count);
	*count = 0;
	return -1;
}

static bool
has_fd(const struct port *ports, size_t count, int fd)
{
	for (size_t i = 0; i < count; i++)
		if (ports[i].fd == fd)
			return true;
	return false;
}

void
sockets_take(struct master *m, const struct port *ports, size_t count)
{
	for (size_t i = 0; i < m->port_count; i++)
		if (!has_fd(ports, count, m->ports[i].fd))
			close_for_all(&m->ports[i].fd);
	memcpy(m->ports, ports, count * sizeof(*ports));
	m->port_count = count;
}

/* The i-th port of this listener; -1 past the last. */
static int
nth_fd(const struct port *ports, size_t count, struct span listener, size_t nth)
{
	for (size_t i = 0; i < count; i++)
		if (span_is(listener, ports[i].listener) && nth-- == 0)
			return ports[i].fd;
	return -1;
}

bool
sockets_listener_differs(const struct master *m, const struct port *ports, size_t count,
	const char *listeners)
{
	struct span rest = span_of(listeners);

	while (rest.p != NULL && rest.n > 0) {
		struct span name = span_cut(&rest, ',');

		for (size_t i = 0; i <= MASTER_PORTS_MAX; i++) {
			int a = nth_fd(m->ports, m->port_count, name, i);
			int b = nth_fd(ports, count, name, i);

			if (a != b)
				return true;
			if (a < 0)
				break;
		}
	}
	return false;
}
