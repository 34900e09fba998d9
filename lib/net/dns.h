/*
 * dns: look-ups by libunbound, asynchronous, cached, validated.
 *
 * One context a process, in parents only.  The resolver itself runs in a child
 * process that libunbound forks with the first query: so the parent has no
 * threads and may fork, a crash of the resolver costs only the answers that
 * were awaited (they become DNS_FAIL, and the next query starts another
 * child), and the child lives under the filter of the parent's role.
 *
 * dns_new reads the trust anchor and resolv.conf: call it before confinement.
 * dns_start forks the child: call it after confinement, and before there are
 * descriptors that the child must not hold.  dns_fd goes into the event loop;
 * when it can be read, dns_process runs the callbacks.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "net/addr.h"

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28, DNS_TLSA = 52 };

enum dns_outcome {
	DNS_OK,			/* at least one record */
	DNS_NO_NAME,		/* NXDOMAIN: the name does not exist */
	DNS_NO_DATA,		/* the name exists, has no record of this type */
	DNS_FAIL,		/* SERVFAIL, refused, timed out, malformed: try later */
	DNS_BOGUS		/* DNSSEC says that the answer is forged: try later */
};

#define DNS_NAME_MAX 256	/* text with NUL (RFC 1035 2.3.4) */

struct dns_record {
	const uint8_t *data;	/* as on the wire, names uncompressed */
	size_t n;
};

/* Valid during the callback. */
struct dns_answer {
	enum dns_outcome outcome;
	bool secure;		/* validated by DNSSEC */
	uint32_t ttl;		/* seconds */
	const struct dns_record *records;	/* at most LIMIT_DNS_RECORDS */
	size_t count;
	const char *canonical;	/* the name that has them, where the one asked for is an alias; lower case, else "" */
	const char *why;	/* one line for logs when the outcome is not DNS_OK */
};

/* For machines that say what they want to know and leave the asking to others. */
struct dns_question {
	enum dns_type type;
	char name[DNS_NAME_MAX];	/* labels of any bytes but NUL, parted by dots */
};

struct dns;
typedef void dns_cb(void *ctx, const struct dns_answer *answer);

/*
 * servers: "ip" or "ip@port" of those to ask, separated by blanks; NULL or ""
 * for those of the system's resolv.conf.
 * trust_anchor: file with DS or DNSKEY records; NULL or "" for no validation.
 * cache: keep answers for their TTL.  NULL with a line in error (of error_size).
 */
struct dns *dns_new(const char *servers, const char *trust_anchor, bool cache, char *error, size_t error_size);
void dns_free(struct dns **d);

/* Start the resolver's process now; true when it runs. */
bool dns_start(struct dns *d) PB_MUST_CHECK;

int dns_fd(const struct dns *d);
/*
 * Run the callbacks of answers that have come.  False: the resolver's process
 * is lost; the caller stops watching dns_fd, calls dns_restart, and watches
 * the new one.
 */
bool dns_process(struct dns *d) PB_MUST_CHECK;

/* A new process; the open queries get DNS_FAIL.  Dies when that is impossible. */
void dns_restart(struct dns *d);

/*
 * Ask; cb runs once, from dns_process or dns_restart.  Returns an id for
 * dns_cancel, or 0 when this cannot be asked, as a name that is too long: then
 * cb does not run.  Nothing limits how long an answer takes but libunbound's
 * own patience of minutes: the caller has a timer and cancels.
 */
uint64_t dns_query(struct dns *d, struct span name, enum dns_type type, dns_cb *cb, void *ctx);
void dns_cancel(struct dns *d, uint64_t id);

/* Records as values; false when malformed. */
struct dns_mx {
	uint16_t preference;
	char host[DNS_NAME_MAX];	/* lower case, no final dot; "" is the null MX (RFC 7505) */
};
bool dns_read_mx(const struct dns_record *r, struct dns_mx *out) PB_MUST_CHECK;
bool dns_read_addr(const struct dns_record *r, enum dns_type type, struct addr *out) PB_MUST_CHECK;
/* A name in wire form to text; also for PTR.  Bytes that no host name has make it fail. */
bool dns_read_name(const uint8_t *p, size_t n, char out[DNS_NAME_MAX]) PB_MUST_CHECK;
/* The same for a name of any bytes but dot and NUL in its labels, to be asked for only. */
bool dns_read_any_name(const uint8_t *p, size_t n, char out[DNS_NAME_MAX]) PB_MUST_CHECK;

/*
 * The strings of a TXT record, appended as one (RFC 7208 3.3).  False when they do not
 * fill it exactly or out overflows; out has then what came before.
 */
bool dns_read_text(const struct dns_record *r, struct buf *out) PB_MUST_CHECK;

/* The first LIMIT_NAME_SERVERS "nameserver" lines of a resolv.conf, one address a line. */
void dns_read_name_servers(struct span text, struct buf *out);

/* Text of an outcome for logs: "no such name" and so on. */
const char *dns_outcome_text(enum dns_outcome o);

#endif
