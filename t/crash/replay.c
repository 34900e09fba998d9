/*
 * replay: the power is cut after every operation of the story; what was not
 * synced is lost, kept, torn or zero; a fresh process recovers.  Then the same
 * with mutants, which must all be found.
 */
#include "base/base.h"
#include "harness.h"
#include "model.h"
#include "tap.h"
#include "base/crc32c.h"
#include "sys/filesystem.h"
#include <errno.h>
#include <sys/stat.h>

#define OPS_MAX 1000
#define RANDOM_TRIES 6

static int root, disk;
static struct ledger *ledger, *judged;
static const char *const model_names[] = { "weak POSIX, sync always", "local", "ext4 with journal" };

struct judge {
	enum model_kind kind;
	long states;
	int bad;
	bool first_only;	/* a mutant: one finding is enough */
	char why[WHY_SIZE];
};

static uint32_t seed;

static uint32_t
next_random(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 16;
}

/* Most cuts leave a disk that another one left, with the same promises. */
#define SEEN_SIZE 65536
static uint64_t seen[SEEN_SIZE];

/* Write the story of this file system, under the mutant that is set. */
static void
record(enum model_kind kind, enum mutant mutant, long fail_at)
{
	struct world w;

	filesystem_assume(kind == MODEL_JOURNAL ? FILESYSTEM_JOURNAL_GROUPS : FILESYSTEM_LOCAL);
	scene_reset(root, ledger);
	ledger->disk_failed = fail_at > 0;
	model_begin(root, ledger);
	rig = (struct rig){ .count = &ledger->calls, .mutant = mutant, .recorder = &model_recorder,
		.fail_at = fail_at, .fail_error = EIO };
	rig_install();
	if (world_open(&w, root, ledger, kind == MODEL_WEAK) == 0) {
		story(&w);
		world_close(&w);
	}
	model_end();
	rig_remove();
	rig.recorder = NULL;
	memset(seen, 0, sizeof(seen));
}

static bool
was_judged(int n, const unsigned char *fate)
{
	struct ledger promises = *model_ledger(n);
	uint64_t hash, i;

	promises.calls = 0;
	hash = model_hash(n, fate) + crc32c(0, &promises, sizeof(promises)) + 1;
	for (i = hash % SEEN_SIZE; seen[i] != 0; i = (i + 1) % SEEN_SIZE)
		if (seen[i] == hash)
			return true;
	seen[i] = hash;
	return false;
}

static bool
try_state(struct judge *j, int n, const unsigned char *wanted)
{
	unsigned char fate[OPS_MAX];
	char why[WHY_SIZE] = "";

	memcpy(fate, wanted, sizeof(fate));
	if (j->kind == MODEL_JOURNAL)
		model_keep_written_out(n, fate);
	if (was_judged(n, fate))
		return true;
	j->states++;
	empty_directory(disk);
	model_build(disk, n, fate);
	memcpy(judged, model_ledger(n), sizeof(*judged));
	rig.fail_at = 0;
	rig.count = &judged->calls;
	rig_install();		/* the recovery is mutated as well */
	if (run_recovery(disk, judged, j->kind == MODEL_WEAK, why, sizeof(why)))
		return true;
	snprintf(j->why, sizeof(j->why), "cut after operation %d: %s", n, why);
	if (!j->first_only && j->bad < 10)
		printf("# %s\n", j->why);
	j->bad++;
	return false;
}

/* Names survive in their order: every prefix, with the bytes lost, zero or there. */
static bool
cut_in_order(struct judge *j, int n, const int *which, int count)
{
	static const enum model_fate bytes[] = { FATE_LOST, FATE_ZERO, FATE_KEPT, FATE_HALF, FATE_TAIL };
	unsigned char fate[OPS_MAX];
	bool good = true;

	for (int names = 0; names <= count; names++) {
		if (names > 0 && !model_is_name(which[names - 1]))
			continue;
		for (size_t b = 0; b < PB_COUNT(bytes); b++) {
			memset(fate, FATE_KEPT, sizeof(fate));
			for (int i = 0; i < count; i++)
				fate[which[i]] = !model_is_name(which[i]) ? bytes[b] :
					i < names ? FATE_KEPT : FATE_LOST;
			good &= try_state(j, n, fate);
			if (!good && j->first_only)
				return false;
		}
	}
	return good;
}

static void
set_all(unsigned char *fate, const int *which, int count, enum model_fate names, enum model_fate bytes)
{
	memset(fate, FATE_KEPT, OPS_MAX);
	for (int i = 0; i < count; i++)
		fate[which[i]] = model_is_name(which[i]) ? names : bytes;
}

/* Every operation survives by itself: all, none, each alone, all but each, and by lot. */
static bool
cut_freely(struct judge *j, int n, const int *which, int count)
{
	static const enum model_fate all[][2] = {
		{ FATE_LOST, FATE_LOST }, { FATE_KEPT, FATE_KEPT }, { FATE_KEPT, FATE_LOST },
		{ FATE_KEPT, FATE_ZERO }, { FATE_KEPT, FATE_HALF }, { FATE_KEPT, FATE_TAIL }
	};
	unsigned char fate[OPS_MAX];
	bool good = true;

	for (size_t a = 0; a < PB_COUNT(all) && (good || !j->first_only); a++) {
		set_all(fate, which, count, all[a][0], all[a][1]);
		good &= try_state(j, n, fate);
	}
	for (int i = 0; i < count && (good || !j->first_only); i++) {
		set_all(fate, which, count, FATE_LOST, FATE_LOST);
		fate[which[i]] = FATE_KEPT;
		good &= try_state(j, n, fate);
		set_all(fate, which, count, FATE_KEPT, FATE_KEPT);
		fate[which[i]] = FATE_LOST;
		good &= try_state(j, n, fate);
	}
	for (int t = 0; t < RANDOM_TRIES && count > 2 && (good || !j->first_only); t++) {
		set_all(fate, which, count, FATE_KEPT, FATE_KEPT);
		for (int i = 0; i < count; i++)
			fate[which[i]] = (unsigned char)(next_random() % (model_is_name(which[i]) ? 2 : 5));
		good &= try_state(j, n, fate);
	}
	return good;
}

static void
cut_everywhere(struct judge *j)
{
	int which[OPS_MAX];

	for (int n = 0; n <= model_count(); n++) {
		int count = model_optional(j->kind, n, which);
		bool good = j->kind == MODEL_JOURNAL ? cut_in_order(j, n, which, count) :
			cut_freely(j, n, which, count);

		if (!good && j->first_only)
			return;
	}
}

static void
survive(enum model_kind kind)
{
	struct judge j = { .kind = kind };

	record(kind, MUTANT_NONE, 0);
	cut_everywhere(&j);
	ok(j.bad == 0 && j.states > 150, "%s: power cut after each of %d operations (%ld disks), nothing is lost",
		model_names[kind], model_count(), j.states);
}

/* A sync fails once (EIO), the story goes on, then the power is cut at the end. */
static void
survive_failed_sync(enum model_kind kind)
{
	struct judge j = { .kind = kind };
	long calls, tried = 0;

	record(kind, MUTANT_NONE, 0);
	calls = ledger->calls;
	for (long n = 1; n <= calls; n++) {
		int which[OPS_MAX], count;
		unsigned char fate[OPS_MAX];

		record(kind, MUTANT_NONE, n);
		count = model_optional(kind, model_count(), which);
		set_all(fate, which, count, FATE_LOST, FATE_LOST);
		try_state(&j, model_count(), fate);
		set_all(fate, which, count, FATE_KEPT, FATE_ZERO);
		try_state(&j, model_count(), fate);
		tried++;
	}
	ok(j.bad == 0, "%s: EIO at each of %ld calls, then a power cut, nothing is lost", model_names[kind], tried);
}

static void
catch(enum mutant mutant)
{
	for (int kind = MODEL_JOURNAL; kind >= MODEL_WEAK; kind--) {
		struct judge j = { .kind = (enum model_kind)kind, .first_only = true };

		record(j.kind, mutant, 0);
		cut_everywhere(&j);
		if (j.bad > 0) {
			ok(true, "caught: %s (model %s, disk %ld: %s)", mutant_names[mutant],
				model_names[kind], j.states, j.why);
			return;
		}
	}
	ok(false, "caught: %s", mutant_names[mutant]);
}

int
main(void)
{
	root = scene_new();
	if (mkdirat(root, "story", 0700) < 0 || mkdirat(root, "disk", 0700) < 0)
		return 1;
	disk = openat(root, "disk", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root = openat(root, "story", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ledger = ledger_new();
	judged = ledger_new();
	survive(MODEL_WEAK);
	survive(MODEL_LOCAL);
	survive(MODEL_JOURNAL);
	survive_failed_sync(MODEL_LOCAL);
	survive_failed_sync(MODEL_JOURNAL);
	for (enum mutant m = MUTANT_NONE + 1; m < MUTANT_COUNT; m++)
		catch(m);
	return done();
}
