/*
 * test-milter: a milter made with libmilter for the tests of smtp-listen.
 *
 *	test-milter SOCKET
 *
 * What it does with a message its Subject says:
 *	add insert change delete body	the change of that name
 *	bareends	a body with LF and CR for line ends, and none at its end
 *	moreto	adds recipients: bob, one with parameters, one that does not exist
 *	lessto nobody	deletes alice, or all recipients
 *	from	another sender
 *	huge	adds sixty fields of four thousand bytes
 *	reject tempfail custom discard quarantine	the answer of that name
 *	closing	421
 *	quoted	a reply that looks like fields of the log
 *	slow	"in progress" for three seconds, then accept
 *	silent	nothing at all, until killed
 *	count	adds X-Count with the number of body bytes it saw
 *	names	adds X-Names with the names of the fields it saw
 * A name with "refuse" in it is refused at HELO, a sender at MAIL, a recipient at RCPT.
 * A sender "accept.STEP@...", "discard.STEP@..." or "reject.STEP@..." gets that answer at the step:
 * mail rcpt unknown data header eoh body end.
 * It ends in the middle of a step when a recipient, or a line that is no
 * command, has "dies" in it, and says nothing more when that has "hangs".
 * It wants to see the recipients that the server refused.
 */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct talk {
	char subject[64];
	char names[512];
	char sender[64];
	unsigned long bytes;
};

/* What the sender wants at this step. */
static sfsistat
answer_at(SMFICTX *ctx, const char *step)
{
	const struct talk *t = smfi_getpriv(ctx);
	const char *dot = strchr(t->sender, '.');
	size_t n = strlen(step);

	if (dot == NULL || strncmp(dot + 1, step, n) != 0 || dot[1 + n] != '@')
		return SMFIS_CONTINUE;
	if (strncmp(t->sender, "<accept", 7) == 0)
		return SMFIS_ACCEPT;
	if (strncmp(t->sender, "<reject", 7) == 0)
		return SMFIS_REJECT;
	return strncmp(t->sender, "<discard", 8) == 0 ? SMFIS_DISCARD : SMFIS_CONTINUE;
}

static void
end_by(const char *text)
{
	if (strstr(text, "dies") != NULL)
		_exit(1);
	while (strstr(text, "hangs") != NULL)
		sleep(1);
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	(void)host;
	(void)addr;
	return smfi_setpriv(ctx, calloc(1, sizeof(struct talk))) == MI_SUCCESS ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	(void)ctx;
	return strstr(name, "refuse") != NULL ? SMFIS_REJECT : SMFIS_CONTINUE;
}

static sfsistat
on_mail(SMFICTX *ctx, char **args)
{
	struct talk *t = smfi_getpriv(ctx);

	memset(t, 0, sizeof(*t));
	snprintf(t->sender, sizeof(t->sender), "%s", args[0]);
	return strstr(args[0], "refuse") != NULL ? SMFIS_REJECT : answer_at(ctx, "mail");
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **args)
{
	end_by(args[0]);
	if (strstr(args[0], "refuse") == NULL)
		return answer_at(ctx, "rcpt");
	smfi_setreply(ctx, "450", "4.7.3", "not this one");
	return SMFIS_TEMPFAIL;
}

static sfsistat
on_unknown(SMFICTX *ctx, const char *line)
{
	end_by(line);
	return answer_at(ctx, "unknown");
}

static sfsistat
on_data(SMFICTX *ctx)
{
	return answer_at(ctx, "data");
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	return answer_at(ctx, "eoh");
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct talk *t = smfi_getpriv(ctx);

	if (strcasecmp(name, "Subject") == 0 && t->subject[0] == '\0')
		snprintf(t->subject, sizeof(t->subject), "%s", value);
	snprintf(t->names + strlen(t->names), sizeof(t->names) - strlen(t->names), " %s", name);
	return answer_at(ctx, "header");
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *data, size_t n)
{
	struct talk *t = smfi_getpriv(ctx);

	(void)data;
	t->bytes += n;
	return answer_at(ctx, "body");
}

static void
add_much(SMFICTX *ctx)
{
	char value[4001];

	for (size_t i = 0; i < sizeof(value) - 1; i++)
		value[i] = i % 80 == 79 ? '\n' : 'x';
	value[sizeof(value) - 1] = '\0';
	for (int i = 0; i < 60; i++)
		smfi_addheader(ctx, "X-Much", value);
}

static sfsistat
change(SMFICTX *ctx, const struct talk *t)
{
	char text[64];

	snprintf(text, sizeof(text), "%lu", t->bytes);
	if (strstr(t->subject, "count") != NULL)
		smfi_addheader(ctx, "X-Count", text);
	if (strstr(t->subject, "names") != NULL)
		smfi_addheader(ctx, "X-Names", (char *)t->names + 1);
	if (strstr(t->subject, "add") != NULL)
		smfi_addheader(ctx, "X-Added", "one\n\ttwo");
	if (strstr(t->subject, "insert") != NULL)
		smfi_insheader(ctx, 0, "X-Top", "first");
	if (strstr(t->subject, "change") != NULL)
		smfi_chgheader(ctx, "X-Old", 1, "new");
	if (strstr(t->subject, "delete") != NULL)
		smfi_chgheader(ctx, "X-Gone", 2, NULL);
	if (strstr(t->subject, "bareends") != NULL)
		smfi_replacebody(ctx, (unsigned char *)"a\n.\nb\rc\r\nd\r", 12);
	if (strstr(t->subject, "moreto") != NULL) {
		smfi_addrcpt(ctx, (char *)"<bob@example.com>");
		smfi_addrcpt_par(ctx, (char *)"carol@example.com", (char *)"NOTIFY=NEVER ORCPT=rfc822;c@x");
		smfi_addrcpt(ctx, (char *)"<nobody-there@example.com>");
	}
	if (strstr(t->subject, "lessto") != NULL || strstr(t->subject, "nobody") != NULL)
		smfi_delrcpt(ctx, (char *)"<Alice@Example.com>");
	if (strstr(t->subject, "nobody") != NULL)
		smfi_delrcpt(ctx, (char *)"<bob@example.com>");
	if (strstr(t->subject, "huge") != NULL)
		add_much(ctx);
	if (strstr(t->subject, "from") != NULL)
		smfi_chgfrom(ctx, (char *)"<other@elsewhere.example>", (char *)"RET=HDRS");
	if (strstr(t->subject, "body") != NULL) {
		smfi_replacebody(ctx, (unsigned char *)"another ", 8);
		smfi_replacebody(ctx, (unsigned char *)"body\r\n", 6);
	}
	return SMFIS_CONTINUE;
}

static sfsistat
on_end(SMFICTX *ctx)
{
	const struct talk *t = smfi_getpriv(ctx);

	if (strcmp(t->subject, "reject") == 0)
		return SMFIS_REJECT;
	if (strcmp(t->subject, "tempfail") == 0)
		return SMFIS_TEMPFAIL;
	if (strcmp(t->subject, "discard") == 0)
		return SMFIS_DISCARD;
	if (strcmp(t->subject, "quarantine") == 0)
		smfi_quarantine(ctx, (char *)"looks odd");
	if (strcmp(t->subject, "custom") == 0) {
		smfi_setmlreply(ctx, "554", "5.7.9", "first line", "second line", NULL);
		return SMFIS_REJECT;
	}
	if (strcmp(t->subject, "closing") == 0) {
		smfi_setreply(ctx, "421", "4.7.0", "come back later");
		return SMFIS_TEMPFAIL;
	}
	if (strcmp(t->subject, "quoted") == 0) {
		smfi_setreply(ctx, "554", "5.7.9", "no \" id=99 to=evil@b.example \"");
		return SMFIS_REJECT;
	}
	for (int i = 0; i < 6 && strcmp(t->subject, "slow") == 0; i++) {
		smfi_progress(ctx);
		usleep(500000);
	}
	while (strcmp(t->subject, "silent") == 0)
		sleep(1);
	if (answer_at(ctx, "end") != SMFIS_CONTINUE)
		return answer_at(ctx, "end");
	return change(ctx, t);
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	memset(smfi_getpriv(ctx), 0, sizeof(struct talk));
	return SMFIS_CONTINUE;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
	unsigned long *actions_out, unsigned long *steps_out, unsigned long *f2_out, unsigned long *f3_out)
{
	(void)ctx;
	(void)f2;
	(void)f3;
	*actions_out = actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_QUARANTINE |
		SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR | SMFIF_DELRCPT | SMFIF_CHGFROM);
	*steps_out = steps & SMFIP_RCPT_REJ;
	*f2_out = *f3_out = 0;
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	free(smfi_getpriv(ctx));
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

int
main(int argc, char **argv)
{
	struct smfiDesc milter = {
		.xxfi_name = "test-milter", .xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_QUARANTINE |
			SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR | SMFIF_DELRCPT | SMFIF_CHGFROM,
		.xxfi_connect = on_connect, .xxfi_helo = on_helo, .xxfi_envfrom = on_mail, .xxfi_envrcpt = on_rcpt,
		.xxfi_unknown = on_unknown, .xxfi_data = on_data, .xxfi_header = on_header, .xxfi_eoh = on_eoh,
		.xxfi_body = on_body, .xxfi_eom = on_end, .xxfi_abort = on_abort, .xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};

	if (argc != 2 || smfi_setconn(argv[1]) == MI_FAILURE || smfi_register(milter) == MI_FAILURE)
		return 2;
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
