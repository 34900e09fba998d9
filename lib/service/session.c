/*
 * session: one connection, the same in a worker and on fd 0/1.
 */
#include "base/base.h"
#include "service/session.h"
#include "base/num.h"
#include "service/pool.h"
#include "service/scoreboard.h"
#include "service/service.h"
#include "sys/clock.h"
#include "sys/peer.h"

/* Longest line or look-ahead: the longest protocol line of any program. */
#define LOOK_AHEAD 16384
/* Replies that stand in the buffer when the session function returns. */
#define LAST_FLUSH_MS 5000
/* A client that was sending when it was cut off: to hear why, it may go on this long. */
#define LINGER_QUIET_MS 500
#define LINGER_MS 2000
#define LINGER_BYTES 1048576

/* One end as tcpserver and its kind tell it: TCPREMOTEIP and TCPREMOTEPORT. */
static bool
addr_from_environment(const char *ip_name, const char *port_name, struct addr *out)
{
	const char *ip = getenv(ip_name), *port = getenv(port_name);
	uint32_t number = 0;

	if (ip == NULL || !addr_parse(span_of(ip), out))
		return false;
	if (port != NULL && num_parse_u32(span_of(port), 65535, &number))
		out->port = (uint16_t)number;
	return true;
}

static void
find_ends(struct session *s, int fd, bool from_environment)
{
	struct ucred who;

	s->peer_uid = (uid_t)-1;
	if (!(from_environment && addr_from_environment("TCPREMOTEIP", "TCPREMOTEPORT", &s->peer))
	    && addr_of_peer(fd, &s->peer) != 0)
		s->peer = (struct addr){ .family = AF_UNIX };
	if (!(from_environment && addr_from_environment("TCPLOCALIP", "TCPLOCALPORT", &s->local))
	    && addr_of_local(fd, &s->local) != 0)
		s->local = (struct addr){ .family = AF_UNIX };
	s->is_local = s->peer.family != AF_INET && s->peer.family != AF_INET6;
	if (s->is_local && peer_cred(fd, &who) == 0)
		s->peer_uid = who.uid;
}

/* What follows from who the peer is. */
static void
place_peer(struct session *s)
{
	if (s->is_local)
		(void)snprintf(s->ip, sizeof(s->ip), "local");
	else
		addr_print(&s->peer, s->ip, sizeof(s->ip));
	s->standing = s->is_local || s->svc->gate == NULL ? GATE_UNLISTED
		: gate_standing_of(s->svc->gate, &s->peer);
	s->is_known = s->is_local || s->standing == GATE_WHITE;
}

void
session_set_ends(struct session *s, const struct addr *peer, const struct addr *local)
{
	s->peer = *peer;
	s->local = *local;
	place_peer(s);
	(void)snprintf(s->score->ip, sizeof(s->score->ip), "%s", s->ip);
}

static void
score_begin(const struct session *s)
{
	struct score *c = s->score;

	c->connected_ms = (uint64_t)clock_wall_ms();
	c->bytes_in = c->bytes_out = c->waiting_ms = 0;
	(void)snprintf(c->listener, sizeof(c->listener), "%s", s->listener);
	(void)snprintf(c->ip, sizeof(c->ip), "%s", s->ip);
	(void)snprintf(c->ticket, sizeof(c->ticket), "%s", s->ticket);
	c->user[0] = c->doing[0] = '\0';
	c->sessions++;
	__atomic_store_n(&c->state, SCORE_BUSY, __ATOMIC_RELEASE);
}

void
session_show(struct session *s, const char *state, const char *user)
{
	(void)snprintf(s->score->doing, sizeof(s->score->doing), "%s", state);
	(void)snprintf(s->score->user, sizeof(s->score->user), "%s", user);
	s->score->bytes_in = s->io.bytes_in;
	s->score->bytes_out = s->io.bytes_out;
}

/* Not while places run out: then every moment of a worker is for the next. */
static void
linger(struct session *s)
{
	if (s->lingers && !s->is_local && !pressure_is_crowded(s->svc->pressure))
		stream_linger(&s->io, LINGER_QUIET_MS, LINGER_MS, LINGER_BYTES);
}

void
session_serve(struct service *svc, session_call *call, const char *listener, struct score *score,
	int fd_in, int fd_out)
{
	struct session s = { .svc = svc, .listener = listener, .score = score };

	find_ends(&s, fd_in, svc->channel < 0);
	place_peer(&s);
	s.in_reserve = svc->in_reserve;
	session_crowd_new(&s);
	service_ticket(svc, s.ticket);
	if (fd_in == fd_out)
		stream_init(&s.io, fd_in, LOOK_AHEAD);
	else
		stream_init_pair(&s.io, fd_in, fd_out, LOOK_AHEAD);
	score_begin(&s);
	if (gate_pass_proxy(&s))
		call(&s);
	stream_timeout(&s.io, LAST_FLUSH_MS);
	(void)stream_end(&s.io);	/* the peer may be gone, which ends it just as well */
	linger(&s);
	stream_close(&s.io);
	__atomic_store_n(&score->state, SCORE_IDLE, __ATOMIC_RELEASE);
	if (s.ends_worker)
		svc->is_leaving = true;
}

void
session_log_connect(const struct session *s)
{
	char at[ADDR_TEXT_MAX + 8];

	if (s->is_local)
		log_line(s->svc, s->ticket, s->ip, "event=connect listener=%s", s->listener);
	else
		log_line(s->svc, s->ticket, s->ip, "event=connect at=%s listener=%s",
			addr_print_port(&s->local, at, sizeof(at)), s->listener);
}
