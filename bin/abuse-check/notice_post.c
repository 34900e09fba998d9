/*
 * notice_post: hand notices in at smtp-listen's Unix socket (RFC 5321), one
 * after the other and without ever making the loop wait.
 *
 * Steps are lines of a table: what is said, and the code that lets us go on.
 * What fails is tried again ten seconds later, for an hour; a recipient that is refused for good
 * is given up for postmaster, and that for the log.
 */
#include "base/base.h"
#include "notice.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "smtp/reply.h"

#define RETRY_MS 10000
#define TRIES 360		/* an hour */
/* One hand-in: the other side is on this machine. */
#define PATIENCE_MS 60000
#define LINE_MAX_BYTES 2048

struct post {
	struct abuse *a;
	struct notice *first, **last;
	size_t waiting;
	int fd;				/* -1: none is being sent */
	struct loop_fd *watch;
	struct loop_timer *timer;	/* of a retry, or the end of patience */
	unsigned step;
	struct buf in, out;
	struct smtp_reply reply;
};

/* What is said when the reply of `code` has come; NULL: see say(). */
static const struct { int code; const char *say; } steps[] = {
	{ 220, "EHLO localhost\r\n" },
	{ 250, "MAIL FROM:<>\r\n" },
	{ 250, NULL },			/* RCPT */
	{ 250, "DATA\r\n" },
	{ 354, NULL },			/* the message */
	{ 250, "QUIT\r\n" },		/* it is theirs now */
};
enum { STEP_RCPT = 2, STEP_AFTER_RCPT = 3, STEP_MESSAGE = 4, STEP_SENT = 5 };

static void start(struct post *p);

struct post *
post_new(struct abuse *a)
{
	struct post *p = mem_new(sizeof(*p));

	p->a = a;
	p->last = &p->first;
	p->fd = -1;
	buf_init(&p->in, LINE_MAX_BYTES);
	buf_init(&p->out, 65536);
	return p;
}

size_t
post_waiting(const struct post *p)
{
	return p->waiting;
}

static void
hang_up(struct post *p)
{
	loop_timer_drop(&p->timer);
	loop_fd_drop(&p->watch);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	buf_clear(&p->in);
	buf_clear(&p->out);
}

static void
drop_first(struct post *p)
{
	struct notice *n = p->first;

	p->first = n->next;
	if (p->first == NULL)
		p->last = &p->first;
	p->waiting--;
	buf_free(&n->text);
	free(n);
}

static void
on_retry(void *ctx)
{
	struct post *p = ctx;

	p->timer = NULL;
	start(p);
}

/* The first one could not be handed in; others go the same way, so all wait. */
static void
failed(struct post *p, const char *why)
{
	struct notice *n = p->first;

	hang_up(p);
	if (++n->tries < TRIES) {
		if (n->tries == 1)
			log_failure(&p->a->svc, "", "", "event=notice-delayed to=%s why=\"%s\"", n->to, why);
	} else {
		log_failure(&p->a->svc, "", "", "event=notice-failed to=%s why=\"%s\"", n->to, why);
		drop_first(p);
	}
	if (p->first != NULL)
		p->timer = loop_timer(p->a->loop, RETRY_MS, on_retry, p);
}

/* A refusal for good: postmaster is told instead, or nobody can be. */
static void
refused(struct post *p, const char *text)
{
	struct notice *n = p->first;
	bool is_last = strcmp(n->to, "postmaster") == 0;

	log_failure(&p->a->svc, "", "", "event=notice-refused to=%s why=\"%s\"", n->to, text);
	hang_up(p);
	snprintf(n->to, sizeof(n->to), "postmaster");
	if (is_last)
		drop_first(p);
	start(p);
}

static void
on_patience(void *ctx)
{
	struct post *p = ctx;

	p->timer = NULL;
	failed(p, "no answer in time");
}

/* Lines that begin with a dot get another (RFC 5321 4.5.2). */
static void
put_message(struct post *p, struct span text)
{
	while (text.p != NULL && text.n > 0) {
		struct span line = span_cut(&text, '\n');

		if (line.n > 0 && line.p[0] == '.')
			buf_char(&p->out, '.');
		buf_span(&p->out, line);
		buf_char(&p->out, '\n');
	}
	buf_text_put(&p->out, ".\r\n");
}

static void
say(struct post *p)
{
	const struct notice *n = p->first;

	if (p->step == STEP_RCPT)
		buf_printf(&p->out, "RCPT TO:<%s>\r\n", n->to);
	else if (p->step == STEP_MESSAGE)
		put_message(p, buf_view(&n->text));
	else
		buf_text_put(&p->out, steps[p->step].say);
}

/* False: it is over, one way or the other. */
static bool
take_reply(struct post *p)
{
	struct verdict v = smtp_reply_verdict(&p->reply);

	if (v.code == steps[p->step].code) {
		say(p);
		if (p->step++ < STEP_SENT)
			return true;
		/* The last word goes without waiting for it. */
		(void)!send(p->fd, p->out.p, p->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		log_line(&p->a->svc, "", "", "event=notice to=%s", p->first->to);
		hang_up(p);
		drop_first(p);
		start(p);
	} else if (v.code >= 500 && p->step == STEP_AFTER_RCPT) {
		refused(p, v.text);
	} else {
		failed(p, v.text);
	}
	return false;
}

/* False when the connection is gone. */
static bool
read_replies(struct post *p)
{
	char data[1024];
	ssize_t n = recv(p->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0 || !buf_put(&p->in, data, (size_t)n)) {
		failed(p, "the connection ended");
		return false;
	}
	while (memchr(p->in.p, '\n', p->in.n) != NULL) {
		struct span rest = buf_view(&p->in), line = span_cut(&rest, '\n');
		enum smtp_reply_step r = smtp_reply_line(&p->reply, span_trim(line));

		buf_shift(&p->in, line.n + 1);
		if (r == SMTP_REPLY_MORE)
			continue;
		if (r == SMTP_REPLY_BAD) {
			failed(p, "not a reply");
			return false;
		}
		if (!take_reply(p))
			return false;
		smtp_reply_begin(&p->reply);
		if (p->in.n == 0)
			break;
	}
	return true;
}

static void
on_event(void *ctx, int fd, unsigned events)
{
	struct post *p = ctx;
	ssize_t n;

	if ((events & (LOOP_READ | LOOP_HANGUP)) != 0 && !read_replies(p))
		return;
	if (p->out.n > 0) {
		n = send(fd, p->out.p, p->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			buf_shift(&p->out, (size_t)n);
		else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			failed(p, "the connection ended");
			return;
		}
	}
	loop_fd_events(p->watch, p->out.n > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static void
start(struct post *p)
{
	if (p->first == NULL || p->fd >= 0 || p->timer != NULL)
		return;
	p->step = 0;
	smtp_reply_begin(&p->reply);
	p->fd = owner_connect(&p->a->svc, "smtp", SOCK_STREAM | SOCK_NONBLOCK);
	if (p->fd >= 0)
		p->watch = loop_fd(p->a->loop, p->fd, LOOP_READ, on_event, p);
	if (p->watch == NULL) {
		failed(p, strerrorname_np(errno));
		return;
	}
	p->timer = loop_timer(p->a->loop, PATIENCE_MS, on_patience, p);
}

void
post_put(struct post *p, struct notice *n)
{
	*p->last = n;
	p->last = &n->next;
	p->waiting++;
	start(p);
}
