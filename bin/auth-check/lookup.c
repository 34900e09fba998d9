/*
 * lookup: questions in, answers out, with the last answers kept.
 *
 * An answer is good as long as the index did not change since (its version), so
 * nothing has to be invalidated one by one.  While users are still being
 * compared with their files nothing is kept.
 */
#include "base/base.h"
#include "lookup.h"

#include "base/mem.h"
#include "client.h"
#include "directory/kept.h"
#include "directory/socketmap.h"
#include "gateway.h"
#include "returning.h"
#include "room.h"
#include "signing.h"

#define CACHE_SLOTS 16384

struct lookup {
	struct service *svc;
	struct loop *loop;
	struct resolver *rs;
	struct kept *kept;
	int board_fd;		/* of room.board; -1: none could be had */
	struct room room;
	struct signing signing;
	struct returning returning;
	struct buf answer;
};

static const struct map {
	const char *name;
	void (*resolve)(struct resolver *rs, struct span key, struct buf *out);
} maps[] = {
	{ "rcpt", resolve_rcpt },
	{ "expand", resolve_expand },
	{ "domain", resolve_domain_map },
	{ "disabled", resolve_disabled },
	{ "sending", resolve_sending },
	{ "sender", resolve_sender },
	{ "greylist", resolve_greylist },
	{ "limit", resolve_limit },
	{ "account", resolve_account_map },
};

static void
resolve(struct lookup *l, struct span map, struct span key)
{
	for (size_t i = 0; i < PB_COUNT(maps); i++) {
		if (span_is(map, maps[i].name)) {
			maps[i].resolve(l->rs, key, &l->answer);
			return;
		}
	}
	buf_text_put(&l->answer, "PERM 550 5.3.5 There is no such map");
}

/* The answer to question, in l->answer. */
static void
answer(struct lookup *l, struct span question)
{
	uint64_t version = refresh_is_scanning(l->rs->refresh) ? 0 : index_version(l->rs->ix) + 1;
	struct span map, key;

	buf_clear(&l->answer);
	if (kept_take(l->kept, version, question, &l->answer))
		return;
	if (!socketmap_question(question, &map, &key)) {
		buf_text_put(&l->answer, "PERM 550 5.3.5 A question is MAP KEY");
		return;
	}
	resolve(l, map, key);
	kept_put(l->kept, version, question, buf_view(&l->answer));
}

/* Who keeps answers himself reads on the board whether they are still good. */
static size_t
give_version(struct lookup *l, struct client *c, size_t used)
{
	char storage[32];
	struct buf out;

	buf_init_fixed(&out, storage, sizeof(storage));
	socketmap_put(&out, l->board_fd >= 0 ? SPAN("OK page") : SPAN("NOTFOUND "));
	if (l->board_fd >= 0)
		(void)client_send_fd(c, buf_view(&out), l->board_fd);
	else
		client_send(c, buf_view(&out));
	return used;
}

/* A mailbox with room, asked for by its own name, need not be asked for again. */
static void
post(struct lookup *l, struct span question)
{
	struct span answer = buf_view(&l->answer), name;

	if (l->room.board == NULL || !span_is(span_cut(&question, ' '), "rcpt"))
		return;
	name = span_from(answer, span_starts(answer, SPAN("OK mailbox ")) ? strlen("OK mailbox ") : answer.n);
	if (name.n > 0 && span_eq(name, question))
		board_post(l->room.board, name);
}

static size_t
give(struct lookup *l, struct client *c, size_t used, bool is_secret)
{
	struct buf out;

	buf_init(&out, LIMIT_SOCKETMAP_REPLY + 16);
	socketmap_put(&out, buf_view(&l->answer));
	client_send(c, buf_view(&out));
	if (is_secret) {
		mem_wipe(out.p, out.n);
		mem_wipe(l->answer.p, l->answer.n);
	}
	buf_free(&out);
	return used;
}

static size_t
on_input(struct client *c, void *ctx, struct span in)
{
	struct lookup *l = ctx;
	struct span question;
	size_t used;
	int r = socketmap_take(in, LIMIT_SOCKETMAP, &question, &used);

	if (r <= 0)
		return r < 0 ? CLIENT_HOSTILE : 0;
	if (span_is(question, "version "))
		return give_version(l, c, used);
	if (gateway_question(l->svc, client_uid(c), question, &l->answer))
		return give(l, c, used, true);
	if (!room_question(&l->room, client_uid(c), question, &l->answer) &&
	    !signing_question(&l->signing, client_uid(c), question, &l->answer) &&
	    !returning_question(&l->returning, client_uid(c), question, &l->answer)) {
		answer(l, question);
		room_add(&l->room, question, &l->answer);
		post(l, question);
	}
	return give(l, c, used, false);
}

static void
on_gone(void *ctx PB_UNUSED)
{
}

static const struct client_kind kind = {
	.name = "lookup",
	.in_max = 64 * LIMIT_SOCKETMAP,
	.out_max = 4 * LIMIT_SOCKETMAP_REPLY,
	.input = on_input,
	.gone = on_gone,
};

static void
on_short(void *ctx)
{
	board_clear(ctx);
}

struct lookup *
lookup_new(struct service *svc, struct loop *loop, struct resolver *rs, struct spaces *spaces, struct helpers *helpers,
	struct board *board, int board_fd)
{
	struct lookup *l = mem_new(sizeof(*l));

	l->svc = svc;
	l->loop = loop;
	l->rs = rs;
	l->kept = kept_new(CACHE_SLOTS);
	l->board_fd = board_fd;
	l->room = (struct room){ .svc = svc, .rs = rs, .rooms = rooms_new(), .spaces = spaces, .board = board };
	if (board != NULL)
		spaces_on_short(spaces, on_short, board);
	l->signing = (struct signing){ .svc = svc, .rs = rs, .helpers = helpers };
	returning_init(&l->returning, svc, rs);
	buf_init(&l->answer, LIMIT_SOCKETMAP_REPLY);
	return l;
}

void
lookup_client(struct lookup *l, int fd)
{
	client_new(l->svc, l->loop, fd, &kind, l);
}
