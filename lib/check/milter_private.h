/*
 * milter_private: one connection to a milter, shared by milter.c (questions)
 * and milter_answer.c (what comes back).
 */
#ifndef CHECK_MILTER_PRIVATE_H
#define CHECK_MILTER_PRIVATE_H

#include "base/base.h"
#include "base/buf.h"
#include "check/milter.h"
#include "io/stream.h"

/* Stages that have macros of their own, in the numbers of the protocol. */
enum { STAGE_CONNECT, STAGE_HELO, STAGE_MAIL, STAGE_RCPT, STAGE_DATA, STAGE_END, STAGE_EOH, STAGES };

struct milter {
	struct stream io;
	uint64_t timeout_ms;
	milter_macro *macro;
	void *macro_ctx;
	char *wishes[STAGES];		/* from the milter; NULL: the usual macros */
	uint32_t steps;			/* MILTER_NO_ and MILTER_QUIET_ bits agreed on */
	uint32_t actions;		/* MILTER_MAY_ bits agreed on */
	struct buf out;
	struct buf in;			/* one packet: letter and data */
	bool failed;
	bool has_session;		/* a command of it was sent since negotiation or QUIT_NEXT */
	bool body_began;		/* a piece of a new body came */
	bool at_rest;			/* the last step was a milter_end that continued */
	bool skips_rcpt, skips_header;	/* "skip": no more of these in this message */
	struct verdict verdict;
	struct buf text;		/* of the verdict, lines parted by LF */
	char error[128];
};

/* The first failure stays: the connection is dead and says why. */
enum milter_outcome milter_fail(struct milter *m, const char *why);

/* The next packet into m->in, by `end` at the latest; false when the connection has failed. */
bool milter_read_packet(struct milter *m, uint64_t end) PB_MUST_CHECK;

/*
 * Read until the milter has said what it thinks of the step.  edits: NULL but
 * at the end of a message.  skip: set when it wants no more of what can be
 * repeated; NULL where nothing is.
 */
enum milter_outcome milter_answer(struct milter *m, const struct milter_edits *edits, bool *skip) PB_MUST_CHECK;

#endif
