/*
 * turn_away: the shortest way to say no, for addresses that are blocked.
 *
 * It comes before anything else is spent on a connection: no session, no TLS, no
 * question to anybody.  An address that comes again within REPEAT_MS hears the
 * same ticket, under which the log has one line with the reason and how often it
 * came in the time before: a flood fills neither the log nor a core.
 */
#include "base/base.h"
#include "service/gate.h"
#include "service/pool.h"
#include "sys/clock.h"

#include <sys/socket.h>

#define REPEAT_MS 60000
/* Addresses remembered by a worker; more only cost a line each. */
#define REMEMBERED 64
#define WORDS_MAX 512

struct turned {
	struct addr peer;
	const char *listener;
	uint64_t until_ms;
	uint64_t again;		/* times since its line was logged */
	char ticket[SESSION_TICKET_DIGITS + 1];
};

static struct turned *
place_of(const struct addr *peer)
{
	static struct turned remembered[REMEMBERED];
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(peer->ip); i++)
		sum = sum * 31 + peer->ip[i];
	return &remembered[sum % REMEMBERED];
}

static void
log_turned(struct service *svc, struct turned *t, const char *listener, const struct addr *peer)
{
	bool is_same = addr_eq_ip(&t->peer, peer) && t->listener == listener;
	uint64_t again = is_same ? t->again : 0;
	char ip[ADDR_TEXT_MAX];

	*t = (struct turned){ .peer = *peer, .listener = listener, .until_ms = clock_ms() + REPEAT_MS };
	service_ticket(svc, t->ticket);
	addr_print(peer, ip, sizeof(ip));
	log_line(svc, t->ticket, ip, "event=check about=connect name=blocked value=yes weight=-100 total=-100");
	log_line(svc, t->ticket, ip, "event=refused reason=blocked listener=%s earlier=%llu",
		listener, (unsigned long long)again);
	log_flush(svc, false);
}

/* Blocks are of whole networks in IPv6, so a neighbour's may hold an address of the whitelist. */
static bool
is_turned_away(struct service *svc, const struct addr *peer)
{
	return svc->is_blocked != NULL && svc->is_blocked(svc, peer) &&
	       !(svc->gate != NULL && gate_standing_of(svc->gate, peer) == GATE_WHITE);
}

bool
turn_away(struct service *svc, const char *listener, int fd, const struct addr *peer)
{
	struct turned *t;
	char words[WORDS_MAX];

	if (!is_turned_away(svc, peer))
		return false;
	t = place_of(peer);
	if (addr_eq_ip(&t->peer, peer) && t->listener == listener && clock_ms() < t->until_ms)
		t->again++;
	else
		log_turned(svc, t, listener, peer);
	svc->say_blocked(svc, listener, t->ticket, words, sizeof(words));
	if (words[0] != '\0')
		(void)!send(fd, words, strlen(words), MSG_DONTWAIT | MSG_NOSIGNAL);
	return true;
}
