/*
 * cmd_list: LIST and LSUB (RFC 3501 6.3.8 and 6.3.9), with the attributes of
 * SPECIAL-USE (RFC 6154) and CHILDREN (RFC 3348).
 *
 * A name that exists only as the beginning of others ("a" of "a/b") is listed
 * too, as \Noselect, so that a client can walk down with "%".
 */
#include "base/base.h"
#include "session.h"

#include <errno.h>

#include "imap/print.h"
#include "mail/utf7.h"

/* Folder names by their use; of several with one use the first that exists counts. */
static const struct {
	const char *name;
	const char *use;
} special[] = {
	{ "Drafts", "\\Drafts" },
	{ "Sent", "\\Sent" }, { "Sent Items", "\\Sent" },
	{ "Trash", "\\Trash" }, { "Deleted Items", "\\Trash" },
	{ "Junk", "\\Junk" }, { "Junk E-Mail", "\\Junk" }, { "Spam", "\\Junk" },
	{ "Archive", "\\Archive" },
};

struct listing {
	struct imap *im;
	const char *command;		/* "LIST" or "LSUB" */
	struct span pattern;		/* UTF-8 */
	struct folder_list folders;
	struct buf last_parent;		/* the implied parent that was listed last */
};

static bool
is_listed(const struct folder_list *l, struct span name)
{
	for (size_t i = 0; i < l->count; i++)
		if (span_is(name, l->names[i]))
			return true;
	return false;
}

static bool
has_children(const struct folder_list *l, struct span name)
{
	for (size_t i = 0; i < l->count; i++) {
		struct span other = span_of(l->names[i]);

		if (other.n > name.n && other.p[name.n] == '/' && span_eq(span_first(other, name.n), name))
			return true;
	}
	return false;
}

static const char *
special_use(const struct folder_list *l, struct span name)
{
	for (size_t i = 0; i < PB_COUNT(special); i++) {
		if (!span_is(name, special[i].name))
			continue;
		for (size_t k = 0; k < i; k++)
			if (strcmp(special[k].use, special[i].use) == 0 && is_listed(l, span_of(special[k].name)))
				return NULL;
		return special[i].use;
	}
	return NULL;
}

static void
put_name(struct listing *l, struct span name, bool exists)
{
	struct buf *out = &l->im->out;
	const char *use = exists ? special_use(&l->folders, name) : NULL;
	struct buf utf7;

	buf_init(&utf7, 4 * FOLDER_PATH_SIZE);
	buf_clear(out);
	buf_printf(out, "* %s (%s%s%s%s) \"/\" ", l->command, exists ? "" : "\\Noselect ",
		has_children(&l->folders, name) ? "\\HasChildren" : "\\HasNoChildren",
		use != NULL ? " " : "", use != NULL ? use : "");
	if (utf7_encode(name, &utf7)) {
		imap_print_astring(buf_view(&utf7), out);
		buf_text_put(out, "\r\n");
		stream_put(l->im->io, buf_view(out));
	}
	buf_free(&utf7);
}

/* The levels above a name that are no folders themselves, each once. */
static void
put_parents(struct listing *l, struct span name)
{
	for (size_t at = 1; at < name.n; at++) {
		struct span parent = span_first(name, at);

		if (name.p[at] != '/' || is_listed(&l->folders, parent))
			continue;
		if (span_starts(buf_view(&l->last_parent), parent) &&
		    (l->last_parent.n == parent.n || l->last_parent.p[parent.n] == '/'))
			continue;
		if (imap_list_match(l->pattern, parent, '/'))
			put_name(l, parent, false);
		buf_clear(&l->last_parent);
		buf_span(&l->last_parent, parent);
	}
}

static void
put_all(struct listing *l)
{
	for (size_t i = 0; i < l->folders.count; i++) {
		struct span name = span_of(l->folders.names[i]);

		put_parents(l, name);
		/* INBOX matches in any letter case (RFC 3501 5.1). */
		if (imap_list_match(l->pattern, name, '/') ||
		    (span_is(name, "INBOX") && span_is_nocase(l->pattern, "INBOX")))
			put_name(l, name, true);
	}
}

/* Reference and pattern, decoded and joined into l->pattern (buffer: joined). */
static bool
read_arguments(struct listing *l, const struct imap_command *c, struct imap_lex *x, struct buf *joined, bool *is_root)
{
	struct span reference, pattern;

	if (!imap_lex_space(x) || !imap_lex_astring(x, &reference) || !imap_lex_space(x) ||
	    !imap_lex_list_mailbox(x, &pattern) || !imap_lex_end(x)) {
		imap_bad_arguments(l->im, c);
		return false;
	}
	*is_root = pattern.n == 0;
	if (!utf7_decode(reference, joined) || !utf7_decode(pattern, joined)) {
		/* No name of ours is written like that: it matches nothing. */
		buf_clear(joined);
		buf_char(joined, '\n');
	}
	l->pattern = buf_view(joined);
	return true;
}

static void
list(struct imap *im, const struct imap_command *c, struct imap_lex *x, bool subscribed)
{
	struct listing l = { .im = im, .command = subscribed ? "LSUB" : "LIST" };
	struct buf joined;
	bool is_root;

	buf_init(&joined, 2 * LIMIT_IMAP_COMMAND);
	buf_init(&l.last_parent, LIMIT_IMAP_COMMAND);
	if (read_arguments(&l, c, x, &joined, &is_root)) {
		if (is_root) {
			stream_printf(im->io, "* %s (\\Noselect) \"/\" \"\"\r\n", l.command);
			imap_ok(im, c, NULL, "Listed");
		} else if ((subscribed ? folder_subscribed(im->root, &l.folders) : folder_list(im->root, &l.folders)) != 0) {
			imap_no_errno(im, c, errno, "list");
		} else {
			put_all(&l);
			folder_list_free(&l.folders);
			imap_report(im, true);
			imap_ok(im, c, NULL, "Listed");
		}
	}
	buf_free(&l.last_parent);
	buf_free(&joined);
}

void
cmd_list(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	list(im, c, x, false);
}

void
cmd_lsub(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	list(im, c, x, true);
}
