/* What auth-check says of room, and of the space of domains, is read as hostile. */
/* Features: LIMIT-01, USER-03. */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "directory/directory.h"
#include "tap.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static int other;	/* auth-check's end */

/* A client whose next answer stands in the socket before it asks. */
static struct directory *
answered(const char *answer)
{
	char text[2048];
	int fds[2], n = snprintf(text, sizeof(text), "%zu:%s,", strlen(answer), answer);

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 || write(fds[1], text, (size_t)n) != n)
		bug("socketpair: %m");
	other = fds[1];
	return directory_new(fds[0], -1);
}

/* What was asked, as it went over the socket. */
static const char *
end(struct directory *d)
{
	static char text[1024];
	ssize_t n = recv(other, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	directory_free(&d);
	close(other);
	return text;
}

static struct directory_rcpt
rcpt(const char *answer)
{
	struct directory *d = answered(answer);
	struct directory_rcpt out;

	(void)directory_rcpt(d, SPAN("a@b.example"), &out);
	(void)end(d);
	return out;
}

static void
rooms(void)
{
	struct directory_rcpt r = rcpt("OK mailbox a@b.example");

	ok(r.kind == RCPT_MAILBOX && !r.room_known && !r.room_of_domain, "a mailbox with room enough");
	r = rcpt("OK mailbox/17 a@b.example");
	ok(r.kind == RCPT_MAILBOX && r.room_known && r.room == 17 && !r.room_of_domain, "one that is nearly full");
	r = rcpt("OK mailbox/0/domain a@b.example");
	ok(r.kind == RCPT_MAILBOX && r.room_known && r.room == 0 && r.room_of_domain, "one whose domain is full");
	is_text(r.canonical, "a@b.example", "whose address is what follows");
	r = rcpt("OK alias/5/domain a@b.example");
	ok(r.kind == RCPT_ALIAS && r.room == 5 && r.room_of_domain, "an alias of such");
	ok(rcpt("OK mailbox/x a@b.example").kind == RCPT_TROUBLE && rcpt("OK mailbox/-1 a@b.example").kind == RCPT_TROUBLE &&
		rcpt("OK mailbox/18446744073709551616 a@b.example").kind == RCPT_TROUBLE, "what is no number is trouble");
	ok(rcpt("OK mailbox/5/house a@b.example").kind == RCPT_TROUBLE && rcpt("OK mailbox/5/domain/x a@b.example").kind == RCPT_TROUBLE,
		"and so is room of something else");
	ok(rcpt("OK mailbox/5/domain ").kind == RCPT_TROUBLE, "or of nobody");
}

static int
tell(const char *answer, uint64_t *left)
{
	struct directory *d = answered(answer);
	int r = directory_tell_space(d, SPAN("b.example"), 4711, left);

	is_text(end(d), "20:space 4711 b.example,", "the question has bytes and domain");
	return r;
}

static int
work(const char *answer, struct directory_space_work *w)
{
	struct directory *d = answered(answer);
	int r = directory_space_work(d, w);

	(void)end(d);
	return r;
}

static void
spaces(void)
{
	char long_name[LIMIT_DOMAIN + 20] = "OK count ", user[LIMIT_LOCAL_PART + 1] = "u";
	struct directory_space_work w;
	struct directory *d;
	uint64_t left = 0;

	ok(tell("OK 18446744073709551615", &left) == 0 && left == UINT64_MAX, "a domain without a limit");
	ok(tell("OK 5", &left) == 0 && left == 5, "one with little room");
	is_num(tell("OK ", &left), -1, "no number is trouble");
	is_num(tell("PERM 550 5.7.1 no", &left), -1, "a refusal too");
	is_num(work("NOTFOUND ", &w), 0, "nothing to do");
	ok(work("OK count b.example", &w) == 1 && !w.warns && strcmp(w.domain, "b.example") == 0, "a domain to count");
	ok(work("OK warn b.example 7 5", &w) == 1 && w.warns && w.used == 7 && w.limit == 5, "one to tell of");
	ok(work("OK warn b.example 7", &w) == -1 && work("OK count", &w) == -1 && work("OK burn b.example", &w) == -1,
		"half an order, or another, is trouble");
	memset(long_name + 9, 'd', LIMIT_DOMAIN + 1);
	is_num(work(long_name, &w), -1, "a name that is too long is not taken");
	d = answered("OK v");
	is_num(directory_space_user(d, SPAN("b.example"), user), 1, "a user");
	is_text(user, "v", "who replaces the one before");
	is_text(end(d), "22:space-user u@b.example,", "and was asked for so");
	d = answered("NOTFOUND ");
	is_num(directory_space_user(d, SPAN("b.example"), user), 0, "the last one");
	(void)end(d);
	memset(long_name + 3, 'u', LIMIT_LOCAL_PART + 1);
	long_name[3 + LIMIT_LOCAL_PART + 1] = '\0';
	d = answered(long_name);
	is_num(directory_space_user(d, SPAN("b.example"), user), -1, "a name that is too long is none");
	(void)end(d);
	d = answered("OK ");
	is_num(directory_space_counted(d, SPAN("b.example"), 9), 0, "what was counted is told");
	is_text(end(d), "25:space-counted 9 b.example,", "with its bytes");
	d = answered("OK ");
	is_num(directory_space_refused(d, SPAN("b.example")), 0, "a refusal is told");
	is_text(end(d), "23:space-refused b.example,", "without any");
	d = answered("OK ");
	close(other);
	other = -1;
	is_num(directory_space_warned(d, SPAN("b.example")), -1, "nobody is there");
	(void)end(d);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	rooms();
	spaces();
	return done();
}
