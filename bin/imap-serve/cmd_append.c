/*
 * cmd_append: APPEND (RFC 3501 6.3.11) with APPENDUID (RFC 4315).
 *
 * The message goes from the connection straight into a file in tmp/; size and
 * quota are looked at before it is asked for, and a message that is refused
 * is read and forgotten when it was sent unasked (LITERAL+), so that its bytes
 * are never taken for commands.
 */
#include "base/base.h"
#include "session.h"

#include <errno.h>

#include "store/quota.h"

#define CHUNK 16384

/* Why a message of this size cannot be taken: sends NO and returns false. */
static bool
has_room(struct imap *im, const struct imap_command *c, const char *path, uint64_t size)
{
	struct quota quota;
	int dir;

	if (size > im->program->max_message) {
		imap_no(im, c, "TOOBIG", "The message is larger than this server takes");
		return false;
	}
	if (quota_read(im->root, &quota) == 0 && !quota_has_room(&quota, size, 1)) {
		imap_no(im, c, "OVERQUOTA", "There is no room left in this account");
		return false;
	}
	dir = maildir_open_dir(im->root, path);
	if (dir < 0) {
		if (errno == ENOENT)
			imap_no(im, c, "TRYCREATE", "There is no such mailbox, create it first");
		else
			imap_no_errno(im, c, errno, "append");
		return false;
	}
	close(dir);
	return true;
}

/* Read the message into a new file; NULL when the connection broke, *error for the disk's trouble. */
static bool
read_message(struct imap *im, struct mailbox_append *a, uint64_t size)
{
	char chunk[CHUNK];

	while (size > 0) {
		size_t n = size < sizeof(chunk) ? (size_t)size : sizeof(chunk);

		stream_timeout(im->io, im->program->command_timeout_ms);
		if (stream_read(im->io, chunk, n) != LINE_OK)
			return false;
		(void)mailbox_append_write(a, chunk, n);	/* sticky: commit reports it */
		size -= n;
	}
	return true;
}

/* What follows the message: nothing but the end of the line. */
static bool
ends_here(struct imap *im)
{
	struct span line;

	return stream_line(im->io, 512, &line) == LINE_OK && line.n == 0;
}

static void
take_message(struct imap *im, const struct imap_command *c, const struct imap_append *append, const char *path)
{
	struct mailbox_append *a = mailbox_append_begin(im->root, path);
	struct mailbox_added added;
	char code[64];

	if (a == NULL) {
		im->closing = true;
		imap_no_errno(im, c, errno, "append");
		return;
	}
	if (!im->append_literal.plus)
		stream_text(im->io, "+ Ready\r\n");
	if (!read_message(im, a, im->append_literal.size)) {
		mailbox_append_abort(&a);
		im->closing = true;
		return;
	}
	if (!ends_here(im)) {
		mailbox_append_abort(&a);
		/* It may announce more literals: their bytes must not be read as commands. */
		imap_bad(im, c, "One message at a time, then the end of the line");
		imap_bye(im, NULL, "What follows the message cannot be read");
		return;
	}
	if (mailbox_append_commit(&a, append->flags.letters, append->flags.keywords, append->flags.count,
	    append->has_date ? append->date : 0, &added) != 0) {
		imap_no_errno(im, c, errno, "append");
		return;
	}
	imap_report(im, true);
	snprintf(code, sizeof(code), "APPENDUID %u %u", added.uidvalidity, added.first_uid);
	imap_ok(im, c, code, "Appended");
}

/* Without LITERAL+ a refusal is enough: the client has not sent the message. */
static void
drop_message(struct imap *im)
{
	if (!im->append_literal.plus)
		return;
	if (im->append_literal.size > im->program->max_message) {
		imap_bye(im, "TOOBIG", "The message is larger than this server takes");
		return;
	}
	if (!imap_skip(im, im->append_literal.size) || !ends_here(im))
		im->closing = true;
}

void
cmd_append(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	char path[FOLDER_PATH_SIZE];
	struct imap_append append;
	struct imap_lex name = *x;
	bool taken = false;

	if (!im->append_pending) {
		imap_bad(im, c, "APPEND ends with the message as a literal");
		return;
	}
	if (!imap_append_parse(x, &append))
		imap_bad_arguments(im, c);
	else if (append.flags.recent)
		imap_bad(im, c, "Only the server sets \\Recent");
	else if (imap_mailbox_argument(im, c, &name, &im->out, path) && has_room(im, c, path, im->append_literal.size)) {
		taken = true;
		take_message(im, c, &append, path);
	}
	if (!taken)
		drop_message(im);
}
