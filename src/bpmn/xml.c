#include "bpmn/xml.h"

#include <stdio.h>
#include <stdlib.h>

#include <expat.h>

/* Expat joins namespace, local name and prefix with this; it cannot stand in a URI, and Expat
 * refuses a namespace that holds it. */
#define SEPARATOR '\n'
#define FEED_SIZE 65536

struct qf_xml_reader {
    XML_Parser parser;
    struct qf_xml_handler handler;
    struct qf_xml_limits limits;
    struct qf_error err;
    enum qf_status status;
    uint64_t size;
    uint64_t quiet; /* bytes fed since Expat last told us anything */
    uint64_t elements;
    uint32_t depth;
    uint32_t decl_count;
    struct qf_xml_attr attrs[QF_XML_ATTRIBUTES_MAX];
    struct qf_xml_decl decls[QF_XML_ATTRIBUTES_MAX];
    struct qf_arena arena; /* of the pending declarations */
};

static uint32_t line_of(const struct qf_xml_reader *reader)
{
    return (uint32_t)XML_GetCurrentLineNumber(reader->parser);
}

/* What a handler refused without a place happened on the present line. */
static void stop(struct qf_xml_reader *reader, enum qf_status status)
{
    if (reader->status == QF_OK)
        reader->status = status;
    if (reader->err.field[0] == '\0')
        snprintf(reader->err.field, sizeof reader->err.field, "line %u", line_of(reader));
    XML_StopParser(reader->parser, XML_FALSE);
}

static void refuse(struct qf_xml_reader *reader, enum qf_status status, const char *reason,
                   uint64_t limit)
{
    if (reader->status != QF_OK)
        return;
    char line[32];
    snprintf(line, sizeof line, "line %u", line_of(reader));
    if (status == QF_OVER_LIMIT)
        qf_fail(&reader->err, status, line, "%s (limit %llu)", reason, (unsigned long long)limit);
    else
        qf_fail(&reader->err, status, line, "%s", reason);
    stop(reader, status);
}

static struct qf_slice span(const char *from, const char *to)
{
    return qf_slice_make(from, (size_t)(to - from));
}

/* "uri SEP local SEP prefix", "uri SEP local" or "local". */
static struct qf_xml_name split_name(const char *text)
{
    struct qf_xml_name name = {0};
    const char *end = text + strlen(text);
    const char *first = strchr(text, SEPARATOR);
    if (first == NULL) {
        name.local = span(text, end);
        return name;
    }
    const char *second = strchr(first + 1, SEPARATOR);
    name.ns = span(text, first);
    name.local = span(first + 1, second == NULL ? end : second);
    if (second != NULL)
        name.prefix = span(second + 1, end);
    return name;
}

/* Holds U+00AA, U+00B5 or U+00BA, which no name may (XML 1.0, fourth edition, appendix B)? Expat
 * lets them pass in a document in ISO-8859-1, and refuses them in UTF-8, as we would write them. */
static bool odd(struct qf_slice name)
{
    for (size_t i = 0; i + 1 < name.size; i++)
        if (name.data[i] == 0xC2 &&
            (name.data[i + 1] == 0xAA || name.data[i + 1] == 0xB5 || name.data[i + 1] == 0xBA))
            return true;
    return false;
}

static bool odd_name(const struct qf_xml_name *name)
{
    return odd(name->local) || odd(name->prefix);
}

static void XMLCALL on_start(void *self, const XML_Char *name, const XML_Char **atts)
{
    struct qf_xml_reader *reader = self;
    reader->quiet = 0;
    if (reader->status != QF_OK)
        return;
    if (++reader->elements > reader->limits.elements_max) {
        refuse(reader, QF_OVER_LIMIT, "too many XML elements", reader->limits.elements_max);
        return;
    }
    if (++reader->depth > reader->limits.depth_max) {
        refuse(reader, QF_OVER_LIMIT, "XML elements nested too deep", reader->limits.depth_max);
        return;
    }
    struct qf_xml_start start = {.name = split_name(name), .line = line_of(reader)};
    bool bad = odd_name(&start.name);
    for (; atts[0] != NULL; atts += 2) {
        if (start.attr_count == QF_XML_ATTRIBUTES_MAX) {
            refuse(reader, QF_OVER_LIMIT, "too many attributes", QF_XML_ATTRIBUTES_MAX);
            return;
        }
        reader->attrs[start.attr_count++] =
            (struct qf_xml_attr){split_name(atts[0]), qf_slice_of(atts[1])};
        bad |= odd_name(&reader->attrs[start.attr_count - 1].name);
    }
    if (bad) {
        refuse(reader, QF_MALFORMED, "a name holds a character that names must not have", 0);
        return;
    }
    start.attrs = reader->attrs;
    start.decls = reader->decls;
    start.decl_count = reader->decl_count;
    enum qf_status status = reader->handler.start(reader->handler.self, &start, &reader->err);
    reader->decl_count = 0;
    qf_arena_reset(&reader->arena);
    if (status != QF_OK)
        stop(reader, status);
}

static void XMLCALL on_end(void *self, const XML_Char *name)
{
    (void)name;
    struct qf_xml_reader *reader = self;
    reader->quiet = 0;
    if (reader->status != QF_OK)
        return;
    reader->depth--;
    enum qf_status status = reader->handler.end(reader->handler.self, &reader->err);
    if (status != QF_OK)
        stop(reader, status);
}

static void XMLCALL on_text(void *self, const XML_Char *text, int size)
{
    struct qf_xml_reader *reader = self;
    reader->quiet = 0;
    if (reader->status != QF_OK || reader->handler.text == NULL)
        return;
    enum qf_status status =
        reader->handler.text(reader->handler.self, qf_slice_make(text, (size_t)size), &reader->err);
    if (status != QF_OK)
        stop(reader, status);
}

static void XMLCALL on_decl(void *self, const XML_Char *prefix, const XML_Char *uri)
{
    struct qf_xml_reader *reader = self;
    reader->quiet = 0;
    if (reader->status != QF_OK)
        return;
    if (reader->decl_count == QF_XML_ATTRIBUTES_MAX) {
        refuse(reader, QF_OVER_LIMIT, "too many namespace declarations", QF_XML_ATTRIBUTES_MAX);
        return;
    }
    if (prefix != NULL && odd(qf_slice_of(prefix))) {
        refuse(reader, QF_MALFORMED, "a prefix holds a character that names must not have", 0);
        return;
    }
    reader->decls[reader->decl_count++] = (struct qf_xml_decl){
        qf_arena_copy(&reader->arena, qf_slice_of(prefix == NULL ? "" : prefix)),
        qf_arena_copy(&reader->arena, qf_slice_of(uri == NULL ? "" : uri))};
}

static void XMLCALL on_doctype(void *self, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    refuse(self, QF_MALFORMED, "a document type declaration (and with it entities) is not accepted",
           0);
}

static void XMLCALL on_other(void *self, const XML_Char *text)
{
    (void)text;
    ((struct qf_xml_reader *)self)->quiet = 0;
}

static void XMLCALL on_instruction(void *self, const XML_Char *target, const XML_Char *data)
{
    (void)target, (void)data;
    ((struct qf_xml_reader *)self)->quiet = 0;
}

struct qf_xml_reader *qf_xml_reader_new(const struct qf_xml_handler *handler,
                                        struct qf_xml_limits limits)
{
    struct qf_xml_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->handler = *handler;
    reader->limits = limits;
    reader->parser = XML_ParserCreateNS(NULL, SEPARATOR);
    if (reader->parser == NULL) {
        free(reader);
        return NULL;
    }
    XML_SetUserData(reader->parser, reader);
    XML_SetReturnNSTriplet(reader->parser, 1);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetNamespaceDeclHandler(reader->parser, on_decl, NULL);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    XML_SetCommentHandler(reader->parser, on_other);
    XML_SetProcessingInstructionHandler(reader->parser, on_instruction);
    XML_SetParamEntityParsing(reader->parser, XML_PARAM_ENTITY_PARSING_NEVER);
    return reader;
}

void qf_xml_reader_free(struct qf_xml_reader *reader)
{
    if (reader == NULL)
        return;
    XML_ParserFree(reader->parser);
    qf_arena_deinit(&reader->arena);
    free(reader);
}

/* What is wrong with the text as XML, with what to do where the parser's words leave that open. */
static const char *error_text(enum XML_Error code)
{
    if (code == XML_ERROR_UNBOUND_PREFIX)
        return "a prefix has no namespace: for qf add xmlns:qf=\"https://qifeng.dev/bpmn/1\" to "
               "the first element";
    if (code == XML_ERROR_TAG_MISMATCH)
        return "the closing tag is not that of the element which was opened last";
    if (code == XML_ERROR_NO_ELEMENTS)
        return "the document ends too early: no element found, or one is not closed";
    return XML_ErrorString(code);
}

static enum qf_status give(const struct qf_xml_reader *reader, struct qf_error *err)
{
    if (reader->status != QF_OK && err != NULL)
        *err = reader->err;
    return reader->status;
}

static enum qf_status feed_part(struct qf_xml_reader *reader, const uint8_t *data, size_t size,
                                bool last)
{
    if (reader->status != QF_OK)
        return reader->status;
    reader->size += size;
    if (reader->size > reader->limits.size_max)
        refuse(reader, QF_OVER_LIMIT, "the document is too large", reader->limits.size_max);
    else if ((reader->quiet += size) > QF_XML_TOKEN_SIZE_MAX + FEED_SIZE)
        refuse(reader, QF_OVER_LIMIT, "a tag or text is too long", QF_XML_TOKEN_SIZE_MAX);
    if (reader->status != QF_OK)
        return reader->status;
    if (XML_Parse(reader->parser, (const char *)data, (int)size, last) == XML_STATUS_ERROR &&
        reader->status == QF_OK)
        refuse(reader, QF_MALFORMED, error_text(XML_GetErrorCode(reader->parser)), 0);
    return reader->status;
}

enum qf_status qf_xml_reader_feed(struct qf_xml_reader *reader, struct qf_slice bytes,
                                  struct qf_error *err)
{
    for (size_t at = 0; at < bytes.size && reader->status == QF_OK; at += FEED_SIZE) {
        size_t size = bytes.size - at < FEED_SIZE ? bytes.size - at : FEED_SIZE;
        if (feed_part(reader, bytes.data + at, size, false) != QF_OK)
            break;
    }
    return give(reader, err);
}

enum qf_status qf_xml_reader_finish(struct qf_xml_reader *reader, struct qf_error *err)
{
    enum qf_status status = feed_part(reader, (const uint8_t *)"", 0, true);
    (void)status; /* the same as reader->status */
    return give(reader, err);
}

/* --- the tree --- */

struct tree {
    struct qf_arena *arena;
    struct qf_xml_node *root;
    struct qf_xml_node *open;  /* innermost element that has not ended */
    struct qf_xml_node **tail; /* where the next child of `open` goes */
    struct qf_buf text;        /* text since the last tag */
};

static struct qf_xml_name copy_name(struct qf_arena *arena, struct qf_xml_name name)
{
    return (struct qf_xml_name){qf_arena_copy(arena, name.ns), qf_arena_copy(arena, name.local),
                                qf_arena_copy(arena, name.prefix)};
}

static void add_node(struct tree *tree, struct qf_xml_node *node)
{
    node->parent = tree->open;
    *tree->tail = node;
    tree->tail = &node->next;
}

static enum qf_status flush_text(struct tree *tree, struct qf_error *err)
{
    if (tree->text.size == 0)
        return QF_OK;
    if (qf_buf_status(&tree->text) != QF_OK)
        return qf_fail(err, QF_OVER_LIMIT, "", "a text is too long");
    struct qf_xml_node *node = QF_ARENA_NEW(tree->arena, struct qf_xml_node);
    node->text = qf_arena_copy(tree->arena, qf_buf_slice(&tree->text));
    add_node(tree, node);
    qf_buf_reset(&tree->text);
    return QF_OK;
}

static enum qf_status tree_start(void *self, const struct qf_xml_start *start, struct qf_error *err)
{
    struct tree *tree = self;
    enum qf_status status = flush_text(tree, err);
    if (status != QF_OK)
        return status;
    struct qf_xml_node *node = QF_ARENA_NEW(tree->arena, struct qf_xml_node);
    node->name = copy_name(tree->arena, start->name);
    node->line = start->line;
    node->attr_count = start->attr_count;
    node->attrs = QF_ARENA_ARRAY(tree->arena, struct qf_xml_attr, start->attr_count);
    for (uint32_t i = 0; i < start->attr_count; i++) {
        node->attrs[i].name = copy_name(tree->arena, start->attrs[i].name);
        node->attrs[i].value = qf_arena_copy(tree->arena, start->attrs[i].value);
    }
    node->decl_count = start->decl_count;
    node->decls = QF_ARENA_ARRAY(tree->arena, struct qf_xml_decl, start->decl_count);
    for (uint32_t i = 0; i < start->decl_count; i++) {
        node->decls[i].prefix = qf_arena_copy(tree->arena, start->decls[i].prefix);
        node->decls[i].uri = qf_arena_copy(tree->arena, start->decls[i].uri);
    }
    add_node(tree, node);
    tree->open = node;
    tree->tail = &node->child;
    return QF_OK;
}

static enum qf_status tree_end(void *self, struct qf_error *err)
{
    struct tree *tree = self;
    enum qf_status status = flush_text(tree, err);
    struct qf_xml_node *ended = tree->open;
    tree->open = ended->parent;
    tree->tail = &ended->next;
    return status;
}

static enum qf_status tree_text(void *self, struct qf_slice text, struct qf_error *err)
{
    (void)err;
    struct tree *tree = self;
    qf_buf_put_slice(&tree->text, text);
    return QF_OK;
}

enum qf_status qf_xml_parse(struct qf_arena *arena, struct qf_xml_node **root,
                            struct qf_slice input, struct qf_xml_limits limits,
                            struct qf_error *err)
{
    struct tree tree = {.arena = arena};
    tree.tail = &tree.root;
    qf_buf_init(&tree.text, QF_XML_TOKEN_SIZE_MAX);
    struct qf_xml_handler handler = {tree_start, tree_end, tree_text, &tree};
    struct qf_xml_reader *reader = qf_xml_reader_new(&handler, limits);
    if (reader == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory for the XML parser");
    enum qf_status status = qf_xml_reader_feed(reader, input, err);
    if (status == QF_OK)
        status = qf_xml_reader_finish(reader, err);
    qf_xml_reader_free(reader);
    qf_buf_deinit(&tree.text);
    *root = tree.root;
    return status;
}

/* --- writing --- */

/* Bytes at `i` that no XML document may hold (XML 1.0, 2.2), or 0: control characters, U+FFFE and
 * U+FFFF, which UTF-8 has as EF BF BE and EF BF BF. */
static size_t unwritable(struct qf_slice text, size_t i)
{
    const uint8_t *at = text.data + i;
    if (*at < 0x20)
        return *at != '\t' && *at != '\n' && *at != '\r';
    bool noncharacter =
        text.size - i >= 3 && at[0] == 0xEF && at[1] == 0xBF && (at[2] == 0xBE || at[2] == 0xBF);
    return noncharacter ? 3 : 0;
}

static void put_escaped(struct qf_buf *buf, struct qf_slice text, bool attr)
{
    size_t done = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *as = NULL;
        size_t bad = unwritable(text, i);
        if (bad > 0) {
            qf_buf_put(buf, text.data + done, i - done);
            qf_buf_put_text(buf, "\xEF\xBF\xBD"); /* U+FFFD, in its stead */
            done = i + bad;
            i = done - 1;
            continue;
        }
        switch (text.data[i]) {
        case '&':
            as = "&amp;";
            break;
        case '<':
            as = "&lt;";
            break;
        case '>':
            as = "&gt;";
            break;
        case '\r':
            as = "&#13;";
            break;
        case '"':
            as = attr ? "&quot;" : NULL;
            break;
        case '\n':
            as = attr ? "&#10;" : NULL;
            break;
        case '\t':
            as = attr ? "&#9;" : NULL;
            break;
        default:
            break;
        }
        if (as == NULL)
            continue;
        qf_buf_put(buf, text.data + done, i - done);
        qf_buf_put_text(buf, as);
        done = i + 1;
    }
    if (text.size > done)
        qf_buf_put(buf, text.data + done, text.size - done);
}

void qf_xml_put_text(struct qf_buf *buf, struct qf_slice text)
{
    put_escaped(buf, text, false);
}

void qf_xml_put_attr(struct qf_buf *buf, struct qf_slice text)
{
    put_escaped(buf, text, true);
}

static void put_name(struct qf_buf *buf, const struct qf_xml_name *name)
{
    if (name->prefix.size > 0) {
        qf_buf_put_slice(buf, name->prefix);
        qf_buf_put_byte(buf, ':');
    }
    qf_buf_put_slice(buf, name->local);
}

static void put_tag(struct qf_buf *buf, const struct qf_xml_node *node)
{
    qf_buf_put_byte(buf, '<');
    put_name(buf, &node->name);
    for (uint32_t i = 0; i < node->decl_count; i++) {
        qf_buf_put_text(buf, " xmlns");
        if (node->decls[i].prefix.size > 0)
            qf_buf_put_byte(buf, ':');
        qf_buf_put_slice(buf, node->decls[i].prefix);
        qf_buf_put_text(buf, "=\"");
        qf_xml_put_attr(buf, node->decls[i].uri);
        qf_buf_put_byte(buf, '"');
    }
    for (uint32_t i = 0; i < node->attr_count; i++) {
        qf_buf_put_byte(buf, ' ');
        put_name(buf, &node->attrs[i].name);
        qf_buf_put_text(buf, "=\"");
        qf_xml_put_attr(buf, node->attrs[i].value);
        qf_buf_put_byte(buf, '"');
    }
    qf_buf_put_text(buf, node->child == NULL ? "/>" : ">");
}

static void put_end(struct qf_buf *buf, const struct qf_xml_node *node)
{
    qf_buf_put_text(buf, "</");
    put_name(buf, &node->name);
    qf_buf_put_byte(buf, '>');
}

void qf_xml_write(struct qf_buf *buf, const struct qf_xml_node *root)
{
    qf_buf_put_text(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    const struct qf_xml_node *node = root;
    while (node != NULL) {
        if (qf_xml_is_element(node))
            put_tag(buf, node);
        else
            qf_xml_put_text(buf, node->text);
        if (node->child != NULL) {
            node = node->child;
            continue;
        }
        while (node != root && node->next == NULL) {
            node = node->parent;
            put_end(buf, node);
        }
        node = node == root ? NULL : node->next;
    }
    qf_buf_put_byte(buf, '\n');
}

/* --- looking --- */

bool qf_xml_is(const struct qf_xml_node *node, const char *ns, const char *local)
{
    return qf_slice_is(node->name.local, local) && qf_slice_is(node->name.ns, ns);
}

struct qf_slice qf_xml_attr_ns(const struct qf_xml_node *node, const char *ns, const char *local)
{
    for (uint32_t i = 0; i < node->attr_count; i++)
        if (qf_slice_is(node->attrs[i].name.local, local) &&
            qf_slice_is(node->attrs[i].name.ns, ns))
            return node->attrs[i].value;
    return (struct qf_slice){0};
}

struct qf_slice qf_xml_attr(const struct qf_xml_node *node, const char *local)
{
    return qf_xml_attr_ns(node, "", local);
}

static const struct qf_xml_node *find_from(const struct qf_xml_node *node, const char *ns,
                                           const char *local)
{
    while (node != NULL && !qf_xml_is(node, ns, local))
        node = node->next;
    return node;
}

const struct qf_xml_node *qf_xml_child(const struct qf_xml_node *node, const char *ns,
                                       const char *local)
{
    return find_from(node->child, ns, local);
}

const struct qf_xml_node *qf_xml_next(const struct qf_xml_node *node, const char *ns,
                                      const char *local)
{
    return find_from(node->next, ns, local);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct qf_slice qf_xml_trim(struct qf_slice text)
{
    while (text.size > 0 && is_space(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

struct qf_slice qf_xml_content(struct qf_arena *arena, const struct qf_xml_node *node)
{
    struct qf_slice whole = {0};
    size_t size = 0;
    uint32_t runs = 0;
    for (const struct qf_xml_node *at = node->child; at != NULL; at = at->next) {
        if (qf_xml_is_element(at))
            continue;
        size += at->text.size;
        whole = at->text;
        runs++;
    }
    if (runs > 1) {
        uint8_t *joined = qf_arena_alloc(arena, size);
        size_t used = 0;
        for (const struct qf_xml_node *at = node->child; at != NULL; at = at->next) {
            if (qf_xml_is_element(at))
                continue;
            memcpy(joined + used, at->text.data, at->text.size);
            used += at->text.size;
        }
        whole = qf_slice_make(joined, size);
    }
    return qf_xml_trim(whole);
}

/* The node itself or a later sibling that counts in a comparison. */
static const struct qf_xml_node *meaning(const struct qf_xml_node *node)
{
    while (node != NULL && !qf_xml_is_element(node) && qf_xml_trim(node->text).size == 0)
        node = node->next;
    return node;
}

static bool same_tag(const struct qf_xml_node *a, const struct qf_xml_node *b)
{
    if (!qf_slice_equal(a->name.local, b->name.local) || !qf_slice_equal(a->name.ns, b->name.ns) ||
        a->attr_count != b->attr_count)
        return false;
    if (!qf_slice_equal(qf_xml_trim(a->text), qf_xml_trim(b->text)))
        return false;
    for (uint32_t i = 0; i < a->attr_count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < b->attr_count && !found; k++)
            found = qf_slice_equal(a->attrs[i].name.local, b->attrs[k].name.local) &&
                    qf_slice_equal(a->attrs[i].name.ns, b->attrs[k].name.ns) &&
                    qf_slice_equal(a->attrs[i].value, b->attrs[k].value);
        if (!found)
            return false;
    }
    return true;
}

static bool differ(const struct qf_xml_node *a, struct qf_error *where)
{
    char line[32];
    snprintf(line, sizeof line, "line %u", a == NULL ? 0 : a->line);
    qf_fail(where, QF_INVALID, line, "the documents differ at or within <%.*s>",
            a == NULL ? 0 : (int)(a->name.local.size > 80 ? 80 : a->name.local.size),
            a == NULL ? "" : (const char *)a->name.local.data);
    return false;
}

bool qf_xml_equal(const struct qf_xml_node *a, const struct qf_xml_node *b, struct qf_error *where)
{
    const struct qf_xml_node *top = a;
    while (a != NULL) {
        if (b == NULL || !same_tag(a, b))
            return differ(a->parent != NULL && !qf_xml_is_element(a) ? a->parent : a, where);
        const struct qf_xml_node *child_a = meaning(a->child);
        const struct qf_xml_node *child_b = meaning(b->child);
        if ((child_a == NULL) != (child_b == NULL))
            return differ(a, where);
        if (child_a != NULL) {
            a = child_a;
            b = child_b;
            continue;
        }
        while (a != top) {
            const struct qf_xml_node *next_a = meaning(a->next);
            const struct qf_xml_node *next_b = meaning(b->next);
            if ((next_a == NULL) != (next_b == NULL))
                return differ(a->parent, where);
            if (next_a != NULL) {
                a = next_a;
                b = next_b;
                break;
            }
            a = a->parent;
            b = b->parent;
        }
        if (a == top)
            return true;
    }
    return true;
}
