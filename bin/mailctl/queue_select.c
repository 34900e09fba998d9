/*
 * queue_select: values of a queued message by name.
 *
 * Trust: the envelope is the mail programs' and was checked by envelope_parse;
 * its texts are compared, never interpreted.
 */
#include "base/base.h"
#include "queue_select.h"
#include "base/die.h"
#include "sys/file.h"

enum { SENDER, RCPT, DOMAIN, DEST, AGE, SIZE, PRIORITY, ATTEMPTS, STATUS, IP, AUTH };

static const struct selector_field fields[] = {
	[SENDER] = { "sender", SELECTOR_TEXT }, [RCPT] = { "rcpt", SELECTOR_TEXT },
	[DOMAIN] = { "domain", SELECTOR_TEXT }, [DEST] = { "dest", SELECTOR_TEXT },
	[AGE] = { "age", SELECTOR_AGE }, [SIZE] = { "size", SELECTOR_SIZE },
	[PRIORITY] = { "priority", SELECTOR_NUMBER }, [ATTEMPTS] = { "attempts", SELECTOR_NUMBER },
	[STATUS] = { "status", SELECTOR_TEXT }, [IP] = { "ip", SELECTOR_TEXT }, [AUTH] = { "auth", SELECTOR_TEXT },
};

void
queue_message_read(const struct ctl *c, const struct queue_entry *e, struct queue_message *out)
{
	int64_t now = (int64_t)time(NULL);
	int fd;

	*out = (struct queue_message){ .entry = *e };
	out->env = queue_envelope(c, e, &out->why);
	fd = queue_body(c, e, &out->size);
	file_close(&fd);
	if (out->env != NULL && out->env->created > 0 && out->env->created < now)
		out->age = (uint64_t)(now - out->env->created);
}

void
queue_message_free(struct queue_message *m)
{
	envelope_free(&m->env);
}

static struct span
domain_of(struct span address)
{
	return span_from(address, (size_t)(span_rfind(address, '@') + 1));
}

static bool
one_text(struct span text, size_t i, struct selector_value *out)
{
	out->text = text;
	return i == 0;
}

static bool
one_number(uint64_t number, size_t i, struct selector_value *out)
{
	out->number = number;
	return i == 0;
}

/* The i-th domain of a recipient that is still open. */
static bool
open_domain(const struct envelope *env, size_t i, struct selector_value *out)
{
	for (uint32_t k = 0; k < env->count; k++)
		if (env->rcpts[k].state == RCPT_OPEN && i-- == 0) {
			out->text = domain_of(env->rcpts[k].address);
			return true;
		}
	return false;
}

static bool
get_of_envelope(const struct envelope *env, size_t field, size_t i, struct selector_value *out)
{
	switch (field) {
	case SENDER:
		return one_text(env->sender, i, out);
	case RCPT:
		if (i < env->count)
			out->text = env->rcpts[i].address;
		return i < env->count;
	case DOMAIN:
		return one_text(domain_of(env->sender), i, out);
	case DEST:
		return open_domain(env, i, out);
	case IP:
		return one_text(env->ip, i, out);
	case AUTH:
		return one_text(env->auth, i, out);
	default:
		bug("no such field of an envelope: %zu", field);
	}
}

static bool
get(const void *what, size_t field, size_t i, struct selector_value *out)
{
	const struct queue_message *m = what;

	switch (field) {
	case AGE:
		return one_number(m->age, i, out);
	case PRIORITY:
		if (m->entry.priority == 0 && m->env == NULL)
			return false;
		return one_number(m->entry.priority > 0 ? m->entry.priority : m->env->priority, i, out);
	case SIZE:
		return one_number(m->size, i, out);
	case ATTEMPTS:
		return one_number(m->entry.attempts, i, out);
	case STATUS:
		return one_text(span_of(m->entry.status), i, out);
	default:
		return m->env != NULL && get_of_envelope(m->env, field, i, out);
	}
}

struct selector *
queue_selector(const char *text)
{
	char error[SELECTOR_ERROR_MAX];
	struct selector *s = selector_parse(span_of(text), fields, PB_COUNT(fields), error);

	if (s == NULL)
		ctl_fail(EXIT_USAGE, "-w %s: %s", text, error);
	return s;
}

bool
queue_selects(const struct selector *s, const struct queue_message *m)
{
	return selector_matches(s, get, m);
}
