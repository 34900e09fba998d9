/*
 * send-job: what tests of remote-send need from C.
 *
 *	send-job settings PROGRAM XML		print run/settings/PROGRAM made from XML
 *	send-job send SOCKET FILE KEY=VALUE...	send a job for the message in FILE
 *						and print the answer; "-" for FILE
 *						sends no descriptor
 *	send-job flood SOCKET FILE COUNT DOMAIN	send COUNT jobs without waiting; print
 *						how many could be sent, then how many
 *						were answered
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/record.h"
#include "config/compile.h"
#include "sys/fdpass.h"

static void
print_settings(void *ctx, const char *program, struct span text)
{
	if (strcmp(program, ctx) == 0)
		fwrite(text.p, 1, text.n, stdout);
}

static int
make_settings(char *program, const char *xml)
{
	struct buf errors;
	int pipe_fds[2], fd = open(xml, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0 || pipe(pipe_fds) < 0)
		die(EXIT_REFUSED, "%s: %s", xml, strerror(errno));
	if (fork() == 0) {
		close(pipe_fds[0]);
		_exit(compile_child(fd, xml, pipe_fds[1]));
	}
	close(pipe_fds[1]);
	buf_init(&errors, 65536);
	r = compile_take(pipe_fds[0], print_settings, program, &errors);
	if (r != 0)
		die(EXIT_REFUSED, "%s: %s", xml, buf_text(&errors));
	buf_free(&errors);
	return 0;
}

static int
open_socket(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&un, sizeof(un)) < 0)
		die(EXIT_TRY_LATER, "%s: %s", path, strerror(errno));
	return fd;
}

static int
send_job(int argc, char **argv)
{
	static char answer[LIMIT_RECORD];
	int sock = open_socket(argv[2]), nfds = strcmp(argv[3], "-") != 0;
	int fd = nfds ? open(argv[3], O_RDONLY | O_CLOEXEC) : -1;
	struct buf out;
	ssize_t n;

	if (nfds && fd < 0)
		die(EXIT_REFUSED, "%s: %s", argv[3], strerror(errno));
	buf_init(&out, LIMIT_RECORD);
	record_begin(&out, "send");
	for (int i = 4; i < argc; i++) {
		struct span value = span_of(argv[i]), key = span_cut(&value, '=');
		char name[64];

		snprintf(name, sizeof(name), "%.*s", SPAN_ARG(key));
		record_add(&out, name, value);
	}
	if (fdpass_send(sock, out.p, out.n, &fd, nfds) < 0)
		die(EXIT_REFUSED, "send: %s", strerror(errno));
	buf_free(&out);
	n = recv(sock, answer, sizeof(answer), 0);
	if (n <= 0)
		die(EXIT_REFUSED, "no answer");
	fwrite(answer, 1, (size_t)n, stdout);
	return 0;
}

static void
print_job(struct buf *out, int number, const char *domain)
{
	record_begin(out, "send");
	record_add_num(out, "job", (uint64_t)number);
	record_add_num(out, "id", (uint64_t)number);
	record_add_text(out, "domain", domain);
	record_add_text(out, "rcpt", "1 a@x.example");
}

static int
flood(char **argv)
{
	static char answer[LIMIT_RECORD];
	int sock = open_socket(argv[2]), fd = open(argv[3], O_RDONLY | O_CLOEXEC), sent = 0, got = 0;
	struct timeval patience = { .tv_usec = 700000 };
	uint64_t count;
	struct buf out;

	if (!num_parse(span_of(argv[4]), 100000, &count) || fd < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		die(EXIT_USAGE, "flood");
	buf_init(&out, LIMIT_RECORD);
	for (; (uint64_t)sent < count; sent++) {
		print_job(&out, sent, argv[5]);
		if (fdpass_send(sock, out.p, out.n, &fd, 1) < 0)
			break;
	}
	buf_free(&out);
	printf("sent=%d\n", sent);
	fflush(stdout);
	while (got < sent && recv(sock, answer, sizeof(answer), 0) > 0)
		got++;
	printf("answered=%d\n", got);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "flood") == 0)
		return flood(argv);
	if (argc == 4 && strcmp(argv[1], "settings") == 0)
		return make_settings(argv[2], argv[3]);
	if (argc > 4 && strcmp(argv[1], "send") == 0)
		return send_job(argc, argv);
	die(EXIT_USAGE, "usage: send-job settings PROGRAM XML | send SOCKET FILE KEY=VALUE... | "
	    "flood SOCKET FILE COUNT DOMAIN");
}
