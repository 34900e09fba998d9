/* The selector language: what it says, and what it refuses. */
#include "base/base.h"
#include "tap.h"
#include "base/limits.h"
#include "policy/selector.h"

static const struct selector_field fields[] = {
	{ "sender", SELECTOR_TEXT }, { "rcpt", SELECTOR_TEXT }, { "age", SELECTOR_AGE },
	{ "size", SELECTOR_SIZE }, { "attempts", SELECTOR_NUMBER }, { "auth", SELECTOR_TEXT },
};

/* A message of 5,000 bytes, two hours old, from ann@a.example to bob@b.example and "c d"@e.example. */
static bool
get(const void *what PB_UNUSED, size_t field, size_t i, struct selector_value *out)
{
	static const char *const rcpts[] = { "bob@b.example", "\"c d\"@e.example" };

	if (field == 1) {
		if (i < PB_COUNT(rcpts))
			out->text = span_of(rcpts[i]);
		return i < PB_COUNT(rcpts);
	}
	if (i > 0 || field == 5)	/* nobody logged in: no value at all */
		return false;
	out->text = SPAN("ann@a.example");
	out->number = field == 2 ? 7200 : field == 3 ? 5000 : 3;
	return true;
}

static char error[SELECTOR_ERROR_MAX];

/* 1 or 0; -1: refused, see error. */
static int
says(const char *text)
{
	struct selector *s = selector_parse(span_of(text), fields, PB_COUNT(fields), error);
	int result = s == NULL ? -1 : selector_matches(s, get, NULL);

	selector_free(&s);
	return result;
}

static void
test_terms(void)
{
	static const struct { const char *text; int says; } cases[] = {
		{ "sender=ann@a.example", 1 }, { "sender=ANN@A.EXAMPLE", 1 }, { "SENDER=ann", 0 },
		{ "sender=*@a.example", 1 }, { "sender~NN@", 1 }, { "sender~bob", 0 }, { "sender!=bob", 1 },
		{ "sender!=*", 0 }, { "rcpt=bob@b.example", 1 }, { "rcpt=\"\\\"c d\\\"@e.example\"", 1 },
		{ "rcpt=\"c d\"@e.example", 0 }, { "rcpt!=bob@b.example", 0 }, { "rcpt!=x", 1 }, { "auth=\"\"", 0 },
		{ "auth=*", 0 }, { "auth!=*", 1 },
		{ "age>1h", 1 }, { "age>2h", 0 }, { "age>=2h", 1 }, { "age=120m", 1 }, { "age=7200", 1 }, { "age<7201s", 1 },
		{ "age<1d", 1 }, { "age>1w", 0 }, { "age<=2H", 1 }, { "age!=2h", 0 },
		{ "size>4k", 1 }, { "size>5k", 0 }, { "size<1M", 1 }, { "size<1G", 1 }, { "size=5000", 1 },
		{ "attempts=3", 1 }, { "attempts<3", 0 }, { "attempts < 4", 1 }, { " attempts\t=  3 ", 1 },
	};

	for (size_t i = 0; i < PB_COUNT(cases); i++)
		ok(says(cases[i].text) == cases[i].says, "%s", cases[i].text);
}

static void
test_joins(void)
{
	is_num(says("age>1h & size>1k"), 1, "both");
	is_num(says("age>1h & size>1M"), 0, "not both");
	is_num(says("age>9h | size>1k"), 1, "one of them");
	is_num(says("age>9h | size>1M|attempts=3"), 1, "the last of three");
	is_num(says("size>1k | age>9h & age>10h"), 1, "& binds tighter");
	is_num(says("(size>1k | age>9h) & age>10h"), 0, "parentheses bind first");
	is_num(says("!age>1h"), 0, "not");
	is_num(says("!!age>1h"), 1, "not not");
	is_num(says("!(age>9h | sender~bob) & !rcpt~nobody"), 1, "not of a group");
}

static void
test_refused(void)
{
	static const struct { const char *text, *error; } cases[] = {
		{ "", "no such name at byte 1; there are sender rcpt age size attempts auth" },
		{ "colour=red", "no such name at byte 1; there are sender rcpt age size attempts auth" },
		{ "age", "one of = != ~ < <= > >= is missing at byte 4" },
		{ "age>", "a value is missing at byte 5" },
		{ "age>1x", "an age is a number with s, m, h, d or w, before here, at byte 7" },
		{ "age>-1", "an age is a number with s, m, h, d or w, before here, at byte 7" },
		{ "size=k", "a size is a number with k, M or G, before here, at byte 7" },
		{ "size=18014398509481984k", "a size is a number with k, M or G, before here, at byte 24" },
		{ "attempts=3m", "no number before here, at byte 12" },
		{ "sender>a", "a text knows only = != ~ at byte 8" }, { "age~1", "a number knows no ~ at byte 5" },
		{ "sender=\"a", "a quotation is not closed at byte 8" }, { "age>1 size>1", "\"&\" or \"|\" is missing at byte 7" },
		{ "(age>1", "a \")\" is missing at byte 7" }, { "age>1)", "\"&\" or \"|\" is missing at byte 6" },
		{ "age>1 &", "no such name at byte 8; there are sender rcpt age size attempts auth" },
	};

	for (size_t i = 0; i < PB_COUNT(cases); i++) {
		ok(says(cases[i].text) == -1, "%s is refused", cases[i].text);
		is_text(error, cases[i].error, "... and why");
	}
}

static void
test_limits(void)
{
	char text[LIMIT_SELECTOR + 2];

	memset(text, ' ', sizeof(text));
	memcpy(text, "size>0", 6);
	text[LIMIT_SELECTOR] = '\0';
	is_num(says(text), 1, "a selector at LIMIT_SELECTOR");
	text[LIMIT_SELECTOR] = ' ';
	text[LIMIT_SELECTOR + 1] = '\0';
	is_num(says(text), -1, "over LIMIT_SELECTOR");
	memset(text, '(', LIMIT_SELECTOR_DEPTH);
	memcpy(text + LIMIT_SELECTOR_DEPTH, "size>0", 6);
	memset(text + LIMIT_SELECTOR_DEPTH + 6, ')', LIMIT_SELECTOR_DEPTH);
	text[2 * LIMIT_SELECTOR_DEPTH + 6] = '\0';
	is_num(says(text), 1, "parentheses at LIMIT_SELECTOR_DEPTH");
	memmove(text + 1, text, strlen(text) + 1);
	memcpy(text + strlen(text), ")", 2);
	is_num(says(text), -1, "parentheses over LIMIT_SELECTOR_DEPTH");
	memset(text, '!', LIMIT_SELECTOR_DEPTH + 1);
	memcpy(text + LIMIT_SELECTOR_DEPTH + 1, "size>0", 7);
	is_num(says(text + 1), 1, "\"!\" at LIMIT_SELECTOR_DEPTH");
	is_num(says(text), -1, "\"!\" over LIMIT_SELECTOR_DEPTH");
	memcpy(text, "age=1", 6);
	for (size_t i = 0; i < 400; i++)
		memcpy(text + 5 + 7 * i, "&size>0", 8);
	is_num(says(text), 0, "hundreds of terms are no depth");
}

int
main(void)
{
	test_terms();
	test_joins();
	test_refused();
	test_limits();
	return done();
}
