/*
 * scan-ask: ask scan-check by lib/check/scan_client.h what stands on standard input.
 *
 *	scan-ask SOCKET
 *
 *	spf MS IP HELO FROM | domain MS NAME | mx MS NAME RANGE... | reverse MS IP | helo MS NAME IP
 *
 * prints a line for each: the word, then for spf the domain and the problem, for
 * reverse the name; or "unknown" and why.  "-" is an empty text.
 */
#include "base/base.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/num.h"
#include "check/scan_client.h"

static struct scan_client *client;

static struct span
text_of(struct span word)
{
	return span_is(word, "-") ? SPAN_NONE : word;
}

static struct addr
addr_of(struct span word)
{
	struct addr a;

	if (!addr_parse(word, &a))
		abort();
	return a;
}

static void
ask_spf(struct span rest, unsigned ms)
{
	struct addr ip = addr_of(span_word(&rest));
	struct span helo = text_of(span_word(&rest));
	struct scan_spf spf;

	scan_spf(client, &ip, helo, text_of(span_word(&rest)), ms, &spf);
	if (spf.result != SCAN_SPF_UNKNOWN)
		printf("%s %s %s\n", scan_spf_text(spf.result), spf.domain, spf.problem);
	else
		printf("unknown %s\n", scan_client_why(client));
}

static void
ask_reverse(struct span rest, unsigned ms)
{
	struct addr ip = addr_of(span_word(&rest));
	char name[SCAN_NAME_MAX];
	enum scan_reverse_result result = scan_reverse(client, &ip, ms, name);

	printf("%s %s\n", scan_reverse_text(result), result == SCAN_REVERSE_UNKNOWN ? scan_client_why(client) : name);
}

static const char *
ask_mx(struct span rest, unsigned ms)
{
	struct addr_range ranges[LIMIT_SCAN_RANGES];
	struct span name = text_of(span_word(&rest)), word;
	size_t count = 0;

	while (count < LIMIT_SCAN_RANGES && (word = span_word(&rest)).n > 0)
		if (!addr_range_parse(word, &ranges[count++]))
			abort();
	return scan_mx_text(scan_mx_points_to(client, name, ranges, count, ms));
}

static const char *
ask_helo(struct span rest, unsigned ms)
{
	struct span name = text_of(span_word(&rest));
	struct addr ip = addr_of(span_word(&rest));

	return scan_helo_text(scan_helo(client, name, &ip, ms));
}

static void
ask(struct span line)
{
	struct span verb = span_word(&line);
	const char *word;
	uint32_t ms;

	if (!num_parse_u32(span_word(&line), 600000, &ms))
		abort();
	if (span_is(verb, "spf")) {
		ask_spf(line, ms);
		return;
	}
	if (span_is(verb, "reverse")) {
		ask_reverse(line, ms);
		return;
	}
	word = span_is(verb, "domain") ? scan_domain_text(scan_sender_domain(client, text_of(span_word(&line)), ms)) :
	    span_is(verb, "mx") ? ask_mx(line, ms) : ask_helo(line, ms);
	printf("%s%s%s\n", word, scan_client_why(client)[0] != '\0' ? " " : "", scan_client_why(client));
}

int
main(int argc, char **argv)
{
	static char line[16384];

	if (argc != 2)
		return 2;
	client = scan_client_open(argv[1]);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		ask(span_trim(span_of(line)));
		fflush(stdout);
	}
	scan_client_free(&client);
	return 0;
}
