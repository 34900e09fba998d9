/*
 * power: real power cuts.  An ext4 with a journal in a file, mounted by loop;
 * at a call of the story FS_IOC_SHUTDOWN stops the file system without writing
 * its journal out, as a cut would; it is mounted again, and a fresh process
 * recovers.  Needs root, and a mount namespace of its own: another that is made
 * meanwhile would copy the mount and keep the old file system alive.
 */
#include "base/base.h"
#include "harness.h"
#include "tap.h"
#include "base/die.h"
#include "sys/filesystem.h"
#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SHUTDOWN _IOR('X', 125, uint32_t)
#define SHUTDOWN_NO_LOG_FLUSH 2u

static char base[] = "/tmp/spool-power.XXXXXX";
static char image[64], point[64];
static struct ledger *ledger;
static int root = -1;

static int
run(const char *const *argv)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
mount_image(void)
{
	const char *const argv[] = { "mount", "-o", "loop", image, point, NULL };

	if (run(argv) != 0)
		return false;
	root = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root >= 0;
}

/* umount(8), because it also frees the loop device. */
static void
unmount_image(void)
{
	const char *const argv[] = { "umount", point, NULL };

	if (root >= 0)
		close(root);
	root = -1;
	for (int i = 0; run(argv) != 0; i++) {
		if (i == 50)
			die(1, "%s cannot be unmounted", point);
		usleep(20000);
	}
}

static bool
make_image(void)
{
	const char *const argv[] = { "mkfs.ext4", "-q", "-F", "-b", "1024", "-N", "512", "-J", "size=1", image,
		"8192", NULL };

	return run(argv) == 0;
}

static void
clean_up(void)
{
	unlink(image);
	rmdir(point);
	rmdir(base);
}

/* The rig calls this in the child of run_story. */
static void
cut_power(void)
{
	uint32_t how = SHUTDOWN_NO_LOG_FLUSH;

	if (ioctl(root, SHUTDOWN, &how) < 0)
		_exit(2);
	_exit(9);
}

/*
 * A world on a new file system, the story up to call n, the cut, recovery.
 * 1: it held.  0: it did not (why).  -1: the story ended before call n.
 */
static int
cut_at(long n, enum mutant mutant, char *why, size_t size)
{
	bool ended;
	int result = -1;

	if (!make_image() || !mount_image())
		die(1, "no ext4 could be made and mounted");
	scene_reset(root, ledger);
	sync();
	rig = (struct rig){ .stop = RIG_STOP_AFTER, .stop_at = n, .stop_action = cut_power, .mutant = mutant };
	ended = run_story(root, ledger, false);
	unmount_image();
	if (!ended) {
		if (!mount_image())
			die(1, "the file system cannot be mounted after the cut");
		rig.stop_at = 0;
		rig.count = &ledger->calls;
		result = run_recovery(root, ledger, false, why, size) ? 1 : 0;
		unmount_image();
	}
	return result;
}

static void
survive(void)
{
	long n = 1;
	int bad = 0, got;
	char why[WHY_SIZE];

	while ((got = cut_at(n, MUTANT_NONE, why, sizeof(why))) >= 0) {
		if (got == 0 && bad++ < 10)
			printf("# power cut after call %ld: %s\n", n, why);
		n++;
	}
	ok(bad == 0 && n > 80, "ext4: power cut after each of %ld calls, nothing is lost", n - 1);
}

/* Calls where the cut shows the mutant were found by going through all of them. */
static void
catch(enum mutant mutant, long from, long to)
{
	char why[WHY_SIZE] = "";

	for (long n = from; n <= to; n++) {
		int got = cut_at(n, mutant, why, sizeof(why));

		if (got == 0) {
			ok(true, "ext4 catches: %s (call %ld: %s)", mutant_names[mutant], n, why);
			return;
		}
		if (got < 0)
			break;
	}
	ok(false, "ext4 catches: %s", mutant_names[mutant]);
}

static bool
can_cut(const char **why)
{
	*why = "needs root for mount";
	if (geteuid() != 0)
		return false;
	*why = "no mount namespace can be made";
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	*why = "mkfs.ext4 or a loop device is missing";
	if (!make_image() || !mount_image())
		return false;
	unmount_image();
	return true;
}

int
main(void)
{
	const char *why;

	if (mkdtemp(base) == NULL)
		return 1;
	snprintf(image, sizeof(image), "%s/image", base);
	snprintf(point, sizeof(point), "%s/mnt", base);
	if (mkdir(point, 0700) < 0)
		return 1;
	atexit(clean_up);
	if (!can_cut(&why)) {
		clean_up();
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	ledger = ledger_new();
	survive();
	/* Written out, the body is there with the envelope on this ext4, though nobody promises that. */
	catch(MUTANT_NO_BODY, 5, 40);
	catch(MUTANT_NO_HEADER_SYNC, 15, 60);
	catch(MUTANT_NO_MAILBOX_SYNC, 5, 40);
	return done();
}
