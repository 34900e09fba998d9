/*
 * sending: see sending.h.
 *
 * Trust: the text comes from auth-check and is read as hostile.
 */
#include "base/base.h"
#include "directory/sending.h"

#include "base/num.h"
#include "directory/directory.h"
#include "directory/socketmap.h"

void
sending_print(const uint32_t *numbers, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%u", i > 0 ? "," : "", numbers[i]);
}

bool
sending_parse(struct span text, uint32_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text.p == NULL || !num_parse_u32(span_cut(&text, ','), UINT32_MAX, &out[i]))
			return false;
	return text.p == NULL;
}

static bool
copy(struct span word, char *out, size_t size)
{
	if (word.n == 0 || word.n >= size)
		return false;
	memcpy(out, word.p, word.n);
	out[word.n] = '\0';
	return true;
}

static bool
read_state(struct span word, struct sending *out)
{
	out->disabled = span_is(word, "domain-disabled") ? DIRECTORY_DOMAIN_DISABLED :
	    span_is(word, "user-disabled") ? DIRECTORY_USER_DISABLED : 0;
	return out->disabled != 0 || span_is(word, "on");
}

int
sending_reply(struct span reply, struct sending *out)
{
	struct span data;
	enum socketmap_kind kind = socketmap_answer(reply, &data);

	*out = (struct sending){ .is_ours = kind == SOCKETMAP_OK };
	if (kind != SOCKETMAP_OK)
		return kind == SOCKETMAP_NOTFOUND ? 0 : -1;
	if (!read_state(span_word(&data), out) || !copy(span_word(&data), out->domain, sizeof(out->domain)) ||
	    !sending_parse(span_word(&data), out->number, SENDING_NUMBERS))
		return -1;
	data = span_trim(data);
	out->is_account = data.n > 0;
	if (out->is_account && (!sending_parse(span_word(&data), out->user_number, SENDING_USER_NUMBERS) ||
	    span_trim(data).n > 0))
		return -1;
	return 1;
}
