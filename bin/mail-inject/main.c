/*
 * mail-inject: hand a message of a local program to the server; also called
 * "sendmail".
 *
 * Runs as the caller, with no right of its own: it speaks SMTP over the socket
 * run/pub/smtp, where smtp-listen learns the caller's uid from the kernel.
 * Trust: the caller hurts nobody but himself; the server checks all again.
 */
#include "base/base.h"
#include "head.h"
#include "input.h"
#include "options.h"
#include "queue.h"
#include "submit.h"
#include "base/die.h"
#include "base/limits.h"
#include "net/connect.h"
#include "service/instance.h"
#include "smtp/path.h"
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>

static int
connect_server(const struct options *o)
{
	char path[INSTANCE_PATH_MAX];
	struct instance in;
	int fd = -1;

	if (instance_open(&in, o->root) == 0)
		fd = connect_unix(instance_path(&in, path, "run/pub/smtp"), SOCK_STREAM);
	if (fd < 0)
		fprintf(stderr, "mail-inject: the server is not running: %m\n");
	return fd;
}

/* The envelope sender: -f, or the caller's own name at this host. */
static bool
find_sender(const struct options *o, const char *host, struct smtp_path *out)
{
	const struct passwd *pw = getpwuid(getuid());
	char text[LIMIT_ADDRESS + 1];
	struct span address = span_of(o->sender);

	*out = (struct smtp_path){ .n = 0 };
	if (o->sender != NULL && (address.n == 0 || span_is(address, "<>")))
		return true;
	if (address.n > 2 && address.p[0] == '<' && address.p[address.n - 1] == '>')
		address = span_make(address.p + 1, address.n - 2);
	if (o->sender == NULL && pw == NULL) {
		fprintf(stderr, "mail-inject: uid %u has no name; give the sender with -f\n", (unsigned)getuid());
		return false;
	}
	if (o->sender == NULL)
		address = span_of(pw->pw_name);
	if (span_find(address, '@') < 0) {
		snprintf(text, sizeof(text), "%.*s@%s", SPAN_ARG(span_first(address, LIMIT_LOCAL_PART)), host);
		address = span_of(text);
	}
	if (smtp_path_parse(address, out) == SMTP_PATH_OK)
		return true;
	fprintf(stderr, "mail-inject: bad sender address\n");
	return false;
}

static bool
add_arguments(const struct options *o, const char *host, struct recipients *r)
{
	char storage[256];
	struct buf bad;

	buf_init_fixed(&bad, storage, sizeof(storage));
	for (size_t i = 0; i < o->recipient_count; i++)
		if (!recipients_add(r, span_of(o->recipients[i]), host, &bad)) {
			fprintf(stderr, "mail-inject: bad or too many recipients: %s\n", storage);
			return false;
		}
	return true;
}

static int
inject(const struct options *o, int fd)
{
	struct stream io;
	struct input in;
	struct recipients r = { .count = 0 };
	struct smtp_path sender;
	struct buf head;
	char host[LIMIT_DOMAIN + 1];
	int result;

	stream_init(&io, fd, 4096);
	buf_init(&head, LIMIT_HEADER_BYTES + LIMIT_DATA_LINE + 1024);
	input_init(&in, 0, o->dots_are_text);
	result = submit_greet(&io, host, sizeof(host));
	if (result == INJECT_OK && (!find_sender(o, host, &sender) || !add_arguments(o, host, &r)))
		result = INJECT_DATA;
	if (result == INJECT_OK)
		result = head_read(&in, o, sender.text, host, &r, &head);
	if (result == INJECT_OK && (r.count == 0 || head.overflow)) {
		fprintf(stderr, "mail-inject: %s\n", r.count == 0 ? "no recipients" : "header too large");
		result = r.count == 0 ? INJECT_USAGE : INJECT_DATA;
	}
	if (result == INJECT_OK)
		result = submit_message(&io, o, sender.text, &r, buf_view(&head), &in);
	return result;
}

/* Copy what can be read from one to the other; false at the end. */
static bool
copy(int from, int to)
{
	char piece[8192];
	ssize_t n = read(from, piece, sizeof(piece));
	ssize_t done = 0;

	while (n > 0 && done < n) {
		ssize_t got = write(to, piece + done, (size_t)(n - done));

		if (got < 0 && errno != EINTR)
			return false;
		done += got > 0 ? got : 0;
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

/* -bs: the caller speaks SMTP himself. */
static int
relay(int fd)
{
	struct pollfd p[2] = { { .fd = 0, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return INJECT_TRY_LATER;
		if (p[1].revents != 0 && !copy(fd, 1))
			return INJECT_OK;
		if (p[0].revents != 0 && !copy(0, fd)) {
			(void)shutdown(fd, SHUT_WR);
			p[0].fd = -1;
		}
	}
}

int
main(int argc, char **argv)
{
	struct options o;
	int fd;

	die_set_program("mail-inject");
	options_read(&o, argc, argv);
	if (o.queue != QUEUE_NO)
		return queue_become(&o);
	(void)signal(SIGPIPE, SIG_IGN);
	fd = connect_server(&o);
	if (fd < 0)
		return INJECT_TRY_LATER;
	/* One message, one process: the kernel takes its memory back. */
	_exit(o.smtp ? relay(fd) : inject(&o, fd));
}
