/*
 * password: what is wrong with a password, rule by rule.
 */
#include "base/base.h"
#include "config/password.h"

static unsigned int
missing_characters(const struct settings *server, struct span password)
{
	bool number = false, capital = false, lower = false, symbol = false;
	unsigned int broken = 0;

	for (size_t i = 0; i < password.n; i++) {
		char c = password.p[i];

		number |= char_is_digit(c);
		capital |= c >= 'A' && c <= 'Z';
		lower |= c >= 'a' && c <= 'z';
		symbol |= !char_is_alnum(c);
	}
	if (!number && settings_bool(server, "passwordRequireNumber"))
		broken |= PASSWORD_NO_NUMBER;
	if (!capital && settings_bool(server, "passwordRequireCapital"))
		broken |= PASSWORD_NO_CAPITAL;
	if (!lower && settings_bool(server, "passwordRequireLower"))
		broken |= PASSWORD_NO_LOWER;
	if (!symbol && settings_bool(server, "passwordRequireSymbol"))
		broken |= PASSWORD_NO_SYMBOL;
	return broken;
}

unsigned int
password_broken_rules(const struct settings *server, struct span password, struct span user)
{
	unsigned int broken = missing_characters(server, password);

	if (password.n < settings_num(server, "passwordMinLength"))
		broken |= PASSWORD_SHORT;
	if (user.n > 0 && settings_bool(server, "passwordNotUserName") &&
	    span_search_nocase(password, user) >= 0)
		broken |= PASSWORD_HAS_NAME;
	return broken;
}

void
password_explain(const struct settings *server, unsigned int broken, struct buf *out)
{
	if ((broken & PASSWORD_SHORT) != 0)
		buf_printf(out, "the password needs at least %llu characters\n",
			(unsigned long long)settings_num(server, "passwordMinLength"));
	if ((broken & PASSWORD_NO_NUMBER) != 0)
		buf_text_put(out, "the password needs a digit\n");
	if ((broken & PASSWORD_NO_CAPITAL) != 0)
		buf_text_put(out, "the password needs a capital letter\n");
	if ((broken & PASSWORD_NO_LOWER) != 0)
		buf_text_put(out, "the password needs a small letter\n");
	if ((broken & PASSWORD_NO_SYMBOL) != 0)
		buf_text_put(out, "the password needs a symbol\n");
	if ((broken & PASSWORD_HAS_NAME) != 0)
		buf_text_put(out, "the password must not hold the user's name\n");
}
