/*
 * queue-fill: make a queue of any size; for tests and t/bench/million.sh.
 *
 *	queue-fill SPOOL COUNT DOMAINS SENDERS
 *
 * Writes COUNT pairs into the folders SPOOL/SubSpool0 ... (which must exist), message N
 * from s<N % SENDERS>@far.example to x@d<N % DOMAINS>.test, all due.  Nothing is
 * synced.  The files belong to the owner of SPOOL.
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/die.h"
#include "base/num.h"
#include "spool/envelope.h"
#include "sys/clock.h"

#define FIRST_ID 1000000	/* below all that intake makes */

static void
write_file(int dir, const char *name, mode_t mode, const void *p, size_t n, const struct stat *owner)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n || (geteuid() == 0 && fchown(fd, owner->st_uid, owner->st_gid) < 0) ||
	    close(fd) < 0)
		die(EXIT_REFUSED, "%s: %s", name, strerror(errno));
}

static void
fill(int dir, uint64_t id, uint32_t domains, uint32_t senders, const struct stat *owner)
{
	static const char body[] = "Subject: one of many\r\n\r\nx\r\n";
	struct envelope *e = envelope_new();
	char sender[64], rcpt[64], name[64];
	struct buf text;

	snprintf(sender, sizeof(sender), "s%u@far.example", (unsigned)(id % senders));
	snprintf(rcpt, sizeof(rcpt), "x@d%u.test", (unsigned)(id % domains));
	e->id = id;
	e->status = ENVELOPE_WRITTEN;
	e->sender = span_of(sender);
	e->created = clock_wall_ms() / 1000;
	e->size = sizeof(body) - 1;
	e->crc32c = crc32c(0, body, sizeof(body) - 1);
	e->has_size = true;
	buf_init(&text, 65536);
	if (envelope_add(e, span_of(rcpt)) == NULL || !envelope_print(e, &text))
		bug("queue-fill: the envelope");
	snprintf(name, sizeof(name), "%llu.eml", (unsigned long long)id);
	write_file(dir, name, 0440, body, sizeof(body) - 1, owner);
	snprintf(name, sizeof(name), "%llu.hdr", (unsigned long long)id);
	write_file(dir, name, 0600, text.p, text.n, owner);
	buf_free(&text);
	envelope_free(&e);
}

int
main(int argc, char **argv)
{
	uint32_t count, domains, senders, subs = 0;
	struct stat owner;
	int dirs[1000];

	if (argc != 5 || !num_parse_u32(span_of(argv[2]), 10000000, &count) ||
	    !num_parse_u32(span_of(argv[3]), UINT32_MAX, &domains) || domains == 0 ||
	    !num_parse_u32(span_of(argv[4]), UINT32_MAX, &senders) || senders == 0)
		die(EXIT_USAGE, "usage: queue-fill SPOOL COUNT DOMAINS SENDERS");
	if (stat(argv[1], &owner) < 0)
		die(EXIT_REFUSED, "%s: %s", argv[1], strerror(errno));
	for (; subs < PB_COUNT(dirs); subs++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/SubSpool%u", argv[1], subs);
		dirs[subs] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dirs[subs] < 0)
			break;
	}
	if (subs == 0)
		die(EXIT_REFUSED, "there is no SubSpool0 in %s", argv[1]);
	for (uint32_t i = 0; i < count; i++)
		fill(dirs[(uint64_t)i * subs / count], FIRST_ID + i, domains, senders, &owner);
	return 0;
}
