/*
 * agent: serve the jobs of one connection.
 *
 * What is readable is taken as one batch: link everything, sync once, answer.
 * While one batch is being synced the next one gathers in the socket.
 */
#ifndef LOCAL_DELIVER_AGENT_H
#define LOCAL_DELIVER_AGENT_H

#include "base/base.h"

struct limits;
struct service;

struct agent {
	struct service *svc;
	int conn;		/* SOCK_SEQPACKET to intake or schedule */
	int spool;		/* descriptor of the spool folder */
	int domains;		/* descriptor of the domains folder */
	struct limits *limits;	/* made by agent_run */
	bool sync_always;	/* sync every folder, whatever the file system promises */
};

/* Serve until the caller closes the connection; returns the exit code of the process. */
int agent_run(struct agent *a);

#endif
