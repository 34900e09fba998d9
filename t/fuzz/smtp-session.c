/*
 * The whole SMTP session over a script of a client, cut in any way: replies and
 * what is committed are the same whether it comes in one segment, byte by byte
 * or in other pieces.  The session and its commands are the real ones; the
 * owners of state are stood in for here.
 *
 * The first byte of an input says how it is cut the third time, the rest is
 * what the client sends.
 */
#include "base/base.h"
#include "smtp.h"
#include "config/compile.h"
#include "config/xml.h"
#include "service/scoreboard.h"
#include "sys/clock.h"
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define TEXT_MAX (8u << 20)

/* What one run gave. */
struct result {
	struct buf replies, commits;
};

static struct result *now;
static uint64_t last_id = 100000000000;	/* so that all have as many digits */
static int message = -1;		/* our copy of the descriptor that the session writes */

/* -- intake ----------------------------------------------------------------- */

int
intake_new(struct intake_client *c PB_UNUSED, int *fd_out, uint64_t *id_out, struct verdict *out PB_UNUSED)
{
	if (message >= 0)
		close(message);
	message = memfd_create("message", MFD_CLOEXEC);
	*fd_out = fcntl(message, F_DUPFD_CLOEXEC, 0);
	FUZZ_CHECK(*fd_out >= 0);
	*id_out = ++last_id;
	return 0;
}

enum body_end
intake_body_end(const struct intake_client *c PB_UNUSED)
{
	return BODY_STARTED;
}

int
intake_room(struct intake_client *c PB_UNUSED, uint64_t max_age_ms PB_UNUSED, uint64_t *bytes_out)
{
	*bytes_out = 1u << 30;
	return 0;
}

/* The bytes of the message, with the envelope before them. */
int
intake_commit(struct intake_client *c PB_UNUSED, const struct envelope *e, bool next PB_UNUSED, struct verdict *out)
{
	struct buf *b = &now->commits;
	char piece[4096];
	off_t at = 0;
	ssize_t n;

	FUZZ_CHECK(e->rcpt_count > 0 && e->id == last_id);
	buf_printf(b, "from %.*s\n", SPAN_ARG(e->sender));
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		buf_printf(b, "to %.*s\n", SPAN_ARG(e->rcpts[i].address));
	while ((n = pread(message, piece, sizeof(piece), at)) > 0) {
		for (ssize_t i = 0; i < n; i++)		/* bare CR and LF never come so far */
			FUZZ_CHECK(piece[i] != '\0');
		buf_put(b, piece, (size_t)n);
		at += n;
	}
	FUZZ_CHECK((uint64_t)at == e->size);
	*out = verdict_make(250, "2.0.0", "Taken");
	return 0;
}

bool
intake_is_coming(const struct intake_client *c PB_UNUSED)
{
	return false;
}

int
intake_abort(struct intake_client *c PB_UNUSED)
{
	return 0;
}

/* -- auth-check ------------------------------------------------------------- */

enum rcpt_kind
directory_rcpt(struct directory *d PB_UNUSED, struct span address, struct directory_rcpt *out)
{
	*out = (struct directory_rcpt){ .kind = RCPT_FOREIGN };
	if (span_starts(address, SPAN("full@"))) {
		out->kind = RCPT_REFUSED;
		out->verdict = verdict_make(552, "5.2.2", "The mailbox is full");
	} else if (span_starts(address, SPAN("later@"))) {
		out->kind = RCPT_TROUBLE;
		out->verdict = verdict_make(451, "4.3.0", "Later");
	} else if (span_ends_nocase(address, SPAN("@example.com")) && address.n <= LIMIT_ADDRESS) {
		out->kind = RCPT_MAILBOX;
		snprintf(out->canonical, sizeof(out->canonical), "%.*s", SPAN_ARG(address));
	}
	return out->kind;
}

int
directory_domain(struct directory *d PB_UNUSED, struct span domain)
{
	return span_is_nocase(domain, "example.com");
}

int
directory_may_send_as(struct directory *d PB_UNUSED, struct span user, struct span address)
{
	return span_eq_nocase(user, address);
}

int
directory_domain_wants_login(struct directory *d PB_UNUSED, struct span domain PB_UNUSED, bool *wants_out)
{
	*wants_out = false;
	return 0;
}

int
directory_account(struct directory *d PB_UNUSED, struct span user PB_UNUSED, struct directory_account *out)
{
	*out = (struct directory_account){ .max_recipients = 3, .max_message_bytes = 100000 };
	return 1;
}

/* "AHUAcA==" is user u with password p; LOGIN and others go on once. */
static enum auth_result
judge(struct span response, struct auth_reply *reply)
{
	*reply = (struct auth_reply){ .mailbox = -1 };
	if (!span_is(response, "AHUAcA=="))
		return AUTH_FAILED;
	snprintf(reply->user, sizeof(reply->user), "u@example.com");
	return AUTH_OK;
}

enum auth_result
auth_start(struct directory *d PB_UNUSED, const struct auth_request *request PB_UNUSED, struct span initial,
	struct auth_reply *reply)
{
	if (initial.p != NULL)
		return judge(initial, reply);
	*reply = (struct auth_reply){ .mailbox = -1, .challenge = "VXNlcm5hbWU6" };
	return AUTH_CONTINUE;
}

enum auth_result
auth_continue(struct directory *d PB_UNUSED, struct span response, struct auth_reply *reply)
{
	return judge(response, reply);
}

void
auth_cancel(struct directory *d PB_UNUSED)
{
}

const char *
auth_mechanisms(struct directory *d PB_UNUSED)
{
	return "PLAIN LOGIN";
}

/* -- the session ------------------------------------------------------------ */

struct script {
	struct span rest;
	size_t piece;			/* bytes of one segment; 0: all at once */
};

static ssize_t
script_read(void *ctx, void *p, size_t n, short *events PB_UNUSED)
{
	struct script *s = ctx;
	struct span piece = span_first(s->rest, s->piece != 0 && s->piece < n ? s->piece : n);

	memcpy(p, piece.p, piece.n);
	s->rest = span_from(s->rest, piece.n);
	return (ssize_t)piece.n;
}

/* Tickets and ids differ from run to run: each digit counts as 0. */
static ssize_t
script_write(void *ctx PB_UNUSED, const void *p, size_t n, short *events PB_UNUSED)
{
	const char *c = p;

	for (size_t i = 0; i < n; i++) {
		const bool is_digit = c[i] >= '0' && c[i] <= '9';
		const struct span said = buf_view(&now->replies);
		const bool is_code = said.n < 3 || said.p[said.n - 1] == '\n' || said.p[said.n - 2] == '\n' ||
			said.p[said.n - 3] == '\n';

		buf_char(&now->replies, is_digit && !is_code ? '0' : c[i]);
	}
	return (ssize_t)n;
}

static void
script_close(void *ctx PB_UNUSED)
{
}

static const struct stream_transport transport = { .read = script_read, .write = script_write, .close = script_close };

static const char settings_xml[] = "<x><hostName>mx.example.com</hostName><bannerDelay>0</bannerDelay><plaintextAuth>always</plaintextAuth>"
	"<appendReceivedLine>none</appendReceivedLine><enableVrfy>True</enableVrfy><maxMessageSizeMB>1</maxMessageSizeMB>"
	"<smtpMaxBadCommands>20</smtpMaxBadCommands></x>";

static struct service svc = { .name = "smtp-listen", .master_fd = -1, .channel = -1, .outside_fd = -1, .log.fd = -1 };
static struct worker worker = { .held_fd = -1 };
static struct config config;
static struct score score;

static void
prepare(void)
{
	struct xml_error err;
	struct xml *x;
	struct buf text;

	if (svc.settings != NULL)
		return;
	x = xml_parse(span_of(settings_xml), &err);
	FUZZ_CHECK(x != NULL);
	buf_init(&text, LIMIT_SETTINGS);
	FUZZ_CHECK(compile_record(x, SCOPE_SERVER, PROGRAM_SMTP, &text));
	svc.settings = settings_parse(buf_view(&text));
	FUZZ_CHECK(svc.settings != NULL);
	buf_free(&text);
	xml_free(&x);
	svc.log.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	svc.ticket_next = 1;
	svc.ticket_end = UINT64_MAX;
	svc.ctx = &worker;
	config_read(&config, svc.settings);
	worker.config = &config;
	worker.abuse = abuse_new(-1);
	message_init(&worker.message);
}

static void
run(struct result *r, struct span in, size_t piece)
{
	struct script script = { in, piece };
	struct session s = { .svc = &svc, .listener = "smtp", .score = &score, .ip = "192.0.2.1",
		.ticket = "100000000001", .standing = GATE_UNLISTED };
	int fds[2];

	now = r;
	last_id = 1000;		/* ids of one run are as long as those of the next */
	buf_init(&r->replies, TEXT_MAX);
	buf_init(&r->commits, TEXT_MAX);
	svc.is_leaving = false;
	FUZZ_CHECK(addr_parse(SPAN("192.0.2.1"), &s.peer) && addr_parse(SPAN("192.0.2.2"), &s.local));
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	stream_init(&s.io, fds[0], 16384);
	stream_set_transport(&s.io, &transport, &script);
	smtp_session(&s);
	stream_close(&s.io);
	close(fds[1]);
	if (worker.held_fd >= 0)
		close(worker.held_fd);
	worker.held_fd = -1;
}

static void
result_free(struct result *r)
{
	buf_free(&r->replies);
	buf_free(&r->commits);
}

/* Every reply line has a code and ends with CR LF; nothing else is said. */
static void
check_replies(struct span said)
{
	while (said.n > 0) {
		ssize_t end = span_search(said, SPAN("\r\n"));

		FUZZ_CHECK(end >= 3 && said.p[0] >= '2' && said.p[0] <= '5' && said.p[1] >= '0' && said.p[1] <= '9');
		FUZZ_CHECK(said.p[2] >= '0' && said.p[2] <= '9' && (end == 3 || said.p[3] == ' ' || said.p[3] == '-'));
		for (ssize_t i = 0; i < end; i++)
			FUZZ_CHECK(said.p[i] >= ' ');
		said = span_from(said, (size_t)end + 2);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result whole, bytes, pieces;
	struct span in;

	prepare();
	if (size == 0)
		return 0;
	in = span_make((const char *)data + 1, size - 1);
	run(&whole, in, 0);
	check_replies(buf_view(&whole.replies));
	run(&bytes, in, 1);
	run(&pieces, in, 2 + data[0]);
	FUZZ_CHECK(span_eq(buf_view(&whole.replies), buf_view(&bytes.replies)));
	FUZZ_CHECK(span_eq(buf_view(&whole.replies), buf_view(&pieces.replies)));
	FUZZ_CHECK(span_eq(buf_view(&whole.commits), buf_view(&bytes.commits)));
	FUZZ_CHECK(span_eq(buf_view(&whole.commits), buf_view(&pieces.commits)));
	result_free(&whole);
	result_free(&bytes);
	result_free(&pieces);
	return 0;
}
