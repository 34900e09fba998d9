/*
 * sts_cache: see sts_cache.h.
 *
 * Trust: the text was fetched from the domain; it is parsed anew each time.
 */
#include "base/base.h"
#include "sts_cache.h"

#include <dirent.h>
#include <errno.h>

#include "base/buf.h"
#include "base/record.h"
#include "net/dns.h"
#include "sys/file.h"

#define PREFIX "sts-"
#define FILE_MAX (2 * LIMIT_STS_POLICY + 1024)	/* every byte escaped */
#define NAME_SIZE (sizeof(PREFIX) + DNS_NAME_MAX)
#define UNFINISHED "new-sts"

bool
sts_cache_takes(struct span domain)
{
	for (size_t i = 0; i < domain.n; i++)
		if (!char_is_alnum(domain.p[i]) && domain.p[i] != '-' && domain.p[i] != '_' &&
		    (domain.p[i] != '.' || i == 0))
			return false;
	return domain.n > 0 && domain.n + sizeof("mta-sts.") < DNS_NAME_MAX;
}

static bool
read_record(const struct buf *text, int64_t now, struct sts_cached *out)
{
	struct record r;
	struct span id;
	uint64_t fetched = 0;
	const char *why;
	bool good;

	if (!record_parse(buf_view(text), 8, &r))
		return false;
	id = record_get(&r, "id");
	good = span_is(r.verb, "mta-sts") && id.n > 0 && id.n < sizeof(out->id) &&
	    record_get_num(&r, "fetched", INT64_MAX / 2, &fetched) &&
	    sts_policy_parse(record_get(&r, "policy"), &out->policy, &why);
	if (good) {
		memcpy(out->id, id.p, id.n);
		out->id[id.n] = '\0';
		out->fetched = (int64_t)fetched;
		good = now < out->fetched + out->policy.max_age;
	}
	record_free(&r);
	return good;
}

static bool
read_file(int dir, const char *name, int64_t now, struct sts_cached *out)
{
	int fd = file_openat(dir, name, O_RDONLY | O_NOFOLLOW, 0);
	struct buf text;
	bool good;

	if (fd < 0)
		return false;
	buf_init(&text, FILE_MAX);
	good = file_read_all(fd, &text) == 0 && read_record(&text, now, out);
	buf_free(&text);
	file_close(&fd);
	return good;
}

bool
sts_cache_read(int dir, const char *domain, int64_t now, struct sts_cached *out)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), PREFIX "%s", domain);
	return read_file(dir, name, now, out);
}

int
sts_cache_write(int dir, const char *domain, const char *id, int64_t now, struct span text)
{
	char name[NAME_SIZE];
	struct buf out;
	int fd = file_openat(dir, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600), result;

	if (fd < 0)
		return -1;
	snprintf(name, sizeof(name), PREFIX "%s", domain);
	buf_init(&out, FILE_MAX);
	record_begin(&out, "mta-sts");
	record_add_text(&out, "id", id);
	record_add_num(&out, "fetched", (uint64_t)now);
	record_add(&out, "policy", text);
	errno = EFBIG;
	result = out.overflow ? -1 : file_write_all(fd, out.p, out.n);
	file_close(&fd);
	if (result == 0)
		result = file_renameat(dir, UNFINISHED, dir, name, 0);
	buf_free(&out);
	return result;
}

void
sts_cache_clean(int dir, int64_t now)
{
	int fd = file_open_dir(dir, ".");
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct sts_cached unused;
	struct dirent *e;

	if (d == NULL) {
		file_close(&fd);
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0 && !read_file(dir, e->d_name, now, &unused) &&
		    file_unlinkat(dir, e->d_name, 0) < 0)
			break;
	closedir(d);
}
