/*
 * lookup: questions in, answers out, with the last answers kept.
 *
 * The cache is a table of fixed size; an answer in it is good as long as the
 * index did not change since (its version), so nothing has to be invalidated
 * one by one.  While users are still being compared with their files nothing is
 * taken from it.
 */
#include "base/base.h"
#include "lookup.h"

#include <stdlib.h>
#include "base/mem.h"
#include "client.h"
#include "directory/socketmap.h"
#include "room.h"
#include "sys/random.h"

#define CACHE_SLOTS 16384
#define CACHE_TEXT_MAX 1024	/* longer answers are not kept */

struct kept {
	uint64_t version;
	uint64_t hash;
	uint32_t question_n, answer_n;
	char text[];		/* question, answer */
};

struct lookup {
	struct service *svc;
	struct loop *loop;
	struct resolver *rs;
	uint64_t seed;		/* so that nobody outside chooses who shares a slot */
	struct kept *slots[CACHE_SLOTS];
	struct room room;
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
	{ "sender", resolve_sender },
	{ "greylist", resolve_greylist },
	{ "limit", resolve_limit },
	{ "account", resolve_account_map },
};

/* FNV-1a from a random start, then mixed. */
static uint64_t
hash_of(uint64_t seed, struct span s)
{
	uint64_t h = seed ^ 0xcbf29ce484222325U;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3U;
	h ^= h >> 32;
	h *= seed | 1;
	return h ^ h >> 29;
}

static bool
take_kept(struct lookup *l, struct span question, uint64_t hash)
{
	const struct kept *k = l->slots[hash % CACHE_SLOTS];

	if (k == NULL || k->hash != hash || k->version != index_version(l->rs->ix)
	    || !span_eq(question, span_make(k->text, k->question_n)))
		return false;
	return buf_put(&l->answer, k->text + k->question_n, k->answer_n);
}

static void
keep(struct lookup *l, struct span question, uint64_t hash)
{
	struct kept **slot = &l->slots[hash % CACHE_SLOTS];
	size_t n = question.n + l->answer.n;

	if (n > CACHE_TEXT_MAX)
		return;
	*slot = mem_resize(*slot, sizeof(**slot) + n);
	(*slot)->hash = hash;
	(*slot)->version = index_version(l->rs->ix);
	(*slot)->question_n = (uint32_t)question.n;
	(*slot)->answer_n = (uint32_t)l->answer.n;
	memcpy((*slot)->text, question.p, question.n);
	memcpy((*slot)->text + question.n, l->answer.p, l->answer.n);
}

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
	bool may_keep = !refresh_is_scanning(l->rs->refresh);
	uint64_t hash = hash_of(l->seed, question);
	struct span map, key;

	buf_clear(&l->answer);
	if (may_keep && take_kept(l, question, hash))
		return;
	if (!socketmap_question(question, &map, &key)) {
		buf_text_put(&l->answer, "PERM 550 5.3.5 A question is MAP KEY");
		return;
	}
	resolve(l, map, key);
	if (may_keep)
		keep(l, question, hash);
}

static size_t
on_input(struct client *c, void *ctx, struct span in)
{
	struct lookup *l = ctx;
	struct span question;
	struct buf out;
	size_t used;
	int r = socketmap_take(in, LIMIT_SOCKETMAP, &question, &used);

	if (r <= 0)
		return r < 0 ? CLIENT_HOSTILE : 0;
	if (!room_question(&l->room, client_uid(c), question, &l->answer)) {
		answer(l, question);
		room_add(&l->room, question, &l->answer);
	}
	buf_init(&out, LIMIT_SOCKETMAP_REPLY + 16);
	socketmap_put(&out, buf_view(&l->answer));
	client_send(c, buf_view(&out));
	buf_free(&out);
	return used;
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

struct lookup *
lookup_new(struct service *svc, struct loop *loop, struct resolver *rs, struct spaces *spaces)
{
	struct lookup *l = mem_new(sizeof(*l));

	l->svc = svc;
	l->loop = loop;
	l->rs = rs;
	l->seed = random_u64();
	l->room = (struct room){ .svc = svc, .rs = rs, .rooms = rooms_new(), .spaces = spaces };
	buf_init(&l->answer, LIMIT_SOCKETMAP_REPLY);
	return l;
}

void
lookup_client(struct lookup *l, int fd)
{
	client_new(l->svc, l->loop, fd, &kind, l);
}
