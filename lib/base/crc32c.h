/*
 * crc32c: the Castagnoli checksum (RFC 3720 appendix B.4) that guards bodies,
 * envelopes and journals against damage.  It is no defence against an attacker.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/base.h"

/*
 * The checksum of what came before (0 at the start) continued over data:
 *	crc = crc32c(0, a, na);  crc = crc32c(crc, b, nb);
 * equals the checksum of a and b together.  crc32c(0, "123456789", 9) is
 * 0xe3069283.
 */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);

#endif
