/*
 * waiver: see waiver.h.
 *
 * Trust: the header is the sender's.  He may only give up what protects his own
 * message.
 */
#include "base/base.h"
#include "waiver.h"

#include <errno.h>
#include <unistd.h>

#include "base/limits.h"
#include "mail/header.h"

/* RFC 8689 5: one field, and nothing but this value. */
bool
waiver_stands_in(struct span head)
{
	struct span block = span_first(head, header_length(head));

	return header_count(block, "TLS-Required") == 1 &&
	    span_is_nocase(span_trim(header_find(block, "TLS-Required")), "No");
}

bool
waiver_read(int fd)
{
	static char head[LIMIT_HEADER_BYTES];
	size_t n = 0;

	while (n < sizeof(head)) {
		ssize_t got = pread(fd, head + n, sizeof(head) - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return waiver_stands_in(span_make(head, n));
}
