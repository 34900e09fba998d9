/* gateway: see gateway.h. */
#include "base/base.h"
#include "gateway.h"

#include "base/num.h"

static const char list[] = "gatewayServers/server";

struct question {
	struct span address, url, user;
	uint64_t port;
};

static bool
read_question(struct span key, bool admin, struct question *out)
{
	out->address = span_cut(&key, ' ');
	if (key.p == NULL || !num_parse(span_cut(&key, ' '), UINT16_MAX, &out->port) || key.p == NULL)
		return false;
	out->url = admin ? span_cut(&key, ' ') : SPAN_NONE;
	if (span_is(out->url, "-"))
		out->url = SPAN("");
	out->user = key;
	return out->address.n > 0 && out->user.n > 0;
}

static bool
is_meant(const struct settings *s, size_t i, const struct question *q, bool admin)
{
	return span_is(q->address, settings_entry(s, list, i, "address")) &&
	    q->port == settings_entry_num(s, list, i, "port") &&
	    settings_entry_bool(s, list, i, "enabled") &&
	    span_is(q->user, settings_entry(s, list, i, admin ? "adminUserName" : "authUserName")) &&
	    (!admin || span_is(q->url, settings_entry(s, list, i, "url")));
}

static void
answer(const struct settings *s, const struct question *q, bool admin, struct buf *out)
{
	for (size_t i = 0; i < settings_count(s, list); i++)
		if (is_meant(s, i, q, admin)) {
			buf_printf(out, "OK %s", settings_entry(s, list, i, admin ? "adminPassword" : "authPassword"));
			return;
		}
	buf_text_put(out, "NOTFOUND ");
}

bool
gateway_question(const struct service *svc, uid_t uid, struct span question, struct buf *out)
{
	struct span key = question, name = span_cut(&key, ' ');
	bool admin = span_is(name, "gateway-admin");
	struct question q;

	if (!admin && !span_is(name, "gateway-login"))
		return false;
	buf_clear(out);
	if (uid != service_uid(svc, "pbsend"))
		buf_text_put(out, "PERM 550 5.7.1 Only who sends may know");
	else if (key.p == NULL || !read_question(key, admin, &q))
		buf_text_put(out, "PERM 550 5.3.5 The question is not well formed");
	else
		answer(svc->settings, &q, admin, out);
	return true;
}
