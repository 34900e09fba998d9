/*
 * control_list: records for those who ask, page by page.
 *
 *	list [from=HEX] [FILTER]	-> ok record=... [next=HEX]
 *	delete [from=HEX] FILTER	-> ok deleted=N [next=HEX]
 *	delete ip= sender= recipient=	-> ok deleted=N, or error exit=3
 *
 * FILTER: state=waiting|passed|known, network=IP, sender=PATTERN, recipient=PATTERN,
 * party=ADDRESS (either side), all=1 (for delete: everything); what is given must all match.
 * A record is "STATE FIRST LAST EXPIRES ORIGIN <SENDER> <RECIPIENT>", times in seconds
 * since 1970, texts escaped; SENDER is "@" where ORIGIN, a domain, stands for all of it.
 * A page looks at a bounded number of records, so one may be empty and yet have a next.
 */
#include "base/base.h"
#include "greylist.h"

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "policy/pattern.h"
#include "service/control.h"
#include "sys/clock.h"

/* Room for the longest line of a list and the key of the next one. */
#define LIST_ROOM 2048

struct filter {
	struct span state, sender, recipient, party;
	char network[ORIGIN_TEXT_MAX], address[ORIGIN_TEXT_MAX];	/* "" when not asked */
};

struct page {
	struct filter filter;
	struct buf *reply;
	uint64_t deleted;
};

static bool
read_filter(const struct record *request, struct filter *f, struct buf *reply)
{
	struct span network = record_get(request, "network");
	struct triple c = { .by_address = false };

	*f = (struct filter){ .state = record_get(request, "state"), .sender = record_get(request, "sender"),
		.recipient = record_get(request, "recipient"), .party = record_get(request, "party") };
	if (network.p == NULL)
		return true;
	if (!addr_parse(network, &c.client)) {
		control_error(reply, EXIT_USAGE, "the network is given by an address of it");
		return false;
	}
	records_origin(&c, f->network);
	c.by_address = true;
	records_origin(&c, f->address);
	return true;
}

static bool
state_matches(struct span wanted, const char *state)
{
	bool is_known = strcmp(state, "waiting") != 0 && strcmp(state, "passed") != 0;

	return wanted.p == NULL || span_is(wanted, state) || (is_known && span_is(wanted, "known"));
}

/* A record of a domain is one of every sender there. */
static bool
sender_matches(struct span pattern, const struct row *r)
{
	char text[LIMIT_DOMAIN + 2];

	if (!span_is(r->sender, "@"))
		return pattern_matches(pattern, r->sender);
	snprintf(text, sizeof(text), "@%.*s", SPAN_ARG(span_first(r->origin, LIMIT_DOMAIN)));
	return pattern_matches(span_from(pattern, (size_t)(span_rfind(pattern, '@') + 1)), span_of(text));
}

static bool
matches(const struct filter *f, const struct row *r)
{
	return state_matches(f->state, r->state)
		&& (f->network[0] == '\0' || span_is(r->origin, f->network) || span_is(r->origin, f->address))
		&& (f->sender.p == NULL || sender_matches(f->sender, r))
		&& (f->recipient.p == NULL || pattern_matches(f->recipient, r->recipient))
		&& (f->party.p == NULL || sender_matches(f->party, r) || pattern_matches(f->party, r->recipient));
}

static int
list_one(const struct row *r, void *ctx)
{
	struct page *page = ctx;
	char text[LIST_ROOM];
	struct buf line;

	if (!matches(&page->filter, r))
		return 0;
	if (page->reply->n > LIMIT_RECORD - 2 * LIST_ROOM)
		return 1;
	buf_init_fixed(&line, text, sizeof(text));
	buf_printf(&line, "%s %lld %lld %lld ", r->state, (long long)r->first_s, (long long)r->last_s,
		(long long)r->expires_s);
	buf_escaped(&line, r->origin);
	buf_text_put(&line, " <");
	buf_escaped(&line, r->sender);
	buf_text_put(&line, "> <");
	buf_escaped(&line, r->recipient);
	buf_char(&line, '>');
	record_add(page->reply, "record", buf_view(&line));
	return 0;
}

static int
delete_one(const struct row *r, void *ctx)
{
	struct page *page = ctx;

	if (!matches(&page->filter, r))
		return 0;
	page->deleted++;
	return 2;
}

/* A key in hexadecimal digits; empty when it is none. */
static struct span
read_key(struct span hex, char out[STATE_KEY_MAX])
{
	size_t n = 0;

	if (hex.n % 2 != 0 || hex.n / 2 > STATE_KEY_MAX)
		return SPAN_NONE;
	for (size_t i = 0; i < hex.n; i += 2) {
		int high = char_hex(hex.p[i]), low = char_hex(hex.p[i + 1]);

		if (high < 0 || low < 0)
			return SPAN_NONE;
		out[n++] = (char)(high << 4 | low);
	}
	return span_make(out, n);
}

static void
walk_page(const struct record *request, row_fn *fn, struct page *page)
{
	char from[STATE_KEY_MAX], next[STATE_KEY_MAX], hex[2 * STATE_KEY_MAX + 1] = "";
	int n = records_walk(&greylist.records, read_key(record_get(request, "from"), from),
		clock_wall_ms() / 1000, fn, page, next);

	if (n < 0)
		greylist_trouble();
	for (int i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)next[i]);
	if (n > 0)
		record_add_text(page->reply, "next", hex);
}

void
control_list(const struct record *request, struct buf *reply)
{
	struct page page = { .reply = reply };

	if (!read_filter(request, &page.filter, reply))
		return;
	record_begin(reply, "ok");
	walk_page(request, list_one, &page);
}

static void
delete_contact(const struct record *request, struct buf *reply)
{
	struct span sender = record_get(request, "sender");
	struct triple c = { .sender = sender, .recipient = record_get(request, "recipient"),
		.domain = span_from(sender, (size_t)(span_rfind(sender, '@') + 1)) };
	int found;

	if (!addr_parse(record_get(request, "ip"), &c.client)) {
		control_error(reply, EXIT_USAGE, "the first word must be an address");
		return;
	}
	found = records_forget(&greylist.records, &c);
	if (found < 0)
		greylist_trouble();
	if (found == 0) {
		control_error(reply, EXIT_NO_OBJECT, "there is no such record");
		return;
	}
	record_begin(reply, "ok");
	record_add_num(reply, "deleted", (uint64_t)found);
}

void
control_delete(const struct record *request, struct buf *reply)
{
	struct page page = { .reply = reply };
	const struct filter *f = &page.filter;

	if (record_get(request, "ip").p != NULL) {
		delete_contact(request, reply);
		return;
	}
	if (!read_filter(request, &page.filter, reply))
		return;
	if (!span_is(record_get(request, "all"), "1") && f->state.p == NULL && f->network[0] == '\0'
	    && f->sender.p == NULL && f->recipient.p == NULL) {
		control_error(reply, EXIT_USAGE, "say which records, or all");
		return;
	}
	record_begin(reply, "ok");
	walk_page(request, delete_one, &page);
	record_add_num(reply, "deleted", page.deleted);
}
