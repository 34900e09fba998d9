/*
 * reply: everything that goes to the client goes through here, so that every
 * refusal carries the ticket and every line is in the log.
 */
#include "base/base.h"
#include "smtp.h"
#include "facts.h"
#include "policy/sum.h"
#include "smtp/reply.h"

/* Text of one reply: with code, status and ticket it stays under 512 bytes (RFC 5321 4.5.3.1.5). */
#define TEXT_MAX 440

static void
send_reply(struct smtp *c, int code, const char *status, struct span text)
{
	char storage[1024];
	struct buf out;

	c->code = code;
	buf_init_fixed(&out, storage, sizeof(storage));
	smtp_reply_print(&out, code, status, text);
	stream_put(&c->s->io, buf_view(&out));
	if (!c->dry && log_wants(c->s->svc, LOG_DETAILED))
		log_detail(c->s->svc, c->s->ticket, c->s->ip, "rsp: %.*s",
			   SPAN_ARG(span_trim(buf_view(&out))));
}

static void PB_PRINTF(4, 0)
send_formatted(struct smtp *c, int code, const char *status, const char *fmt, va_list ap)
{
	char text[TEXT_MAX + sizeof(" ticket 000000000000")];
	int n = vsnprintf(text, TEXT_MAX, fmt, ap);
	size_t used = n < 0 ? 0 : n < TEXT_MAX ? (size_t)n : TEXT_MAX - 1;

	/* The ticket leads `mailctl explain` to the reason; it ends the text. */
	if (code >= 400)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " ticket %s", c->s->ticket);
	send_reply(c, code, status, span_make(text, used));
}

void
reply(struct smtp *c, int code, const char *status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_formatted(c, code, status, fmt, ap);
	va_end(ap);
}

void
reply_bad(struct smtp *c, int code, const char *status, const char *fmt, ...)
{
	const uint64_t most = session_tolerance(c->s, c->config->max_bad_commands);
	va_list ap;

	if (most > 0 && ++c->bad_commands > most) {
		reply(c, 421, "4.7.0", "Too many bad commands");
		smtp_log(c, "event=too-many-bad-commands");
		c->over = true;
		return;
	}
	va_start(ap, fmt);
	send_formatted(c, code, status, fmt, ap);
	va_end(ap);
}

void
reply_verdict(struct smtp *c, const struct verdict *v)
{
	reply(c, v->code, v->status, "%s", v->text);
}

void
reply_lines(struct smtp *c, int code, const char *status, struct span text)
{
	struct buf out;

	c->code = code;
	buf_init(&out, 8192);
	smtp_reply_print(&out, code, status, text);
	stream_put(&c->s->io, buf_view(&out));
	if (!c->dry && log_wants(c->s->svc, LOG_DETAILED)) {
		struct span rest = span_trim(buf_view(&out));

		while (rest.p != NULL) {
			struct span line = span_trim(span_cut(&rest, '\n'));

			log_detail(c->s->svc, c->s->ticket, c->s->ip, "rsp: %.*s", SPAN_ARG(line));
		}
	}
	buf_free(&out);
}

void
reply_lost(struct smtp *c, const char *what)
{
	log_failure(c->s->svc, c->s->ticket, c->s->ip, "event=owner-lost owner=%s", what);
	reply(c, 421, "4.3.2", "Service not available, try again later");
	c->over = true;
	c->s->ends_worker = true;
}

void
smtp_log(struct smtp *c, const char *fmt, ...)
{
	char text[LIMIT_LOG_LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->dry)
		try_tell(c, text);
	else
		log_line(c->s->svc, c->s->ticket, c->s->ip, "%s", text);
}

void
smtp_log_address(struct smtp *c, const char *event, const char *key, const char *address, const char *rest)
{
	char storage[4 * LIMIT_ADDRESS + 64];
	struct buf line;

	buf_init_fixed(&line, storage, sizeof(storage));
	log_value(&line, key, span_of(address));
	smtp_log(c, "%s%s%s", event, buf_text(&line), rest);
}

static void
log_decision(struct smtp *c, const char *about, struct span why)
{
	char storage[FACTS_WHY_SIZE + 64];
	struct buf line;

	for (buf_init_fixed(&line, storage, sizeof(storage)); policy_sum_print(&why, &line); buf_clear(&line))
		smtp_log(c, "event=check about=%s %s", about, buf_text(&line));
}

bool
smtp_decided(struct smtp *c, const char *about, const struct buf *why, const struct verdict *v)
{
	if (v->kind != VERDICT_OK || c->dry || log_wants(c->s->svc, LOG_DETAILED))
		log_decision(c, about, buf_view(why));
	return v->kind == VERDICT_OK;
}
