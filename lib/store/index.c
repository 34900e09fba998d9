/*
 * Checks of an index.  Every offset is checked here, once, when it is mapped;
 * after that the records can be used without looking.
 */
#include "base/base.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/num.h"
#include "store/index.h"

static uint32_t
head_crc(const struct index_head *head)
{
	struct index_head copy = *head;

	copy.head_crc = 0;
	return crc32c(0, &copy, sizeof(copy));
}

static bool
sizes_fit(const struct index_head *head, size_t file_size)
{
	size_t records;

	return num_mul(head->count, sizeof(struct message), &records) && head->count <= LIMIT_MESSAGES &&
		head->names_n <= file_size && head->keywords_n <= file_size &&
		sizeof(*head) + records + head->names_n + head->keywords_n == file_size;
}

static bool
records_are_good(const struct index *ix)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < ix->head->count; i++) {
		const struct message *m = &ix->records[i];

		if (m->uid <= last || m->uid >= ix->head->uidnext || m->where > MAILDIR_CUR_BARE ||
		    m->name_n == 0 || m->state != 0 || m->modseq > ix->head->modseq ||
		    m->name_at > ix->names.n || m->name_n > ix->names.n - m->name_at)
			return false;
		last = m->uid;
	}
	return true;
}

static bool
keywords_are_good(struct span s)
{
	size_t count = 0;

	while (s.n > 0) {
		ssize_t end = span_find(s, '\0');

		if (end <= 0 || end > LIMIT_KEYWORD_NAME || ++count > LIMIT_KEYWORDS)
			return false;
		s = span_from(s, (size_t)end + 1);
	}
	return true;
}

bool
index_check(struct span file, struct index *out)
{
	const struct index_head *head = (const struct index_head *)(const void *)file.p;
	struct span body;

	if (file.n < sizeof(*head) || memcmp(head->magic, INDEX_MAGIC, sizeof(head->magic)) != 0 ||
	    head->record_size != sizeof(struct message) || head->head_crc != head_crc(head) ||
	    !sizes_fit(head, file.n))
		return false;
	body = span_from(file, sizeof(*head));
	if (head->body_crc != crc32c(0, body.p, body.n))
		return false;
	out->head = head;
	out->records = (const struct message *)(const void *)body.p;
	out->names = span_make(body.p + head->count * sizeof(struct message), head->names_n);
	out->keywords = span_make(out->names.p + out->names.n, head->keywords_n);
	return head->uidvalidity != 0 && head->uidnext != 0 && records_are_good(out) &&
		keywords_are_good(out->keywords);
}

void
index_seal(struct index_head *head, const struct message *records, struct span names,
	struct span keywords)
{
	uint32_t crc = crc32c(0, records, head->count * sizeof(*records));

	memcpy(head->magic, INDEX_MAGIC, sizeof(head->magic));
	head->record_size = sizeof(*records);
	head->names_n = names.n;
	head->keywords_n = keywords.n;
	crc = crc32c(crc, names.p, names.n);
	head->body_crc = crc32c(crc, keywords.p, keywords.n);
	head->head_crc = 0;
	head->head_crc = head_crc(head);
}
