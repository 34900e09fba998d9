/*
 * harness: runs the story and the recovery, each in a process of its own.
 */
#ifndef T_CRASH_HARNESS_H
#define T_CRASH_HARNESS_H

#include "base/base.h"
#include "rig.h"
#include "world.h"

/* An empty directory in memory (or below TMPDIR); removed at exit. */
int scene_new(void);

/* Fresh world in root; the ledger is cleared. */
void scene_reset(int root, struct ledger *l);

/* The story under rig (set before) in a child.  True when it came to its end. */
bool run_story(int root, struct ledger *l, bool sync_directory);

/* Recovery in a child, with the calls of the kernel or, when set, of the rig. */
bool run_recovery(int root, struct ledger *l, bool sync_directory, char *why, size_t size);

#define WHY_SIZE 512

#endif
