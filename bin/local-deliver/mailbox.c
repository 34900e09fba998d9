/*
 * mailbox: where the Maildir of an address lies.
 */
#include "base/base.h"
#include "mailbox.h"

#include "base/buf.h"

static bool
is_component(struct span s)
{
	if (s.n == 0 || s.n > LIMIT_DOMAIN || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '/' || (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

bool
mailbox_path(struct span address, char out[MAILBOX_PATH_SIZE])
{
	ssize_t at = span_rfind(address, '@');
	struct span user, domain;
	struct buf path;

	if (at < 0)
		return false;
	user = span_first(address, (size_t)at);
	domain = span_from(address, (size_t)at + 1);
	if (!is_component(user) || !is_component(domain))
		return false;
	buf_init_fixed(&path, out, MAILBOX_PATH_SIZE);
	buf_span(&path, domain);
	buf_text_put(&path, "/users/");
	buf_span(&path, user);
	buf_text_put(&path, "/Maildir");
	return !path.overflow;
}
