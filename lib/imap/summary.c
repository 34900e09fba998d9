/*
 * The blob kept of a message: a line of lengths, then the four texts.
 *
 *	PBSUM1 ENVELOPE BODY STRUCTURE FIELDS HAS_SENT SENT ZONE LF
 *
 * lib/store guards it with a checksum; here only ranges are checked, so that a
 * blob of an older form is simply made again.
 */
#include "base/base.h"
#include "base/limits.h"
#include "base/num.h"
#include "imap/print.h"
#include "imap/summary.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/mime.h"

#define MAGIC "PBSUM1"
#define ZONE_BIAS 10000		/* so that the zone is written without a sign */
#define ZONE_AT 6		/* the number of it in the line, from 0 */
#define SENT_BIAS ((int64_t)1 << 40)

/* What clients ask for in lists of messages. */
static const char *const kept[] = {
	"From", "To", "Cc", "Bcc", "Sender", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To",
	"References", "Content-Type", "Content-Description", "MIME-Version", "Priority", "X-Priority",
	"Importance", "List-Id", "List-Post", "Newsgroups", "X-Label", "Lines"
};

bool
imap_summary_has_field(struct span name)
{
	for (size_t i = 0; i < PB_COUNT(kept); i++)
		if (span_is_nocase(name, kept[i]))
			return true;
	return false;
}

/* Append a raw field with CRLF line ends. */
static void
put_field(struct span raw, struct buf *out)
{
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\n' && (i == 0 || raw.p[i - 1] != '\r'))
			buf_char(out, '\r');
		buf_char(out, raw.p[i]);
	}
	if (raw.n > 0 && raw.p[raw.n - 1] != '\n')
		buf_text_put(out, "\r\n");
}

static void
put_fields(struct span header, struct buf *out)
{
	struct header_field f;

	while (header_next(&header, &f))
		if (f.valid && imap_summary_has_field(f.name))
			put_field(f.raw, out);
}

bool
imap_summary_make(struct span message, struct buf *out)
{
	struct buf part[4];
	struct span header = span_first(message, header_length(message));
	struct mime_tree t;
	int64_t sent = 0;
	int zone = 0;
	bool has_sent = date_parse(header_find(header, "Date"), &sent, &zone), fits = true;

	for (size_t i = 0; i < PB_COUNT(part); i++)
		buf_init(&part[i], LIMIT_IMAP_SUMMARY);
	mime_parse(message, &t);
	imap_print_envelope(header, &part[0]);
	imap_print_structure(message, &t, false, &part[1]);
	imap_print_structure(message, &t, true, &part[2]);
	put_fields(header, &part[3]);
	mime_tree_free(&t);
	buf_clear(out);
	buf_printf(out, MAGIC " %zu %zu %zu %zu %d %lld %d\n", part[0].n, part[1].n, part[2].n, part[3].n,
		has_sent, (long long)(sent + SENT_BIAS), zone + ZONE_BIAS);
	for (size_t i = 0; i < PB_COUNT(part); i++) {
		fits &= !part[i].overflow && buf_span(out, buf_view(&part[i]));
		buf_free(&part[i]);
	}
	return fits && out->n <= LIMIT_IMAP_SUMMARY;
}

static bool
take_text(struct span *rest, uint64_t n, struct span *out)
{
	if (n > rest->n)
		return false;
	*out = span_first(*rest, (size_t)n);
	*rest = span_from(*rest, (size_t)n);
	return true;
}

bool
imap_summary_read(struct span blob, struct imap_summary *out)
{
	ssize_t lf = span_find(span_first(blob, 200), '\n');
	struct span head = lf < 0 ? SPAN_NONE : span_first(blob, (size_t)lf);
	struct span rest = span_from(blob, (size_t)(lf + 1));
	uint64_t n[ZONE_AT + 1];

	*out = (struct imap_summary){ .sent = 0 };
	if (lf < 0 || !span_is(span_word(&head), MAGIC))
		return false;
	for (size_t i = 0; i < PB_COUNT(n); i++)
		if (!num_parse(span_word(&head), i == ZONE_AT ? 2 * ZONE_BIAS : INT64_MAX, &n[i]))
			return false;
	out->has_sent = n[4] != 0;
	out->sent = (int64_t)n[5] - SENT_BIAS;
	out->sent_zone = (int32_t)n[ZONE_AT] - ZONE_BIAS;
	return take_text(&rest, n[0], &out->envelope) && take_text(&rest, n[1], &out->body) &&
		take_text(&rest, n[2], &out->structure) && take_text(&rest, n[3], &out->fields) && rest.n == 0;
}
