/* What form_test.py drives: lines of {"schema":…,"values":[…]} in; for each a line of
 * {"problems":[[pointer, message]…]} or {"verdicts":[true or [field, detail]…]} out. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/form.h"

struct list {
    struct qf_arena *arena;
    struct qf_json json;
};

static void put_pair(struct list *list, const char *a, const char *b)
{
    struct qf_json pair = qf_json_make_array();
    qf_json_append(list->arena, &pair,
                   qf_json_make_text(qf_arena_text(list->arena, qf_slice_of(a))));
    qf_json_append(list->arena, &pair,
                   qf_json_make_text(qf_arena_text(list->arena, qf_slice_of(b))));
    qf_json_append(list->arena, &list->json, pair);
}

static void take_problem(void *self, const char *pointer, const char *message)
{
    put_pair(self, pointer, message);
}

static void answer(struct qf_arena *arena, const struct qf_json *request, struct qf_json *out)
{
    struct list problems = {arena, qf_json_make_array()};
    const struct qf_json *schema = qf_json_get(request, "schema");
    const struct qf_json *values = qf_json_get(request, "values");
    *out = qf_json_make_object();
    if (qf_form_check(schema, take_problem, &problems) > 0) {
        qf_json_put(arena, out, "problems", problems.json);
        return;
    }
    struct list verdicts = {arena, qf_json_make_array()};
    for (uint32_t i = 0; i < values->count; i++) {
        struct qf_error err = {0};
        if (qf_form_validate(schema, &values->items[i], &err) == QF_OK)
            qf_json_append(arena, &verdicts.json, qf_json_make_bool(true));
        else
            put_pair(&verdicts, err.field, err.detail);
    }
    qf_json_put(arena, out, "verdicts", verdicts.json);
}

int main(void)
{
    static char line[1 << 20];
    struct qf_arena arena = {0};
    struct qf_buf text = {0};
    while (fgets(line, sizeof line, stdin) != NULL) {
        struct qf_json request, out;
        struct qf_error err = {0};
        if (qf_json_parse(&arena, &request, qf_slice_of(line), QF_JSON_ANY, &err) != QF_OK) {
            fprintf(stderr, "%s: %s\n", err.field, err.detail);
            return 1;
        }
        answer(&arena, &request, &out);
        qf_buf_reset(&text);
        qf_json_write(&text, &out);
        puts(qf_buf_text(&text));
        qf_arena_reset(&arena);
    }
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
    return 0;
}
