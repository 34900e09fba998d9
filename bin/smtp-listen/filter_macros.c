/*
 * filter_macros: what the session knows, under the names that milters use.
 * The names and their meaning are Sendmail's; where Sendmail and Postfix
 * differ, t/smtp/milter-trace.t says whom we follow.
 */
#include "base/base.h"
#include "filter_private.h"
#include "net/tls.h"
#include "smtp/xtext.h"

static const char *
print(struct filters *f, const char *fmt, ...) PB_PRINTF(2, 3);

static const char *
print(struct filters *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return f->text;
}

static const char *
text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

/* "TLSv1.3 cipher NAME" in its parts; NULL without TLS. */
static const char *
tls_macro(struct filters *f, const char *name)
{
	const struct stream *io = &f->c->s->io;
	struct span rest, version;
	struct buf text;

	buf_init_fixed(&text, f->text, sizeof(f->text));
	if (!f->c->s->tls || !tls_describe(io, &text))
		return NULL;
	if (strcmp(name, "{cipher_bits}") == 0)
		return print(f, "%d", tls_cipher_bits(io));
	rest = buf_view(&text);
	version = span_word(&rest);
	if (strcmp(name, "{tls_version}") == 0) {
		f->text[version.n] = '\0';
		return f->text;
	}
	(void)span_word(&rest);
	rest = span_trim(rest);
	return rest.n > 0 ? rest.p : NULL;
}

/* Of a certificate that leads to a CA of ours; from any other it would be the client's own word. */
static const char *
certificate_macro(struct filters *f, const char *name)
{
	struct tls_peer peer;

	if (!tls_peer(&f->c->s->io, &peer) || !peer.is_valid)
		return NULL;
	return text_or_null(print(f, "%s", strcmp(name, "{cert_subject}") == 0 ? peer.subject : peer.issuer));
}

/* The client's name; one without has its address in brackets, as Sendmail has it. */
static const char *
name_macro(struct filters *f, const char *name)
{
	const struct smtp *c = f->c;
	const struct peer_name *peer = &c->peer;

	if (strcmp(name, "{client_name}") == 0 && peer->name[0] != '\0')
		return peer->name;
	if (strcmp(name, "_") == 0 && peer->name[0] != '\0')
		return print(f, "%s [%s]", peer->name, c->s->ip);
	if (strcmp(name, "_") == 0 && peer->ptr[0] != '\0')
		return print(f, "%s [%s] (may be forged)", peer->ptr, c->s->ip);
	if (strcmp(name, "{client_name}") == 0 || strcmp(name, "_") == 0)
		return print(f, "[%s]", c->s->ip);
	if (peer->resolve == NULL)
		return NULL;
	if (strcmp(name, "{client_ptr}") == 0)
		return peer->ptr[0] != '\0' ? peer->ptr : "unknown";
	return strcmp(name, "{client_resolve}") == 0 ? peer->resolve : NULL;
}

/* IPv6 addresses have a tag before them. */
static const char *
tagged(struct filters *f, const struct addr *a)
{
	char ip[ADDR_TEXT_MAX];

	return print(f, "%s%s", a->family == AF_INET6 ? "IPv6:" : "", addr_print(a, ip, sizeof(ip)));
}

/* Macros of the connection. */
static const char *
connection_macro(struct filters *f, const char *name)
{
	struct smtp *c = f->c;
	char ip[ADDR_TEXT_MAX];

	if (strcmp(name, "j") == 0)
		return c->host;
	if (strcmp(name, "v") == 0)
		return PACKAGE_STRING;
	if (strcmp(name, "{daemon_name}") == 0)
		return c->s->listener;
	if (strcmp(name, "{client_addr}") == 0)
		return tagged(f, &c->s->peer);
	if (strcmp(name, "{client_port}") == 0)
		return print(f, "%u", c->s->peer.port);
	if (strcmp(name, "{if_addr}") == 0)
		return tagged(f, &c->s->local);
	if (strcmp(name, "{daemon_addr}") == 0)	/* without a tag, as Postfix has it */
		return print(f, "%s", addr_print(&c->s->local, ip, sizeof(ip)));
	if (strcmp(name, "{daemon_port}") == 0)
		return print(f, "%u", c->s->local.port);
	if (strcmp(name, "{ticket}") == 0)	/* ours: what a milter logs is found by it */
		return c->s->ticket;
	if (strcmp(name, "{if_name}") == 0)
		return c->host;
	return name_macro(f, name);
}

/* The domain of a path; NULL for <> and <postmaster>. */
static const char *
domain_macro(struct filters *f, const struct smtp_path *path)
{
	struct span domain = smtp_path_domain(path);

	return domain.n > 0 ? print(f, "%.*s", SPAN_ARG(domain)) : NULL;
}

/*
 * Of one recipient.  When the server refused it they say so as Sendmail has
 * it: the mailer "error", its host the enhanced status code, the text as address.
 */
static const char *
rcpt_macro(struct filters *f, const char *name)
{
	if (f->rcpt == NULL)
		return NULL;
	if (strcmp(name, "{rcpt_addr}") == 0)
		return f->refused != NULL ? f->refused->text : f->rcpt->to.text;
	if (strcmp(name, "{rcpt_host}") == 0)
		return f->refused != NULL ? f->refused->status : domain_macro(f, &f->rcpt->to);
	if (strcmp(name, "{rcpt_mailer}") == 0)
		return f->refused != NULL ? "error" : f->c->t.mailer;
	return NULL;
}

/* AUTH= of MAIL as it stood there: xtext. */
static const char *
author_macro(struct filters *f, const struct smtp_path *path)
{
	struct buf text;

	buf_init_fixed(&text, f->text, sizeof(f->text));
	smtp_xtext_print(smtp_path_view(path), &text);
	return text.n > 0 ? buf_text(&text) : NULL;
}

/* Macros of the message. */
static const char *
message_macro(struct filters *f, const char *name)
{
	struct smtp *c = f->c;
	const struct smtp_mail *mail = &c->t.mail;

	if (!c->t.is_open)
		return NULL;
	if (strcmp(name, "i") == 0)
		return print(f, "%llu", (unsigned long long)c->w->held_id);
	if (strcmp(name, "{mail_addr}") == 0)
		return mail->from.text;
	if (strcmp(name, "{mail_host}") == 0)
		return domain_macro(f, &mail->from);
	if (strcmp(name, "{mail_mailer}") == 0)
		return c->user[0] != '\0' || c->t.sender_is_domain ? "local" : "esmtp";
	if (strcmp(name, "{auth_author}") == 0)
		return mail->has_auth ? author_macro(f, &mail->auth) : NULL;
	return rcpt_macro(f, name);
}

const char *
filter_macro(void *filters, const char *name)
{
	struct filters *f = filters;
	const char *value = connection_macro(f, name);

	if (value == NULL && (strcmp(name, "{tls_version}") == 0 || strncmp(name, "{cipher", 7) == 0))
		value = tls_macro(f, name);
	else if (strcmp(name, "{cert_subject}") == 0 || strcmp(name, "{cert_issuer}") == 0)
		value = certificate_macro(f, name);
	else if (strcmp(name, "{auth_authen}") == 0)
		value = text_or_null(f->c->user);
	else if (strcmp(name, "{auth_type}") == 0)
		value = f->c->user[0] != '\0' ? text_or_null(f->c->mechanism) : NULL;
	return value != NULL ? value : message_macro(f, name);
}
