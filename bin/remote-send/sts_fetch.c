/*
 * sts_fetch: see sts_fetch.h.
 *
 * The child writes one line ("ok", "certificate WHY" or "failed WHY") and then the
 * text, and ends.  What the parent reads is bounded, and the child is killed when
 * it takes too long.
 *
 * Trust: the child talks to a stranger's web server; its words are read as hostile.
 */
#include "base/base.h"
#include "sts_fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sys/descriptors.h"
#include "sys/sandbox.h"

#define LINE_MAX_BYTES 300
#define PATIENCE_MS (STS_FETCH_MS + 5000)

struct sts_fetch {
	pid_t pid;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *timer;
	struct buf text;
	sts_fetch_call *call;
	void *ctx;
};

bool
sts_fetch_warm_up(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* -- in the child ---------------------------------------------------------- */

struct body {
	char p[LIMIT_STS_POLICY];
	size_t n;
};

static size_t
take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct body *b = ctx;

	if (n * size > sizeof(b->p) - b->n)
		return 0;		/* libcurl gives up */
	memcpy(b->p + b->n, p, n * size);
	b->n += n * size;
	return n * size;
}

static CURLcode
lend_cas(CURL *curl, void *ssl_ctx, void *cas)
{
	(void)curl;
	tls_lend_cas(cas, ssl_ctx);
	return CURLE_OK;
}

/* "HOST:443:IP,IP": no name is looked up here. */
static struct curl_slist *
where(const char *host, const struct addr *addrs, size_t count)
{
	struct curl_slist *list;
	struct buf b;

	buf_init(&b, 2048);
	buf_printf(&b, "%s:443:", host);
	for (size_t i = 0; i < count; i++) {
		char ip[ADDR_TEXT_MAX];

		buf_printf(&b, addrs[i].family == AF_INET6 ? "%s[%s]" : "%s%s", i > 0 ? "," : "",
			addr_print(&addrs[i], ip, sizeof(ip)));
	}
	list = curl_slist_append(NULL, buf_text(&b));
	buf_free(&b);
	return list;
}

static bool
set_up(CURL *curl, const struct tls_client *cas, const char *host, struct curl_slist *at, struct body *body, char *error)
{
	char url[512];

	snprintf(url, sizeof(url), "https://%s/.well-known/mta-sts.txt", host);
	return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_RESOLVE, at) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&	/* RFC 8461 3.3 */
	    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_CAINFO, NULL) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, lend_cas) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, (void *)(uintptr_t)cas) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 0L) == CURLE_OK &&	/* setsockopt is not ours */
	    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)STS_FETCH_MS) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error) == CURLE_OK;
}

/* Run it to its end; what libcurl needs besides was made before the filter. */
static CURLcode
perform(CURLM *multi, CURL *curl)
{
	int running = 1, left;
	CURLMsg *m;

	if (curl_multi_add_handle(multi, curl) != CURLM_OK)
		return CURLE_FAILED_INIT;
	while (running > 0)
		if (curl_multi_perform(multi, &running) != CURLM_OK ||
		    (running > 0 && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK))
			return CURLE_FAILED_INIT;
	m = curl_multi_info_read(multi, &left);
	return m != NULL && m->msg == CURLMSG_DONE ? m->data.result : CURLE_FAILED_INIT;
}

static void
describe(CURL *curl, CURLcode code, const char *error, struct buf *out)
{
	long status = 0;
	char *type = NULL;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	if (code == CURLE_WRITE_ERROR)
		buf_text_put(out, "failed the policy is larger than 65536 bytes");
	else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR)
		buf_printf(out, "certificate %s", error[0] != '\0' ? error : curl_easy_strerror(code));
	else if (code != CURLE_OK)
		buf_printf(out, "failed %s", error[0] != '\0' ? error : curl_easy_strerror(code));
	else if (status != 200)
		buf_printf(out, "failed the server answered %ld", status);
	else if (type == NULL || !span_starts_nocase(span_of(type), SPAN("text/plain")))
		buf_text_put(out, "failed the answer is not of type text/plain");
	else
		buf_text_put(out, "ok");
}

static void
put_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return;
		p += put;
		n -= (size_t)put;
	}
}

PB_NORETURN static void
fetch(int fd, const struct tls_client *cas, const char *host, const struct addr *addrs, size_t count)
{
	static struct body body;
	static char error[CURL_ERROR_SIZE];
	struct curl_slist *at = where(host, addrs, count);
	CURL *curl = curl_easy_init();
	CURLM *multi = curl_multi_init();
	struct buf line;

	buf_init(&line, LINE_MAX_BYTES);
	if (curl == NULL || multi == NULL || at == NULL || !set_up(curl, cas, host, at, &body, error)) {
		buf_text_put(&line, "failed libcurl cannot be set up");
	} else {
		sandbox_seccomp(SANDBOX_SEND);
		describe(curl, perform(multi, curl), error, &line);
	}
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '\n' || line.p[i] == '\r')
			line.p[i] = ' ';
	put_all(fd, line.p, line.n);
	put_all(fd, "\n", 1);
	if (span_is(buf_view(&line), "ok"))
		put_all(fd, body.p, body.n);
	_exit(0);
}

PB_NORETURN static void
become_fetcher(int fd, const struct tls_client *cas, const char *host, const struct addr *addrs, size_t count)
{
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);		/* nobody else would read the policy */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	descriptors_close_all_but((int[]){ fd }, 1);
	fetch(fd, cas, host, addrs, count);
}

/* -- in the parent --------------------------------------------------------- */

static void
finish(struct sts_fetch *f)
{
	struct span rest = buf_view(&f->text), line = span_cut(&rest, '\n'), kind = span_word(&line);
	struct sts_fetched r = { .is_there = !f->text.overflow && span_is(kind, "ok") && rest.p != NULL };
	char why[LINE_MAX_BYTES];
	struct buf text;

	buf_init_fixed(&text, why, sizeof(why));
	buf_escaped(&text, span_trim(line));
	r.certificate = span_is(kind, "certificate");
	r.why = r.is_there ? "" : why[0] != '\0' ? why : "it took too long";
	r.text = r.is_there && rest.n <= LIMIT_STS_POLICY ? rest : SPAN_NONE;
	loop_fd_drop(&f->watch);
	loop_timer_drop(&f->timer);
	close(f->fd);
	f->call(f->ctx, &r);
	buf_free(&f->text);
	free(f);
}

static void
on_text(void *ctx, int fd, unsigned events)
{
	struct sts_fetch *f = ctx;
	char piece[4096];
	ssize_t n = read(fd, piece, sizeof(piece));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && buf_put(&f->text, piece, (size_t)n))
		return;
	finish(f);
}

static void
on_patience_over(void *ctx)
{
	struct sts_fetch *f = ctx;

	f->timer = NULL;
	kill(f->pid, SIGKILL);
	buf_clear(&f->text);
	finish(f);
}

struct sts_fetch *
sts_fetch_begin(struct loop *loop, const struct tls_client *cas, const char *host, const struct addr *addrs,
	size_t count, sts_fetch_call *call, void *ctx)
{
	struct sts_fetch *f;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	pid = fork();
	if (pid == 0)
		become_fetcher(fds[1], cas, host, addrs, count);
	close(fds[1]);
	if (pid < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
		close(fds[0]);
		return NULL;
	}
	f = mem_new(sizeof(*f));
	*f = (struct sts_fetch){ .pid = pid, .fd = fds[0], .call = call, .ctx = ctx };
	buf_init(&f->text, LIMIT_STS_POLICY + LINE_MAX_BYTES);
	f->watch = loop_fd(loop, f->fd, LOOP_READ, on_text, f);
	f->timer = loop_timer(loop, PATIENCE_MS, on_patience_over, f);
	if (f->watch != NULL)
		return f;
	loop_timer_drop(&f->timer);
	kill(pid, SIGKILL);
	close(f->fd);
	buf_free(&f->text);
	free(f);
	return NULL;
}
