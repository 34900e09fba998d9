/*
 * bindings: the ports that are opened when the settings name none, and by
 * mailctl init (BIND-01).
 */
#ifndef CONFIG_BINDINGS_H
#define CONFIG_BINDINGS_H

#include "base/base.h"

struct binding {
	const char *service;	/* smtp, smtps, submission, pop3, pop3s, imap, imaps */
	unsigned number;	/* the well-known port */
};

extern const struct binding binding_table[];
extern const size_t binding_count;

/* The well-known port of a service; 0 for an unknown one. */
unsigned binding_number(const char *service);

/* Does "25,587" name this port?  An empty list names all. */
bool binding_list_has(const char *ports, uint64_t number);

#endif
