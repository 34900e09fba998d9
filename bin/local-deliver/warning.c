/* warning: see warning.h. */
#include "base/base.h"
#include "warning.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "io/stream.h"
#include "service/service.h"
#include "smtp/reply.h"

/* The other side is on this machine. */
#define PATIENCE_MS 60000

struct hand_in {
	struct service *svc;
	const char *domain;
	struct stream io;
	struct verdict said;	/* the last reply */
};

/* False when there is no reply. */
static bool
hear(struct hand_in *h)
{
	static struct smtp_reply reply;
	enum smtp_reply_step step = SMTP_REPLY_MORE;
	struct span line;

	smtp_reply_begin(&reply);
	stream_timeout(&h->io, PATIENCE_MS);
	while (step == SMTP_REPLY_MORE) {
		if (stream_line(&h->io, LIMIT_SMTP_REPLY_LINE, &line) != LINE_OK)
			return false;
		step = smtp_reply_line(&reply, line);
	}
	h->said = smtp_reply_verdict(&reply);
	return step == SMTP_REPLY_DONE;
}

/* Say it, and true when the reply is `code`. */
static bool
say(struct hand_in *h, int code, const char *line)
{
	stream_timeout(&h->io, PATIENCE_MS);
	stream_text(&h->io, line);
	return stream_flush(&h->io) == 0 && hear(h) && h->said.code == code;
}

static void
print(struct service *svc, const char *domain, uint64_t used, uint64_t limit, struct buf *out)
{
	const char *from = settings_text(svc->settings, "postmasterMailbox"), *host = settings_text(svc->settings, "hostName");

	if (host[0] == '\0')
		host = "localhost";
	if (from[0] != '\0')
		buf_printf(out, "From: Mail server <%s>\r\n", from);
	else
		buf_printf(out, "From: Mail server <postmaster@%s>\r\n", host);
	buf_printf(out, "To: postmaster@%s\r\nSubject: The domain %s on %s is full\r\n", domain, domain, host);
	buf_text_put(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n\r\n");
	buf_printf(out, "The mail of %s takes %llu MB, of %llu MB that it may have.\r\n"
		"New mail that does not fit is refused until some is deleted, or until\r\n"
		"the administrator of the server gives the domain more room:\r\n\r\n"
		"    mailctl domain edit %s diskSpaceMB=N\r\n\r\n"
		"While this lasts it is told once a day.\r\n.\r\n", domain, (unsigned long long)(used + (1 << 20) - 1) >> 20,
		(unsigned long long)limit >> 20, domain);
}

/* Postmaster of the domain; where nobody is that, the server's. */
static bool
is_taken(struct hand_in *h)
{
	char line[LIMIT_DOMAIN + 32];

	snprintf(line, sizeof(line), "RCPT TO:<postmaster@%s>\r\n", h->domain);
	return say(h, 250, line) || (h->said.kind == VERDICT_PERM && say(h, 250, "RCPT TO:<postmaster>\r\n"));
}

static enum warning
converse(struct hand_in *h, const char *text)
{
	h->said = verdict_make(451, "4.3.0", "the connection ended");
	if (hear(h) && h->said.code == 220 && say(h, 250, "EHLO localhost\r\n") && say(h, 250, "MAIL FROM:<>\r\n") &&
	    is_taken(h) && say(h, 354, "DATA\r\n") && say(h, 250, text)) {
		stream_text(&h->io, "QUIT\r\n");
		(void)stream_flush(&h->io);
		return WARNING_SENT;
	}
	return h->said.kind == VERDICT_PERM ? WARNING_REFUSED : WARNING_LATER;
}

enum warning
warning_send(struct service *svc, const char *domain, uint64_t used, uint64_t limit)
{
	struct hand_in h = { .svc = svc, .domain = domain };
	int fd = owner_connect(svc, "smtp", SOCK_STREAM);
	enum warning result;
	struct buf text;

	if (fd < 0) {
		log_failure(svc, NULL, NULL, "event=warning-delayed domain=%s why=%s", domain, strerrorname_np(errno));
		return WARNING_LATER;
	}
	stream_init(&h.io, fd, 4096);
	buf_init(&text, 8192);
	print(svc, domain, used, limit, &text);
	result = converse(&h, buf_text(&text));
	buf_free(&text);
	stream_close(&h.io);
	if (result == WARNING_SENT)
		log_line(svc, NULL, NULL, "event=warning domain=%s used=%llu limit=%llu", domain, (unsigned long long)used,
			(unsigned long long)limit);
	else
		log_failure(svc, NULL, NULL, "event=warning-%s domain=%s why=\"%s\"",
			result == WARNING_REFUSED ? "refused" : "delayed", domain, h.said.text);
	return result;
}
