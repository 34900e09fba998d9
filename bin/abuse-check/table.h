/*
 * table: how often an address did something lately, in a fixed amount of
 * memory whatever attackers do.
 *
 * An entry belongs to an address and a purpose (a rule, or open sessions).
 * Where all places of a new entry are taken, the one that was used longest ago
 * gives way, except for entries of open sessions, which are exact.
 */
#ifndef ABUSE_CHECK_TABLE_H
#define ABUSE_CHECK_TABLE_H

#include "base/base.h"

struct table;

/* 2^bits entries of 32 bytes. */
struct table *table_new(unsigned bits);
void table_free(struct table **t);

/*
 * Add `add` events at now_s and return how many there were in the last
 * frame_s seconds, by two buckets: exact to a few per cent of a frame.
 */
uint32_t table_count(struct table *t, const uint8_t key[16], uint64_t purpose, uint32_t add, int64_t now_s, uint32_t frame_s);
void table_reset(struct table *t, const uint8_t key[16], uint64_t purpose);

/* Open sessions: open returns the new number, 0 when there is no place left to count. */
uint32_t table_open(struct table *t, const uint8_t key[16], uint64_t purpose);
void table_close(struct table *t, const uint8_t key[16], uint64_t purpose);

#endif
