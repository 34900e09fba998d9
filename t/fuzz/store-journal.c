/* A line that is read prints to itself; indexes are accepted only whole. */
#include "base/base.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "store/index.h"
#include "store/journal.h"
#include "store/maildir.h"
#include "fuzz.h"

static void
try_line(struct span line)
{
	struct journal_line l, again;
	struct buf out;

	if (!journal_parse(line, &l))
		return;
	buf_init(&out, 4 * JOURNAL_LINE_MAX);
	journal_print(&l, &out);
	FUZZ_CHECK(out.n > 0 && journal_parse(span_first(buf_view(&out), out.n - 1), &again));
	FUZZ_CHECK(l.uid == again.uid && l.modseq == again.modseq && l.letters == again.letters);
	FUZZ_CHECK(l.name_n == again.name_n && memcmp(l.name, again.name, l.name_n) == 0);
	buf_free(&out);
}

/* Mutations break the checksum: with a right one the fields are reached. */
static void
try_sealed(struct span line)
{
	struct buf sealed;

	if (line.n < 10)
		return;
	line = span_first(line, line.n - 9);
	buf_init(&sealed, line.n + 16);
	buf_span(&sealed, line);
	buf_printf(&sealed, " %08x", crc32c(0, line.p, line.n));
	try_line(buf_view(&sealed));
	buf_free(&sealed);
}

static void
try_index(const uint8_t *data, size_t size)
{
	struct index_head *head;
	struct index ix;
	char *file = mem_new(size + sizeof(*head));
	size_t count;

	memcpy(file, data, size);
	if (index_check(span_make(file, size), &ix))
		FUZZ_CHECK(ix.head->count <= size);
	/* The same bytes as the records of an index with right sums. */
	head = (struct index_head *)(void *)file;
	memset(head, 0, sizeof(*head));
	memcpy(file + sizeof(*head), data, size);
	count = size / sizeof(struct message);
	head->count = (uint32_t)(count > 2 ? 2 : count);
	head->uidvalidity = head->uidnext = 1000;
	head->modseq = UINT64_MAX;
	index_seal(head, (const struct message *)(const void *)(file + sizeof(*head)),
		span_make(file + sizeof(*head) + head->count * sizeof(struct message),
			size - head->count * sizeof(struct message)), SPAN_NONE);
	if (index_check(span_make(file, sizeof(*head) + size), &ix))
		for (uint32_t i = 0; i < ix.head->count; i++)
			FUZZ_CHECK(ix.records[i].name_at + ix.records[i].name_n <= ix.names.n);
	free(file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make(data, size);
	struct maildir_name name;

	while (rest.n > 0) {
		struct span line = span_cut(&rest, '\n');

		try_line(line);
		try_sealed(line);
		if (maildir_split(line, &name))
			FUZZ_CHECK(name.base.n > 0 && name.base.n <= MAILDIR_NAME_MAX);
	}
	try_index(data, size);
	return 0;
}
