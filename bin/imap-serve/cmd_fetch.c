/*
 * cmd_fetch: FETCH and UID FETCH (RFC 3501 6.4.5).
 *
 * Flags, UID, date and size come from the index; envelope and structures from
 * the cache of the mailbox; only sections open the message file.  Messages are
 * sent one after the other, so memory does not grow with what is asked for.
 */
#include "base/base.h"
#include "session.h"

#include <errno.h>

#include "imap/fetch.h"
#include "imap/print.h"
#include "mail/date.h"
#include "mail/header.h"
#include "message.h"

/* A range of the message text, ready to be sent. */
struct piece {
	struct span text;
	size_t bare_lf;
	bool exists;
};

static struct piece
piece_of(struct message_reader *m, struct mime_range r)
{
	return (struct piece){ .text = span_make(m->text.p + r.start, r.end - r.start), .bare_lf = r.bare_lf, .exists = true };
}

/* The header block that HEADER, FIELDS and TEXT of this section speak of; MIME_NO_PART when there is none. */
static uint32_t
message_part(const struct mime_tree *t, const struct imap_section *s)
{
	uint32_t part = mime_find(t, s->part, s->part_n);

	if (s->part_n == 0 || part == MIME_NO_PART)
		return part;
	return t->parts[part].kind == MIME_MESSAGE ? t->parts[part].first_child : MIME_NO_PART;
}

/* BODY[1.HEADER.FIELDS (...)]: the chosen fields and the empty line, into out. */
static struct piece
filter_fields(struct span header, const struct imap_section *s, struct buf *out)
{
	struct header_field field;

	buf_clear(out);
	while (header_next(&header, &field)) {
		bool named = false;

		for (size_t k = 0; k < s->field_n && !named; k++)
			named = span_eq_nocase(field.name, s->fields[k]);
		if (field.valid && named == (s->kind == SECTION_FIELDS))
			buf_span(out, field.raw);
	}
	buf_text_put(out, "\r\n");
	return (struct piece){ .text = buf_view(out), .bare_lf = message_count_bare_lf(buf_view(out)), .exists = true };
}

/* All fields asked for are in the summary: no need to open the file. */
static bool
summary_has_fields(const struct imap_section *s)
{
	if (s->kind != SECTION_FIELDS || s->part_n > 0)
		return false;
	for (size_t k = 0; k < s->field_n; k++)
		if (!imap_summary_has_field(s->fields[k]))
			return false;
	return true;
}

static struct piece
fields_piece(struct message_reader *m, const struct imap_section *s)
{
	const struct imap_summary *summary = summary_has_fields(s) ? message_summary(m) : NULL;
	const struct mime_tree *t;
	uint32_t part;

	if (summary != NULL)
		return filter_fields(summary->fields, s, &m->im->out);
	if (s->part_n == 0)
		return message_text(m) ? filter_fields(m->text, s, &m->im->out) : (struct piece){ 0 };
	t = message_tree(m);
	part = t != NULL ? message_part(t, s) : MIME_NO_PART;
	if (part == MIME_NO_PART)
		return (struct piece){ 0 };
	return filter_fields(piece_of(m, t->parts[part].header).text, s, &m->im->out);
}

static struct piece
section_piece(struct message_reader *m, const struct imap_section *s)
{
	const struct message *index = mailbox_at(m->im->box, m->i);
	const struct mime_tree *t;
	uint32_t part;

	if (s->kind == SECTION_FIELDS || s->kind == SECTION_FIELDS_NOT)
		return fields_piece(m, s);
	if (s->kind == SECTION_ALL && s->part_n == 0) {
		if (!message_text(m))
			return (struct piece){ 0 };
		return (struct piece){ .text = m->text, .bare_lf = index->wire_size - index->file_size, .exists = true };
	}
	t = message_tree(m);
	if (t == NULL)
		return (struct piece){ 0 };
	part = s->kind == SECTION_HEADER || s->kind == SECTION_TEXT ? message_part(t, s) : mime_find(t, s->part, s->part_n);
	if (part == MIME_NO_PART)
		return (struct piece){ 0 };
	if (s->kind == SECTION_HEADER || s->kind == SECTION_MIME)
		return piece_of(m, t->parts[part].header);
	return piece_of(m, t->parts[part].body);
}

static void
put_section(struct message_reader *m, const struct imap_section *s, const char *blank)
{
	struct piece p = section_piece(m, s);
	uint64_t size = (uint64_t)p.text.n + p.bare_lf;
	uint64_t start = s->partial ? s->start : 0;
	uint64_t n = start < size ? size - start : 0;

	if (s->partial && n > s->length)
		n = s->length;
	stream_printf(m->im->io, "%s%.*s ", blank, SPAN_ARG(s->name));
	if (!p.exists) {
		stream_text(m->im->io, "NIL");
		return;
	}
	stream_printf(m->im->io, "{%llu}\r\n", (unsigned long long)n);
	message_put_wire(m->im, p.text, p.bare_lf, start, n);
}

/* The items that are known without the file, into im->out. */
static void
print_index_items(struct imap *im, size_t i, unsigned items)
{
	const struct message *index = mailbox_at(im->box, i);
	struct buf *out = &im->out;
	bool first;

	if (items & FETCH_UID)
		buf_printf(out, "UID %u", index->uid);
	first = !(items & FETCH_UID);
	if (items & FETCH_FLAGS) {
		buf_printf(out, "%sFLAGS ", first ? "" : " ");
		imap_print_message_flags(im, i, out);
		first = false;
	}
	if (items & FETCH_INTERNALDATE) {
		buf_printf(out, "%sINTERNALDATE ", first ? "" : " ");
		imap_date_time_print(index->date, date_local_zone(index->date), out);
		first = false;
	}
	if (items & FETCH_SIZE) {
		buf_printf(out, "%sRFC822.SIZE %llu", first ? "" : " ", (unsigned long long)index->wire_size);
		first = false;
	}
	if (items & FETCH_MODSEQ)
		buf_printf(out, "%sMODSEQ (%llu)", first ? "" : " ", (unsigned long long)index->modseq);
}

static void
print_summary_items(const struct imap_summary *summary, unsigned items, bool first, struct buf *out)
{
	const struct {
		unsigned item;
		const char *name;
		struct span value;
	} all[] = {
		{ FETCH_ENVELOPE, "ENVELOPE", summary->envelope },
		{ FETCH_BODY, "BODY", summary->body },
		{ FETCH_BODYSTRUCTURE, "BODYSTRUCTURE", summary->structure },
	};

	for (size_t k = 0; k < PB_COUNT(all); k++) {
		if (!(items & all[k].item))
			continue;
		buf_printf(out, "%s%s ", first ? "" : " ", all[k].name);
		buf_span(out, all[k].value);
		first = false;
	}
}

/* One message; false when it cannot be read and nothing was sent for it. */
static bool
put_message(struct imap *im, const struct imap_fetch *fetch, size_t i, unsigned items)
{
	const unsigned index_items = FETCH_UID | FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE | FETCH_MODSEQ;
	const unsigned summary_items = FETCH_ENVELOPE | FETCH_BODY | FETCH_BODYSTRUCTURE;
	const struct imap_summary *summary = NULL;
	struct message_reader m;
	bool good = true;

	message_begin(&m, im, i);
	if (items & summary_items)
		good = (summary = message_summary(&m)) != NULL;
	for (size_t k = 0; k < fetch->section_n && good; k++)
		good = summary_has_fields(&fetch->sections[k]) || message_text(&m);
	if (good) {
		buf_clear(&im->out);
		buf_printf(&im->out, "* %zu FETCH (", i + 1);
		print_index_items(im, i, items);
		if (summary != NULL)
			print_summary_items(summary, items, !(items & index_items), &im->out);
		stream_put(im->io, buf_view(&im->out));
		for (size_t k = 0; k < fetch->section_n; k++)
			put_section(&m, &fetch->sections[k], k == 0 && !(items & (index_items | summary_items)) ? "" : " ");
		stream_text(im->io, ")\r\n");
		if (items & FETCH_FLAGS)
			mailbox_reported(im->box, i);
	}
	message_end(&m);
	return good;
}

/* Sections without PEEK set \Seen, before the answer, which then tells the flags. */
static int
set_seen(struct imap *im, const uint32_t *which, size_t n)
{
	uint32_t *unseen = mem_array(n + 1, sizeof(*unseen));
	size_t unseen_n = 0;
	int result = 0;

	for (size_t k = 0; k < n; k++)
		if (!(mailbox_at(im->box, which[k])->letters & MAILDIR_SEEN))
			unseen[unseen_n++] = which[k];
	if (unseen_n > 0)
		result = mailbox_store(im->box, unseen, unseen_n, MAILBOX_ADD, MAILDIR_SEEN, 0);
	free(unseen);
	return result;
}

void
cmd_fetch(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	struct imap_fetch fetch;
	struct imap_set set;
	uint32_t *which;
	size_t n, missing = 0;

	if (!imap_lex_space(x) || !imap_set_parse(x, &set) || !imap_lex_space(x) || !imap_fetch_parse(x, &fetch) ||
	    !imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	if (!imap_which(im, c, &set, &which, &n))
		return;
	if (c->uid)
		fetch.items |= FETCH_UID;
	if (imap_fetch_sets_seen(&fetch) && !im->read_only && set_seen(im, which, n) != 0) {
		free(which);
		imap_no_errno(im, c, errno, "fetch");
		return;
	}
	for (size_t k = 0; k < n && !im->io->out_failed; k++) {
		unsigned changed = mailbox_at(im->box, which[k])->state & MESSAGE_CHANGED ? FETCH_FLAGS : 0;

		stream_timeout(im->io, im->program->command_timeout_ms);
		missing += !put_message(im, &fetch, which[k], fetch.items | changed);
	}
	free(which);
	imap_report(im, c->uid);
	if (missing > 0)
		imap_no(im, c, "EXPUNGEISSUED", "Some of these messages are gone");
	else
		imap_ok(im, c, NULL, "Fetched");
}
