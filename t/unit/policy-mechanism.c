/* Which SASL mechanisms may be used: without TLS, with it, with a binding, with a certificate. */
/* Features: DOM-19, SMTPIN-24. */
#include "base/base.h"
#include "policy/mechanism.h"
#include "tap.h"

static const char all[] = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 CRAM-MD5 EXTERNAL OAUTHBEARER PLAIN LOGIN";

static void
lists(const struct mechanism_facts *f, const char *want, const char *name)
{
	struct buf out;

	buf_init(&out, 1000);
	mechanism_list(f, " ", &out);
	is_text(buf_text(&out), want, name);
	buf_free(&out);
}

int
main(void)
{
	struct mechanism_facts f = { .announced = all, .plaintext_auth = "loopback" };

	lists(&f, " SCRAM-SHA-256 CRAM-MD5", "from afar without TLS");
	is_num(mechanism_judge(&f, SPAN("plain")), MECHANISM_NEEDS_TLS, "PLAIN comes after TLS");
	is_num(mechanism_judge(&f, SPAN("OAUTHBEARER")), MECHANISM_NEEDS_TLS, "so do tokens");
	is_num(mechanism_judge(&f, SPAN("SCRAM-SHA-256-PLUS")), MECHANISM_NEEDS_TLS, "and what binds");
	is_num(mechanism_judge(&f, SPAN("EXTERNAL")), MECHANISM_NEEDS_TLS, "and certificates");
	f.is_near = true;
	lists(&f, " SCRAM-SHA-256 CRAM-MD5 OAUTHBEARER PLAIN LOGIN", "from this machine");
	f.is_near = false;
	f.tls = true;
	lists(&f, " SCRAM-SHA-256 CRAM-MD5 OAUTHBEARER PLAIN LOGIN", "TLS without a binding");
	is_num(mechanism_judge(&f, SPAN("SCRAM-SHA-256-PLUS")), MECHANISM_UNKNOWN, "there is nothing to bind to");
	is_num(mechanism_judge(&f, SPAN("EXTERNAL")), MECHANISM_UNKNOWN, "nor a certificate");
	f.binds = f.has_certificate = true;
	lists(&f, " SCRAM-SHA-256-PLUS SCRAM-SHA-256 CRAM-MD5 EXTERNAL OAUTHBEARER PLAIN LOGIN", "TLS with all");
	f.no_login = true;
	lists(&f, " SCRAM-SHA-256-PLUS SCRAM-SHA-256 CRAM-MD5 EXTERNAL OAUTHBEARER", "SMTPIN-24: without LOGIN and PLAIN");
	is_num(mechanism_judge(&f, SPAN("LOGIN")), MECHANISM_OFF, "which a setting forbids");
	is_num(mechanism_judge(&f, SPAN("NTLM")), MECHANISM_UNKNOWN, "an unknown one");
	is_num(mechanism_judge(&f, SPAN("")), MECHANISM_UNKNOWN, "none");
	f.announced = "";
	lists(&f, "", "auth-check is down: nothing");
	return done();
}
