/*
 * recover: a fresh process after the crash, and the judgement.
 *
 * I1  what was promised is wherever it was due
 * I2  nothing partial or foreign is in any mailbox
 * I3  done: implies the mailbox link
 * I4  no envelope says anything else than what was committed
 * I5  duplicates only where the outcome was not durable
 * I6  no temporary file and no descriptor is left
 */
#include "base/base.h"
#include "rig.h"
#include "world.h"
#include "base/limits.h"
#include "spool/spool_id.h"
#include "spool/spool_put.h"
#include "spool/spool_read.h"
#include "spool/spool_scan.h"
#include "store/maildir_deliver.h"
#include "sys/clock.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define DAY 86400

struct verdict_text {
	char *out;
	size_t size;
	bool bad;
};

static void PB_PRINTF(2, 3)
blame(struct verdict_text *v, const char *fmt, ...)
{
	va_list ap;

	if (!v->bad) {
		va_start(ap, fmt);
		vsnprintf(v->out, v->size, fmt, ap);
		va_end(ap);
	}
	v->bad = true;
}

/* Calls visit for every name of a folder; folders that are missing are empty. */
static void
each_name(int at, const char *path, void (*visit)(void *ctx, int dir, const char *name), void *ctx)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			visit(ctx, fd, entry->d_name);
	closedir(dir);
}

/* -- mailboxes -------------------------------------------------------------- */

struct mailbox_count {
	struct verdict_text *v;
	const char *user;
	int found[WORLD_MESSAGES];
	struct buf text;
};

static void
count_mail(void *ctx, int dir, const char *name)
{
	struct mailbox_count *c = ctx;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), k;

	buf_clear(&c->text);
	if (fd < 0 || file_read_all(fd, &c->text) < 0)
		blame(c->v, "I2: %s of %s cannot be read", name, c->user);
	if (fd >= 0)
		close(fd);
	k = world_which(buf_view(&c->text));
	if (k < 0)
		blame(c->v, "I2: %s of %s is no whole message (%zu bytes)", name, c->user, c->text.n);
	else
		c->found[k]++;
}

/* How often each message is in the mailbox of an address. */
static void
count_mailbox(int root, struct span address, struct verdict_text *v, int found[WORLD_MESSAGES])
{
	char path[64], full[80], user[64];
	struct mailbox_count c = { .v = v, .user = user };

	snprintf(user, sizeof(user), "%.*s", SPAN_ARG(address));
	world_mailbox(address, path);
	snprintf(full, sizeof(full), "%s/new", path);
	buf_init(&c.text, 1 << 20);
	each_name(root, full, count_mail, &c);
	buf_free(&c.text);
	memcpy(found, c.found, sizeof(c.found));
}

static bool
is_due(int k, struct span address)
{
	for (int i = 0; i < WORLD_RCPTS && world_plan[k].rcpt[i] != NULL; i++)
		if (span_is(address, world_plan[k].rcpt[i]))
			return true;
	return false;
}

/*
 * A bounce may come twice when the disk failed as `bounced:` was written down:
 * the first is then delivered and gone before the second is made.
 */
static void
check_mailboxes(int root, const struct ledger *l, struct verdict_text *v)
{
	static const char *const addresses[] = { "alice@local.example", "bob@local.example", "carol@local.example" };

	for (size_t a = 0; a < PB_COUNT(addresses); a++) {
		int found[WORLD_MESSAGES];

		count_mailbox(root, span_of(addresses[a]), v, found);
		for (int k = 0; k < WORLD_MESSAGES; k++) {
			bool due = is_due(k, span_of(addresses[a]));

			if (found[k] > 0 && !due)
				blame(v, "I2: message %d is in the mailbox of %s", k, addresses[a]);
			if (found[k] > (k == WORLD_BOUNCE && l->disk_failed ? 2 : 1))
				blame(v, "I5: message %d is %d times in the mailbox of %s", k, found[k], addresses[a]);
			if (found[k] == 0 && due && l->m[k].promised)
				blame(v, "I1: message %d was promised, %s does not have it", k, addresses[a]);
		}
	}
}

static void
check_remote(const struct ledger *l, struct verdict_text *v)
{
	for (int k = 0; k < WORLD_MESSAGES; k++)
		for (int i = 0; i < WORLD_RCPTS && world_plan[k].rcpt[i] != NULL; i++) {
			if (world_is_local(span_of(world_plan[k].rcpt[i])))
				continue;
			if (l->m[k].promised && l->m[k].sent[i] == 0)
				blame(v, "I1: message %d was promised, never sent to %s", k, world_plan[k].rcpt[i]);
			if (l->m[k].sent[i] > 2)
				blame(v, "I5: message %d was sent %d times to %s", k, l->m[k].sent[i], world_plan[k].rcpt[i]);
		}
	if (l->m[WORLD_BOUNCED].promised && !l->m[WORLD_BOUNCE].promised)
		blame(v, "I1: message %d was promised, failed, and was not bounced", WORLD_BOUNCED);
}

/* What was durably written down as done before the crash is not done again. */
static void
check_repeats(const struct ledger *crash, const struct ledger *l, struct verdict_text *v)
{
	for (int k = 0; k < WORLD_MESSAGES; k++)
		for (int i = 0; i < WORLD_RCPTS; i++)
			if (crash->m[k].done_recorded[i] && l->m[k].sent[i] > crash->m[k].sent[i])
				blame(v, "I5: message %d was sent again though done: was durable", k);
}

/* -- envelopes as they lie -------------------------------------------------- */

struct lie {
	int root;
	const struct ledger *l;
	struct verdict_text *v;
};

static void
check_done(const struct lie *x, int k, const struct envelope_rcpt *r)
{
	int found[WORLD_MESSAGES];

	if (r->state != RCPT_DONE || !world_is_local(r->address))
		return;
	count_mailbox(x->root, r->address, x->v, found);
	if (found[k] == 0)
		blame(x->v, "I3: done: for message %d, but %.*s does not have it", k, SPAN_ARG(r->address));
}

static void
check_envelope(void *ctx, int dir, const char *name)
{
	struct lie *x = ctx;
	struct envelope *e;
	struct buf text;
	enum spool_file kind;
	uint64_t id;
	int fd, k;

	if (!spool_id_parse(span_of(name), &id, &kind) || kind != SPOOL_HDR)
		return;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	buf_init(&text, LIMIT_ENVELOPE);
	if (fd < 0 || file_read_all(fd, &text) < 0)
		blame(x->v, "%s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	k = world_which_id(x->l, id);
	if (envelope_parse(buf_view(&text), &e) == ENVELOPE_OK) {
		bool same = k >= 0 && span_is(e->sender, world_plan[k].sender) && (e->foreign || e->id == id);

		for (uint32_t i = 0; same && i < e->count; i++) {
			same = i < WORLD_RCPTS && world_plan[k].rcpt[i] != NULL &&
				span_is(e->rcpts[i].address, world_plan[k].rcpt[i]);
			if (same)
				check_done(x, k, &e->rcpts[i]);
		}
		if (!same)
			blame(x->v, "I4: %s says something else than was committed", name);
		envelope_free(&e);
	}
	buf_free(&text);
}

bool
check_as_it_lies(int root, const struct ledger *l, char *why, size_t size)
{
	struct verdict_text v = { why, size, false };
	struct lie x = { root, l, &v };

	each_name(root, "spool/SubSpool0", check_envelope, &x);
	each_name(root, "spool/SubSpool1", check_envelope, &x);
	return !v.bad;
}

/* -- rest ------------------------------------------------------------------- */

static void
no_message(void *ctx, int dir, const char *name)
{
	struct verdict_text *v = ctx;
	enum spool_file kind;
	uint64_t id;

	(void)dir;
	if (spool_id_parse(span_of(name), &id, &kind))
		blame(v, "I6: %s is left in the spool", name);
}

static void
no_file(void *ctx, int dir, const char *name)
{
	(void)dir;
	blame(ctx, "I6: temporary file %s is left", name);
}

static void
count_one(void *ctx, int dir, const char *name)
{
	(void)dir;
	(void)name;
	++*(int *)ctx;
}

static int
open_descriptors(void)
{
	int n = 0;

	each_name(AT_FDCWD, "/proc/self/fd", count_one, &n);
	return n;
}

static void
clean_mailboxes(int root, int64_t now)
{
	static const char *const users[] = { "alice@", "bob@", "carol@" };

	for (size_t i = 0; i < PB_COUNT(users); i++) {
		char path[64];

		world_mailbox(span_of(users[i]), path);
		if (maildir_clean(root, path, now) < 0)
			printf("# %s: %s\n", path, strerror(errno));
	}
}

static void
check_rest(int root, struct verdict_text *v)
{
	static const char *const tmp[] = { "mail/alice/Maildir/tmp", "mail/bob/Maildir/tmp", "mail/carol/Maildir/tmp" };

	each_name(root, "spool", no_message, v);
	each_name(root, "spool/SubSpool0", no_message, v);
	each_name(root, "spool/SubSpool1", no_message, v);
	for (size_t i = 0; i < PB_COUNT(tmp); i++)
		each_name(root, tmp[i], no_file, v);
}

/* Ids go on where no id was before. */
static void
check_ids(struct world *w, struct verdict_text *v)
{
	struct spool_put p;

	if (spool_put_new(w->spool, &p) < 0) {
		blame(v, "no new id: %s", strerror(errno));
		return;
	}
	if (p.ref.id <= w->ledger->largest_id)
		blame(v, "id %llu was given out twice", (unsigned long long)p.ref.id);
	spool_put_abort(&p);
}

static void
receive_scan(struct world *w, int64_t now)
{
	struct spool_scan_options o = { .part = SPOOL_SCAN_RECEIVED, .now = now };
	struct spool_scan *scan = spool_scan_new(w->spool, &o);
	struct spool_found found;

	while (spool_scan_next(scan, &found) != 0)
		envelope_free(&found.envelope);
	spool_scan_free(&scan);
}

bool
recover_and_check(int root, struct ledger *l, bool sync_directory, char *why, size_t size)
{
	struct verdict_text v = { why, size, false };
	int before = open_descriptors();
	int64_t now = clock_wall_ms() / 1000;
	struct ledger crash = *l;
	struct world w;

	l->lost = 0;
	if (!check_as_it_lies(root, l, why, size))
		return false;
	if (world_open(&w, root, l, sync_directory) < 0) {
		blame(&v, "spool_open: %s", strerror(errno));
		return false;
	}
	receive_scan(&w, now);
	drain(&w, now, true);
	memset(w.waits, 0, sizeof(w.waits));
	receive_scan(&w, now + 8 * DAY);
	drain(&w, now + 8 * DAY, true);
	clean_mailboxes(root, now + 8 * DAY);
	check_mailboxes(root, l, &v);
	check_remote(l, &v);
	check_repeats(&crash, l, &v);
	check_rest(root, &v);
	check_ids(&w, &v);
	world_close(&w);
	if (l->lost > 0)
		blame(&v, "false alarm: %s", l->why);
	if (open_descriptors() != before)
		blame(&v, "I6: %d descriptors are left", open_descriptors() - before);
	return !v.bad;
}
