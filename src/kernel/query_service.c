/* Reading services, cases and work lists. */
#include "kernel/query.h"
#include "kernel/record.h"

static const struct qf_json *get(const struct qf_state_reader *reader, struct qf_arena *arena,
                                 enum qf_state_kind kind, struct qf_slice id)
{
    struct qf_state_key at;
    if (!qf_member_id_valid(id))
        return NULL;
    qf_state_key_make(&at, kind, id);
    return qf_record_get(reader, arena, &at);
}

static void copy(struct qf_arena *arena, struct qf_json *out, const struct qf_json *record)
{
    *out = qf_json_make_object();
    for (uint32_t i = 0; i < record->count; i++)
        qf_json_put(arena, out, qf_arena_text(arena, record->members[i].key),
                    record->members[i].value);
}

bool qf_query_service(const struct qf_state_reader *reader, struct qf_arena *arena,
                      struct qf_json *out, struct qf_slice id)
{
    const struct qf_json *record = get(reader, arena, QF_STATE_SERVICE, id);
    if (record == NULL)
        return false;
    copy(arena, out, record);
    qf_json_put(arena, out, "service", qf_json_make_slice(qf_arena_copy(arena, id)));
    return true;
}

bool qf_query_case(const struct qf_state_reader *reader, struct qf_arena *arena,
                   struct qf_json *out, struct qf_slice id)
{
    const struct qf_json *record = get(reader, arena, QF_STATE_CASE, id);
    if (record == NULL)
        return false;
    *out = qf_json_make_object();
    for (uint32_t i = 0; i < record->count; i++)
        if (!qf_slice_is(record->members[i].key, "instance") &&
            !qf_slice_is(record->members[i].key, "steps"))
            qf_json_put(arena, out, qf_arena_text(arena, record->members[i].key),
                        record->members[i].value);
    /* spec/bpmn-instance.md: "v" are the variables, left out when there are none. */
    const struct qf_json *data = qf_json_get(qf_json_get(record, "instance"), "v");
    qf_json_put(arena, out, "case", qf_json_make_slice(qf_arena_copy(arena, id)));
    qf_json_put(arena, out, "data", data != NULL ? *data : qf_json_make_object());
    return true;
}

bool qf_query_case_steps(const struct qf_state_reader *reader, struct qf_arena *arena,
                         struct qf_json *out, struct qf_slice *service, struct qf_slice *version,
                         struct qf_slice id)
{
    const struct qf_json *record = get(reader, arena, QF_STATE_CASE, id);
    if (record == NULL)
        return false;
    const struct qf_json *steps = qf_json_get(record, "steps");
    *out = steps != NULL ? *steps : qf_json_make_array();
    *service = qf_arena_copy(arena, qf_record_text(record, "service"));
    *version = qf_arena_copy(arena, qf_record_text(record, "version"));
    return true;
}

bool qf_query_task(const struct qf_state_reader *reader, struct qf_arena *arena,
                   struct qf_json *out, struct qf_slice role, struct qf_slice id)
{
    const uint8_t *slash = id.size > 0 ? memchr(id.data, '/', id.size) : NULL;
    if (slash == NULL || !qf_member_id_valid(role))
        return false;
    struct qf_slice case_id = qf_slice_make(id.data, (size_t)(slash - id.data));
    struct qf_slice digits = qf_slice_make(slash + 1, id.size - case_id.size - 1);
    if (!qf_member_id_valid(case_id) || digits.size == 0 || digits.size > 10)
        return false;
    int64_t number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
        number = number * 10 + (digits.data[i] - '0');
    }
    struct qf_state_key at;
    qf_state_key_make2(&at, QF_STATE_TASK, role, id);
    const struct qf_json *record = qf_record_get(reader, arena, &at);
    if (record == NULL)
        return false;
    copy(arena, out, record);
    qf_json_put(arena, out, "case", qf_json_make_slice(qf_arena_copy(arena, case_id)));
    qf_json_put(arena, out, "role", qf_json_make_slice(qf_arena_copy(arena, role)));
    qf_json_put(arena, out, "task", qf_json_make_int(number));
    return true;
}
