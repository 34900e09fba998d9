/*
 * sts: see sts.h.  Pure.
 *
 * Trust: both texts are the domain's, or of whoever plays it; lengths and counts
 * are bounded, and what is not understood makes no policy weaker than none.
 */
#include "base/base.h"
#include "policy/sts.h"

#include "base/num.h"

/* "key" and "value" of "key SEP value", trimmed. */
static bool
cut_pair(struct span field, char sep, struct span *key, struct span *value)
{
	*value = field;
	*key = span_trim(span_cut(value, sep));
	if (value->p == NULL)
		return false;
	*value = span_trim(*value);
	return key->n > 0;
}

static bool
take_id(struct span value, char out[STS_ID_MAX])
{
	if (value.n == 0 || value.n >= STS_ID_MAX)
		return false;
	for (size_t i = 0; i < value.n; i++)
		if (!char_is_alnum(value.p[i]))
			return false;
	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	return true;
}

bool
sts_record_parse(struct span text, char id_out[STS_ID_MAX], bool *is_sts)
{
	struct span rest = text, key, value;

	id_out[0] = '\0';
	*is_sts = cut_pair(span_cut(&rest, ';'), '=', &key, &value) && span_is(key, "v") && span_is(value, "STSv1");
	if (!*is_sts)
		return false;
	while (rest.p != NULL) {
		struct span field = span_trim(span_cut(&rest, ';'));

		if (field.n == 0)
			continue;
		if (!cut_pair(field, '=', &key, &value))
			return false;
		if (span_is(key, "id") && id_out[0] == '\0' && !take_id(value, id_out))
			return false;
	}
	return id_out[0] != '\0';
}

/* A host name, or one behind "*.". */
static bool
take_mx(struct span value, struct sts_policy *out)
{
	struct span name = value;
	char *mx = out->mx[out->mx_count];

	if (name.n > 2 && name.p[0] == '*' && name.p[1] == '.')
		name = span_from(name, 2);
	if (name.n == 0 || value.n >= STS_HOST_MAX || out->mx_count == LIMIT_STS_HOSTS)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!char_is_alnum(name.p[i]) && name.p[i] != '-' && name.p[i] != '.' && name.p[i] != '_')
			return false;
	for (size_t i = 0; i < value.n; i++)
		mx[i] = char_lower(value.p[i]);
	mx[value.n] = '\0';
	out->mx_count++;
	return true;
}

struct seen {
	bool version, mode, max_age;
};

static bool
take_mode(struct span value, struct sts_policy *out)
{
	out->mode = tls_sts_named(value);
	return span_is(value, "none") || out->mode == TLS_STS_TESTING || out->mode == TLS_STS_ENFORCE;
}

/* What is wrong with it; NULL when nothing is. */
static const char *
take_line(struct span key, struct span value, struct sts_policy *out, struct seen *seen)
{
	if (span_is(key, "version") && !seen->version) {
		seen->version = true;
		return span_is(value, "STSv1") ? NULL : "another version";
	}
	if (span_is(key, "mode") && !seen->mode) {
		seen->mode = true;
		return take_mode(value, out) ? NULL : "an unknown mode";
	}
	if (span_is(key, "max_age") && !seen->max_age) {
		seen->max_age = true;
		return num_parse_u32(value, UINT32_MAX, &out->max_age) ? NULL : "no number of seconds in max_age";
	}
	if (span_is(key, "mx"))
		return take_mx(value, out) ? NULL : "too many mail hosts, or a name that is none";
	return NULL;
}

bool
sts_policy_parse(struct span text, struct sts_policy *out, const char **why)
{
	struct seen seen = { .version = false };
	struct span rest = text;

	*out = (struct sts_policy){ .mode = TLS_STS_NONE };
	*why = NULL;
	while (rest.p != NULL && *why == NULL) {
		struct span line = span_trim(span_cut(&rest, '\n')), key, value;

		if (line.n > 0)
			*why = cut_pair(line, ':', &key, &value) ? take_line(key, value, out, &seen) : "a line without colon";
	}
	if (*why == NULL && (!seen.version || !seen.mode || !seen.max_age))
		*why = "no version, mode or max_age";
	if (*why == NULL && out->mode != TLS_STS_NONE && out->mx_count == 0)
		*why = "no mail host";
	if (out->max_age > STS_MAX_AGE_MAX)
		out->max_age = STS_MAX_AGE_MAX;
	return *why == NULL;
}

bool
sts_policy_has(const struct sts_policy *p, struct span host)
{
	ssize_t dot = span_find(host, '.');

	for (size_t i = 0; i < p->mx_count; i++) {
		struct span mx = span_of(p->mx[i]);

		if (span_eq_nocase(mx, host))
			return true;
		if (mx.n > 1 && mx.p[0] == '*' && dot > 0 && span_eq_nocase(span_from(mx, 1), span_from(host, (size_t)dot)))
			return true;
	}
	return false;
}
