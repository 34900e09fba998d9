/*
 * callout: ask another server whether a recipient exists (ROUTE-14).
 *
 * Greeting, EHLO, MAIL FROM:<>, RCPT TO, QUIT.  Only a clear refusal of the
 * recipient counts as no; whatever else happens is no answer, and then mail is
 * taken: that is when a backup matters.
 *
 * What was answered is kept in a table of fixed size; two addresses in one slot
 * replace each other.  A server that gave no answer is left alone for a while.
 * `mailctl try` asks as a client would have it, but nothing that it hears is kept.
 *
 * Trust: the server is one that the administrator named; its replies are read
 * as hostile all the same, within one deadline.
 */
#include "base/base.h"
#include "gateways.h"
#include "smtp.h"
#include "smtp/reply.h"
#include "sys/clock.h"
#include "sys/random.h"

#define SLOTS 512
#define CALLOUT_MS 10000	/* for the whole conversation */
#define KEEP_YES_MS 900000
#define KEEP_NO_MS 120000
#define SILENT_MS 30000

struct kept {
	uint64_t hash, until_ms;
	enum policy_known known;
	char words[128];
};

static struct kept table[SLOTS];
static uint64_t seed;
static uint64_t silent_until_ms[CONTACTS_MAX];

/* FNV-1a from a random start, so that nobody outside chooses who shares a slot. */
static uint64_t
hash_of(int contact, struct span address)
{
	uint64_t h;

	if (seed == 0)
		seed = random_u64() | 1;
	h = seed ^ (uint64_t)contact;
	for (size_t i = 0; i < address.n; i++)
		h = (h ^ (unsigned char)char_lower(address.p[i])) * 0x100000001b3U;
	h ^= h >> 32;
	h *= seed;
	return h ^ h >> 29;
}

/* The next reply; false when the conversation is over. */
static bool
hear(struct stream *io, struct smtp_reply *r)
{
	enum smtp_reply_step step = SMTP_REPLY_MORE;
	struct span line;

	smtp_reply_begin(r);
	while (step == SMTP_REPLY_MORE) {
		if (stream_line(io, LIMIT_SMTP_REPLY_LINE, &line) != LINE_OK)
			return false;
		step = smtp_reply_line(r, line);
	}
	return step == SMTP_REPLY_DONE;
}

static bool
say(struct stream *io, struct smtp_reply *r, const char *fmt, ...) PB_PRINTF(3, 4);

static bool
say(struct stream *io, struct smtp_reply *r, const char *fmt, ...)
{
	struct buf line;
	va_list ap;

	buf_init(&line, LIMIT_SMTP_LINE);
	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	stream_put(io, buf_view(&line));
	buf_free(&line);
	return stream_flush(io) == 0 && hear(io, r);
}

/* Is this reply to RCPT about the recipient, and not about us? */
static bool
says_unknown(const struct smtp_reply *r, bool peer_mode)
{
	if (strcmp(r->status, "5.1.1") == 0 || strcmp(r->status, "5.2.1") == 0)
		return r->code >= 500;
	if (peer_mode || r->code < 500)
		return false;
	return strcmp(r->status, "5.1.10") == 0 || strcmp(r->status, "5.1.0") == 0 ||
	       (r->status[0] == '\0' && (r->code == 550 || r->code == 551 || r->code == 553));
}

static enum policy_known
converse(struct smtp *c, const struct gateway *g, int fd, struct span address, struct smtp_reply *r)
{
	enum policy_known known = POLICY_KNOWN_SILENT;
	struct stream io;

	stream_init(&io, fd, LIMIT_SMTP_REPLY_LINE * 2);
	stream_timeout(&io, CALLOUT_MS);
	if (hear(&io, r) && r->code == 220 && say(&io, r, "EHLO %s\r\n", c->host) && r->code == 250 &&
	    say(&io, r, "MAIL FROM:<>\r\n") && r->code == 250 &&
	    say(&io, r, "RCPT TO:<%.*s>\r\n", SPAN_ARG(address))) {
		if (r->code >= 250 && r->code <= 252)
			known = POLICY_KNOWN_YES;
		else if (says_unknown(r, g->peer_mode))
			known = POLICY_KNOWN_NO;
		stream_put(&io, SPAN("QUIT\r\n"));
		(void)stream_flush(&io);
	}
	stream_close(&io);
	return known;
}

static void
log_answer(struct smtp *c, const struct gateway *g, struct span address, enum policy_known known, int code)
{
	static const char *const words[] = { "unasked", "yes", "no", "silent" };
	char rest[80];

	snprintf(rest, sizeof(rest), " gateway=%zu answer=%s code=%d", g->number + 1, words[known], code);
	smtp_log_address(c, "event=callout", "to", address.p, rest);
}

/* What was heard decides for the clients of some minutes. */
static void
remember(struct kept *k, uint64_t hash, enum policy_known known, const struct smtp_reply *r)
{
	*k = (struct kept){ .hash = hash, .known = known,
		.until_ms = clock_ms() + (known == POLICY_KNOWN_YES ? KEEP_YES_MS : KEEP_NO_MS) };
	snprintf(k->words, sizeof(k->words), "%d %s", r->code, r->status);
}

enum policy_known
callout_ask(struct smtp *c, const struct gateway *g, struct span address, struct span *words_out)
{
	uint64_t now = clock_ms(), hash = hash_of(g->contact, address);
	static struct kept tried;
	struct kept *k = &table[hash % SLOTS];
	struct smtp_reply reply = { .code = 0 };
	enum policy_known known = POLICY_KNOWN_SILENT;
	int fd;

	if (k->hash == hash && k->until_ms > now) {
		*words_out = span_of(k->words);
		return k->known;
	}
	if (silent_until_ms[g->contact] > now)
		return POLICY_KNOWN_SILENT;
	fd = contact_connect(c->s->svc, g->contact);
	if (fd >= 0)
		known = converse(c, g, fd, address, &reply);
	log_answer(c, g, address, known, reply.code);
	if (known == POLICY_KNOWN_SILENT) {
		if (!c->dry)
			silent_until_ms[g->contact] = clock_ms() + (reply.code == 0 ? SILENT_MS : 0);
		return known;
	}
	if (c->dry)
		k = &tried;
	remember(k, hash, known, &reply);
	*words_out = span_of(k->words);
	return known;
}
