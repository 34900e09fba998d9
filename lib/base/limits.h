/*
 * limits: every count and length that an outsider controls, with its reason.
 * Each has a test that crosses it; t/design/limits.t finds one without.
 * A program's own setting may be lower, never higher, unless it says so.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Local part and domain of an address: RFC 5321 4.5.3.1.1 and .2. */
#define LIMIT_LOCAL_PART 64
#define LIMIT_DOMAIN 255
/* A whole address with "@": the two above. */
#define LIMIT_ADDRESS 320

/* One record between our programs: fits the largest envelope part we pass. */
#define LIMIT_RECORD 65536

#endif
