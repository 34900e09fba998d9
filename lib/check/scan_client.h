/*
 * scan_client: ask scan-check for facts about a connection and an envelope.
 *
 * One client is one SOCK_SEQPACKET connection to the socket "scan"; it may be
 * used by one thread at a time: a program with threads has a client for each.
 * Questions block for at most budget_ms.  Everything fails open: a scan-check
 * that is down, busy or late gives the unknown result, and scan_client_why
 * says which for the log.  What came too late is in scan-check's cache when
 * the same is asked again.
 *
 * Texts may come from hostile peers as they are: what cannot be a name or an
 * address is answered as such.  `ip` is the address that the question is about:
 * for mail of an own gateway the caller passes the address before it.
 */
#ifndef CHECK_SCAN_CLIENT_H
#define CHECK_SCAN_CLIENT_H

#include "base/base.h"
#include "base/span.h"
#include "check/scan_result.h"
#include "net/addr.h"

#define SCAN_NAME_MAX 256		/* with NUL */
#define SCAN_PROBLEM_MAX 128

/* Patience of a listener with one question. */
#define SCAN_BUDGET_MS 5000

struct scan_client;

/*
 * fd is a connected socket, then owned; -1: everything is unknown.  A lost
 * connection is not made anew: for workers that may not connect, which ask
 * scan_client_is_lost between sessions and end to be replaced.
 */
struct scan_client *scan_client_new(int fd);

/* The same after connecting to the socket at path, which is not waited for. */
struct scan_client *scan_client_once(const char *path);

/*
 * Connects to the socket at path (relative to the working directory) with the
 * first question, and again after a loss, at most once a second.
 */
struct scan_client *scan_client_open(const char *path);

void scan_client_free(struct scan_client **c);

/* There is no connection (any more). */
bool scan_client_is_lost(const struct scan_client *c);

/* Why the last answer was unknown: "" when it was not; one line, no codes. */
const char *scan_client_why(const struct scan_client *c);

struct scan_spf {
	enum scan_spf_result result;
	char domain[SCAN_NAME_MAX];	/* whose policy: of mail_from, or helo when that is empty */
	char problem[SCAN_PROBLEM_MAX];	/* of temperror and permerror: one line for people */
};

/*
 * SPF (RFC 7208) for the client's address.  mail_from without brackets; empty
 * for the null reverse-path: then postmaster@helo is checked (2.4).
 */
void scan_spf(struct scan_client *c, const struct addr *ip, struct span helo, struct span mail_from,
	unsigned budget_ms, struct scan_spf *out);

/* The domain of an envelope sender, without "@". */
enum scan_domain_result scan_sender_domain(struct scan_client *c, struct span domain, unsigned budget_ms);

/* At most LIMIT_SCAN_RANGES of the ranges are asked about. */
enum scan_mx_result scan_mx_points_to(struct scan_client *c, struct span domain,
	const struct addr_range *ranges, size_t count, unsigned budget_ms);

/* name_out (may be NULL) gets the name, the confirmed one first; "" without. */
enum scan_reverse_result scan_reverse(struct scan_client *c, const struct addr *ip, unsigned budget_ms,
	char name_out[SCAN_NAME_MAX]);

enum scan_helo_result scan_helo(struct scan_client *c, struct span name, const struct addr *ip, unsigned budget_ms);

#endif
