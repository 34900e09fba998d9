/*
 * abuse: the state of abuse-check and its parts.
 */
#ifndef ABUSE_CHECK_ABUSE_H
#define ABUSE_CHECK_ABUSE_H

#include "base/base.h"
#include "base/limits.h"
#include "check/abuse_map.h"
#include "service/service.h"
#include "state/state.h"
#include "table.h"

/* What a rule counts (abuseDetection/rule/kind). */
enum rule_kind { RULE_DOS, RULE_BAD_SESSIONS, RULE_LOGIN_FAILURES, RULE_INTERNAL_SPAMMER };

struct rule {
	enum rule_kind kind;
	unsigned number;	/* its place in the settings, from 1 */
	bool by_sender;		/* RULE_INTERNAL_SPAMMER: match volume, else sameSize */
	uint32_t services;	/* bits */
	uint32_t frame_s;
	uint32_t count;
	uint32_t block_s;	/* 0: nobody is blocked */
	char notify[LIMIT_ADDRESS + 1];
	int64_t told_since_s;	/* clock_ms / 1000: when the hour of `told` began */
	uint32_t told;		/* notices in this hour */
	uint64_t untold;	/* crossings since the last notice that brought none */
};

/* Addresses that the settings name. */
struct listed {
	struct addr_range range;
	uint32_t services;	/* bits */
};

struct notices;

struct abuse {
	struct service svc;
	struct loop *loop;
	struct table *addresses;	/* what addresses did; open sessions */
	struct table *accounts;		/* failed log-ins of accounts; messages by sender or size */
	struct table *known;		/* who logged in from where */
	struct abuse_map *map;
	int map_fd;
	struct state *state;		/* blocks, kept over a restart */
	struct rule *rules;
	size_t rule_count;
	struct listed *white;
	size_t white_count;
	uint64_t most_open[ABUSE_SERVICES];	/* sessions at once from one address; 0: no limit */
	uint64_t most_of_user[ABUSE_SERVICES];	/* the same of one user */
	size_t clients;
	struct notices *notices;
};

/*
 * Purposes of entries in the tables: rules have their numbers, everything else
 * stands above them.
 */
enum purpose {
	PURPOSE_TOLD = 0x10000,		/* + number of the rule: a notice was made */
	PURPOSE_OPEN = 0x20000,		/* + service */
	PURPOSE_FAILED = 0x30000,	/* log-ins, of an address or an account */
	PURPOSE_KNOWN,			/* an account logged in from an address */
	PURPOSE_KNOWN_FAILED
};

/* rules.c: read the settings. */
void abuse_read_settings(struct abuse *a);
bool abuse_is_listed(const struct listed *list, size_t n, const struct addr *ip, int service);
/* Is all that is counted as one with ip (IPv6: its /64) in one range of the list? */
bool abuse_is_network_listed(const struct listed *list, size_t n, const struct addr *ip, int service);
const char *rule_kind_name(enum rule_kind kind);

/* Seconds of a clock that does not go back, for the tables. */
int64_t abuse_now_s(void);

/* decided.c: each line of `why` in the log; ip may be NULL; rest is "" or " key=value ...". */
void abuse_log_decision(struct abuse *a, const struct addr *ip, const char *about, const struct buf *why, const char *rest);
/* The same about a user of a service. */
void abuse_log_user_decision(struct abuse *a, const struct addr *ip, const char *about, int service, struct span user,
	const struct buf *why);
/* Room for the lines of one decision. */
#define ABUSE_WHY_SIZE 256

/* count.c: sessions of addresses, and what follows. */

/* What abuse_connect would say by lists and blocks, without counting anything. */
bool abuse_would_serve(const struct abuse *a, const struct addr *ip, int service, char *why, size_t size);
/* A session begins.  True: it is counted as open.  False: refuse it, `why` says so. */
bool abuse_connect(struct abuse *a, const struct addr *ip, int service, char *why, size_t size);
void abuse_disconnect(struct abuse *a, const struct addr *ip, int service);
void abuse_bad_session(struct abuse *a, const struct addr *ip, int service);
/* Count one event by all rules of its kind; block and tell where one is crossed. */
void abuse_apply_rules(struct abuse *a, const struct addr *ip, int service, enum rule_kind kind, struct span account);

/* users.c: sessions of users.  False: the user has as many as he may. */
struct user_session {
	uint8_t key[16];
	int service;
};
bool users_enter(struct abuse *a, const struct addr *ip, int service, struct span user, struct user_session *out);
void users_leave(struct abuse *a, const struct user_session *u);

/* logins.c: `ip` NULL for a caller without an address.  Returns the milliseconds that the answer should wait. */
uint32_t logins_failed(struct abuse *a, const struct addr *ip, int service, struct span user);
void logins_good(struct abuse *a, const struct addr *ip, struct span user);

/*
 * messages.c: somebody we relay for sent a message; `from` is the account or empty,
 * ip NULL for a local program.
 */
void messages_count(struct abuse *a, const struct addr *ip, struct span from, uint64_t size);

/*
 * hours.c: "ok", and the message is counted for each of the limits of the request, or
 * "held who= limit= first=0|1".  bounced: for the mailbox and its domain.
 */
struct request;
void hours_spend(struct abuse *a, const struct request *q, struct buf *reply);
void hours_bounced(struct abuse *a, struct span address);

/* blocks.c: blocks in the map and in the database. */
void blocks_open(struct abuse *a, const char *home);
void blocks_tend(struct abuse *a);
/* For each of the services (bits); never makes a block shorter. */
void blocks_add(struct abuse *a, const struct addr *ip, uint32_t services, uint32_t seconds, struct span reason);
/* How many there were of the services (bits). */
unsigned blocks_lift(struct abuse *a, const struct addr *ip, uint32_t services);
/*
 * Begin a reply with present blocks, each `block=IP SERVICE SECONDS-LEFT REASON`, in the
 * order of their keys; `from` as blocks_list put it into `next=` when not all had
 * room, SPAN_NONE for the first.  of: only those of this address; NULL: all.
 */
void blocks_list(struct abuse *a, const struct addr *of, struct span from, struct buf *reply);

/* clients.c: the connections. */
void clients_serve(struct abuse *a);

/* control.c: requests of mailctl. */
void control_begin(struct abuse *a);

#endif
