/*
 * Strings, flags and envelopes in responses.
 */
#include "base/base.h"
#include "base/limits.h"
#include "imap/command.h"
#include "imap/print.h"
#include "mail/address.h"
#include "mail/header.h"

/* Longer texts are sent as literals: some clients cap their lines. */
#define QUOTED_MAX 1000

static bool
can_quote(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || (unsigned char)s.p[i] >= 0x7f)
			return false;
	return s.n <= QUOTED_MAX;
}

void
imap_print_string(struct span s, struct buf *out)
{
	char *at;

	if (!can_quote(s)) {
		buf_printf(out, "{%zu}\r\n", s.n);
		at = buf_reserve(out, s.n);
		for (size_t i = 0; at != NULL && i < s.n; i++)
			at[i] = s.p[i] != '\0' ? s.p[i] : '?';	/* RFC 3501 9: CHAR8 has no NUL */
		if (at != NULL)
			buf_commit(out, s.n);
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, s.p[i]);
	}
	buf_char(out, '"');
}

void
imap_print_nstring(struct span s, struct buf *out)
{
	if (s.p == NULL)
		buf_text_put(out, "NIL");
	else
		imap_print_string(s, out);
}

void
imap_print_astring(struct span s, struct buf *out)
{
	struct imap_lex probe = { .rest = s };
	struct span atom;

	if (imap_lex_atom(&probe, &atom) && probe.rest.n == 0 && !span_is_nocase(s, "NIL"))
		buf_span(out, s);
	else
		imap_print_string(s, out);
}

void
imap_print_flags(uint64_t letters, bool recent, uint64_t keyword_bits,
	const char *const *keywords, size_t keyword_n, struct buf *out)
{
	const char *gap = "";

	buf_char(out, '(');
	for (const char *c = "RFTSD"; *c != '\0'; c++)
		if (letters & (uint64_t)1 << (*c - 'A')) {
			buf_printf(out, "%s%s", gap, imap_flag_name(*c));
			gap = " ";
		}
	for (size_t i = 0; i < keyword_n && i < 64; i++)
		if (keyword_bits & (uint64_t)1 << i) {
			buf_printf(out, "%s%s", gap, keywords[i]);
			gap = " ";
		}
	if (recent)
		buf_printf(out, "%s\\Recent", gap);
	buf_char(out, ')');
}

/* Fields of an envelope, in its order. */
enum field { DATE, SUBJECT, FROM, SENDER, REPLY_TO, TO, CC, BCC, IN_REPLY_TO, MESSAGE_ID, FIELDS };

static const char *const field_names[FIELDS] = {
	"Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID"
};

static bool
is_address_field(enum field f)
{
	return f >= FROM && f <= BCC;
}

static void
print_address(const struct address *a, struct buf *out)
{
	buf_char(out, '(');
	imap_print_nstring(a->name, out);
	buf_char(out, ' ');
	imap_print_nstring(a->route, out);
	buf_char(out, ' ');
	imap_print_nstring(a->local, out);
	buf_char(out, ' ');
	imap_print_nstring(a->domain, out);
	buf_char(out, ')');
}

static void
print_addresses(struct span value, struct arena *a, struct buf *out)
{
	struct address_list list;

	arena_reset(a);
	address_parse_list(value, a, &list);
	for (size_t i = 0; i < list.count; i++)
		print_address(&list.items[i], out);
}

static void
print_text(struct span value, struct buf *out)
{
	struct buf text;

	buf_init(&text, LIMIT_HEADER_BYTES);
	header_unfold(value, &text);
	imap_print_string(buf_view(&text), out);
	buf_free(&text);
}

/* One pass: of texts the first counts, addresses of several fields are joined. */
static void
collect(struct span header, struct arena *a, struct buf parts[FIELDS])
{
	struct header_field f;

	while (header_next(&header, &f)) {
		for (int i = 0; f.valid && i < FIELDS; i++) {
			if (!span_is_nocase(f.name, field_names[i]))
				continue;
			if (is_address_field((enum field)i))
				print_addresses(f.value, a, &parts[i]);
			else if (parts[i].n == 0)
				print_text(f.value, &parts[i]);
		}
	}
}

static void
print_part(const struct buf parts[FIELDS], enum field f, struct buf *out)
{
	const struct buf *part = &parts[f];

	if ((f == SENDER || f == REPLY_TO) && part->n == 0)
		part = &parts[FROM];		/* RFC 3501 7.4.2 */
	if (part->n == 0)
		buf_text_put(out, "NIL");
	else if (is_address_field(f))
		buf_printf(out, "(");
	buf_span(out, buf_view(part));
	if (part->n > 0 && is_address_field(f))
		buf_char(out, ')');
}

void
imap_print_envelope(struct span header, struct buf *out)
{
	struct arena *a = arena_new(LIMIT_MIME_HEADER_MEMORY);
	struct buf parts[FIELDS];

	for (size_t i = 0; i < FIELDS; i++)
		buf_init(&parts[i], LIMIT_MIME_HEADER_MEMORY);
	collect(header, a, parts);
	buf_char(out, '(');
	for (int i = 0; i < FIELDS; i++) {
		if (i > 0)
			buf_char(out, ' ');
		print_part(parts, (enum field)i, out);
		out->overflow |= parts[i].overflow;
	}
	buf_char(out, ')');
	for (size_t i = 0; i < FIELDS; i++)
		buf_free(&parts[i]);
	arena_free(&a);
}
