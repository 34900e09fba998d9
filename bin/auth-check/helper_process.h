/* helper_process: the far side of helpers.h. */
#ifndef AUTH_CHECK_HELPER_PROCESS_H
#define AUTH_CHECK_HELPER_PROCESS_H

#include "base/base.h"

/* Longest answer: an alias with all its targets, some of them escaped. */
#define HELPER_ANSWER_MAX 90000

/* Confine this process to one socket and answer questions until it ends. Never return. */
PB_NORETURN void helper_hash(int sock);
PB_NORETURN void helper_parse(int sock);

/* Keep n helpers alive, the last of which is the parser; ends with its parent. */
PB_NORETURN void nursery_run(const int *socks, size_t n);

#endif
