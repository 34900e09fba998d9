/*
 * expander: ask auth-check for the final targets of addresses, whether
 * somebody is disabled, and how he may send, from an event loop (directory/asker.h;
 * maps "expand", "disabled" and "sending").  Where no answer comes it is RCPT_TROUBLE.
 */
#ifndef SPOOL_RUNNER_EXPANDER_H
#define SPOOL_RUNNER_EXPANDER_H

#include "base/base.h"
#include "base/span.h"
#include "directory/directory.h"
#include "directory/sending.h"
#include "io/loop.h"

struct service;
struct expander;

/* kind as directory_expand gives it; t is borrowed for the call. */
typedef void expander_call(void *ctx, uint32_t number, enum rcpt_kind kind,
	const struct directory_targets *t);

struct expander *expander_new(struct service *svc, struct loop *loop, bool keeps);

/*
 * Ask.  `call` gets ctx and number back, never before expander_ask has
 * returned.  The address is copied.
 */
void expander_ask(struct expander *e, struct span address, uint32_t number,
	expander_call *call, void *ctx);

/* disabled: as directory_disabled_reply has it; -1 also when auth-check did not answer. */
typedef void expander_disabled_call(void *ctx, uint32_t number, int disabled);

/* The same for the question whether a domain, or the account of an address, is disabled. */
void expander_ask_disabled(struct expander *e, struct span who, uint32_t number,
	expander_disabled_call *call, void *ctx);

/* As sending_reply has it: NULL when auth-check did not answer; borrowed for the call. */
typedef void expander_sending_call(void *ctx, uint32_t number, const struct sending *s);

/* Priorities and throttles of a domain, or of an account and its domain. */
void expander_ask_sending(struct expander *e, struct span who, uint32_t number,
	expander_sending_call *call, void *ctx);

/* No call for ctx comes any more. */
void expander_forget(struct expander *e, void *ctx);

#endif
