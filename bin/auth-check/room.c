/* room: see room.h. */
#include "base/base.h"
#include "room.h"

#include "base/num.h"
#include "space.h"
#include "sys/clock.h"

/* What a recipient still takes. */
struct left {
	bool is_known, is_domain;	/* it is the domain's, not the mailbox's own */
	uint64_t bytes;
};

static struct span
domain_of(struct span address)
{
	return span_from(address, (size_t)(span_rfind(address, '@') + 1));
}

/* True, with what it takes, when the domain of an address has little room. */
static bool
domain_is_short(struct room *r, struct span address, uint64_t *bytes)
{
	return spaces_room(r->spaces, domain_of(address), bytes) && *bytes < SPACE_PLENTY;
}

/* Of a canonical address, with or without a detail. */
static struct left
left_for(struct room *r, struct span address)
{
	char mailbox[LIMIT_ADDRESS + 1];
	struct span name = address;
	struct left left = { .is_known = false };
	uint64_t bytes;

	left.is_known = left.is_domain = domain_is_short(r, address, &left.bytes);
	if (span_find(address, '+') >= 0)
		name = resolve_mailbox(r->rs, address, mailbox) ? span_of(mailbox) : SPAN_NONE;
	if (name.n > 0 && rooms_find(r->rooms, name, clock_ms(), &bytes) && (!left.is_known || bytes < left.bytes))
		left = (struct left){ .is_known = true, .bytes = bytes };
	return left;
}

/* Of an alias: that of the member with most of it, if all are mailboxes for which it is known. */
static struct left
left_for_alias(struct room *r, struct span address)
{
	struct left most = { .is_known = false };
	struct span rest, word;
	struct buf all;

	buf_init(&all, LIMIT_SOCKETMAP_REPLY);
	resolve_expand(r->rs, address, &all);
	rest = buf_view(&all);
	if (!span_is(span_word(&rest), "OK"))
		rest = SPAN_NONE;
	for (word = span_word(&rest); word.n > 0; word = span_word(&rest)) {
		struct span member = word, kind = span_cut(&member, ':');
		struct left left = { .is_known = false };

		if (span_is(kind, "mailbox"))
			left = left_for(r, member);
		if (!left.is_known) {
			most.is_known = false;
			break;
		}
		if (!most.is_known || left.bytes > most.bytes)
			most = left;
	}
	buf_free(&all);
	return most;
}

void
room_add(struct room *r, struct span question, struct buf *answer)
{
	char name[LIMIT_ADDRESS + 1];
	struct span address = buf_view(answer);
	struct left left = { .is_known = false };
	uint64_t bytes;
	bool is_alias;

	if (!span_starts(question, SPAN("rcpt ")) || !span_is(span_cut(&address, ' '), "OK"))
		return;
	is_alias = span_is(span_cut(&address, ' '), "alias");
	if (address.n == 0 || address.n > LIMIT_ADDRESS)
		return;
	snprintf(name, sizeof(name), "%.*s", SPAN_ARG(address));
	if (!is_alias)
		left = left_for(r, span_of(name));
	else if (spaces_any_watched(r->spaces) || domain_is_short(r, span_of(name), &bytes))
		left = left_for_alias(r, span_of(name));
	if (!left.is_known)
		return;
	buf_clear(answer);
	buf_printf(answer, "OK %s/%llu%s %s", is_alias ? "alias" : "mailbox", (unsigned long long)left.bytes,
		left.is_domain ? "/domain" : "", name);
}

/* -- what is told ------------------------------------------------------------- */

/* "BYTES ADDRESS", of a mailbox with a limit. */
static bool
take_room(struct room *r, struct span key, struct buf *out)
{
	struct span address = key, bytes = span_cut(&address, ' ');
	uint64_t n;

	if (!num_parse(bytes, UINT64_MAX, &n) || address.n == 0)
		return false;
	resolve_limit(r->rs, address, out);
	if (n == UINT64_MAX)
		rooms_forget(r->rooms, address);
	else if (span_starts(buf_view(out), SPAN("OK ")) && !span_is(buf_view(out), "OK 0")) {
		rooms_note(r->rooms, address, n, clock_ms());
		if (r->board != NULL)
			board_take_down(r->board, address);
	}
	buf_clear(out);
	return buf_text_put(out, "OK ");
}

static bool
take_space(struct room *r, struct span key, struct buf *out)
{
	struct span domain = key, bytes = span_cut(&domain, ' ');
	uint64_t n, left;

	if (!num_parse(bytes, INT64_MAX, &n))
		return false;
	spaces_add(r->spaces, domain, (int64_t)n);
	if (!spaces_room(r->spaces, domain, &left))
		left = UINT64_MAX;
	return buf_printf(out, "OK %llu", (unsigned long long)left);
}

static bool
give_work(struct room *r, struct span key PB_UNUSED, struct buf *out)
{
	char domain[LIMIT_DOMAIN + 1];
	struct space_use use;

	/* Until all users are known some would be left out. */
	switch (refresh_is_scanning(r->rs->refresh) ? SPACES_IDLE : spaces_next(r->spaces, domain, &use)) {
	case SPACES_COUNT:
		return buf_printf(out, "OK count %s", domain);
	case SPACES_WARN:
		return buf_printf(out, "OK warn %s %llu %llu", domain, (unsigned long long)use.used,
			(unsigned long long)use.limit);
	case SPACES_IDLE:
		break;
	}
	return buf_text_put(out, "NOTFOUND ");
}

/* "USER@DOMAIN": the next user after that one, whose mail is to be counted. */
static bool
give_user(struct room *r, struct span key, struct buf *out)
{
	ssize_t at = span_rfind(key, '@');
	char next[LIMIT_LOCAL_PART + 1];

	if (at < 0 || at > LIMIT_LOCAL_PART)
		return false;
	if (index_next_user(r->rs->ix, span_from(key, (size_t)at + 1), span_first(key, (size_t)at), next))
		return buf_printf(out, "OK %s", next);
	return buf_text_put(out, "NOTFOUND ");
}

static bool
take_counted(struct room *r, struct span key, struct buf *out)
{
	struct span domain = key, bytes = span_cut(&domain, ' ');
	uint64_t n;

	if (!num_parse(bytes, INT64_MAX, &n))
		return false;
	spaces_counted(r->spaces, domain, n);
	return buf_text_put(out, "OK ");
}

static bool
take_warned(struct room *r, struct span domain, struct buf *out)
{
	spaces_warned(r->spaces, domain);
	return buf_text_put(out, "OK ");
}

static bool
take_refused(struct room *r, struct span domain, struct buf *out)
{
	spaces_refused(r->spaces, domain);
	return buf_text_put(out, "OK ");
}

static const struct {
	const char *name;
	bool (*take)(struct room *r, struct span key, struct buf *out);	/* false: not well formed */
	bool is_smtp_too;
} questions[] = {
	{ "room", take_room, false },
	{ "space", take_space, false },
	{ "space-work", give_work, false },
	{ "space-user", give_user, false },
	{ "space-counted", take_counted, false },
	{ "space-warned", take_warned, false },
	{ "space-refused", take_refused, true },
};

bool
room_question(struct room *r, uid_t uid, struct span question, struct buf *out)
{
	struct span key = question, name = span_cut(&key, ' ');
	size_t i = 0;
	bool may;

	while (i < PB_COUNT(questions) && !span_is(name, questions[i].name))
		i++;
	if (i == PB_COUNT(questions))
		return false;
	may = uid == service_uid(r->svc, "pbmail") ||
		(questions[i].is_smtp_too && uid == service_uid(r->svc, "pbsmtp"));
	buf_clear(out);
	if (!may)
		buf_text_put(out, "PERM 550 5.7.1 Only who delivers may say so");
	else if (key.n == 0 || !questions[i].take(r, key, out)) {
		buf_clear(out);
		buf_text_put(out, "PERM 550 5.3.5 The question is not well formed");
	}
	return true;
}
