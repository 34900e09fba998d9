/* Jobs of local-deliver, and the commit of a message: hostile records name nothing outside the spool and the store. */
#include "base/base.h"
#include "base/mem.h"
#include "job.h"
#include "mailbox.h"
#include "spool/intake_record.h"
#include "fuzz.h"

static void
check_file(const struct job *job)
{
	struct span file = span_of(job->file), folder = span_cut(&file, '/');

	FUZZ_CHECK(span_is(folder, ".") || span_starts(folder, SPAN("SubSpool")));
	FUZZ_CHECK(span_find(file, '/') < 0 && file.n > 4 && char_is_digit(file.p[0]));
}

static void
check_path(const char *path)
{
	struct span rest = span_of(path);
	unsigned parts = 0;

	while (rest.p != NULL) {
		struct span part = span_cut(&rest, '/');

		FUZZ_CHECK(part.n > 0 && part.p[0] != '.');
		parts++;
	}
	FUZZ_CHECK(parts == 4);
}

static void
try_job(const struct record *r)
{
	static struct job job;
	char path[MAILBOX_PATH_SIZE];

	if (!job_read(r, &job))
		return;
	check_file(&job);
	FUZZ_CHECK(job.count > 0 && job.count <= LIMIT_JOB_RECIPIENTS);
	for (size_t i = 0; i < job.count; i++)
		if (mailbox_path(job.rcpt[i].address, path))
			check_path(path);
}

/* What can be committed can be committed again in the same words. */
static void
try_commit(const struct record *r)
{
	struct envelope *e = intake_record_get_commit(r), *again;
	struct record r2;
	struct buf out;

	if (e == NULL)
		return;
	buf_init(&out, LIMIT_RECORD);
	if (intake_record_put_commit(&out, e)) {
		FUZZ_CHECK(record_parse(buf_view(&out), INTAKE_FIELDS, &r2));
		again = intake_record_get_commit(&r2);
		FUZZ_CHECK(again != NULL && again->count == e->count && again->id == e->id);
		FUZZ_CHECK(span_eq(again->sender, e->sender) && span_eq(again->helo, e->helo));
		envelope_free(&again);
		record_free(&r2);
	}
	buf_free(&out);
	envelope_free(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verdict v;
	struct record r;
	uint64_t n;
	uint32_t crc;

	if (!record_parse(span_make(data, size), INTAKE_FIELDS, &r))
		return 0;
	try_job(&r);
	try_commit(&r);
	(void)(intake_record_get_queue(&r, &n, &crc) || intake_record_get_error(&r, &v));
	record_free(&r);
	return 0;
}
