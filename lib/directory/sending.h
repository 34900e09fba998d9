/*
 * sending: what the directory says of those who send: their priorities and
 * throttles, as auth-check keeps and tells them.
 */
#ifndef DIRECTORY_SENDING_H
#define DIRECTORY_SENDING_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"

/* A number of the settings of a domain that schedule obeys; 0: switched off. */
enum sending_number {
	SENDING_STANDARD, SENDING_LIST, SENDING_AUTO_RESPONDER, SENDING_REPORTS, SENDING_EVENTS,
	SENDING_OVER_SIZE, SENDING_OVER_SIZE_MB, SENDING_SECOND, SENDING_THIRD,
	SENDING_MESSAGES, SENDING_MB, SENDING_BOUNCES,		/* of the domain each hour */
	SENDING_LIST_MESSAGES, SENDING_LIST_MB,			/* of each mailing list of it */
	SENDING_NUMBERS
};

/* The same of an account. */
enum sending_user_number { SENDING_USER_MESSAGES, SENDING_USER_MB, SENDING_USER_BOUNCES, SENDING_USER_NUMBERS };

#define SENDING_TEXT_MAX (SENDING_NUMBERS * 11 + 1)

/* "N,N,...": n numbers.  The text fits SENDING_TEXT_MAX. */
void sending_print(const uint32_t *numbers, size_t n, struct buf *out);
bool sending_parse(struct span text, uint32_t *out, size_t n) PB_MUST_CHECK;

struct sending {
	bool is_ours;
	int disabled;				/* 0 or DIRECTORY_DOMAIN_DISABLED, DIRECTORY_USER_DISABLED */
	char domain[LIMIT_DOMAIN + 1];		/* canonical */
	bool is_account;			/* the address that was asked for is that of an account */
	uint32_t number[SENDING_NUMBERS];
	uint32_t user_number[SENDING_USER_NUMBERS];
};

/*
 * The answer of the map "sending" for a domain or an address: 1 and *out; 0:
 * neither is ours (*out says so); -1: trouble.
 * Form: "OK STATE DOMAIN N,... [N,...]", STATE on, domain-disabled or user-disabled.
 */
int sending_reply(struct span reply, struct sending *out) PB_MUST_CHECK;

#endif
