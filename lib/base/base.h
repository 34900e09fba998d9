/*
 * base: what every file of Pillarbox starts from.
 *
 * The room lib/base holds bytes, text, numbers, memory, containers, text
 * records, verdicts and the named limits.  It performs no I/O, except that
 * die.h writes one line to the log before the process ends.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#define PB_MUST_CHECK __attribute__((warn_unused_result))
#define PB_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PB_NORETURN __attribute__((noreturn))
#define PB_UNUSED __attribute__((unused))
#define PB_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#include "base/banned.h"

#endif
