/*
 * filter_envelope: MAIL, RCPT and DATA asked of every milter.
 *
 * Invariant: whoever failed in this session is not passed over: at each step
 * failMode says whether the message goes on without it (filter_may_pass).
 */
#include "base/base.h"
#include "filter_private.h"

/* "<address>" and the parameters behind it. */
static void
split_path(const struct smtp_path *path, struct span args, struct buf *text, struct span *params)
{
	ssize_t end = span_find(args, '>');

	buf_printf(text, "<%s>", path->text);
	/* A ">" inside a quoted local part: the parameters are those after the last one. */
	while (end >= 0 && (size_t)end + 1 < args.n && args.p[end + 1] != ' ') {
		ssize_t more = span_find(span_from(args, (size_t)end + 1), '>');

		end = more < 0 ? -1 : end + 1 + more;
	}
	*params = end >= 0 ? span_from(args, (size_t)end + 1) : SPAN_NONE;
}

bool
filter_mail(struct smtp *c, struct span args)
{
	struct filters *all = filters_of(c);
	char storage[LIMIT_ADDRESS + 4];
	struct buf path;
	struct span params;
	struct verdict v;

	buf_init_fixed(&path, storage, sizeof(storage));
	split_path(&c->t.mail.from, args, &path, &params);
	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (!filter_may_pass(c, f, &v))
			return filter_refuse(c, f, "mail", &v);
		if (f->state == FILTER_OFF)
			continue;
		f->state = FILTER_BUSY;
		if (filter_take(c, f, milter_mail(f->milter, buf_view(&path), params), &v))
			continue;
		if (v.code != 0)
			return filter_refuse(c, f, "mail", &v);
		c->t.discard = true;
	}
	return true;
}

bool
filter_rcpt(struct smtp *c, const struct smtp_rcpt *rcpt, struct span args)
{
	struct filters *all = filters_of(c);
	char storage[LIMIT_ADDRESS + 4];
	struct buf path;
	struct span params;
	struct verdict v = { .code = 1 };
	bool good = true;

	if (all == NULL)
		return true;
	buf_init_fixed(&path, storage, sizeof(storage));
	split_path(&rcpt->to, args, &path, &params);
	all->rcpt = rcpt;
	for (size_t i = 0; good && i < all->count; i++) {
		struct filter *f = &all->list[i];

		good = filter_may_pass(c, f, &v);
		if (good && f->state != FILTER_BUSY)
			continue;
		if (good)
			good = filter_take(c, f, milter_rcpt(f->milter, buf_view(&path), params), &v);
		if (!good && v.code != 0) {
			(void)filter_refuse(c, f, "rcpt", &v);
		} else if (!good) {
			c->t.discard = true;
			good = true;
		}
	}
	all->rcpt = NULL;
	return good;
}

void
filter_refused_rcpt(struct smtp *c, const struct smtp_rcpt *rcpt, struct span args, const struct verdict *why)
{
	struct filters *all = filters_of(c);
	char storage[LIMIT_ADDRESS + 4];
	struct buf path;
	struct span params;
	struct verdict v;

	if (all == NULL || !c->t.is_open)
		return;
	buf_init_fixed(&path, storage, sizeof(storage));
	split_path(&rcpt->to, args, &path, &params);
	all->rcpt = rcpt;
	all->refused = why;
	for (size_t i = 0; i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (f->state != FILTER_BUSY ||
		    filter_take(c, f, milter_refused_rcpt(f->milter, buf_view(&path), params), &v))
			continue;
		c->t.discard = c->t.discard || v.code == 0;
		buf_clear(&all->words);	/* it was refused already, in our words */
	}
	all->rcpt = NULL;
	all->refused = NULL;
}

bool
filter_data(struct smtp *c)
{
	struct filters *all = filters_of(c);
	struct verdict v;

	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (filter_may_pass(c, f, &v) &&
		    (f->state != FILTER_BUSY || filter_take(c, f, milter_data(f->milter), &v)))
			continue;
		if (v.code != 0)
			return filter_refuse(c, f, "data", &v);
		c->t.discard = true;
	}
	return true;
}
