/* Decision tables' columns as sets of rules.
 *
 * An ordered column's cells cut the line of values at the numbers (days, months, …) that they name:
 * k cuts make 2k+1 segments, the cuts themselves and what lies between. For each segment the rules
 * whose cell it satisfies are one set of bits. A column of strings or booleans has a set for each
 * value that a cell names and one for all others. To match is to find one segment per column and to
 * intersect. A cell that is not built of literals stays open: its rule is in every set, and its
 * tests are run for the rules that are left. So is a whole column when the input is of another kind
 * than its cells, such as null. */
#include <stdlib.h>

#include "dmn/model.h"
#include "feel/number.h"
#include "feel/temporal.h"

#define COLUMN_SIZE_MAX ((size_t)16 << 20) /* bytes of sets; a larger column stays open */

enum column_form {
    COLUMN_OPEN,
    COLUMN_ORDERED,
    COLUMN_DISCRETE,
};

struct column {
    enum column_form form;
    uint8_t kind;
    uint32_t cut_count;
    struct qf_feel_value *cuts; /* sorted; of a discrete column: its values */
    int64_t *keys;              /* the cuts as integers, or NULL when one does not fit */
    uint32_t *buckets;          /* strings: hash table of 1 + index into cuts */
    uint32_t bucket_mask;
    uint64_t *sets; /* words for each segment (discrete: each value, then all others) */
    uint64_t *open; /* rules whose cell is not decided here */
};

struct qf_dmn_index {
    uint32_t column_count;
    uint32_t rule_count;
    uint32_t words;
    struct column *columns;
};

/* ---- cells ---- */

/* One test of a cell as bounds on the line. */
struct bounds {
    const struct qf_feel_value *low; /* NULL: none */
    const struct qf_feel_value *high;
    bool low_included;
    bool high_included;
    bool outside; /* everything but these */
};

static bool ordered_kind(uint8_t kind)
{
    return kind == QF_FEEL_NUMBER || kind == QF_FEEL_DATE || kind == QF_FEEL_MONTHS ||
           kind == QF_FEEL_SECONDS;
}

static bool point_bounds(struct bounds *out, const struct qf_feel_value *value,
                         enum qf_feel_comparison op)
{
    *out = (struct bounds){0};
    bool below = op == QF_FEEL_LESS || op == QF_FEEL_LESS_EQUAL;
    bool above = op == QF_FEEL_GREATER || op == QF_FEEL_GREATER_EQUAL;
    bool on = op != QF_FEEL_LESS && op != QF_FEEL_GREATER;
    out->low = below ? NULL : value;
    out->high = above ? NULL : value;
    out->low_included = on;
    out->high_included = on;
    out->outside = op == QF_FEEL_NOT_EQUAL;
    return true;
}

static bool value_bounds(struct bounds *out, const struct qf_feel_value *value)
{
    if (value->kind != QF_FEEL_RANGE)
        return point_bounds(out, value, QF_FEEL_EQUAL);
    const struct qf_feel_range *range = value->range;
    bool interval = range->form == QF_FEEL_RANGE_INTERVAL;
    if (interval && (range->start.kind == QF_FEEL_NULL || range->end.kind == QF_FEEL_NULL))
        return false;
    if (range->form == QF_FEEL_RANGE_NOT_EQUAL)
        return point_bounds(out, &range->start, QF_FEEL_NOT_EQUAL);
    *out = (struct bounds){
        .low = range->start.kind == QF_FEEL_NULL ? NULL : &range->start,
        .high = range->end.kind == QF_FEEL_NULL ? NULL : &range->end,
        .low_included = range->start_included,
        .high_included = range->end_included,
    };
    return true;
}

typedef bool test_fn(void *self, const struct bounds *bounds);

static bool each_value(const struct qf_feel_value *value, test_fn *each, void *self)
{
    struct bounds bounds;
    if (value->kind != QF_FEEL_LIST)
        return value_bounds(&bounds, value) && each(self, &bounds);
    for (uint32_t i = 0; i < value->count; i++)
        if (value->items[i].kind == QF_FEEL_LIST || !value_bounds(&bounds, &value->items[i]) ||
            !each(self, &bounds))
            return false;
    return true;
}

/* Calls `each` for every test of a cell; false when one is not built of literals. */
static bool each_test(const struct qf_feel_node *cell, test_fn *each, void *self)
{
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct qf_feel_node *test = cell->kids[i];
        struct bounds bounds;
        if (test->uses_input || !test->kids[0]->is_literal)
            return false;
        const struct qf_feel_value *value = &test->kids[0]->value;
        if (test->run == qf_feel_run_test_value) {
            if (!each_value(value, each, self))
                return false;
        } else if (value->kind == QF_FEEL_LIST || value->kind == QF_FEEL_RANGE ||
                   !point_bounds(&bounds, value, (enum qf_feel_comparison)test->a) ||
                   !each(self, &bounds)) {
            return false;
        }
    }
    return true;
}

/* ---- building ---- */

struct collector {
    struct column *column;
    uint32_t capacity;
    struct qf_arena *arena;
};

static bool same_point(const struct qf_feel_value *a, const struct qf_feel_value *b)
{
    return qf_feel_equal(a, b) == 1;
}

static bool collect_cut(struct collector *c, const struct qf_feel_value *value)
{
    struct column *column = c->column;
    if (value == NULL)
        return true;
    if (column->form == COLUMN_OPEN) {
        if (ordered_kind(value->kind))
            column->form = COLUMN_ORDERED;
        else if (value->kind == QF_FEEL_STRING || value->kind == QF_FEEL_BOOLEAN)
            column->form = COLUMN_DISCRETE;
        else
            return false;
        column->kind = value->kind;
    }
    if (value->kind != column->kind)
        return false;
    if (column->cut_count == c->capacity) {
        uint32_t capacity = c->capacity == 0 ? 16 : c->capacity * 2;
        struct qf_feel_value *cuts = QF_ARENA_ARRAY(c->arena, struct qf_feel_value, capacity);
        if (column->cut_count > 0)
            memcpy(cuts, column->cuts, sizeof *cuts * column->cut_count);
        column->cuts = cuts;
        c->capacity = capacity;
    }
    column->cuts[column->cut_count++] = *value;
    return true;
}

static bool collect(void *self, const struct bounds *bounds)
{
    struct collector *c = self;
    if (!collect_cut(c, bounds->low) || !collect_cut(c, bounds->high))
        return false;
    /* Strings are not cut: only equality is by value. */
    return c->column->form != COLUMN_DISCRETE || bounds->low == bounds->high;
}

static int by_order(const void *a, const void *b)
{
    int order = qf_feel_compare(a, b);
    if (order == QF_FEEL_NO_ORDER) { /* booleans */
        const struct qf_feel_value *x = a;
        const struct qf_feel_value *y = b;
        order = (int)x->boolean - (int)y->boolean;
    }
    return order;
}

static void sort_cuts(struct qf_arena *arena, struct column *column)
{
    qsort(column->cuts, column->cut_count, sizeof *column->cuts, by_order);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < column->cut_count; i++)
        if (kept == 0 || !same_point(&column->cuts[kept - 1], &column->cuts[i]))
            column->cuts[kept++] = column->cuts[i];
    column->cut_count = kept;
    column->keys = QF_ARENA_ARRAY(arena, int64_t, kept);
    for (uint32_t i = 0; i < kept && column->keys != NULL; i++) {
        const struct qf_feel_value *cut = &column->cuts[i];
        if (cut->kind == QF_FEEL_DATE)
            column->keys[i] = qf_feel_day_number(cut);
        else if (cut->kind == QF_FEEL_MONTHS || (cut->kind == QF_FEEL_NUMBER && cut->small))
            column->keys[i] = cut->integer;
        else
            column->keys = NULL;
    }
}

static uint32_t hash_text(struct qf_slice text)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ text.data[i]) * 16777619U;
    return hash ^ (hash >> 15);
}

static void hash_cuts(struct qf_arena *arena, struct column *column)
{
    uint32_t size = 4;
    while (size < column->cut_count * 2)
        size *= 2;
    column->bucket_mask = size - 1;
    column->buckets = QF_ARENA_ARRAY(arena, uint32_t, size);
    for (uint32_t i = 0; i < column->cut_count; i++) {
        uint32_t at = hash_text(qf_feel_slice(&column->cuts[i])) & column->bucket_mask;
        while (column->buckets[at] != 0)
            at = (at + 1) & column->bucket_mask;
        column->buckets[at] = i + 1;
    }
}

/* How many cuts are below the value, and whether it is one. */
static uint32_t find_cut(const struct column *column, const struct qf_feel_value *value, bool *on)
{
    uint32_t low = 0;
    uint32_t high = column->cut_count;
    *on = false;
    if (column->keys != NULL && (value->kind != QF_FEEL_NUMBER || value->small)) {
        int64_t key = value->kind == QF_FEEL_DATE ? qf_feel_day_number(value) : value->integer;
        while (low < high) {
            uint32_t middle = (low + high) / 2;
            if (column->keys[middle] < key)
                low = middle + 1;
            else
                high = middle;
        }
        *on = low < column->cut_count && column->keys[low] == key;
        return low;
    }
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (qf_feel_compare(&column->cuts[middle], value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *on = low < column->cut_count && qf_feel_compare(&column->cuts[low], value) == 0;
    return low;
}

static uint32_t find_discrete(const struct column *column, const struct qf_feel_value *value)
{
    if (column->kind == QF_FEEL_BOOLEAN) {
        for (uint32_t i = 0; i < column->cut_count; i++)
            if (column->cuts[i].boolean == value->boolean)
                return i;
        return column->cut_count;
    }
    struct qf_slice text = qf_feel_slice(value);
    for (uint32_t at = hash_text(text) & column->bucket_mask;;
         at = (at + 1) & column->bucket_mask) {
        uint32_t found = column->buckets[at];
        if (found == 0)
            return column->cut_count;
        if (qf_slice_equal(qf_feel_slice(&column->cuts[found - 1]), text))
            return found - 1;
    }
}

/* The segment of a value. */
static uint32_t segment_of(const struct column *column, const struct qf_feel_value *value)
{
    if (column->form == COLUMN_DISCRETE)
        return find_discrete(column, value);
    bool on = false;
    uint32_t below = find_cut(column, value, &on);
    return 2 * below + (on ? 1 : 0);
}

static uint32_t segment_count(const struct column *column)
{
    return column->form == COLUMN_ORDERED ? 2 * column->cut_count + 1 : column->cut_count + 1;
}

struct painter {
    const struct column *column;
    uint8_t *passes; /* by segment */
};

static bool paint(void *self, const struct bounds *bounds)
{
    struct painter *p = self;
    uint32_t count = segment_count(p->column);
    uint32_t from = 0;
    uint32_t to = count - 1;
    if (bounds->low != NULL) {
        from = segment_of(p->column, bounds->low);
        if (!bounds->low_included)
            from++;
    }
    if (bounds->high != NULL) {
        uint32_t at = segment_of(p->column, bounds->high);
        if (at == 0 && !bounds->high_included)
            return true;
        to = bounds->high_included ? at : at - 1;
    }
    for (uint32_t i = 0; i < count; i++)
        if ((i >= from && i <= to) != bounds->outside)
            p->passes[i] = 1;
    return true;
}

static void set_bit(uint64_t *set, uint32_t bit)
{
    set[bit / QF_DMN_WORD_BITS] |= (uint64_t)1 << (bit % QF_DMN_WORD_BITS);
}

static bool get_bit(const uint64_t *set, uint32_t bit)
{
    return (set[bit / QF_DMN_WORD_BITS] >> (bit % QF_DMN_WORD_BITS)) & 1;
}

static void fill_sets(struct qf_arena *arena, const struct qf_dmn_table *table, uint32_t number,
                      struct column *column, uint32_t words)
{
    uint32_t segments = segment_count(column);
    uint8_t *passes = QF_ARENA_ARRAY(arena, uint8_t, segments);
    column->sets = QF_ARENA_ARRAY(arena, uint64_t, (size_t)segments * words);
    for (uint32_t rule = 0; rule < table->rule_count; rule++) {
        const struct qf_feel_node *cell = table->rules[rule].tests[number];
        bool open = get_bit(column->open, rule);
        memset(passes, open || cell->count == 0 ? 1 : 0, segments);
        struct painter painter = {column, passes};
        if (!open)
            (void)each_test(cell, paint, &painter);
        bool negated = !open && cell->count > 0 && cell->a != 0;
        for (uint32_t i = 0; i < segments; i++)
            if ((passes[i] != 0) != negated)
                set_bit(column->sets + (size_t)i * words, rule);
    }
}

static void build_column(struct qf_arena *arena, const struct qf_dmn_table *table, uint32_t number,
                         struct column *column, uint32_t words)
{
    struct collector collector = {column, 0, arena};
    column->open = QF_ARENA_ARRAY(arena, uint64_t, words);
    for (uint32_t rule = 0; rule < table->rule_count; rule++) {
        uint32_t before = column->cut_count;
        if (!each_test(table->rules[rule].tests[number], collect, &collector)) {
            column->cut_count = before;
            set_bit(column->open, rule);
        }
    }
    if (column->form == COLUMN_OPEN)
        return;
    sort_cuts(arena, column);
    if ((size_t)segment_count(column) * words * sizeof(uint64_t) > COLUMN_SIZE_MAX) {
        column->form = COLUMN_OPEN;
        return;
    }
    if (column->kind == QF_FEEL_STRING)
        hash_cuts(arena, column);
    fill_sets(arena, table, number, column, words);
}

const struct qf_dmn_index *qf_dmn_index_build(struct qf_arena *arena,
                                              const struct qf_dmn_table *table)
{
    struct qf_dmn_index *index = QF_ARENA_NEW(arena, struct qf_dmn_index);
    index->column_count = table->column_count;
    index->rule_count = table->rule_count;
    index->words = (table->rule_count + QF_DMN_WORD_BITS - 1) / QF_DMN_WORD_BITS;
    index->columns = QF_ARENA_ARRAY(arena, struct column, table->column_count);
    for (uint32_t i = 0; i < table->column_count; i++)
        build_column(arena, table, i, &index->columns[i], index->words);
    return index;
}

void qf_dmn_index_match(const struct qf_dmn_index *index, const struct qf_feel_value *inputs,
                        uint64_t *words)
{
    for (uint32_t w = 0; w < index->words; w++)
        words[w] = UINT64_MAX;
    if (index->rule_count % QF_DMN_WORD_BITS != 0)
        words[index->words - 1] = ((uint64_t)1 << (index->rule_count % QF_DMN_WORD_BITS)) - 1;
    for (uint32_t i = 0; i < index->column_count; i++) {
        const struct column *column = &index->columns[i];
        if (column->form == COLUMN_OPEN || column->kind != inputs[i].kind)
            continue;
        const uint64_t *set = column->sets + (size_t)segment_of(column, &inputs[i]) * index->words;
        for (uint32_t w = 0; w < index->words; w++)
            words[w] &= set[w];
    }
}

bool qf_dmn_index_open(const struct qf_dmn_index *index, const struct qf_feel_value *inputs,
                       uint32_t column, uint32_t rule)
{
    const struct column *c = &index->columns[column];
    return c->form == COLUMN_OPEN || c->kind != inputs[column].kind || get_bit(c->open, rule);
}
