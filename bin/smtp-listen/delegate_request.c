/*
 * delegate_request: see delegate_request.h.  The attributes are those of
 * SMTPD_POLICY_README that are known when they are asked about.
 */
#include "base/base.h"
#include "delegate_request.h"
#include "check/delegate.h"
#include "net/tls.h"
#include "smtp.h"
#include "smtp/xtext.h"

static void
put_number(struct buf *out, const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	delegate_put(out, name, span_of(text));
}

static void
put_tls(const struct smtp *c, struct buf *out)
{
	char storage[128];
	struct span rest, version;
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	if (!c->s->tls || !tls_describe(&c->s->io, &text))
		return;
	rest = buf_view(&text);
	version = span_word(&rest);
	(void)span_word(&rest);
	delegate_put(out, "encryption_protocol", version);
	delegate_put(out, "encryption_cipher", span_trim(rest));
	put_number(out, "encryption_keysize", (uint64_t)tls_cipher_bits(&c->s->io));
}

/* "C2:9D:..." of hex digits. */
static void
put_fingerprint(struct buf *out, const char *name, const char *hex)
{
	char storage[3 * sizeof(((struct tls_peer *)NULL)->fingerprint)];
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	for (size_t i = 0; hex[i] != '\0'; i++) {
		if (i > 0 && i % 2 == 0)
			buf_char(&text, ':');
		buf_char(&text, hex[i] >= 'a' ? (char)(hex[i] - 'a' + 'A') : hex[i]);
	}
	delegate_put(out, name, buf_view(&text));
}

static void
put_common_name(struct buf *out, const char *name, const char *value)
{
	char storage[3 * TLS_PEER_CN_MAX];
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	smtp_xtext_print(span_of(value), &text);
	delegate_put(out, name, buf_view(&text));
}

/*
 * Names in it count only when it leads to a CA of ours; its fingerprints are
 * what they are.  Empty without one, as Postfix has it.
 */
static void
put_certificate(const struct smtp *c, struct buf *out)
{
	struct tls_peer peer;

	(void)tls_peer(&c->s->io, &peer);
	put_common_name(out, "ccert_subject", peer.is_valid ? peer.subject : "");
	put_common_name(out, "ccert_issuer", peer.is_valid ? peer.issuer : "");
	put_fingerprint(out, "ccert_fingerprint", peer.fingerprint);
	put_fingerprint(out, "ccert_pubkey_fingerprint", peer.key_fingerprint);
}

/* After RCPT only when there is no other. */
static struct span
recipient(const struct smtp *c, const struct smtp_rcpt *rcpt)
{
	if (rcpt != NULL)
		return smtp_path_view(&rcpt->to);
	return c->t.count == 1 ? span_of(c->t.rcpts[0].named) : SPAN_NONE;
}

static struct span
name_of(const char *name)
{
	return name[0] != '\0' ? span_of(name) : SPAN("unknown");
}

void
delegate_request(const struct smtp *c, enum config_delegate_state state, const struct smtp_rcpt *rcpt, struct buf *out)
{
	static const char *const states[] = { "RCPT", "DATA", "END-OF-MESSAGE" };
	char ip[ADDR_TEXT_MAX], instance[64];

	snprintf(instance, sizeof(instance), "%s.%llu", c->s->ticket, (unsigned long long)c->w->held_id);
	buf_clear(out);
	delegate_put(out, "request", SPAN("smtpd_access_policy"));
	delegate_put(out, "protocol_state", span_of(states[state]));
	delegate_put(out, "protocol_name", c->esmtp ? SPAN("ESMTP") : SPAN("SMTP"));
	delegate_put(out, "client_address", span_of(c->s->ip));
	delegate_put(out, "client_name", name_of(c->peer.name));
	delegate_put(out, "reverse_client_name", name_of(c->peer.ptr));
	put_number(out, "client_port", c->s->peer.port);
	delegate_put(out, "server_address", span_of(addr_print(&c->s->local, ip, sizeof(ip))));
	put_number(out, "server_port", c->s->local.port);
	delegate_put(out, "helo_name", span_of(c->helo));
	delegate_put(out, "sender", smtp_path_view(&c->t.mail.from));
	delegate_put(out, "recipient", recipient(c, rcpt));
	put_number(out, "recipient_count", rcpt == NULL ? c->t.count : 0);
	put_number(out, "queue_id", c->w->held_id);
	delegate_put(out, "instance", span_of(instance));
	put_number(out, "size", state == DELEGATE_AT_END ? c->w->message.size : c->t.mail.has_size ? c->t.mail.size : 0);
	delegate_put(out, "sasl_username", span_of(c->user));
	delegate_put(out, "sasl_method", c->user[0] != '\0' ? span_of(c->mechanism) : SPAN(""));
	put_tls(c, out);
	put_certificate(c, out);
}
