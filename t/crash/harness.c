/* harness: children, so that nothing of one life is in the next. */
#include "base/base.h"
#include "harness.h"
#include "base/die.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char scene_path[256];
static pid_t scene_owner;

static void
remove_scene(void)
{
	int fd;

	if (getpid() != scene_owner)
		return;
	fd = open(scene_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		empty_directory(fd);
		close(fd);
	}
	rmdir(scene_path);
}

int
scene_new(void)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	if (access("/dev/shm", W_OK) == 0)
		tmp = "/dev/shm";
	snprintf(scene_path, sizeof(scene_path), "%s/spool-crash.XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(scene_path) == NULL)
		die(1, "%s: %s", scene_path, strerror(errno));
	scene_owner = getpid();
	atexit(remove_scene);
	fd = open(scene_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(1, "%s: %s", scene_path, strerror(errno));
	return fd;
}

void
scene_reset(int root, struct ledger *l)
{
	empty_directory(root);
	memset(l, 0, sizeof(*l));
	world_make(root);
	l->m[5].id = WORLD_FOREIGN_ID;
	l->m[5].promised = true;	/* moved in whole: its sender relies on us */
}

static int
wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die(1, "waitpid: %s", strerror(errno));
	return status;
}

bool
run_story(int root, struct ledger *l, bool sync_directory)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct world w;

		rig.count = &l->calls;
		rig_install();
		if (world_open(&w, root, l, sync_directory) == 0) {
			story(&w);
			world_close(&w);
		}
		_exit(0);
	}
	status = wait_for(pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		die(1, "the story ended by signal %d", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool
run_recovery(int root, struct ledger *l, bool sync_directory, char *why, size_t size)
{
	static char *shared;
	pid_t pid;
	int status;

	if (shared == NULL)
		shared = mmap(NULL, WHY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die(1, "mmap: %s", strerror(errno));
	memset(shared, 0, WHY_SIZE);
	pid = fork();
	if (pid == 0)
		_exit(recover_and_check(root, l, sync_directory, shared, WHY_SIZE) ? 0 : 1);
	status = wait_for(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFSIGNALED(status))
		snprintf(why, size, "recovery ended by signal %d", WTERMSIG(status));
	else
		snprintf(why, size, "%s", shared);
	return false;
}
