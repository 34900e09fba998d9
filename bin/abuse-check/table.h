/*
 * table: how often somebody did something lately, in a fixed amount of memory
 * whatever attackers do.
 *
 * An entry belongs to a key (an address, an account, a size: 16 bytes) and a
 * purpose (a rule, failed log-ins, open sessions).  Where all places of a new
 * entry are taken, one gives way: first what its frame has left behind, then
 * what was counted least, and of those what was used longest ago.  So a flood
 * of addresses that do something once pushes out others of its own kind, not
 * the one that goes on.  Entries of open sessions never give way.
 */
#ifndef ABUSE_CHECK_TABLE_H
#define ABUSE_CHECK_TABLE_H

#include "base/base.h"
#include "base/span.h"

struct table;

/* 2^bits entries of TABLE_ENTRY_BYTES bytes. */
#define TABLE_ENTRY_BYTES 88
struct table *table_new(unsigned bits);
void table_free(struct table **t);

/* The key of a text, under the table's secret seed. */
void table_text_key(const struct table *t, struct span text, uint8_t key[16]);

/*
 * Add `add` events at now_s and return how many there were in the last
 * frame_s seconds.  The window slides: none of them is forgotten before its
 * frame_s seconds are over, and each is after frame_s + frame_s / 15 + 1 at the latest.
 * now_s is of a clock that does not go back.
 */
uint32_t table_count(struct table *t, const uint8_t key[16], uint64_t purpose, uint32_t add, int64_t now_s, uint32_t frame_s);
void table_reset(struct table *t, const uint8_t key[16], uint64_t purpose);

/* Open sessions: open returns the new number, 0 when there is no place left to count. */
uint32_t table_open(struct table *t, const uint8_t key[16], uint64_t purpose, int64_t now_s);
void table_close(struct table *t, const uint8_t key[16], uint64_t purpose);

#endif
