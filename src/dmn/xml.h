/* The XML of DMN models and of the conformance kit's tests, as a tree: Expat with everything
 * dangerous off. A document type declaration is refused, so there are no entities to expand or to
 * fetch; size, elements and depth are limited. The tree is plain data in the arena. */
#ifndef QF_DMN_XML_H
#define QF_DMN_XML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

#define QF_DMN_XML_DEPTH_MAX 200

struct qf_dmn_attr {
    struct qf_slice ns; /* empty for most */
    struct qf_slice name;
    struct qf_slice value;
};

struct qf_dmn_xml {
    struct qf_slice ns;
    struct qf_slice name;
    struct qf_slice text; /* all character data directly inside, joined */
    const struct qf_dmn_attr *attrs;
    uint32_t attr_count;
    uint32_t line; /* of the start tag, from 1 */
    uint32_t column;
    uint32_t text_line; /* where the text begins */
    uint32_t text_column;
    struct qf_dmn_xml *first; /* children */
    struct qf_dmn_xml *last;
    struct qf_dmn_xml *next;
};

/* Reads a document. QF_MALFORMED or QF_OVER_LIMIT with "line L, column C". */
QF_MUST_CHECK enum qf_status qf_dmn_xml_parse(struct qf_arena *arena, struct qf_dmn_xml **out,
                                              struct qf_slice bytes, struct qf_error *err);

/* First child of that local name, or NULL; the next sibling of the same name, or NULL. */
const struct qf_dmn_xml *qf_dmn_xml_child(const struct qf_dmn_xml *parent, const char *name);
const struct qf_dmn_xml *qf_dmn_xml_next(const struct qf_dmn_xml *element);
/* An attribute without a namespace; an empty slice with NULL data when there is none. */
struct qf_slice qf_dmn_xml_attr(const struct qf_dmn_xml *element, const char *name);
struct qf_slice qf_dmn_xml_attr_ns(const struct qf_dmn_xml *element, const char *ns,
                                   const char *name);
/* Without the white space at its ends. */
struct qf_slice qf_dmn_trim(struct qf_slice text);

#endif
