/*
 * session: the life of one connection: greeting, commands by the table, and
 * the responses that all handlers share.
 *
 * Preconditions stand in the table; a handler may rely on the state, and on
 * im->box being open in STATE_SELECTED.
 */
#include "base/base.h"
#include "session.h"

#include <errno.h>

#include "imap/print.h"
#include "mail/date.h"
#include "policy/greeting.h"
#include "service/service_tls.h"
#include "store/quota.h"
#include "sys/clock.h"

/* A response that a handler builds in memory: names and flags, not messages. */
#define RESPONSE_MAX (4u << 20)
/* A last word to somebody who was silent. */
#define GOODBYE_MS 1000

static const struct {
	const char *name;
	imap_handler *handler;
	unsigned states;
	bool uid;		/* also as UID NAME */
} commands[] = {
	{ "CAPABILITY", cmd_capability, STATE_ANY, false },
	{ "NOOP", cmd_noop, STATE_ANY, false },
	{ "LOGOUT", cmd_logout, STATE_ANY, false },
	{ "ID", cmd_id, STATE_ANY, false },
	{ "STARTTLS", cmd_starttls, STATE_GREETED, false },
	{ "LOGIN", cmd_login, STATE_GREETED, false },
	{ "AUTHENTICATE", cmd_authenticate, STATE_GREETED, false },
	{ "ENABLE", cmd_enable, STATE_HAS_USER, false },
	{ "SELECT", cmd_select, STATE_HAS_USER, false },
	{ "EXAMINE", cmd_examine, STATE_HAS_USER, false },
	{ "CREATE", cmd_create, STATE_HAS_USER, false },
	{ "DELETE", cmd_delete, STATE_HAS_USER, false },
	{ "RENAME", cmd_rename, STATE_HAS_USER, false },
	{ "SUBSCRIBE", cmd_subscribe, STATE_HAS_USER, false },
	{ "UNSUBSCRIBE", cmd_unsubscribe, STATE_HAS_USER, false },
	{ "LIST", cmd_list, STATE_HAS_USER, false },
	{ "LSUB", cmd_lsub, STATE_HAS_USER, false },
	{ "NAMESPACE", cmd_namespace, STATE_HAS_USER, false },
	{ "STATUS", cmd_status, STATE_HAS_USER, false },
	{ "APPEND", cmd_append, STATE_HAS_USER, false },
	{ "IDLE", cmd_idle, STATE_HAS_USER, false },
	{ "CHECK", cmd_check, STATE_SELECTED, false },
	{ "CLOSE", cmd_close, STATE_SELECTED, false },
	{ "UNSELECT", cmd_unselect, STATE_SELECTED, false },
	{ "EXPUNGE", cmd_expunge, STATE_SELECTED, true },
	{ "FETCH", cmd_fetch, STATE_SELECTED, true },
	{ "STORE", cmd_store, STATE_SELECTED, true },
	{ "COPY", cmd_copy, STATE_SELECTED, true },
	{ "MOVE", cmd_move, STATE_SELECTED, true },
	{ "SEARCH", cmd_search, STATE_SELECTED, true },
};

/* ---- responses ---------------------------------------------------------- */

static void
put_tag(struct imap *im, const struct imap_command *c)
{
	if (c->tag.p == NULL || c->tag.n == 0)
		stream_text(im->io, "*");
	else
		stream_put(im->io, c->tag);
}

static void
tagged(struct imap *im, const struct imap_command *c, const char *word, const char *code, const char *text, bool ticket)
{
	put_tag(im, c);
	stream_printf(im->io, " %s ", word);
	if (code != NULL)
		stream_printf(im->io, "[%s] ", code);
	stream_text(im->io, text);
	if (ticket)
		stream_printf(im->io, " (%s)", im->s->ticket);
	stream_text(im->io, "\r\n");
	log_detail(im->s->svc, im->s->ticket, im->s->ip, "rsp: %.*s %s %s", SPAN_ARG(c->tag), word, text);
}

void
imap_ok(struct imap *im, const struct imap_command *c, const char *code, const char *text)
{
	tagged(im, c, "OK", code, text, false);
}

void
imap_no(struct imap *im, const struct imap_command *c, const char *code, const char *text)
{
	tagged(im, c, "NO", code, text, true);
}

void
imap_bad(struct imap *im, const struct imap_command *c, const char *text)
{
	const uint64_t most = session_tolerance(im->s, im->program->max_bad_commands);

	tagged(im, c, "BAD", NULL, text, true);
	im->bad_commands++;
	if (most > 0 && im->bad_commands >= most) {
		log_line(im->s->svc, im->s->ticket, im->s->ip, "event=bad-commands count=%llu",
			(unsigned long long)im->bad_commands);
		imap_bye(im, NULL, "Too many bad commands");
	}
}

void
imap_bad_arguments(struct imap *im, const struct imap_command *c)
{
	imap_bad(im, c, "The arguments of this command cannot be read");
}

void
imap_bye(struct imap *im, const char *code, const char *text)
{
	stream_text(im->io, "* BYE ");
	if (code != NULL)
		stream_printf(im->io, "[%s] ", code);
	stream_printf(im->io, "%s (%s)\r\n", text, im->s->ticket);
	im->closing = true;
}

void
imap_no_errno(struct imap *im, const struct imap_command *c, int error, const char *doing)
{
	switch (error) {
	case ENOENT:
		imap_no(im, c, "NONEXISTENT", "There is no such mailbox");
		return;
	case EEXIST:
		imap_no(im, c, "ALREADYEXISTS", "There is such a mailbox already");
		return;
	case EINVAL:
	case EPERM:
		imap_no(im, c, "CANNOT", "This cannot be done with that mailbox name");
		return;
	case EDQUOT:
		imap_no(im, c, "OVERQUOTA", "There is no room left in this account");
		return;
	case ESTALE:
		imap_no(im, c, "NONEXISTENT", "The mailbox was deleted meanwhile");
		return;
	default:
		log_failure(im->s->svc, im->s->ticket, im->s->ip, "event=store-failed doing=\"%s\" user=%s error=\"%s\"",
			doing, im->user, strerror(error));
		imap_no(im, c, error == ENOSPC ? "OVERQUOTA" : "UNAVAILABLE", "The mail store is in trouble, try again later");
		return;
	}
}

bool
imap_plaintext_allowed(const struct imap *im)
{
	return greeting_plaintext_allowed(im->program->plaintext_auth, im->s->tls,
		im->s->is_local || addr_is_loopback(&im->s->peer));
}

/* ---- the selected mailbox ----------------------------------------------- */

void
imap_unselect(struct imap *im)
{
	if (im->box != NULL) {
		notify_forget(im->s->svc);
		mailbox_close(&im->box);
	}
	if (im->state == STATE_SELECTED)
		im->state = STATE_LOGGED_IN;
}

void
imap_print_message_flags(struct imap *im, size_t i, struct buf *out)
{
	const struct message *m = mailbox_at(im->box, i);
	const char *names[64];
	size_t n = mailbox_keyword_count(im->box);

	if (n > PB_COUNT(names))
		n = PB_COUNT(names);
	for (size_t k = 0; k < n; k++)
		names[k] = mailbox_keyword(im->box, k);
	imap_print_flags(m->letters, m->state & MESSAGE_RECENT, m->keywords, names, n, out);
}

void
imap_put_flags(struct imap *im, size_t i, bool with_uid)
{
	buf_clear(&im->out);
	buf_printf(&im->out, "* %zu FETCH (", i + 1);
	if (with_uid)
		buf_printf(&im->out, "UID %u ", mailbox_at(im->box, i)->uid);
	buf_text_put(&im->out, "FLAGS ");
	imap_print_message_flags(im, i, &im->out);
	buf_text_put(&im->out, ")\r\n");
	stream_put(im->io, buf_view(&im->out));
	mailbox_reported(im->box, i);
}

static void
report_gone(void *ctx, size_t i, uint32_t uid)
{
	struct imap *im = ctx;

	(void)uid;
	stream_printf(im->io, "* %zu EXPUNGE\r\n", i + 1);
	im->told_exists--;
}

static void
report_counts(struct imap *im)
{
	struct mailbox_counts counts;
	size_t exists = mailbox_count(im->box);

	mailbox_counts(im->box, &counts);
	if (exists != im->told_exists)
		stream_printf(im->io, "* %zu EXISTS\r\n", exists);
	if (exists != im->told_exists || counts.recent != im->told_recent)
		stream_printf(im->io, "* %u RECENT\r\n", counts.recent);
	im->told_exists = (uint32_t)exists;
	im->told_recent = counts.recent;
}

void
imap_report(struct imap *im, bool may_expunge)
{
	size_t known = im->told_exists;

	if (im->box == NULL)
		return;
	if (mailbox_sync(im->box) != 0) {
		log_failure(im->s->svc, im->s->ticket, im->s->ip, "event=sync-failed user=%s error=\"%s\"",
			im->user, strerror(errno));
		if (errno == ESTALE)
			imap_bye(im, NULL, "The mailbox was deleted");
		return;
	}
	if (may_expunge) {
		mailbox_forget(im->box, report_gone, im);
		known = im->told_exists;
	}
	report_counts(im);
	/* New messages come with EXISTS; the client asks for their flags itself. */
	for (size_t i = 0; i < mailbox_count(im->box); i++) {
		unsigned state = mailbox_at(im->box, i)->state;

		if (!(state & MESSAGE_CHANGED) || (state & MESSAGE_GONE))
			continue;
		if (i < known)
			imap_put_flags(im, i, false);
		else
			mailbox_reported(im->box, i);
	}
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Indexes of one resolved range, [*from, *to). */
static bool
range_indexes(struct imap *im, bool uid, const struct imap_range *r, size_t *from, size_t *to)
{
	size_t count = mailbox_count(im->box);

	if (uid) {
		*from = mailbox_find_uid(im->box, r->first);
		*to = r->last == UINT32_MAX ? count : mailbox_find_uid(im->box, r->last + 1);
		return true;
	}
	*from = r->first - 1;
	*to = r->last;
	return r->first >= 1 && r->last <= count;
}

bool
imap_which(struct imap *im, const struct imap_command *c, struct imap_set *set, uint32_t **which_out, size_t *n_out)
{
	size_t count = mailbox_count(im->box);
	uint32_t star = (uint32_t)count;
	uint32_t *which;
	size_t n = 0;

	if (set->saved) {
		imap_bad(im, c, "No search result is kept");
		return false;
	}
	if (c->uid)
		star = count > 0 ? mailbox_at(im->box, count - 1)->uid : 0;
	imap_set_resolve(set, star);
	which = mem_array(count + 1, sizeof(*which));
	for (size_t r = 0; r < set->count; r++) {
		size_t from, to;

		if (!range_indexes(im, c->uid, &set->at[r], &from, &to)) {
			free(which);
			imap_bad(im, c, "There is no message with that number");
			return false;
		}
		/* Resolved ranges are joined and sorted, so n stays below count. */
		for (size_t i = from; i < to && n < count; i++)
			if (!(mailbox_at(im->box, i)->state & MESSAGE_GONE))
				which[n++] = (uint32_t)i;
	}
	qsort(which, n, sizeof(*which), by_number);
	*which_out = which;
	*n_out = n;
	return true;
}

/* ---- commands ----------------------------------------------------------- */

static void
log_command(struct imap *im, const struct imap_command *c, struct span arguments)
{
	bool secret = span_is_nocase(c->name, "LOGIN") || span_is_nocase(c->name, "AUTHENTICATE");

	log_detail(im->s->svc, im->s->ticket, im->s->ip, "cmd: %.*s %s%.*s%.*s", SPAN_ARG(span_first(c->tag, 64)),
		c->uid ? "UID " : "", SPAN_ARG(span_first(c->name, 64)),
		SPAN_ARG(secret ? SPAN(" ...") : span_first(span_trim(arguments), 512)));
}

static void
dispatch(struct imap *im)
{
	struct imap_lex x = { .rest = buf_view(&im->command), .arena = im->arena };
	struct imap_command c = { .tag = SPAN_NONE };

	arena_reset(im->arena);
	if (!imap_command_parse(&x, &c)) {
		imap_bad(im, &c, "A command is a tag, a blank, and its name");
		return;
	}
	log_command(im, &c, x.rest);
	for (size_t i = 0; i < PB_COUNT(commands); i++) {
		if (!span_is_nocase(c.name, commands[i].name) || (c.uid && !commands[i].uid))
			continue;
		if (!(commands[i].states & (unsigned)im->state)) {
			imap_bad(im, &c, im->state == STATE_GREETED ? "Log in first" :
				commands[i].states == STATE_GREETED ? "You are logged in already" : "Select a mailbox first");
			return;
		}
		commands[i].handler(im, &c, &x);
		auth_tell_space(im->program->directory, quota_moved());
		return;
	}
	imap_bad(im, &c, "There is no such command");
}

static void
greet(struct imap *im)
{
	char local[64];
	struct greeting_facts facts = { .peer_ip = im->s->ip, .now_s = clock_wall_ms() / 1000 };

	addr_print(&im->s->local, local, sizeof(local));
	facts.host_name = settings_host_name(im->s->svc->settings, local);
	facts.zone = date_local_zone(facts.now_s);
	buf_clear(&im->out);
	buf_text_put(&im->out, "* OK [CAPABILITY ");
	imap_print_capabilities(im, &im->out);
	buf_text_put(&im->out, "] ");
	greeting_print(span_of(im->program->banner), &facts, &im->out);
	buf_text_put(&im->out, "\r\n");
	stream_put(im->io, buf_view(&im->out));
	log_detail(im->s->svc, im->s->ticket, im->s->ip, "rsp: %.*s", SPAN_ARG(span_trim(buf_view(&im->out))));
}

/* False when the connection must not be served; the client was told why. */
static bool
admit(struct imap *im)
{
	char why[128];
	char error[TLS_ERROR_MAX];

	session_log_connect(im->s);
	stream_timeout(im->io, session_patience(im->s, im->program->command_timeout_ms));
	if (service_is_tls_listener(im->s->listener)) {
		if (im->program->tls == NULL || tls_accept(im->program->tls, im->io, &im->s->local, error) != 0) {
			log_line(im->s->svc, im->s->ticket, im->s->ip, "event=tls-failed error=\"%s\"",
				im->program->tls == NULL ? "no certificate" : error);
			return false;
		}
		im->s->tls = true;
		service_tls_log(im->s);
	}
	if (im->s->standing == GATE_BLACK) {
		log_line(im->s->svc, im->s->ticket, im->s->ip, "event=refused reason=blacklist");
		imap_bye(im, NULL, "Your address is not served here");
		return false;
	}
	im->admitted = abuse_admit(im->program->abuse, "imap", im->s->ip, im->s->standing == GATE_WHITE,
		true, why, sizeof(why));
	if (im->admitted)
		return true;
	log_line(im->s->svc, im->s->ticket, im->s->ip, "event=refused reason=\"%s\"", why);
	imap_bye(im, "UNAVAILABLE", why);
	return false;
}

/* The client fell silent or went away; a silent one hears why the connection ends. */
static void
say_lost(struct imap *im)
{
	const enum stream_result r = im->io->in_state;

	if (r == LINE_OK)
		return;
	if (r == LINE_TIMEOUT) {
		stream_timeout(im->io, GOODBYE_MS);
		imap_bye(im, "UNAVAILABLE", session_was_ended(im->s) ?
			"The server is busy, try again later" : "Nothing was heard for too long");
	}
	log_line(im->s->svc, im->s->ticket, im->s->ip, "event=lost reason=\"%s\"", stream_why(im->io, r));
}

static void
end_session(struct imap *im)
{
	imap_unselect(im);
	if (im->admitted)
		abuse_close(im->program->abuse, false);
	if (abuse_is_lost(im->program->abuse))
		log_failure(im->s->svc, im->s->ticket, im->s->ip, "event=owner-lost owner=abuse");
	log_line(im->s->svc, im->s->ticket, im->s->ip, "event=end user=%s in=%llu out=%llu", im->user[0] ? im->user : "-",
		(unsigned long long)im->io->bytes_in, (unsigned long long)im->io->bytes_out);
	if (im->root >= 0)
		close(im->root);
	buf_free(&im->command);
	buf_free(&im->out);
	arena_free(&im->arena);
}

void
imap_session(struct session *s)
{
	struct imap im = { .s = s, .io = &s->io, .program = s->svc->ctx, .state = STATE_GREETED, .root = -1 };

	buf_init(&im.command, LIMIT_IMAP_COMMAND + 2);
	buf_init(&im.out, RESPONSE_MAX);
	im.arena = imap_lex_arena();
	s->io.in_max = LIMIT_IMAP_LOGIN_COMMAND + 2;
	if (admit(&im)) {
		greet(&im);
		while (!im.closing && imap_read_command(&im)) {
			if (im.command.n > 0 && !im.closing)
				dispatch(&im);
			if (stream_flush(im.io) != 0)
				break;
		}
		say_lost(&im);
	}
	(void)stream_flush(im.io);
	end_session(&im);
}
