/*
 * milter_wire: the packets of the milter protocol, shared by milter.c and its
 * tests.  A packet is a 32-bit length in network order, one letter, and data.
 */
#ifndef CHECK_MILTER_WIRE_H
#define CHECK_MILTER_WIRE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

enum milter_command {		/* from us to the milter */
	MILTER_ABORT = 'A', MILTER_BODY = 'B', MILTER_CONNECT = 'C', MILTER_MACRO = 'D',
	MILTER_BODY_END = 'E', MILTER_HELO = 'H', MILTER_QUIT_NEXT = 'K', MILTER_HEADER = 'L',
	MILTER_MAIL = 'M', MILTER_HEADER_END = 'N', MILTER_NEGOTIATE = 'O', MILTER_QUIT = 'Q',
	MILTER_RCPT = 'R', MILTER_DATA = 'T', MILTER_UNKNOWN = 'U'
};

enum milter_response {		/* from the milter to us */
	MILTER_RESP_SHUTDOWN = '4', MILTER_RESP_ACCEPT = 'a', MILTER_RESP_BODY = 'b',
	MILTER_RESP_CONTINUE = 'c', MILTER_RESP_DISCARD = 'd', MILTER_RESP_CONNECTION = 'f',
	MILTER_RESP_ADD = 'h', MILTER_RESP_INSERT = 'i', MILTER_RESP_CHANGE = 'm',
	MILTER_RESP_PROGRESS = 'p', MILTER_RESP_QUARANTINE = 'q', MILTER_RESP_REJECT = 'r',
	MILTER_RESP_SKIP = 's', MILTER_RESP_TEMPFAIL = 't', MILTER_RESP_REPLY = 'y',
	MILTER_RESP_ADD_RCPT = '+', MILTER_RESP_DELETE_RCPT = '-', MILTER_RESP_ADD_RCPT_ARGS = '2',
	MILTER_RESP_FROM = 'e'
};

enum milter_step {		/* bits of the steps: what a milter leaves out, or answers not */
	MILTER_NO_CONNECT = 0x1, MILTER_NO_HELO = 0x2, MILTER_NO_MAIL = 0x4, MILTER_NO_RCPT = 0x8,
	MILTER_NO_BODY = 0x10, MILTER_NO_HEADER = 0x20, MILTER_NO_HEADER_END = 0x40,
	MILTER_QUIET_HEADER = 0x80, MILTER_NO_UNKNOWN = 0x100, MILTER_NO_DATA = 0x200,
	MILTER_CAN_SKIP = 0x400, MILTER_SHOW_REFUSED = 0x800, MILTER_QUIET_CONNECT = 0x1000, MILTER_QUIET_HELO = 0x2000,
	MILTER_QUIET_MAIL = 0x4000, MILTER_QUIET_RCPT = 0x8000, MILTER_QUIET_DATA = 0x10000,
	MILTER_QUIET_UNKNOWN = 0x20000, MILTER_QUIET_HEADER_END = 0x40000,
	MILTER_QUIET_BODY = 0x80000, MILTER_LEADING_SPACE = 0x100000
};

enum milter_action {		/* bits of what a milter may do */
	MILTER_MAY_ADD = 0x1, MILTER_MAY_BODY = 0x2, MILTER_MAY_ADD_RCPT = 0x4,
	MILTER_MAY_DELETE_RCPT = 0x8, MILTER_MAY_CHANGE = 0x10, MILTER_MAY_QUARANTINE = 0x20,
	MILTER_MAY_FROM = 0x40, MILTER_MAY_ADD_RCPT_ARGS = 0x80, MILTER_MAY_WISH_MACROS = 0x100
};

#define MILTER_VERSION 6
#define MILTER_OUR_ACTIONS 0x1ffu	/* all of the above */
#define MILTER_OUR_STEPS 0x1fffffu	/* all of the above */

/* Begin a packet, and finish it: the length is filled in. */
void milter_packet_begin(struct buf *out, char command);
void milter_packet_end(struct buf *out, size_t began);
void milter_put_u32(struct buf *out, uint32_t value);
void milter_put_text(struct buf *out, struct span text);	/* with a NUL behind; NULs inside become "?" */

/* Cut from *in; false when it is too short. */
bool milter_get_u32(struct span *in, uint32_t *out) PB_MUST_CHECK;
bool milter_get_text(struct span *in, struct span *out) PB_MUST_CHECK;

#endif
