/*
 * random: numbers nobody can guess, from getrandom(2).
 */
#ifndef SYS_RANDOM_H
#define SYS_RANDOM_H

#include "base/base.h"

/* Fill n bytes; ends the process when the kernel has none to give. */
void random_fill(void *p, size_t n);

uint64_t random_u64(void);

/* Uniform in 0 … below - 1; below is at least 1. */
uint64_t random_below(uint64_t below);

#endif
