/* What auth-check says of those who send. */
#include "base/base.h"

#include "directory/directory.h"
#include "directory/sending.h"
#include "tap.h"

#define NUMBERS "8,0,0,0,0,2,1,0,0,5000,0,0,0,0"

static int
reply(const char *text, struct sending *out)
{
	return sending_reply(span_of(text), out);
}

int
main(void)
{
	static const char *const bad[] = {
		"OK", "OK on", "OK on example.com", "OK off example.com " NUMBERS, "OK on example.com 1,2,3",
		"OK on example.com " NUMBERS ",1", "OK on example.com 8,0,0,0,0,2,1,0,0,5000,0,0,0,x",
		"OK on example.com " NUMBERS " x", "OK on example.com " NUMBERS " 1,2",
		"OK on example.com " NUMBERS " 1,2,3 more", "OK on example.com 99999999999,0,0,0,0,2,1,0,0,0,0,0,0,0",
		"TEMP later", "PERM 550 no", ""
	};
	uint32_t numbers[SENDING_NUMBERS];
	char storage[SENDING_TEXT_MAX];
	struct sending s;
	struct buf text;
	bool refused = true;

	is_num(reply("OK on example.com " NUMBERS, &s), 1, "a domain of ours");
	ok(s.is_ours && s.disabled == 0 && strcmp(s.domain, "example.com") == 0 && !s.is_account, "its name");
	ok(s.number[SENDING_STANDARD] == 8 && s.number[SENDING_OVER_SIZE] == 2 && s.number[SENDING_MESSAGES] == 5000, "its numbers");
	is_num(reply("OK user-disabled example.com " NUMBERS " 10,20,30", &s), 1, "an account");
	ok(s.disabled == DIRECTORY_USER_DISABLED && s.is_account &&
		s.user_number[SENDING_USER_BOUNCES] == 30, "its numbers too");
	is_num(reply("OK domain-disabled example.com " NUMBERS, &s), 1, "a disabled domain");
	is_num(s.disabled, DIRECTORY_DOMAIN_DISABLED, "is told as such");
	ok(reply("NOTFOUND ", &s) == 0 && !s.is_ours, "one that is not ours");
	for (size_t i = 0; i < PB_COUNT(bad); i++)
		refused = refused && reply(bad[i], &s) == -1;
	ok(refused, "what is not understood is no answer");
	memset(numbers, 0xff, sizeof(numbers));
	buf_init_fixed(&text, storage, sizeof(storage));
	sending_print(numbers, SENDING_NUMBERS, &text);
	ok(!text.overflow && sending_parse(buf_view(&text), numbers, SENDING_NUMBERS) && numbers[3] == UINT32_MAX,
		"the largest numbers fit");
	return done();
}
