/*
 * sockets_tell: the administrative log says which ports are open, so that what
 * was reachable at any time can be read from it.
 */
#include "base/base.h"
#include "master.h"
#include "service/log.h"

static bool
is_among(const struct port *ports, size_t count, const struct port *p)
{
	for (size_t i = 0; i < count; i++)
		if (addr_eq(&ports[i].addr, &p->addr) && strcmp(ports[i].listener, p->listener) == 0)
			return true;
	return false;
}

void
sockets_tell(struct master *m, const struct port *before, size_t before_count, const struct port *now,
	size_t now_count)
{
	char at[ADDR_TEXT_MAX + 8];

	for (size_t i = 0; i < before_count; i++)
		if (!is_among(now, now_count, &before[i]))
			log_line(&m->svc, NULL, NULL, "event=port-closed at=%s listener=%s",
				addr_print_port(&before[i].addr, at, sizeof(at)), before[i].listener);
	for (size_t i = 0; i < now_count; i++)
		if (!is_among(before, before_count, &now[i]))
			log_line(&m->svc, NULL, NULL, "event=port-opened at=%s listener=%s",
				addr_print_port(&now[i].addr, at, sizeof(at)), now[i].listener);
}
