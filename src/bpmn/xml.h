/* XML for BPMN models and XES logs: Expat with everything dangerous off, and a document tree.
 *
 * A document type declaration is refused outright, so there are no entities to expand or to fetch;
 * size, depth, elements, attributes and the length of a single token are limited. Only UTF-8,
 * UTF-16, ISO-8859-1 and US-ASCII are read; everything handed out is UTF-8.
 *
 * Two ways to read: a handler that is told of each element (XES, of any size), or a tree that keeps
 * elements, attributes, namespace declarations, text and line numbers in document order (BPMN),
 * from which the same document can be written again. Comments and processing instructions are not
 * kept. A reader belongs to one thread; a tree is plain data in an arena.
 *
 * Sources: XML 1.0 (names as in its fourth edition), Namespaces in XML 1.0. */
#ifndef QF_BPMN_XML_H
#define QF_BPMN_XML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

struct qf_xml_limits {
    uint64_t size_max;     /* bytes of the document */
    uint64_t elements_max; /* elements */
    uint32_t depth_max;    /* nesting of elements */
};

/* A name with its namespace ("" when there is none) and the prefix it was written with. */
struct qf_xml_name {
    struct qf_slice ns;
    struct qf_slice local;
    struct qf_slice prefix;
};

struct qf_xml_attr {
    struct qf_xml_name name;
    struct qf_slice value;
};

/* A namespace declaration; prefix "" is the default namespace, uri "" takes it away. */
struct qf_xml_decl {
    struct qf_slice prefix;
    struct qf_slice uri;
};

/* An element's start tag. Valid during the call only. */
struct qf_xml_start {
    struct qf_xml_name name;
    const struct qf_xml_attr *attrs;
    const struct qf_xml_decl *decls;
    uint32_t attr_count;
    uint32_t decl_count;
    uint32_t line;
};

/* What is told while reading; anything but QF_OK stops the reader with that status. */
struct qf_xml_handler {
    enum qf_status (*start)(void *self, const struct qf_xml_start *element, struct qf_error *err);
    enum qf_status (*end)(void *self, struct qf_error *err);
    enum qf_status (*text)(void *self, struct qf_slice text, struct qf_error *err); /* in parts */
    void *self;
};

/* Streaming reader: new, feed any number of times, finish, free. */
struct qf_xml_reader;

/* NULL when memory has run out. `handler` is copied. */
struct qf_xml_reader *qf_xml_reader_new(const struct qf_xml_handler *handler,
                                        struct qf_xml_limits limits);
void qf_xml_reader_free(struct qf_xml_reader *reader); /* takes NULL */

/* QF_MALFORMED or QF_OVER_LIMIT with field "line N", or what the handler returned. After a failure
 * every further call fails in the same way. */
QF_MUST_CHECK enum qf_status qf_xml_reader_feed(struct qf_xml_reader *reader, struct qf_slice bytes,
                                                struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_xml_reader_finish(struct qf_xml_reader *reader,
                                                  struct qf_error *err);

/* The tree. A node is an element (name.local not empty) or a run of text. */
struct qf_xml_node {
    struct qf_xml_name name;
    struct qf_slice text; /* of a text node */
    struct qf_xml_attr *attrs;
    struct qf_xml_decl *decls;
    uint32_t attr_count;
    uint32_t decl_count;
    uint32_t line;
    struct qf_xml_node *parent;
    struct qf_xml_node *child; /* first child */
    struct qf_xml_node *next;  /* next sibling */
};

/* Reads a whole document; *root is the document element, all of it in `arena`. */
QF_MUST_CHECK enum qf_status qf_xml_parse(struct qf_arena *arena, struct qf_xml_node **root,
                                          struct qf_slice input, struct qf_xml_limits limits,
                                          struct qf_error *err);

/* Appends the document with an XML declaration. Reading it gives an equal tree. */
void qf_xml_write(struct qf_buf *buf, const struct qf_xml_node *root);

/* Appends text with what XML reserves escaped, for between tags or (quoted) in an attribute. */
void qf_xml_put_text(struct qf_buf *buf, struct qf_slice text);
void qf_xml_put_attr(struct qf_buf *buf, struct qf_slice text);

static inline bool qf_xml_is_element(const struct qf_xml_node *node)
{
    return node->name.local.size > 0;
}

bool qf_xml_is(const struct qf_xml_node *node, const char *ns, const char *local);

/* Attribute without a namespace: its value, or an empty slice with data NULL. */
struct qf_slice qf_xml_attr(const struct qf_xml_node *node, const char *local);
struct qf_slice qf_xml_attr_ns(const struct qf_xml_node *node, const char *ns, const char *local);

/* First child element of that name, and the next sibling of that name; NULL at the end. */
const struct qf_xml_node *qf_xml_child(const struct qf_xml_node *node, const char *ns,
                                       const char *local);
const struct qf_xml_node *qf_xml_next(const struct qf_xml_node *node, const char *ns,
                                      const char *local);

/* Text directly within an element, its runs joined and white space at both ends taken off. */
struct qf_slice qf_xml_content(struct qf_arena *arena, const struct qf_xml_node *node);

/* Whether two trees mean the same: names (not prefixes), attributes in any order, children in
 * order, text but for white space between elements. At a difference fills `where` with its path. */
bool qf_xml_equal(const struct qf_xml_node *a, const struct qf_xml_node *b, struct qf_error *where);

/* White space at both ends taken off. */
struct qf_slice qf_xml_trim(struct qf_slice text);

#endif
