/*
 * tls_report: how often TLS did what was promised and how often not, counted for each
 * day (UTC) and policy domain, as reports to these domains want it (RFC 8460 4).
 *
 * One file a day, state/remote-send/tls-report-YYYY-MM-DD.  Its first line is
 * "tls-report 1"; each other one has six words parted by tabs:
 *
 *	COUNT  DOMAIN  POLICY-TYPE  RESULT  MX-HOST  SENDING-IP  RECEIVING-IP
 *
 * POLICY-TYPE is tlsa, sts or no-policy-found; RESULT is "success" or a result type of
 * RFC 8460 4.3; "-" stands for what is not known.  A session counts once.  Counts are
 * written every minute, so a crash may lose a minute's.
 */
#ifndef REMOTE_SEND_TLS_REPORT_H
#define REMOTE_SEND_TLS_REPORT_H

#include "base/base.h"
#include "io/loop.h"
#include "job.h"
#include "service/service.h"
#include "sts.h"

struct tls_report;

/* dir: where the files are; stays the caller's.  Those of today are read. */
struct tls_report *tls_report_new(struct service *svc, struct loop *loop, int dir);

/* What agents found on the way of a job. */
void tls_report_job(struct tls_report *r, const struct job *j);

/* The policy of a domain could not be had. */
void tls_report_policy(struct tls_report *r, struct span domain, enum sts_fault fault);

/* Write what is not written yet: the program ends. */
void tls_report_end(struct tls_report *r);

#endif
