/*
 * job: what intake and schedule ask of local-deliver, and the answer.
 *
 * Request, one record on the SOCK_SEQPACKET socket run/pub/deliver:
 *	deliver job=N id=ID file=SubSpoolN/ID.eml [late=1] session=TICKET rcpt=N ADDRESS ...
 * `job` is the caller's own number, `file` ends in .em_ or .eml ("./ID.eml" for one
 * that lies in the spool folder itself), rcpt repeats (1 to LIMIT_JOB_RECIPIENTS) with the number of the recipient and the
 * canonical address of a mailbox.  session is optional.  late: the bytes of the
 * message are not durable yet, and are to be with the links.
 *
 * Answer, when all that succeeded is durable:
 *	done job=N result=N 250 2.0.0 text ...
 * with one result for each rcpt, in their order.  Answers of one connection
 * may come in another order than the jobs.
 *
 * Pure: no I/O.
 */
#ifndef LOCAL_DELIVER_JOB_H
#define LOCAL_DELIVER_JOB_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/record.h"
#include "base/span.h"
#include "base/verdict.h"

#define JOB_FILE_MAX 64
#define JOB_TICKET_MAX 24

struct job_rcpt {
	uint32_t number;
	struct span address;	/* into the record */
};

struct job {
	uint64_t number;
	uint64_t id;
	char file[JOB_FILE_MAX];	/* "SubSpool3/17.eml", checked to be exactly that */
	char session[JOB_TICKET_MAX];	/* digits, "" when absent */
	bool is_late;
	size_t count;
	struct job_rcpt rcpt[LIMIT_JOB_RECIPIENTS];
};

/* Read a job; false when anything in it is not as described above. */
bool job_read(const struct record *r, struct job *out) PB_MUST_CHECK;

/* The answer: begin, then one result per recipient. */
void job_answer_begin(struct buf *out, uint64_t job);
void job_answer_result(struct buf *out, uint32_t number, const struct verdict *v);

#endif
