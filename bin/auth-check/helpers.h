/*
 * helpers: processes without rights that do for auth-check what is costly or
 * reads what others wrote: checking passwords, parsing settings files, and
 * signing with keys of domains.
 *
 * A nursery process holds the far ends of one socketpair a helper and keeps a
 * helper alive at each.  A helper that dies (a hash of absurd cost, a bug in a
 * parser) costs the one question that killed it: the nursery answers `lost`
 * in its place and starts another.  Helpers hold one socket and nothing else.
 *
 * At most one question is at a helper; others wait in a bounded queue, in order.
 */
#ifndef AUTH_CHECK_HELPERS_H
#define AUTH_CHECK_HELPERS_H

#include "base/base.h"
#include "base/record.h"
#include "base/span.h"
#include "io/loop.h"

struct helpers;

/*
 * Fork the nursery with `hashers` (1 to HELPERS_MAX) password helpers, one
 * signer and one parser.  After the change of uid, before the database is opened.
 */
#define HELPERS_MAX 64
struct helpers *helpers_start(unsigned hashers);

/* Take answers in this loop. */
void helpers_attach(struct helpers *h, struct loop *loop);

enum hash_result {
	HASH_MATCH,
	HASH_DIFFERS,
	HASH_TROUBLE		/* the helper was lost, or the queue was full */
};

typedef void hash_done(void *ctx, enum hash_result result);

/*
 * Does password belong to hash?  done is called once, later, from the loop.
 * NULL, and done is never called, when HELPERS_QUEUE_MAX questions wait.  The password is wiped after use.
 */
#define HELPERS_QUEUE_MAX 1000
/*
 * Who asks, as numbers that are equal for equals (0: not known): what guesses
 * passwords asks often for one name or from one address, and its questions
 * beyond HELPERS_FAIR_NAME and HELPERS_FAIR_ADDRESS wait behind those of others.
 */
struct hash_asker {
	uint64_t name, address;
};
#define HELPERS_FAIR_NAME 2
#define HELPERS_FAIR_ADDRESS 8
/* ... and so do all of a name or an address that was wrong this often in the last ten minutes. */
#define HELPERS_FAIR_FAILURES 2
struct hash_job;
struct hash_job *helpers_verify(struct helpers *h, const char *hash, struct span password,
	const struct hash_asker *asker, hash_done *done, void *ctx);
/*
 * Is the token good?  For rules see directory/jwt.h (their texts must outlive the
 * question); keys_fd, the key set, is then owned.  done gets the user of the
 * token, or why it is refused.  The same queue, and NULL as for passwords.
 */
typedef void token_done(void *ctx, enum hash_result result, struct span text);
struct jwt_rules;
struct hash_job *helpers_token(struct helpers *h, struct span token, const struct jwt_rules *rules, int keys_fd,
	const struct hash_asker *asker, token_done *done, void *ctx);
/* The asker is gone: done will not be called, and ctx is freed by free(3).  *job becomes NULL. */
void helpers_forget(struct hash_job **job);

/*
 * Parse a settings file: kind is "list", "domain", "aliases" or "user" (see
 * parse.h for the records).  Blocks, at most HELPERS_PARSE_MS.  take is called for
 * each record; false (with *why) when the file is not well formed, or on trouble.
 */
#define HELPERS_PARSE_MS 10000
typedef void parse_take(void *ctx, const struct record *r);
bool helpers_parse(struct helpers *h, const char *kind, int fd, parse_take *take, void *ctx, char *why, size_t size);

/*
 * Sign with the private key in the file fd (PEM), which is of that kind ("rsa",
 * "ed25519").  stamp tells one version of the file from any other, for a helper that
 * keeps keys; digest is 64 hex digits.  Blocks, at most HELPERS_SIGN_MS.  True, and the
 * signature in base64 is appended; else *why.
 */
#define HELPERS_SIGN_MS 2000
bool helpers_sign(struct helpers *h, const char *kind, const char *stamp, int fd, struct span digest, struct buf *out,
	char *why, size_t size);

#endif
