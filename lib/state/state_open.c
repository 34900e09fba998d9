/*
 * state_open: open, recover or begin anew the environment of one owner.
 *
 * Invariants:
 * 1. The library is told the directory and reads no DB_CONFIG: one that lies
 *    there could name any path, so its presence is refused before the library
 *    looks (CVE-2017-10140).
 * 2. One process, one environment: DB_PRIVATE keeps regions in our own memory,
 *    so a kill -9 leaves only files, which DB_RECOVER makes whole.
 * 3. Every page carries a checksum; a damaged one is an error, not an answer.
 * Writes reach the kernel at each commit and the disk at checkpoints: a killed
 * process loses nothing, a power cut at most the last minute.
 */
#include "base/base.h"
#include "state/state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/die.h"
#include "base/mem.h"

#define LOG_FILE_SIZE (4 << 20)
#define LOG_MEMORY (256 << 10)

static char why[256] = "";

void
state_note(const DB_ENV *env PB_UNUSED, const char *prefix PB_UNUSED, const char *text)
{
	snprintf(why, sizeof(why), "%s", text);
}

void
state_note_error(int rc, const char *doing)
{
	if (why[0] == '\0')
		snprintf(why, sizeof(why), "%s: %s", doing, db_strerror(rc));
}

const char *
state_why(void)
{
	return why;
}

static bool
is_damage(int rc)
{
	return rc < 0 || rc == EIO || rc == EINVAL;
}

int
state_result(struct state *s, int rc)
{
	if (rc == 0)
		return 0;
	state_note_error(rc, "database");
	if (is_damage(rc))
		state_mark_failure(s->home);
	errno = rc > 0 ? rc : EIO;
	return -1;
}

/* The directory as a descriptor, proven to be ours alone and free of DB_CONFIG. */
static int
open_home(const char *home)
{
	struct stat st;
	int fd;

	if (mkdir(home, 0700) < 0 && errno != EEXIST)
		return -1;
	fd = open(home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		state_note(NULL, NULL, "the directory is not ours alone");
	} else if (fstatat(fd, "DB_CONFIG", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		state_note(NULL, NULL, "a DB_CONFIG lies in the directory");
	} else {
		return fd;
	}
	close(fd);
	errno = EPERM;
	return -1;
}

static int
open_environment(struct state *s, const char *home, size_t cache)
{
	int rc = db_env_create(&s->env, 0);

	if (rc != 0) {
		s->env = NULL;
		return rc;
	}
	s->env->set_errcall(s->env, state_note);
	s->env->set_errfile(s->env, NULL);
	if ((rc = s->env->set_cachesize(s->env, 0, (u_int32_t)cache, 1)) != 0
	    || (rc = s->env->set_lg_max(s->env, LOG_FILE_SIZE)) != 0
	    || (rc = s->env->set_lg_bsize(s->env, LOG_MEMORY)) != 0
	    || (rc = s->env->set_flags(s->env, DB_TXN_WRITE_NOSYNC, 1)) != 0
	    || (rc = s->env->log_set_config(s->env, DB_LOG_AUTO_REMOVE, 1)) != 0)
		return rc;
	return s->env->open(s->env, home, DB_CREATE | DB_PRIVATE | DB_RECOVER | DB_INIT_MPOOL
		| DB_INIT_LOG | DB_INIT_TXN, 0600);
}

static int
open_database(struct state *s, const char *name)
{
	int rc = db_create(&s->db, s->env, 0);

	if (rc != 0) {
		s->db = NULL;
		return rc;
	}
	if ((rc = s->db->set_flags(s->db, DB_CHKSUM)) != 0)
		return rc;
	return s->db->open(s->db, NULL, name, NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT, 0600);
}

static void
close_handles(struct state *s)
{
	if (s->db != NULL)
		s->db->close(s->db, 0);
	if (s->env != NULL)
		s->env->close(s->env, 0);
	s->db = NULL;
	s->env = NULL;
}

static int
open_handles(struct state *s, const char *home, const char *name, size_t cache)
{
	int rc = open_environment(s, home, cache);

	if (rc == 0)
		rc = open_database(s, name);
	if (rc != 0) {
		state_note_error(rc, "open");
		close_handles(s);
	}
	return rc;
}

/* Open; after the second failure in a row move everything aside and try once more. */
static int
open_or_begin(struct state *s, const char *home, const char *name, size_t cache, enum state_found *found)
{
	struct stat st;
	int rc;

	*found = fstatat(s->home, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? STATE_FOUND_GOOD : STATE_FOUND_NONE;
	if (!state_mark_says_aside(s->home)) {
		rc = open_handles(s, home, name, cache);
		if (rc == 0 || !is_damage(rc) || !state_mark_failure(s->home))
			return rc;
	}
	if (state_move_aside(s->home) < 0)
		return errno;
	*found = STATE_FOUND_BAD;
	return open_handles(s, home, name, cache);
}

static void
make_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;

	if (pthread_mutexattr_init(&attr) != 0
	    || pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE) != 0
	    || pthread_mutex_init(mutex, &attr) != 0)
		die(EXIT_TRY_LATER, "cannot make a mutex");
	pthread_mutexattr_destroy(&attr);
}

int
state_open(struct state **out, const char *home, const char *name, size_t cache, enum state_found *found)
{
	struct state *s;
	int fd, rc;

	*out = NULL;
	why[0] = '\0';
	fd = open_home(home);
	if (fd < 0) {
		state_note_error(errno, "directory");
		return -1;
	}
	s = mem_new(sizeof(*s));
	s->home = fd;
	s->pid = getpid();
	s->may_expire = true;
	s->raw = mem_new(STATE_RAW_MAX);
	rc = open_or_begin(s, home, name, cache, found);
	if (rc != 0) {
		close(fd);
		free(s->raw);
		free(s);
		errno = rc > 0 ? rc : EIO;
		return -1;
	}
	make_mutex(&s->mutex);
	*out = s;
	return 0;
}

void
state_close(struct state **sp)
{
	struct state *s = *sp;

	if (s == NULL)
		return;
	state_lock(s);
	if (s->txn != NULL)
		bug("state_close inside a transaction");
	s->env->txn_checkpoint(s->env, 0, 0, 0);
	close_handles(s);
	close(s->home);
	state_unlock(s);
	pthread_mutex_destroy(&s->mutex);
	free(s->raw);
	free(s);
	*sp = NULL;
}
