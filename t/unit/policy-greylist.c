/* policy-greylist: each fact that exempts, and their order. */
/* Features: GREY-06, GREY-07, GREY-08, GREY-09, GREY-10, GREY-11, GREY-12, GREY-13. */
#include "base/base.h"
#include "tap.h"

#include "policy/greylist.h"

static const struct {
	const char *what;
	struct policy_greylist f;
	bool passes;
	const char *line;	/* the last of why */
} rows[] = {
	{ "a first contact", { .record = "first-contact", .key = "192.0.2.0/24" }, false, "first-contact 192.0.2.0/24 0 -100" },
	{ "a retry", { .record = "came-back", .key = "a.example", .record_passes = true }, true, "came-back a.example 100 0" },
	{ "who logged in", { .user = "a@b", .record = "first-contact" }, true, "log-in a@b 100 0" },
	{ "a whitelisted address", { .client = "whitelist" }, true, "client whitelist 100 0" },
	{ "a recipient without", { .recipient = "user-off" }, true, "recipient user-off 100 0" },
	{ "a trusted sender", { .trusted = "domain" }, true, "trusted-sender domain 100 0" },
	{ "mail that is waited for", { .expected = "2026-11-22 02:59:10 UTC" }, true, "expected 2026-11-22\\x2002:59:10\\x20UTC 100 0" },
	{ "a known sender", { .known = "received-from" }, true, "known-sender received-from 100 0" },
	{ "the first that exempts is named", { .client = "whitelist", .recipient = "domain-off" }, true, "client whitelist 100 0" },
	{ "nothing known at all", { .user = NULL }, false, "first-contact - 0 -100" },
};

int
main(void)
{
	for (size_t i = 0; i < PB_COUNT(rows); i++) {
		struct policy_greylist_result r;
		char storage[256], want[256];
		struct buf why;

		buf_init_fixed(&why, storage, sizeof(storage));
		r = policy_greylist(&rows[i].f, &why);
		is_num(r.passes, rows[i].passes, rows[i].what);
		snprintf(want, sizeof(want), "greylisting on -100 -100\n%s\n", rows[i].line);
		is_text(buf_text(&why), want, "... and why");
		is_num(policy_greylist(&rows[i].f, NULL).total, r.total, "... without a reason asked too");
	}
	return done();
}
