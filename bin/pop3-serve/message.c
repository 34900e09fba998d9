/*
 * message: the commands of the TRANSACTION state, and the removal at its end.
 *
 * The session's list of messages is that of its start; nothing that happens
 * meanwhile changes a number.  Sizes are of the wire form.
 */
#include "base/base.h"
#include "session.h"

#include "base/mem.h"
#include "pop3/dots.h"
#include "sys/file.h"

#include <errno.h>

#define PIECE 32768
/* RFC 1939 7: at most 70 characters from 0x21 to 0x7e. */
#define UIDL_MAX 70

/* False, with the reply sent, when there is no such message or it is marked. */
static bool
is_there(struct pop3 *p, uint32_t number)
{
	if (number <= p->count && !p->deleted[number - 1])
		return true;
	pop3_err(p, NULL, number > p->count ? "There is no such message" : "That message is marked as deleted");
	return false;
}

static void
sum(const struct pop3 *p, size_t *count, uint64_t *bytes)
{
	*count = 0;
	*bytes = 0;
	for (size_t i = 0; i < p->count; i++) {
		if (p->deleted[i])
			continue;
		++*count;
		*bytes += mailbox_at(p->box, i)->wire_size;
	}
}

void
pop3_stat(struct pop3 *p, const struct pop3_command *c)
{
	size_t count;
	uint64_t bytes;

	(void)c;
	sum(p, &count, &bytes);
	pop3_ok(p, "%zu %llu", count, (unsigned long long)bytes);
}

void
pop3_list(struct pop3 *p, const struct pop3_command *c)
{
	size_t count;
	uint64_t bytes;

	if (c->has_number) {
		if (is_there(p, c->number))
			pop3_ok(p, "%u %llu", c->number,
				(unsigned long long)mailbox_at(p->box, c->number - 1)->wire_size);
		return;
	}
	sum(p, &count, &bytes);
	pop3_ok(p, "%zu messages (%llu octets)", count, (unsigned long long)bytes);
	for (size_t i = 0; i < p->count; i++)
		if (!p->deleted[i])
			stream_printf(p->io, "%zu %llu\r\n", i + 1,
				(unsigned long long)mailbox_at(p->box, i)->wire_size);
	stream_text(p->io, ".\r\n");
}

/*
 * The base name of the file, which never changes and outlives the journal;
 * UIDVALIDITY and UID where that cannot be sent.
 */
static void
print_uidl(const struct pop3 *p, size_t i, char out[UIDL_MAX + 1])
{
	struct span name = mailbox_base_name(p->box, i);
	bool plain = name.n <= UIDL_MAX;

	for (size_t k = 0; k < name.n; k++)
		plain &= name.p[k] > ' ' && name.p[k] < 0x7f;
	if (plain)
		snprintf(out, UIDL_MAX + 1, "%.*s", SPAN_ARG(name));
	else
		snprintf(out, UIDL_MAX + 1, "%08x-%08x", mailbox_uidvalidity(p->box), mailbox_at(p->box, i)->uid);
}

void
pop3_uidl(struct pop3 *p, const struct pop3_command *c)
{
	char text[UIDL_MAX + 1];

	if (c->has_number) {
		if (is_there(p, c->number)) {
			print_uidl(p, c->number - 1, text);
			pop3_ok(p, "%u %s", c->number, text);
		}
		return;
	}
	pop3_ok(p, "unique ids follow");
	for (size_t i = 0; i < p->count; i++) {
		if (p->deleted[i])
			continue;
		print_uidl(p, i, text);
		stream_printf(p->io, "%zu %s\r\n", i + 1, text);
	}
	stream_text(p->io, ".\r\n");
}

/* Send the file behind the "+OK": each piece has a deadline of its own. */
static void
send_file(struct pop3 *p, int fd, struct pop3_dots *dots)
{
	char *piece = mem_resize(NULL, PIECE);
	struct buf out;
	ssize_t n = 0;

	buf_init(&out, 2 * PIECE + 8);
	while (!dots->done && (n = read(fd, piece, PIECE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		buf_clear(&out);
		pop3_dots_put(dots, span_make(piece, (size_t)n), &out);
		stream_timeout(p->io, p->program->command_timeout_ms);
		stream_put(p->io, buf_view(&out));
		if (p->io->out_failed)
			break;
	}
	if (n < 0) {
		/* Half a message must not look like a whole one: no closing dot. */
		log_failure(p->s->svc, p->s->ticket, p->s->ip, "event=store-failed doing=read user=%s error=\"%s\"",
			p->user, strerror(errno));
		p->closing = true;
	} else {
		buf_clear(&out);
		pop3_dots_end(dots, &out);
		stream_put(p->io, buf_view(&out));
	}
	if (p->io->out_failed)
		p->closing = true;
	buf_free(&out);
	free(piece);
}

static void
send_message(struct pop3 *p, const struct pop3_command *c, struct pop3_dots *dots)
{
	int fd;

	if (!is_there(p, c->number))
		return;
	fd = mailbox_open_message(p->box, c->number - 1);
	if (fd < 0) {
		if (errno != ENOENT)
			log_failure(p->s->svc, p->s->ticket, p->s->ip,
				"event=store-failed doing=open user=%s error=\"%s\"", p->user, strerror(errno));
		pop3_err(p, errno == ENOENT ? NULL : "SYS/TEMP",
			errno == ENOENT ? "That message was removed meanwhile" : "That message cannot be read now");
		return;
	}
	pop3_ok(p, "%llu octets", (unsigned long long)mailbox_at(p->box, c->number - 1)->wire_size);
	send_file(p, fd, dots);
	file_close(&fd);
	p->retrieved++;
}

void
pop3_retr(struct pop3 *p, const struct pop3_command *c)
{
	struct pop3_dots dots;

	pop3_dots_init(&dots);
	send_message(p, c, &dots);
}

void
pop3_top(struct pop3 *p, const struct pop3_command *c)
{
	struct pop3_dots dots;

	pop3_dots_init_top(&dots, c->lines);
	send_message(p, c, &dots);
}

void
pop3_dele(struct pop3 *p, const struct pop3_command *c)
{
	if (!is_there(p, c->number))
		return;
	p->deleted[c->number - 1] = true;
	pop3_ok(p, "message %u is marked as deleted", c->number);
}

void
pop3_rset(struct pop3 *p, const struct pop3_command *c)
{
	(void)c;
	if (p->count > 0)
		memset(p->deleted, 0, p->count * sizeof(*p->deleted));
	pop3_ok(p, "%zu messages", p->count);
}

int
pop3_update(struct pop3 *p)
{
	uint32_t *which = mem_array(p->count, sizeof(*which));
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < p->count; i++)
		if (p->deleted[i])
			which[n++] = (uint32_t)i;
	if (n > 0)
		r = mailbox_expunge(p->box, which, n);
	if (r == 0)
		p->removed = n;
	free(which);
	return r;
}
