/*
 * milter_wire: see milter_wire.h.
 *
 * Trust: a milter is another program, its packets are read as hostile: a value
 * is taken only when all of it is there.  A NUL in text that we send would end
 * it early, so it becomes "?".
 */
#include "base/base.h"
#include "check/milter_wire.h"

void
milter_put_u32(struct buf *out, uint32_t value)
{
	unsigned char bytes[4] = { (unsigned char)(value >> 24), (unsigned char)(value >> 16),
				   (unsigned char)(value >> 8), (unsigned char)value };

	buf_put(out, bytes, sizeof(bytes));
}

void
milter_packet_begin(struct buf *out, char command)
{
	milter_put_u32(out, 0);
	buf_char(out, command);
}

void
milter_packet_end(struct buf *out, size_t began)
{
	size_t n = out->n - began - 4;

	if (out->overflow)
		return;
	for (size_t i = 0; i < 4; i++)
		out->p[began + i] = (char)(unsigned char)(n >> (24 - 8 * i));
}

void
milter_put_text(struct buf *out, struct span text)
{
	char *at = buf_reserve(out, text.n + 1);

	if (at == NULL)
		return;
	for (size_t i = 0; i < text.n; i++)
		at[i] = text.p[i] != '\0' ? text.p[i] : '?';
	at[text.n] = '\0';
	buf_commit(out, text.n + 1);
}

bool
milter_get_u32(struct span *in, uint32_t *out)
{
	const unsigned char *p = (const unsigned char *)in->p;

	if (in->n < 4)
		return false;
	*out = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	*in = span_from(*in, 4);
	return true;
}

bool
milter_get_text(struct span *in, struct span *out)
{
	ssize_t nul = span_find(*in, '\0');

	if (nul < 0)
		return false;
	*out = span_first(*in, (size_t)nul);
	*in = span_from(*in, (size_t)nul + 1);
	return true;
}
