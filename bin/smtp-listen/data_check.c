/*
 * data_check: what is said against a message as it came, before any milter or policy server is asked: the
 * bytes, the size, the header, the From field, and room for it.
 */
#include "base/base.h"
#include "smtp.h"
#include "data.h"
#include "facts.h"
#include "mail/address.h"
#include "mail/header.h"
#include "smtp/data.h"

struct verdict
data_check_size(struct smtp *c, uint64_t size)
{
	struct policy_size facts = { .size = size, .server_max = c->config->most_bytes,
		.user_max = c->t.user_max_size };
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_size(&facts, &why);
	(void)smtp_decided(c, "size", &why, &v);
	return v;
}

static struct verdict
check_text(struct smtp *c, const struct policy_text *facts)
{
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_text(facts, &why);
	(void)smtp_decided(c, "text", &why, &v);
	c->over |= v.code == 521;
	return v;
}

struct verdict
data_check_flaws(struct smtp *c, const struct smtp_data *d)
{
	struct policy_text facts = { .line_max = c->config->max_line,
		.bare_lf = (d->flaws & SMTP_FLAW_BARE_LF) != 0, .bare_cr = (d->flaws & SMTP_FLAW_BARE_CR) != 0,
		.nul = (d->flaws & SMTP_FLAW_NUL) != 0, .long_line = (d->flaws & SMTP_FLAW_LONG_LINE) != 0 };
	struct verdict v = check_text(c, &facts);

	return v.kind == VERDICT_OK ? data_check_size(c, c->w->message.size) : v;
}

struct verdict
data_unreadable_parts(struct smtp *c)
{
	struct policy_text facts = { .parts_unreadable = true };

	return check_text(c, &facts);
}

static struct verdict
check_trace(struct smtp *c)
{
	const struct message *m = &c->w->message;
	struct policy_trace facts = { m->found.received, c->config->max_hops, m->found.received_by_us, LIMIT_OWN_HOPS };
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_trace(&facts, &why);
	(void)smtp_decided(c, "trace", &why, &v);
	return v;
}

struct verdict
data_check_header(struct smtp *c)
{
	const struct message *m = &c->w->message;
	struct policy_header facts = { m->flaw == TRACE_TOO_LARGE, m->flaw == TRACE_TOO_MANY_LINES,
		LIMIT_HEADER_BYTES, LIMIT_HEADER_LINES };
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_header(&facts, &why);
	return smtp_decided(c, "header", &why, &v) ? check_trace(c) : v;
}

void
data_find_from(struct smtp *c, struct buf *out)
{
	struct span header = span_first(buf_view(&c->w->message.text), c->w->message.found.end);
	struct arena *arena = arena_new(LIMIT_HEADER_BYTES);
	struct address_list list;

	if (header_count(header, "From") == 1) {
		address_parse_list(header_find(header, "From"), arena, &list);
		if (list.count == 1 && list.items[0].domain.n > 0)
			address_print(list.items[0].local, list.items[0].domain, out);
	}
	arena_free(&arena);
	if (out->overflow)
		buf_clear(out);
}

struct verdict
data_check_from(struct smtp *c, struct span from)
{
	struct policy_sender facts = {
		.client = smtp_client(c), .address = from, .match = c->config->match,
	};
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;
	int answer = 0;

	if (c->user[0] != '\0' && from.n > 0 && c->config->match != POLICY_MATCH_NONE &&
	    !span_eq_nocase(from, span_of(c->user)))
		answer = directory_may_send_as(c->w->directory, span_of(c->user), from);
	if (answer < 0)
		return verdict_make(451, "4.3.0", "Cannot check the From address now");
	facts.may_send_as = answer == 1;
	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_header_from(&facts, &why);
	(void)smtp_decided(c, "from", &why, &v);
	return v;
}

struct verdict
data_check_room(struct smtp *c)
{
	const struct message *m = &c->w->message;
	struct policy_rcpt facts = { .room_known = true, .domain_full = true, .size = m->size + m->trace.n + m->added.n };
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v = verdict_make(250, "2.0.0", "OK");

	for (size_t i = 0; i < c->t.count; i++) {
		if (c->t.rcpts[i].room >= facts.size)
			return v;
		if (c->t.rcpts[i].room >= facts.room)
			facts.room = c->t.rcpts[i].room;
	}
	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_room(&facts, &why);
	(void)smtp_decided(c, "room", &why, &v);
	for (size_t i = 0; i < c->t.count; i++)
		if (c->t.rcpts[i].is_in_domain)
			facts_domain_refused(c, span_of(c->t.rcpts[i].address));
	return v;
}
