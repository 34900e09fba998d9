/*
 * parse: see parse.h.
 *
 * Trust: users write their own settings, so files are hostile; XML is read by
 * lib/config, in a process that holds one socket and nothing else.
 */
#include "base/base.h"
#include "parse.h"

#include "base/limits.h"
#include "base/record.h"
#include "config/compile.h"
#include "config/settings.h"
#include "directory/sending.h"

struct answering {
	struct span id;
	parse_answer *answer;
	struct buf *out;
};

static void
begin(struct answering *a, const char *verb)
{
	record_begin(a->out, verb);
	record_add(a->out, "id", a->id);
}

static void
add_flag(struct answering *a, const char *key, bool on)
{
	if (on)
		record_add_text(a->out, key, "1");
}

static void
fail(struct answering *a, const char *text)
{
	struct span rest = span_of(text);

	begin(a, "error");
	record_add(a->out, "text", span_cut(&rest, '\n'));
	a->answer(a->out);
}

/* Numbers whose switch is off are 0. */
static void
add_numbers(struct answering *a, const struct settings *s, const char *const *names, size_t n)
{
	uint32_t numbers[SENDING_NUMBERS];
	char storage[SENDING_TEXT_MAX];
	struct buf text;

	for (size_t i = 0; i < n; i++)
		numbers[i] = settings_enabled(s, names[i]) ? (uint32_t)settings_num(s, names[i]) : 0;
	buf_init_fixed(&text, storage, sizeof(storage));
	sending_print(numbers, n, &text);
	record_add(a->out, "sending", buf_view(&text));
}

static void
parse_list(struct answering *a, const struct settings *s)
{
	for (size_t i = 0; i < settings_count(s, "domain"); i++) {
		begin(a, "domain");
		record_add_text(a->out, "name", settings_entry(s, "domain", i, "name"));
		record_add_text(a->out, "folder", settings_entry(s, "domain", i, "path"));
		a->answer(a->out);
	}
}

static void
parse_trusted(struct answering *a, const struct settings *s)
{
	for (size_t i = 0; i < settings_count(s, "trustedSenders/sender"); i++) {
		begin(a, "trusted");
		record_add_text(a->out, "pattern", settings_list(s, "trustedSenders/sender", i));
		a->answer(a->out);
	}
}

static const char *const domain_numbers[SENDING_NUMBERS] = {
	[SENDING_STANDARD] = "priorityStandard", [SENDING_LIST] = "priorityMailingList",
	[SENDING_AUTO_RESPONDER] = "priorityAutoResponder", [SENDING_REPORTS] = "priorityEmailReports",
	[SENDING_EVENTS] = "priorityEventEmails", [SENDING_OVER_SIZE] = "priorityOverSize",
	[SENDING_OVER_SIZE_MB] = "priorityOverSizeMB", [SENDING_SECOND] = "prioritySecondAttempt",
	[SENDING_THIRD] = "priorityThirdAttempt", [SENDING_MESSAGES] = "throttleMessagesPerHour",
	[SENDING_MB] = "throttleBandwidthPerHourMB", [SENDING_BOUNCES] = "throttleBouncesPerHour",
	[SENDING_LIST_MESSAGES] = "throttleListMessagesPerHour", [SENDING_LIST_MB] = "throttleListBandwidthPerHourMB"
};

static void
parse_domain(struct answering *a, const struct settings *s)
{
	begin(a, "domain");
	add_flag(a, "disabled", settings_bool(s, "disabled"));
	add_flag(a, "requireauth", settings_bool(s, "requireSmtpAuth"));
	add_flag(a, "nogreylisting", settings_bool(s, "disableGreylisting"));
	add_flag(a, "catchalls", settings_bool(s, "enableCatchAlls"));
	add_flag(a, "cram", settings_bool(s, "offerCramMd5"));
	add_flag(a, "scram", settings_bool(s, "offerScramSha256"));
	add_flag(a, "scram1", settings_bool(s, "offerScramSha1"));
	add_flag(a, "noplain", !settings_bool(s, "offerPlain"));
	record_add_text(a->out, "catchall", settings_text(s, "catchAllAlias"));
	record_add_text(a->out, "postmaster", settings_text(s, "postmaster"));
	add_flag(a, "signs", settings_bool(s, "enableDomainKeySigning"));
	record_add_text(a->out, "rsa", settings_text(s, "dkimSelector"));
	record_add_text(a->out, "rsakey", settings_text(s, "dkimKeyPath"));
	record_add_text(a->out, "ed25519", settings_text(s, "dkimEd25519Selector"));
	record_add_text(a->out, "ed25519key", settings_text(s, "dkimEd25519KeyPath"));
	record_add_num(a->out, "maxsizekb", settings_num(s, "maxMessageSizeKB"));
	record_add_num(a->out, "maxrcpts", settings_num(s, "maxRecipientsPerMessage"));
	record_add_num(a->out, "spacemb", settings_num(s, "diskSpaceMB"));
	add_numbers(a, s, domain_numbers, SENDING_NUMBERS);
	a->answer(a->out);
	for (size_t i = 0; i < settings_count(s, "domainAliases/domainAlias"); i++) {
		begin(a, "other");
		record_add_text(a->out, "name", settings_list(s, "domainAliases/domainAlias", i));
		a->answer(a->out);
	}
	parse_trusted(a, s);
}

static void
parse_aliases(struct answering *a, const struct settings *s)
{
	for (size_t i = 0; i < settings_count(s, "alias"); i++) {
		begin(a, "alias");
		record_add_text(a->out, "name", settings_entry(s, "alias", i, "name"));
		record_add_text(a->out, "targets", settings_entry(s, "alias", i, "targets"));
		a->answer(a->out);
	}
}

static const char *const user_numbers[SENDING_USER_NUMBERS] = {
	[SENDING_USER_MESSAGES] = "throttleMessagesPerHour", [SENDING_USER_MB] = "throttleBandwidthPerHourMB",
	[SENDING_USER_BOUNCES] = "throttleBouncesPerHour"
};

static void
parse_user(struct answering *a, const struct settings *s)
{
	begin(a, "user");
	add_flag(a, "disabled", settings_bool(s, "disabled"));
	add_flag(a, "nogreylisting", settings_bool(s, "disableGreylisting"));
	record_add_num(a->out, "limitmb", settings_num(s, "mailboxSizeMB"));
	add_numbers(a, s, user_numbers, SENDING_USER_NUMBERS);
	record_add_text(a->out, "hash", settings_text(s, "passwordHash"));
	record_add_text(a->out, "scram", settings_text(s, "scramSha256"));
	record_add_text(a->out, "scram1", settings_text(s, "scramSha1"));
	record_add_text(a->out, "cram", settings_text(s, "cramMd5State"));
	a->answer(a->out);
	parse_trusted(a, s);
}

static const struct kind {
	const char *name;
	enum setting_scope scope;
	const char *file;
	void (*parse)(struct answering *a, const struct settings *s);
} kinds[] = {
	{ "list", SCOPE_DOMAINS, "domainList.xml", parse_list },
	{ "domain", SCOPE_DOMAIN, "domainConfig.xml", parse_domain },
	{ "aliases", SCOPE_ALIASES, "aliases.xml", parse_aliases },
	{ "user", SCOPE_USER, "userConfig.xml", parse_user },
};

void
parse_warm_up(void)
{
	struct xml_error err;
	struct xml *x = xml_parse(SPAN("<?xml version=\"1.0\" encoding=\"utf-8\"?><warmUp>&amp;</warmUp>"), &err);

	xml_free(&x);
}

void
parse_file(struct span kind, struct span id, int fd, parse_answer *answer, struct buf *out)
{
	struct answering a = { id, answer, out };
	struct settings *s;
	struct buf errors;

	for (size_t i = 0; i < PB_COUNT(kinds); i++) {
		if (!span_is(kind, kinds[i].name))
			continue;
		buf_init(&errors, LIMIT_RECORD / 4);
		s = compile_read(fd, kinds[i].scope, kinds[i].file, &errors);
		if (s == NULL) {
			fail(&a, buf_text(&errors));
		} else {
			kinds[i].parse(&a, s);
			settings_free(&s);
			begin(&a, "end");
			answer(out);
		}
		buf_free(&errors);
		return;
	}
	fail(&a, "no such kind of file");
}
