/*
 * agent: a process that sends messages, one at a time.
 */
#ifndef REMOTE_SEND_AGENT_H
#define REMOTE_SEND_AGENT_H

#include "base/base.h"
#include "connection.h"

/*
 * Confine this process and serve jobs (job.h) from the parent's socket until it
 * is closed.  Between jobs the last connection is kept AGENT_KEEP_MS; when it
 * ends the parent is told by the record `free`.  Returns the exit code.
 */
int agent_run(const struct options *o, int parent);

#define AGENT_KEEP_MS 5000

#endif
