/* space: see space.h. */
#include "base/base.h"
#include "space.h"
#include "base/die.h"
#include "base/limits.h"

bool
space_used(const struct ctl *c, const char *domain, uint64_t *bytes_out)
{
	struct record reply;
	struct buf request;
	bool is_known;
	int code;

	buf_init(&request, LIMIT_RECORD);
	record_begin(&request, "space");
	record_add_text(&request, "domain", domain);
	code = ctl_call(c, "run/pub/auth-control", &request, true, &reply);
	buf_free(&request);
	if (code != EXIT_DONE)
		return false;
	is_known = record_get_num(&reply, "used", UINT64_MAX, bytes_out);
	record_free(&reply);
	return is_known;
}
