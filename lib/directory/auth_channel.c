/* auth_channel: see auth_channel.h. */
#include "base/base.h"
#include "directory/auth_channel.h"

#include "base/base64.h"

static void
read_binding(const struct stream *st, const char *type, char out[AUTH_BINDING_MAX])
{
	struct buf data, text;

	buf_init(&data, 64);
	buf_init_fixed(&text, out, AUTH_BINDING_MAX);
	if (tls_channel_binding(st, type, &data) && !data.overflow)
		base64_encode(&text, buf_view(&data));
	buf_free(&data);
}

void
auth_channel_read(const struct stream *st, struct auth_channel *out)
{
	*out = (struct auth_channel){ .has_certificate = false };
	read_binding(st, "tls-exporter", out->exporter);
	read_binding(st, "tls-unique", out->unique);
	out->has_certificate = tls_peer(st, &out->certificate);
}

bool
auth_channel_binds(const struct auth_channel *c)
{
	return c->exporter[0] != '\0' || c->unique[0] != '\0';
}
