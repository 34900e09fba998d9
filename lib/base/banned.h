/*
 * Calls that have caused damage too often.  Each has a plainer replacement:
 * struct buf for text that grows, num_parse for numbers, hook-run for
 * programs, gmtime_r and localtime_r for times.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* Read first, so that their own declarations are not touched. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PB_BANNED(name) this_call_is_banned_##name

#define strcpy(...) PB_BANNED(strcpy)
#define strcat(...) PB_BANNED(strcat)
#define strncpy(...) PB_BANNED(strncpy)
#define strncat(...) PB_BANNED(strncat)
#define sprintf(...) PB_BANNED(sprintf)
#define vsprintf(...) PB_BANNED(vsprintf)
#define strtok(...) PB_BANNED(strtok)
#define atoi(...) PB_BANNED(atoi)
#define atol(...) PB_BANNED(atol)
#define atoll(...) PB_BANNED(atoll)
#define gets(...) PB_BANNED(gets)
#define popen(...) PB_BANNED(popen)
#define system(...) PB_BANNED(system)
#define mktemp(...) PB_BANNED(mktemp)
#define tmpnam(...) PB_BANNED(tmpnam)
#define asctime(...) PB_BANNED(asctime)
#define ctime(...) PB_BANNED(ctime)
#define gmtime(...) PB_BANNED(gmtime)
#define localtime(...) PB_BANNED(localtime)

#endif
