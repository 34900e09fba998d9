/*
 * intake-put: bring messages to intake as smtp-listen does; for tests.
 *
 *	intake-put SOCKET COUNT SIZE SENDER RECIPIENT...
 *
 * Brings COUNT messages of SIZE bytes, each to all recipients ({} in one is
 * replaced by the number of the message), and prints a line for each:
 * "NUMBER CODE STATUS TEXT".  A lost connection is made anew for 20 seconds;
 * the message that was on its way is "NUMBER 000 lost".  Each message has
 * "X-Number: TAG-NUMBER" with TAG from the environment, and HOPS Received
 * fields.
 */
#include "base/base.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "spool/body_writer.h"
#include "spool/intake_client.h"
#include "sys/clock.h"

#define WAIT_MS 30000

struct put {
	const char *path;
	const char *tag;
	uint32_t hops;
	size_t size;
	char *sender;
	char **rcpts;
	int nrcpts;
	uint32_t count;
	struct intake_client *c;
};

static struct intake_client *
open_once(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return NULL;
	}
	return intake_open(fd, WAIT_MS);
}

static bool
open_client(struct put *p)
{
	for (int i = 0; i < 200 && p->c == NULL; i++) {
		p->c = open_once(p->path);
		if (p->c == NULL)
			clock_sleep_ms(100);
	}
	return p->c != NULL;
}

static void
make_text(const struct put *p, unsigned number, struct buf *out)
{
	buf_printf(out, "Return-Path: <%s>\r\nX-Number: %s-%u\r\n", p->sender, p->tag, number);
	for (uint32_t i = 0; i < p->hops; i++)
		buf_text_put(out, "Received: from a.example by b.example; Sun, 22 Nov 2026 00:00:00 +0000\r\n");
	buf_text_put(out, "Subject: test\r\n\r\n");
	while (out->n + 66 < p->size)
		buf_text_put(out, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n");
}

static struct span
address(struct envelope *e, const char *template, unsigned number)
{
	const char *hole = strstr(template, "{}");
	char text[512];
	char *copy;

	if (hole == NULL)
		snprintf(text, sizeof(text), "%s", template);
	else
		snprintf(text, sizeof(text), "%.*s%u%s", (int)(hole - template), template, number, hole + 2);
	copy = arena_copy(e->arena, span_of(text));
	return span_of(copy);
}

/* 0 with a verdict, -1: the connection was lost. */
static int
put_one(struct put *p, unsigned number, struct verdict *v)
{
	struct envelope *e;
	struct body_writer w;
	struct buf text;
	uint64_t id;
	int fd, result = intake_new(p->c, &fd, &id, v);

	if (result != 0)
		return result < 0 ? -1 : 0;
	buf_init(&text, 64 << 20);
	make_text(p, number, &text);
	body_writer_init(&w, fd, text.n);
	body_writer_put(&w, buf_view(&text));
	buf_free(&text);
	if (body_writer_finish(&w, intake_body_end(p->c)) < 0) {
		*v = verdict_make(451, "4.3.0", "body: %s", strerror(errno));
		return intake_abort(p->c);
	}
	e = envelope_new();
	e->id = id;
	e->sender = span_of(p->sender);
	e->session = SPAN("900000000001");
	if (getenv("AUTH") != NULL)
		e->auth = span_of(getenv("AUTH"));
	e->ip = SPAN("192.0.2.1");
	e->created = clock_wall_ms() / 1000;
	e->priority = 5;
	e->size = w.size;
	e->crc32c = w.crc32c;
	e->has_size = true;
	for (int i = 0; i < p->nrcpts; i++)
		envelope_add(e, address(e, p->rcpts[i], number));
	result = intake_commit(p->c, e, number + 1 < p->count, v);
	envelope_free(&e);
	return result;
}

int
main(int argc, char **argv)
{
	uint32_t count, size;
	struct put p = { .tag = getenv("TAG") != NULL ? getenv("TAG") : "m" };

	if (argc < 6 || !num_parse_u32(span_of(argv[2]), UINT32_MAX, &count) ||
	    !num_parse_u32(span_of(argv[3]), 1 << 25, &size)) {
		fprintf(stderr, "usage: intake-put SOCKET COUNT SIZE SENDER RECIPIENT...\n");
		return 2;
	}
	if (getenv("HOPS") != NULL && !num_parse_u32(span_of(getenv("HOPS")), 1000, &p.hops))
		return 2;
	p.path = argv[1];
	p.size = size;
	p.count = count;
	p.sender = argv[4];
	p.rcpts = argv + 5;
	p.nrcpts = argc - 5;
	for (unsigned i = 0; i < count; i++) {
		struct verdict v;
		char text[VERDICT_TEXT_MAX + 32];

		if (!open_client(&p))
			return 75;
		if (put_one(&p, i, &v) < 0) {
			printf("%u 000 lost\n", i);
			intake_close(&p.c);
		} else {
			verdict_print(&v, text, sizeof(text));
			printf("%u %s\n", i, text);
		}
		fflush(stdout);
	}
	intake_close(&p.c);
	return 0;
}
