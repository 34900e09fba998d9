/*
 * cmd_login: LOGIN and AUTHENTICATE (RFC 3501 6.2.2 and 6.2.3, RFC 4959).
 *
 * auth-check decides; a success brings the descriptor of one Maildir, and
 * from then on this process can reach nothing else.  A wrong password and an
 * unknown user look the same to the client, in words and in time.
 */
#include "base/base.h"
#include "session.h"

#include "base/die.h"
#include "directory/auth_channel.h"
#include "policy/mechanism.h"
#include "service/enter.h"

static struct auth_request
request_of(struct imap *im, const char *mechanism)
{
	return (struct auth_request){ .service = "imap", .mechanism = mechanism, .remote_ip = im->s->ip,
		.local_ip = "", .session = im->s->ticket,
		.secured = im->s->tls || im->s->is_local || addr_is_loopback(&im->s->peer) };
}

static struct mechanism_facts
read_facts(const struct imap *im, struct auth_channel *channel)
{
	auth_channel_read(im->io, channel);
	return (struct mechanism_facts){
		.announced = auth_mechanisms(im->program->directory), .plaintext_auth = im->program->plaintext_auth,
		.tls = im->s->tls, .is_near = im->s->is_local || addr_is_loopback(&im->s->peer),
		.binds = auth_channel_binds(channel), .has_certificate = channel->has_certificate,
	};
}

void
imap_print_mechanisms(struct imap *im, struct buf *out)
{
	struct auth_channel channel;
	const struct mechanism_facts facts = read_facts(im, &channel);

	mechanism_list(&facts, " AUTH=", out);
}

static void
enter(struct imap *im, const struct imap_command *c, struct auth_reply *reply)
{
	char why[128];

	im->s->ends_worker = true;
	if (!abuse_enter(im->program->abuse, "imap", im->s->ip, reply->user, why, sizeof(why))) {
		if (reply->mailbox >= 0)
			close(reply->mailbox);
		log_line(im->s->svc, im->s->ticket, im->s->ip, "event=login-refused user=%s why=\"%s\"", reply->user, why);
		imap_no(im, c, "LIMIT", why);
		im->closing = true;
		return;
	}
	snprintf(im->user, sizeof(im->user), "%s", reply->user);
	if (reply->mailbox >= 0) {
		im->root = service_enter_mailbox(reply->mailbox);
		close(reply->mailbox);
	}
	if (im->root < 0) {
		log_failure(im->s->svc, im->s->ticket, im->s->ip, "event=no-mailbox user=%s", im->user);
		imap_no(im, c, "UNAVAILABLE", "Your mailbox cannot be reached now");
		im->closing = true;
		return;
	}
	im->state = STATE_LOGGED_IN;
	im->bad_commands = 0;
	im->io->in_max = LIMIT_IMAP_COMMAND + 2;
	abuse_login_good(im->program->abuse, "imap", im->s->ip, span_of(im->user));
	session_show(im->s, "logged in", im->user);
	log_line(im->s->svc, im->s->ticket, im->s->ip, "event=login user=%s tls=%d", im->user, im->s->tls);
	buf_clear(&im->out);
	buf_text_put(&im->out, "CAPABILITY ");
	imap_print_capabilities(im, &im->out);
	imap_ok(im, c, buf_text(&im->out), "Logged in");
}

static void
failed(struct imap *im, const struct imap_command *c, struct span user, const struct auth_reply *reply)
{
	uint32_t delay;
	struct buf line;
	char storage[512];

	if (reply->user[0] != '\0')	/* auth-check knows the one spelling of it */
		user = span_of(reply->user);
	delay = abuse_login_failed(im->program->abuse, "imap", im->s->ip, user);
	buf_init_fixed(&line, storage, sizeof(storage));
	log_value(&line, "user", span_first(user, 100));
	log_line(im->s->svc, im->s->ticket, im->s->ip, "event=login-failed%s", buf_text(&line));
	if (reply->delay_ms > delay)
		delay = reply->delay_ms;
	if (delay > 0)
		usleep(delay * 1000);
	imap_no(im, c, "AUTHENTICATIONFAILED", "The user name or the password is wrong");
	im->bad_commands++;
	if (im->program->max_bad_commands > 0 && im->bad_commands >= im->program->max_bad_commands)
		imap_bye(im, NULL, "Too many failed log-ins");
}

static void
finish(struct imap *im, const struct imap_command *c, enum auth_result result, struct span user, struct auth_reply *reply)
{
	switch (result) {
	case AUTH_OK:
		enter(im, c, reply);
		return;
	case AUTH_TROUBLE:
		log_failure(im->s->svc, im->s->ticket, im->s->ip, "event=login-unknown");
		imap_no(im, c, "UNAVAILABLE", "Log-in is not possible now, try again later");
		im->closing = true;
		return;
	case AUTH_FAILED:
	case AUTH_DISABLED:
		failed(im, c, user, reply);
		return;
	case AUTH_CONTINUE:
	default:
		bug("log-in ended with a challenge");
	}
}

void
cmd_login(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	struct auth_request request = request_of(im, "PLAIN");
	struct auth_reply reply = { .mailbox = -1 };
	struct span user, password;

	if (!imap_lex_space(x) || !imap_lex_astring(x, &user) || !imap_lex_space(x) ||
	    !imap_lex_astring(x, &password) || !imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	if (!imap_plaintext_allowed(im)) {
		imap_no(im, c, "PRIVACYREQUIRED", "Begin TLS before you send a password");
		return;
	}
	finish(im, c, auth_plain(im->program->directory, &request, user, password, &reply), user, &reply);
	mem_wipe(im->command.p, im->command.n);
}

/* One answer of the client to a challenge; false when the exchange is over. */
static bool
read_response(struct imap *im, const struct imap_command *c, const char *challenge, struct span *response)
{
	enum stream_result r;

	stream_printf(im->io, "+ %s\r\n", challenge);
	r = stream_line(im->io, LIMIT_AUTH_ANSWER, response);
	if (r == LINE_OK && !span_is(*response, "*"))
		return true;
	auth_cancel(im->program->directory);
	if (r == LINE_OK)
		imap_bad(im, c, "The log-in was given up");
	else if (r == LINE_TOO_LONG)
		imap_bad(im, c, "The response is too long");
	else
		im->closing = true;
	return false;
}

/* False after a reply. */
static bool
mechanism_is_allowed(struct imap *im, const struct imap_command *c, const struct mechanism_facts *facts, struct span name)
{
	switch (mechanism_judge(facts, name)) {
	case MECHANISM_USABLE:
		return true;
	case MECHANISM_NEEDS_TLS:
		imap_no(im, c, "PRIVACYREQUIRED", "Begin TLS before you log in this way");
		break;
	case MECHANISM_OFF:
	case MECHANISM_UNKNOWN:
		imap_no(im, c, NULL, "There is no such mechanism");
		break;
	}
	return false;
}

void
cmd_authenticate(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	struct auth_reply reply = { .mailbox = -1 };
	struct mechanism_facts facts;
	struct auth_channel channel;
	struct auth_request request;
	struct span mechanism, response = SPAN_NONE;
	enum auth_result result;

	if (!imap_lex_space(x) || !imap_lex_atom(x, &mechanism)) {
		imap_bad_arguments(im, c);
		return;
	}
	if (imap_lex_space(x)) {
		/* RFC 4959: base64, or "=" for an empty initial response. */
		response = span_trim(x->rest);
		if (span_is(response, "="))
			response = span_make("", 0);
		x->rest = SPAN_NONE;
	}
	if (!imap_lex_end(x) || mechanism.n > 32) {
		imap_bad_arguments(im, c);
		return;
	}
	if (response.n > LIMIT_AUTH_ANSWER) {
		imap_bad(im, c, "The response is too long");
		return;
	}
	facts = read_facts(im, &channel);
	if (!mechanism_is_allowed(im, c, &facts, mechanism))
		return;
	request = request_of(im, arena_copy(im->arena, mechanism));
	request.channel = &channel;
	result = auth_start(im->program->directory, &request, response, &reply);
	while (result == AUTH_CONTINUE) {
		if (!read_response(im, c, reply.challenge, &response))
			return;
		result = auth_continue(im->program->directory, response, &reply);
	}
	finish(im, c, result, SPAN_NONE, &reply);
	mem_wipe(im->command.p, im->command.n);
}
