/* ask: see ask.h. */
#include "base/base.h"
#include "ask.h"

#include <pthread.h>
#include "base/die.h"
#include "check/scan_client.h"
#include "greylist.h"
#include "sys/clock.h"

#define DIRECTORY_RETRY_MS 5000
/* Threads that ask about SPF at the same time; the next goes without. */
#define SCAN_CLIENTS 16
#define LOG_EACH_MS 60000

static struct {
	pthread_mutex_t lock;
	struct directory *client;	/* NULL: not connected */
	uint64_t retry_ms;		/* not before this time */
} directory = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct {
	pthread_mutex_t lock;
	uint64_t log_next_ms;
	struct { struct scan_client *client; bool is_taken; } at[SCAN_CLIENTS];
} scan = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
ask_init(void)
{
	for (size_t i = 0; i < SCAN_CLIENTS; i++)
		scan.at[i].client = scan_client_open("scan");
}

/* Under its lock. */
static bool
connect_directory(void)
{
	uint64_t now = clock_ms();
	int fd;

	if (directory.client != NULL && directory_lookup_is_up(directory.client))
		return true;
	directory_free(&directory.client);
	if (now < directory.retry_ms)
		return false;
	directory.retry_ms = now + DIRECTORY_RETRY_MS;
	fd = owner_connect(&greylist.svc, "lookup", SOCK_STREAM);
	if (fd >= 0)
		directory.client = directory_new(fd, -1);
	return fd >= 0;
}

enum directory_greylist
ask_recipient(struct span recipient, struct span sender, char canonical[LIMIT_ADDRESS + 1])
{
	enum directory_greylist result = DIRECTORY_TROUBLE;

	canonical[0] = '\0';
	pthread_mutex_lock(&directory.lock);
	if (connect_directory())
		result = directory_greylist(directory.client, recipient, sender, canonical);
	pthread_mutex_unlock(&directory.lock);
	return result;
}

bool
ask_mailboxes(struct span recipient, ask_mailbox_fn *fn, void *ctx)
{
	struct directory_targets targets = { .count = 0 };
	bool found = false;

	pthread_mutex_lock(&directory.lock);
	if (connect_directory())
		(void)directory_expand(directory.client, recipient, &targets);
	pthread_mutex_unlock(&directory.lock);
	for (size_t i = 0; i < targets.count && !found; i++)
		found = targets.at[i].is_mailbox && fn(targets.at[i].address, ctx);
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
