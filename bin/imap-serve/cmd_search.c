/*
 * cmd_search: SEARCH and UID SEARCH (RFC 3501 6.4.4).
 *
 * The grammar has capped depth and number of keys, so walking the tree may
 * recurse.  Keys that the index answers are tried before those that need the
 * summary or the file.  Texts are compared as Unicode, letter case folded,
 * after RFC 2047 and transfer decoding.
 */
#include "base/base.h"
#include "session.h"

#include "imap/search.h"
#include "imap/summary.h"
#include "mail/charset.h"
#include "mail/date.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/mime_param.h"
#include "message.h"
#include "sys/clock.h"

#define DAY 86400
/* Decoded text of one part that is looked through: the rest of a huge part is not. */
#define SEARCH_PART_MAX (64u << 20)

struct search {
	struct imap *im;
	struct imap_search tree;
	struct buf *needles;		/* folded text of each node */
	struct message_reader m;
	struct buf decoded, folded;	/* scratch */
	struct arena *fields;		/* a header field taken apart, of one part at a time */
	int64_t now_s;
	int zone;			/* internal dates are compared in local time */
};

static bool
contains(struct search *s, struct span utf8, const struct buf *needle)
{
	buf_clear(&s->folded);
	charset_fold(utf8, &s->folded);
	return span_search(buf_view(&s->folded), buf_view(needle)) >= 0;
}

static bool
header_value_matches(struct search *s, struct span value, const struct buf *needle)
{
	buf_clear(&s->decoded);
	charset_decode_header(value, &s->decoded);
	return contains(s, buf_view(&s->decoded), needle);
}

static bool
is_address_field(struct span name)
{
	static const char *const names[] = { "From", "To", "Cc", "Bcc", "Sender", "Reply-To" };

	for (size_t i = 0; i < PB_COUNT(names); i++)
		if (span_is_nocase(name, names[i]))
			return true;
	return false;
}

/* The addresses without the comments and blanks that may stand inside them. */
static bool
addresses_match(struct search *s, struct span value, const struct buf *needle)
{
	struct address_list list;

	arena_reset(s->fields);
	buf_clear(&s->decoded);
	address_parse_list(value, s->fields, &list);
	for (size_t i = 0; i < list.count; i++) {
		charset_decode_header(list.items[i].name, &s->decoded);
		buf_text_put(&s->decoded, " <");
		address_print(list.items[i].local, list.items[i].domain, &s->decoded);
		buf_text_put(&s->decoded, ">, ");
	}
	return contains(s, buf_view(&s->decoded), needle);
}

static bool
block_matches(struct search *s, struct span block, struct span name, const struct buf *needle)
{
	struct header_field field;

	while (header_next(&block, &field)) {
		if (!field.valid || !span_eq_nocase(field.name, name))
			continue;
		if (needle->n == 0 || header_value_matches(s, field.value, needle) ||
		    (is_address_field(name) && addresses_match(s, field.value, needle)))
			return true;
	}
	return false;
}

static bool
header_matches(struct search *s, const struct imap_search_node *node, const struct buf *needle)
{
	const struct imap_summary *summary = imap_summary_has_field(node->field) ? message_summary(&s->m) : NULL;

	if (summary != NULL)
		return block_matches(s, summary->fields, node->field, needle);
	return message_text(&s->m) && block_matches(s, s->m.text, node->field, needle);
}

/* The body of one leaf as UTF-8 in s->decoded; false when it is no text. */
static bool
decode_part(struct search *s, const struct mime_part *part)
{
	struct span header = span_make(s->m.text.p + part->header.start, part->header.end - part->header.start);
	struct span body = span_make(s->m.text.p + part->body.start, part->body.end - part->body.start);
	struct span encoding = span_trim(header_find(header, "Content-Transfer-Encoding"));
	struct span charset = SPAN("us-ascii");
	struct mime_value type;
	struct buf raw;

	arena_reset(s->fields);
	if (mime_value_parse(header_find(header, "Content-Type"), s->fields, &type)) {
		struct span named = mime_value_param(&type, "charset");

		if (type.subtype.p != NULL && !span_is_nocase(type.type, "text"))
			return false;
		if (named.n > 0)
			charset = named;
	}
	buf_init(&raw, SEARCH_PART_MAX);
	if (span_is_nocase(encoding, "base64"))
		charset_base64(body, &raw);
	else if (span_is_nocase(encoding, "quoted-printable"))
		charset_quoted_printable(body, false, &raw);
	else
		buf_span(&raw, span_first(body, SEARCH_PART_MAX));
	buf_clear(&s->decoded);
	(void)charset_decode(buf_view(&raw), charset, &s->decoded);	/* unknown: as ASCII */
	buf_free(&raw);
	return true;
}

/* In the parts, and with headers in all header fields too. */
static bool
text_matches(struct search *s, const struct buf *needle, bool headers)
{
	const struct mime_tree *t = message_tree(&s->m);

	for (uint32_t k = 0; t != NULL && k < t->count; k++) {
		const struct mime_part *part = &t->parts[k];
		struct span header = span_make(s->m.text.p + part->header.start, part->header.end - part->header.start);

		if ((headers || k > 0) && header_value_matches(s, header, needle))
			return true;
		if (part->kind == MIME_LEAF && decode_part(s, part) && contains(s, buf_view(&s->decoded), needle))
			return true;
	}
	return t != NULL && needle->n == 0;
}

static bool
date_matches(enum imap_search_kind kind, int64_t seconds, int zone, int64_t day)
{
	int64_t local = seconds + (int64_t)zone * 60;
	int64_t its = local >= 0 ? local / DAY : -((-local + DAY - 1) / DAY);

	if (kind == SEARCH_BEFORE || kind == SEARCH_SENTBEFORE)
		return its < day;
	if (kind == SEARCH_ON || kind == SEARCH_SENTON)
		return its == day;
	return its >= day;
}

static bool
keyword_matches(struct search *s, const struct message *index, struct span name)
{
	uint64_t bit;

	return mailbox_keyword_bit(s->im->box, name, false, &bit) == 0 && (index->keywords & bit);
}

static bool
sent_matches(struct search *s, const struct imap_search_node *node)
{
	const struct imap_summary *summary = message_summary(&s->m);

	return summary != NULL && summary->has_sent &&
		date_matches(node->kind, summary->sent, summary->sent_zone, node->number);
}

static bool
is_costly(const struct imap_search_node *node)
{
	switch (node->kind) {
	case SEARCH_HEADER: case SEARCH_BODY: case SEARCH_TEXT:
	case SEARCH_SENTBEFORE: case SEARCH_SENTON: case SEARCH_SENTSINCE:
	case SEARCH_AND: case SEARCH_OR: case SEARCH_NOT:
		return true;
	case SEARCH_ALL: case SEARCH_LETTER: case SEARCH_KEYWORD: case SEARCH_RECENT: case SEARCH_LARGER:
	case SEARCH_SMALLER: case SEARCH_BEFORE: case SEARCH_ON: case SEARCH_SINCE: case SEARCH_YOUNGER:
	case SEARCH_OLDER: case SEARCH_SEQUENCE: case SEARCH_UID: case SEARCH_MODSEQ:
	default:
		return false;
	}
}

static bool node_matches(struct search *s, uint32_t at);

/* Does any child (or do all children) match?  Cheap ones are asked first. */
static bool
children_match(struct search *s, const struct imap_search_node *node, bool all)
{
	for (int costly = 0; costly < 2; costly++) {
		for (uint32_t k = node->first_child; k != SEARCH_NO_NODE; k = s->tree.nodes[k].next) {
			if (is_costly(&s->tree.nodes[k]) != costly)
				continue;
			if (node_matches(s, k) != all)
				return !all;
		}
	}
	return all;
}

static bool
node_matches(struct search *s, uint32_t at)
{
	const struct imap_search_node *node = &s->tree.nodes[at];
	const struct message *index = mailbox_at(s->im->box, s->m.i);

	switch (node->kind) {
	case SEARCH_ALL:	return true;
	case SEARCH_AND:	return children_match(s, node, true);
	case SEARCH_OR:		return children_match(s, node, false);
	case SEARCH_NOT:	return !node_matches(s, node->first_child);
	case SEARCH_LETTER:	return index->letters & MAILDIR_BIT(node->letter);
	case SEARCH_KEYWORD:	return keyword_matches(s, index, node->text);
	case SEARCH_RECENT:	return index->state & MESSAGE_RECENT;
	case SEARCH_LARGER:	return (int64_t)index->wire_size > node->number;
	case SEARCH_SMALLER:	return (int64_t)index->wire_size < node->number;
	case SEARCH_BEFORE: case SEARCH_ON: case SEARCH_SINCE:
		return date_matches(node->kind, index->date, s->zone, node->number);
	case SEARCH_SENTBEFORE: case SEARCH_SENTON: case SEARCH_SENTSINCE:
		return sent_matches(s, node);
	case SEARCH_YOUNGER:	return index->date >= s->now_s - node->number;
	case SEARCH_OLDER:	return index->date <= s->now_s - node->number;
	case SEARCH_HEADER:	return header_matches(s, node, &s->needles[at]);
	case SEARCH_BODY:	return text_matches(s, &s->needles[at], false);
	case SEARCH_TEXT:	return text_matches(s, &s->needles[at], true);
	case SEARCH_SEQUENCE:	return imap_set_has(&node->set, (uint32_t)s->m.i + 1);
	case SEARCH_UID:	return imap_set_has(&node->set, index->uid);
	case SEARCH_MODSEQ:	return (int64_t)index->modseq >= node->number;
	default:		return false;
	}
}

/* Fold the texts and give the sets their numbers, once for all messages. */
static bool
prepare(struct search *s, const struct imap_command *c)
{
	struct span charset = s->tree.charset.p != NULL ? s->tree.charset : SPAN("utf-8");
	size_t count = mailbox_count(s->im->box);

	if (!charset_is_known(charset)) {
		imap_no(s->im, c, "BADCHARSET (UTF-8 US-ASCII)", "That character set is not known here");
		return false;
	}
	for (uint32_t k = 0; k < s->tree.count; k++) {
		struct imap_search_node *node = &s->tree.nodes[k];

		if (node->kind == SEARCH_HEADER || node->kind == SEARCH_BODY || node->kind == SEARCH_TEXT) {
			buf_clear(&s->decoded);
			(void)charset_decode(node->text, charset, &s->decoded);
			charset_fold(buf_view(&s->decoded), &s->needles[k]);
		}
		if ((node->kind == SEARCH_SEQUENCE || node->kind == SEARCH_UID) && node->set.saved) {
			imap_bad(s->im, c, "No search result is kept");
			return false;
		}
		if (node->kind == SEARCH_SEQUENCE)
			imap_set_resolve(&node->set, (uint32_t)count);
		if (node->kind == SEARCH_UID)
			imap_set_resolve(&node->set, count > 0 ? mailbox_at(s->im->box, count - 1)->uid : 0);
	}
	return true;
}

static void
run(struct search *s, bool uid)
{
	stream_text(s->im->io, "* SEARCH");
	for (size_t i = 0; i < mailbox_count(s->im->box) && !s->im->io->out_failed; i++) {
		if (mailbox_at(s->im->box, i)->state & MESSAGE_GONE)
			continue;
		message_begin(&s->m, s->im, i);
		if (node_matches(s, 0))
			stream_printf(s->im->io, " %u", uid ? mailbox_at(s->im->box, i)->uid : (uint32_t)i + 1);
		message_end(&s->m);
	}
	stream_text(s->im->io, "\r\n");
}

void
cmd_search(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	struct search s = { .im = im, .now_s = clock_wall_ms() / 1000 };

	if (!imap_lex_space(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	switch (imap_search_parse(x, &s.tree)) {
	case IMAP_SEARCH_OK:
		break;
	case IMAP_SEARCH_TOO_DEEP:
		imap_bad(im, c, "The search keys are nested too deep");
		return;
	case IMAP_SEARCH_TOO_MANY:
		imap_bad(im, c, "There are too many search keys");
		return;
	case IMAP_SEARCH_BAD:
	default:
		imap_bad_arguments(im, c);
		return;
	}
	s.zone = date_local_zone(s.now_s);
	buf_init(&s.decoded, SEARCH_PART_MAX);
	buf_init(&s.folded, 2 * SEARCH_PART_MAX);
	s.fields = arena_new(LIMIT_MIME_HEADER_MEMORY);
	s.needles = mem_array(s.tree.count, sizeof(*s.needles));
	for (uint32_t k = 0; k < s.tree.count; k++)
		buf_init(&s.needles[k], LIMIT_IMAP_COMMAND * 4);
	if (prepare(&s, c)) {
		run(&s, c->uid);
		imap_report(im, c->uid);
		imap_ok(im, c, NULL, "Searched");
	}
	for (uint32_t k = 0; k < s.tree.count; k++)
		buf_free(&s.needles[k]);
	free(s.needles);
	arena_free(&s.fields);
	buf_free(&s.decoded);
	buf_free(&s.folded);
}
