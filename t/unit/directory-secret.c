/* secret: stored forms of passwords. */
/* Features: DOM-19. */
#include "base/base.h"
#include "tap.h"

#include "directory/secret.h"

static void
hashes(void)
{
	char hash[SECRET_MAX + 1], other[SECRET_MAX + 1], key[LIMIT_PASSWORD + 2];

	is_num(secret_make_hash(SPAN("secret word"), hash), 0, "a hash is made");
	ok(strncmp(hash, "$y$", 3) == 0, "by yescrypt");
	ok(secret_matches(hash, SPAN("secret word")), "it matches its password");
	ok(!secret_matches(hash, SPAN("secret wor")), "and no other");
	ok(!secret_matches(hash, SPAN("")), "nor none");
	ok(secret_make_hash(SPAN("secret word"), other) == 0 && strcmp(hash, other) != 0, "two hashes differ by their salt");
	memset(key, 'x', sizeof(key));
	is_num(secret_make_hash(span_make(key, LIMIT_PASSWORD), hash), 0, "the longest password is taken");
	ok(secret_matches(hash, span_make(key, LIMIT_PASSWORD)), "and matches");
	is_num(secret_make_hash(span_make(key, LIMIT_PASSWORD + 1), hash), -1, "a longer one is refused");
	ok(secret_is_password(span_make(key, LIMIT_PASSWORD)), "a password at LIMIT_PASSWORD");
	ok(!secret_is_password(span_make(key, LIMIT_PASSWORD + 1)), "over LIMIT_PASSWORD, before crypt(3) sees it");
	is_num(secret_make_hash(span_make("a\0b", 3), hash), -1, "and one with NUL");
	ok(!secret_matches("", SPAN("x")) && !secret_matches("*", SPAN("*")) && !secret_matches("!x", SPAN("x")),
		"empty and locked hashes match nothing");
	ok(!secret_matches("plain", SPAN("plain")), "a clear password is no hash");
}

static void
imported(void)
{
	/* PBKDF2-HMAC-SHA1("password", "salt", 2, 20): RFC 6070 */
	const char *rfc6070 = "2:c2FsdA==:6mwBTcctb4zNHtkqzh1B8NjeiVc=";

	ok(secret_matches(rfc6070, SPAN("password")), "the second vector of RFC 6070 matches");
	ok(!secret_matches(rfc6070, SPAN("passwore")), "and no other password");
	ok(!secret_matches("99999999999:c2FsdA==:6mwBTcctb4zNHtkqzh1B8NjeiVc=", SPAN("password")), "a huge count is refused");
	ok(!secret_matches("2:c2FsdA==:", SPAN("password")), "and an empty hash");
	ok(secret_matches("$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
		SPAN("password")), "an older form of crypt matches");
}

static void
mechanisms(void)
{
	char cram[SECRET_CRAM_MAX + 1], digest[33], scram[SECRET_MAX + 1];

	/* RFC 2195 section 2 */
	is_num(secret_make_cram(SPAN("tanstaaftanstaaf"), cram), 0, "a CRAM-MD5 state is made");
	ok(secret_cram_digest(cram, SPAN("<1896.697170952@postoffice.reston.mci.net>"), digest), "and used");
	is_text(digest, "b913a602c7eda7a495b4e6e7334d3890", "with the digest of RFC 2195");
	ok(!secret_cram_digest("abc", SPAN("x"), digest), "a state of a wrong length is none");
	cram[3] = 'x';
	ok(!secret_cram_digest(cram, SPAN("x"), digest), "nor one with other characters");
	is_num(secret_make_scram(SECRET_SCRAM_SHA256, SPAN("pencil"), scram), 0, "a SCRAM secret is made");
	ok(strncmp(scram, "SCRAM-SHA-256$4096:", 19) == 0, "in the form of RFC 5803");
	is_num(secret_make_scram(SECRET_SCRAM_SHA256, SPAN("a\x07"), scram), -1, "a password that SASLprep forbids is refused");
}

int
main(void)
{
	hashes();
	imported();
	mechanisms();
	return done();
}
