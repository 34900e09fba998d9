/*
 * config: the settings of smtp-listen, read once into plain values where a
 * session would ask for them again and again.  A few that it asks once or
 * seldom, as texts and lists by name, it reads from `settings`.
 */
#ifndef SMTP_LISTEN_CONFIG_H
#define SMTP_LISTEN_CONFIG_H

#include "base/base.h"
#include "config/settings.h"
#include "gateways.h"
#include "net/addr_set.h"
#include "policy/envelope.h"
#include "policy/smtp_in.h"
#include "policy/transfer.h"

/* Who may start the queue for a domain. */
enum config_etrn { ETRN_NOBODY, ETRN_TRUSTED, ETRN_ANYONE };

enum config_received { RECEIVED_ALL, RECEIVED_AUTHENTICATED, RECEIVED_NONE };

/* When a policy server is asked. */
enum config_delegate_state { DELEGATE_AT_RCPT, DELEGATE_AT_DATA, DELEGATE_AT_END };

/* Where greylist-check listens. */
#define CONFIG_GREYLIST "unix:greylist"

struct config_milter {
	const char *socket;		/* as in net/endpoint.h */
	int contact;			/* of contact_add */
	enum policy_fail fail_mode;
	uint64_t timeout_ms;		/* for one answer */
	enum config_delegate_state state;	/* of policy servers */
};

struct config {
	const struct settings *settings;
	uint64_t session_timeout_ms;
	uint64_t command_timeout_ms;
	uint64_t transaction_timeout_ms;
	uint64_t data_timeout_ms;
	uint64_t max_bad_commands;	/* 0: no limit, as the next four */
	uint64_t max_bad_recipients;
	uint64_t max_messages;
	uint64_t max_size;		/* bytes, as announced */
	uint64_t most_bytes;		/* max_size, and LIMIT_MESSAGE for "no limit" */
	uint64_t max_connections;
	unsigned max_hops;
	size_t max_line;		/* of a message */
	bool normalize;			/* bare CR and LF become CRLF */
	bool vrfy, expn;
	enum config_etrn etrn;
	int schedule;			/* contact of it, when ETRN or XQUEUE is offered */
	int64_t max_hold;		/* seconds of FUTURERELEASE; 0: not offered */
	bool no_auth_login;
	bool local_needs_login;
	struct policy_weights weights;
	enum config_received received;
	enum policy_match match;
	enum policy_relay allow_relay;
	bool allow_relay_authenticated;
	struct addr_set bypass;		/* smtpAuthBypass; the whitelist is lib/service's (gate.h) */
	struct addr_set gateways;	/* ipBypasses ... */
	struct addr_set by_origin;	/* ... those whose mail is checked by where it came from (bypassSpamChecks) */
	struct addr_set xclient, xforward;	/* xclientTrusted, xforwardTrusted */
	struct addr open_door;		/* submissionBinding; family 0: there is none */
	bool hides_client;		/* Received of those who logged in */
	const char *authenticated_as;	/* name of the field that tells who did; "": none does */
	struct gateways gateways_in;	/* incomingGateways, smartHosts, validRecipients */
	struct config_milter *milters;
	size_t milter_count;
	struct config_milter *delegates;	/* policy servers */
	size_t delegate_count;
	bool names_clients;		/* a milter or policy server is told the client's name */
};

/* Everything lives as long as the process. */
void config_read(struct config *c, const struct settings *s);

/* True when the address may send as if it had logged in (AUTHB-04). */
bool config_is_trusted(const struct config *c, const struct addr *a);

/* True for the listener that no blacklist closes (SMTPIN-25): the one at submissionBinding, by its local address. */
bool config_is_open_to_black(const struct config *c, const struct addr *local);

/* True when a setting asks for what only scan-check can find out. */
bool config_asks_scan(const struct config *c);

#endif
