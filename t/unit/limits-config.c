/* Limits of settings: of one value, of the lines and of the whole of run/settings/PROGRAM. */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "config/config_file.h"
#include "config/settings.h"
#include "config/settings_parse.h"
#include "config/settings_table.h"
#include "config/xml.h"
#include "fill.h"
#include "tap.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the check of a file says about a value of n bytes. */
static bool
value_is_taken(size_t n, struct buf *errors)
{
	struct xml_error err;
	struct buf b;
	struct xml *x;
	bool good;

	buf_init(&b, n + 200);
	buf_text_put(&b, "<mailConfig>\n<sysAdminUserName>");
	fill(&b, n, 'g');
	buf_text_put(&b, "</sysAdminUserName></mailConfig>\n");
	x = xml_parse(buf_view(&b), &err);
	good = x != NULL && config_validate(x, SCOPE_SERVER, "f.xml", errors, NULL);
	xml_free(&x);
	buf_free(&b);
	return good;
}

static void
values(void)
{
	struct buf errors;

	buf_init(&errors, 65536);
	ok(!value_is_taken(LIMIT_SETTING_VALUE, &errors) && strstr(buf_text(&errors), "longer than 65536") == NULL, "a value at LIMIT_SETTING_VALUE is measured by its setting");
	buf_clear(&errors);
	ok(!value_is_taken(LIMIT_SETTING_VALUE + 1, &errors) &&
		strstr(buf_text(&errors), ": longer than 65536 bytes") != NULL, "over LIMIT_SETTING_VALUE: %s", buf_text(&errors));
	buf_free(&errors);
}

/* A record of n lines behind its verb: one list, the longest there can be, with n - 1 entries. */
static bool
lines_are_taken(size_t n)
{
	static const char item[] = "entry=domain\n";
	struct settings *s;
	struct buf b;
	bool good;

	buf_init(&b, n * sizeof(item) + 100);
	buf_text_put(&b, "settings\nlist=domain\n");
	for (size_t i = 1; i < n; i++)
		buf_put(&b, item, sizeof(item) - 1);
	s = settings_parse_scope(SCOPE_DOMAINS, buf_view(&b));
	good = s != NULL && settings_count(s, "domain") == n - 1;
	settings_free(&s);
	buf_free(&b);
	return good;
}

/* What reading a file of n NUL bytes ends with: its size is judged before its text. */
static int
errno_of_file(size_t n)
{
	struct settings *s;
	int fd = memfd_create("settings", MFD_CLOEXEC), saved;

	if (fd < 0 || ftruncate(fd, (off_t)n) != 0)
		bug("memfd: %m");
	s = settings_read(fd);
	saved = errno;
	ok(s == NULL, "%zu bytes of nothing are no settings", n);
	settings_free(&s);
	close(fd);
	return saved;
}

/*
 * Settings that a limit bounds: what their range promises is kept.  The other way
 * round nobody is told: a larger value would be taken, and never reached.
 */
static const struct { enum setting_scope scope; const char *path; uint64_t end; } bounded[] = {
	{ SCOPE_SERVER, "smtpMaxLineLength", LIMIT_DATA_LINE },
	{ SCOPE_SERVER, "smtpMaxConnections", LIMIT_POOL_WORKERS },
	{ SCOPE_SERVER, "smtpMaxConnectionsPerIp", LIMIT_POOL_WORKERS },
	{ SCOPE_SERVER, "smtpMaxConnectionsPerUser", LIMIT_POOL_WORKERS },
	{ SCOPE_SERVER, "popMaxConnections", LIMIT_POOL_WORKERS },
	{ SCOPE_SERVER, "popMaxConnectionsPerIp", LIMIT_POOL_WORKERS },
	{ SCOPE_SERVER, "popMaxConnectionsPerUser", LIMIT_POOL_WORKERS },
	{ SCOPE_SERVER, "imapMaxConnections", LIMIT_POOL_WORKERS },
	{ SCOPE_SERVER, "imapMaxConnectionsPerIp", LIMIT_POOL_WORKERS },
	{ SCOPE_SERVER, "imapMaxConnectionsPerUser", LIMIT_POOL_WORKERS },
	{ SCOPE_SERVER, "maxMessageSizeMB", LIMIT_MESSAGE >> 20 },
	{ SCOPE_DOMAIN, "maxMessageSizeKB", LIMIT_MESSAGE >> 10 },
	{ SCOPE_DOMAIN, "maxRecipientsPerMessage", LIMIT_SMTP_RECIPIENTS },
	{ SCOPE_SERVER, "maxDeliveryThreads", LIMIT_SEND_JOBS },
	{ SCOPE_SERVER, "maxDeliveriesPerDomain", LIMIT_SEND_JOBS },
	{ SCOPE_SERVER, "milters/milter/timeout", LIMIT_MILTER_TOTAL_MS / 1000 },
	{ SCOPE_SERVER, "subSpools", LIMIT_SUB_SPOOLS },
	{ SCOPE_DOMAIN, "diskSpaceMB", LIMIT_MAILBOX_MB },
	{ SCOPE_USER, "mailboxSizeMB", LIMIT_MAILBOX_MB },
};

/* Lists and texts whose length a limit bounds. */
static const struct { enum setting_scope scope; const char *path; bool is_count; uint64_t end; } sized[] = {
	{ SCOPE_SERVER, "hostNames/hostName", true, LIMIT_OWN_NAMES - 1 },
	{ SCOPE_SERVER, "sslRules/rule", true, LIMIT_TLS_CERTIFICATES - 1 },
	{ SCOPE_SERVER, "hostName", false, LIMIT_DOMAIN },
	{ SCOPE_SERVER, "hostNames/hostName/name", false, LIMIT_DOMAIN },
	{ SCOPE_SERVER, "postmasterMailbox", false, LIMIT_ADDRESS },
	{ SCOPE_SERVER, "abuseDetection/rule/notify", false, LIMIT_ADDRESS },
	{ SCOPE_SERVER, "validRecipients/recipient", false, LIMIT_ADDRESS },
	{ SCOPE_DOMAINS, "domain/name", false, LIMIT_DOMAIN },
	{ SCOPE_DOMAIN, "domainAliases/domainAlias", false, LIMIT_DOMAIN },
	{ SCOPE_DOMAIN, "postmaster", false, LIMIT_ADDRESS },
	{ SCOPE_DOMAIN, "catchAllAlias", false, LIMIT_LOCAL_PART },
	{ SCOPE_ALIASES, "alias/name", false, LIMIT_LOCAL_PART },
	{ SCOPE_ALIASES, "alias/targets", false, LIMIT_SETTING_VALUE },
	{ SCOPE_SERVER, "domainForwarding/server/domains", false, LIMIT_SETTING_VALUE },
	{ SCOPE_SERVER, "incomingGateways/gateway/domains", false, LIMIT_SETTING_VALUE },
};

static bool
number_is_taken(const struct setting *s, uint64_t n)
{
	char text[24];
	struct buf out, why;
	bool taken;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	buf_init(&out, 100);
	buf_init(&why, 1000);
	taken = setting_check(s, span_of(text), &out, &why);
	buf_free(&out);
	buf_free(&why);
	return taken;
}

static void
ranges(void)
{
	for (size_t i = 0; i < PB_COUNT(bounded); i++) {
		const struct setting *s = setting_find(bounded[i].scope, span_of(bounded[i].path));

		ok(s != NULL && s->type == SETTING_NUM && number_is_taken(s, bounded[i].end) &&
			!number_is_taken(s, bounded[i].end + 1), "the range of %s ends at its limit", bounded[i].path);
	}
	for (size_t i = 0; i < PB_COUNT(sized); i++) {
		const struct setting *s = setting_find(sized[i].scope, span_of(sized[i].path));

		ok(s != NULL && (sized[i].is_count ? s->max_count : s->max) == sized[i].end,
			"%s is as long as its limit", sized[i].path);
	}
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *s = &setting_table[i];

		if ((s->type == SETTING_TEXT || s->type == SETTING_LIST) && s->max > LIMIT_SETTING_VALUE)
			ok(false, "%s may be longer than any value", s->path);
	}
}

int
main(void)
{
	values();
	ok(lines_are_taken(LIMIT_SETTINGS_LINES), "a record at LIMIT_SETTINGS_LINES");
	ok(!lines_are_taken(LIMIT_SETTINGS_LINES + 1) && errno == EBADMSG, "over LIMIT_SETTINGS_LINES");
	is_num(errno_of_file(LIMIT_SETTINGS), EBADMSG, "a file at LIMIT_SETTINGS is read");
	is_num(errno_of_file((size_t)LIMIT_SETTINGS + 1), EFBIG, "one over LIMIT_SETTINGS is not read to its end");
	ranges();
	return done();
}
