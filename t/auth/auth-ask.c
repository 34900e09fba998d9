/*
 * auth-ask: one log-in, by lib/directory, as a worker does it.
 *
 *	auth-ask SOCKET UID SERVICE MECHANISM USER PASSWORD [IP]
 *
 * Prints RESULT, USER and what the descriptor that came is ("-" for none),
 * then the milliseconds it took.  UID - keeps the uid.  For t/auth.
 */
#include "base/base.h"

#include <fcntl.h>
#include <gsasl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/die.h"
#include "base/num.h"
#include "directory/directory.h"
#include "sys/clock.h"

static const char *const results[] = { "OK", "CONTINUE", "FAILED", "DISABLED", "TROUBLE" };

static int
connect_to(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(sun.sun_path))
		die(2, "path too long");
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		die(1, "connect: %m");
	return fd;
}

static int
on_property(Gsasl *ctx, Gsasl_session *session, Gsasl_property prop)
{
	const char *const *names = gsasl_callback_hook_get(ctx);

	if (prop == GSASL_AUTHID)
		return gsasl_property_set(session, prop, names[0]);
	if (prop == GSASL_PASSWORD)
		return gsasl_property_set(session, prop, names[1]);
	return GSASL_NO_CALLBACK;
}

/* Any mechanism by GNU SASL's client, challenge after challenge. */
static enum auth_result
by_mechanism(struct directory *d, const struct auth_request *request, const char *const names[2], struct auth_reply *reply)
{
	Gsasl_session *session;
	enum auth_result result;
	char *out = NULL;
	Gsasl *ctx;

	if (gsasl_init(&ctx) != GSASL_OK || gsasl_client_start(ctx, request->mechanism, &session) != GSASL_OK)
		die(2, "no mechanism %s", request->mechanism);
	gsasl_callback_set(ctx, on_property);
	gsasl_callback_hook_set(ctx, (void *)(uintptr_t)names);
	result = auth_start(d, request, SPAN_NONE, reply);
	while (result == AUTH_CONTINUE) {
		if (gsasl_step64(session, reply->challenge, &out) > GSASL_NEEDS_MORE) {
			auth_cancel(d);
			result = AUTH_FAILED;
			break;
		}
		result = auth_continue(d, span_of(out), reply);
		gsasl_free(out);
	}
	gsasl_finish(session);
	gsasl_done(ctx);
	return result;
}

static void
print_mailbox(int fd)
{
	char link[64], path[1024] = "-";
	ssize_t n;

	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof(path) - 1);
		path[n < 0 ? 0 : n] = '\0';
		printf(" %s%s", path, (fcntl(fd, F_GETFL) & O_PATH) != 0 ? " O_PATH" : "");
	} else {
		printf(" -");
	}
}

int
main(int argc, char **argv)
{
	struct auth_request request = { .secured = true };
	struct auth_reply reply = { .mailbox = -1 };
	enum auth_result result;
	struct directory *d;
	uint32_t uid;
	uint64_t start;

	if (argc < 7)
		die(2, "usage: auth-ask SOCKET UID SERVICE MECHANISM USER PASSWORD [IP]");
	if (num_parse_u32(span_of(argv[2]), UINT32_MAX, &uid) && setuid(uid) != 0)
		die(2, "setuid: %m");
	d = directory_new(-1, connect_to(argv[1]));
	request.service = argv[3];
	request.mechanism = argv[4];
	request.remote_ip = argc > 7 ? argv[7] : "127.0.0.1";
	request.secured = argc <= 7;
	start = clock_ms();
	if (strcmp(argv[4], "PLAIN") == 0)
		result = auth_plain(d, &request, span_of(argv[5]), span_of(argv[6]), &reply);
	else
		result = by_mechanism(d, &request, (const char *const[]){ argv[5], argv[6] }, &reply);
	printf("%s %s", results[result], result == AUTH_OK ? reply.user : "-");
	print_mailbox(reply.mailbox);
	printf(" %llums\n", (unsigned long long)(clock_ms() - start));
	directory_free(&d);
	return 0;
}
