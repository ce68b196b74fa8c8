#include "dmn/xml.h"

#include <expat.h>
#include <stdio.h>

#define SEPARATOR '\x1f' /* between namespace and name in Expat's names; not allowed in XML */

struct reader {
    struct qf_arena *arena;
    XML_Parser parser;
    struct qf_dmn_xml *root;
    struct qf_dmn_xml *stack[QF_DMN_XML_DEPTH_MAX];
    struct qf_buf text[QF_DMN_XML_DEPTH_MAX];
    uint32_t depth;
    uint32_t elements;
    enum qf_status status;
    const char *reason;
};

static void stop(struct reader *r, enum qf_status status, const char *reason)
{
    if (r->status == QF_OK) {
        r->status = status;
        r->reason = reason;
    }
    (void)XML_StopParser(r->parser, XML_FALSE);
}

static void split_name(struct reader *r, const char *name, struct qf_slice *ns,
                       struct qf_slice *local)
{
    const char *at = strrchr(name, SEPARATOR);
    if (at == NULL) {
        *ns = qf_slice_make("", 0);
        *local = qf_arena_copy(r->arena, qf_slice_of(name));
        return;
    }
    *ns = qf_arena_copy(r->arena, qf_slice_make(name, (size_t)(at - name)));
    *local = qf_arena_copy(r->arena, qf_slice_of(at + 1));
}

static void XMLCALL on_start(void *self, const XML_Char *name, const XML_Char **attrs)
{
    struct reader *r = self;
    if (r->depth == QF_DMN_XML_DEPTH_MAX || ++r->elements > QF_DMN_ELEMENTS_MAX) {
        stop(r, QF_OVER_LIMIT, "too many elements, or nested too deeply");
        return;
    }
    struct qf_dmn_xml *element = QF_ARENA_NEW(r->arena, struct qf_dmn_xml);
    split_name(r, name, &element->ns, &element->name);
    element->line = (uint32_t)XML_GetCurrentLineNumber(r->parser);
    element->column = (uint32_t)XML_GetCurrentColumnNumber(r->parser) + 1;
    uint32_t count = 0;
    while (attrs[2 * (size_t)count] != NULL)
        count++;
    struct qf_dmn_attr *list = QF_ARENA_ARRAY(r->arena, struct qf_dmn_attr, count);
    for (uint32_t i = 0; i < count; i++) {
        split_name(r, attrs[2 * (size_t)i], &list[i].ns, &list[i].name);
        list[i].value = qf_arena_copy(r->arena, qf_slice_of(attrs[2 * (size_t)i + 1]));
    }
    element->attrs = list;
    element->attr_count = count;
    if (r->depth > 0) {
        struct qf_dmn_xml *parent = r->stack[r->depth - 1];
        if (parent->last == NULL)
            parent->first = element;
        else
            parent->last->next = element;
        parent->last = element;
    } else {
        r->root = element;
    }
    r->stack[r->depth++] = element;
}

static void XMLCALL on_end(void *self, const XML_Char *name)
{
    struct reader *r = self;
    (void)name;
    r->depth--;
    struct qf_buf *text = &r->text[r->depth];
    if (text->failed)
        stop(r, QF_OVER_LIMIT, "a text is too long");
    r->stack[r->depth]->text = qf_arena_copy(r->arena, qf_buf_slice(text));
    qf_buf_reset(text);
}

static void XMLCALL on_text(void *self, const XML_Char *text, int size)
{
    struct reader *r = self;
    struct qf_dmn_xml *element = r->stack[r->depth - 1];
    if (element->text_line == 0) {
        element->text_line = (uint32_t)XML_GetCurrentLineNumber(r->parser);
        element->text_column = (uint32_t)XML_GetCurrentColumnNumber(r->parser) + 1;
    }
    qf_buf_put(&r->text[r->depth - 1], text, (size_t)size);
}

static void XMLCALL on_doctype(void *self, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    stop(self, QF_MALFORMED, "a document type declaration is refused");
}

enum qf_status qf_dmn_xml_parse(struct qf_arena *arena, struct qf_dmn_xml **out,
                                struct qf_slice bytes, struct qf_error *err)
{
    *out = NULL;
    if (bytes.size > QF_DMN_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "", "the model has more than %d bytes", QF_DMN_SIZE_MAX);
    XML_Parser parser = XML_ParserCreateNS(NULL, SEPARATOR);
    if (parser == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory for the XML parser");
    struct reader *r = QF_ARENA_NEW(arena, struct reader);
    r->arena = arena;
    r->parser = parser;
    XML_SetUserData(parser, r);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
    (void)XML_SetParamEntityParsing(parser, XML_PARAM_ENTITY_PARSING_NEVER);
    enum XML_Status parsed = XML_Parse(parser, bytes.size == 0 ? "" : (const char *)bytes.data,
                                       (int)bytes.size, XML_TRUE);
    enum qf_status status = QF_OK;
    if (parsed != XML_STATUS_OK || r->status != QF_OK) {
        char place[64];
        snprintf(place, sizeof place, "line %lu, column %lu",
                 (unsigned long)XML_GetCurrentLineNumber(parser),
                 (unsigned long)XML_GetCurrentColumnNumber(parser) + 1);
        status = r->status != QF_OK ? r->status : QF_MALFORMED;
        (void)qf_fail(err, status, place, "%s",
                      r->status != QF_OK ? r->reason : XML_ErrorString(XML_GetErrorCode(parser)));
    } else {
        *out = r->root;
    }
    for (uint32_t i = 0; i < QF_DMN_XML_DEPTH_MAX; i++)
        qf_buf_deinit(&r->text[i]);
    XML_ParserFree(parser);
    return status;
}

const struct qf_dmn_xml *qf_dmn_xml_child(const struct qf_dmn_xml *parent, const char *name)
{
    for (const struct qf_dmn_xml *e = parent->first; e != NULL; e = e->next)
        if (qf_slice_is(e->name, name))
            return e;
    return NULL;
}

const struct qf_dmn_xml *qf_dmn_xml_next(const struct qf_dmn_xml *element)
{
    for (const struct qf_dmn_xml *e = element->next; e != NULL; e = e->next)
        if (qf_slice_equal(e->name, element->name))
            return e;
    return NULL;
}

struct qf_slice qf_dmn_xml_attr_ns(const struct qf_dmn_xml *element, const char *ns,
                                   const char *name)
{
    for (uint32_t i = 0; i < element->attr_count; i++)
        if (qf_slice_is(element->attrs[i].name, name) && qf_slice_is(element->attrs[i].ns, ns))
            return element->attrs[i].value;
    return (struct qf_slice){NULL, 0};
}

struct qf_slice qf_dmn_xml_attr(const struct qf_dmn_xml *element, const char *name)
{
    return qf_dmn_xml_attr_ns(element, "", name);
}

struct qf_slice qf_dmn_trim(struct qf_slice text)
{
    while (text.size > 0 && text.data[0] <= ' ') {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && text.data[text.size - 1] <= ' ')
        text.size--;
    return text;
}
