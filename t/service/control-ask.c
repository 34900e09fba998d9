/*
 * control-ask: one request to a control socket, for tests.
 *
 *	control-ask SOCKET VERB [key=value ...]
 *
 * Prints the reply as key=value lines after its verb; exit code 0 for "ok", 1
 * for "error", 2 when there was no answer (with the name of the error).
 */
#include "base/base.h"
#include "base/limits.h"
#include "service/control.h"

#include <errno.h>

static void
add_argument(struct buf *request, const char *arg)
{
	struct span value = span_of(arg), key = span_cut(&value, '=');
	char name[64];

	(void)snprintf(name, sizeof(name), "%.*s", SPAN_ARG(key));
	record_add(request, name, value);
}

int
main(int argc, char **argv)
{
	struct buf request;
	struct record reply;
	int code;

	if (argc < 3)
		return 2;
	buf_init(&request, LIMIT_RECORD);
	record_begin(&request, argv[2]);
	for (int i = 3; i < argc; i++)
		add_argument(&request, argv[i]);
	if (control_call(argv[1], &request, 30000, &reply) != 0) {
		printf("%s\n", strerrorname_np(errno));
		buf_free(&request);
		return 2;
	}
	printf("%.*s\n", SPAN_ARG(reply.verb));
	for (size_t i = 0; i < reply.count; i++)
		printf("%.*s=%.*s\n", SPAN_ARG(reply.fields[i].key), SPAN_ARG(reply.fields[i].value));
	buf_free(&request);
	code = span_is(reply.verb, "ok") ? 0 : 1;
	record_free(&reply);
	return code;
}
