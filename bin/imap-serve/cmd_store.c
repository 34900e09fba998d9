/*
 * cmd_store: commands that change many messages: STORE, COPY, and MOVE (RFC
 * 6851), with COPYUID (RFC 4315).
 */
#include "base/base.h"
#include "session.h"

#include <errno.h>

static bool
refuse_read_only(struct imap *im, const struct imap_command *c)
{
	if (im->read_only)
		imap_no(im, c, "READ-ONLY", "The mailbox is open for reading only");
	return im->read_only;
}

/* Bits of the keywords named; unknown ones are made unless they are only to be removed. */
static int
keyword_bits(struct imap *im, const struct imap_store *store, uint64_t *bits)
{
	*bits = 0;
	for (size_t k = 0; k < store->flags.count; k++) {
		uint64_t bit = 0;

		if (mailbox_keyword_bit(im->box, store->flags.keywords[k], store->how != IMAP_STORE_REMOVE, &bit) != 0)
			return -1;
		if (bit == 0 && store->how != IMAP_STORE_REMOVE) {
			errno = EDQUOT;
			return -1;
		}
		*bits |= bit;
	}
	return 0;
}

void
cmd_store(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	static const enum mailbox_store how[] = {
		[IMAP_STORE_REPLACE] = MAILBOX_REPLACE,
		[IMAP_STORE_ADD] = MAILBOX_ADD,
		[IMAP_STORE_REMOVE] = MAILBOX_REMOVE,
	};
	struct imap_set set;
	struct imap_store store;
	uint32_t *which;
	uint64_t bits;
	size_t n;

	if (!imap_lex_space(x) || !imap_set_parse(x, &set) || !imap_lex_space(x) || !imap_store_parse(x, &store) ||
	    !imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	if (store.flags.recent) {
		imap_bad(im, c, "Only the server sets \\Recent");
		return;
	}
	if (refuse_read_only(im, c) || !imap_which(im, c, &set, &which, &n))
		return;
	if (keyword_bits(im, &store, &bits) != 0) {
		if (errno == EDQUOT)
			imap_no(im, c, "LIMIT", "This mailbox has as many keywords as it can");
		else
			imap_no_errno(im, c, errno, "store");
	} else if (mailbox_store(im->box, which, n, how[store.how], store.flags.letters, bits) != 0) {
		imap_no_errno(im, c, errno, "store");
	} else {
		for (size_t k = 0; k < n; k++) {
			if (mailbox_at(im->box, which[k])->state & MESSAGE_GONE)
				continue;
			if (store.silent)
				mailbox_reported(im->box, which[k]);
			else
				imap_put_flags(im, which[k], c->uid);
		}
		imap_report(im, c->uid);
		imap_ok(im, c, NULL, "Stored");
	}
	free(which);
}

/* "COPYUID validity sources targets" into im->out. */
static void
print_copyuid(struct imap *im, const uint32_t *which, size_t n, const struct mailbox_added *added)
{
	struct imap_set_print sources = { 0 }, targets = { 0 };

	buf_clear(&im->out);
	buf_printf(&im->out, "COPYUID %u ", added->uidvalidity);
	for (size_t k = 0; k < n; k++)
		imap_set_add(&sources, mailbox_at(im->box, which[k])->uid, &im->out);
	imap_set_finish(&sources, &im->out);
	buf_char(&im->out, ' ');
	for (uint32_t k = 0; k < added->count; k++)
		imap_set_add(&targets, added->first_uid + k, &im->out);
	imap_set_finish(&targets, &im->out);
}

/* Both commands begin alike: the set, the target, and the copy itself. */
static bool
copy(struct imap *im, const struct imap_command *c, struct imap_lex *x, uint32_t **which, size_t *n)
{
	char path[FOLDER_PATH_SIZE];
	struct mailbox_added added;
	struct imap_set set;

	if (!imap_lex_space(x) || !imap_set_parse(x, &set)) {
		imap_bad_arguments(im, c);
		return false;
	}
	if (!imap_mailbox_argument(im, c, x, &im->out, path))
		return false;
	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return false;
	}
	if (!imap_which(im, c, &set, which, n))
		return false;
	buf_clear(&im->out);
	if (*n == 0)
		return true;
	if (mailbox_copy(im->box, *which, *n, im->root, path, &added) != 0) {
		if (errno == ENOENT)
			imap_no(im, c, "TRYCREATE", "There is no such mailbox, create it first");
		else
			imap_no_errno(im, c, errno, "copy");
		free(*which);
		return false;
	}
	print_copyuid(im, *which, *n, &added);
	return true;
}

void
cmd_copy(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	uint32_t *which;
	size_t n;
	char *code;

	if (!copy(im, c, x, &which, &n))
		return;
	free(which);
	code = n > 0 ? mem_copy(buf_view(&im->out)) : NULL;
	imap_report(im, true);
	imap_ok(im, c, code, n > 0 ? "Copied" : "There was nothing to copy");
	free(code);
}

void
cmd_move(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	uint32_t *which;
	size_t n;
	int error = 0;

	if (refuse_read_only(im, c) || !copy(im, c, x, &which, &n))
		return;
	if (n > 0) {
		/* RFC 6851 4.3: COPYUID comes untagged, before the EXPUNGEs. */
		stream_printf(im->io, "* OK [%s] Moved\r\n", buf_text(&im->out));
		if (mailbox_expunge(im->box, which, n) != 0)
			error = errno;
	}
	free(which);
	imap_report(im, true);
	if (error != 0)
		imap_no_errno(im, c, error, "move");
	else
		imap_ok(im, c, NULL, n > 0 ? "Moved" : "There was nothing to move");
}
