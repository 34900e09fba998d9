/*
 * signing: see signing.h.
 *
 * Trust: who asks talks to other hosts.  It gets signatures over digests, never
 * a key, and only for domains that sign.  Keys are read by a helper
 * (helpers_sign); here a file is only opened, below the domain's own folder.
 */
#include "base/base.h"
#include "signing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory/dkim_key.h"
#include "refresh_private.h"

#define KEY_PATH_MAX (LIMIT_DOMAIN + 64 + INDEX_KEY_PATH_MAX + 2)

static struct span
domain_of(struct span address)
{
	return span_from(address, (size_t)(span_rfind(address, '@') + 1));
}

/* The domain of that name (or other name) that signs; name_out in small letters. */
static bool
find_domain(struct signing *s, struct span name, char name_out[LIMIT_DOMAIN + 1], struct domain *out)
{
	if (name.n == 0 || name.n > LIMIT_DOMAIN)
		return false;
	for (size_t i = 0; i < name.n; i++)
		name_out[i] = char_lower(name.p[i]);
	name_out[name.n] = '\0';
	return resolve_domain(s->rs, name_out, out) && out->signs && !out->disabled;
}

/* Two signatures under one name could not be told apart: the RSA key has it. */
static const char *
ed25519_selector(const struct domain *d)
{
	bool same = strcmp(d->ed25519.selector, d->rsa.selector) == 0;

	return d->ed25519.selector[0] == '\0' || same ? "-" : d->ed25519.selector;
}

static void
answer_keys(struct signing *s, struct span key, struct buf *out)
{
	struct span account = span_word(&key), author = span_word(&key);
	char name[LIMIT_DOMAIN + 1], sender[LIMIT_DOMAIN + 1];
	struct domain d, theirs;

	if (!find_domain(s, domain_of(author), name, &d) || !find_domain(s, domain_of(account), sender, &theirs) ||
	    strcmp(d.name, theirs.name) != 0 || (d.rsa.selector[0] == '\0' && d.ed25519.selector[0] == '\0')) {
		buf_text_put(out, "NOTFOUND ");
		return;
	}
	buf_printf(out, "OK %s %s %s", name, d.rsa.selector[0] != '\0' ? d.rsa.selector : "-", ed25519_selector(&d));
}

static bool
sign(struct signing *s, const struct domain *d, const struct domain_key *k, enum dkim_kind kind, struct span digest,
	struct buf *out, char *why, size_t size)
{
	char path[KEY_PATH_MAX], stamp[96];
	struct stat st;
	bool good;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", d->folder, k->path);
	fd = refresh_file_open(s->rs->refresh->domains_fd, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		snprintf(why, size, "%.160s: %s", path, fd < 0 ? strerrorname_np(errno) : "no plain file");
		if (fd >= 0)
			close(fd);
		return false;
	}
	snprintf(stamp, sizeof(stamp), "%llu.%llu.%lld.%ld.%lld", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_size);
	good = helpers_sign(s->helpers, dkim_kind_name(kind), stamp, fd, digest, out, why, size);
	close(fd);
	return good;
}

static void
answer_signature(struct signing *s, struct span key, struct buf *out)
{
	struct span domain = span_word(&key), selector = span_word(&key), digest = span_word(&key);
	char name[LIMIT_DOMAIN + 1], why[256];
	struct domain d;
	bool rsa, good;

	if (digest.n != 2 * DKIM_DIGEST || !find_domain(s, domain, name, &d) || selector.n == 0) {
		buf_text_put(out, "NOTFOUND ");
		return;
	}
	rsa = span_is(selector, d.rsa.selector);
	if (!rsa && !span_is(selector, d.ed25519.selector)) {
		buf_text_put(out, "NOTFOUND ");
		return;
	}
	buf_text_put(out, "OK ");
	good = sign(s, &d, rsa ? &d.rsa : &d.ed25519, rsa ? DKIM_RSA : DKIM_ED25519, digest, out, why, sizeof(why));
	if (good)
		return;
	log_failure(s->svc, NULL, NULL, "event=dkim-failed domain=%s selector=%.*s why=\"%s\"", name, SPAN_ARG(selector), why);
	buf_clear(out);
	buf_text_put(out, "TEMP 451 4.3.5 The key cannot be used");
}

bool
signing_question(struct signing *s, uid_t uid, struct span question, struct buf *out)
{
	struct span key = question, name = span_cut(&key, ' ');
	bool signs = span_is(name, "dkim-sign");

	if (!signs && !span_is(name, "dkim"))
		return false;
	buf_clear(out);
	if (uid != service_uid(s->svc, "pbsend"))
		buf_text_put(out, "PERM 550 5.7.1 Only who sends mail may ask this");
	else if (signs)
		answer_signature(s, key, out);
	else
		answer_keys(s, key, out);
	return true;
}
