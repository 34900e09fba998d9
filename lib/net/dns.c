/*
 * dns: see dns.h.
 *
 * Everything that a context needs from files is read once into memory, so
 * that a new context can be made in a chroot when the resolver's process died.
 *
 * Invariants:
 * 1. Each query in `queries` is known to libunbound under async_id, and its
 *    callback has not run.  Those in `lost` were known to a process that is
 *    gone, and are called back one after the other.
 * 2. A query leaves its list before its callback runs, which may cancel any other.
 */
#include "base/base.h"
#include "net/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <unbound.h>

#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sys/file.h"

#define CLASS_IN 1
#define RCODE_NO_ERROR 0

struct query {
	struct query *next;
	struct dns *dns;
	uint64_t id;
	int async_id;
	dns_cb *cb;
	void *ctx;
};

struct dns {
	struct ub_ctx *ub;
	struct query *queries, *lost;
	uint64_t last_id;
	struct buf servers;	/* one "ip@port" a line */
	struct buf anchors;	/* resource records, one a line */
	bool cache;
};

static bool
read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && file_read_all(fd, out) == 0;

	file_close(&fd);
	return good;
}

/* Without any, libunbound asks the root. */
static void
servers_of_system(struct buf *out)
{
	struct buf text;

	buf_init(&text, LIMIT_DNS_FILE);
	if (read_file("/etc/resolv.conf", &text))
		dns_read_name_servers(buf_view(&text), out);
	buf_free(&text);
}

/* Comments and blank lines away; a record in brackets over lines is not understood. */
static bool
clean_anchors(struct span text, struct buf *out)
{
	struct span rest = text;

	while (rest.p != NULL) {
		struct span line = span_cut(&rest, '\n'), record = span_trim(span_cut(&line, ';'));

		if (span_find(record, '(') >= 0)
			return false;
		if (record.n > 0 && !(buf_span(out, record) && buf_char(out, '\n')))
			return false;
	}
	return out->n > 0;
}

static bool
each_line(struct ub_ctx *ub, const struct buf *lines, int (*tell)(struct ub_ctx *, const char *))
{
	struct span rest = buf_view(lines);

	while (rest.p != NULL) {
		struct span line = span_cut(&rest, '\n');
		char *text;
		int error;

		if (line.n == 0)
			continue;
		text = mem_copy(line);
		error = tell(ub, text);
		free(text);
		if (error != 0)
			return false;
	}
	return true;
}

static int
add_server(struct ub_ctx *ub, const char *server)
{
	return ub_ctx_set_fwd(ub, server);
}

static int
add_anchor(struct ub_ctx *ub, const char *record)
{
	return ub_ctx_add_ta(ub, record);
}

static bool
set_options(struct ub_ctx *ub, bool cache)
{
	static const char *const options[][2] = {
		/* a resolver of our own on this machine is the usual case */
		{ "do-not-query-localhost:", "no" },
		/* names of private networks are asked for like others */
		{ "unblock-lan-zones:", "yes" }, { "insecure-lan-zones:", "yes" },
		{ "use-syslog:", "no" }, { "verbosity:", "0" },
		/* that there is no such name is asked, and not concluded from other answers */
		{ "aggressive-nsec:", "no" },
		/* sockets for questions under way; 16 of a library's default are soon held by slow servers */
		{ "outgoing-range:", "256" }, { "outgoing-num-tcp:", "16" },
	};

	for (size_t i = 0; i < PB_COUNT(options); i++)
		if (ub_ctx_set_option(ub, options[i][0], options[i][1]) != 0)
			return false;
	return cache || ub_ctx_set_option(ub, "cache-max-ttl:", "0") == 0;
}

/*
 * A context that has read what it needs lazily: "localhost" is answered without
 * network.  "test" is a domain like others here: servers for trials use it
 * (RFC 6761 6.2), and libunbound would say that it does not exist.
 */
static struct ub_ctx *
new_context(const struct dns *d)
{
	struct ub_ctx *ub = ub_ctx_create();
	struct ub_result *r = NULL;

	if (ub == NULL)
		return NULL;
	ub_ctx_debugout(ub, NULL);
	if (set_options(ub, d->cache) && each_line(ub, &d->servers, add_server) &&
	    each_line(ub, &d->anchors, add_anchor) && ub_ctx_async(ub, 0) == 0 &&
	    ub_ctx_zone_add(ub, "test.", "transparent") == 0 &&
	    ub_resolve(ub, "localhost", DNS_A, CLASS_IN, &r) == 0) {
		ub_resolve_free(r);
		return ub;
	}
	ub_ctx_delete(ub);
	return NULL;
}

static bool
servers_of_settings(struct span list, struct buf *out)
{
	struct span word;

	while ((word = span_word(&list)).n > 0) {
		char ip[ADDR_TEXT_MAX];
		struct addr a;

		if (!addr_parse_port(word, 53, &a) ||
		    !buf_printf(out, "%s@%u\n", addr_print(&a, ip, sizeof(ip)), (unsigned)a.port))
			return false;
	}
	return true;
}

static bool
read_sources(struct dns *d, const char *servers, const char *anchor_file, char *error, size_t size)
{
	struct buf text;
	bool good;

	if (servers == NULL || span_trim(span_of(servers)).n == 0)
		servers_of_system(&d->servers);
	else if (!servers_of_settings(span_of(servers), &d->servers)) {
		snprintf(error, size, "DNS server: not an address: %s", servers);
		return false;
	}
	if (anchor_file == NULL || anchor_file[0] == '\0')
		return true;
	buf_init(&text, LIMIT_DNS_FILE);
	good = read_file(anchor_file, &text) && clean_anchors(buf_view(&text), &d->anchors);
	buf_free(&text);
	if (!good)
		snprintf(error, size, "dnsTrustAnchor: no records could be read from %s", anchor_file);
	return good;
}

struct dns *
dns_new(const char *servers, const char *trust_anchor, bool cache, char *error, size_t error_size)
{
	struct dns *d = mem_new(sizeof(*d));

	d->cache = cache;
	buf_init(&d->servers, LIMIT_DNS_FILE);
	buf_init(&d->anchors, LIMIT_DNS_FILE);
	if (!read_sources(d, servers, trust_anchor, error, error_size)) {
		dns_free(&d);
		return NULL;
	}
	d->ub = new_context(d);
	if (d->ub == NULL) {
		snprintf(error, error_size, "the resolver library does not start");
		dns_free(&d);
	}
	return d;
}

static void
free_queries(struct query *list)
{
	while (list != NULL) {
		struct query *q = list;

		list = q->next;
		free(q);
	}
}

void
dns_free(struct dns **d)
{
	if (*d == NULL)
		return;
	free_queries((*d)->queries);
	free_queries((*d)->lost);
	if ((*d)->ub != NULL)
		ub_ctx_delete((*d)->ub);
	buf_free(&(*d)->servers);
	buf_free(&(*d)->anchors);
	free(*d);
	*d = NULL;
}

/* Take a query out of a list; NULL when it is not there. */
static struct query *
pull(struct query **at, uint64_t id)
{
	struct query *q;

	while (*at != NULL && (*at)->id != id)
		at = &(*at)->next;
	q = *at;
	if (q != NULL)
		*at = q->next;
	return q;
}

static enum dns_outcome
outcome_of(int error, const struct ub_result *r)
{
	if (error != 0 || r == NULL)
		return DNS_FAIL;
	if (r->bogus)
		return DNS_BOGUS;
	if (r->nxdomain)
		return DNS_NO_NAME;
	if (r->rcode != RCODE_NO_ERROR)
		return DNS_FAIL;
	return r->havedata ? DNS_OK : DNS_NO_DATA;
}

/* The name at the end of a chain of aliases; "" when there is none, or none that a host can have. */
static void
canonical_of(const struct ub_result *r, char out[DNS_NAME_MAX])
{
	size_t n = r == NULL || r->canonname == NULL ? 0 : strlen(r->canonname);

	if (n > 0 && r->canonname[n - 1] == '.')
		n--;
	if (n >= DNS_NAME_MAX)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		out[i] = char_lower(r->canonname[i]);
		if (!char_is_alnum(out[i]) && out[i] != '-' && out[i] != '_' && out[i] != '.')
			n = 0;
	}
	out[n] = '\0';
}

static void
report(dns_cb *cb, void *ctx, enum dns_outcome outcome, const struct ub_result *r)
{
	struct dns_record records[LIMIT_DNS_RECORDS];
	char canonical[DNS_NAME_MAX];
	struct dns_answer a = { .outcome = outcome, .records = records, .canonical = canonical,
		.why = outcome == DNS_OK ? "" : dns_outcome_text(outcome) };

	canonical_of(r, canonical);
	if (r != NULL) {
		a.secure = r->secure != 0;
		a.ttl = r->ttl > 0 ? (uint32_t)r->ttl : 0;
	}
	if (outcome == DNS_OK)
		while (a.count < LIMIT_DNS_RECORDS && r->data[a.count] != NULL) {
			records[a.count] = (struct dns_record){
				.data = (const uint8_t *)r->data[a.count],
				.n = r->len[a.count] > 0 ? (size_t)r->len[a.count] : 0 };
			a.count++;
		}
	cb(ctx, &a);
}

/* libunbound has an answer, or has given up. */
static void
answered(void *p, int error, struct ub_result *r)
{
	struct query *q = p;

	(void)pull(&q->dns->queries, q->id);
	report(q->cb, q->ctx, outcome_of(error, r), r);
	free(q);
	ub_resolve_free(r);
}

static void
answer_dropped(void *p, int error, struct ub_result *r)
{
	(void)p, (void)error;
	ub_resolve_free(r);
}

bool
dns_start(struct dns *d)
{
	int id;

	/* any query forks the process; nobody waits for this one */
	return ub_resolve_async(d->ub, "localhost", DNS_A, CLASS_IN, NULL, answer_dropped, &id) == 0;
}

int
dns_fd(const struct dns *d)
{
	return ub_fd(d->ub);
}

/* The new context stands before the callbacks run: they may ask again. */
void
dns_restart(struct dns *d)
{
	struct query *q;

	d->lost = d->queries;
	d->queries = NULL;
	ub_ctx_delete(d->ub);
	d->ub = new_context(d);
	if (d->ub == NULL || !dns_start(d))
		die(EXIT_TRY_LATER, "event=dns state=cannot-start-again");
	while ((q = d->lost) != NULL) {
		d->lost = q->next;
		report(q->cb, q->ctx, DNS_FAIL, NULL);
		free(q);
	}
}

bool
dns_process(struct dns *d)
{
	return ub_process(d->ub) == 0;
}

uint64_t
dns_query(struct dns *d, struct span name, enum dns_type type, dns_cb *cb, void *ctx)
{
	char text[DNS_NAME_MAX];
	struct query *q;

	if (name.n == 0 || name.n >= sizeof(text) || memchr(name.p, 0, name.n) != NULL)
		return 0;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	q = mem_new(sizeof(*q));
	*q = (struct query){ .next = d->queries, .dns = d, .id = ++d->last_id, .cb = cb, .ctx = ctx };
	d->queries = q;
	if (ub_resolve_async(d->ub, text, (int)type, CLASS_IN, q, answered, &q->async_id) != 0) {
		(void)pull(&d->queries, q->id);
		free(q);
		return 0;
	}
	return q->id;
}

void
dns_cancel(struct dns *d, uint64_t id)
{
	struct query *q = pull(&d->queries, id);

	if (q != NULL)
		(void)ub_cancel(d->ub, q->async_id);
	else
		q = pull(&d->lost, id);
	free(q);
}
