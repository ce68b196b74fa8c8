/* Reading services, cases and work lists. */
#include "kernel/lookup.h"
#include "kernel/query.h"

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
    struct qf_state_key at;
    struct qf_slice version = qf_record_text(record, "version");
    qf_state_key_make2(&at, QF_STATE_SERVICE_PACKAGE, id, version);
    const struct qf_json *package = qf_record_get(reader, arena, &at);
    const struct qf_json *manifest = package == NULL ? NULL : qf_json_get(package, "manifest");
    const struct qf_json *titles = manifest == NULL ? NULL : qf_json_get(manifest, "titles");
    if (titles != NULL && titles->type == QF_JSON_OBJECT)
        qf_json_put(arena, out, "titles", *titles);
    return true;
}

/* ---- tasks ---- */

static struct qf_json task_json(struct qf_arena *arena, const struct qf_task_lookup *task)
{
    struct qf_json item = qf_json_make_object();
    const struct {
        const char *name;
        struct qf_slice text;
    } texts[] = {{"case", task->case_id},   {"decision", task->decision}, {"holder", task->holder},
                 {"name", task->name},      {"node", task->node},         {"role", task->role},
                 {"service", task->service}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].text.size > 0)
            qf_json_put(arena, &item, texts[i].name,
                        qf_json_make_slice(qf_arena_copy(arena, texts[i].text)));
    if (task->due_ms != INT64_MAX)
        qf_json_put(arena, &item, "due", qf_json_make_int(task->due_ms));
    if (task->escalated)
        qf_json_put(arena, &item, "escalated", (struct qf_json){.type = QF_JSON_TRUE});
    qf_json_put(arena, &item, "opened", qf_json_make_int(task->opened_ms));
    qf_json_put(arena, &item, "task", qf_json_make_int(task->task));
    return item;
}

struct task_scan {
    const struct qf_query_tasks *query;
    struct qf_arena *arena;
    struct qf_json *items; /* NULL: only counts */
    size_t prefix_size, found, seen, most;
    struct qf_slice next;
    char last[QF_STATE_KEY_SIZE_MAX]; /* the key looked at last, without the prefix */
    size_t last_size;
};

static bool fits(const struct qf_query_tasks *query, const struct qf_task_lookup *task)
{
    if (query->held == QF_HELD_NONE ? task->holder.size > 0
                                    : query->held == QF_HELD_SOME && task->holder.size == 0)
        return false;
    return (query->role.size == 0 || qf_slice_equal(query->role, task->role)) &&
           (query->service.size == 0 || qf_slice_equal(query->service, task->service)) &&
           (query->holder.size == 0 || qf_slice_equal(query->holder, task->holder));
}

static bool see_task(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct task_scan *scan = arg;
    struct qf_task_lookup task;
    qf_lookup_task_read(&task, key, value);
    if (task.due_ms >= scan->query->due_before_ms && scan->query->due_before_ms != INT64_MAX)
        return false; /* as are all that follow */
    bool full = scan->found == scan->query->limit;
    if (full || scan->seen == scan->most) {
        scan->next = qf_arena_copy(scan->arena, qf_slice_make(scan->last, scan->last_size));
        return false;
    }
    scan->seen++;
    scan->last_size = key.size - scan->prefix_size;
    memcpy(scan->last, key.data + scan->prefix_size, scan->last_size);
    if (!fits(scan->query, &task))
        return true;
    scan->found++;
    if (scan->items != NULL)
        qf_json_append(scan->arena, scan->items, task_json(scan->arena, &task));
    return true;
}

/* `key` behind the prefix at `at`. */
static bool key_after(struct qf_state_key *out, const struct qf_state_key *at, struct qf_slice tail)
{
    *out = *at;
    if (tail.size > sizeof at->text - at->size)
        return false;
    if (tail.size > 0)
        memcpy(out->text + out->size, tail.data, tail.size);
    out->size += tail.size;
    return true;
}

/* The list that has the fewest tasks to look at. */
static bool choose_list(struct qf_state_key *at, const struct qf_query_tasks *query)
{
    if ((query->role.size > 0 && !qf_member_id_valid(query->role)) ||
        (query->service.size > 0 && !qf_member_id_valid(query->service)))
        return false;
    if (query->holder.size > 0)
        qf_lookup_task_prefix(at, QF_TASKS_BY_HOLDER, query->holder);
    else if (query->service.size > 0)
        qf_lookup_task_prefix(at, QF_TASKS_BY_SERVICE, query->service);
    else
        qf_lookup_task_prefix(at, QF_TASKS_BY_ROLE, query->role);
    /* A list by service does not have the second role of a task that was escalated. */
    if (query->role.size > 0 && query->holder.size == 0)
        qf_lookup_task_prefix(at, QF_TASKS_BY_ROLE, query->role);
    return true;
}

enum qf_status qf_query_tasks(const struct qf_state_reader *reader, struct qf_arena *arena,
                              struct qf_json *items, struct qf_slice *next,
                              const struct qf_query_tasks *query, struct qf_error *err)
{
    struct task_scan scan = {
        .query = query, .arena = arena, .items = items, .most = QF_QUERY_SCAN_MAX};
    struct qf_state_key at, after;
    QF_ASSERT(query->role.size > 0 || query->service.size > 0 || query->holder.size > 0);
    *items = qf_json_make_array();
    *next = (struct qf_slice){NULL, 0};
    if (!choose_list(&at, query))
        return QF_OK;
    if (query->after.size > QF_QUERY_CURSOR_MAX || !key_after(&after, &at, query->after))
        return qf_fail(err, QF_BAD_FIELD, "cursor", "is not one that this list gave");
    scan.prefix_size = at.size;
    reader->list(reader->self, qf_state_key_slice(&at), qf_state_key_slice(&after), see_task,
                 &scan);
    *next = scan.next;
    return QF_OK;
}

size_t qf_query_task_count(const struct qf_state_reader *reader, struct qf_arena *arena,
                           const struct qf_query_tasks *query, size_t most, bool *whole)
{
    struct qf_query_tasks all = *query;
    all.limit = SIZE_MAX;
    struct task_scan scan = {.query = &all, .arena = arena, .most = most};
    struct qf_state_key at;
    *whole = true;
    if (!choose_list(&at, query))
        return 0;
    scan.prefix_size = at.size;
    reader->list(reader->self, qf_state_key_slice(&at), (struct qf_slice){NULL, 0}, see_task,
                 &scan);
    *whole = scan.next.size == 0;
    return scan.found;
}

/* ---- one case ---- */

/* Where it stands: the entry of each open task in the list of its service, whose key follows from
 * the record. */
struct task_find {
    struct qf_arena *arena;
    struct qf_json *items;
    struct qf_slice key;
};

static bool see_open(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct task_find *find = arg;
    struct qf_task_lookup task;
    if (!qf_slice_equal(key, find->key))
        return false;
    qf_lookup_task_read(&task, key, value);
    qf_json_append(find->arena, find->items, task_json(find->arena, &task));
    return false;
}

/* Columns of spec/bpmn-instance.md. */
enum {
    WAIT_ID = 0,
    WAIT_NODE = 2,
    WAIT_OPENED = 6,
    TIMER_OWNER = 0,
    TIMER_NODE = 1,
    TIMER_DUE = 3
};

static int64_t due_of(const struct qf_json *timers, int64_t wait, int64_t node)
{
    for (uint32_t i = 0; timers != NULL && i < timers->count; i++) {
        const struct qf_json *row = timers->items[i].items;
        if (row[TIMER_OWNER].integer == wait && row[TIMER_NODE].integer == node)
            return row[TIMER_DUE].integer;
    }
    return INT64_MAX;
}

static struct qf_json open_tasks(const struct qf_state_reader *reader, struct qf_arena *arena,
                                 const struct qf_json *record, struct qf_slice id)
{
    const struct qf_json *instance = qf_json_get(record, "instance");
    const struct qf_json *waits = qf_json_get(instance, "w");
    struct qf_json items = qf_json_make_array();
    for (uint32_t i = 0; waits != NULL && i < waits->count && items.count < QF_PAGE_ITEMS_MAX;
         i++) {
        const struct qf_json *row = waits->items[i].items;
        struct qf_state_key at;
        const struct qf_task_lookup task = {
            .service = qf_record_text(record, "service"),
            .case_id = id,
            .task = (uint32_t)row[WAIT_ID].integer,
            .due_ms =
                due_of(qf_json_get(instance, "t"), row[WAIT_ID].integer, row[WAIT_NODE].integer),
            .opened_ms = row[WAIT_OPENED].integer};
        qf_lookup_task_key(&at, QF_TASKS_BY_SERVICE, &task);
        struct task_find find = {arena, &items, qf_state_key_slice(&at)};
        reader->list(reader->self, qf_state_key_slice(&at), (struct qf_slice){NULL, 0}, see_open,
                     &find);
    }
    return items;
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
    qf_json_put(arena, out, "tasks", open_tasks(reader, arena, record, id));
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

/* ---- cases ---- */

struct case_scan {
    const struct qf_query_cases *query;
    const struct qf_state_reader *reader;
    struct qf_arena *arena;
    struct qf_json *items;
    size_t seen;
    bool stopped;
    struct qf_slice next;
    struct qf_state_key last;
};

static void add_case(struct case_scan *scan, struct qf_slice id)
{
    static const char *const names[] = {"actor",   "leaf",   "member", "problem",
                                        "service", "status", "timer",  "version"};
    const struct qf_json *record = get(scan->reader, scan->arena, QF_STATE_CASE, id);
    if (record == NULL || (scan->query->member.size > 0 &&
                           !qf_slice_equal(scan->query->member, qf_record_text(record, "member"))))
        return; /* or it changed while the list was read */
    struct qf_json item = qf_json_make_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct qf_json *value = qf_json_get(record, names[i]);
        if (value != NULL)
            qf_json_put(scan->arena, &item, names[i], *value);
    }
    qf_json_put(scan->arena, &item, "case", qf_json_make_slice(qf_arena_copy(scan->arena, id)));
    qf_json_append(scan->arena, scan->items, item);
}

static bool see_case(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct case_scan *scan = arg;
    const size_t prefix = sizeof QF_LOOKUP_CASE - 1;
    (void)value;
    if (scan->items->count == scan->query->limit || scan->seen == QF_QUERY_CASES_MAX) {
        scan->stopped = true;
        scan->next = qf_arena_copy(
            scan->arena, qf_slice_make(scan->last.text + prefix, scan->last.size - prefix));
        return false;
    }
    scan->seen++;
    scan->last.size = key.size;
    memcpy(scan->last.text, key.data, key.size);
    add_case(scan, qf_lookup_case_read(key));
    return true;
}

/* The cases of one service, all or of the status asked for. */
static void scan_service(struct case_scan *scan, struct qf_slice service)
{
    const struct qf_query_cases *query = scan->query;
    struct qf_state_key at, after;
    char *text = qf_arena_printf(scan->arena, QF_LOOKUP_CASE "%.*s/%.*s%s", QF_SLICE_ARGS(service),
                                 QF_SLICE_ARGS(query->status), query->status.size > 0 ? "/" : "");
    struct qf_state_key none = {.size = sizeof QF_LOOKUP_CASE - 1};
    memcpy(none.text, QF_LOOKUP_CASE, none.size);
    at.size = strlen(text);
    memcpy(at.text, text, at.size);
    bool known = key_after(&after, &none, query->after);
    QF_ASSERT(known);
    scan->reader->list(scan->reader->self, qf_state_key_slice(&at),
                       query->after.size > 0 ? qf_state_key_slice(&after) : (struct qf_slice){0},
                       see_case, scan);
}

static bool see_service(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct case_scan *scan = arg;
    (void)value;
    size_t prefix = qf_state_kind_prefix(QF_STATE_SERVICE).size;
    scan_service(scan, qf_slice_make(key.data + prefix, key.size - prefix));
    return !scan->stopped;
}

enum qf_status qf_query_cases(const struct qf_state_reader *reader, struct qf_arena *arena,
                              struct qf_json *items, struct qf_slice *next,
                              const struct qf_query_cases *query, struct qf_error *err)
{
    struct case_scan scan = {.query = query, .reader = reader, .arena = arena, .items = items};
    *items = qf_json_make_array();
    *next = (struct qf_slice){NULL, 0};
    if (query->after.size > QF_QUERY_CURSOR_MAX)
        return qf_fail(err, QF_BAD_FIELD, "cursor", "is not one that this list gave");
    if ((query->service.size > 0 && !qf_member_id_valid(query->service)) ||
        (query->status.size > 0 && !qf_member_id_valid(query->status)))
        return QF_OK;
    if (query->service.size > 0)
        scan_service(&scan, query->service);
    else
        reader->list(reader->self, qf_state_kind_prefix(QF_STATE_SERVICE), (struct qf_slice){0},
                     see_service, &scan);
    *next = scan.next;
    return QF_OK;
}

/* ---- time ---- */

static bool see_due(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct qf_slice id;
    (void)value;
    *(int64_t *)arg = qf_lookup_due_read(key, &id);
    return false;
}

int64_t qf_query_next_due(const struct qf_state_reader *reader)
{
    int64_t due_ms = INT64_MAX;
    reader->list(reader->self, qf_slice_of(QF_LOOKUP_DUE), (struct qf_slice){0}, see_due, &due_ms);
    return due_ms;
}

/* ---- effects ---- */

struct effects {
    struct qf_arena *arena;
    struct qf_json items;
};

static bool add_effect(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct effects *effects = arg;
    struct qf_json parsed;
    uint32_t number = 0, op = qf_lookup_effect_read(key, &number);
    enum qf_status status = qf_json_parse(
        effects->arena, &parsed, qf_arena_copy(effects->arena, value), QF_JSON_CANONICAL, NULL);
    QF_ASSERT(status == QF_OK && parsed.type == QF_JSON_OBJECT);
    struct qf_json effect;
    copy(effects->arena, &effect, &parsed);
    qf_json_put(effects->arena, &effect, "number", qf_json_make_int(number));
    if (op != QF_LOOKUP_OF_TIME)
        qf_json_put(effects->arena, &effect, "of", qf_json_make_int(op));
    qf_json_append(effects->arena, &effects->items, effect);
    return true;
}

struct qf_json qf_query_effects(const struct qf_state_reader *reader, struct qf_arena *arena,
                                uint64_t leaf)
{
    struct effects effects = {.arena = arena, .items = qf_json_make_array()};
    struct qf_state_key prefix;
    qf_lookup_effect_prefix(&prefix, leaf);
    reader->list(reader->self, qf_state_key_slice(&prefix), (struct qf_slice){NULL, 0}, add_effect,
                 &effects);
    return effects.items;
}
