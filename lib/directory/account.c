/*
 * account: what the directory says of accounts and domains beyond their being there.
 *
 * Answers are checked as hostile: a fault is trouble, never a wrong number.
 */
#include "base/base.h"
#include "directory/directory_private.h"

#include "base/num.h"
#include "directory/socketmap.h"

int
directory_mailbox_limit(struct directory *d, struct span address, uint64_t *bytes_out)
{
	struct span answer, data;
	enum socketmap_kind kind;
	size_t used;
	int result = -1;

	*bytes_out = 0;
	if (!directory_ask(d, "limit", address, &answer, &used))
		return -1;
	kind = socketmap_answer(answer, &data);
	if (kind == SOCKETMAP_NOTFOUND)
		result = 0;
	else if (kind == SOCKETMAP_OK && num_parse(data, UINT64_MAX, bytes_out))
		result = 1;
	wire_used(&d->lookup, used);
	return result;
}

/* "BYTES RECIPIENTS" */
static bool
read_account(struct span data, struct directory_account *out)
{
	struct span bytes = span_word(&data), count = span_word(&data), secret = span_word(&data);

	return num_parse(bytes, UINT64_MAX, &out->max_message_bytes) &&
	       num_parse(count, UINT64_MAX, &out->max_recipients) &&
	       num_parse_u32(secret, UINT32_MAX, &out->secret) && data.n == 0;
}

int
directory_account(struct directory *d, struct span user, struct directory_account *out)
{
	struct span answer, data;
	enum socketmap_kind kind;
	size_t used;
	int result = -1;

	*out = (struct directory_account){ .max_message_bytes = 0 };
	if (user.n > LIMIT_ADDRESS)
		return 0;
	if (!directory_ask(d, "account", user, &answer, &used))
		return -1;
	kind = socketmap_answer(answer, &data);
	if (kind == SOCKETMAP_NOTFOUND)
		result = 0;
	else if (kind == SOCKETMAP_OK && read_account(data, out))
		result = 1;
	wire_used(&d->lookup, used);
	return result;
}

int
directory_domain_wants_login(struct directory *d, struct span domain, bool *wants_out)
{
	struct span answer, data;
	enum socketmap_kind kind;
	size_t used;

	*wants_out = false;
	if (domain.n > LIMIT_DOMAIN)
		return 0;
	if (!directory_ask(d, "domain", domain, &answer, &used))
		return -1;
	kind = socketmap_answer(answer, &data);
	(void)span_word(&data);		/* its real name */
	*wants_out = kind == SOCKETMAP_OK && span_is(span_word(&data), "requireSmtpAuth");
	wire_used(&d->lookup, used);
	if (kind == SOCKETMAP_OK)
		return 1;
	return kind == SOCKETMAP_NOTFOUND ? 0 : -1;
}

int
directory_tell_room(struct directory *d, struct span address, uint64_t bytes)
{
	char text[LIMIT_ADDRESS + 32];
	enum socketmap_kind kind;
	struct span answer, data;
	struct buf key;
	size_t used;

	buf_init_fixed(&key, text, sizeof(text));
	buf_printf(&key, "%llu ", (unsigned long long)bytes);
	buf_span(&key, address);
	if (key.overflow || !directory_ask(d, "room", buf_view(&key), &answer, &used))
		return -1;
	kind = socketmap_answer(answer, &data);
	wire_used(&d->lookup, used);
	return kind == SOCKETMAP_OK ? 0 : -1;
}
