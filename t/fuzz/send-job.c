/* Records between schedule, remote-send and its agents: what is read is written to the same. */
#include "base/base.h"
#include "job.h"
#include "fuzz.h"

static void
check_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		FUZZ_CHECK((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct job job, copy;
	struct record r, r2;
	struct buf out;

	if (!record_parse(span_make(data, size), JOB_ROUTED_FIELDS, &r))
		return 0;
	if (job_read(&r, &job)) {
		buf_init(&out, 4 * LIMIT_RECORD);
		check_plain(job.from);
		for (size_t i = 0; i < job.count; i++)
			check_plain(job.rcpt[i].address);
		job_print(&job, job.number, &out);
		FUZZ_CHECK(!out.overflow && record_parse(buf_view(&out), JOB_ROUTED_FIELDS, &r2));
		FUZZ_CHECK(job_read(&r2, &copy) && copy.count == job.count &&
		    copy.target_count == job.target_count && copy.tls_count == job.tls_count &&
		    copy.tlsa_bytes == job.tlsa_bytes && span_eq(copy.from, job.from) &&
		    copy.gateway_count == job.gateway_count && copy.priority == job.priority);
		for (size_t i = 0; i < job.gateway_count; i++)
			FUZZ_CHECK(strcmp(copy.gateway[i].user, job.gateway[i].user) == 0 &&
			    strcmp(copy.gateway[i].password, job.gateway[i].password) == 0);
		job_take_answer(&job, &r);
		record_free(&r2);
		buf_free(&out);
	}
	record_free(&r);
	return 0;
}
