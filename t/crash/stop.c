/*
 * stop: the program dies before and after every file call, or a call fails;
 * a fresh process recovers.  No power is cut here: what was written stays.
 */
#include "base/base.h"
#include "harness.h"
#include "tap.h"
#include "sys/filesystem.h"
#include <errno.h>

static int root;
static struct ledger *ledger;

static void
reset(void)
{
	scene_reset(root, ledger);
	rig = (struct rig){ .count = NULL };
}

/* How many calls the undisturbed story makes; the test is pointless without. */
static long
undisturbed(bool sync_directory)
{
	char why[WHY_SIZE] = "";
	bool good;

	reset();
	good = run_story(root, ledger, sync_directory);
	good = good && run_recovery(root, ledger, sync_directory, why, sizeof(why));
	ok(good, "the undisturbed story ends well%s%s", good ? "" : ": ", why);
	for (int k = 0; k < WORLD_MESSAGES; k++)
		if (world_plan[k].way != WAY_ABORT && !ledger->m[k].promised)
			ok(false, "message %d is promised in the undisturbed story", k);
	return ledger->calls;
}

static void
stop_everywhere(enum rig_stop stop, bool sync_directory)
{
	int bad = 0;
	long n;

	for (n = 1; n < 10000; n++) {
		char why[WHY_SIZE] = "";

		reset();
		rig.stop = stop;
		rig.stop_at = n;
		if (run_story(root, ledger, sync_directory))
			break;
		if (!run_recovery(root, ledger, sync_directory, why, sizeof(why)) && bad++ < 10)
			printf("# stopped %s call %ld: %s\n", stop == RIG_STOP_BEFORE ? "before" : "after", n, why);
	}
	ok(bad == 0, "killed %s each of %ld calls%s, nothing is lost",
		stop == RIG_STOP_BEFORE ? "before" : "after", n - 1, sync_directory ? " (sync always)" : "");
}

static void
fail_everywhere(int error, bool on, long calls)
{
	int bad = 0;

	for (long n = 1; n <= calls; n++) {
		char why[WHY_SIZE] = "";

		reset();
		ledger->disk_failed = true;
		rig.fail_at = n;
		rig.fail_on = on;
		rig.fail_error = error;
		if (!run_story(root, ledger, false))
			snprintf(why, sizeof(why), "the story did not end");
		else if (run_recovery(root, ledger, false, why, sizeof(why)))
			continue;
		if (bad++ < 10)
			printf("# call %ld failed: %s\n", n, why);
	}
	ok(bad == 0, "%s at each of %ld calls%s, nothing is lost", strerrorname_np(error), calls,
		on ? " and from there on" : "");
}

static void
stop_rec(void)
{
	_exit(9);
}

/* The recovery dies as well, at each of its calls, and a second one goes on. */
static void
stop_twice(long calls)
{
	int bad = 0;
	long tried = 0;

	for (long n = 3; n <= calls; n += 11) {
		for (long m = 1; m < 10000; m += 3) {
			char why[WHY_SIZE] = "";
			long *count = &ledger->calls;

			reset();
			rig.stop = RIG_STOP_AFTER;
			rig.stop_at = n;
			run_story(root, ledger, false);
			rig.stop_at = m;
			rig.stop_action = stop_rec;
			rig.count = count;
			*count = 0;
			rig_install();
			run_recovery(root, ledger, false, why, sizeof(why));
			rig_remove();
			if (*count < m)
				break;
			tried++;
			if (!run_recovery(root, ledger, false, why, sizeof(why)) && bad++ < 10)
				printf("# stopped after call %ld and in recovery after %ld: %s\n", n, m, why);
		}
	}
	ok(bad == 0, "killed once more in the recovery (%ld cases), nothing is lost", tried);
}

int
main(void)
{
	long calls;

	root = scene_new();
	ledger = ledger_new();
	filesystem_assume(FILESYSTEM_JOURNAL_GROUPS);
	calls = undisturbed(false);
	stop_everywhere(RIG_STOP_BEFORE, false);
	stop_everywhere(RIG_STOP_AFTER, false);
	filesystem_assume(FILESYSTEM_LOCAL);
	undisturbed(true);
	stop_everywhere(RIG_STOP_AFTER, true);
	fail_everywhere(ENOSPC, false, calls);
	fail_everywhere(EIO, false, calls);
	fail_everywhere(EDQUOT, true, calls);
	stop_twice(calls);
	return done();
}
