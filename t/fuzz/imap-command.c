/* Every parser of IMAP arguments, over the same hostile command. */
#include "base/base.h"
#include "base/limits.h"
#include "imap/command.h"
#include "imap/fetch.h"
#include "imap/search.h"
#include "imap/set.h"
#include "fuzz.h"

static void
check_search(const struct imap_search *s, uint32_t node, unsigned depth)
{
	FUZZ_CHECK(depth <= 3 * LIMIT_IMAP_NESTING);
	for (; node != SEARCH_NO_NODE; node = s->nodes[node].next) {
		FUZZ_CHECK(node < s->count);
		check_search(s, s->nodes[node].first_child, depth + 1);
	}
}

static void
try_arguments(struct imap_lex x)
{
	struct imap_search search;
	struct imap_append append;
	struct imap_store store;
	struct imap_fetch fetch;
	struct imap_flags flags;
	struct imap_set set;
	struct imap_lex y = x;
	unsigned items;
	struct span s;
	int64_t t;

	if (imap_search_parse(&y, &search) == IMAP_SEARCH_OK)
		check_search(&search, 0, 0);
	y = x;
	if (imap_set_parse(&y, &set) && !set.saved) {
		imap_set_resolve(&set, 7);
		FUZZ_CHECK(set.count > 0 && imap_set_has(&set, set.at[0].first));
	}
	if (imap_lex_space(&y) && imap_fetch_parse(&y, &fetch))
		FUZZ_CHECK(fetch.section_n <= LIMIT_IMAP_SECTIONS);
	y = x;
	(void)(imap_fetch_parse(&y, &fetch) || imap_store_parse(&y, &store));
	y = x;
	(void)(imap_flags_parse(&y, true, &flags) || imap_status_parse(&y, &items));
	y = x;
	(void)(imap_date_time_parse(&y, &t) || imap_date_parse(&y, &t));
	y = x;
	(void)(imap_append_parse(&y, &append) && imap_append_next(&y, &append));
	y = x;
	if (imap_lex_list_mailbox(&y, &s))
		(void)imap_list_match(s, span_first(x.rest, 200), '/');
	y = x;
	(void)(imap_lex_nstring(&y, &s) || imap_lex_astring(&y, &s));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_lex x = { .rest = span_make(data, size), .arena = imap_lex_arena() };
	struct imap_command c;
	struct imap_literal lit;
	size_t left = size;

	if (imap_literal_at_end(x.rest, &lit))
		FUZZ_CHECK(lit.at < size);
	if (imap_command_parse(&x, &c)) {
		while (x.rest.n > 0) {
			FUZZ_CHECK(x.rest.n <= left);
			left = x.rest.n;
			try_arguments(x);
			x.rest = span_from(x.rest, 1);
			if (size - x.rest.n > 200)
				break;
		}
	}
	arena_free(&x.arena);
	return 0;
}
