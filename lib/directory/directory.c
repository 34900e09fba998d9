/*
 * directory: look-ups.
 *
 * One question is one write and usually one read.  Answers are checked as
 * hostile: a fault makes trouble (451), never a wrong yes or no.
 */
#include "base/base.h"
#include "directory/directory_private.h"

#include <poll.h>
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "directory/board.h"
#include "directory/socketmap.h"
#include "sys/clock.h"

struct directory *
directory_new(int lookup_fd, int auth_fd)
{
	struct directory *d = mem_new(sizeof(*d));

	wire_init(&d->lookup, lookup_fd, LIMIT_SOCKETMAP_REPLY * 2);
	wire_init(&d->auth, auth_fd, LIMIT_AUTH_LINE * 8);
	d->patience_ms = DIRECTORY_WAIT_MS;
	d->board = -1;
	return d;
}

void
directory_use_board(struct directory *d)
{
	d->asks_board = d->board < 0;
}

void
directory_patience(struct directory *d, uint64_t ms)
{
	d->patience_ms = ms;
}

void
directory_free(struct directory **dp)
{
	if (*dp == NULL)
		return;
	wire_close(&(*dp)->lookup);
	wire_close(&(*dp)->auth);
	if ((*dp)->board >= 0)
		close((*dp)->board);
	free(*dp);
	*dp = NULL;
}

bool
directory_lookup_is_up(const struct directory *d)
{
	struct pollfd p = { .fd = d->lookup.fd, .events = POLLRDHUP };

	return !d->lookup.dead && poll(&p, 1, 0) == 0;
}

/* The next answer; valid until wire_used(&d->lookup, *used). */
static bool
next_answer(struct directory *d, uint64_t deadline, struct span *answer, size_t *used)
{
	for (;;) {
		int r = socketmap_take(buf_view(&d->lookup.in), LIMIT_SOCKETMAP_REPLY, answer, used);

		if (r == 1)
			return !d->lookup.dead;
		if (r < 0)
			wire_fail(&d->lookup);
		if (r < 0 || !wire_more(&d->lookup, deadline))
			return false;
	}
}

bool
directory_ask(struct directory *d, const char *map, struct span key, struct span *answer, size_t *used)
{
	uint64_t deadline = clock_ms() + d->patience_ms;
	struct buf question;
	bool sent;

	if (key.n + strlen(map) + 1 > LIMIT_SOCKETMAP)
		return false;
	buf_init(&question, LIMIT_SOCKETMAP + 16);
	socketmap_put_question(&question, map, key);
	sent = wire_send(&d->lookup, buf_view(&question), deadline);
	buf_free(&question);
	return sent && next_answer(d, deadline, answer, used);
}

static struct verdict
trouble(void)
{
	return verdict_make(451, "4.3.0", "The directory cannot be asked now, try again later");
}

/* The verdict inside a refusal; what cannot be read is trouble. */
static enum rcpt_kind
refusal(enum socketmap_kind kind, struct span data, struct verdict *out)
{
	enum verdict_kind wanted = kind == SOCKETMAP_PERM ? VERDICT_PERM : VERDICT_TEMP;

	if ((kind == SOCKETMAP_PERM || kind == SOCKETMAP_TEMP) && verdict_parse(data, out) && out->kind == wanted)
		return RCPT_REFUSED;
	*out = trouble();
	return RCPT_TROUBLE;
}

/* "mailbox CANONICAL", or "alias"; behind the word there may be "/ROOM" or "/ROOM/domain". */
static bool
read_rcpt(struct span data, struct directory_rcpt *out)
{
	struct span whose = span_cut(&data, ' '), what = span_cut(&whose, '/'), room = span_cut(&whose, '/');

	out->room_known = room.p != NULL;
	out->room_of_domain = whose.p != NULL;
	if (out->room_known && !num_parse(room, UINT64_MAX, &out->room))
		return false;
	if (out->room_of_domain && !span_is(whose, "domain"))
		return false;
	if (data.p == NULL || data.n == 0 || data.n > LIMIT_ADDRESS)
		return false;
	if (span_is(what, "mailbox"))
		out->kind = RCPT_MAILBOX;
	else if (span_is(what, "alias"))
		out->kind = RCPT_ALIAS;
	else
		return false;
	memcpy(out->canonical, data.p, data.n);
	out->canonical[data.n] = '\0';
	return true;
}

static void
rcpt_answer(struct span answer, struct directory_rcpt *out)
{
	struct span data;
	enum socketmap_kind kind = socketmap_answer(answer, &data);

	memset(out, 0, sizeof(*out));
	if (kind == SOCKETMAP_NOTFOUND)
		out->kind = RCPT_FOREIGN;
	else if (kind != SOCKETMAP_OK || !read_rcpt(data, out))
		out->kind = refusal(kind, data, &out->verdict);
}

static void
rcpt_trouble(struct directory_rcpt *out)
{
	memset(out, 0, sizeof(*out));
	out->kind = RCPT_TROUBLE;
	out->verdict = trouble();
}

enum rcpt_kind
directory_rcpt(struct directory *d, struct span address, struct directory_rcpt *out)
{
	directory_rcpt_many(d, &address, 1, out);
	return out->kind;
}

/* An address that no question may carry is refused here, so that answers keep their order. */
static bool
rcpt_too_long(struct span address, struct directory_rcpt *out)
{
	if (address.n <= LIMIT_ADDRESS)
		return false;
	memset(out, 0, sizeof(*out));
	out->kind = RCPT_REFUSED;
	out->verdict = verdict_make(550, "5.1.3", "The address is too long");
	return true;
}

/* A mailbox that stands on the board; not when auth-check is gone, who would take it down. */
static bool
rcpt_is_posted(struct directory *d, struct span address, struct directory_rcpt *out)
{
	if (d->lookup.dead || !board_shows(d->board, address))
		return false;
	memset(out, 0, sizeof(*out));
	out->kind = RCPT_MAILBOX;
	memcpy(out->canonical, address.p, address.n);
	return true;
}

/* Questions of one group fit the socket's buffer, so neither side waits for the other. */
#define GROUP 64

/* The descriptor comes along with the answer. */
static bool
take_board(struct directory *d, uint64_t deadline)
{
	struct span answer;
	size_t used;

	d->asks_board = false;
	if (!next_answer(d, deadline, &answer, &used))
		return false;
	wire_used(&d->lookup, used);
	d->board = wire_take_passed(&d->lookup);
	return true;
}

static void
rcpt_group(struct directory *d, const struct span *addresses, size_t n, struct directory_rcpt *out)
{
	uint64_t deadline = clock_ms() + d->patience_ms;
	struct span answer;
	struct buf questions;
	size_t used;
	bool good, is_answered[GROUP];

	buf_init(&questions, (GROUP + 1) * (LIMIT_ADDRESS + 32));
	if (d->asks_board)
		socketmap_put_question(&questions, "version", SPAN_NONE);
	for (size_t i = 0; i < n; i++) {
		is_answered[i] = rcpt_too_long(addresses[i], &out[i]) || rcpt_is_posted(d, addresses[i], &out[i]);
		if (!is_answered[i])
			socketmap_put_question(&questions, "rcpt", addresses[i]);
	}
	good = wire_send(&d->lookup, buf_view(&questions), deadline) && (!d->asks_board || take_board(d, deadline));
	buf_free(&questions);
	for (size_t i = 0; i < n; i++) {
		if (is_answered[i])
			continue;
		good = good && next_answer(d, deadline, &answer, &used);
		if (good) {
			rcpt_answer(answer, &out[i]);
			wire_used(&d->lookup, used);
		} else {
			rcpt_trouble(&out[i]);
		}
	}
}

void
directory_rcpt_many(struct directory *d, const struct span *addresses, size_t n, struct directory_rcpt *out)
{
	for (size_t i = 0; i < n; i += GROUP)
		rcpt_group(d, addresses + i, n - i < GROUP ? n - i : GROUP, out + i);
}

int
directory_domain(struct directory *d, struct span domain)
{
	enum socketmap_kind kind;
	struct span answer, data;
	size_t used;

	if (domain.n > LIMIT_DOMAIN)
		return 0;
	if (!directory_ask(d, "domain", domain, &answer, &used))
		return -1;
	kind = socketmap_answer(answer, &data);
	wire_used(&d->lookup, used);
	if (kind == SOCKETMAP_OK)
		return 1;
	return kind == SOCKETMAP_NOTFOUND ? 0 : -1;
}

int
directory_may_send_as(struct directory *d, struct span user, struct span address)
{
	struct span answer, data;
	size_t used;
	int result = 0;

	if (address.n > LIMIT_ADDRESS)
		return 0;
	if (!directory_ask(d, "sender", address, &answer, &used))
		return -1;
	switch (socketmap_answer(answer, &data)) {
	case SOCKETMAP_OK:
		for (struct span w = span_word(&data); w.n > 0; w = span_word(&data))
			if (span_eq_nocase(w, user))
				result = 1;
		break;
	case SOCKETMAP_NOTFOUND:
		break;
	case SOCKETMAP_TEMP:
	case SOCKETMAP_PERM:
	case SOCKETMAP_BAD:
		result = -1;
		break;
	}
	wire_used(&d->lookup, used);
	return result;
}

/* "WORD CANONICAL" */
static enum directory_greylist
greylist_answer(struct span data, char canonical[LIMIT_ADDRESS + 1])
{
	static const struct { const char *word; enum directory_greylist means; } words[] = {
		{ "check", DIRECTORY_GREYLIST }, { "domain-off", DIRECTORY_DOMAIN_OFF },
		{ "user-off", DIRECTORY_USER_OFF }, { "trusted-by-domain", DIRECTORY_TRUSTED_BY_DOMAIN },
		{ "trusted-by-user", DIRECTORY_TRUSTED_BY_USER },
	};
	struct span word = span_cut(&data, ' ');

	for (size_t i = 0; i < PB_COUNT(words); i++)
		if (span_is(word, words[i].word) && data.n > 0 && data.n <= LIMIT_ADDRESS) {
			memcpy(canonical, data.p, data.n);
			canonical[data.n] = '\0';
			return words[i].means;
		}
	return DIRECTORY_TROUBLE;
}

enum directory_greylist
directory_greylist(struct directory *d, struct span recipient, struct span sender,
	char canonical[LIMIT_ADDRESS + 1])
{
	char text[2 * LIMIT_ADDRESS + 2];
	enum directory_greylist result = DIRECTORY_TROUBLE;
	struct span answer, data;
	struct buf key;
	size_t used;

	canonical[0] = '\0';
	/* A quoted local part with a blank would end the recipient early. */
	if (span_find(recipient, ' ') >= 0 || recipient.n > LIMIT_ADDRESS || sender.n > LIMIT_ADDRESS)
		return DIRECTORY_REFUSED;
	buf_init_fixed(&key, text, sizeof(text));
	buf_span(&key, recipient);
	buf_char(&key, ' ');
	buf_span(&key, sender);
	if (!directory_ask(d, "greylist", buf_view(&key), &answer, &used))
		return DIRECTORY_TROUBLE;
	switch (socketmap_answer(answer, &data)) {
	case SOCKETMAP_OK:
		result = greylist_answer(data, canonical);
		break;
	case SOCKETMAP_NOTFOUND:
		result = DIRECTORY_NOT_OURS;
		break;
	case SOCKETMAP_PERM:
	case SOCKETMAP_TEMP:
		result = DIRECTORY_REFUSED;
		break;
	case SOCKETMAP_BAD:
		break;
	}
	wire_used(&d->lookup, used);
	return result;
}

/* "mailbox:ADDR", "held:ADDR" or "remote:ADDR", where a blank is written %20 and % is %25. */
static bool
read_target(struct span word, struct directory_target *out)
{
	struct span kind, rest = word;
	struct buf address;

	kind = span_cut(&rest, ':');
	out->is_held = span_is(kind, "held");
	out->is_mailbox = out->is_held || span_is(kind, "mailbox");
	if ((!out->is_mailbox && !span_is(kind, "remote")) || rest.p == NULL || rest.n == 0)
		return false;
	buf_init_fixed(&address, out->address, sizeof(out->address));
	for (size_t i = 0; i < rest.n; i++) {
		struct span code = span_first(span_from(rest, i), 3);

		if (rest.p[i] != '%') {
			buf_char(&address, rest.p[i]);
			continue;
		}
		if (span_is(code, "%20"))
			buf_char(&address, ' ');
		else if (span_is(code, "%25"))
			buf_char(&address, '%');
		else
			return false;
		i += 2;
	}
	return !address.overflow;
}

static bool
read_targets(struct span data, struct directory_targets *out)
{
	for (struct span w = span_word(&data); w.n > 0; w = span_word(&data)) {
		if (out->count == LIMIT_EXPANSION)
			return false;
		if (out->count % 64 == 0)
			out->at = mem_resize_array(out->at, out->count + 64, sizeof(*out->at));
		if (!read_target(w, &out->at[out->count]))
			return false;
		out->count++;
	}
	return out->count > 0;
}

enum rcpt_kind
directory_expand_reply(struct span reply, struct directory_targets *out)
{
	struct span data;
	enum socketmap_kind kind = socketmap_answer(reply, &data);

	memset(out, 0, sizeof(*out));
	if (kind == SOCKETMAP_NOTFOUND)
		return RCPT_FOREIGN;
	if (kind != SOCKETMAP_OK)
		return refusal(kind, data, &out->verdict);
	if (span_is(data, "held:")) {
		out->is_held = true;
		out->verdict = verdict_make(550, "5.2.1", "The mailbox is disabled");
		return RCPT_REFUSED;
	}
	if (!read_targets(data, out)) {
		directory_targets_free(out);
		out->verdict = trouble();
		return RCPT_TROUBLE;
	}
	return out->count == 1 && out->at[0].is_mailbox ? RCPT_MAILBOX : RCPT_ALIAS;
}

int
directory_disabled_reply(struct span reply)
{
	struct span data;
	enum socketmap_kind kind = socketmap_answer(reply, &data);

	if (kind == SOCKETMAP_OK)
		return span_is(data, "user") ? DIRECTORY_USER_DISABLED : DIRECTORY_DOMAIN_DISABLED;
	return kind == SOCKETMAP_NOTFOUND ? 0 : -1;
}

enum rcpt_kind
directory_expand(struct directory *d, struct span address, struct directory_targets *out)
{
	enum rcpt_kind kind;
	struct span answer;
	size_t used;

	memset(out, 0, sizeof(*out));
	if (address.n > LIMIT_ADDRESS) {
		out->verdict = verdict_make(550, "5.1.3", "The address is too long");
		return RCPT_REFUSED;
	}
	if (!directory_ask(d, "expand", address, &answer, &used)) {
		out->verdict = trouble();
		return RCPT_TROUBLE;
	}
	kind = directory_expand_reply(answer, out);
	wire_used(&d->lookup, used);
	return kind;
}

void
directory_targets_free(struct directory_targets *t)
{
	free(t->at);
	t->at = NULL;
	t->count = 0;
}
