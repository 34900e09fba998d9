/*
 * model: records what a story does to its files, and builds the disks that a
 * power cut could leave behind.
 *
 * A recorded operation is either durable at the moment of the cut or optional.
 * What makes it durable depends on the promises of the file system:
 *
 * MODEL_WEAK	what POSIX says: bytes by fsync or fdatasync of the file, a name
 *		by fsync of its directory.  Operations survive independently.
 * MODEL_LOCAL	besides, fsync of a new file makes its first name durable
 *		(ext4, xfs, btrfs and the like).
 * MODEL_JOURNAL	ext4 with a journal: names survive in their order; fsync of a
 *		file or directory makes all durable up to its own last change.
 *		Bytes that were not synced may be missing or zero; but those that
 *		were written out before a name that survives are there.
 */
#ifndef T_CRASH_MODEL_H
#define T_CRASH_MODEL_H

#include "base/base.h"
#include "rig.h"
#include "world.h"

enum model_kind { MODEL_WEAK, MODEL_LOCAL, MODEL_JOURNAL };

/* What becomes of an optional operation. */
enum model_fate {
	FATE_LOST,
	FATE_KEPT,
	/* bytes only: */
	FATE_HALF,	/* the first half is there, the file ends behind it */
	FATE_ZERO,	/* the length is there, the bytes are zero */
	FATE_TAIL	/* the first half is zero, the second is there */
};

extern const struct rig_recorder model_recorder;

/* Note what is below root and begin to record; the ledger is kept with every operation. */
void model_begin(int root, const struct ledger *l);
void model_end(void);

int model_count(void);
/* The ledger as it was when the first n operations were done. */
const struct ledger *model_ledger(int n);

/* Which of the first n operations are optional; the number of them. */
int model_optional(enum model_kind kind, int n, int *which);
bool model_is_name(int op);	/* changes a name, not bytes */
/* MODEL_JOURNAL: bytes that were written out before a name that is kept are kept too. */
void model_keep_written_out(int n, unsigned char *fate);
/* A number that is the same for the same disk. */
uint64_t model_hash(int n, const unsigned char *fate);
/* fate[0..n): the disk below root (empty), with optional operations as fate says. */
void model_build(int root, int n, const unsigned char *fate);

#endif
