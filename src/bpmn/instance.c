/* Instances as canonical JSON. Members stand in order of their keys, and those that are empty do
 * not stand at all:
 *
 *   e  error code        j  joins [flow, scope, count]       k  next number
 *   o  doers [node, actor]                                   p  process
 *   s  scopes [id, parent, node, kind, isolated, total, begun, done, locals]
 *   t  timers [owner, node, left, due, interval]             v  variables
 *   w  waits [id, scope, node, escalated, holder, [actor, verdict, …], opened]
 *   z  state
 *
 * Node none is -1. */
#include "bpmn/run.h"

static void put_key(struct qf_buf *buf, bool *first, const char *key)
{
    qf_buf_put_byte(buf, *first ? '{' : ',');
    *first = false;
    qf_buf_put_byte(buf, '"');
    qf_buf_put_text(buf, key);
    qf_buf_put_text(buf, "\":");
}

static void put_ints(struct qf_buf *buf, const int64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            qf_buf_put_byte(buf, ',');
        qf_buf_put_int(buf, values[i]);
    }
}

static int64_t index_of(uint16_t node)
{
    return node == QF_BPMN_NONE ? -1 : node;
}

static void put_row(struct qf_buf *buf, uint32_t i)
{
    qf_buf_put_text(buf, i == 0 ? "[[" : ",[");
}

static void put_scopes(struct qf_buf *buf, const struct qf_bpmn_instance *in)
{
    for (uint32_t i = 0; i < in->scope_count; i++) {
        const struct qf_bpmn_scope *s = &in->scopes[i];
        const int64_t row[] = {s->id,       s->parent, index_of(s->node), s->kind,
                               s->isolated, s->total,  s->begun,          s->done};
        put_row(buf, i);
        put_ints(buf, row, sizeof row / sizeof row[0]);
        qf_buf_put_byte(buf, ',');
        qf_json_write(buf, &s->locals);
        qf_buf_put_byte(buf, ']');
    }
    qf_buf_put_byte(buf, ']');
}

static void put_waits(struct qf_buf *buf, const struct qf_bpmn_instance *in)
{
    for (uint32_t i = 0; i < in->wait_count; i++) {
        const struct qf_bpmn_wait *w = &in->waits[i];
        const int64_t row[] = {w->id, w->scope, w->node, w->escalated};
        put_row(buf, i);
        put_ints(buf, row, sizeof row / sizeof row[0]);
        qf_buf_put_byte(buf, ',');
        qf_json_write_string(buf, w->holder);
        qf_buf_put_text(buf, ",[");
        for (uint16_t k = 0; k < w->vote_count; k++) {
            if (k > 0)
                qf_buf_put_byte(buf, ',');
            qf_json_write_string(buf, w->votes[k].actor);
            qf_buf_put_byte(buf, ',');
            qf_json_write_string(buf, w->votes[k].verdict);
        }
        qf_buf_put_text(buf, "],");
        qf_buf_put_int(buf, w->opened_ms);
        qf_buf_put_byte(buf, ']');
    }
    qf_buf_put_byte(buf, ']');
}

void qf_bpmn_encode(struct qf_buf *buf, const struct qf_bpmn_instance *in)
{
    bool first = true;
    if (in->error.data != NULL) {
        put_key(buf, &first, "e");
        qf_json_write_string(buf, in->error);
    }
    if (in->join_count > 0) {
        put_key(buf, &first, "j");
        for (uint32_t i = 0; i < in->join_count; i++) {
            const int64_t row[] = {in->joins[i].flow, in->joins[i].scope, in->joins[i].count};
            put_row(buf, i);
            put_ints(buf, row, 3);
            qf_buf_put_byte(buf, ']');
        }
        qf_buf_put_byte(buf, ']');
    }
    put_key(buf, &first, "k");
    qf_buf_put_int(buf, in->serial);
    if (in->doer_count > 0) {
        put_key(buf, &first, "o");
        for (uint32_t i = 0; i < in->doer_count; i++) {
            put_row(buf, i);
            qf_buf_put_int(buf, in->doers[i].node);
            qf_buf_put_byte(buf, ',');
            qf_json_write_string(buf, in->doers[i].actor);
            qf_buf_put_byte(buf, ']');
        }
        qf_buf_put_byte(buf, ']');
    }
    put_key(buf, &first, "p");
    qf_buf_put_int(buf, in->process);
    if (in->scope_count > 0) {
        put_key(buf, &first, "s");
        put_scopes(buf, in);
    }
    if (in->timer_count > 0) {
        put_key(buf, &first, "t");
        for (uint32_t i = 0; i < in->timer_count; i++) {
            const struct qf_bpmn_timer *t = &in->timers[i];
            const int64_t row[] = {t->owner, t->node, t->left, t->due_ms, t->interval_ms};
            put_row(buf, i);
            put_ints(buf, row, 5);
            qf_buf_put_byte(buf, ']');
        }
        qf_buf_put_byte(buf, ']');
    }
    if (in->variables.type == QF_JSON_OBJECT && in->variables.count > 0) {
        put_key(buf, &first, "v");
        qf_json_write(buf, &in->variables);
    }
    if (in->wait_count > 0) {
        put_key(buf, &first, "w");
        put_waits(buf, in);
    }
    put_key(buf, &first, "z");
    qf_buf_put_int(buf, in->state);
    qf_buf_put_byte(buf, '}');
}

/* --- reading --- */

struct decode {
    struct qf_arena *arena;
    struct qf_bpmn_instance *out;
    const struct qf_bpmn_model *model;
    bool bad;
};

/* An integer within bounds; anything else spoils the whole. */
static int64_t int_at(struct decode *d, const struct qf_json *row, uint32_t at, int64_t low,
                      int64_t high)
{
    if (row->type == QF_JSON_ARRAY && at < row->count && row->items[at].type == QF_JSON_INT &&
        row->items[at].integer >= low && row->items[at].integer <= high)
        return row->items[at].integer;
    d->bad = true;
    return low;
}

static struct qf_slice text_at(struct decode *d, const struct qf_json *row, uint32_t at)
{
    if (row->type == QF_JSON_ARRAY && at < row->count && row->items[at].type == QF_JSON_STRING)
        return qf_json_text(&row->items[at]);
    d->bad = true;
    return (struct qf_slice){0};
}

static uint16_t node_at(struct decode *d, const struct qf_json *row, uint32_t at, bool may_lack)
{
    int64_t index = int_at(d, row, at, may_lack ? -1 : 0, d->model->node_count - 1);
    return index < 0 ? QF_BPMN_NONE : (uint16_t)index;
}

static uint32_t u32_at(struct decode *d, const struct qf_json *row, uint32_t at)
{
    return (uint32_t)int_at(d, row, at, 0, UINT32_MAX);
}

static const struct qf_json *rows_of(struct decode *d, const struct qf_json *root, const char *key,
                                     uint32_t *count)
{
    const struct qf_json *rows = qf_json_get(root, key);
    *count = 0;
    if (rows == NULL)
        return NULL;
    if (rows->type != QF_JSON_ARRAY || rows->count > QF_BPMN_WAITING_MAX) {
        d->bad = true;
        return NULL;
    }
    *count = rows->count;
    return rows->items;
}

static bool scope_known(const struct decode *d, uint32_t id)
{
    for (uint32_t i = 0; i < d->out->scope_count; i++)
        if (d->out->scopes[i].id == id)
            return true;
    return false;
}

static void read_scopes(struct decode *d, const struct qf_json *root)
{
    uint32_t count = 0;
    const struct qf_json *rows = rows_of(d, root, "s", &count);
    struct qf_bpmn_instance *out = d->out;
    out->scopes = QF_ARENA_ARRAY(d->arena, struct qf_bpmn_scope, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct qf_json *row = &rows[i];
        struct qf_bpmn_scope s = {.id = u32_at(d, row, 0), .parent = u32_at(d, row, 1)};
        s.node = node_at(d, row, 2, true);
        s.kind = (uint8_t)int_at(d, row, 3, 0, QF_BPMN_SCOPE_ONE);
        s.isolated = int_at(d, row, 4, 0, 1) == 1;
        s.total = u32_at(d, row, 5);
        s.begun = u32_at(d, row, 6);
        s.done = u32_at(d, row, 7);
        if (row->type == QF_JSON_ARRAY && row->count == 9)
            s.locals = row->items[8];
        else
            d->bad = true;
        bool root_scope = i == 0;
        if (root_scope != (s.id == 0) || root_scope != (s.node == QF_BPMN_NONE) ||
            (i > 0 && s.id <= out->scopes[i - 1].id) || s.id >= out->serial ||
            (!root_scope && !scope_known(d, s.parent)) || (root_scope && s.parent != 0) ||
            (s.locals.type != QF_JSON_NULL && s.locals.type != QF_JSON_OBJECT))
            d->bad = true;
        if (d->bad)
            return;
        if (s.node != QF_BPMN_NONE && s.kind == QF_BPMN_SCOPE_PROCESS &&
            d->model->nodes[s.node].callee == QF_BPMN_NONE)
            d->bad = true;
        if (root_scope && s.kind != QF_BPMN_SCOPE_PROCESS)
            d->bad = true;
        out->scopes[out->scope_count++] = s;
    }
}

static void read_votes(struct decode *d, const struct qf_json *row, struct qf_bpmn_wait *wait)
{
    if (row->type != QF_JSON_ARRAY || row->count != 7 || row->items[5].type != QF_JSON_ARRAY ||
        row->items[5].count % 2 != 0 || row->items[5].count > QF_BPMN_VOTERS_MAX * 2) {
        d->bad = true;
        return;
    }
    const struct qf_json *votes = &row->items[5];
    wait->vote_count = (uint16_t)(votes->count / 2);
    wait->votes = QF_ARENA_ARRAY(d->arena, struct qf_bpmn_vote, wait->vote_count);
    for (uint16_t k = 0; k < wait->vote_count; k++)
        wait->votes[k] =
            (struct qf_bpmn_vote){text_at(d, votes, k * 2u), text_at(d, votes, k * 2u + 1)};
}

static void read_waits(struct decode *d, const struct qf_json *root)
{
    uint32_t count = 0;
    const struct qf_json *rows = rows_of(d, root, "w", &count);
    struct qf_bpmn_instance *out = d->out;
    out->waits = QF_ARENA_ARRAY(d->arena, struct qf_bpmn_wait, count);
    for (uint32_t i = 0; i < count; i++) {
        struct qf_bpmn_wait w = {.id = u32_at(d, &rows[i], 0), .scope = u32_at(d, &rows[i], 1)};
        w.node = node_at(d, &rows[i], 2, false);
        w.escalated = int_at(d, &rows[i], 3, 0, 1) == 1;
        w.holder = text_at(d, &rows[i], 4);
        w.opened_ms = int_at(d, &rows[i], 6, -QF_JSON_INT_MAX, QF_JSON_INT_MAX);
        read_votes(d, &rows[i], &w);
        if (!scope_known(d, w.scope) || w.id >= out->serial ||
            (i > 0 && w.id <= out->waits[i - 1].id))
            d->bad = true;
        if (d->bad)
            return;
        out->waits[out->wait_count++] = w;
    }
}

static bool owner_known(const struct decode *d, uint32_t owner)
{
    return scope_known(d, owner) || qf_bpmn_wait_of(d->out, owner) != NULL;
}

/* What kind of node a timer may belong to, and whose it then must be; the interpreter relies on
 * it. */
static bool timer_fits(const struct decode *d, const struct qf_bpmn_timer *timer)
{
    const struct qf_bpmn_node *node = &d->model->nodes[timer->node];
    bool wait = qf_bpmn_wait_of(d->out, timer->owner) != NULL;
    if (qf_bpmn_is_human(node) || node->kind == QF_BPMN_CATCH)
        return wait;
    if (node->kind == QF_BPMN_START)
        return !wait && node->parent != QF_BPMN_NONE;
    return node->kind == QF_BPMN_BOUNDARY && timer->owner != 0;
}

static void read_rest(struct decode *d, const struct qf_json *root)
{
    struct qf_bpmn_instance *out = d->out;
    uint32_t count = 0;
    const struct qf_json *rows = rows_of(d, root, "t", &count);
    out->timers = QF_ARENA_ARRAY(d->arena, struct qf_bpmn_timer, count);
    for (uint32_t i = 0; i < count && !d->bad; i++) {
        struct qf_bpmn_timer *t = &out->timers[out->timer_count++];
        t->owner = u32_at(d, &rows[i], 0);
        t->node = node_at(d, &rows[i], 1, false);
        t->left = (uint16_t)int_at(d, &rows[i], 2, 0, UINT16_MAX);
        t->due_ms = int_at(d, &rows[i], 3, -QF_JSON_INT_MAX, QF_JSON_INT_MAX);
        t->interval_ms = int_at(d, &rows[i], 4, 0, QF_JSON_INT_MAX);
        if (!d->bad && (!owner_known(d, t->owner) || !timer_fits(d, t)))
            d->bad = true;
    }
    rows = rows_of(d, root, "j", &count);
    out->joins = QF_ARENA_ARRAY(d->arena, struct qf_bpmn_join, count);
    for (uint32_t i = 0; i < count && !d->bad; i++) {
        struct qf_bpmn_join *j = &out->joins[out->join_count++];
        j->flow = (uint16_t)int_at(d, &rows[i], 0, 0, d->model->flow_count - 1);
        j->scope = u32_at(d, &rows[i], 1);
        j->count = (uint16_t)int_at(d, &rows[i], 2, 1, QF_BPMN_WAITING_MAX);
        if (!scope_known(d, j->scope))
            d->bad = true;
    }
    rows = rows_of(d, root, "o", &count);
    out->doers = QF_ARENA_ARRAY(d->arena, struct qf_bpmn_doer, count);
    for (uint32_t i = 0; i < count && !d->bad; i++)
        out->doers[out->doer_count++] =
            (struct qf_bpmn_doer){node_at(d, &rows[i], 0, false), text_at(d, &rows[i], 1)};
}

static void read_scalars(struct decode *d, const struct qf_json *root)
{
    const struct qf_json *state = qf_json_get(root, "z");
    const struct qf_json *serial = qf_json_get(root, "k");
    const struct qf_json *process = qf_json_get(root, "p");
    const struct qf_json *error = qf_json_get(root, "e");
    const struct qf_json *variables = qf_json_get(root, "v");
    d->bad = state == NULL || state->type != QF_JSON_INT || state->integer < 0 ||
             state->integer > QF_BPMN_WITHDRAWN || serial == NULL || serial->type != QF_JSON_INT ||
             serial->integer < 0 || serial->integer > UINT32_MAX || process == NULL ||
             process->type != QF_JSON_INT || process->integer < 0 ||
             process->integer >= d->model->process_count ||
             (error != NULL && error->type != QF_JSON_STRING) ||
             (variables != NULL && variables->type != QF_JSON_OBJECT);
    if (d->bad)
        return;
    d->out->state = (enum qf_bpmn_state)state->integer;
    d->out->serial = (uint32_t)serial->integer;
    d->out->process = (uint16_t)process->integer;
    if (error != NULL)
        d->out->error = qf_json_text(error);
    d->out->variables = variables != NULL ? *variables : (struct qf_json){.type = QF_JSON_OBJECT};
}

enum qf_status qf_bpmn_decode(struct qf_arena *arena, struct qf_bpmn_instance *out,
                              const struct qf_bpmn_model *model, struct qf_slice input,
                              struct qf_error *err)
{
    struct qf_json *root = QF_ARENA_NEW(arena, struct qf_json);
    if (input.size > QF_BPMN_CASE_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "case", "the case's state is too large (limit %d bytes)",
                       QF_BPMN_CASE_SIZE_MAX);
    enum qf_status status = qf_json_parse(arena, root, input, QF_JSON_CANONICAL, err);
    return status == QF_OK ? qf_bpmn_read(arena, out, model, root, err) : status;
}

enum qf_status qf_bpmn_read(struct qf_arena *arena, struct qf_bpmn_instance *out,
                            const struct qf_bpmn_model *model, const struct qf_json *root,
                            struct qf_error *err)
{
    *out = (struct qf_bpmn_instance){.variables = {.type = QF_JSON_OBJECT}};
    struct decode d = {arena, out, model, root->type != QF_JSON_OBJECT};
    if (!d.bad)
        read_scalars(&d, root);
    if (!d.bad)
        read_scopes(&d, root);
    if (!d.bad)
        read_waits(&d, root);
    if (!d.bad)
        read_rest(&d, root);
    if (!d.bad && (out->state == QF_BPMN_RUNNING) != (out->scope_count > 0))
        d.bad = true;
    if (d.bad)
        return qf_fail(err, QF_MALFORMED, "case", "not the state of a case of this model");
    return QF_OK;
}

/* --- another version --- */

struct migration {
    const struct qf_bpmn_model *from;
    const struct qf_bpmn_model *to;
    struct qf_error *err;
};

static enum qf_status lacks(const struct migration *m, struct qf_slice id, const char *what)
{
    return qf_fail(m->err, QF_WRONG_STATE, "process", "the new version has no %s %.*s", what,
                   (int)(id.size > 100 ? 100 : id.size), (const char *)id.data);
}

static enum qf_status move_node(const struct migration *m, uint16_t *node)
{
    if (*node == QF_BPMN_NONE)
        return QF_OK;
    const struct qf_bpmn_node *old = &m->from->nodes[*node];
    uint16_t found = qf_bpmn_find_node(m->to, old->id);
    if (found == QF_BPMN_NONE || m->to->nodes[found].kind != old->kind ||
        m->to->nodes[found].loop != old->loop)
        return lacks(m, old->id, "element of the same kind,");
    *node = found;
    return QF_OK;
}

static enum qf_status move_flow(const struct migration *m, uint16_t *flow)
{
    struct qf_slice id = m->from->flows[*flow].id;
    uint16_t found = qf_bpmn_find_flow(m->to, id);
    if (found == QF_BPMN_NONE)
        return lacks(m, id, "flow");
    *flow = found;
    return QF_OK;
}

#define COPY(arena, items, count)                                                                  \
    ((count) == 0 ? NULL                                                                           \
                  : memcpy(qf_arena_alloc((arena), (count) * sizeof *(items)), (items),            \
                           (count) * sizeof *(items)))

enum qf_status qf_bpmn_migrate(struct qf_arena *arena, struct qf_bpmn_instance *out,
                               const struct qf_bpmn_instance *instance,
                               const struct qf_bpmn_model *from, const struct qf_bpmn_model *to,
                               struct qf_error *err)
{
    struct migration m = {from, to, err};
    struct qf_bpmn_instance now = *instance;
    enum qf_status status = QF_OK;
    now.process = qf_bpmn_find_process(to, from->processes[instance->process].id);
    if (now.process == QF_BPMN_NONE)
        return lacks(&m, from->processes[instance->process].id, "process");
    now.scopes = COPY(arena, instance->scopes, instance->scope_count);
    now.waits = COPY(arena, instance->waits, instance->wait_count);
    now.joins = COPY(arena, instance->joins, instance->join_count);
    now.timers = COPY(arena, instance->timers, instance->timer_count);
    now.doers = COPY(arena, instance->doers, instance->doer_count);
    for (uint32_t i = 0; i < now.scope_count && status == QF_OK; i++)
        status = move_node(&m, &now.scopes[i].node);
    for (uint32_t i = 0; i < now.wait_count && status == QF_OK; i++)
        status = move_node(&m, &now.waits[i].node);
    for (uint32_t i = 0; i < now.join_count && status == QF_OK; i++)
        status = move_flow(&m, &now.joins[i].flow);
    for (uint32_t i = 0; i < now.timer_count && status == QF_OK; i++)
        status = move_node(&m, &now.timers[i].node);
    for (uint32_t i = 0; i < now.doer_count && status == QF_OK; i++)
        status = move_node(&m, &now.doers[i].node);
    if (status == QF_OK)
        *out = now;
    return status;
}
