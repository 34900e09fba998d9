/*
 * gate: see gate.h.
 *
 * A trusted proxy must send its header: whoever guesses whether one came can be
 * led to believe a client's.
 */
#include "base/base.h"
#include "service/gate.h"
#include "base/mem.h"
#include "net/proxy.h"
#include "service/ip_list.h"
#include "service/service.h"

/* Proxies send their header with the first segment. */
#define PROXY_WAIT_MS 10000

void
gate_open(struct service *svc, const char *flag)
{
	struct gate *g = mem_new(sizeof(*g));

	ip_list_add(&g->white, svc->settings, "whitelist/entry", flag);
	ip_list_add(&g->black, svc->settings, "blacklist/entry", flag);
	ip_list_add_plain(&g->proxies, svc->settings, "proxyTrusted/address");
	addr_set_seal(&g->white);
	addr_set_seal(&g->black);
	addr_set_seal(&g->proxies);
	svc->gate = g;
}

enum gate_standing
gate_standing_of(const struct gate *g, const struct addr *a)
{
	if (addr_set_has(&g->white, a))
		return GATE_WHITE;
	return addr_set_has(&g->black, a) ? GATE_BLACK : GATE_UNLISTED;
}

static bool
fail(struct session *s, const char *why)
{
	log_failure(s->svc, s->ticket, s->ip, "event=proxy-failed why=\"%s\"", why);
	return false;
}

bool
gate_pass_proxy(struct session *s)
{
	struct proxy_header h;
	enum proxy_result r;
	char by[ADDR_TEXT_MAX];

	if (s->svc->gate == NULL || s->is_local || !addr_set_has(&s->svc->gate->proxies, &s->peer))
		return true;
	stream_timeout(&s->io, PROXY_WAIT_MS);
	while ((r = proxy_parse(stream_peek(&s->io), &h)) == PROXY_MORE) {
		enum stream_result got = stream_fill(&s->io);

		if (got != LINE_OK)
			return fail(s, stream_why(&s->io, got));
	}
	if (r == PROXY_BAD)
		return fail(s, "no PROXY header, or a bad one");
	stream_skip(&s->io, h.length);
	if (!h.has_ends)
		return true;	/* the proxy itself: a health check */
	(void)snprintf(by, sizeof(by), "%s", s->ip);
	session_set_ends(s, &h.source, &h.destination);
	log_line(s->svc, s->ticket, s->ip, "event=proxied by=%s", by);
	return true;
}

/* Version 2's signature, read as lines; the last one ends by LF alone. */
static const struct span proxy_lines[] = { { "", 0 }, { "", 0 }, { "\0", 1 }, { "QUIT", 4 } };

bool
gate_is_uninvited_proxy(struct session *s, struct span line)
{
	size_t seen = s->proxy_lines;
	bool v1, v2;

	if (seen == PB_COUNT(proxy_lines))
		return false;
	v1 = seen == 0 && span_starts(line, SPAN("PROXY "));
	v2 = span_eq(line, proxy_lines[seen]);
	s->proxy_lines = v2 ? (unsigned)seen + 1 : PB_COUNT(proxy_lines);
	if (!v1 && !(v2 && s->proxy_lines == PB_COUNT(proxy_lines) && s->io.bare_lf))
		return false;
	log_failure(s->svc, s->ticket, s->ip, "event=proxy-refused version=%d", v1 ? 1 : 2);
	return true;
}
