/*
 * parse: settings files into records, in a process without rights.
 *
 * The records of a file, each with `id=` of the question:
 *	list	domain name= folder=		for every domain (folder "" = domains/NAME)
 *	domain	domain [disabled=1] [requireauth=1] [nogreylisting=1] [catchalls=1] [cram=1] [scram=1]
 *			catchall= postmaster= [signs=1] rsa= rsakey= ed25519= ed25519key=
 *		other name=			for every domain alias
 *		trusted pattern=		for every trusted sender
 *	aliases	alias name= targets=		for every alias
 *	user	user [disabled=1] [nogreylisting=1] limitmb= hash= scram= cram=
 *		trusted pattern=
 * then `end`, or instead `error text=`.
 */
#ifndef AUTH_CHECK_PARSE_H
#define AUTH_CHECK_PARSE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

typedef void parse_answer(const struct buf *out);

/* What the XML library loads lazily; before the process is confined. */
void parse_warm_up(void);

/* Read the file and hand every record to answer; out is the room for one. */
void parse_file(struct span kind, struct span id, int fd, parse_answer *answer, struct buf *out);

#endif
