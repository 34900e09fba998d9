/* ask: see ask.h. */
#include "base/base.h"
#include "ask.h"

#include <pthread.h>
#include "base/die.h"
#include "check/scan_client.h"
#include "greylist.h"
#include "sys/clock.h"

/* After auth-check was silent, or away, nobody asks it for so long. */
#define DIRECTORY_RETRY_MS 5000
/* Threads that ask it at the same time; the next waits for one of them. */
#define DIRECTORY_CLIENTS 8
/* Threads that ask about SPF at the same time; the next goes without. */
#define SCAN_CLIENTS 16
#define LOG_EACH_MS 60000

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* one became free, or auth-check is silent */
	uint64_t retry_ms;		/* it is not asked before this time */
	uint64_t log_next_ms;
	struct { struct directory *client; bool is_taken; } at[DIRECTORY_CLIENTS];
} directory = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct {
	pthread_mutex_t lock;
	uint64_t log_next_ms;
	struct { struct scan_client *client; bool is_taken; } at[SCAN_CLIENTS];
} scan = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
ask_init(void)
{
	pthread_condattr_t monotonic;

	if (pthread_condattr_init(&monotonic) != 0 || pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0
	    || pthread_cond_init(&directory.changed, &monotonic) != 0)
		die(EXIT_TRY_LATER, "cannot make a lock");
	pthread_condattr_destroy(&monotonic);
	for (size_t i = 0; i < SCAN_CLIENTS; i++)
		scan.at[i].client = scan_client_open("scan");
}

static int
free_directory(void)
{
	for (int i = 0; i < DIRECTORY_CLIENTS; i++)
		if (!directory.at[i].is_taken)
			return i;
	return -1;
}

/*
 * -1 when auth-check is not to be asked now, or all are in use for too long.
 * Who waits here goes on as soon as another has found that it is silent.
 */
static int
take_directory(void)
{
	struct timespec until;
	int found = -1, error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ASK_DIRECTORY_MS / 1000;
	pthread_mutex_lock(&directory.lock);
	while (clock_ms() >= directory.retry_ms && error == 0) {
		found = free_directory();
		if (found >= 0)
			break;
		error = pthread_cond_timedwait(&directory.changed, &directory.lock, &until);
	}
	if (found >= 0)
		directory.at[found].is_taken = true;
	pthread_mutex_unlock(&directory.lock);
	return found;
}

/* At most one line a minute says that nobody asks for a while. */
static void
give_directory(int i)
{
	uint64_t now = clock_ms();
	bool is_due = false;

	pthread_mutex_lock(&directory.lock);
	directory.at[i].is_taken = false;
	if (directory.at[i].client == NULL || !directory_lookup_is_up(directory.at[i].client)) {
		directory_free(&directory.at[i].client);
		directory.retry_ms = now + DIRECTORY_RETRY_MS;
		is_due = now >= directory.log_next_ms;
		if (is_due)
			directory.log_next_ms = now + LOG_EACH_MS;
		pthread_cond_broadcast(&directory.changed);
	}
	pthread_cond_signal(&directory.changed);
	pthread_mutex_unlock(&directory.lock);
	if (is_due)
		greylist_log("", NULL, "event=directory-unknown why=\"auth-check is away or silent\"");
}

/* Connect what take_directory gave, also when auth-check was started anew since. */
static bool
connect_directory(int i)
{
	struct directory *d = directory.at[i].client;
	int fd;

	if (d != NULL && directory_lookup_is_up(d))
		return true;
	directory_free(&directory.at[i].client);
	fd = owner_connect(&greylist.svc, "lookup", SOCK_STREAM | SOCK_NONBLOCK);
	if (fd < 0)
		return false;
	directory.at[i].client = directory_new(fd, -1);
	directory_patience(directory.at[i].client, ASK_DIRECTORY_MS);
	return true;
}

enum directory_greylist
ask_recipient(struct span recipient, struct span sender, char canonical[LIMIT_ADDRESS + 1])
{
	enum directory_greylist result = DIRECTORY_TROUBLE;
	int i = take_directory();

	canonical[0] = '\0';
	if (i < 0)
		return result;
	if (connect_directory(i))
		result = directory_greylist(directory.at[i].client, recipient, sender, canonical);
	give_directory(i);
	return result;
}

bool
ask_mailboxes(struct span recipient, ask_mailbox_fn *fn, void *ctx)
{
	struct directory_targets targets = { .count = 0 };
	bool found = false;
	int i = take_directory();

	if (i < 0)
		return false;
	if (connect_directory(i))
		(void)directory_expand(directory.at[i].client, recipient, &targets);
	give_directory(i);
	for (size_t n = 0; n < targets.count && !found; n++)
		found = targets.at[n].is_mailbox && fn(targets.at[n].address, ctx);
	directory_targets_free(&targets);
	return found;
}

/* -1 when all are in use. */
static int
take_scan_client(void)
{
	int found = -1;

	pthread_mutex_lock(&scan.lock);
	for (int i = 0; i < SCAN_CLIENTS && found < 0; i++)
		if (!scan.at[i].is_taken)
			found = i;
	if (found >= 0)
		scan.at[found].is_taken = true;
	pthread_mutex_unlock(&scan.lock);
	return found;
}

static void
give_scan_client(int i)
{
	pthread_mutex_lock(&scan.lock);
	scan.at[i].is_taken = false;
	pthread_mutex_unlock(&scan.lock);
}

/* At most one line a minute: a scan-check that is away is asked with each delivery. */
static void
log_unknown(const char *ticket, const struct addr *client, const char *what, const char *why)
{
	uint64_t now = clock_ms();
	char ip[ADDR_TEXT_MAX];
	bool is_due;

	pthread_mutex_lock(&scan.lock);
	is_due = now >= scan.log_next_ms;
	if (is_due)
		scan.log_next_ms = now + LOG_EACH_MS;
	pthread_mutex_unlock(&scan.lock);
	if (is_due)
		greylist_log(ticket, addr_print(client, ip, sizeof(ip)), "event=%s why=\"%s\"", what, why);
}

bool
ask_spf(const char *ticket, const struct addr *client, struct span helo, struct span sender)
{
	struct scan_spf spf;
	int i = take_scan_client();

	if (i < 0) {
		log_unknown(ticket, client, "spf-unknown", "too many questions at a time");
		return false;
	}
	scan_spf(scan.at[i].client, client, helo, sender, ASK_SPF_MS, &spf);
	if (spf.result == SCAN_SPF_UNKNOWN)
		log_unknown(ticket, client, "spf-unknown", scan_client_why(scan.at[i].client));
	give_scan_client(i);
	return spf.result == SCAN_SPF_PASS;
}

int
ask_mx(const char *ticket, const struct addr *client, struct span domain, const struct addr_range *range)
{
	enum scan_mx_result r = SCAN_MX_UNKNOWN;
	int i = take_scan_client();

	if (i < 0) {
		log_unknown(ticket, client, "mx-unknown", "too many questions at a time");
		return -1;
	}
	r = scan_mx_points_to(scan.at[i].client, domain, range, 1, ASK_MX_MS);
	if (r == SCAN_MX_UNKNOWN || r == SCAN_MX_TEMPERROR)
		log_unknown(ticket, client, "mx-unknown",
			r == SCAN_MX_TEMPERROR ? "DNS failed" : scan_client_why(scan.at[i].client));
	give_scan_client(i);
	return r == SCAN_MX_YES ? 1 : r == SCAN_MX_NO ? 0 : -1;
}
