/*
 * refresh: when files are compared with the index: all at the start, and what mailctl tells.
 */
#include "base/base.h"
#include "refresh_private.h"

#include <fcntl.h>
#include "base/die.h"
#include "base/mem.h"

#define SCAN_STEP 100

struct refresh *
refresh_new(struct service *svc)
{
	struct refresh *r = mem_new(sizeof(*r));

	r->svc = svc;
	r->domains_fd = instance_openat(&svc->instance, "domains", O_PATH | O_DIRECTORY, 0);
	r->etc_fd = instance_openat(&svc->instance, "etc", O_PATH | O_DIRECTORY, 0);
	if (r->domains_fd < 0 || r->etc_fd < 0)
		die(EXIT_NO_OBJECT, "cannot open domains/ or etc/: %m");
	return r;
}

/* -- the scan ------------------------------------------------------------- */

static void scan_step(void *ctx);

static void
scan_later(struct refresh *r)
{
	r->scanning = true;
	index_hide(r->ix, true);
	loop_timer(r->loop, 0, scan_step, r);
}

/* Open the users of the next domain; false when there is none. */
static bool
scan_next_domain(struct refresh *r)
{
	char next[LIMIT_DOMAIN + 1];

	if (!index_next_domain(r->ix, span_of(r->scan_domain), next))
		return false;
	memcpy(r->scan_domain, next, sizeof(r->scan_domain));
	refresh_user_gone(r, span_of(r->scan_domain));
	r->scan_dir = refresh_user_folder(r, span_of(r->scan_domain));
	return true;
}

static void
scan_step(void *ctx)
{
	struct refresh *r = ctx;

	if (r->scan_dir == NULL && !scan_next_domain(r)) {
		r->scanning = false;
		index_hide(r->ix, false);
		log_line(r->svc, NULL, NULL, "event=directory-compared");
		return;
	}
	if (r->scan_dir != NULL && !refresh_user_some(r, span_of(r->scan_domain), r->scan_dir, SCAN_STEP)) {
		closedir(r->scan_dir);
		r->scan_dir = NULL;
	}
	scan_later(r);
}

static void
scan_begin(struct refresh *r)
{
	bool running = r->scanning;

	if (r->scan_dir != NULL)
		closedir(r->scan_dir);
	r->scan_dir = NULL;
	r->scan_domain[0] = '\0';
	if (!running)
		scan_later(r);
}

/* -- all ------------------------------------------------------------------ */

static void
compare_domains(struct refresh *r)
{
	char domain[LIMIT_DOMAIN + 1] = "", next[LIMIT_DOMAIN + 1];
	struct domain d;

	refresh_list(r);
	while (index_next_domain(r->ix, span_of(domain), next)) {
		memcpy(domain, next, sizeof(domain));
		if (!index_domain(r->ix, span_of(domain), &d))
			continue;
		refresh_domain_read(r, span_of(domain), d.folder);
		refresh_domain_aliases(r, span_of(domain), d.folder);
	}
}

void
refresh_start(struct refresh *r, struct index *ix, struct helpers *h, struct loop *loop)
{
	r->ix = ix;
	r->helpers = h;
	r->loop = loop;
	compare_domains(r);
	scan_begin(r);
}

void
refresh_on_gone(struct refresh *r, refresh_gone *gone, void *ctx)
{
	r->user_gone = gone;
	r->gone_ctx = ctx;
}

bool
refresh_is_scanning(const struct refresh *r)
{
	return r->scanning;
}

void
refresh_all(struct refresh *r)
{
	index_drop_all(r->ix);
	compare_domains(r);
	scan_begin(r);
}
