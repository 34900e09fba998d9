/*
 * envelope_parse: read a .hdr; the lines behind its head in envelope_parse_lines.c.
 *
 * Trust: every byte may be hostile or damaged.  One pass; lines are cut by
 * CRLF, nothing is allocated by a number that stands in the text.
 *
 * 1. A file of ours is only accepted whole: `end:` holds the checksum of all
 *    bytes before it, every appended line its own.  So one flipped bit gives
 *    ENVELOPE_DAMAGED or ENVELOPE_UNFINISHED, never another envelope.
 * 2. A file without any line of ours is another program's, accepted when it
 *    has its closing empty line.
 * 3. What a power cut leaves behind the last fdatasync is a tail without CRLF
 *    or a piece of zeros: it and what follows is passed over, and good_size
 *    says where to cut.
 */
#include "base/base.h"
#include "spool/envelope_read.h"
#include "spool/envelope_parts.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/num.h"

enum envelope_read
envelope_read_line(struct envelope_reader *r, struct span *out)
{
	ssize_t lf = span_find(r->rest, '\n');

	if (lf < 0)
		return ENVELOPE_READ_NONE;
	*out = span_first(r->rest, (size_t)lf);
	r->rest = span_from(r->rest, (size_t)lf + 1);
	if (lf == 0 || out->p[lf - 1] != '\r')
		return ENVELOPE_READ_BAD;
	out->n--;
	return span_find(*out, '\r') >= 0 || span_find(*out, '\0') >= 0 ? ENVELOPE_READ_BAD : ENVELOPE_READ_LINE;
}

static bool
parse_status(struct span line, enum envelope_status *out)
{
	static const enum envelope_status all[] = {
		ENVELOPE_WRITING, ENVELOPE_WRITTEN, ENVELOPE_FAILED, ENVELOPE_QUARANTINED
	};

	for (size_t i = 0; i < PB_COUNT(all); i++)
		if (span_eq(span_trim(line), span_trim(envelope_status_text(all[i])))) {
			*out = all[i];
			return true;
		}
	return false;
}

struct envelope_rcpt *
envelope_read_rcpt(struct envelope_reader *r, struct span s)
{
	uint32_t n;

	if (!num_parse_u32(s, r->e->count, &n) || n == 0)
		return NULL;
	return &r->e->rcpts[n - 1];
}

struct span
envelope_cut_unquoted(struct span *rest, char c)
{
	bool quoted = false;
	struct span part;

	for (size_t i = 0; i < rest->n; i++) {
		if (quoted && rest->p[i] == '\\')
			i++;
		else if (rest->p[i] == '"')
			quoted = !quoted;
		else if (!quoted && rest->p[i] == c) {
			part = span_first(*rest, i);
			*rest = span_from(*rest, i + 1);
			return part;
		}
	}
	part = *rest;
	*rest = SPAN_NONE;
	return part;
}

/* Keys before the empty line: each reads its value, false = damaged. */

static bool
head_id(struct envelope_reader *r, struct span value)
{
	r->ours = true;
	if (r->has_id)
		return false;
	r->has_id = true;
	return num_parse(value, UINT64_MAX, &r->e->id) && r->e->id > 0;
}

static bool
head_rcpt(struct envelope_reader *r, struct span value)
{
	uint32_t n;

	r->ours = true;
	if (!num_parse_u32(span_cut(&value, ' '), LIMIT_RECIPIENTS, &n) || n != r->e->count + 1)
		return false;
	return envelope_address_is_valid(value) && envelope_add(r->e, value) != NULL;
}

bool
envelope_read_size(struct envelope_reader *r, struct span value)
{
	r->has_body_size = true;
	return num_parse(value, INT64_MAX, &r->e->size);
}

bool
envelope_read_crc(struct envelope_reader *r, struct span value)
{
	r->has_body_crc = true;
	return envelope_hex32_parse(value, &r->e->crc32c);
}

static bool
head_size(struct envelope_reader *r, struct span value)
{
	r->ours = true;
	return !r->has_body_size && envelope_read_size(r, value);
}

static bool
head_crc(struct envelope_reader *r, struct span value)
{
	r->ours = true;
	return !r->has_body_crc && envelope_read_crc(r, value);
}

static bool
head_created(struct envelope_reader *r, struct span value)
{
	return envelope_time_parse(value, &r->e->created);
}

bool
envelope_read_priority(struct envelope_reader *r, struct span value)
{
	return num_parse_u32(value, 10, &r->e->priority) && r->e->priority >= 1;
}

static bool
head_kind(struct envelope_reader *r, struct span value)
{
	return envelope_kind_parse(value, r->e);
}

/* `require: SMTPUTF8 REQUIRETLS`: a word that is not known cannot be obeyed. */
static bool
head_require(struct envelope_reader *r, struct span value)
{
	for (;;) {
		struct span word = span_word(&value);

		if (word.n == 0)
			return true;
		if (span_is(word, "SMTPUTF8"))
			r->e->smtputf8 = true;
		else if (span_is(word, "REQUIRETLS"))
			r->e->requiretls = true;
		else
			return false;
	}
}

static bool
head_mt_priority(struct envelope_reader *r, struct span value)
{
	return envelope_mt_priority_parse(value, &r->e->mt_priority);
}

static bool
head_hold(struct envelope_reader *r, struct span value)
{
	return envelope_time_parse(value, &r->e->hold);
}

static bool
head_by(struct envelope_reader *r, struct span value)
{
	return envelope_by_parse(value, r->e);
}

/* `orcpt: N type;address` */
static bool
head_orcpt(struct envelope_reader *r, struct span value)
{
	struct envelope_rcpt *rcpt = envelope_read_rcpt(r, span_cut(&value, ' '));

	if (rcpt == NULL || value.n == 0)
		return false;
	rcpt->orcpt = value;
	return true;
}

/* Give NOTIFY to the next recipient of that address that has none. */
static bool
give_notify(struct envelope_reader *r, struct span value)
{
	ssize_t equal = span_rfind(value, '=');

	for (uint32_t i = 0; equal >= 0 && i < r->e->count; i++) {
		struct envelope_rcpt *rcpt = &r->e->rcpts[i];

		if (rcpt->notify.p == NULL && span_eq(rcpt->address, span_first(value, (size_t)equal))) {
			rcpt->notify = span_from(value, (size_t)equal + 1);
			return true;
		}
	}
	return false;
}

/*
 * `notify: ADDRESS=value`, as other programs write it.  Their recipients are
 * not known yet, so theirs are kept until then.
 */
static bool
head_notify(struct envelope_reader *r, struct span value)
{
	return r->ours ? give_notify(r, value) : envelope_add_extra(r->e, SPAN("notify"), value);
}

/* `end: COUNT CRC`: the checksum covers everything before this line. */
static bool
head_end(struct envelope_reader *r, struct span value)
{
	struct span count = span_cut(&value, ' ');
	uint32_t n, crc;

	r->ours = true;
	if (!num_parse_u32(count, LIMIT_RECIPIENTS, &n) || n == 0 || n != r->e->count)
		return false;
	if (!envelope_hex32_parse(value, &crc) || crc != crc32c(0, r->start, (size_t)(r->line - r->start)))
		return false;
	r->ended = true;
	r->e->line_seed = crc;
	return true;
}

#define HEAD_TEXT(field) \
	static bool \
	head_##field(struct envelope_reader *r, struct span value) \
	{ \
		r->e->field = value; \
		return true; \
	}
HEAD_TEXT(from)
HEAD_TEXT(auth)
HEAD_TEXT(helo)
HEAD_TEXT(ip)
HEAD_TEXT(host)
HEAD_TEXT(session)
HEAD_TEXT(envid)
HEAD_TEXT(ret)
HEAD_TEXT(quarantine)

static const struct envelope_key head_keys[] = {
	{ "id", head_id }, { "from", head_from }, { "auth", head_auth }, { "helo", head_helo },
	{ "connectedIp", head_ip }, { "connectedHostName", head_host },
	{ "smtpSessionId", head_session }, { "creationDate", head_created },
	{ "notify", head_notify }, { "orcpt", head_orcpt }, { "envid", head_envid },
	{ "ret", head_ret }, { "priority", envelope_read_priority }, { "size", head_size },
	{ "crc32c", head_crc }, { "rcpt", head_rcpt }, { "end", head_end },
	{ "require", head_require }, { "mtPriority", head_mt_priority }, { "hold", head_hold },
	{ "by", head_by }, { "quarantine", head_quarantine }, { "kind", head_kind }
};

bool
envelope_read_pair(struct envelope_reader *r, struct span line, const struct envelope_key *keys, size_t count)
{
	struct span value = line;
	struct span key = span_cut(&value, ':');

	if (value.p == NULL || key.n == 0 || line.n > LIMIT_ENVELOPE_LINE)
		return false;
	r->line = line.p;
	value = span_trim(value);
	for (size_t i = 0; i < count; i++)
		if (span_is_nocase(key, keys[i].name))
			return keys[i].read(r, value);
	return envelope_add_extra(r->e, key, value);
}

/* Lines 1 to 3.  `<>` and `<a@b>` are read as other programs may write them. */
static enum envelope_error
read_top(struct envelope_reader *r)
{
	struct span line[3];

	for (int i = 0; i < 3; i++) {
		enum envelope_read got = envelope_read_line(r, &line[i]);

		if (got != ENVELOPE_READ_LINE)
			return got == ENVELOPE_READ_NONE ? ENVELOPE_UNFINISHED : ENVELOPE_DAMAGED;
	}
	if (!parse_status(line[0], &r->e->status))
		return ENVELOPE_DAMAGED;
	r->e->sender = span_trim(line[1]);
	if (r->e->sender.n >= 2 && r->e->sender.p[0] == '<' && r->e->sender.p[r->e->sender.n - 1] == '>')
		r->e->sender = span_first(span_from(r->e->sender, 1), r->e->sender.n - 2);
	if (r->e->sender.n > 0 && !envelope_address_is_valid(r->e->sender))
		return ENVELOPE_DAMAGED;
	r->all_rcpts = line[2];
	return ENVELOPE_OK;
}

/* Line 3 of another program is its only list of recipients. */
static bool
read_foreign_rcpts(struct envelope_reader *r)
{
	struct span rest = r->all_rcpts;

	while (rest.p != NULL) {
		struct span address = span_trim(envelope_cut_unquoted(&rest, ','));

		if (address.n == 0)
			continue;
		if (!envelope_address_is_valid(address) || envelope_add(r->e, address) == NULL)
			return false;
	}
	for (uint32_t i = 0; i < r->e->extra_count; i++)
		if (span_is(r->e->extras[i].key, "notify"))
			give_notify(r, r->e->extras[i].value);
	return r->e->count > 0;
}

/* Ours says the same twice: line 3 must be the addresses of the rcpt lines. */
static bool
line_three_agrees(const struct envelope_reader *r)
{
	struct span rest = r->all_rcpts;

	for (uint32_t i = 0; i < r->e->count; i++) {
		struct span address = r->e->rcpts[i].address;

		if (!span_starts(rest, address))
			return false;
		rest = span_from(rest, address.n);
		if (i + 1 < r->e->count) {
			if (rest.n == 0 || rest.p[0] != ',')
				return false;
			rest = span_from(rest, 1);
		}
	}
	return rest.n == 0;
}

/* The keys up to the empty line, which must follow `end:` at once. */
static enum envelope_error
read_head(struct envelope_reader *r)
{
	struct span line;
	enum envelope_read got;

	while ((got = envelope_read_line(r, &line)) == ENVELOPE_READ_LINE && line.n > 0)
		if (r->ended || !envelope_read_pair(r, line, head_keys, PB_COUNT(head_keys)))
			return ENVELOPE_DAMAGED;
	if (got != ENVELOPE_READ_LINE)
		return got == ENVELOPE_READ_NONE ? ENVELOPE_UNFINISHED : ENVELOPE_DAMAGED;
	if (!r->ours)
		return ENVELOPE_OK;
	if (!r->ended)
		return ENVELOPE_UNFINISHED;
	return r->has_id && r->has_body_size && r->has_body_crc && line_three_agrees(r) ?
		ENVELOPE_OK : ENVELOPE_DAMAGED;
}

static enum envelope_error
read_all(struct envelope_reader *r)
{
	enum envelope_error error = read_top(r);

	if (error == ENVELOPE_OK)
		error = read_head(r);
	if (error != ENVELOPE_OK)
		return error;
	r->e->foreign = !r->ours;
	if (r->e->foreign && !read_foreign_rcpts(r))
		return ENVELOPE_DAMAGED;
	error = envelope_read_lines(r);
	r->e->has_size = r->has_body_size && r->has_body_crc;
	return error;
}

enum envelope_error
envelope_parse(struct span text, struct envelope **out)
{
	struct envelope_reader r = { .e = NULL };
	enum envelope_error error = ENVELOPE_DAMAGED;

	*out = NULL;
	if (text.n > LIMIT_ENVELOPE)
		return ENVELOPE_DAMAGED;
	r.e = envelope_new();
	r.start = arena_copy(r.e->arena, text);
	r.rest = span_make(r.start, text.n);
	if (r.start != NULL)
		error = read_all(&r);
	if (error != ENVELOPE_OK) {
		envelope_free(&r.e);
		return error;
	}
	*out = r.e;
	return ENVELOPE_OK;
}

