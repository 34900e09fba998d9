/*
 * helper_process: the processes behind helpers.h.
 *
 * Trust: a hasher reads a hash that somebody may have planted and a password
 * from outside; a parser reads files that domain administrators write.  Both
 * are confined to their socket (SANDBOX_HASH) with limits of memory and time,
 * and their answers are read as hostile.
 */
#include "base/base.h"
#include "helper_process.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "directory/jwt.h"
#include "directory/secret.h"
#include "parse.h"
#include "sys/clock.h"
#include "sys/fdpass.h"
#include "sys/random.h"
#include "sys/sandbox.h"

#define HELPER_MEMORY (512U << 20)	/* yescrypt as made here takes 17 MB, older scrypt forms 130 */
#define HASH_SECONDS 5
#define PARSE_SECONDS 10

/* Only fd 2 and the socket, at HELPER_SOCKET, stay open. */
static void
keep_only(int sock)
{
	if (sock != HELPER_SOCKET && dup3(sock, HELPER_SOCKET, O_CLOEXEC) < 0)
		die(EXIT_TRY_LATER, "dup3: %m");
	if (close_range(HELPER_SOCKET + 1, ~0U, 0) < 0)
		die(EXIT_TRY_LATER, "close_range: %m");
	close(0);
	close(1);
}

void
helper_confine(int sock)
{
	static const struct sandbox_limits limits = { .memory = HELPER_MEMORY };
	struct sandbox_paths none;

	keep_only(sock);
	sandbox_prepare(&limits);
	sandbox_paths_begin(&none, false);
	sandbox_paths_apply(&none);
	sandbox_seccomp(SANDBOX_HASH);
}

/* Longer than this and the kernel ends us: the nursery tells. */
void
helper_time_limit(time_t seconds)
{
	struct itimerval t = { .it_value = { .tv_sec = seconds } };

	setitimer(ITIMER_REAL, &t, NULL);
}

void
helper_answer(const struct buf *out)
{
	if (out->overflow || fdpass_send(HELPER_SOCKET, out->p, out->n, NULL, 0) != (ssize_t)out->n)
		_exit(EXIT_TRY_LATER);
}

static void
check_password(const struct record *r, struct buf *out)
{
	char *hash = mem_copy(record_get(r, "hash"));
	bool same = secret_matches(hash, record_get(r, "password"));

	mem_wipe(hash, strlen(hash));
	free(hash);
	record_add_num(out, "match", same);
}

/* The key set from its start; false when it is larger than LIMIT_JWKS, or none. */
static bool
read_keys(int fd, struct buf *out)
{
	off_t at = 0;

	for (;;) {
		char *p = buf_reserve(out, 4096);
		ssize_t n = p == NULL ? -1 : pread(fd, p, 4096, at);

		if (n <= 0)
			return n == 0;
		buf_commit(out, (size_t)n);
		at += n;
	}
}

static void
check_token(const struct record *r, int keys_fd, struct buf *out)
{
	char *issuer = mem_copy(record_get(r, "issuer")), *audience = mem_copy(record_get(r, "audience"));
	char *claim = mem_copy(record_get(r, "claim")), why[JWT_WHY_MAX] = "the key set cannot be read";
	struct jwt_rules rules = { issuer, audience, claim, clock_wall_ms() / 1000 };
	struct jwt_claims claims;
	struct buf keys;
	bool good;

	buf_init(&keys, LIMIT_JWKS + 4096);
	good = read_keys(keys_fd, &keys) && jwt_verify(record_get(r, "token"), buf_view(&keys), &rules, &claims, why);
	record_add_num(out, "match", good);
	record_add_text(out, "text", good ? claims.user : why);
	buf_free(&keys);
	free(issuer);
	free(audience);
	free(claim);
}

void
helper_hash(int sock)
{
	char *question = mem_new(LIMIT_RECORD);
	struct record r;
	struct buf out;

	helper_confine(sock);
	json_object_seed((size_t)random_u64() | 1);	/* it would open a file for one */
	buf_init(&out, 1024);
	for (;;) {
		int keys = -1, fds = 1;
		ssize_t n = fdpass_recv(HELPER_SOCKET, question, LIMIT_RECORD, &keys, &fds);

		if (n == 0)
			_exit(EXIT_DONE);
		if (n < 0 || !record_parse(span_make(question, (size_t)n), 8, &r))
			_exit(EXIT_TRY_LATER);
		record_begin(&out, "checked");
		record_add(&out, "id", record_get(&r, "id"));
		helper_time_limit(HASH_SECONDS);
		if (span_is(r.verb, "token"))
			check_token(&r, fds == 1 ? keys : -1, &out);
		else
			check_password(&r, &out);
		helper_time_limit(0);
		if (fds == 1)
			close(keys);
		mem_wipe(question, (size_t)n);
		mem_wipe(r.text, strlen(r.text));
		record_free(&r);
		helper_answer(&out);
	}
}

void
helper_parse(int sock)
{
	char question[256];
	struct buf out;

	parse_warm_up();
	helper_confine(sock);
	buf_init(&out, HELPER_ANSWER_MAX);
	for (;;) {
		int fd = -1, fds = 1;
		struct record r;
		ssize_t n = fdpass_recv(HELPER_SOCKET, question, sizeof(question), &fd, &fds);

		if (n == 0)
			_exit(EXIT_DONE);
		if (n < 0 || fds != 1 || !record_parse(span_make(question, (size_t)n), 4, &r))
			_exit(EXIT_TRY_LATER);
		helper_time_limit(PARSE_SECONDS);
		parse_file(record_get(&r, "kind"), record_get(&r, "id"), fd, helper_answer, &out);
		helper_time_limit(0);
		close(fd);
		record_free(&r);
	}
}

/* -- the nursery ---------------------------------------------------------- */

static void
end_with_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EXIT_TRY_LATER);
}

static pid_t
start_helper(const int *socks, size_t n, size_t i)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	end_with_parent(parent);
	if (i + 1 == n)
		helper_parse(socks[i]);
	if (i + 2 == n)
		helper_sign(socks[i]);
	helper_hash(socks[i]);
}

static size_t
slot_of(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return i;
	return n;
}

void
nursery_run(const int *socks, size_t n)
{
	static const struct sandbox_limits limits = { 0 };
	pid_t *pids = mem_array(n, sizeof(*pids));

	sandbox_prepare(&limits);
	sandbox_seccomp(SANDBOX_NURSERY);
	for (size_t i = 0; i < n; i++)
		pids[i] = start_helper(socks, n, i);
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, 0);
		size_t i = pid > 0 ? slot_of(pids, n, pid) : n;

		if (pid < 0 && errno != EINTR)
			_exit(EXIT_TRY_LATER);
		if (i == n)
			continue;
		(void)send(socks[i], "lost\n", 5, MSG_NOSIGNAL | MSG_DONTWAIT);
		clock_sleep_ms(50);
		pids[i] = start_helper(socks, n, i);
	}
}
