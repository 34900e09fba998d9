/* kept: see kept.h. */
#include "base/base.h"
#include "directory/kept.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sys/random.h"

struct slot {
	uint64_t version;
	uint64_t hash;
	uint32_t question_n, answer_n;
	char text[];		/* question, answer */
};

struct kept {
	uint64_t seed;		/* so that nobody outside chooses who shares a slot */
	size_t size;
	struct slot *slots[];
};

struct kept *
kept_new(size_t slots)
{
	struct kept *k = mem_new(sizeof(*k) + slots * sizeof(k->slots[0]));

	k->seed = random_u64();
	k->size = slots;
	return k;
}

void
kept_free(struct kept **k)
{
	if (*k == NULL)
		return;
	kept_clear(*k);
	free(*k);
	*k = NULL;
}

void
kept_clear(struct kept *k)
{
	for (size_t i = 0; i < k->size; i++) {
		free(k->slots[i]);
		k->slots[i] = NULL;
	}
}

bool
kept_take(const struct kept *k, uint64_t version, struct span question, struct buf *out)
{
	uint64_t hash = hash_keyed(k->seed, question);
	const struct slot *s = k->slots[hash % k->size];

	if (version == 0 || s == NULL || s->hash != hash || s->version != version ||
	    !span_eq(question, span_make(s->text, s->question_n)))
		return false;
	return buf_put(out, s->text + s->question_n, s->answer_n);
}

void
kept_put(struct kept *k, uint64_t version, struct span question, struct span answer)
{
	uint64_t hash = hash_keyed(k->seed, question);
	struct slot **slot = &k->slots[hash % k->size];
	size_t n = question.n + answer.n;

	if (version == 0 || n > KEPT_TEXT_MAX)
		return;
	*slot = mem_resize(*slot, sizeof(**slot) + n);
	(*slot)->hash = hash;
	(*slot)->version = version;
	(*slot)->question_n = (uint32_t)question.n;
	(*slot)->answer_n = (uint32_t)answer.n;
	memcpy((*slot)->text, question.p, question.n);
	memcpy((*slot)->text + question.n, answer.p, answer.n);
}
