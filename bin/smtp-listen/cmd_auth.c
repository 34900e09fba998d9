/*
 * cmd_auth: AUTH (RFC 4954), carried between the client and auth-check.
 *
 * Nothing here understands a mechanism: what is base64 goes through unread.  Which of
 * them are offered is decided by lib/policy, and what is not offered is refused
 * before a secret is asked for.
 */
#include "base/base.h"
#include "smtp.h"
#include "base/base64.h"
#include "facts.h"
#include "filter.h"
#include "directory/auth_channel.h"
#include "policy/mechanism.h"
#include "sys/clock.h"

/* What the connection offers to mechanisms; channel must live as long as the facts. */
static struct mechanism_facts
read_facts(struct smtp *c, struct auth_channel *channel)
{
	auth_channel_read(&c->s->io, channel);
	return (struct mechanism_facts){
		.announced = auth_mechanisms(c->w->directory),
		.plaintext_auth = settings_text(c->config->settings, "plaintextAuth"),
		.no_login = c->config->no_auth_login, .tls = c->s->tls,
		.is_near = c->s->is_local || addr_is_loopback(&c->s->peer),
		.binds = auth_channel_binds(channel), .has_certificate = channel->has_certificate,
	};
}

void
auth_offered(struct smtp *c, struct buf *out)
{
	struct mechanism_facts facts;
	struct auth_channel channel;
	struct buf list;

	if (c->s->is_local || c->user[0] != '\0')
		return;
	facts = read_facts(c, &channel);
	buf_init(&list, 1024);
	mechanism_list(&facts, " ", &list);
	buf_span(out, span_trim(buf_view(&list)));
	buf_free(&list);
}

static void
log_mechanism(struct smtp *c, struct span mechanism)
{
	char storage[4 * 32 + 32];
	struct buf line;

	buf_init_fixed(&line, storage, sizeof(storage));
	log_value(&line, "mechanism", mechanism);
	smtp_log(c, "event=mechanism-refused%s code=%d tls=%d", buf_text(&line), c->code, c->s->tls);
}

/* True when this mechanism may be tried now; else replied. */
static bool
mechanism_is_allowed(struct smtp *c, const struct mechanism_facts *facts, struct span mechanism)
{
	switch (c->s->is_local ? MECHANISM_UNKNOWN : mechanism_judge(facts, mechanism)) {
	case MECHANISM_USABLE:
		return true;
	case MECHANISM_UNKNOWN:
		reply_bad(c, 504, "5.5.4", "Unknown authentication mechanism");
		break;
	case MECHANISM_OFF:
		reply_bad(c, 504, "5.5.4", "This mechanism is switched off");
		break;
	case MECHANISM_NEEDS_TLS:
		reply_bad(c, 538, "5.7.11", "Encryption required for this mechanism");
		break;
	}
	log_mechanism(c, mechanism);
	return false;
}

/* What cannot be decoded is an error of form (RFC 4954 4), no failed log-in: auth-check is not asked. */
static bool
is_base64(struct span s)
{
	char storage[LIMIT_SMTP_AUTH_LINE];
	struct buf decoded;
	bool good;

	buf_init_fixed(&decoded, storage, sizeof(storage));
	good = base64_decode(s, &decoded);
	mem_wipe(storage, sizeof(storage));
	return good;
}

enum step { STEP_DONE, STEP_REPLIED };

/* Pass challenges and responses until auth-check has decided; STEP_REPLIED: the client gave up. */
static enum step
exchange(struct smtp *c, enum auth_result *result, struct auth_reply *answer)
{
	enum stream_result r;
	struct span line;

	while (*result == AUTH_CONTINUE) {
		reply_lines(c, 334, NULL, span_of(answer->challenge));	/* longer than other replies may be */
		r = smtp_answer(c, &line);
		if (r != LINE_OK) {
			auth_cancel(c->w->directory);
			if (r == LINE_TOO_LONG)
				reply_bad(c, 500, "5.5.6", "Authentication exchange line is too long");
			return STEP_REPLIED;
		}
		log_detail(c->s->svc, c->s->ticket, c->s->ip, "cmd: ***");
		if (span_is(line, "*") || !is_base64(line)) {
			auth_cancel(c->w->directory);
			reply_bad(c, 501, span_is(line, "*") ? "5.7.0" : "5.5.2",
				       span_is(line, "*") ? "Authentication cancelled" : "Not base64");
			return STEP_REPLIED;
		}
		*result = auth_continue(c->w->directory, line, answer);
	}
	return STEP_DONE;
}

static void
succeed(struct smtp *c, const char *mechanism, const struct auth_reply *answer)
{
	char why[128];

	c->s->ends_worker = true;
	if (!abuse_enter(c->w->abuse, "smtp", c->s->ip, answer->user, why, sizeof(why))) {
		smtp_log(c, "event=login-refused user=%s why=\"%s\"", answer->user, why);
		reply(c, 421, "4.7.0", "%s", why);
		c->over = true;
		return;
	}
	snprintf(c->user, sizeof(c->user), "%s", answer->user);
	snprintf(c->mechanism, sizeof(c->mechanism), "%s", mechanism);
	facts_log_in(c);
	abuse_login_good(c->w->abuse, "smtp", c->s->ip, span_of(c->user));
	session_show(c->s, "AUTH", c->user);
	smtp_log(c, "event=login user=%s mechanism=%s tls=%d", c->user, mechanism, c->s->tls);
	reply(c, 235, "2.7.0", "Authentication succeeded");
}

/* The client waits for its own mistake, and the answer tells nothing about the account. */
static void
fail(struct smtp *c, const char *mechanism, const struct auth_reply *answer)
{
	uint32_t delay = abuse_login_failed(c->w->abuse, "smtp", c->s->ip, span_of(answer->user));

	if (delay < answer->delay_ms)
		delay = answer->delay_ms;
	smtp_log(c, "event=login-failed mechanism=%s tls=%d delay=%u", mechanism, c->s->tls, delay);
	(void)stream_flush(&c->s->io);
	clock_sleep_ms(delay);
	reply_bad(c, 535, "5.7.8", "Authentication failed");
}

void
cmd_auth(struct smtp *c, struct span args)
{
	struct span mechanism = span_word(&args);
	struct span initial = span_word(&args);
	char name[32];
	char local[ADDR_TEXT_MAX];
	struct auth_channel channel;
	const struct mechanism_facts facts = read_facts(c, &channel);
	struct auth_reply answer = { .mailbox = -1 };
	struct auth_request request = {
		.service = "smtp", .mechanism = name, .remote_ip = c->s->ip,
		.local_ip = addr_print(&c->s->local, local, sizeof(local)),
		.session = c->s->ticket, .secured = smtp_is_secured(c), .channel = &channel,
	};
	enum auth_result result;

	if (c->dry) {
		reply_bad(c, 503, "5.5.1", "Nobody logs in here: XTRY AUTH=USER stands for it");
		return;
	}
	if (mechanism.n == 0 || args.n > 0 || mechanism.n >= sizeof(name)) {
		reply_bad(c, 501, "5.5.4", "AUTH needs a mechanism and at most one response");
		return;
	}
	if (!mechanism_is_allowed(c, &facts, mechanism))
		return;
	if (!span_is(initial, "=") && !is_base64(initial)) {
		reply_bad(c, 501, "5.5.2", "Not base64");
		return;
	}
	memcpy(name, mechanism.p, mechanism.n);
	name[mechanism.n] = '\0';
	/* RFC 4954 4: "=" is a response that is there, but empty. */
	if (initial.n == 0)
		initial = SPAN_NONE;
	else if (span_is(initial, "="))
		initial = SPAN("");
	result = auth_start(c->w->directory, &request, initial, &answer);
	if (exchange(c, &result, &answer) == STEP_REPLIED) {
		;
	} else if (result == AUTH_OK) {
		succeed(c, name, &answer);
	} else if (result == AUTH_TROUBLE) {
		log_failure(c->s->svc, c->s->ticket, c->s->ip, "event=login-unknown mechanism=%s", name);
		reply(c, 454, "4.7.0", "Temporary authentication failure");
		c->s->ends_worker = true;
	} else {
		fail(c, name, &answer);
	}
	mem_wipe(&answer, sizeof(answer));
}
