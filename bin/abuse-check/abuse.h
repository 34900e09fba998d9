/*
 * abuse: the state of abuse-check and its parts.
 */
#ifndef ABUSE_CHECK_ABUSE_H
#define ABUSE_CHECK_ABUSE_H

#include "base/base.h"
#include "check/abuse_map.h"
#include "service/service.h"
#include "state/state.h"
#include "table.h"

/* What a rule counts (abuseDetection/rule/kind). */
enum rule_kind { RULE_CONNECTIONS, RULE_BAD_SESSIONS, RULE_LOGINS };

struct rule {
	enum rule_kind kind;
	uint32_t services;	/* bits */
	uint32_t frame_s;
	uint32_t count;
	uint32_t block_s;
};

/* Addresses that the settings name. */
struct listed {
	struct addr_range range;
	uint32_t services;	/* bits */
};

struct abuse {
	struct service svc;
	struct loop *loop;
	struct table *table;
	struct abuse_map *map;
	int map_fd;
	struct state *state;		/* blocks, kept over a restart */
	struct rule *rules;
	size_t rule_count;
	struct listed *black, *white;
	size_t black_count, white_count;
	uint64_t most_open[ABUSE_SERVICES];	/* sessions at once from one address; 0: no limit */
	size_t clients;
};

/* rules.c: read the settings. */
void abuse_read_settings(struct abuse *a);
bool abuse_is_listed(const struct listed *list, size_t n, const struct addr *ip, int service);

/* count.c: what happened, and what follows. */

/* What abuse_connect would say by lists and blocks, without counting anything. */
bool abuse_would_admit(const struct abuse *a, const struct addr *ip, int service, char *why, size_t size);
/* A session begins.  True: it is counted as open.  False: refuse it, `why` says so. */
bool abuse_connect(struct abuse *a, const struct addr *ip, int service, char *why, size_t size);
void abuse_disconnect(struct abuse *a, const struct addr *ip, int service);
void abuse_bad_session(struct abuse *a, const struct addr *ip, int service);
/* Returns the milliseconds that the answer should wait. */
uint32_t abuse_failed_login(struct abuse *a, const struct addr *ip, int service, struct span user);
void abuse_good_login(struct abuse *a, const struct addr *ip, int service);

/* blocks.c: blocks in the map and in the database. */
void blocks_open(struct abuse *a, const char *home);
void blocks_tend(struct abuse *a);
void blocks_add(struct abuse *a, const struct addr *ip, uint32_t services, uint32_t seconds, const char *why);
bool blocks_lift(struct abuse *a, const struct addr *ip);
/*
 * Begin a reply with present blocks, each `block=IP SECONDS-LEFT SERVICE...`, in the order
 * of their keys; `from` as blocks_list put it into `next=` when not all had room,
 * SPAN_NONE for the first.
 */
void blocks_list(struct abuse *a, struct span from, struct buf *reply);

/* clients.c: the connections. */
void clients_serve(struct abuse *a);

/* control.c: requests of mailctl. */
void control_begin(struct abuse *a);

#endif
