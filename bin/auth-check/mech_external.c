/*
 * mech_external: EXTERNAL (RFC 4422 appendix A): the client proved in the TLS
 * handshake that it has the key of a certificate.
 *
 * Whom the certificate stands for: the account that authCertificates names for
 * its fingerprint; else, if it leads to a CA of tlsClientCaPath, an e-mail address
 * in it that is an account.  The client may say which one it wants to be, but not
 * anybody else.
 *
 * Trust: the program that serves the session vouches for the handshake.
 */
#include "base/base.h"
#include "exchange.h"

#include "base/mem.h"

static bool
is_offered(const struct auth_core *core)
{
	return settings_bool(core->settings, "authExternal");
}

/* The same digits, colons and the case of letters aside. */
static bool
is_fingerprint(const char *listed, const char *shown)
{
	for (; *listed != '\0'; listed++) {
		if (*listed == ':')
			continue;
		if (*shown == '\0' || char_lower(*listed) != *shown)
			return false;
		shown++;
	}
	return *shown == '\0';
}

static const char *
listed_account(const struct settings *s, const char *fingerprint)
{
	static const char list[] = "authCertificates/certificate";

	for (size_t i = 0; fingerprint[0] != '\0' && i < settings_count(s, list); i++)
		if (is_fingerprint(settings_entry(s, list, i, "fingerprint"), fingerprint))
			return settings_entry(s, list, i, "account");
	return NULL;
}

static bool
is_account(struct exchange *x, struct span name)
{
	struct account a = { 0 };
	bool disabled, found = verify_find(x->core->rs, name, &a, &disabled);

	mem_wipe(&a, sizeof(a));
	return found;
}

/* The first address of the certificate that is an account, and the wanted one if any is wanted. */
static struct span
account_in(struct exchange *x, struct span names, struct span wanted)
{
	while (names.p != NULL) {
		struct span name = span_cut(&names, ',');

		if (is_account(x, name) && (wanted.n == 0 || exchange_may_act_as(x, wanted, name)))
			return name;
	}
	return SPAN_NONE;
}

static void
step(struct exchange *x, struct span in)
{
	const char *listed;
	struct span who;

	if (in.p == NULL && x->step == 0) {
		exchange_challenge(x, SPAN(""));
		return;
	}
	if (in.n > 0 && !exchange_set_name(x, in)) {
		exchange_bad(x);
		return;
	}
	listed = listed_account(x->core->settings, x->channel->cert_sha256);
	who = account_in(x, listed != NULL ? span_of(listed) : span_of(x->channel->cert_names), in);
	if (who.n > 0 && exchange_set_name(x, who))
		exchange_good(x, span_of(x->name));
	else
		exchange_bad(x);
}

const struct mechanism mech_external = {
	.name = "EXTERNAL", .parameters = "", .is_offered = is_offered, .step = step,
};
