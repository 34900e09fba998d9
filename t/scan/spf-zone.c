/*
 * spf-zone: run the SPF evaluator over a zone that stands on standard input.
 *
 *	rr NAME TYPE DATA...	TXT takes several strings, MX a number and a name;
 *				the data TIMEOUT makes such questions fail, and
 *				so does TYPE for all types
 *	check IP HELO FROM	prints "RESULT QUERIES PROBLEM"; "-" is an empty text
 *	clear			forgets the records
 *
 * Texts are written with %XX for what is no printable ASCII, and for "%".
 */
#include "base/base.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "check/spf.h"

#define RECORDS_MAX 1000
#define DATA_MAX 66000

struct rr {
	char *name;		/* lower case */
	int type;		/* 0: any */
	bool fails;
	uint8_t *data;
	size_t n;
	char *cname;
};

static struct rr zone[RECORDS_MAX];
static size_t zone_count;

/* In place; returns the length. */
static size_t
unescape(char *s)
{
	char *out = s;
	unsigned v;

	for (char *p = s; *p != '\0'; p++)
		if (*p == '%' && sscanf(p + 1, "%2x", &v) == 1) {
			*out++ = (char)v;
			p += 2;
		} else {
			*out++ = *p;
		}
	*out = '\0';
	return (size_t)(out - s);
}

static char *
lower(const char *name)
{
	char *copy = mem_text(name);
	size_t n = strlen(copy);

	for (size_t i = 0; i < n; i++)
		copy[i] = char_lower(copy[i]);
	if (n > 0 && copy[n - 1] == '.')
		copy[n - 1] = '\0';
	return copy;
}

/* Labels with their lengths; an empty name is the root. */
static size_t
put_name(const char *text, uint8_t *out)
{
	char *name = lower(text);
	struct span rest = span_of(name);
	size_t n = 0;

	while (rest.n > 0) {
		struct span label = span_cut(&rest, '.');

		out[n++] = (uint8_t)label.n;
		memcpy(out + n, label.p, label.n);
		n += label.n;
	}
	out[n++] = 0;
	free(name);
	return n;
}

static size_t
put_texts(char *rest, uint8_t *out)
{
	size_t n = 0;
	char *text;

	while ((text = strsep(&rest, " ")) != NULL) {
		size_t left = unescape(text);
		const char *p = text;

		do {
			size_t part = left > 255 ? 255 : left;

			out[n++] = (uint8_t)part;
			memcpy(out + n, p, part);
			n += part;
			p += part;
			left -= part;
		} while (left > 0);
	}
	return n;
}

static int
type_of(const char *word)
{
	static const struct { const char *name; int type; } types[] = {
		{ "A", DNS_A }, { "AAAA", DNS_AAAA }, { "MX", DNS_MX }, { "PTR", DNS_PTR }, { "TXT", DNS_TXT },
		{ "CNAME", 5 }, { "TIMEOUT", 0 } };

	for (size_t i = 0; i < PB_COUNT(types); i++)
		if (strcmp(types[i].name, word) == 0)
			return types[i].type;
	return -1;
}

static void
add_data(struct rr *rr, char *rest)
{
	static uint8_t data[DATA_MAX];
	char *end;

	switch (rr->type) {
	case DNS_TXT:
		rr->n = put_texts(rest, data);
		break;
	case DNS_MX:
		data[0] = 0;
		data[1] = (uint8_t)strtoul(rest, &end, 10);
		unescape(end + 1);
		rr->n = 2 + put_name(end + 1, data + 2);
		break;
	case DNS_PTR:
		unescape(rest);
		rr->n = put_name(rest, data);
		break;
	case 5:
		rr->cname = lower(rest);
		break;
	default:
		rr->n = rr->type == DNS_A ? 4 : 16;
		if (inet_pton(rr->type == DNS_A ? AF_INET : AF_INET6, rest, data) != 1)
			rr->n = 0;
	}
	rr->data = mem_new(rr->n);
	memcpy(rr->data, data, rr->n);
}

static void
add_record(char *rest)
{
	struct rr *rr = &zone[zone_count++];
	char *name = strsep(&rest, " "), *type = strsep(&rest, " ");

	if (zone_count > RECORDS_MAX || type == NULL || type_of(type) < 0)
		abort();
	unescape(name);
	*rr = (struct rr){ .name = lower(name), .type = type_of(type) };
	rr->fails = rr->type == 0 || rest == NULL || strcmp(rest, "TIMEOUT") == 0;
	if (!rr->fails)
		add_data(rr, rest);
}

static void
clear(void)
{
	for (size_t i = 0; i < zone_count; i++) {
		free(zone[i].name);
		free(zone[i].data);
		free(zone[i].cname);
	}
	zone_count = 0;
}

static const struct rr *
alias_of(const char *name)
{
	for (size_t i = 0; i < zone_count; i++)
		if (zone[i].cname != NULL && strcmp(zone[i].name, name) == 0)
			return &zone[i];
	return NULL;
}

static void
answer(struct spf *s, const struct dns_question *q)
{
	static struct dns_record records[RECORDS_MAX];
	struct dns_answer a = { .outcome = DNS_NO_NAME, .records = records, .why = "" };
	char *name = lower(q->name);
	const struct rr *alias;

	for (int hops = 0; hops < 10 && (alias = alias_of(name)) != NULL; hops++) {
		free(name);
		name = mem_text(alias->cname);
		if (hops == 9)
			a.outcome = DNS_FAIL;
	}
	for (size_t i = 0; i < zone_count && a.outcome != DNS_FAIL; i++) {
		if (strcmp(zone[i].name, name) != 0)
			continue;
		if (a.outcome == DNS_NO_NAME)
			a.outcome = DNS_NO_DATA;
		if (zone[i].type != (int)q->type && zone[i].type != 0)
			continue;
		if (zone[i].fails && a.count == 0)
			a.outcome = DNS_FAIL;
		else if (!zone[i].fails) {
			a.outcome = DNS_OK;
			records[a.count++] = (struct dns_record){ zone[i].data, zone[i].n };
		}
	}
	free(name);
	spf_answer(s, &a);
}

static void
check(char *rest)
{
	const char *ip = strsep(&rest, " ");
	char *helo = strsep(&rest, " "), *from = rest;
	const struct dns_question *q;
	struct addr addr;
	unsigned queries = 0;
	struct spf *s;

	if (from == NULL || !addr_parse(span_of(ip), &addr))
		abort();
	unescape(helo);
	unescape(from);
	s = spf_new(&addr, strcmp(helo, "-") == 0 ? SPAN_NONE : span_of(helo),
		strcmp(from, "-") == 0 ? SPAN_NONE : span_of(from));
	for (; (q = spf_question(s)) != NULL; queries++)
		answer(s, q);
	printf("%s %u %s\n", scan_spf_text(spf_result(s)), queries, spf_problem(s));
	fflush(stdout);
	spf_free(&s);
}

int
main(void)
{
	static char line[DATA_MAX * 3];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "rr ", 3) == 0)
			add_record(line + 3);
		else if (strncmp(line, "check ", 6) == 0)
			check(line + 6);
		else if (strcmp(line, "clear") == 0)
			clear();
		else
			abort();
	}
	clear();
	return 0;
}
