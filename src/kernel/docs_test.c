/* The tables are documented, and spec/ says what they say. With --write FOLDER the generated pages
 * are written instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/consortium/consortium.h"
#include "kernel/ops.h"
#include "kernel/record.h"

static const char *spec_folder;

static void check_fields(const struct qf_fields *fields, const char *where)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct qf_field *field = &fields->rows[i];
        if (field->name == NULL || field->doc == NULL || strlen(field->doc) < 8)
            fail_msg("%s: field %zu has no name or no documentation", where, i);
        if (i > 0 && strcmp(fields->rows[i - 1].name, field->name) >= 0)
            fail_msg("%s: %s is out of order", where, field->name);
        if (field->max < field->min)
            fail_msg("%s: %s has no range", where, field->name);
        if (field->type == QF_FIELD_LIST && (field->item == NULL || field->max == 0))
            fail_msg("%s: %s is a list of nothing", where, field->name);
        if (field->type == QF_FIELD_CHOICE && field->choices == NULL)
            fail_msg("%s: %s has no choices", where, field->name);
        if ((field->type == QF_FIELD_TEXT || field->type == QF_FIELD_DER) && field->max == 0)
            fail_msg("%s: %s has no room", where, field->name);
        const struct qf_field *object = field->type == QF_FIELD_LIST ? field->item : field;
        if (object->type == QF_FIELD_OBJECT)
            check_fields(&object->fields, field->name);
    }
}

static void every_row_is_complete(void **state)
{
    (void)state;
    size_t ops = 0, actions = 0;
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++) {
        size_t prefix = strlen((*module)->name);
        for (size_t i = 0; i < (*module)->op_count; i++, ops++) {
            const struct qf_op_row *row = &(*module)->ops[i];
            assert_int_equal(strncmp(row->name, (*module)->name, prefix), 0);
            assert_int_equal(row->name[prefix], '.');
            assert_true(strlen(row->doc) >= 16);
            assert_non_null(row->apply);
            assert_true(row->may_count > 0);
            bool related = false;
            for (size_t k = 0; k < row->may_count; k++)
                related = related || row->may[k].relation != QF_TO_NOTHING;
            assert_int_equal(related, row->target != NULL);
            check_fields(&row->fields, row->name);
            assert_ptr_equal(qf_op_find(qf_slice_of(row->name)), row);
        }
        for (size_t i = 0; i < (*module)->action_count; i++, actions++) {
            const struct qf_action_row *row = &(*module)->actions[i];
            assert_true(strlen(row->doc) >= 16);
            assert_non_null(row->apply);
            check_fields(&row->fields, row->name);
            assert_ptr_equal(qf_action_find(qf_slice_of(row->name)), row);
        }
    }
    assert_true(ops >= 15 && actions >= 9);
    check_fields(&qf_genesis_fields, "genesis");
}

static void description_is_canonical_json(void **state)
{
    (void)state;
    struct qf_buf text = {0}, again = {0};
    qf_ops_describe(&text);
    struct qf_arena arena = {0};
    struct qf_json json;
    struct qf_error err = {0};
    if (qf_json_parse(&arena, &json, qf_buf_slice(&text), QF_JSON_CANONICAL, &err) != QF_OK)
        fail_msg("%s: %s", err.field, err.detail);
    qf_json_write(&again, &json);
    assert_true(qf_slice_equal(qf_buf_slice(&text), qf_buf_slice(&again)));
    assert_true(qf_json_get(&json, "ops")->count >= 15);
    qf_buf_deinit(&text);
    qf_buf_deinit(&again);
    qf_arena_deinit(&arena);
}

/* Every reference of the schemas leads somewhere, and what an op requires is what its row does. */
static void schemas_agree_with_the_tables(void **state)
{
    (void)state;
    struct qf_buf text = {0};
    qf_ops_describe_schemas(&text);
    struct qf_arena arena = {0};
    struct qf_json json;
    struct qf_error err = {0};
    if (qf_json_parse(&arena, &json, qf_buf_slice(&text), QF_JSON_CANONICAL, &err) != QF_OK)
        fail_msg("%s: %s", err.field, err.detail);
    size_t ops = 0;
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++)
        for (size_t i = 0; i < (*module)->op_count; i++, ops++) {
            const struct qf_op_row *row = &(*module)->ops[i];
            char name[128];
            snprintf(name, sizeof name, "op.%s", row->name);
            const struct qf_json *schema = qf_json_get(&json, name);
            assert_non_null(schema);
            const struct qf_json *properties = qf_json_get(schema, "properties");
            assert_int_equal(properties->count, row->fields.count + 1);
            assert_true(
                qf_json_is_text(qf_json_get(qf_json_get(properties, "op"), "const"), row->name));
            const struct qf_json *required = qf_json_get(schema, "required");
            for (size_t k = 0; k < row->fields.count; k++)
                assert_int_equal(qf_record_has(required, qf_slice_of(row->fields.rows[k].name)),
                                 !row->fields.rows[k].optional);
        }
    assert_int_equal(qf_json_get(qf_json_get(&json, "op"), "oneOf")->count, ops);
    static const char reference[] = "#/components/schemas/";
    for (const char *at = qf_buf_text(&text); (at = strstr(at, reference)) != NULL;) {
        at += sizeof reference - 1;
        struct qf_slice name = {(const uint8_t *)at, strcspn(at, "\"")};
        if (qf_json_get_slice(&json, name) == NULL)
            fail_msg("no schema %.*s", QF_SLICE_ARGS(name));
    }
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
}

static void put_problems(struct qf_buf *out)
{
    qf_buf_put_text(
        out,
        "# Problems\n\n"
        "Every refusal and failure has a number and a name, both stable and never used again. The "
        "number of a refusal (1 to 199)\nstands in the log as `code`; the name is the last part of "
        "`type` in `application/problem+json`; `field` names the\nplace at fault, `detail` says "
        "what is wrong with it. 200 to 399 never reach the log; 400 to 499 are the node's\n"
        "surroundings and may be retried; 500 stops the node.\n\n"
        "Written from `src/base/status.h`; a test compares the two.\n\n"
        "| code | name | HTTP | meaning | what to do |\n|---|---|---|---|---|\n");
#define PROBLEM_ROW(sym, num, name, http, title, cure)                                             \
    qf_buf_printf(out, "| %d | `%s` | %d | %s | %s |\n", num, name, http, title, cure);
    QF_STATUS_LIST(PROBLEM_ROW)
#undef PROBLEM_ROW
}

static void put_path(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s/%s", spec_folder, name);
}

static char *read_page(const char *name)
{
    char path[512];
    put_path(path, sizeof path, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot read %s", path);
    static char text[200000];
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    return text;
}

static void compare_page(const char *name, void (*put)(struct qf_buf *out))
{
    struct qf_buf want = {0};
    put(&want);
    if (strcmp(read_page(name), qf_buf_text(&want)) != 0)
        fail_msg("spec/%s is not what the tables say: run `kernel-docs-test SPEC --write`", name);
    qf_buf_deinit(&want);
}

static void operations_page_is_current(void **state)
{
    (void)state;
    compare_page("operations.md", qf_ops_describe_markdown);
}

static void problems_page_is_current(void **state)
{
    (void)state;
    compare_page("problems.md", put_problems);
}

static void genesis_page_has_every_field(void **state)
{
    (void)state;
    struct qf_buf table = {0};
    qf_fields_describe_markdown(&table, &qf_genesis_fields);
    if (strstr(read_page("genesis.md"), qf_buf_text(&table)) == NULL)
        fail_msg("spec/genesis.md does not hold this table:\n%s", qf_buf_text(&table));
    qf_buf_deinit(&table);
}

static void state_page_has_every_kind(void **state)
{
    (void)state;
    const char *page = read_page("state.md");
    for (unsigned kind = 0; kind < QF_STATE_KIND_COUNT; kind++) {
        struct qf_slice prefix = qf_state_kind_prefix(kind);
        char row[128];
        snprintf(row, sizeof row, "| `%.*s", QF_SLICE_ARGS(prefix));
        const char *place = strstr(page, row);
        if (place == NULL)
            fail_msg("spec/state.md does not describe %s", row);
        const char *listed = strchr(strchr(place + 2, '|') + 1, '|') - 4;
        assert_int_equal(strncmp(listed, "yes", 3) == 0, qf_state_kind_listed(kind));
    }
}

static int write_pages(void)
{
    static const struct {
        const char *name;
        void (*put)(struct qf_buf *out);
    } pages[] = {{"operations.md", qf_ops_describe_markdown}, {"problems.md", put_problems}};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        char path[512];
        put_path(path, sizeof path, pages[i].name);
        struct qf_buf text = {0};
        pages[i].put(&text);
        FILE *file = fopen(path, "wb");
        if (file == NULL || fwrite(text.data, 1, text.size, file) != text.size ||
            fclose(file) != 0) {
            fprintf(stderr, "cannot write %s\n", path);
            return 3;
        }
        qf_buf_deinit(&text);
    }
    struct qf_buf table = {0};
    qf_fields_describe_markdown(&table, &qf_genesis_fields);
    printf("%s", qf_buf_text(&table));
    qf_buf_deinit(&table);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    spec_folder = argv[1];
    if (argc > 2 && strcmp(argv[2], "--write") == 0)
        return write_pages();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(description_is_canonical_json),
        cmocka_unit_test(schemas_agree_with_the_tables),
        cmocka_unit_test(operations_page_is_current),
        cmocka_unit_test(problems_page_is_current),
        cmocka_unit_test(genesis_page_has_every_field),
        cmocka_unit_test(state_page_has_every_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
