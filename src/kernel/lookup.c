#include "kernel/lookup.h"

#include "codec/text.h"

#define DIGITS ((size_t)16)
#define NO_END 9999999999999999LL
#define OP_DIGITS ((size_t)4)     /* of an op of an entry, and one more */
#define EFFECT_DIGITS ((size_t)8) /* of a number among the effects of an op */

static const char *const list_prefixes[QF_TASK_LIST_COUNT] = {
    [QF_TASKS_BY_ROLE] = "~task/role/",
    [QF_TASKS_BY_SERVICE] = "~task/service/",
    [QF_TASKS_BY_HOLDER] = "~task/holder/",
};

_Static_assert(sizeof "~task/service/" + 2UL * QF_MEMBER_ID_SIZE_MAX + 2 * DIGITS + 3 + 10 <=
                   QF_STATE_KEY_SIZE_MAX,
               "role or service, times, case and number fit");

static void begin(struct qf_state_key *key, const char *prefix)
{
    key->kind = QF_STATE_KIND_COUNT; /* none */
    key->size = strlen(prefix);
    memcpy(key->text, prefix, key->size);
}

static void append(struct qf_state_key *key, struct qf_slice part)
{
    QF_ASSERT(part.size < sizeof key->text - key->size);
    if (part.size > 0)
        memcpy(key->text + key->size, part.data, part.size);
    key->size += part.size;
}

static void append_byte(struct qf_state_key *key, char byte)
{
    append(key, qf_slice_make(&byte, 1));
}

static void append_padded(struct qf_state_key *key, int64_t value, size_t digits)
{
    char text[DIGITS];
    QF_ASSERT(digits <= sizeof text);
    for (size_t i = digits; i-- > 0; value /= 10)
        text[i] = (char)('0' + value % 10);
    append(key, qf_slice_make(text, digits));
}

static void append_digits(struct qf_state_key *key, int64_t value)
{
    append_padded(key, value < 0 ? 0 : value > NO_END ? NO_END : value, DIGITS);
}

static void append_number(struct qf_state_key *key, uint32_t value)
{
    char text[10];
    size_t at = sizeof text;
    do
        text[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    append(key, qf_slice_make(text + at, sizeof text - at));
}

static int64_t number_of(const uint8_t *digits, size_t count)
{
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        QF_ASSERT(digits[i] >= '0' && digits[i] <= '9');
        value = value * 10 + (digits[i] - '0');
    }
    return value;
}

void qf_lookup_task_prefix(struct qf_state_key *out, enum qf_task_list list, struct qf_slice of)
{
    begin(out, list_prefixes[list]);
    if (list == QF_TASKS_BY_HOLDER) {
        /* member and actor may together be longer than a key has room for */
        uint8_t hash[QF_HASH_SIZE];
        char hex[32];
        qf_hash(QF_HASH_SHA256, hash, of);
        qf_hex_encode(hex, qf_slice_make(hash, sizeof hex / 2));
        append(out, qf_slice_make(hex, sizeof hex));
    } else {
        append(out, of);
    }
    append_byte(out, '/');
}

void qf_lookup_task_key(struct qf_state_key *out, enum qf_task_list list,
                        const struct qf_task_lookup *task)
{
    const struct qf_slice of[] = {[QF_TASKS_BY_ROLE] = task->role,
                                  [QF_TASKS_BY_SERVICE] = task->service,
                                  [QF_TASKS_BY_HOLDER] = task->holder};
    qf_lookup_task_prefix(out, list, of[list]);
    append_digits(out, task->due_ms);
    append_digits(out, task->opened_ms);
    append_byte(out, '/');
    append(out, task->case_id);
    append_byte(out, '/');
    append_number(out, task->task);
}

void qf_lookup_task_value(struct qf_buf *out, const struct qf_task_lookup *task)
{
    const struct qf_slice parts[] = {task->role, task->service, task->holder,
                                     task->node, task->name,    task->decision};
    qf_buf_reset(out);
    qf_buf_put_byte(out, task->escalated ? 'e' : '-');
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        qf_buf_put_slice(out, parts[i]);
        qf_buf_put_byte(out, 0);
    }
}

/* The part up to the next zero byte, which none of them holds. */
static struct qf_slice take_part(struct qf_slice *rest)
{
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, 0, rest->size) : NULL;
    QF_ASSERT(end != NULL);
    struct qf_slice part = qf_slice_make(rest->data, (size_t)(end - rest->data));
    *rest = qf_slice_make(end + 1, rest->size - part.size - 1);
    return part;
}

static size_t last_slash(struct qf_slice key)
{
    size_t at = key.size;
    while (at > 0 && key.data[at - 1] != '/')
        at--;
    QF_ASSERT(at > 0);
    return at - 1;
}

void qf_lookup_task_read(struct qf_task_lookup *out, struct qf_slice key, struct qf_slice value)
{
    QF_ASSERT(value.size > 0);
    *out = (struct qf_task_lookup){.escalated = value.data[0] == 'e'};
    struct qf_slice rest = qf_slice_make(value.data + 1, value.size - 1);
    out->role = take_part(&rest);
    out->service = take_part(&rest);
    out->holder = take_part(&rest);
    out->node = take_part(&rest);
    out->name = take_part(&rest);
    out->decision = take_part(&rest);
    size_t slash = last_slash(key);
    out->task = (uint32_t)number_of(key.data + slash + 1, key.size - slash - 1);
    key.size = slash;
    slash = last_slash(key);
    out->case_id = qf_slice_make(key.data + slash + 1, key.size - slash - 1);
    QF_ASSERT(slash >= 2 * DIGITS);
    out->opened_ms = number_of(key.data + slash - DIGITS, DIGITS);
    out->due_ms = number_of(key.data + slash - 2 * DIGITS, DIGITS);
    if (out->due_ms == NO_END)
        out->due_ms = INT64_MAX;
}

void qf_lookup_due_key(struct qf_state_key *out, int64_t due_ms, struct qf_slice case_id)
{
    begin(out, QF_LOOKUP_DUE);
    append_digits(out, due_ms);
    append_byte(out, '/');
    append(out, case_id);
}

int64_t qf_lookup_due_read(struct qf_slice key, struct qf_slice *case_id)
{
    const size_t digits = sizeof QF_LOOKUP_DUE - 1;
    QF_ASSERT(key.size > digits + DIGITS + 1);
    *case_id = qf_slice_make(key.data + digits + DIGITS + 1, key.size - digits - DIGITS - 1);
    return number_of(key.data + digits, DIGITS);
}

void qf_lookup_case_key(struct qf_state_key *out, struct qf_slice service, struct qf_slice status,
                        uint64_t leaf, struct qf_slice case_id)
{
    begin(out, QF_LOOKUP_CASE);
    append(out, service);
    append_byte(out, '/');
    append(out, status);
    append_byte(out, '/');
    append_digits(out, (int64_t)leaf);
    append_byte(out, '/');
    append(out, case_id);
}

struct qf_slice qf_lookup_case_read(struct qf_slice key)
{
    size_t slash = last_slash(key);
    return qf_slice_make(key.data + slash + 1, key.size - slash - 1);
}

void qf_lookup_effect_prefix(struct qf_state_key *out, uint64_t leaf)
{
    begin(out, QF_LOOKUP_EFFECT);
    append_digits(out, (int64_t)leaf);
    append_byte(out, '/');
}

void qf_lookup_effect_key(struct qf_state_key *out, uint64_t leaf, uint32_t op, uint32_t number)
{
    _Static_assert(QF_TX_OPS_MAX < 9999, "an op fits into its digits");
    qf_lookup_effect_prefix(out, leaf);
    append_padded(out, op == QF_LOOKUP_OF_TIME ? 0 : (int64_t)op + 1, OP_DIGITS);
    append_padded(out, number, EFFECT_DIGITS);
}

uint32_t qf_lookup_effect_read(struct qf_slice key, uint32_t *number)
{
    QF_ASSERT(key.size > OP_DIGITS + EFFECT_DIGITS);
    const uint8_t *digits = key.data + key.size - OP_DIGITS - EFFECT_DIGITS;
    int64_t place = number_of(digits, OP_DIGITS);
    *number = (uint32_t)number_of(digits + OP_DIGITS, EFFECT_DIGITS);
    return place == 0 ? QF_LOOKUP_OF_TIME : (uint32_t)(place - 1);
}
