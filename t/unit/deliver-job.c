/* Jobs of local-deliver are read as hostile; where a mailbox lies. */
#include "base/base.h"
#include "../../bin/local-deliver/job.h"
#include "../../bin/local-deliver/mailbox.h"

#include "base/limits.h"
#include "tap.h"

static struct job job;

static bool
reads(const char *text)
{
	struct record r;
	bool good;

	if (!record_parse(span_of(text), LIMIT_JOB_RECIPIENTS + 8, &r))
		return false;
	good = job_read(&r, &job);
	record_free(&r);
	return good;
}

static void
jobs(void)
{
	ok(reads("deliver\njob=7\nid=12\nfile=SubSpool3/12.eml\nsession=900000000001\nrcpt=1 a@b.example\nrcpt=4 c@d.example\n"),
	    "an ordinary job");
	is_num(job.count, 2, "with its recipients");
	is_num(job.rcpt[1].number, 4, "and their numbers");
	is_text(job.file, "SubSpool3/12.eml", "and its file");
	ok(reads("deliver\njob=7\nid=12\nfile=./12.em_\nrcpt=1 a@b\n"), "a file in the spool folder itself");
	ok(!reads("deliver\njob=7\nid=12\nfile=SubSpool3/../../etc/passwd\nrcpt=1 a@b\n"), "no way out of the spool");
	ok(!reads("deliver\njob=7\nid=12\nfile=SubSpool3/13.eml\nrcpt=1 a@b\n"), "the file is that of the id");
	ok(!reads("deliver\njob=7\nid=12\nfile=SubSpool3/012.eml\nrcpt=1 a@b\n"), "written in one way only");
	ok(!reads("deliver\njob=7\nid=12\nfile=SubSpool3/12.hdr\nrcpt=1 a@b\n"), "an envelope is no message");
	ok(!reads("deliver\njob=7\nid=12\nfile=SubSpool3/12.eml\n"), "no recipient");
	ok(!reads("deliver\njob=7\nid=12\nfile=SubSpool3/12.eml\nrcpt=x a@b\n"), "a recipient without number");
	ok(!reads("deliver\njob=x\nid=12\nfile=SubSpool3/12.eml\nrcpt=1 a@b\n"), "a job without number");
	ok(reads("deliver\njob=7\nid=12\nfile=./12.em_\nrcpt=1 a@b\n") && !job.is_late, "a message is durable");
	ok(reads("deliver\njob=7\nid=12\nfile=./12.em_\nlate=1\nrcpt=1 a@b\n") && job.is_late, "or is to become so");
	ok(!reads("deliver\njob=7\nid=12\nfile=./12.em_\nlate=yes\nrcpt=1 a@b\n"), "which is a number");
	ok(!reads("other\njob=1\nid=12\nfile=SubSpool3/12.eml\nrcpt=1 a@b\n"), "another verb");
}

/* LIMIT_JOB_RECIPIENTS is crossed. */
static void
too_many(void)
{
	struct record r;
	struct buf b;
	bool full, over;

	buf_init(&b, LIMIT_RECORD);
	record_begin(&b, "deliver");
	record_add_num(&b, "job", 1);
	record_add_num(&b, "id", 12);
	record_add_text(&b, "file", "SubSpool0/12.eml");
	for (int i = 0; i < LIMIT_JOB_RECIPIENTS; i++)
		record_add_text(&b, "rcpt", "1 a@b.example");
	full = record_parse(buf_view(&b), 200, &r) && job_read(&r, &job);
	record_free(&r);
	record_add_text(&b, "rcpt", "1 a@b.example");
	over = record_parse(buf_view(&b), 200, &r) && job_read(&r, &job);
	record_free(&r);
	ok(full && !over, "as many recipients as the limit, not one more");
	buf_free(&b);
}

static void
mailboxes(void)
{
	char path[MAILBOX_PATH_SIZE];

	ok(mailbox_path(SPAN("bob@example.com"), path), "an address has a mailbox");
	is_text(path, "example.com/users/bob/Maildir", "below its domain");
	ok(mailbox_path(SPAN("a@b@example.com"), path), "the last @ parts it");
	ok(!mailbox_path(SPAN("../x@example.com"), path), "no way up in the user");
	ok(!mailbox_path(SPAN("x@.."), path), "no way up in the domain");
	ok(!mailbox_path(SPAN("x@a/b"), path), "no slash");
	ok(!mailbox_path(SPAN("@example.com"), path) && !mailbox_path(SPAN("x@"), path) &&
	    !mailbox_path(SPAN("x"), path), "no empty part");
	ok(!mailbox_path(SPAN("a\nb@example.com"), path), "no control bytes");
}

int
main(void)
{
	jobs();
	too_many();
	mailboxes();
	return done();
}
