/* Counts for TLS reports: rows of a file, and what happens when a day has too many. */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/date.h"
#include "sys/clock.h"
#include "tap.h"
#include "tls_report.h"
#include "tmpdir.h"

#include <fcntl.h>
#include <unistd.h>

static struct service svc;
static struct loop *loop;
static int dir;
static char name[64];

static void
name_today(void)
{
	int y, m, d;

	date_civil(clock_wall_ms() / 86400000, &y, &m, &d);
	snprintf(name, sizeof(name), "tls-report-%04d-%02d-%02d", y, m, d);
}

static void
write_text(const char *file, const struct buf *text)
{
	int fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text->p, text->n) != (ssize_t)text->n)
		_exit(99);
	close(fd);
}

static bool
has_line(const char *line)
{
	static char text[4 << 20];
	int fd = openat(dir, name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, line) != NULL;
}

/* A report on a day that has these rows already. */
static struct tls_report *
with_rows(size_t rows)
{
	struct buf b;

	buf_init(&b, 4 << 20);
	buf_text_put(&b, "tls-report 1\n");
	for (size_t i = 0; i < rows; i++)
		buf_printf(&b, "1\td%zu.example\tsts\tsuccess\tmx\t-\t-\n", i);
	write_text(name, &b);
	buf_free(&b);
	return tls_report_new(&svc, loop, dir);
}

int
main(void)
{
	struct tls_report *r;
	struct buf b;

	dir = tmpdir_open("report");
	loop = loop_new();
	name_today();
	buf_init(&b, 100);
	write_text("tls-report-2020-01-01", &b);
	r = with_rows(0);
	ok(faccessat(dir, "tls-report-2020-01-01", F_OK, 0) < 0, "days long ago are removed");
	tls_report_policy(r, SPAN("D.example"), STS_CERTIFICATE_FAULT);
	tls_report_policy(r, SPAN("d.example"), STS_CERTIFICATE_FAULT);
	tls_report_policy(r, SPAN("e.exa\tmple"), STS_FETCH_FAULT);
	tls_report_policy(r, SPAN("f.example"), STS_FINE);
	tls_report_end(r);
	ok(has_line("tls-report 1\n2\td.example\tsts\tsts-webpki-invalid\t-\t-\t-\n"), "the same counts twice, in one row");
	ok(has_line("\n1\te.exa?mple\tsts\tsts-policy-fetch-error\t-\t-\t-\n"), "no name makes a word more");
	ok(!has_line("f.example"), "nothing is told of what is fine");
	r = tls_report_new(&svc, loop, dir);
	tls_report_policy(r, SPAN("d.example"), STS_CERTIFICATE_FAULT);
	tls_report_end(r);
	ok(has_line("\n3\td.example\t"), "a new start counts on");

	r = with_rows(LIMIT_REPORT_ROWS - 1);
	tls_report_policy(r, SPAN("last.example"), STS_POLICY_FAULT);
	tls_report_end(r);
	ok(has_line("1\tlast.example\tsts\tsts-policy-invalid\t"), "rows at LIMIT_REPORT_ROWS");
	r = with_rows(LIMIT_REPORT_ROWS - 1);
	tls_report_policy(r, SPAN("-"), STS_POLICY_FAULT);
	tls_report_policy(r, SPAN("more.example"), STS_POLICY_FAULT);
	tls_report_end(r);
	ok(!has_line("more.example") && has_line("\n2\t-\tsts\tsts-policy-invalid\t-\t-\t-\n"), "what is over LIMIT_REPORT_ROWS is counted together");
	tmpdir_remove();
	return done();
}
