/*
 * crc32c: by the processor's own instruction where it has one (SSE 4.2),
 * otherwise by a table made at first use.  Both are tested against each other.
 */
#include "base/base.h"
#include "base/crc32c.h"

#define CRC32C_POLYNOMIAL 0x82f63b78u	/* reflected */

static uint32_t
crc32c_bits(uint32_t byte)
{
	for (int i = 0; i < 8; i++)
		byte = byte & 1 ? (byte >> 1) ^ CRC32C_POLYNOMIAL : byte >> 1;
	return byte;
}

/* Filled again by whoever finds it empty: every filler writes the same. */
static uint32_t
crc32c_table(uint32_t crc, const unsigned char *p, size_t n)
{
	static uint32_t table[256];

	if (table[255] == 0)
		for (uint32_t i = 0; i < 256; i++)
			table[i] = crc32c_bits(i);
	for (size_t i = 0; i < n; i++)
		crc = (crc >> 8) ^ table[(crc ^ p[i]) & 0xff];
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2")))
static uint32_t
crc32c_hardware(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t wide = crc;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; n > 0; p++, n--)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return crc;
}
#endif

uint32_t
crc32c(uint32_t crc, const void *data, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc32c_hardware(~crc, data, n);
#endif
	return ~crc32c_table(~crc, data, n);
}
