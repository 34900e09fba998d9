/*
 * dns_loop: see dns_loop.h.
 */
#include "base/base.h"
#include "net/dns_loop.h"

#include "base/die.h"
#include "base/mem.h"

struct dns_loop {
	struct loop *loop;
	struct dns *dns;
	struct loop_fd *watch;
	void (*lost)(void *ctx);
	void *ctx;
};

static void on_dns(void *ctx, int fd, unsigned events);

static void
watch(struct dns_loop *l)
{
	l->watch = loop_fd(l->loop, dns_fd(l->dns), LOOP_READ, on_dns, l);
	if (l->watch == NULL)
		die(EXIT_TRY_LATER, "event=dns state=cannot-watch");
}

static void
on_dns(void *ctx, int fd, unsigned events)
{
	struct dns_loop *l = ctx;

	(void)fd, (void)events;
	if (dns_process(l->dns))
		return;
	loop_fd_drop(&l->watch);
	dns_restart(l->dns);
	watch(l);
	if (l->lost != NULL)
		l->lost(l->ctx);
}

struct dns_loop *
dns_loop_start(struct loop *loop, struct dns *d, void (*lost)(void *ctx), void *ctx)
{
	struct dns_loop *l = mem_new(sizeof(*l));

	*l = (struct dns_loop){ .loop = loop, .dns = d, .lost = lost, .ctx = ctx };
	if (!dns_start(d))
		die(EXIT_TRY_LATER, "event=dns state=cannot-start");
	watch(l);
	return l;
}

void
dns_loop_stop(struct dns_loop **l)
{
	if (*l == NULL)
		return;
	loop_fd_drop(&(*l)->watch);
	free(*l);
	*l = NULL;
}
