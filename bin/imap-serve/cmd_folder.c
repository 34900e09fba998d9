/*
 * cmd_folder: the folders of the user: CREATE, DELETE, RENAME, SUBSCRIBE,
 * UNSUBSCRIBE and NAMESPACE (RFC 2342).
 */
#include "base/base.h"
#include "session.h"

#include <errno.h>

/* The one mailbox argument of a command, as UTF-8 in im->out. */
static bool
only_argument(struct imap *im, const struct imap_command *c, struct imap_lex *x, char path[FOLDER_PATH_SIZE])
{
	struct imap_lex start = *x;
	struct span given;

	/* CREATE "a/b/" announces that names below will follow (RFC 3501 6.3.3). */
	if (span_is_nocase(c->name, "CREATE") && imap_lex_space(&start) && imap_lex_astring(&start, &given) &&
	    given.n > 1 && given.p[given.n - 1] == '/' && imap_lex_end(&start)) {
		struct buf quoted;
		bool good;

		buf_init(&quoted, LIMIT_IMAP_COMMAND);
		buf_printf(&quoted, " {%zu}\r\n", given.n - 1);
		buf_span(&quoted, span_first(given, given.n - 1));
		start.rest = buf_view(&quoted);
		good = imap_mailbox_argument(im, c, &start, &im->out, path);
		buf_free(&quoted);
		return good;
	}
	if (!imap_mailbox_argument(im, c, x, &im->out, path))
		return false;
	if (imap_lex_end(x))
		return true;
	imap_bad_arguments(im, c);
	return false;
}

static void
answer(struct imap *im, const struct imap_command *c, int result, const char *done, const char *doing)
{
	int error = errno;

	imap_report(im, true);
	if (result != 0)
		imap_no_errno(im, c, error, doing);
	else
		imap_ok(im, c, NULL, done);
}

void
cmd_create(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	char path[FOLDER_PATH_SIZE];

	if (only_argument(im, c, x, path))
		answer(im, c, folder_create(im->root, buf_view(&im->out)), "Created", "create");
}

void
cmd_delete(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	char path[FOLDER_PATH_SIZE];

	if (!only_argument(im, c, x, path))
		return;
	if (im->box != NULL && strcmp(path, im->box_path) == 0 && strcmp(path, ".") != 0)
		imap_unselect(im);
	answer(im, c, folder_delete(im->root, buf_view(&im->out)), "Deleted", "delete");
}

void
cmd_rename(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	char from_path[FOLDER_PATH_SIZE], to_path[FOLDER_PATH_SIZE];
	struct buf from;

	buf_init(&from, LIMIT_IMAP_COMMAND);
	if (imap_mailbox_argument(im, c, x, &from, from_path) && imap_mailbox_argument(im, c, x, &im->out, to_path)) {
		if (!imap_lex_end(x))
			imap_bad_arguments(im, c);
		else
			answer(im, c, folder_rename(im->root, buf_view(&from), buf_view(&im->out)), "Renamed", "rename");
	}
	buf_free(&from);
}

void
cmd_subscribe(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	char path[FOLDER_PATH_SIZE];

	if (only_argument(im, c, x, path))
		answer(im, c, folder_subscribe(im->root, buf_view(&im->out), true), "Subscribed", "subscribe");
}

void
cmd_unsubscribe(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	char path[FOLDER_PATH_SIZE];

	if (only_argument(im, c, x, path))
		answer(im, c, folder_subscribe(im->root, buf_view(&im->out), false), "Unsubscribed", "unsubscribe");
}

void
cmd_namespace(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	stream_text(im->io, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
	imap_ok(im, c, NULL, "Namespaces told");
}
