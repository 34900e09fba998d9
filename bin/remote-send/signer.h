/*
 * signer: the parent's questions to auth-check: with which sender a message is
 * passed on (SRS), by which keys it is signed (DKIM), and signatures for its
 * agents.
 */
#ifndef REMOTE_SEND_SIGNER_H
#define REMOTE_SEND_SIGNER_H

#include "base/base.h"
#include "io/loop.h"
#include "job.h"
#include "pool.h"
#include "service/service.h"

struct signer;

struct signer *signer_new(struct service *svc, struct loop *loop);
/* Signatures go back by this pool. */
void signer_answers(struct signer *s, struct pool *pool);

/*
 * Whether the job, which has an account and an author, is signed, and by which keys: its
 * fields sign and selector, which live as long as it does.  known is false when
 * auth-check did not answer.  call comes once, later; job must live until then.
 */
typedef void signer_call(void *ctx, bool known);
/* The same for a job with a forwarder: its field from. */
void signer_sender(struct signer *s, struct job *job, signer_call *call, void *ctx);
void signer_keys(struct signer *s, struct job *job, signer_call *call, void *ctx);

/* A digest of an agent; see pool_sign. */
void signer_sign(void *ctx, const struct job *job, uint64_t number, struct span selector, struct span digest);

#endif
