/*
 * units: every program as mail-master starts it.
 *
 * The order is that of starting.  Since all sockets are bound before the first
 * program starts, nobody has to wait for anybody: a connection to a program
 * that is not ready waits in the socket's queue.
 */
#include "base/base.h"
#include "master.h"

const struct unit_def unit_defs[] = {
	{ .name = "event-log", .program = "event-log", .sockets = "log", .stop_phase = 4 },
	{ .name = "auth-check", .program = "auth-check", .sockets = "auth,lookup,auth-control",
		.stop_phase = 3 },
	{ .name = "abuse-check", .program = "abuse-check", .sockets = "abuse,abuse-control", .stop_phase = 3 },
	{ .name = "scan-check", .program = "scan-check", .sockets = "scan", .stop_phase = 3 },
	{ .name = "spool-intake", .program = "spool-runner", .mode = "--intake",
		.sockets = "intake", .stop_phase = 2 },
	{ .name = "local-deliver", .program = "local-deliver", .sockets = "deliver", .stop_phase = 2 },
	{ .name = "remote-send", .program = "remote-send", .sockets = "send", .stop_phase = 2 },
	{ .name = "spool-schedule", .program = "spool-runner", .mode = "--schedule",
		.service = "spool", .sockets = "schedule", .stop_phase = 1 },
	{ .name = "greylist-check", .program = "greylist-check", .only_if = "greylisting/enabled",
		.sockets = "greylist,greylist-control", .rereads = true, .stop_phase = 2 },
	{ .name = "smtp-listen", .program = "smtp-listen", .service = "smtp", .keys = true,
		.ports = "smtp,submission,smtps,smtp-tls", .sockets = "smtp,ctl-smtp-listen",
		.is_pool = true, .stop_phase = 1 },
	{ .name = "pop3-serve", .program = "pop3-serve", .service = "pop", .keys = true,
		.ports = "pop3,pop3s", .sockets = "ctl-pop3-serve", .is_pool = true, .stop_phase = 1 },
	{ .name = "imap-serve", .program = "imap-serve", .service = "imap", .keys = true,
		.ports = "imap,imaps", .sockets = "ctl-imap-serve", .is_pool = true, .stop_phase = 1 },
};

const size_t unit_def_count = PB_COUNT(unit_defs);
