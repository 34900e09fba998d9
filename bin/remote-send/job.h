/*
 * job: one message for recipients of one domain, on its way through
 * remote-send.
 *
 * schedule asks by the record
 *	send job= id= session= from= size= envid= ret= domain= [host=] [auth=ACCOUNT author=ADDRESS] [forwarder=DOMAIN] rcpt=N ADDRESS ...
 *	     [smtputf8=1] [requiretls=1] [mt-priority=N] [by=TIME by-mode=R|N[T]]
 *	     [notify=N VALUE] ... [orcpt=N VALUE] ... [priority=N]
 * with a descriptor of the message, open for reading; the parent adds where to
 * go and gives it to an agent under a number of its own:
 *	send job= ... target=PREFERENCE IP PORT HOST ... [tls=RULE DANE STS HAS SAFE BASE HOST]
 *	     [tlsa=N USAGE SELECTOR MATCHING BASE64] ... [gateway=PREFERENCE IMPLICIT USER PASSWORD] ...
 * where tls= tells the facts for policy/tls_out.h, once a host, HAS and SAFE being
 * 0 or 1; BASE is the name whose TLSA records these are ("-": nobody's), and N the
 * place of its tls=, from 0; gateway= tells how to speak to the targets of its
 * preference, IMPLICIT being 0 or 1, USER and PASSWORD base64, "-" for none.
 *	send job= ... target=PREFERENCE IP PORT HOST ... [sign=DOMAIN [rsa=SELECTOR] [ed25519=SELECTOR]]
 * The agent asks its parent for what it needs to sign (DKIM):
 *	sign job= selector= digest=HEX		-> signature job= [text=BASE64]
 * The question how long the queue of a gateway is (length.h) is such a record too,
 * with the verb `ask`, without recipients and descriptor, answered by
 *	asked job= queue=N, or asked job= failed=TEXT
 * Both others are answered by
 *	sent job= result=N CODE STATUS TEXT ... [dsn=N] ... [by=N] ... [dns=1] [kept=IP:PORT]
 * with one result for each recipient; dsn=N and by=N: the host that took it
 * took over its NOTIFY, or the time by which it is to be delivered.  dns=1: the domain did not resolve;
 * kept: the agent still holds a connection to that address.  Agents add
 *	[tls=N TYPE RESULT FROM] ...
 * N being the place of a target, from 0, and the rest its struct target_report.
 */
#ifndef REMOTE_SEND_JOB_H
#define REMOTE_SEND_JOB_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/record.h"
#include "base/verdict.h"
#include "net/addr.h"
#include "net/dns.h"
#include "net/tlsa.h"
#include "policy/tls_out.h"

/* Fields of the record as an agent gets it: with what is known of each host's TLS, and how to log in there. */
#define JOB_ROUTED_FIELDS (LIMIT_JOB_FIELDS + LIMIT_MX_HOSTS * (2 + LIMIT_TLSA_RECORDS))

#define JOB_KEYS 2		/* kinds of keys: enum dkim_kind */

struct target {
	uint16_t preference;
	struct addr addr;		/* with port */
	char host[DNS_NAME_MAX];	/* the name it was found by, for SNI and logs */
	struct target_report {		/* what a session with it had to tell (RFC 8460 4.3) */
		enum tls_policy_type type;
		char result[28];	/* "success" or a result type; "": there was none */
		char from[ADDR_TEXT_MAX];	/* our address; "" without connection */
	} report;
};

/* What is known about TLS of one host; those of a job's targets, by their name. */
struct target_tls {
	char host[DNS_NAME_MAX];
	char base[DNS_NAME_MAX];	/* TLSA base domain (RFC 7672 2.2.3); "" without records */
	struct policy_tls_out facts;
	struct tlsa tlsa[LIMIT_TLSA_RECORDS];	/* usable ones; data lies in the job */
	size_t tlsa_count;
};

/* An outgoing gateway that the message may go through. */
struct job_gateway {
	const char *address;		/* the settings'; NULL in an agent */
	uint16_t port;
	int64_t queue;			/* messages that it says it has; -1: not known.  For the parent alone */
	enum tls_rule tls;		/* for the parent alone: the agent has it in tls= */
	bool implicit_tls;
	char user[LIMIT_LOGIN_NAME + 1];	/* "": no log-in */
	char password[LIMIT_PASSWORD + 1];
	bool only_proven;		/* the password goes to nobody who has not proven who he is */
};

struct job_rcpt {
	uint32_t number;
	struct span address;
	unsigned notify;		/* SMTP_NOTIFY_ bits; 0 when not given */
	struct span orcpt;
	bool decided;
	bool dsn_passed, by_passed;	/* see above */
	struct verdict verdict;		/* valid when decided */
};

/* Spans point into the record that it was read from. */
struct job {
	uint64_t number;
	bool asks;			/* only how long its gateway's queue is */
	uint64_t id;
	char session[16];		/* ticket; "" when there is none */
	struct span from;		/* empty: the null reverse-path */
	struct span envid, ret;
	bool smtputf8, requiretls;	/* the next host must know RFC 6531, RFC 8689 */
	bool tls_waived;		/* its header says TLS-Required: No (RFC 8689 5); known to agents only */
	int mt_priority;		/* RFC 6710; 0 when not given */
	int64_t by;			/* RFC 2852, seconds since 1970; 0 none */
	char by_mode;
	bool by_trace;
	struct span domain;
	struct span host;		/* fixed route "HOST" or "HOST:PORT"; empty: by MX */
	size_t count;
	struct job_rcpt rcpt[LIMIT_JOB_RECIPIENTS];
	uint32_t priority;		/* 1 to 10; 5 when not given */
	bool is_backup;			/* the domain was looked up, and this server is one of its MX hosts */
	size_t gateway_count;
	struct job_gateway gateway[LIMIT_MX_HOSTS];	/* by preference of targets; none: no gateways */
	struct span auth, author;	/* who submitted it, and whom From: names; empty: not a user of ours */
	struct span forwarder;		/* the domain of the alias that passes it on, when its sender is to be rewritten (SRS) */
	char rewritten[LIMIT_ADDRESS + 1];	/* text that from points into then */
	struct span sign;		/* the domain in whose name it is signed; empty: not at all */
	struct span selector[JOB_KEYS];	/* of its keys by kind, empty where there is none */
	char kept[LIMIT_DOMAIN + 160];	/* text that sign and selector point into, unless it is the record's */
	struct span signatures;		/* DKIM-Signature fields that go before it; of the agent that made them */
	size_t target_count;
	struct target target[LIMIT_SEND_TARGETS];
	size_t tls_count;
	struct target_tls tls[LIMIT_MX_HOSTS];
	size_t tlsa_bytes;
	uint8_t tlsa_data[LIMIT_JOB_TLSA_BYTES];
};

/* False when the record is no job; it must outlive *out. */
bool job_read(const struct record *r, struct job *out) PB_MUST_CHECK;

/* Only where it goes and how urgent it is: number, domain, host and priority of a job without recipients. */
bool job_read_place(const struct record *r, struct job *out) PB_MUST_CHECK;

/* The targets alone, as in a job. */
void job_print_targets(const struct job *j, struct buf *out);

/* The job as the agent gets it. */
void job_print(const struct job *j, uint64_t number, struct buf *out);

/* What is known about TLS of a target's host; a new entry when there is none. NULL: no room. */
struct target_tls *job_tls(struct job *j, const char *host);

/* Keep a usable record, its data copied; false when there is no room for it. */
bool job_add_tlsa(struct job *j, struct target_tls *tls, const struct tlsa *record) PB_MUST_CHECK;

/* What was found out for another way is forgotten. */
void job_forget_targets(struct job *j);

/* How to speak to a target; NULL when it is no gateway. */
const struct job_gateway *job_gateway_of(const struct job *j, const struct target *t);

/* Passwords are to be gone when the job is over. */
void job_forget_secrets(struct job *j);

/* Decide all recipients that are not decided yet. */
void job_decide(struct job *j, const struct verdict *v);

/* The answer; recipients that are not decided are left out. */
void job_answer(const struct job *j, struct buf *out);

/* The reports of the targets, behind it: for the parent alone. */
void job_add_reports(const struct job *j, struct buf *out);

/* Take an agent's results: only those of recipients of this job, each once. */
void job_take_answer(struct job *j, const struct record *answer);

#endif
