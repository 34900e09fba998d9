/*
 * smtp/extension: the parameters of MAIL that ask for something beyond the
 * transfer: SMTPUTF8, REQUIRETLS, MT-PRIORITY, HOLDFOR, HOLDUNTIL and BY.
 *
 * Each reads the value behind its keyword (p == NULL without "=") into a
 * struct smtp_mail; false when the value is bad.  Called by command.c only.
 */
#ifndef SMTP_EXTENSION_H
#define SMTP_EXTENSION_H

#include "base/base.h"
#include "smtp/command.h"
#include "smtp/reply.h"

bool smtp_extension_smtputf8(struct span value, void *mail);
bool smtp_extension_requiretls(struct span value, void *mail);
bool smtp_extension_priority(struct span value, void *mail);
bool smtp_extension_holdfor(struct span value, void *mail);
bool smtp_extension_holduntil(struct span value, void *mail);
bool smtp_extension_by(struct span value, void *mail);

/* Append those parameters that the server offers; a hold is never passed on. */
void smtp_extension_print(const struct smtp_mail *m, const struct smtp_ehlo *offer, struct buf *out);

/* "2026-11-22T10:15:00Z" and the other forms of RFC 3339 5.6, as seconds since 1970. */
bool smtp_time_parse(struct span s, int64_t *out) PB_MUST_CHECK;
#define SMTP_TIME_SIZE 24
void smtp_time_print(int64_t seconds, char out[SMTP_TIME_SIZE]);

#endif
