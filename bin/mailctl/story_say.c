/*
 * story_say: one sentence for each kind of log line.
 *
 * A sentence is text with {names} of the line's fields; a part in [brackets]
 * is left out when a field in it is not there.  An event without a sentence
 * is shown as it stands, so nothing is hidden.
 */
#include "base/base.h"
#include "story.h"
#include "base/buf.h"
#include "mail/status.h"

#define FIELD_MAX 1024

static const struct { const char *event, *sentence; } sentences[] = {
	{ "connect", "connected to {listener}" },
	{ "connection-refused", "was not let in at {listener}: {reason}, with {sessions} sessions" },
	{ "proxy-failed", "the proxy did not say for whom it came: {why}" },
	{ "proxy-refused", "a proxy's header came from where no proxy is expected" },
	{ "early-talker", "spoke before it was greeted" },
	{ "tls", "uses {session}" },
	{ "starttls-injection", "sent commands with STARTTLS, before TLS; the connection ended" },
	{ "proxied", "is the client behind a proxy[ at {by}]" },
	{ "login", "logged in as {user}[ by {mechanism}]" },
	{ "login-failed", "a log-in failed[ for {user}][ by {mechanism}]" },
	{ "login-refused", "{user} was not let in, though the password was right: {why}" },
	{ "login-unknown", "the log-in by {mechanism} could not be judged" },
	{ "mechanism-refused", "asked to log in[ by {mechanism}], which is not offered here" },
	{ "no-mailbox", "the mailbox of {user} could not be opened" },
	{ "origin", "the mail comes from {ip}, as the gateway's header says" },
	{ "relay", "may send to {to}: {name} {value}" },
	{ "callout", "the server of {to} was asked for that recipient: {answer}, code {code}" },
	{ "check", "{about}: {name} says {value}[ (weight {weight}, total {total})]" },
	{ "greylist", "greylisting of {to}: {verdict}, for {name} says {value} (weight {weight}, total {total})[; a retry is taken from {earliest}]" },
	{ "recipient-refused", "recipient {to} was refused: {code} {status}" },
	{ "refused", "was refused: {reason}[ ({why})]" },
	{ "message", "message taken from {from}: {size} bytes for {recipients} recipients, id {id}[, Message-ID {message-id}]" },
	{ "message-refused", "the message was refused: [{code} {status} ]{text}[, Message-ID {message-id}]" },
	{ "message-discarded", "the message from {from} was taken and dropped, as a milter wished" },
	{ "message-quarantined", "message {id} was put aside: {why}" },
	{ "chunk-refused", "a part of the message was refused: [{code} {status} ]{text}" },
	{ "intake-refused", "the queue took no message: {code} {status}" },
	{ "write-failed", "message {id} could not be written: {error}" },
	{ "message-unreadable", "message {id} could not be read[: {error}]" },
	{ "milter-recipient-added", "a milter added the recipient {to}" },
	{ "milter-recipient-deleted", "a milter took the recipient {to} away" },
	{ "milter-recipient-left-out", "a milter wanted the recipient {to}, who is left out: {why}" },
	{ "milter-sender-changed", "a milter made {from} the sender" },
	{ "policy-refused", "the policy server at {socket} refused: {code} {status}" },
	{ "policy-failed", "the policy server at {socket} could not be asked: {why}" },
	{ "policy-unknown", "{about} could not be found out: {why}" },
	{ "owner-lost", "a part of the server ({owner}) went away; the session ended" },
	{ "milter-refused", "the milter at {socket} refused: {code} {status} (at {step})" },
	{ "milter-failed", "the milter at {socket} could not be asked: {why}" },
	{ "account-gone", "the session ended, for {user} was disabled, deleted or given a new password" },
	{ "too-many-refusals", "the session ended after too many refusals: {mails} of messages, {recipients} of recipients" },
	{ "too-many-bad-recipients", "the session ended after too many recipients that do not exist" },
	{ "too-many-bad-commands", "the session ended after too many commands that are none" },
	{ "too-many-commands", "the session ended after too many commands" },
	{ "too-many-messages", "the session has had all the messages it may send" },
	{ "etrn", "asked for the mail of {domain}: {count} messages are tried now" },
	{ "xqueue-refused", "asked for the length of the queue, which is not told to everybody" },
	{ "etrn-refused", "asked for the mail of {domain}, which was refused" },
	{ "too-many-recipients", "the session ended after too many recipients of one message" },
	{ "data-ended", "the connection ended within a message: {why}" },
	{ "connection-ended", "the connection ended: {why}" },
	{ "tls-failed", "TLS could not be begun: {why}" },
	{ "queued", "message {id} is in the queue" },
	{ "direct-timeout", "message {id} could not be delivered while its sender waited, and takes the queue" },
	{ "message-lost", "message {id} was found damaged and set aside: {reason}" },
	{ "quarantined", "message {id} is held in quarantine" },
	{ "quarantine-released", "message {id} was released from quarantine" },
	{ "quarantine-kept", "message {id} stays in quarantine: {text}" },
	{ "quarantine-deleted", "message {id} was deleted from quarantine" },
	{ "sender-rewritten", "message {id} is passed on with the sender {as}" },
	{ "not-signed", "message {id} is sent without a signature of {domain}: {why}" },
	{ "sent", "message {id} was taken by {host} for {to}: {text}" },
	{ "deferred", "message {id} could not be delivered yet[ to {to}][ at {domain}]: {text}[; next attempt at {next} UTC]" },
	{ "failed", "message {id} cannot be delivered[ to {to}]: {text}" },
	{ "bounced", "the sender was told of message {id}[: {about}], by message {bounce}" },
	{ "no-bounce", "nobody is told that message {id} failed: {reason}" },
	{ "held", "message {id} is held: {reason}[, for {to}]" },
	{ "released", "message {id} is held no longer" },
	{ "priority-set", "an administrator gave message {id} priority {priority}" },
	{ "redirected", "an administrator sent message {id} to {to} instead of {was}" },
	{ "change-failed", "message {id} could not be changed: {text}" },
	{ "round-put-off", "message {id} has to wait: {text}" },
};

static void put_part(struct span part, struct span line, struct buf *out);

/* {name}: its value; false when the line has none. */
static bool
put_field(struct span name, struct span line, struct buf *out)
{
	char key[64], value[FIELD_MAX];

	snprintf(key, sizeof(key), "%.*s", SPAN_ARG(name));
	if (!log_field(line, key, value, sizeof(value)))
		return false;
	buf_text_put(out, value[0] == '\0' && strcmp(key, "from") == 0 ? "<>" : value);
	return true;
}

static bool
has_fields(struct span part, struct span line)
{
	while (part.p != NULL) {
		struct span name;
		char key[64], value[FIELD_MAX];

		span_cut(&part, '{');
		if (part.p == NULL)
			break;
		name = span_cut(&part, '}');
		snprintf(key, sizeof(key), "%.*s", SPAN_ARG(name));
		if (!log_field(line, key, value, sizeof(value)))
			return false;
	}
	return true;
}

static void
put_part(struct span part, struct span line, struct buf *out)
{
	while (part.p != NULL) {
		struct span text = span_cut(&part, '{');

		buf_put(out, text.p, text.n);
		if (part.p != NULL && !put_field(span_cut(&part, '}'), line, out))
			buf_char(out, '?');
	}
}

static void
put_sentence(struct span sentence, struct span line, struct buf *out)
{
	while (sentence.p != NULL) {
		struct span optional;

		put_part(span_cut(&sentence, '['), line, out);
		if (sentence.p == NULL)
			break;
		optional = span_cut(&sentence, ']');
		if (has_fields(optional, line))
			put_part(optional, line, out);
	}
}

/* The first word that is an enhanced status code: of `status`, or within `text`. */
static const char *
words_of(struct span line)
{
	char value[FIELD_MAX];
	struct span rest;

	if (log_field(line, "status", value, sizeof(value)))
		return status_words(span_of(value));
	if (!log_field(line, "text", value, sizeof(value)))
		return NULL;
	rest = span_of(value);
	for (struct span word = span_word(&rest); word.n > 0; word = span_word(&rest))
		if (word.p[0] != '2' && status_words(word) != NULL)
			return status_words(word);
	return NULL;
}

/* Two programs say "delivered": who takes the message in, and who puts it into a mailbox. */
static const char *
sentence_of(const char *event, struct span line)
{
	char value[FIELD_MAX];

	if (strcmp(event, "delivered") == 0)
		return log_field(line, "rcpt", value, sizeof(value)) ?
			"message {id} was put into the mailbox of {to}" : "message {id} was put into[ the mailbox of {to}] at once";
	for (size_t i = 0; i < PB_COUNT(sentences); i++)
		if (strcmp(event, sentences[i].event) == 0)
			return sentences[i].sentence;
	return NULL;
}

void
story_say(const struct story_line *line, struct buf *out)
{
	struct span text = span_of(line->text);
	char event[64];
	const char *sentence = NULL, *words;

	if (log_field(text, "event", event, sizeof(event)))
		sentence = sentence_of(event, text);
	if (sentence == NULL) {
		buf_text_put(out, line->text);
		return;
	}
	put_sentence(span_of(sentence), text, out);
	words = words_of(text);
	if (words != NULL && strcmp(event, "check") != 0)
		buf_printf(out, " -- %s", words);
}
