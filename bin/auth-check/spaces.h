/*
 * spaces: how much mail each domain holds, and what it still takes (LIMIT-01).
 *
 * The one owner of these sums.  Who puts or removes mail tells by how much:
 * local-deliver within a second, and at once while a domain has little room;
 * pop3-serve and imap-serve after each command that changed something.  So a
 * question at RCPT is one look into a tree in memory.
 *
 * What nobody tells (other programs that touch a Maildir, what was under way in
 * a crash) is found by counting the files anew: local-deliver's counter asks which
 * domain.  That is one that was never counted, one that a user was deleted
 * of, and one that is nearly full or full: refusing has to rest on the truth.
 * Until its first count a domain refuses nothing.
 *
 * How far a sum can be off: by what moved while it was counted, and by ten
 * seconds of changes after a crash (sums are written to directory.db that often).
 * The next count makes it right.
 */
#ifndef AUTH_CHECK_SPACES_H
#define AUTH_CHECK_SPACES_H

#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"
#include "index.h"

struct spaces;

struct spaces *spaces_new(struct index *ix);
/* What was not saved is lost. */
void spaces_free(struct spaces **s);
/* Call this whenever a domain has come to have less than SPACE_PLENTY left. */
void spaces_on_short(struct spaces *s, void (*on_short)(void *ctx), void *ctx);
/* Write changed sums to the index. */
void spaces_save(struct spaces *s);

/* Mail of so many bytes came (or went) in a domain of ours, by its real name. */
void spaces_add(struct spaces *s, struct span domain, int64_t bytes);
/* A user of the domain is gone with his mail: count it again. */
void spaces_recount(struct spaces *s, struct span domain);
/* Every domain is to be counted again when it is next asked for. */
void spaces_recount_all(struct spaces *s);
/* A message was refused because the domain has no room for it. */
void spaces_refused(struct spaces *s, struct span domain);

/* Bytes that the domain still takes; false when it has no limit, or was never counted. */
bool spaces_room(struct spaces *s, struct span domain, uint64_t *room_out) PB_MUST_CHECK;
/* False while no domain is known to have little room. */
bool spaces_any_watched(const struct spaces *s);

struct space_use {
	bool is_counted;
	uint64_t used, limit;		/* bytes; limit 0: none */
};
/* False when the domain is none of ours. */
bool spaces_use(struct spaces *s, struct span domain, struct space_use *out) PB_MUST_CHECK;

/* What the counter shall do next. */
enum space_work { SPACES_IDLE, SPACES_COUNT, SPACES_WARN };
enum space_work spaces_next(struct spaces *s, char domain_out[LIMIT_DOMAIN + 1], struct space_use *use_out);
/* It counted what spaces_next named last. */
void spaces_counted(struct spaces *s, struct span domain, uint64_t bytes);
/* It handed the warning in. */
void spaces_warned(struct spaces *s, struct span domain);

#endif
