/*
 * xml: settings files as people and other programs wrote them, and rewriting
 * that keeps what it does not understand.
 *
 * Reading is lenient about form (any root, any order, letter case of element
 * names, BOM, CRLF, comments) and strict about danger: no DTD, hence no
 * entities, no network, UTF-8 only, LIMIT_XML bytes, LIMIT_XML_DEPTH levels.
 * Writing keeps unknown elements, comments, order, BOM and line ends.
 *
 * A struct xml_node belongs to its document and is valid until it is removed
 * or the document is freed.
 */
#ifndef CONFIG_XML_H
#define CONFIG_XML_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

struct xml;
struct xml_node;

struct xml_error {
	int line;		/* 1 is the first; 0 when no line is to blame */
	char text[256];		/* one line of printable text */
};

/* An empty document with this root element; never NULL. */
struct xml *xml_new(const char *root);

/* Parse text, or all of a file from its start; NULL with *err filled. */
struct xml *xml_parse(struct span text, struct xml_error *err) PB_MUST_CHECK;
struct xml *xml_read(int fd, struct xml_error *err) PB_MUST_CHECK;

/* The document as bytes, appended to out; false when it passes out's maximum. */
bool xml_write(const struct xml *x, struct buf *out) PB_MUST_CHECK;
void xml_free(struct xml **x);

struct xml_node *xml_root(const struct xml *x);
/* The next child element with that name in any letter case (name NULL: with any
 * name) behind `after` (NULL: the first); NULL when there is none. */
struct xml_node *xml_child(const struct xml_node *parent, struct span name,
	const struct xml_node *after);
/* The first element reached by a path "a/b" below the node; NULL when none is. */
struct xml_node *xml_at(const struct xml_node *from, struct span path);
const char *xml_name(const struct xml_node *n);
int xml_line(const struct xml_node *n);
/* Append the text without blanks around it; false when out is full. */
bool xml_text(const struct xml_node *n, struct buf *out) PB_MUST_CHECK;
/* The attribute `enabled`: 1 true, 0 false, -1 absent, -2 something else. */
int xml_enabled(const struct xml_node *n);

/* The element at a path, made with its parents when it is not there. */
struct xml_node *xml_make(struct xml_node *from, struct span path);
/* Append a child element, indented as its brothers are. */
struct xml_node *xml_add(struct xml_node *parent, struct span name);
/* A comment before the first child of the node. */
void xml_comment(struct xml_node *parent, const char *text);
/* Replace all content by text; control characters are the caller's fault: bug. */
void xml_set_text(struct xml_node *n, struct span text);
void xml_set_enabled(struct xml_node *n, bool enabled);
/* Remove the element with the blank space before it. */
void xml_remove(struct xml_node *n);

#endif
