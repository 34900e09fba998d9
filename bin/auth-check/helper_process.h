/* helper_process: the far side of helpers.h. */
#ifndef AUTH_CHECK_HELPER_PROCESS_H
#define AUTH_CHECK_HELPER_PROCESS_H

#include "base/base.h"
#include "base/buf.h"

#include <time.h>

/* Longest answer: an alias with all its targets, some of them escaped. */
#define HELPER_ANSWER_MAX 90000

#define HELPER_SOCKET 3
#define HELPER_SIGN_SECONDS 2

/* For the helpers themselves: only the socket (as HELPER_SOCKET) and no rights are left. */
void helper_confine(int sock);
/* The kernel ends this process when it takes longer; 0: no limit. */
void helper_time_limit(time_t seconds);
void helper_answer(const struct buf *out);

/* Confine this process to one socket and answer questions until it ends. Never return. */
PB_NORETURN void helper_hash(int sock);
PB_NORETURN void helper_parse(int sock);
PB_NORETURN void helper_sign(int sock);

/* Keep n helpers alive, the last of which are the signer and the parser; ends with its parent. */
PB_NORETURN void nursery_run(const int *socks, size_t n);

#endif
