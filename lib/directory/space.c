/*
 * space: what programs that deliver say about the space of domains, and are asked to do.
 *
 * Answers are checked as hostile: a fault is trouble, never a wrong number.
 */
#include "base/base.h"
#include "directory/directory_private.h"

#include "base/num.h"
#include "directory/socketmap.h"

/* "NUMBER DOMAIN", or the domain alone with number UINT64_MAX, as the key of a question. */
static bool
ask(struct directory *d, const char *map, uint64_t number, struct span domain, struct span *answer, size_t *used)
{
	char text[LIMIT_DOMAIN + 32];
	struct buf key;

	buf_init_fixed(&key, text, sizeof(text));
	if (number != UINT64_MAX)
		buf_printf(&key, "%llu ", (unsigned long long)number);
	buf_span(&key, domain);
	return !key.overflow && directory_ask(d, map, buf_view(&key), answer, used);
}

static int
tell(struct directory *d, const char *map, uint64_t number, struct span domain)
{
	enum socketmap_kind kind;
	struct span answer, data;
	size_t used;

	if (!ask(d, map, number, domain, &answer, &used))
		return -1;
	kind = socketmap_answer(answer, &data);
	wire_used(&d->lookup, used);
	return kind == SOCKETMAP_OK ? 0 : -1;
}

int
directory_tell_space(struct directory *d, struct span domain, uint64_t bytes, uint64_t *left_out)
{
	struct span answer, data;
	size_t used;
	int result;

	if (!ask(d, "space", bytes, domain, &answer, &used))
		return -1;
	result = socketmap_answer(answer, &data) == SOCKETMAP_OK && num_parse(data, UINT64_MAX, left_out) ? 0 : -1;
	wire_used(&d->lookup, used);
	return result;
}

int
directory_space_counted(struct directory *d, struct span domain, uint64_t bytes)
{
	return tell(d, "space-counted", bytes, domain);
}

int
directory_space_warned(struct directory *d, struct span domain)
{
	return tell(d, "space-warned", UINT64_MAX, domain);
}

int
directory_space_refused(struct directory *d, struct span domain)
{
	return tell(d, "space-refused", UINT64_MAX, domain);
}

int
directory_space_user(struct directory *d, struct span domain, char user[LIMIT_LOCAL_PART + 1])
{
	char text[LIMIT_ADDRESS + 1];
	enum socketmap_kind kind;
	struct span answer, data;
	size_t used;
	int result = -1;

	snprintf(text, sizeof(text), "%s@%.*s", user, SPAN_ARG(domain));
	if (!directory_ask(d, "space-user", span_of(text), &answer, &used))
		return -1;
	kind = socketmap_answer(answer, &data);
	if (kind == SOCKETMAP_NOTFOUND) {
		result = 0;
	} else if (kind == SOCKETMAP_OK && data.n > 0 && data.n <= LIMIT_LOCAL_PART) {
		memcpy(user, data.p, data.n);
		user[data.n] = '\0';
		result = 1;
	}
	wire_used(&d->lookup, used);
	return result;
}

/* "count DOMAIN" or "warn DOMAIN USED LIMIT" */
static bool
read_work(struct span data, struct directory_space_work *out)
{
	struct span what = span_word(&data), domain = span_word(&data);

	out->warns = span_is(what, "warn");
	if ((!out->warns && !span_is(what, "count")) || domain.n == 0 || domain.n > LIMIT_DOMAIN)
		return false;
	memcpy(out->domain, domain.p, domain.n);
	out->domain[domain.n] = '\0';
	return !out->warns || (num_parse(span_word(&data), UINT64_MAX, &out->used) &&
	       num_parse(span_word(&data), UINT64_MAX, &out->limit));
}

int
directory_space_work(struct directory *d, struct directory_space_work *out)
{
	enum socketmap_kind kind;
	struct span answer, data;
	size_t used;
	int result = -1;

	*out = (struct directory_space_work){ .used = 0 };
	if (!directory_ask(d, "space-work", SPAN("next"), &answer, &used))
		return -1;
	kind = socketmap_answer(answer, &data);
	if (kind == SOCKETMAP_NOTFOUND)
		result = 0;
	else if (kind == SOCKETMAP_OK && read_work(data, out))
		result = 1;
	wire_used(&d->lookup, used);
	return result;
}
