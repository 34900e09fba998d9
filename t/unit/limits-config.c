/* Limits of settings: of one value, of the lines and of the whole of run/settings/PROGRAM. */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "config/config_file.h"
#include "config/settings.h"
#include "config/xml.h"
#include "tap.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static void
fill(struct buf *b, size_t n, char c)
{
	char *at = buf_reserve(b, n);

	if (at == NULL)
		bug("buffer too small for %zu bytes", n);
	memset(at, c, n);
	buf_commit(b, n);
}

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
	ok(!value_is_taken(LIMIT_SETTING_VALUE, &errors) && strstr(buf_text(&errors), "longer than 65536") == NULL, "a value of LIMIT_SETTING_VALUE bytes is measured by its setting");
	buf_clear(&errors);
	ok(!value_is_taken(LIMIT_SETTING_VALUE + 1, &errors) &&
		strstr(buf_text(&errors), ": longer than 65536 bytes") != NULL, "one byte more is refused: %s", buf_text(&errors));
	buf_free(&errors);
}

/* A record of n lines behind its verb: one list with n - 1 items. */
static bool
lines_are_taken(size_t n)
{
	static const char item[] = "item=blockedSenders/sender a@b.c\n";
	struct settings *s;
	struct buf b;
	bool good;

	buf_init(&b, n * sizeof(item) + 100);
	buf_text_put(&b, "settings\nlist=blockedSenders/sender\n");
	for (size_t i = 1; i < n; i++)
		buf_put(&b, item, sizeof(item) - 1);
	s = settings_parse(buf_view(&b));
	good = s != NULL && settings_count(s, "blockedSenders/sender") == n - 1;
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

int
main(void)
{
	values();
	ok(lines_are_taken(1000), "a list of 999 items");
	ok(!lines_are_taken(LIMIT_SETTINGS_LINES + 1) && errno == EBADMSG, "a record of more than LIMIT_SETTINGS_LINES lines is refused");
	is_num(errno_of_file(LIMIT_SETTINGS), EBADMSG, "a file of LIMIT_SETTINGS bytes is read");
	is_num(errno_of_file((size_t)LIMIT_SETTINGS + 1), EFBIG, "a larger one is not read to its end");
	return done();
}
