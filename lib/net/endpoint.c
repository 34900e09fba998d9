/*
 * endpoint: see endpoint.h.
 */
#include "base/base.h"
#include "net/endpoint.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/num.h"
#include "sys/file.h"

static bool
parse_unix(struct span path, struct endpoint *out)
{
	out->family = AF_UNIX;
	out->is_outside = path.n > 0 && path.p[0] == '/';
	if (out->is_outside)
		path = span_from(path, 1);
	else if (span_find(path, '/') >= 0)
		return false;
	if (path.n == 0 || path.n >= sizeof(out->path) )
		return false;
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] <= 0x20 || path.p[i] > 0x7e)
			return false;
	memcpy(out->path, path.p, path.n);
	out->path[path.n] = '\0';
	return true;
}

static bool
parse_inet(struct span rest, bool only_ipv6, struct endpoint *out)
{
	struct span port = span_cut(&rest, '@');
	uint32_t number;

	if (!num_parse_u32(port, 65535, &number) || number == 0 || rest.p == NULL ||
	    !addr_parse(rest, &out->addr) || (only_ipv6 && out->addr.family != AF_INET6))
		return false;
	out->addr.port = (uint16_t)number;
	out->family = out->addr.family;
	return true;
}

bool
endpoint_parse(struct span text, struct endpoint *out)
{
	struct span kind = span_cut(&text, ':');

	*out = (struct endpoint){ .family = AF_UNSPEC };
	if (text.p == NULL)
		return false;
	if (span_is(kind, "unix"))
		return parse_unix(text, out);
	out->is_records = span_is(kind, "records");
	if (out->is_records)
		return span_find(text, '/') < 0 && parse_unix(text, out);
	if (span_is(kind, "inet") || span_is(kind, "inet6"))
		return parse_inet(text, kind.n == 5, out);
	return false;
}

int
endpoint_start(const struct endpoint *e, bool *pending)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage space;
		struct sockaddr_un un;
	} to = { .un.sun_family = AF_UNIX };
	socklen_t n = sizeof(to.un);
	int fd = socket(e->family, (e->is_records ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*pending = false;
	if (fd < 0)
		return -1;
	if (e->family == AF_UNIX)
		memcpy(to.un.sun_path, e->path, strlen(e->path) + 1);
	else
		n = addr_to_sockaddr(&e->addr, &to.space);
	if (connect(fd, &to.any, n) == 0)
		return fd;
	if (errno == EINPROGRESS) {
		*pending = true;
		return fd;
	}
	file_close(&fd);
	return -1;
}

int
endpoint_error(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 ? errno : error;
}
