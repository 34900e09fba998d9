/*
 * index: a cache of the journal, made to be mapped.
 *
 *	struct index_head | struct message[count] | names | keywords, each with NUL
 *
 * It says up to which byte of which journal (id) it is right; the rest of the
 * journal is replayed over it.  It is a function of that part of the journal
 * and of the cache file, so a new one has the same bytes.  It is replaced
 * by rename and never changed in place: a mapping of it stays whole.
 *
 * The layout is this machine's own; an index from another one fails the checks
 * and is made anew.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "base/base.h"
#include "base/span.h"
#include "store/mailbox.h"

#define INDEX_MAGIC "PBINDEX1"

struct index_head {
	char magic[8];
	uint32_t head_crc;	/* of the head, this field zero */
	uint32_t body_crc;	/* of all that follows the head */
	uint64_t journal_id;
	uint64_t journal_at;	/* bytes of the journal that are in here */
	uint64_t cache_id;
	uint64_t cache_at;	/* bytes of the cache file that were looked at */
	uint64_t modseq;	/* highest */
	uint64_t new_ns, cur_ns;	/* last scan */
	uint64_t names_n;
	uint64_t keywords_n;
	uint32_t uidvalidity;
	uint32_t uidnext;
	uint32_t count;
	uint32_t record_size;
	uint32_t recent_uid;	/* messages from here on are \Recent */
	uint32_t in_new;	/* messages that lie in new/ */
	struct mailbox_counts counts;
};

struct index {
	const struct index_head *head;
	const struct message *records;
	struct span names;
	struct span keywords;
};

/* Check a whole index file and point into it; false when it is damaged or foreign. */
bool index_check(struct span file, struct index *out) PB_MUST_CHECK;

/* Fill in magic, sizes and checksums of a head whose body follows. */
void index_seal(struct index_head *head, const struct message *records, struct span names,
	struct span keywords);

#endif
