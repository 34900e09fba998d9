/*
 * Lines of a journal.  Trust: the file is ours, but disks forget and flip
 * bits: a line counts only when its checksum is right and every field in range.
 */
#include "base/base.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/num.h"
#include "store/journal.h"

#define HEAD "pillarbox-mailbox 1"
#define CRC_DIGITS 8

static bool
cut_num(struct span *rest, uint64_t max, uint64_t *out)
{
	return rest->p != NULL && num_parse(span_cut(rest, ' '), max, out);
}

static bool
cut_uid(struct span *rest, uint32_t *out)
{
	uint64_t n;

	if (!cut_num(rest, UINT32_MAX - 1, &n) || n == 0)
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool
parse_letters(struct span s, uint64_t *out)
{
	*out = 0;
	if (span_is(s, "-"))
		return true;
	for (size_t i = 0; i < s.n; i++) {
		if (!char_is_alpha(s.p[i]))
			return false;
		*out |= MAILDIR_BIT(s.p[i]);
	}
	return s.n > 0;
}

/* "WHERE LETTERS KEYWORDS" */
static bool
cut_flags(struct span *rest, struct journal_line *l)
{
	struct span where = span_cut(rest, ' ');
	struct span letters = rest->p != NULL ? span_cut(rest, ' ') : SPAN_NONE;

	if (where.n != 1 || rest->p == NULL || !parse_letters(letters, &l->letters))
		return false;
	switch (where.p[0]) {
	case 'n': l->where = MAILDIR_NEW; break;
	case 'c': l->where = MAILDIR_CUR; break;
	case 'b': l->where = MAILDIR_CUR_BARE; break;
	default: return false;
	}
	return num_parse_hex(span_cut(rest, ' '), &l->keywords);
}

static bool
unescape(struct span s, struct journal_line *l)
{
	l->name_n = 0;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || l->name_n == MAILDIR_NAME_MAX)
			return false;
		if (c == '%') {
			if (s.n - i < 3 || !num_parse_hex(span_make(s.p + i + 1, 2), &c))
				return false;
			i += 2;
		}
		if (c == '\0' || c == '/')
			return false;
		l->name[l->name_n++] = (char)c;
	}
	l->name[l->name_n] = '\0';
	return l->name_n > 0;
}

static bool
parse_add(struct span rest, struct journal_line *l)
{
	uint64_t date;
	bool before_1970;

	if (!cut_num(&rest, INT64_MAX, &l->modseq) || !cut_uid(&rest, &l->uid) || rest.p == NULL ||
	    !cut_flags(&rest, l) || !cut_num(&rest, INT64_MAX, &l->file_size) ||
	    !cut_num(&rest, INT64_MAX, &l->wire_size) || rest.n == 0)
		return false;
	before_1970 = rest.p[0] == '-';
	rest = span_from(rest, before_1970);
	if (!cut_num(&rest, (uint64_t)1 << 40, &date) || rest.p == NULL)
		return false;
	l->date = before_1970 ? -(int64_t)date : (int64_t)date;
	return unescape(rest, l);
}

static bool
parse_flags(struct span rest, struct journal_line *l)
{
	return cut_num(&rest, INT64_MAX, &l->modseq) && cut_uid(&rest, &l->uid) && rest.p != NULL &&
		cut_flags(&rest, l) && rest.p == NULL;
}

static bool
parse_keyword(struct span rest, struct journal_line *l)
{
	uint64_t bit;

	if (!cut_num(&rest, LIMIT_KEYWORDS - 1, &bit) || rest.p == NULL)
		return false;
	l->uid = (uint32_t)bit;
	return unescape(rest, l) && l->name_n <= LIMIT_KEYWORD_NAME;
}

static bool
parse_head(struct span rest, struct journal_line *l)
{
	if (!span_starts(rest, SPAN(HEAD " ")))
		return false;
	rest = span_from(rest, sizeof(HEAD));
	return cut_uid(&rest, &l->uid) && rest.p != NULL && num_parse_hex(rest, &l->id);
}

static bool
parse_fields(struct span text, struct journal_line *l)
{
	struct span rest = span_from(text, 2);

	switch (l->kind) {
	case JOURNAL_HEAD:
		return parse_head(text, l);
	case JOURNAL_ADD:
		return parse_add(rest, l);
	case JOURNAL_FLAGS:
		return parse_flags(rest, l);
	case JOURNAL_GONE:
		return cut_num(&rest, INT64_MAX, &l->modseq) && cut_uid(&rest, &l->uid) && rest.p == NULL;
	case JOURNAL_KEYWORD:
		return parse_keyword(rest, l);
	case JOURNAL_SCAN:
		return cut_num(&rest, INT64_MAX, &l->new_ns) && cut_num(&rest, INT64_MAX, &l->cur_ns) &&
			rest.p == NULL;
	case JOURNAL_RECENT:
		return cut_uid(&rest, &l->uid) && rest.p == NULL;
	case JOURNAL_NEXT:
		return cut_uid(&rest, &l->uid) && cut_num(&rest, INT64_MAX, &l->modseq) && rest.p == NULL;
	}
	return false;
}

bool
journal_parse(struct span line, struct journal_line *out)
{
	struct span text = span_first(line, line.n > CRC_DIGITS ? line.n - CRC_DIGITS - 1 : 0);
	uint64_t crc;

	if (text.n < 3 || line.n > JOURNAL_LINE_MAX || line.p[text.n] != ' ' ||
	    !num_parse_hex(span_from(line, text.n + 1), &crc) || crc != crc32c(0, text.p, text.n))
		return false;
	if (text.p[0] != HEAD[0] && text.p[1] != ' ')
		return false;
	/* Every field, but not the name: clearing that would cost more than the rest. */
	memset(out, 0, offsetof(struct journal_line, name));
	out->kind = (enum journal_kind)text.p[0];
	return parse_fields(text, out);
}

static void
print_flags(const struct journal_line *l, struct buf *out)
{
	static const char where[] = { 'n', 'c', 'b' };

	buf_printf(out, " %c ", where[l->where]);
	if (l->letters == 0)
		buf_char(out, '-');
	for (char c = 'A'; c <= 'Z'; c++)
		if (l->letters & MAILDIR_BIT(c))
			buf_char(out, c);
	for (char c = 'a'; c <= 'z'; c++)
		if (l->letters & MAILDIR_BIT(c))
			buf_char(out, c);
	buf_printf(out, " %llx", (unsigned long long)l->keywords);
}

static void
print_name(const struct journal_line *l, struct buf *out)
{
	buf_char(out, ' ');
	for (size_t i = 0; i < l->name_n; i++) {
		unsigned char c = (unsigned char)l->name[i];

		if (c <= ' ' || c >= 0x7f || c == '%')
			buf_printf(out, "%%%02x", c);
		else
			buf_char(out, (char)c);
	}
}

static void
print_fields(const struct journal_line *l, struct buf *out)
{
	switch (l->kind) {
	case JOURNAL_HEAD:
		buf_printf(out, HEAD " %u %llx", l->uid, (unsigned long long)l->id);
		break;
	case JOURNAL_ADD:
	case JOURNAL_FLAGS:
	case JOURNAL_GONE:
		buf_printf(out, "%c %llu %u", l->kind, (unsigned long long)l->modseq, l->uid);
		if (l->kind == JOURNAL_GONE)
			break;
		print_flags(l, out);
		if (l->kind == JOURNAL_FLAGS)
			break;
		buf_printf(out, " %llu %llu %lld", (unsigned long long)l->file_size,
			(unsigned long long)l->wire_size, (long long)l->date);
		print_name(l, out);
		break;
	case JOURNAL_KEYWORD:
		buf_printf(out, "k %u", l->uid);
		print_name(l, out);
		break;
	case JOURNAL_SCAN:
		buf_printf(out, "s %llu %llu", (unsigned long long)l->new_ns, (unsigned long long)l->cur_ns);
		break;
	case JOURNAL_RECENT:
		buf_printf(out, "r %u", l->uid);
		break;
	case JOURNAL_NEXT:
		buf_printf(out, "u %u %llu", l->uid, (unsigned long long)l->modseq);
		break;
	}
}

void
journal_print(const struct journal_line *l, struct buf *out)
{
	size_t start = out->n;

	print_fields(l, out);
	if (!out->overflow)
		buf_printf(out, " %08x\n", crc32c(0, out->p + start, out->n - start));
}
