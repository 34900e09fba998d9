/*
 * The list of messages, and how a line of the journal changes it.
 *
 * Invariants: 1. UIDs rise along the list; 2. counts are those of messages
 * that are not gone; 3. lines may be applied twice without harm, so that a
 * repeat after a crash or a rewritten journal is nothing special.
 */
#include "base/base.h"
#include "base/mem.h"
#include "store/mailbox_private.h"

#include <sys/mman.h>

size_t
mailbox_find_uid(const struct mailbox *m, uint32_t uid)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->at[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct message *
view_by_uid(struct mailbox *m, uint32_t uid)
{
	size_t i = mailbox_find_uid(m, uid);

	return i < m->count && m->at[i].uid == uid ? &m->at[i] : NULL;
}

struct span
view_name(const struct mailbox *m, const struct message *msg)
{
	if (msg->name_at < m->map_names.n)
		return span_make(m->map_names.p + msg->name_at, msg->name_n);
	return span_make(m->names.p + (msg->name_at - m->map_names.n), msg->name_n);
}

void
view_path(const struct mailbox *m, const struct message *msg, struct buf *out)
{
	buf_clear(out);
	maildir_print((enum maildir_where)msg->where, view_name(m, msg), msg->letters, out);
}

/* Count a message in (1) or out (-1). */
static void
count(struct mailbox *m, const struct message *msg, int by)
{
	m->counts.bytes += (uint64_t)by * msg->file_size;
	m->counts.messages += (uint32_t)by;
	if ((msg->letters & MAILDIR_SEEN) == 0)
		m->counts.unseen += (uint32_t)by;
	if (msg->letters & MAILDIR_DELETED)
		m->counts.deleted += (uint32_t)by;
	if (msg->where == MAILDIR_NEW)
		m->in_new += (uint32_t)by;
	if (msg->state & MESSAGE_RECENT)
		m->marked_recent += (uint32_t)by;
}

void
view_mark_recent(struct mailbox *m, struct message *msg)
{
	if (msg->state & (MESSAGE_RECENT | MESSAGE_GONE))
		return;
	msg->state |= MESSAGE_RECENT;
	m->marked_recent++;
}

static struct message *
append(struct mailbox *m)
{
	if (m->count == m->cap || m->cap == 0) {
		size_t cap = m->count < 32 ? 64 : m->count * 2;
		struct message *grown = mem_resize_array(m->cap == 0 ? NULL : m->at, cap, sizeof(*grown));

		if (m->cap == 0 && m->count > 0)
			memcpy(grown, m->at, m->count * sizeof(*grown));
		m->at = grown;
		m->cap = cap;
	}
	return &m->at[m->count++];
}

static void
mark_gone(struct mailbox *m, struct message *msg)
{
	if (msg->state & MESSAGE_GONE)
		return;
	count(m, msg, -1);
	msg->state |= MESSAGE_GONE;
	m->gone++;
}

static void
apply_flags(struct mailbox *m, struct message *msg, const struct journal_line *l)
{
	bool differs = ((msg->letters ^ l->letters) & MAILDIR_IMAP_FLAGS) != 0 || msg->keywords != l->keywords;

	msg->state |= MESSAGE_KEPT;
	if (msg->state & MESSAGE_GONE)
		return;
	count(m, msg, -1);
	msg->letters = l->letters;
	msg->keywords = l->keywords;
	msg->where = (uint8_t)l->where;
	if (l->modseq > msg->modseq)
		msg->modseq = l->modseq;
	if (differs)
		msg->state |= MESSAGE_CHANGED;
	count(m, msg, 1);
}

static void
apply_add(struct mailbox *m, const struct journal_line *l)
{
	struct message *msg = view_by_uid(m, l->uid);

	if (msg != NULL) {
		apply_flags(m, msg, l);
		return;
	}
	if ((m->count > 0 && m->at[m->count - 1].uid > l->uid) || m->count >= LIMIT_MESSAGES)
		return;		/* one that this session has forgotten already */
	msg = append(m);
	*msg = (struct message){ .uid = l->uid, .modseq = l->modseq, .letters = l->letters,
		.keywords = l->keywords, .file_size = l->file_size, .wire_size = l->wire_size,
		.date = l->date, .where = (uint8_t)l->where, .name_n = (uint8_t)l->name_n,
		.state = MESSAGE_KEPT };
	msg->name_at = (uint32_t)(m->map_names.n + m->names.n);
	buf_put(&m->names, l->name, l->name_n);
	count(m, msg, 1);
}

static void
apply_keyword(struct mailbox *m, const struct journal_line *l)
{
	if (l->uid != m->keyword_n)
		return;
	m->keywords[m->keyword_n++] = mem_copy(span_make(l->name, l->name_n));
}

void
view_apply(struct mailbox *m, const struct journal_line *l)
{
	struct message *msg;

	if (l->kind == JOURNAL_RECENT && l->uid > m->recent_uid)
		m->recent_uid = l->uid;
	if (l->kind == JOURNAL_ADD || l->kind == JOURNAL_FLAGS || l->kind == JOURNAL_GONE || l->kind == JOURNAL_NEXT) {
		if (l->modseq > m->modseq)
			m->modseq = l->modseq;
		if (l->uid >= m->uidnext && l->kind != JOURNAL_FLAGS)
			m->uidnext = l->kind == JOURNAL_NEXT ? l->uid : l->uid + 1;
	}
	switch (l->kind) {
	case JOURNAL_ADD:
		apply_add(m, l);
		break;
	case JOURNAL_FLAGS:
		if ((msg = view_by_uid(m, l->uid)) != NULL)
			apply_flags(m, msg, l);
		break;
	case JOURNAL_GONE:
		if ((msg = view_by_uid(m, l->uid)) != NULL)
			mark_gone(m, msg);
		break;
	case JOURNAL_KEYWORD:
		apply_keyword(m, l);
		break;
	case JOURNAL_SCAN:
		m->new_ns = l->new_ns;
		m->cur_ns = l->cur_ns;
		break;
	case JOURNAL_HEAD:
	case JOURNAL_RECENT:
	case JOURNAL_NEXT:
		break;
	}
}

void
view_line(const struct mailbox *m, const struct message *msg, enum journal_kind kind, struct journal_line *out)
{
	struct span name = view_name(m, msg);

	out->kind = kind;
	out->modseq = msg->modseq;
	out->uid = msg->uid;
	out->where = (enum maildir_where)msg->where;
	out->letters = msg->letters;
	out->keywords = msg->keywords;
	out->file_size = msg->file_size;
	out->wire_size = msg->wire_size;
	out->date = msg->date;
	out->name_n = name.n;
	memcpy(out->name, name.p, name.n);
}

/* A rewritten journal names every message that is left. */
void
view_merge_begin(struct mailbox *m)
{
	for (size_t i = 0; i < m->count; i++)
		m->at[i].state &= (uint16_t)~MESSAGE_KEPT;
}

void
view_merge_end(struct mailbox *m)
{
	for (size_t i = 0; i < m->count; i++)
		if ((m->at[i].state & MESSAGE_KEPT) == 0)
			mark_gone(m, &m->at[i]);
}

void
view_clear(struct mailbox *m)
{
	if (m->cap > 0)
		free(m->at);
	if (m->map != NULL)
		munmap(m->map, m->map_n);
	for (size_t i = 0; i < m->keyword_n; i++)
		free(m->keywords[i]);
	m->at = NULL;
	m->map = NULL;
	m->count = m->cap = m->gone = m->keyword_n = 0;
	m->map_n = m->index_at = 0;
	m->in_new = m->marked_recent = 0;
	m->map_names = SPAN_NONE;
	m->counts = (struct mailbox_counts){ .bytes = 0 };
	buf_clear(&m->names);
	m->uidnext = m->recent_uid = 1;
	m->modseq = 1;
	m->new_ns = m->cur_ns = 0;
}

/* The view becomes what a checked index says; its mapping is m->map. */
void
view_take_index(struct mailbox *m, const struct index *ix)
{
	const struct index_head *h = ix->head;
	struct span rest = ix->keywords;

	m->at = (struct message *)(uintptr_t)ix->records;
	m->count = h->count;
	m->map_names = ix->names;
	m->counts = h->counts;
	m->counts.recent = 0;
	m->in_new = h->in_new;
	m->recent_uid = h->recent_uid;
	m->uidvalidity = h->uidvalidity;
	m->uidnext = h->uidnext;
	m->modseq = h->modseq;
	m->new_ns = h->new_ns;
	m->cur_ns = h->cur_ns;
	m->index_at = m->journal_at = h->journal_at;
	m->cache_id = h->cache_id;
	m->cache_at = m->cache_index_at = h->cache_at;
	while (rest.n > 0) {
		size_t n = strlen(rest.p);

		m->keywords[m->keyword_n++] = mem_copy(span_first(rest, n));
		rest = span_from(rest, n + 1);
	}
}
