/*
 * buf: growing text with a mandatory maximum and a sticky overflow flag.
 *
 * Invariants: n <= max; p is NULL or has cap + 1 bytes, n <= cap, p[n] == 0.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_init_fixed(struct buf *b, char *storage, size_t size)
{
	*b = (struct buf){ .p = storage, .cap = size - 1, .max = size - 1, .borrowed = true };
	storage[0] = '\0';
}

void
buf_free(struct buf *b)
{
	if (!b->borrowed)
		free(b->p);
	*b = (struct buf){ .max = b->max };
}

void
buf_clear(struct buf *b)
{
	b->overflow = false;
	buf_cut(b, 0);
}

void
buf_cut(struct buf *b, size_t n)
{
	if (n < b->n)
		b->n = n;
	if (b->p != NULL)
		b->p[b->n] = '\0';
}

void
buf_shift(struct buf *b, size_t n)
{
	if (n >= b->n) {
		buf_cut(b, 0);
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	buf_cut(b, b->n - n);
}

char *
buf_reserve(struct buf *b, size_t n)
{
	size_t cap;

	if (n > b->max - b->n) {
		b->overflow = true;
		return NULL;
	}
	if (b->p != NULL && n <= b->cap - b->n)
		return b->p + b->n;
	cap = b->cap < 64 ? 64 : b->cap;
	while (cap < b->n + n)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	b->p = mem_resize(b->p, cap + 1);
	b->cap = cap;
	b->p[b->n] = '\0';
	return b->p + b->n;
}

void
buf_commit(struct buf *b, size_t n)
{
	b->n += n;
	b->p[b->n] = '\0';
}

bool
buf_put(struct buf *b, const void *data, size_t n)
{
	char *at;

	if (n == 0)
		return true;
	at = buf_reserve(b, n);
	if (at == NULL)
		return false;
	memcpy(at, data, n);
	buf_commit(b, n);
	return true;
}

bool
buf_text_put(struct buf *b, const char *text)
{
	return buf_put(b, text, strlen(text));
}

bool
buf_span(struct buf *b, struct span s)
{
	return buf_put(b, s.p, s.n);
}

bool
buf_char(struct buf *b, char c)
{
	return buf_put(b, &c, 1);
}

bool
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char *at;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || (at = buf_reserve(b, (size_t)n)) == NULL) {
		b->overflow = true;
		return false;
	}
	vsnprintf(at, (size_t)n + 1, fmt, ap);
	buf_commit(b, (size_t)n);
	return true;
}

bool
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	bool fits;

	va_start(ap, fmt);
	fits = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return fits;
}

struct span
buf_view(const struct buf *b)
{
	return span_make(b->p, b->n);
}

const char *
buf_text(const struct buf *b)
{
	return b->p != NULL ? b->p : "";
}

bool
buf_escaped(struct buf *b, struct span s)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char code[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };
		bool plain = c >= 0x20 && c < 0x7f && c != '\\';

		if (!(plain ? buf_char(b, (char)c) : buf_put(b, code, sizeof(code))))
			return false;
	}
	return true;
}
