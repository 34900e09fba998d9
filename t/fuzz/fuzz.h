/*
 * fuzz: what a fuzz target offers: the libFuzzer entry point.  A target checks
 * its oracle with FUZZ_CHECK, which ends the process.
 *
 * The same source is two things: with clang -fsanitize=fuzzer an endless
 * fuzzer (`make fuzz`), and with driver.c a plain test that runs the corpus and
 * some thousand mutations of it, the same ones every time.
 */
#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition) do { \
	if (!(condition)) { \
		fprintf(stderr, "%s:%d: oracle failed: %s\n", __FILE__, __LINE__, #condition); \
		abort(); \
	} \
} while (0)

#endif
