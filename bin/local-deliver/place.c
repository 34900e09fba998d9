/*
 * place: see place.h.
 *
 * auth-check found the account: one of the whole name first, then one of what stands
 * before the "+".  What exists on disk is asked in the same order here.
 *
 * Trust: the part behind the "+" is a stranger's.  It becomes one directory
 * entry made by folder_path, and openat2 follows no link on the way to it.
 */
#include "base/base.h"
#include "place.h"

#include "base/buf.h"
#include "store/maildir.h"
#include "sys/file.h"

static bool
is_there(int domains, const char *path)
{
	int fd = maildir_open_dir(domains, path);
	bool is_dir = fd >= 0;

	file_close(&fd);
	return is_dir;
}

static bool
set_account(struct span user, struct span domain, struct place *out)
{
	struct buf b;

	buf_init_fixed(&b, out->account, sizeof(out->account));
	buf_span(&b, user);
	buf_char(&b, '@');
	buf_span(&b, domain);
	return !b.overflow && mailbox_path(span_of(out->account), out->inbox);
}

static void
find_folder(int domains, struct span name, struct place *out)
{
	char entry[FOLDER_PATH_SIZE];
	struct buf b;

	if (folder_path(name, entry) < 0 || strcmp(entry, ".") == 0)
		return;
	buf_init_fixed(&b, out->folder, sizeof(out->folder));
	buf_printf(&b, "%s/%s", out->inbox, entry);
	if (b.overflow || !is_there(domains, out->folder))
		out->folder[0] = '\0';
}

bool
place_find(int domains, struct span address, struct place *out)
{
	ssize_t at = span_rfind(address, '@'), plus;
	struct span local, domain;

	out->folder[0] = '\0';
	if (at < 0)
		return false;
	local = span_first(address, (size_t)at);
	domain = span_from(address, (size_t)at + 1);
	plus = span_find(local, '+');
	if (plus <= 0)
		return set_account(local, domain, out);
	if (set_account(local, domain, out) && is_there(domains, out->inbox))
		return true;
	if (!set_account(span_first(local, (size_t)plus), domain, out))
		return false;
	find_folder(domains, span_from(local, (size_t)plus + 1), out);
	return true;
}
