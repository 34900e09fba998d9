/*
 * forbidden_acts: what no program of ours may do once it is confined.
 */
#ifndef T_DESIGN_FORBIDDEN_ACTS_H
#define T_DESIGN_FORBIDDEN_ACTS_H

#include "base/base.h"
#include "sys/sandbox.h"

/* Where the acts are tried; made before confinement. */
struct scene {
	pid_t other;		/* a process that is not ours to touch */
	int file_fd;		/* a file of ours, open for reading and writing */
	int home_fd;		/* the folder we work in; ../other is its neighbour, of the same owner */
	int other_socket;	/* listening; its server refuses our uid; -1 when not root */
	int listening;		/* a TCP port that others serve too */
	int client;		/* a TCP connection that was accepted */
	int port;		/* where somebody else listens, network byte order */
	const char *foreign;	/* absolute path of a file that is nobody's business */
};

struct act {
	const char *name;
	int (*run)(const struct scene *);	/* 0: it was possible; -1: refused, errno */
	unsigned allowed;	/* roles whose work it is: ROLE(x) | ... */
	bool must_work;		/* possible for any process that is not confined */
	bool needs_root;	/* the scene for it can only be set by root */
};

#define ROLE(r) (1U << (r))

extern const struct act acts[];
extern const size_t act_count;

#endif
