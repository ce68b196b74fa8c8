/* The public conformance kit's tests (testCases.xsd): inputs and expected results in XML beside the
 * models. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/rules.h"
#include "dmn/xml.h"
#include "feel/number.h"
#include "feel/temporal.h"

#define XSI "http://www.w3.org/2001/XMLSchema-instance"
#define FILES_MAX 64
#define INPUTS_MAX 256
#define PATH_SIZE 1024
#define STEPS_MAX 10000000 /* tests may be longer than the ledger allows */

struct tally {
    uint32_t passed;
    uint32_t failed;
};

struct kit {
    struct tally total;
    struct tally aside; /* of folders named non-compliant: run, and not counted */
    bool is_aside;
    bool verbose;
    FILE *results; /* or NULL */
    struct qf_feel_world world;
};

/* ---- values in XML ---- */

static bool is_nil(const struct qf_dmn_xml *xml)
{
    struct qf_slice nil = qf_dmn_xml_attr_ns(xml, XSI, "nil");
    return qf_slice_is(nil, "true") || qf_slice_is(nil, "1");
}

static struct qf_feel_value read_simple(const struct qf_dmn_xml *xml)
{
    struct qf_slice type = qf_dmn_xml_attr_ns(xml, XSI, "type");
    struct qf_slice text = qf_dmn_trim(xml->text);
    struct qf_feel_value out = qf_feel_null();
    const uint8_t *colon = type.size == 0 ? NULL : memchr(type.data, ':', type.size);
    if (colon != NULL)
        type = qf_slice_make(colon + 1, type.size - (size_t)(colon + 1 - type.data));
    if (is_nil(xml))
        return out;
    if (type.size == 0 || qf_slice_is(type, "string"))
        return qf_feel_text(xml->text);
    if (qf_slice_is(type, "boolean"))
        return qf_feel_bool(qf_slice_is(text, "true") || qf_slice_is(text, "1"));
    if (qf_slice_is(type, "date"))
        (void)qf_feel_date_parse(&out, text);
    else if (qf_slice_is(type, "time"))
        (void)qf_feel_time_parse(&out, text);
    else if (qf_slice_is(type, "dateTime"))
        (void)qf_feel_date_time_parse(&out, text);
    else if (memmem(type.data, type.size, "uration", 7) != NULL)
        (void)qf_feel_duration_parse(&out, text);
    else
        (void)qf_feel_number_parse(&out, text);
    return out;
}

/* The content of an inputNode, expected, component or item. */
static struct qf_feel_value read_value(struct qf_arena *arena, const struct qf_dmn_xml *xml)
{
    const struct qf_dmn_xml *value = qf_dmn_xml_child(xml, "value");
    const struct qf_dmn_xml *list = qf_dmn_xml_child(xml, "list");
    if (value != NULL)
        return read_simple(value);
    uint32_t count = 0;
    if (list != NULL) {
        if (is_nil(list))
            return qf_feel_null();
        for (const struct qf_dmn_xml *e = qf_dmn_xml_child(list, "item"); e != NULL;
             e = qf_dmn_xml_next(e))
            count++;
        struct qf_feel_value *items = QF_ARENA_ARRAY(arena, struct qf_feel_value, count);
        count = 0;
        for (const struct qf_dmn_xml *e = qf_dmn_xml_child(list, "item"); e != NULL;
             e = qf_dmn_xml_next(e))
            items[count++] = read_value(arena, e);
        return (struct qf_feel_value){.kind = QF_FEEL_LIST, .count = count, .items = items};
    }
    const struct qf_dmn_xml *first = qf_dmn_xml_child(xml, "component");
    if (first == NULL || (is_nil(first) && qf_dmn_xml_attr(first, "name").size == 0))
        return qf_feel_null();
    for (const struct qf_dmn_xml *e = first; e != NULL; e = qf_dmn_xml_next(e))
        count++;
    struct qf_feel_entry *entries = QF_ARENA_ARRAY(arena, struct qf_feel_entry, count);
    struct qf_feel_context *context = QF_ARENA_NEW(arena, struct qf_feel_context);
    count = 0;
    for (const struct qf_dmn_xml *e = first; e != NULL; e = qf_dmn_xml_next(e)) {
        entries[count].key = qf_dmn_xml_attr(e, "name");
        entries[count++].value = read_value(arena, e);
    }
    *context = (struct qf_feel_context){count, entries};
    return (struct qf_feel_value){.kind = QF_FEEL_CONTEXT, .context = context};
}

/* The kit's own measure: numbers agree to eight digits after the point. */
static bool numbers_agree(const struct qf_feel_value *a, const struct qf_feel_value *b)
{
    struct qf_feel_value difference;
    struct qf_feel_value tolerance;
    if (qf_feel_number_compare(a, b) == 0)
        return true;
    (void)qf_feel_number_parse(&tolerance, qf_slice_of("0.00000001"));
    if (!qf_feel_number_sub(&difference, a, b))
        return false;
    if (qf_feel_number_is_negative(&difference))
        qf_feel_number_negate(&difference, &difference);
    return qf_feel_number_compare(&difference, &tolerance) < 0;
}

static bool agree(const struct qf_feel_value *actual, const struct qf_feel_value *expected)
{
    if (actual->kind != expected->kind)
        return false;
    if (actual->kind == QF_FEEL_NUMBER)
        return numbers_agree(actual, expected);
    if (actual->kind == QF_FEEL_LIST) {
        if (actual->count != expected->count)
            return false;
        for (uint32_t i = 0; i < actual->count; i++)
            if (!agree(&actual->items[i], &expected->items[i]))
                return false;
        return true;
    }
    if (actual->kind == QF_FEEL_CONTEXT) {
        if (actual->context->count != expected->context->count)
            return false;
        for (uint32_t i = 0; i < expected->context->count; i++) {
            const struct qf_feel_entry *entry = &expected->context->entries[i];
            const struct qf_feel_value *member = qf_feel_get(actual, entry->key);
            if (member == NULL || !agree(member, &entry->value))
                return false;
        }
        return true;
    }
    if (actual->count != expected->count &&
        (actual->kind == QF_FEEL_TIME || actual->kind == QF_FEEL_DATE_TIME))
        return false;
    return qf_feel_equal(actual, expected) == 1;
}

/* ---- XML out ---- */

static void put_escaped(FILE *out, struct qf_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        if (c == '<')
            (void)fputs("&lt;", out);
        else if (c == '&')
            (void)fputs("&amp;", out);
        else if (c == '"')
            (void)fputs("&quot;", out);
        else if (c == '\n')
            (void)fputs("&#10;", out);
        else
            (void)fputc(c, out);
    }
}

static const char *xsd_type(uint8_t kind)
{
    switch (kind) {
    case QF_FEEL_BOOLEAN:
        return "boolean";
    case QF_FEEL_NUMBER:
        return "decimal";
    case QF_FEEL_DATE:
        return "date";
    case QF_FEEL_TIME:
        return "time";
    case QF_FEEL_DATE_TIME:
        return "dateTime";
    case QF_FEEL_MONTHS:
    case QF_FEEL_SECONDS:
        return "duration";
    default:
        return "string";
    }
}

static void put_value(FILE *out, const struct qf_feel_value *value)
{
    if (value->kind == QF_FEEL_LIST) {
        (void)fputs("<list>", out);
        for (uint32_t i = 0; i < value->count; i++) {
            (void)fputs("<item>", out);
            put_value(out, &value->items[i]);
            (void)fputs("</item>", out);
        }
        (void)fputs("</list>", out);
    } else if (value->kind == QF_FEEL_CONTEXT) {
        for (uint32_t i = 0; i < value->context->count; i++) {
            (void)fputs("<component name=\"", out);
            put_escaped(out, value->context->entries[i].key);
            (void)fputs("\">", out);
            put_value(out, &value->context->entries[i].value);
            (void)fputs("</component>", out);
        }
    } else if (value->kind == QF_FEEL_NULL || value->kind == QF_FEEL_FUNCTION) {
        (void)fputs("<value xsi:nil=\"true\"/>", out);
    } else {
        struct qf_buf text = {0};
        qf_feel_write(&text, value, false);
        (void)fprintf(out, "<value xsi:type=\"xsd:%s\">", xsd_type(value->kind));
        put_escaped(out, qf_buf_slice(&text));
        (void)fputs("</value>", out);
        qf_buf_deinit(&text);
    }
}

static void put_result(struct kit *kit, const char *file, struct qf_slice id, struct qf_slice name,
                       const struct qf_feel_value *value, bool passed)
{
    if (kit->results == NULL)
        return;
    (void)fprintf(kit->results, "<result file=\"");
    put_escaped(kit->results, qf_slice_of(file));
    (void)fprintf(kit->results, "\" testCase=\"");
    put_escaped(kit->results, id);
    (void)fprintf(kit->results, "\" name=\"");
    put_escaped(kit->results, name);
    (void)fprintf(kit->results, "\" passed=\"%s\">", passed ? "true" : "false");
    put_value(kit->results, value);
    (void)fputs("</result>\n", kit->results);
}

/* ---- running ---- */

struct suite {
    struct kit *kit;
    const struct qf_dmn_model *model;
    const char *file;
    struct tally tally;
};

static struct qf_feel_value input_named(struct qf_arena *arena, const struct qf_dmn_xml *test,
                                        struct qf_slice name)
{
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(test, "inputNode"); e != NULL;
         e = qf_dmn_xml_next(e))
        if (qf_slice_equal(qf_feel_name_normal(arena, qf_dmn_xml_attr(e, "name")), name))
            return read_value(arena, e);
    return qf_feel_null();
}

struct inputs {
    struct qf_dmn_input items[INPUTS_MAX];
    uint32_t count;
};

/* An input by name; contexts named like an import hold the inputs of what is imported. */
static bool put_input(struct suite *suite, struct qf_arena *arena, struct inputs *inputs,
                      struct qf_slice ns, struct qf_slice name, const struct qf_feel_value *value,
                      int depth)
{
    const struct qf_dmn_element *element = qf_dmn_find(suite->model, ns, QF_DMN_INPUT, name);
    if (element == NULL)
        element = qf_dmn_find(suite->model, ns, QF_DMN_DECISION, name);
    if (element != NULL && inputs->count < INPUTS_MAX) {
        inputs->items[inputs->count++] = (struct qf_dmn_input){element, *value};
        return true;
    }
    bool found = false;
    for (uint32_t i = 0; value->kind == QF_FEEL_CONTEXT && i < value->context->count && depth < 8;
         i++) {
        const struct qf_feel_entry *entry = &value->context->entries[i];
        struct qf_slice longer = qf_slice_of(
            qf_arena_printf(arena, "%.*s.%.*s", QF_SLICE_ARGS(name), QF_SLICE_ARGS(entry->key)));
        found = put_input(suite, arena, inputs, ns, longer, &entry->value, depth + 1) || found;
    }
    return found;
}

/* Inputs, and results of decisions that have no logic of their own. */
static void read_inputs(struct suite *suite, struct qf_arena *arena, const struct qf_dmn_xml *test,
                        struct inputs *inputs)
{
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(test, "inputNode"); e != NULL;
         e = qf_dmn_xml_next(e)) {
        struct qf_slice name = qf_feel_name_normal(arena, qf_dmn_xml_attr(e, "name"));
        struct qf_feel_value value = read_value(arena, e);
        if (put_input(suite, arena, inputs, qf_dmn_xml_attr(e, "namespace"), name, &value, 0))
            continue;
        for (uint32_t i = 0; qf_dmn_at(suite->model, i) != NULL; i++) { /* of any import */
            const struct qf_dmn_element *at = qf_dmn_at(suite->model, i);
            if (qf_dmn_kind(at) == QF_DMN_INPUT && qf_slice_equal(qf_dmn_name(at), name) &&
                inputs->count < INPUTS_MAX)
                inputs->items[inputs->count++] = (struct qf_dmn_input){at, value};
        }
    }
}

static bool run_invocation(struct suite *suite, struct qf_arena *arena,
                           const struct qf_dmn_xml *test, const struct qf_dmn_element *element,
                           struct qf_dmn_result *result)
{
    const struct qf_feel_member *params = NULL;
    uint32_t count = qf_dmn_params(element, &params);
    struct qf_feel_value *args = QF_ARENA_ARRAY(arena, struct qf_feel_value, count);
    struct qf_dmn_options options = {&suite->kit->world, false};
    for (uint32_t i = 0; i < count; i++)
        args[i] = input_named(arena, test, params[i].name);
    return qf_dmn_invoke(suite->model, element, arena, &options, args, result, NULL) == QF_OK;
}

static bool find_result(struct suite *suite, struct qf_arena *arena, const struct qf_dmn_xml *test,
                        const struct qf_dmn_xml *node, struct qf_feel_value *out)
{
    struct qf_slice kind = qf_dmn_xml_attr(test, "type");
    struct qf_slice invocable = qf_dmn_xml_attr(test, "invocableName");
    struct qf_slice name = qf_feel_name_normal(arena, qf_dmn_xml_attr(node, "name"));
    struct qf_slice ns = qf_dmn_xml_attr(node, "namespace");
    struct qf_dmn_options options = {&suite->kit->world, false};
    struct qf_dmn_result result;
    *out = qf_feel_null();
    const struct qf_dmn_element *element = NULL;
    if (invocable.size > 0 && !qf_slice_is(kind, "decision")) {
        element = qf_dmn_find(suite->model, qf_slice_make(NULL, 0),
                              qf_slice_is(kind, "bkm") ? QF_DMN_KNOWLEDGE : QF_DMN_SERVICE,
                              qf_feel_name_normal(arena, invocable));
        if (element == NULL || !run_invocation(suite, arena, test, element, &result))
            return false;
        const struct qf_feel_value *member = qf_feel_get(&result.feel.value, name);
        *out = member == NULL || qf_dmn_outputs(element) < 2 ? result.feel.value : *member;
        return true;
    }
    element = qf_dmn_find(suite->model, ns, QF_DMN_DECISION, name);
    if (element == NULL) {
        element = qf_dmn_find(suite->model, ns, QF_DMN_SERVICE, name);
        if (element == NULL || !run_invocation(suite, arena, test, element, &result))
            return false;
        *out = result.feel.value;
        return true;
    }
    struct inputs inputs = {.count = 0};
    read_inputs(suite, arena, test, &inputs);
    if (qf_dmn_evaluate(suite->model, element, arena, &options, inputs.items, inputs.count, &result,
                        NULL) != QF_OK)
        return qf_slice_is(qf_dmn_xml_attr(node, "errorResult"), "true");
    *out = result.feel.value;
    return true;
}

static void say_failure(const struct suite *suite, struct qf_slice id, struct qf_slice name,
                        const struct qf_feel_value *actual, const struct qf_feel_value *expected)
{
    struct qf_buf a = {0};
    struct qf_buf b = {0};
    qf_feel_write(&a, actual, true);
    qf_feel_write(&b, expected, true);
    fprintf(stderr, "  %s %.*s %.*s: got %.*s, expected %.*s\n", suite->file, QF_SLICE_ARGS(id),
            QF_SLICE_ARGS(name), QF_SLICE_ARGS(qf_buf_slice(&a)), QF_SLICE_ARGS(qf_buf_slice(&b)));
    qf_buf_deinit(&a);
    qf_buf_deinit(&b);
}

static void run_test(struct suite *suite, const struct qf_dmn_xml *test)
{
    struct qf_arena arena;
    qf_arena_init(&arena, 0);
    struct qf_slice id = qf_dmn_xml_attr(test, "id");
    bool passed = true;
    for (const struct qf_dmn_xml *node = qf_dmn_xml_child(test, "resultNode"); node != NULL;
         node = qf_dmn_xml_next(node)) {
        const struct qf_dmn_xml *expected_xml = qf_dmn_xml_child(node, "expected");
        struct qf_feel_value expected =
            expected_xml == NULL ? qf_feel_null() : read_value(&arena, expected_xml);
        struct qf_feel_value actual;
        bool ran = find_result(suite, &arena, test, node, &actual);
        bool good = ran && agree(&actual, &expected);
        struct qf_slice name = qf_dmn_xml_attr(node, "name");
        if (!good && suite->kit->verbose)
            say_failure(suite, id, name, &actual, &expected);
        put_result(suite->kit, suite->file, id, name, &actual, good);
        passed = passed && good;
    }
    if (passed)
        suite->tally.passed++;
    else
        suite->tally.failed++;
    qf_arena_deinit(&arena);
}

static int keep_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Whether bytes can stand beside a model: a broken neighbour is nobody's but its own fault. */
static bool is_model(struct qf_slice bytes)
{
    struct qf_arena arena;
    struct qf_dmn_xml *root = NULL;
    qf_arena_init(&arena, 0);
    bool good = qf_dmn_xml_parse(&arena, &root, bytes, NULL) == QF_OK &&
                qf_slice_is(root->name, "definitions");
    qf_arena_deinit(&arena);
    return good;
}

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name);
    size_t tail = strlen(end);
    return size > tail && strcmp(name + size - tail, end) == 0;
}

/* Models beside the test, the named one first. */
static uint32_t load_models(struct qf_arena *arena, const char *folder, struct qf_slice first,
                            struct qf_dmn_file *files)
{
    struct dirent **names = NULL;
    uint32_t count = 1;
    int found = scandir(folder, &names, keep_visible, alphasort);
    files[0] = (struct qf_dmn_file){NULL, {NULL, 0}};
    for (int i = 0; i < found; i++) {
        char path[PATH_SIZE];
        struct qf_slice bytes;
        bool is_first = qf_slice_is(first, names[i]->d_name);
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if ((is_first || (ends_with(names[i]->d_name, ".dmn") && count < FILES_MAX)) &&
            qf_cli_read(arena, path, QF_DMN_SIZE_MAX, &bytes, NULL) == QF_OK &&
            (is_first || is_model(bytes))) {
            char *name = qf_arena_text(arena, qf_slice_of(names[i]->d_name));
            files[is_first ? 0 : count++] = (struct qf_dmn_file){name, bytes};
        }
        free(names[i]);
    }
    free(names);
    return files[0].name == NULL ? 0 : count;
}

/* The tests of a file; all have failed when its model cannot be read. */
static void run_suite(struct suite *suite, struct qf_arena *arena, const char *folder,
                      const struct qf_dmn_xml *root)
{
    const struct qf_dmn_xml *model_name = qf_dmn_xml_child(root, "modelName");
    struct qf_dmn_file files[FILES_MAX];
    struct qf_dmn_model *model = NULL;
    struct qf_error err = {0};
    struct qf_slice named = model_name == NULL ? qf_slice_of("") : qf_dmn_trim(model_name->text);
    uint32_t count = load_models(arena, folder, named, files);
    if (count == 0)
        fprintf(stderr, "%s/%s: there is no model \"%.*s\" beside it\n", folder, suite->file,
                QF_SLICE_ARGS(named));
    else if (qf_dmn_compile(arena, &model, files, count, NULL, &err) != QF_OK)
        fprintf(stderr, "%s/%s: the model cannot be read: %s %s\n", folder, suite->file, err.field,
                err.detail);
    suite->model = model;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(root, "testCase"); e != NULL;
         e = qf_dmn_xml_next(e)) {
        if (model == NULL)
            suite->tally.failed++;
        else
            run_test(suite, e);
    }
}

static void run_file(struct kit *kit, const char *folder, const char *name)
{
    char path[PATH_SIZE];
    struct qf_arena arena;
    struct qf_slice bytes;
    struct qf_dmn_xml *root = NULL;
    struct qf_error err = {0};
    qf_arena_init(&arena, 0);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (qf_cli_read(&arena, path, QF_DMN_SIZE_MAX, &bytes, &err) != QF_OK ||
        qf_dmn_xml_parse(&arena, &root, bytes, &err) != QF_OK) {
        fprintf(stderr, "%s: not read: %s %s\n", path, err.field, err.detail);
    } else if (qf_slice_is(root->name, "testCases")) {
        struct suite suite = {.kit = kit, .file = name};
        struct tally *total = kit->is_aside ? &kit->aside : &kit->total;
        run_suite(&suite, &arena, folder, root);
        if (suite.tally.failed > 0 || kit->verbose)
            printf("%s: %u passed, %u failed\n", name, suite.tally.passed, suite.tally.failed);
        total->passed += suite.tally.passed;
        total->failed += suite.tally.failed;
    }
    qf_arena_deinit(&arena);
}

static bool walk(struct kit *kit, const char *folder, int depth)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, keep_visible, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode) && depth < 8) {
            bool outer = kit->is_aside;
            kit->is_aside = outer || strcmp(names[i]->d_name, "non-compliant") == 0;
            (void)walk(kit, path, depth + 1);
            kit->is_aside = outer;
        } else if (ends_with(names[i]->d_name, ".xml")) {
            run_file(kit, folder, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
    return count >= 0;
}

int qf_rules_tck(const char *folder, const char *results, bool verbose)
{
    struct kit kit = {.verbose = verbose};
    kit.world = (struct qf_feel_world){
        .now_seconds = (int64_t)time(NULL), .steps_max = STEPS_MAX, .external = qf_rules_java};
    if (results != NULL) {
        kit.results = fopen(results, "w");
        if (kit.results == NULL) {
            fprintf(stderr, "qifeng rules tck: cannot write %s\n", results);
            return 3;
        }
        (void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<results xmlns:xsi=\"" XSI "\" "
                    "xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\n",
                    kit.results);
    }
    bool walked = walk(&kit, folder, 0);
    if (kit.results != NULL) {
        (void)fputs("</results>\n", kit.results);
        if (fclose(kit.results) != 0)
            return 3;
    }
    if (!walked) {
        fprintf(stderr, "qifeng rules tck: cannot read %s\n", folder);
        return 3;
    }
    if (kit.aside.passed + kit.aside.failed > 0)
        printf("non-compliant (not counted): %u passed, %u failed\n", kit.aside.passed,
               kit.aside.failed);
    printf("%u passed, %u failed\n", kit.total.passed, kit.total.failed);
    return kit.total.failed == 0 && kit.total.passed > 0 ? 0 : 1;
}
