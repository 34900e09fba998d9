/*
 * xml: libxml2 behind a fence.
 *
 * Trust: the text may come from anybody who can make an administrator import
 * a file.  (1) It is read by us with a cap, so nothing is fetched, unzipped or
 * sized by it.  (2) The first sign of a DTD stops the parser, so no entity is
 * ever declared; options that would expand or fetch are not set.  (3) Depth is
 * limited twice, by libxml2 while it parses and by us to our own figure, and
 * nothing here recurses.
 */
#include "base/base.h"
#include "config/xml.h"
#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <sys/stat.h>
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/settings_table.h"
#include "sys/file.h"

#define BOM "\xef\xbb\xbf"

struct xml {
	xmlDocPtr doc;
	bool has_bom;
	bool has_crlf;
	bool small_name;	/* the declaration spells it utf-8, as .NET does */
};

static xmlNodePtr
node_of(const struct xml_node *n)
{
	return (xmlNodePtr)(uintptr_t)n;
}

static struct xml_node *
wrap(xmlNodePtr n)
{
	return (struct xml_node *)n;
}

PB_PRINTF(3, 4)
static void
set_error(struct xml_error *err, int line, const char *fmt, ...)
{
	struct buf text;
	va_list ap;

	err->line = line;
	buf_init_fixed(&text, err->text, sizeof(err->text));
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (text.overflow)
		buf_text_put(&text, "XML error");
	for (char *p = err->text; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = *p == '\n' ? ' ' : '?';
}

struct xml *
xml_new(const char *root)
{
	struct xml *x = mem_new(sizeof(*x));

	x->doc = xmlNewDoc(BAD_CAST "1.0");
	if (x->doc == NULL)
		die_no_memory();
	xmlDocSetRootElement(x->doc, xmlNewDocNode(x->doc, NULL, BAD_CAST root, NULL));
	return x;
}

void
xml_free(struct xml **x)
{
	if (*x == NULL)
		return;
	xmlFreeDoc((*x)->doc);
	free(*x);
	*x = NULL;
}

/* libxml2 calls this when it meets <!DOCTYPE. */
static void
refuse_dtd(void *ctx, const xmlChar *name PB_UNUSED, const xmlChar *external PB_UNUSED,
	const xmlChar *system_id PB_UNUSED)
{
	xmlParserCtxtPtr parser = ctx;

	set_error(parser->_private, xmlSAX2GetLineNumber(parser), "DTD not allowed");
	xmlStopParser(parser);
}

/* The first error is the cause; what follows it is its consequence. */
static void
note_error(void *ctx, xmlErrorPtr error)
{
	xmlParserCtxtPtr parser = ctx;
	struct xml_error *err = parser->_private;

	if (err->text[0] == '\0')
		set_error(err, error->line, "not well formed: %s",
			error->message == NULL ? "unknown error" : error->message);
}

/* Refused where it begins, so that no deeper tree is ever built. */
static void
start_element(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespace_n,
	const xmlChar **namespaces, int attribute_n, int default_n, const xmlChar **attributes)
{
	xmlParserCtxtPtr parser = ctx;

	if (parser->nodeNr >= LIMIT_XML_DEPTH) {
		set_error(parser->_private, xmlSAX2GetLineNumber(parser), "nested deeper than %d elements", LIMIT_XML_DEPTH);
		xmlStopParser(parser);
		return;
	}
	xmlSAX2StartElementNs(ctx, name, prefix, uri, namespace_n, namespaces, attribute_n, default_n, attributes);
}

static bool
text_is_allowed(struct span text, struct xml_error *err)
{
	if (text.n > LIMIT_XML) {
		set_error(err, 0, "too large: more than %d bytes", LIMIT_XML);
		return false;
	}
	if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL) {
		set_error(err, 0, "not UTF-8 text: it has NUL bytes");
		return false;
	}
	return true;
}

static xmlDocPtr
parse_document(struct span text, struct xml_error *err)
{
	xmlParserCtxtPtr parser = xmlNewParserCtxt();
	xmlDocPtr doc;

	if (parser == NULL)
		die_no_memory();
	*err = (struct xml_error){ .line = 0 };
	parser->_private = err;
	parser->sax->internalSubset = refuse_dtd;
	parser->sax->startElementNs = start_element;
	parser->sax->serror = note_error;
	doc = xmlCtxtReadMemory(parser, text.p == NULL ? "" : text.p, (int)text.n, NULL, "UTF-8",
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES);
	if (err->text[0] != '\0' && doc != NULL) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	if (doc == NULL && err->text[0] == '\0')
		set_error(err, 0, "not well formed: it has no element");
	xmlFreeParserCtxt(parser);
	return doc;
}

struct xml *
xml_parse(struct span text, struct xml_error *err)
{
	struct xml *x;
	xmlDocPtr doc;

	if (!text_is_allowed(text, err))
		return NULL;
	doc = parse_document(text, err);
	if (doc == NULL)
		return NULL;
	if (xmlDocGetRootElement(doc) == NULL) {
		xmlFreeDoc(doc);
		return NULL;
	}
	x = mem_new(sizeof(*x));
	x->doc = doc;
	x->has_bom = span_starts(text, SPAN(BOM));
	x->has_crlf = span_search(text, SPAN("\r\n")) >= 0;
	x->small_name = span_search(span_first(text, 80), SPAN("encoding=\"utf-8\"")) > 0;
	return x;
}

struct xml *
xml_read(int fd, struct xml_error *err)
{
	struct xml *x = NULL;
	struct buf text;
	struct stat st;

	buf_init(&text, LIMIT_XML);
	if (fstat(fd, &st) == 0 && st.st_size > LIMIT_XML)
		set_error(err, 0, "too large: more than %d bytes", LIMIT_XML);
	else if (file_read_all(fd, &text) != 0)
		set_error(err, 0, "cannot be read: %s", strerror(errno));
	else
		x = xml_parse(buf_view(&text), err);
	buf_free(&text);
	return x;
}

bool
xml_write(const struct xml *x, struct buf *out)
{
	xmlChar *mem = NULL;
	int size = 0;

	xmlDocDumpFormatMemoryEnc(x->doc, &mem, &size, x->small_name ? "utf-8" : "UTF-8", 0);
	if (mem == NULL)
		die_no_memory();
	if (x->has_bom)
		buf_text_put(out, BOM);
	if (!x->has_crlf) {
		buf_put(out, mem, (size_t)size);
	} else {
		/* The parser made CRLF into LF; a CR inside of text is written &#13;. */
		for (int i = 0; i < size; i++) {
			if (mem[i] == '\n')
				buf_char(out, '\r');
			buf_char(out, (char)mem[i]);
		}
	}
	xmlFree(mem);
	return !out->overflow;
}

/* -- looking ---------------------------------------------------------------- */

struct xml_node *
xml_root(const struct xml *x)
{
	return wrap(xmlDocGetRootElement(x->doc));
}

struct xml_node *
xml_child(const struct xml_node *parent, struct span name, const struct xml_node *after)
{
	xmlNodePtr n = after == NULL ? node_of(parent)->children : node_of(after)->next;

	for (; n != NULL; n = n->next)
		if (n->type == XML_ELEMENT_NODE &&
		    (name.p == NULL || span_eq_nocase(name, span_of((const char *)n->name))))
			return wrap(n);
	return NULL;
}

struct xml_node *
xml_at(const struct xml_node *from, struct span path)
{
	const struct xml_node *n = from;

	while (path.p != NULL && n != NULL)
		n = xml_child(n, span_cut(&path, '/'), NULL);
	return wrap(node_of(n));
}

const char *
xml_name(const struct xml_node *n)
{
	return (const char *)node_of(n)->name;
}

int
xml_line(const struct xml_node *n)
{
	return (int)xmlGetLineNo(node_of(n));
}

bool
xml_text(const struct xml_node *n, struct buf *out)
{
	struct span s;
	struct buf all;
	bool ok;

	buf_init(&all, LIMIT_XML);
	for (xmlNodePtr c = node_of(n)->children; c != NULL; c = c->next)
		if ((c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE) && c->content != NULL)
			buf_text_put(&all, (const char *)c->content);
	s = span_trim(buf_view(&all));
	ok = !all.overflow && buf_span(out, s);
	buf_free(&all);
	return ok;
}

int
xml_enabled(const struct xml_node *n)
{
	for (xmlAttrPtr a = node_of(n)->properties; a != NULL; a = a->next) {
		const char *text = a->children == NULL ? "" : (const char *)a->children->content;
		bool yes;

		if (!span_is_nocase(span_of((const char *)a->name), "enabled"))
			continue;
		if (!setting_bool_parse(span_of(text), &yes))
			return -2;
		return yes ? 1 : 0;
	}
	return -1;
}

/* -- changing --------------------------------------------------------------- */

static bool
is_blank(xmlNodePtr n)
{
	return n != NULL && n->type == XML_TEXT_NODE && xmlIsBlankNode(n);
}

/* Text nodes that break the line and indent by `depth` steps of two blanks. */
static xmlNodePtr
new_break(xmlDocPtr doc, int depth)
{
	char text[2 * (LIMIT_XML_DEPTH + 1) + 2];
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	buf_char(&b, '\n');
	for (int i = 0; i < depth; i++)
		buf_text_put(&b, "  ");
	return xmlNewDocText(doc, BAD_CAST text);
}

static int
depth_of(xmlNodePtr n)
{
	int depth = 0;

	for (n = n->parent; n != NULL && n->type == XML_ELEMENT_NODE; n = n->parent)
		depth++;
	return depth;
}

struct xml_node *
xml_add(struct xml_node *parent, struct span name)
{
	xmlNodePtr p = node_of(parent), n, last = p->last;
	char *copy = mem_copy(name);
	int depth = depth_of(p);

	n = xmlNewDocNode(p->doc, NULL, BAD_CAST copy, NULL);
	free(copy);
	if (n == NULL)
		die_no_memory();
	if (is_blank(last)) {
		xmlUnlinkNode(last);
		xmlFreeNode(last);
	}
	xmlAddChild(p, new_break(p->doc, depth + 1));
	xmlAddChild(p, n);
	xmlAddChild(p, new_break(p->doc, depth));
	return wrap(n);
}

struct xml_node *
xml_make(struct xml_node *from, struct span path)
{
	struct xml_node *n = from;

	while (path.p != NULL) {
		struct span name = span_cut(&path, '/');
		struct xml_node *child = xml_child(n, name, NULL);

		n = child != NULL ? child : xml_add(n, name);
	}
	return n;
}

void
xml_comment(struct xml_node *parent, const char *text)
{
	xmlNodePtr p = node_of(parent), c = xmlNewDocComment(p->doc, BAD_CAST text);
	xmlNodePtr first = p->children;

	if (c == NULL)
		die_no_memory();
	if (first == NULL) {
		xmlAddChild(p, new_break(p->doc, depth_of(p) + 1));
		xmlAddChild(p, c);
		xmlAddChild(p, new_break(p->doc, depth_of(p)));
	} else {
		xmlAddPrevSibling(first, c);
		xmlAddPrevSibling(c, new_break(p->doc, depth_of(p) + 1));
	}
}

void
xml_set_text(struct xml_node *n, struct span text)
{
	xmlNodePtr p = node_of(n), child;

	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20)
			bug("control character for element %s", xml_name(n));
	while ((child = p->children) != NULL) {
		xmlUnlinkNode(child);
		xmlFreeNode(child);
	}
	if (text.n > 0)
		xmlAddChild(p, xmlNewDocTextLen(p->doc, BAD_CAST text.p, (int)text.n));
}

void
xml_set_enabled(struct xml_node *n, bool enabled)
{
	const xmlChar *name = BAD_CAST "enabled";

	for (xmlAttrPtr a = node_of(n)->properties; a != NULL; a = a->next)
		if (span_is_nocase(span_of((const char *)a->name), "enabled"))
			name = a->name;
	xmlSetProp(node_of(n), name, BAD_CAST (enabled ? "True" : "False"));
}

void
xml_remove(struct xml_node *n)
{
	xmlNodePtr p = node_of(n);

	if (is_blank(p->prev)) {
		xmlNodePtr blank = p->prev;

		xmlUnlinkNode(blank);
		xmlFreeNode(blank);
	}
	xmlUnlinkNode(p);
	xmlFreeNode(p);
}
