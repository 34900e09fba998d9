/*
 * expander: see expander.h.
 */
#include "base/base.h"
#include "expander.h"

#include <sys/socket.h>

#include "base/mem.h"
#include "directory/asker.h"
#include "service/service.h"

struct expander {
	struct asker_owner owner;
	struct asker *asker;
};

static int
connect_directory(void *svc)
{
	/* A directory that takes nobody is like one that does not answer: this loop waits for neither. */
	return owner_connect(svc, "lookup", SOCK_STREAM | SOCK_NONBLOCK);
}

static void
on_silence(void *svc, size_t questions)
{
	log_failure(svc, NULL, NULL, "event=directory-silent questions=%zu", questions);
}

struct expander *
expander_new(struct service *svc, struct loop *loop, bool keeps)
{
	struct expander *e = mem_new(sizeof(*e));

	e->owner = (struct asker_owner){ connect_directory, on_silence, svc };
	e->asker = asker_new(loop, &e->owner, keeps);
	return e;
}

static void
tell_targets(const struct asker_question *q, struct span reply)
{
	struct directory_targets t = { .verdict = verdict_make(451, "4.3.0", "the directory does not answer") };
	expander_call *call = (expander_call *)q->call;
	enum rcpt_kind kind = RCPT_TROUBLE;

	if (reply.p != NULL)
		kind = directory_expand_reply(reply, &t);
	call(q->ctx, q->number, kind, &t);
	directory_targets_free(&t);
}

static void
tell_disabled(const struct asker_question *q, struct span reply)
{
	expander_disabled_call *call = (expander_disabled_call *)q->call;

	call(q->ctx, q->number, reply.p != NULL ? directory_disabled_reply(reply) : -1);
}

static void
tell_sending(const struct asker_question *q, struct span reply)
{
	expander_sending_call *call = (expander_sending_call *)q->call;
	struct sending s;

	call(q->ctx, q->number, reply.p != NULL && sending_reply(reply, &s) >= 0 ? &s : NULL);
}

void
expander_ask(struct expander *e, struct span address, uint32_t number, expander_call *call, void *ctx)
{
	asker_ask(e->asker, "expand", address,
		&(struct asker_question){ tell_targets, (void (*)(void))call, ctx, number });
}

void
expander_ask_disabled(struct expander *e, struct span who, uint32_t number, expander_disabled_call *call,
	void *ctx)
{
	asker_ask(e->asker, "disabled", who,
		&(struct asker_question){ tell_disabled, (void (*)(void))call, ctx, number });
}

void
expander_ask_sending(struct expander *e, struct span who, uint32_t number, expander_sending_call *call, void *ctx)
{
	asker_ask(e->asker, "sending", who,
		&(struct asker_question){ tell_sending, (void (*)(void))call, ctx, number });
}

void
expander_forget(struct expander *e, void *ctx)
{
	asker_forget(e->asker, ctx);
}
