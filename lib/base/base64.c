/*
 * base64: see base64.h.  One table, three bytes at a time.
 *
 * Trust: text is hostile; a group that is not whole and canonical is refused.
 */
#include "base/base.h"
#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
encode_group(const unsigned char *p, size_t n, char out[4])
{
	uint32_t bits = (uint32_t)p[0] << 16;

	if (n > 1)
		bits |= (uint32_t)p[1] << 8;
	if (n > 2)
		bits |= p[2];
	out[0] = alphabet[bits >> 18];
	out[1] = alphabet[bits >> 12 & 63];
	out[2] = n > 1 ? alphabet[bits >> 6 & 63] : '=';
	out[3] = n > 2 ? alphabet[bits & 63] : '=';
}

bool
base64_encode(struct buf *out, struct span data)
{
	for (size_t i = 0; i < data.n; i += 3) {
		char group[4];

		encode_group((const unsigned char *)data.p + i, data.n - i < 3 ? data.n - i : 3, group);
		if (!buf_put(out, group, 4))
			return false;
	}
	return true;
}

int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Bytes that the group gives, 0 when it is malformed; only the last may be padded. */
static size_t
decode_group(const char *p, bool is_last, char out[3])
{
	size_t pad = p[3] != '=' ? 0 : p[2] != '=' ? 1 : 2;
	uint32_t bits = 0;

	if (pad > 0 && !is_last)
		return 0;
	for (size_t i = 0; i < 4 - pad; i++) {
		int v = base64_value(p[i]);
		if (v < 0)
			return 0;
		bits |= (uint32_t)v << (18 - 6 * i);
	}
	if ((bits & ((1U << (8 * pad)) - 1)) != 0)
		return 0;
	out[0] = (char)(bits >> 16);
	out[1] = (char)(bits >> 8);
	out[2] = (char)bits;
	return 3 - pad;
}

bool
base64_decode(struct span text, struct buf *out)
{
	if (text.n % 4 != 0)
		return false;
	for (size_t i = 0; i < text.n; i += 4) {
		char group[3];
		size_t n = decode_group(text.p + i, i + 4 == text.n, group);

		if (n == 0 || !buf_put(out, group, n))
			return false;
	}
	return true;
}
