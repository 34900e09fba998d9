/*
 * intake_client: one question, one answer, with time limits on the socket.
 *
 * Whatever goes wrong on the connection closes it; then no message is under
 * way any more, since intake removes what a lost receiver had not committed.
 */
#include "base/base.h"
#include "spool/intake_client.h"
#include "spool/intake_record.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sys/clock.h"
#include "sys/fdpass.h"
#include "sys/file.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

/* What came back: a record and perhaps descriptors. */
struct answer {
	struct record record;
	int fd, second;			/* -1: none */
};

struct intake_client {
	int socket;			/* -1: lost */
	uint64_t id;			/* of the message under way, 0 = none */
	enum body_end body_end;
	bool is_coming;			/* the answer to a `new` that was not sent */
	bool has_next;			/* ... which was taken already, by intake_room */
	struct answer next;
	uint64_t room, room_ms;		/* what intake said last, and when (clock_ms; 0: never) */
	struct buf record;
	char *packet;			/* LIMIT_RECORD bytes */
};

static void
answer_free(struct answer *a)
{
	file_close(&a->fd);
	file_close(&a->second);
	record_free(&a->record);
}

struct intake_client *
intake_open(int sock, unsigned timeout_ms)
{
	struct intake_client *c = mem_new(sizeof(*c));
	struct timeval limit = { timeout_ms / 1000, (suseconds_t)(timeout_ms % 1000) * 1000 };

	c->socket = sock;
	c->packet = mem_resize(NULL, LIMIT_RECORD);	/* not zeroed: pages that nobody writes cost nothing */
	buf_init(&c->record, LIMIT_RECORD);
	if (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		file_close(&c->socket);		/* a call without limit is none */
	return c;
}

void
intake_close(struct intake_client **c)
{
	if (*c == NULL)
		return;
	file_close(&(*c)->socket);
	if ((*c)->has_next)
		answer_free(&(*c)->next);
	buf_free(&(*c)->record);
	free((*c)->packet);
	free(*c);
	*c = NULL;
}

static int
lost(struct intake_client *c, int error)
{
	file_close(&c->socket);
	c->id = 0;
	errno = error;
	return -1;
}

static int
say(struct intake_client *c)
{
	if (c->socket < 0)
		return lost(c, ENOTCONN);
	if (c->record.overflow)
		return lost(c, EMSGSIZE);
	if (fdpass_send(c->socket, c->record.p, c->record.n, NULL, 0) < 0)
		return lost(c, errno);
	return 0;
}

static int
hear(struct intake_client *c, struct answer *out)
{
	int fds[FDPASS_MAX], nfds = 2;
	ssize_t n;

	*out = (struct answer){ .fd = -1, .second = -1 };
	do
		n = fdpass_recv(c->socket, c->packet, LIMIT_RECORD, fds, &nfds);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return lost(c, n < 0 ? errno : ECONNRESET);
	if (nfds > 0)
		out->fd = fds[0];
	if (nfds > 1)
		out->second = fds[1];
	if (record_parse(span_make(c->packet, (size_t)n), INTAKE_FIELDS, &out->record))
		return 0;
	file_close(&out->fd);
	file_close(&out->second);
	return lost(c, EPROTO);
}

static int
ask(struct intake_client *c, struct answer *out)
{
	*out = (struct answer){ .fd = -1, .second = -1 };
	return say(c) < 0 ? -1 : hear(c, out);
}

static bool
is_for(const struct answer *a, const char *verb, uint64_t id)
{
	uint64_t got;

	return span_is(a->record.verb, verb) && record_get_num(&a->record, "id", UINT64_MAX, &got) &&
		(id == 0 || got == id);
}

/* An `error` answer ends the message; anything else here ends the connection. */
static int
refused(struct intake_client *c, const struct answer *a, struct verdict *out)
{
	if (!span_is(a->record.verb, "error") || !intake_record_get_error(&a->record, out))
		return lost(c, EPROTO);
	c->id = 0;
	return 0;
}

/* Take note of the room that an answer tells of. */
static bool
note_room(struct intake_client *c, const struct record *r, const char *key)
{
	if (!record_get_num(r, key, UINT64_MAX, &c->room))
		return false;
	c->room_ms = clock_ms();
	return true;
}

bool
intake_is_coming(const struct intake_client *c)
{
	return c->is_coming || c->has_next;
}

/* The answer to a `new`, asked or not. */
static int
get_new(struct intake_client *c, struct answer *out)
{
	if (c->has_next) {
		*out = c->next;
		c->has_next = false;
		return 0;
	}
	if (c->is_coming) {
		c->is_coming = false;
		return hear(c, out);
	}
	record_begin(&c->record, "new");
	return ask(c, out);
}

/* Answers come in order: nothing else is asked before what is coming has been taken. */
static int
take_coming(struct intake_client *c)
{
	struct answer a;

	if (!c->is_coming)
		return 0;
	if (get_new(c, &a) < 0)
		return -1;
	(void)note_room(c, &a.record, "room");
	c->next = a;
	c->has_next = true;
	return 0;
}

int
intake_room(struct intake_client *c, uint64_t max_age_ms, uint64_t *bytes_out)
{
	struct answer a;
	bool good = true;

	if (take_coming(c) < 0)
		return -1;
	if (c->room_ms == 0 || clock_ms() - c->room_ms > max_age_ms) {
		record_begin(&c->record, "room");
		if (ask(c, &a) < 0)
			return -1;
		good = span_is(a.record.verb, "room") && note_room(c, &a.record, "bytes");
		answer_free(&a);
	}
	*bytes_out = c->room;
	return good ? 0 : lost(c, EPROTO);
}

int
intake_new(struct intake_client *c, int *fd_out, uint64_t *id_out, struct verdict *out)
{
	struct answer a;
	int result;

	*fd_out = -1;
	if (get_new(c, &a) < 0)
		return -1;
	if (is_for(&a, "new", 0) && a.fd >= 0 && record_get_num(&a.record, "id", UINT64_MAX, id_out)) {
		(void)note_room(c, &a.record, "room");
		c->body_end = span_is(record_get(&a.record, "sync"), "late") ? BODY_STARTED : BODY_SYNCED;
		c->id = *id_out;
		*fd_out = a.fd;
		a.fd = -1;
		result = 0;
	} else {
		result = refused(c, &a, out) < 0 ? -1 : 1;
	}
	answer_free(&a);
	return result;
}

enum body_end
intake_body_end(const struct intake_client *c)
{
	return c->body_end;
}

/*
 * The envelope into the descriptor that intake gave, once the body (-1: it is)
 * is durable; -1 with errno.
 */
static int
write_header(int fd, int body, const struct envelope *e)
{
	struct buf text;
	int result = -1;

	if (body >= 0 && file_fsync(body) < 0)
		return -1;

	buf_init(&text, LIMIT_ENVELOPE);
	errno = EINVAL;
	if (envelope_print(e, &text) && file_write_all(fd, text.p, text.n) == 0)
		result = file_fsync(fd);
	buf_free(&text);
	return result;
}

/* The way by the queue, once intake has answered `header`. */
static int
queue(struct intake_client *c, const struct envelope *e, struct answer *a, struct verdict *out)
{
	struct answer last;
	int result = 0;

	if (write_header(a->fd, a->second, e) < 0) {
		*out = verdict_make(errno == EINVAL ? 554 : 451, errno == EINVAL ? "5.6.0" : "4.3.0",
			"The envelope could not be written: %s", strerror(errno));
		return intake_abort(c);
	}
	file_close(&a->fd);
	file_close(&a->second);
	intake_record_put_id(&c->record, "queued", e->id);
	if (ask(c, &last) < 0)
		return -1;
	if (is_for(&last, "done", e->id))
		*out = verdict_make(250, "2.0.0", "Queued as %llu", (unsigned long long)e->id);
	else
		result = refused(c, &last, out);
	answer_free(&last);
	return result;
}

int
intake_commit(struct intake_client *c, const struct envelope *e, bool next, struct verdict *out)
{
	struct answer a;
	int result = 0;

	/* Only a header can say "Quarantined", and only it holds any number of recipients. */
	if (e->status == ENVELOPE_QUARANTINED || !intake_record_put_commit(&c->record, e))
		intake_record_put_queue(&c->record, e);
	if (next)
		record_add_num(&c->record, "next", 1);
	if (ask(c, &a) < 0)
		return -1;
	if (is_for(&a, "done", e->id))
		*out = verdict_make(250, "2.0.0", "Delivered as %llu", (unsigned long long)e->id);
	else if (is_for(&a, "header", e->id) && a.fd >= 0)
		result = queue(c, e, &a, out);
	else
		result = refused(c, &a, out);
	answer_free(&a);
	c->id = 0;
	c->is_coming = next && result == 0 && out->kind == VERDICT_OK;
	return result;
}

int
intake_abort(struct intake_client *c)
{
	if (c->id == 0 && c->socket >= 0)
		return 0;
	intake_record_put_id(&c->record, "abort", c->id);
	c->id = 0;
	return say(c);
}
