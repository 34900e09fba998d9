/*
 * cmd_misc: the commands of a few lines each: RSET, NOOP, QUIT, HELP, VRFY and
 * EXPN (both off unless a setting turns them on).
 */
#include "base/base.h"
#include "smtp.h"

void
cmd_rset(struct smtp *c, struct span args PB_UNUSED)
{
	transaction_reset(c);
	reply(c, 250, "2.0.0", "OK");
}

void
cmd_noop(struct smtp *c, struct span args PB_UNUSED)
{
	reply(c, 250, "2.0.0", "OK");
}

void
cmd_quit(struct smtp *c, struct span args PB_UNUSED)
{
	reply(c, 221, "2.0.0", "Bye");
	c->over = true;
}

void
cmd_help(struct smtp *c, struct span args PB_UNUSED)
{
	reply_lines(c, 214, "2.0.0",
			 SPAN("Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT HELP VRFY EXPN ETRN STARTTLS AUTH\n"
			      "RFC 5321 describes them"));
}

/* " SMTPUTF8" behind the address (RFC 6531 3.7.4.2) is taken off. */
static bool
allows_utf8(struct span *args)
{
	static const struct span word = { " SMTPUTF8", 9 };

	if (!span_ends_nocase(*args, word))
		return false;
	*args = span_trim(span_first(*args, args->n - word.n));
	return true;
}

/* An address with or without brackets (RFC 5321 4.1.1.6 leaves it open). */
static bool
read_address(struct smtp *c, struct span args, struct smtp_path *path)
{
	bool utf8 = allows_utf8(&args);
	bool good = args.n > 0 && args.p[0] == '<' ?
		    smtp_path_read(&args, path) == SMTP_PATH_OK && args.n == 0 && path->n > 0 :
		    smtp_path_parse(args, path) == SMTP_PATH_OK;

	if (!good)
		reply_bad(c, 501, "5.1.3", "Give one address");
	else if (path->is_utf8 && !utf8)
		reply_bad(c, 553, "5.6.7", "Non-ASCII addresses need SMTPUTF8");
	return good && (utf8 || !path->is_utf8);
}

/* What a client wanted to know of our users, and the code it heard. */
static void
log_question(struct smtp *c, const char *command, struct span asked)
{
	char storage[4 * LIMIT_ADDRESS + 64];
	struct buf line;

	buf_init_fixed(&line, storage, sizeof(storage));
	log_value(&line, "asked", span_first(asked, LIMIT_ADDRESS));
	smtp_log(c, "event=%s%s code=%d", strcmp(command, "VRFY") == 0 ? "vrfy" : "expn", buf_text(&line), c->code);
}

static void
verify(struct smtp *c, struct span args)
{
	struct directory_rcpt found;
	struct smtp_path path;

	if (args.n == 0) {
		reply_bad(c, 501, "5.5.4", "Give an address");
		return;
	}
	if (!c->config->vrfy) {
		reply(c, 252, "2.5.0", "Cannot verify, but will take mail and try");
		return;
	}
	if (!read_address(c, args, &path))
		return;
	switch (directory_rcpt(c->w->directory, smtp_path_view(&path), &found)) {
	case RCPT_MAILBOX:
	case RCPT_ALIAS:
		reply(c, 250, "2.1.5", "<%s>", found.canonical);
		break;
	case RCPT_FOREIGN:
		reply(c, 252, "2.5.0", "Not one of our domains");
		break;
	case RCPT_REFUSED:
		refusals_reply(c, &found.verdict);
		break;
	case RCPT_TROUBLE:
	default:
		reply_lost(c, "lookup");
		break;
	}
}

void
cmd_vrfy(struct smtp *c, struct span args)
{
	verify(c, args);
	log_question(c, "VRFY", args);
}

static void
expand(struct smtp *c, struct span args)
{
	struct directory_targets found = { .count = 0 };
	struct smtp_path path;
	struct buf text;
	enum rcpt_kind kind;

	if (!c->config->expn) {
		reply_bad(c, 502, "5.5.1", "EXPN is not offered");
		return;
	}
	if (!read_address(c, args, &path))
		return;
	kind = directory_expand(c->w->directory, smtp_path_view(&path), &found);
	if (kind == RCPT_MAILBOX || kind == RCPT_ALIAS) {
		buf_init(&text, LIMIT_SOCKETMAP_REPLY);
		for (size_t i = 0; i < found.count; i++)
			buf_printf(&text, "%s<%s>", i > 0 ? "\n" : "", found.at[i].address);
		reply_lines(c, 250, "2.1.5", buf_view(&text));
		buf_free(&text);
	} else if (kind == RCPT_FOREIGN) {
		reply(c, 252, "2.5.0", "Not one of our domains");
	} else if (kind == RCPT_REFUSED) {
		refusals_reply(c, &found.verdict);
	} else {
		reply_lost(c, "lookup");
	}
	directory_targets_free(&found);
}

void
cmd_expn(struct smtp *c, struct span args)
{
	expand(c, args);
	log_question(c, "EXPN", args);
}
