/* Durable replacement, locks, file system kinds, checksums by both ways, clocks and chance. */
#include "base/base.h"
#include "tap.h"
#include "trace.h"
#include "base/crc32c.h"
#include "sys/clock.h"
#include "sys/durable.h"
#include "sys/file.h"
#include "sys/filesystem.h"
#include "sys/lock.h"
#include "sys/random.h"
#include <errno.h>
#include <sys/stat.h>

static char path[] = "/tmp/sys-file.XXXXXX";
static int dir;

static struct span
content(const char *name, struct buf *b)
{
	int fd = file_openat(dir, name, O_RDONLY, 0);

	buf_clear(b);
	if (fd < 0 || file_read_all(fd, b) < 0)
		return SPAN("(unreadable)");
	file_close(&fd);
	return buf_view(b);
}

static void
test_durable(void)
{
	struct stat st;
	struct buf b;
	char name[300];

	buf_init(&b, 100);
	ok(durable_replace(dir, "x", "one", 3, 0640) == 0, "a file is made");
	trace_begin();
	ok(durable_replace(dir, "x", "two", 3, 0640) == 0, "and replaced");
	trace_end();
	is_text(trace, "wsrD", "written, synced, named, and the name synced");
	is_span(content("x", &b), "two", "its content is the new one");
	ok(fstatat(dir, "x", &st, 0) == 0 && (st.st_mode & 07777) == 0640, "its mode is as asked, whatever the umask");
	ok(faccessat(dir, ".x.tmp", F_OK, 0) < 0, "nothing else is left");
	ok(durable_replace(dir, ".", "a", 1, 0600) < 0, "a folder is not replaced");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ok(durable_replace(dir, name, "a", 1, 0600) < 0 && errno == ENAMETOOLONG, "a name too long is refused");
	buf_free(&b);
	buf_init(&b, 2);
	{
		int fd = file_openat(dir, "x", O_RDONLY, 0);

		ok(file_read_all(fd, &b) < 0 && errno == EFBIG, "a file longer than the buffer may become: EFBIG");
		file_close(&fd);
		is_num(fd, -1, "closing forgets the number");
	}
	buf_free(&b);
}

static void
test_beneath(void)
{
	int fd;

	ok(symlinkat("/etc", dir, "etc") == 0 && file_openat2(dir, "etc/passwd", O_RDONLY, 0) < 0 && errno == ELOOP,
		"a symbolic link on the way is refused");
	ok(file_openat2(dir, "../passwd", O_RDONLY, 0) < 0 && errno == EXDEV, "so is a way out");
	fd = file_openat2(dir, "x", O_RDONLY, 0);
	ok(fd >= 0, "what is inside is opened");
	ok(fcntl(fd, F_GETFD) == FD_CLOEXEC, "closed on exec");
	file_close(&fd);
}

static void
test_lock(void)
{
	int a = lock_file(dir, "lock", false), b;

	ok(a >= 0, "locked");
	b = lock_file(dir, "lock", false);
	ok(b < 0 && errno == EAGAIN, "a second time: EAGAIN");
	file_close(&a);
	b = lock_file(dir, "lock", true);
	ok(b >= 0, "free again");
	file_close(&b);
}

static void
test_kinds(void)
{
	enum filesystem_kind kind;
	int shm = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ok(filesystem_kind(dir, &kind) == 0, "the file system has a kind (%s: %d)", filesystem_name(dir), (int)kind);
	if (shm >= 0 && strcmp(filesystem_name(shm), "tmpfs") == 0)
		ok(filesystem_kind(shm, &kind) == 0 && kind == FILESYSTEM_MEMORY, "tmpfs keeps nothing");
	file_close(&shm);
	ok(filesystem_kind(-1, &kind) < 0 && errno == EBADF, "no descriptor: EBADF");
}

static void
test_crc(void)
{
	char data[1000];
	bool same = true;

	random_fill(data, sizeof(data));
	for (size_t n = 0; n < sizeof(data); n += 7) {
		uint32_t bytewise = 0;

		for (size_t i = 0; i < n; i++)
			bytewise = crc32c(bytewise, data + i, 1);
		same = same && bytewise == crc32c(0, data, n);
	}
	ok(same, "a checksum does not depend on how the data is cut");
	is_num(crc32c(0, "123456789", 9), 0xe3069283, "and is the standard one");
}

static void
test_clock_and_random(void)
{
	uint64_t before = clock_ms();
	bool in = true;

	clock_sleep_ms(5);
	ok(clock_ms() >= before + 5, "time passes");
	ok(clock_wall_ms() > INT64_C(1700000000000), "the year is plausible");
	for (int i = 0; i < 1000; i++)
		in = in && random_below(10) < 10;
	ok(in && random_below(1) == 0, "random numbers stay below");
	ok(random_u64() != random_u64(), "and differ");
}

int
main(void)
{
	static const char *const files[] = { "x", "lock", "etc" };

	if (mkdtemp(path) == NULL)
		return 1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_durable();
	test_beneath();
	test_lock();
	test_kinds();
	test_crc();
	test_clock_and_random();
	for (size_t i = 0; i < PB_COUNT(files); i++)
		unlinkat(dir, files[i], 0);
	rmdir(path);
	return done();
}
