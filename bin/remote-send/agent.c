/*
 * agent: see agent.h.
 *
 * It has no path to any file, no way to make another process, and no socket
 * but those to other hosts: its parent gives it addresses and the descriptor
 * of the message.
 *
 * Crash: dying anywhere loses no message; recipients without answer are tried
 * again, which is a second copy only when the final dot was sent.
 */
#include "base/base.h"
#include "agent.h"

#include <errno.h>
#include <poll.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "sign.h"
#include "sys/clock.h"
#include "sys/fdpass.h"
#include "transaction.h"
#include "waiver.h"

struct agent {
	const struct options *o;
	int parent;
	struct connection conn;
	uint64_t idle_since;		/* clock_ms */
	struct buf signatures;		/* of the message on its way */
};

static void
log_outcome(struct agent *a, const struct job *j, const struct job_rcpt *r)
{
	struct buf line;
	char verdict[VERDICT_TEXT_MAX + 32];

	verdict_print(&r->verdict, verdict, sizeof(verdict));
	buf_init(&line, LIMIT_RECORD);
	buf_printf(&line, "event=%s id=%llu rcpt=%u", r->verdict.kind == VERDICT_OK ? "sent" :
		r->verdict.kind == VERDICT_TEMP ? "deferred" : "failed", (unsigned long long)j->id, r->number);
	log_value(&line, "to", r->address);
	log_value(&line, "host", span_of(a->conn.to.host));
	log_value(&line, "text", span_of(verdict));
	log_line(a->o->svc, j->session, a->conn.ip, "%s", buf_text(&line));
	buf_free(&line);
}

static bool
has_undecided(const struct job *j)
{
	for (size_t i = 0; i < j->count; i++)
		if (!j->rcpt[i].decided)
			return true;
	return false;
}

/* The connection that is open leads to one of the best targets, and is protected as the message needs. */
static bool
can_reuse(const struct agent *a, const struct job *j, size_t *target)
{
	if (!a->conn.is_open || a->conn.messages >= a->o->messages_max)
		return false;
	for (size_t i = 0; i < j->target_count && j->target[i].preference == j->target[0].preference; i++) {
		struct verdict refused;
		struct tls_need need;

		*target = i;
		if (secure_need(j, &j->target[i], a->o->tls_rules, a->o->tls_available, &need, &refused) &&
		    connection_leads_to(&a->conn, &j->target[i], &need))
			return secure_suffices(&a->conn.secured, &need);
	}
	return false;
}

/* Send over the kept connection; a failure there says nothing about the host. */
static void
try_kept(struct agent *a, struct job *j, int fd)
{
	struct verdict ignored;
	size_t at;

	if (!can_reuse(a, j, &at))
		connection_quit(&a->conn);
	else if (transaction_run(&a->conn, j, fd, &ignored) == TRANSACTION_NEXT)
		connection_drop(&a->conn);
}

/* One target; false: another one may do better, *why says what was wrong. */
static bool
try_target(struct agent *a, struct job *j, struct target *to, int fd, struct verdict *why)
{
	struct tls_need need;
	bool is_self = false, is_open;

	connection_drop(&a->conn);
	a->conn.to = *to;
	addr_print(&to->addr, a->conn.ip, sizeof(a->conn.ip));
	if (!secure_need(j, to, a->o->tls_rules, a->o->tls_available, &need, why)) {
		to->report.type = need.type;
		snprintf(to->report.result, sizeof(to->report.result), "%s",
			need.type == TLS_POLICY_TLSA ? "dnssec-invalid" : need.type == TLS_POLICY_STS ? "validation-failure" : "");
		return false;
	}
	is_open = connection_open(&a->conn, to, &need, why, &is_self);
	to->report = a->conn.report;
	if (!is_open)
		return is_self && need.gateway == NULL;
	return transaction_run(&a->conn, j, fd, why) == TRANSACTION_DONE;
}

/* All targets in their order until every recipient is decided; a host that may do later is waited for. */
static void
try_targets(struct agent *a, struct job *j, int fd)
{
	struct verdict why = verdict_make(451, "4.4.1", "no host to send to"), best = why;

	for (size_t i = 0; i < j->target_count && has_undecided(j); i++) {
		bool ended = try_target(a, j, &j->target[i], fd, &why);

		if (ended || i == 0 || best.kind != VERDICT_TEMP || why.kind == VERDICT_TEMP)
			best = why;
		if (ended)
			break;
	}
	job_decide(j, &best);
}

static void
send_job(struct agent *a, struct job *j, int fd)
{
	struct verdict why;

	a->conn.ticket = j->session;
	j->tls_waived = !j->requiretls && waiver_read(fd);
	if (j->sign.n > 0 && !sign_message(a->o, a->parent, j, fd, &a->signatures, &why))
		job_decide(j, &why);
	if (has_undecided(j))
		try_kept(a, j, fd);
	if (has_undecided(j))
		try_targets(a, j, fd);
	for (size_t i = 0; i < j->count; i++)
		log_outcome(a, j, &j->rcpt[i]);
	if (a->conn.is_open && a->conn.messages >= a->o->messages_max)
		connection_quit(&a->conn);
	a->conn.ticket = "";
	a->idle_since = clock_ms();
}

/* False when the parent is gone. */
static bool
tell_parent(struct agent *a, struct buf *record)
{
	if (record->overflow)
		bug("answer over LIMIT_RECORD");
	return fdpass_send(a->parent, record->p, record->n, NULL, 0) >= 0;
}

static bool
answer(struct agent *a, const struct job *j)
{
	struct buf out;
	char kept[ADDR_TEXT_MAX + 8];
	bool sent;

	buf_init(&out, LIMIT_RECORD);
	job_answer(j, &out);
	job_add_reports(j, &out);
	if (a->conn.is_open)
		record_add_text(&out, "kept", addr_print_port(&a->conn.to.addr, kept, sizeof(kept)));
	sent = tell_parent(a, &out);
	buf_free(&out);
	return sent;
}

/* Where `queue` of the answer is, or *why says what was wrong. */
static bool
ask_length(struct agent *a, const struct job *j, uint64_t *queue, struct verdict *why)
{
	*why = verdict_make(451, "4.4.1", "no host to ask");
	for (size_t i = 0; i < j->target_count; i++) {
		struct tls_need need;
		bool is_self = false;
		struct span text;

		connection_drop(&a->conn);
		a->conn.to = j->target[i];
		if (!secure_need(j, &j->target[i], a->o->tls_rules, a->o->tls_available, &need, why) ||
		    !connection_open(&a->conn, &j->target[i], &need, why, &is_self))
			continue;
		connection_say(&a->conn, SPAN("XQUEUE\r\n"));
		if (!connection_hear(&a->conn, a->o->command_ms, why))
			continue;
		text = span_make(a->conn.reply.text, a->conn.reply.text_n);
		if (a->conn.reply.code == 250 && num_parse(span_word(&text), UINT32_MAX, queue))
			return true;
		*why = smtp_reply_verdict(&a->conn.reply);
	}
	return false;
}

static bool
answer_question(struct agent *a, const struct job *j)
{
	struct verdict why;
	struct buf out;
	uint64_t queue;
	bool sent;

	buf_init(&out, LIMIT_RECORD);
	record_begin(&out, "asked");
	record_add_num(&out, "job", j->number);
	if (ask_length(a, j, &queue, &why))
		record_add_num(&out, "queue", queue);
	else
		record_add_text(&out, "failed", why.text);
	connection_quit(&a->conn);
	sent = tell_parent(a, &out);
	buf_free(&out);
	return sent;
}

/* One record of the parent; false when it is gone or speaks nonsense. */
static bool
serve(struct agent *a)
{
	static char text[LIMIT_RECORD];
	static struct job j;
	struct record r;
	int fd = -1, nfds = 1;
	ssize_t n = fdpass_recv(a->parent, text, sizeof(text), &fd, &nfds);
	bool good;

	if (n <= 0)
		return false;
	if (!record_parse(span_make(text, (size_t)n), JOB_ROUTED_FIELDS, &r)) {
		if (nfds == 1)
			close(fd);
		return false;
	}
	good = job_read(&r, &j) && (nfds == 1) == !j.asks;
	if (good && j.asks) {
		good = answer_question(a, &j);
		job_forget_secrets(&j);
	} else if (good) {
		send_job(a, &j, fd);
		job_forget_secrets(&j);
		good = answer(a, &j);
	}
	if (nfds == 1)
		close(fd);
	mem_wipe(r.text, (size_t)n);
	record_free(&r);
	mem_wipe(text, (size_t)n);
	return good;
}

/* The kept connection was closed by the other end or has waited long enough. */
static bool
let_go(struct agent *a)
{
	struct buf out;
	bool sent;

	connection_quit(&a->conn);
	buf_init(&out, 64);
	record_begin(&out, "free");
	sent = tell_parent(a, &out);
	buf_free(&out);
	return sent;
}

static int
wait_ms(const struct agent *a)
{
	uint64_t now = clock_ms(), end = a->idle_since + AGENT_KEEP_MS;

	if (!a->conn.is_open)
		return -1;
	return now >= end ? 0 : (int)(end - now);
}

int
agent_run(const struct options *o, int parent)
{
	struct agent a = { .o = o, .parent = parent, .conn = { .o = o, .ticket = "" } };

	buf_init(&a.signatures, SIGNATURES_MAX);
	sandbox_seccomp(SANDBOX_SEND);
	for (;;) {
		struct pollfd p[2] = { { .fd = parent, .events = POLLIN },
			{ .fd = a.conn.is_open ? a.conn.io.fd_in : -1, .events = POLLIN } };
		int got = poll(p, 2, wait_ms(&a));

		if (got < 0 && errno != EINTR)
			return EXIT_REFUSED;
		if (got <= 0 || p[0].revents == 0) {
			if (got >= 0 && a.conn.is_open && !let_go(&a))
				return EXIT_DONE;
			log_flush(o->svc, false);
			continue;
		}
		if (!serve(&a))
			break;
		log_flush(o->svc, false);
	}
	connection_quit(&a.conn);
	log_flush(o->svc, true);
	return EXIT_DONE;
}
