/*
 * cmd_mailbox: the selected mailbox: SELECT, EXAMINE, CLOSE, UNSELECT (RFC
 * 3691), CHECK, EXPUNGE, UID EXPUNGE (RFC 4315), and STATUS of any.
 */
#include "base/base.h"
#include "session.h"

#include <errno.h>

#include "imap/print.h"
#include "mail/utf7.h"

bool
imap_mailbox_argument(struct imap *im, const struct imap_command *c, struct imap_lex *x, struct buf *name,
	char path[FOLDER_PATH_SIZE])
{
	struct span given;

	if (!imap_lex_space(x) || !imap_lex_astring(x, &given)) {
		imap_bad_arguments(im, c);
		return false;
	}
	buf_clear(name);
	if (!utf7_decode(given, name) || folder_path(buf_view(name), path) != 0) {
		imap_no(im, c, "CANNOT", "This cannot be the name of a mailbox");
		return false;
	}
	return true;
}

/* 1-based number of the first message without \Seen; 0 when all are seen. */
static size_t
first_unseen(struct imap *im)
{
	struct mailbox_counts counts;

	mailbox_counts(im->box, &counts);
	if (counts.unseen == 0)
		return 0;
	for (size_t i = 0; i < mailbox_count(im->box); i++)
		if (!(mailbox_at(im->box, i)->letters & MAILDIR_SEEN))
			return i + 1;
	return 0;
}

static void
put_selected(struct imap *im)
{
	struct mailbox_counts counts;
	size_t unseen = first_unseen(im);

	mailbox_counts(im->box, &counts);
	im->told_exists = (uint32_t)mailbox_count(im->box);
	im->told_recent = counts.recent;
	buf_clear(&im->out);
	buf_text_put(&im->out, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft");
	for (size_t k = 0; k < mailbox_keyword_count(im->box); k++)
		buf_printf(&im->out, " %s", mailbox_keyword(im->box, k));
	buf_text_put(&im->out, ")\r\n* OK [PERMANENTFLAGS (");
	if (!im->read_only) {
		buf_text_put(&im->out, "\\Answered \\Flagged \\Deleted \\Seen \\Draft");
		for (size_t k = 0; k < mailbox_keyword_count(im->box); k++)
			buf_printf(&im->out, " %s", mailbox_keyword(im->box, k));
		buf_text_put(&im->out, " \\*");
	}
	buf_printf(&im->out, ")] These are kept\r\n* %u EXISTS\r\n* %u RECENT\r\n", im->told_exists, im->told_recent);
	if (unseen > 0)
		buf_printf(&im->out, "* OK [UNSEEN %zu] First unseen\r\n", unseen);
	buf_printf(&im->out, "* OK [UIDVALIDITY %u] UIDs are valid\r\n* OK [UIDNEXT %u] Next UID\r\n",
		mailbox_uidvalidity(im->box), mailbox_uidnext(im->box));
	stream_put(im->io, buf_view(&im->out));
	for (size_t i = 0; i < mailbox_count(im->box); i++)
		if (mailbox_at(im->box, i)->state & MESSAGE_CHANGED)
			mailbox_reported(im->box, i);
}

/* RFC 3501 6.3.1: a SELECT that fails leaves no mailbox selected. */
static void
select_mailbox(struct imap *im, const struct imap_command *c, struct imap_lex *x, bool read_only)
{
	char path[FOLDER_PATH_SIZE];
	char show[80];

	imap_unselect(im);
	if (!imap_mailbox_argument(im, c, x, &im->out, path))
		return;
	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	snprintf(show, sizeof(show), "%s %.60s", read_only ? "EXAMINE" : "SELECT", buf_text(&im->out));
	im->box = mailbox_open(im->root, path, read_only ? MAILBOX_EXAMINE : MAILBOX_SELECT);
	if (im->box == NULL) {
		imap_no_errno(im, c, errno, "select");
		return;
	}
	memcpy(im->box_path, path, sizeof(path));
	im->read_only = read_only || !mailbox_is_writable(im->box);
	im->state = STATE_SELECTED;
	session_show(im->s, show, im->user);
	put_selected(im);
	imap_ok(im, c, im->read_only ? "READ-ONLY" : "READ-WRITE", "Selected");
}

void
cmd_select(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	select_mailbox(im, c, x, false);
}

void
cmd_examine(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	select_mailbox(im, c, x, true);
}

void
cmd_check(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	imap_report(im, true);
	if (mailbox_checkpoint(im->box) != 0)
		imap_no_errno(im, c, errno, "check");
	else
		imap_ok(im, c, NULL, "Checked");
}

/*
 * Expunge what is \Deleted, of the given indexes or of all (which == NULL).
 * 0, or the errno.
 */
static int
expunge_deleted(struct imap *im, const uint32_t *which, size_t n)
{
	size_t count = which != NULL ? n : mailbox_count(im->box);
	uint32_t *gone = mem_array(count + 1, sizeof(*gone));
	size_t gone_n = 0;
	int error = 0;

	for (size_t k = 0; k < count; k++) {
		size_t i = which != NULL ? which[k] : k;
		const struct message *m = mailbox_at(im->box, i);

		if ((m->letters & MAILDIR_DELETED) && !(m->state & MESSAGE_GONE))
			gone[gone_n++] = (uint32_t)i;
	}
	if (gone_n > 0 && mailbox_expunge(im->box, gone, gone_n) != 0)
		error = errno;
	free(gone);
	return error;
}

static bool
refuse_read_only(struct imap *im, const struct imap_command *c)
{
	if (im->read_only)
		imap_no(im, c, "READ-ONLY", "The mailbox is open for reading only");
	return im->read_only;
}

void
cmd_expunge(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	struct imap_set set;
	uint32_t *which = NULL;
	size_t n = 0;
	int error;

	if (c->uid && (!imap_lex_space(x) || !imap_set_parse(x, &set))) {
		imap_bad_arguments(im, c);
		return;
	}
	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	if (refuse_read_only(im, c) || (c->uid && !imap_which(im, c, &set, &which, &n)))
		return;
	error = mailbox_sync(im->box) == 0 ? expunge_deleted(im, which, n) : errno;
	free(which);
	imap_report(im, true);
	if (error != 0)
		imap_no_errno(im, c, error, "expunge");
	else
		imap_ok(im, c, NULL, "Expunged");
}

void
cmd_close(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	int error = 0;

	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	if (!im->read_only)
		error = mailbox_sync(im->box) == 0 ? expunge_deleted(im, NULL, 0) : errno;
	imap_unselect(im);
	if (error != 0)
		imap_no_errno(im, c, error, "close");
	else
		imap_ok(im, c, NULL, "Closed");
}

void
cmd_unselect(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	imap_unselect(im);
	imap_ok(im, c, NULL, "Unselected");
}

static void
print_status(struct mailbox *box, unsigned items, struct buf *out)
{
	struct mailbox_counts counts;
	const char *blank = "";

	mailbox_counts(box, &counts);
	const struct {
		unsigned item;
		const char *name;
		uint64_t value;
	} all[] = {
		{ STATUS_MESSAGES, "MESSAGES", counts.messages },
		{ STATUS_RECENT, "RECENT", counts.recent },
		{ STATUS_UIDNEXT, "UIDNEXT", mailbox_uidnext(box) },
		{ STATUS_UIDVALIDITY, "UIDVALIDITY", mailbox_uidvalidity(box) },
		{ STATUS_UNSEEN, "UNSEEN", counts.unseen },
		{ STATUS_SIZE, "SIZE", counts.bytes },
		{ STATUS_HIGHESTMODSEQ, "HIGHESTMODSEQ", mailbox_highest_modseq(box) },
	};

	for (size_t i = 0; i < PB_COUNT(all); i++) {
		if (!(items & all[i].item))
			continue;
		buf_printf(out, "%s%s %llu", blank, all[i].name, (unsigned long long)all[i].value);
		blank = " ";
	}
}

void
cmd_status(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	char path[FOLDER_PATH_SIZE];
	struct imap_lex before = *x;
	struct mailbox *box;
	struct span given = SPAN_NONE;
	unsigned items;

	if (!imap_mailbox_argument(im, c, x, &im->out, path))
		return;
	if (!imap_lex_space(x) || !imap_status_parse(x, &items) || !imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	box = mailbox_open(im->root, path, MAILBOX_EXAMINE);
	if (box == NULL) {
		imap_no_errno(im, c, errno, "status");
		return;
	}
	if (!imap_lex_space(&before) || !imap_lex_astring(&before, &given))
		given = buf_view(&im->out);
	buf_clear(&im->out);
	buf_text_put(&im->out, "* STATUS ");
	imap_print_astring(given, &im->out);
	buf_text_put(&im->out, " (");
	print_status(box, items, &im->out);
	buf_text_put(&im->out, ")\r\n");
	mailbox_close(&box);
	stream_put(im->io, buf_view(&im->out));
	imap_report(im, true);
	imap_ok(im, c, NULL, "Status told");
}
