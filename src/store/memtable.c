#include "store/memtable.h"

#include <stdlib.h>

#include "base/bytes.h"

#define TERM_SLOTS_MIN 4096u

enum qf_status qf_memtable_init(struct qf_memtable *overlay, const uint64_t seed[2])
{
    *overlay = (struct qf_memtable){.term_slots = TERM_SLOTS_MIN};
    overlay->slots = calloc(QF_MEMTABLE_SLOTS, sizeof *overlay->slots);
    overlay->terms = calloc(TERM_SLOTS_MIN, sizeof *overlay->terms);
    overlay->term_seed[0] = seed[0];
    overlay->term_seed[1] = seed[1];
    overlay->name_draw = (uint32_t)seed[0] | 1;
    overlay->pages_end = &overlay->pages;
    return overlay->slots != NULL && overlay->terms != NULL ? QF_OK : QF_NO_MEMORY;
}

void qf_memtable_deinit(struct qf_memtable *overlay)
{
    qf_arena_deinit(&overlay->arena);
    free(overlay->slots);
    free(overlay->terms);
    *overlay = (struct qf_memtable){0};
}

void qf_memtable_reset(struct qf_memtable *overlay)
{
    qf_arena_reset(&overlay->arena);
    memset(overlay->slots, 0, QF_MEMTABLE_SLOTS * sizeof *overlay->slots);
    memset(overlay->terms, 0, overlay->term_slots * sizeof *overlay->terms);
    memset(overlay->used, 0, sizeof overlay->used);
    memset(overlay->names, 0, sizeof overlay->names);
    overlay->record_count = 0;
    overlay->term_count = 0;
    overlay->index_count = 0;
    overlay->pages = NULL;
    overlay->pages_end = &overlay->pages;
    overlay->metas = NULL;
}

/* ---- records ---- */

static size_t slot_of(const uint8_t key_hash[QF_HASH_SIZE])
{
    return qf_be16_load(key_hash);
}

const struct qf_memtable_record *qf_memtable_get(const struct qf_memtable *overlay,
                                                 const uint8_t key_hash[QF_HASH_SIZE])
{
    const struct qf_memtable_record *record = overlay->slots[slot_of(key_hash)];
    for (; record != NULL; record = record->next) {
        int order = memcmp(record->key_hash, key_hash, QF_HASH_SIZE);
        if (order >= 0)
            return order == 0 ? record : NULL;
    }
    return NULL;
}

static struct qf_memtable_name *find_name(struct qf_memtable *overlay, struct qf_slice key,
                                          struct qf_memtable_name **before);
static struct qf_memtable_name *add_name(struct qf_memtable *overlay, struct qf_slice key,
                                         uint32_t draw, struct qf_memtable_name *const *before);

static void put_name(struct qf_memtable *overlay, struct qf_slice key, const uint8_t *key_hash,
                     bool removed)
{
    struct qf_memtable_name *before[QF_MEMTABLE_NAME_LEVELS];
    struct qf_memtable_name *name = find_name(overlay, key, before);
    if (name == NULL)
        name = add_name(overlay, key, qf_be32_load(key_hash + 28), before);
    name->removed = removed;
}

void qf_memtable_put(struct qf_memtable *overlay, const struct qf_state_change *change,
                     const uint8_t key_hash[QF_HASH_SIZE], const uint8_t *value_hash)
{
    size_t slot = slot_of(key_hash);
    struct qf_memtable_record **at = &overlay->slots[slot];
    int order = 1;
    while (*at != NULL && (order = memcmp((*at)->key_hash, key_hash, QF_HASH_SIZE)) < 0)
        at = &(*at)->next;
    struct qf_memtable_record *found = *at != NULL && order == 0 ? *at : NULL;
    struct qf_memtable_record *record = found;
    if (record == NULL || record->value_capacity < change->value.size) {
        size_t capacity = (change->value.size + 15) & ~(size_t)15;
        record = qf_arena_alloc(&overlay->arena, sizeof *record + change->key.size + capacity);
        memcpy(record->key_hash, key_hash, QF_HASH_SIZE);
        memcpy(record->data, change->key.data, change->key.size);
        record->key_size = (uint16_t)change->key.size;
        record->value_capacity = (uint32_t)capacity;
        record->next = found != NULL ? found->next : *at;
        *at = record;
        overlay->record_count += found == NULL;
        overlay->used[slot / 64] |= (uint64_t)1 << (slot % 64);
    }
    record->removed = value_hash == NULL;
    record->value_size = (uint32_t)change->value.size;
    if (value_hash != NULL)
        memcpy(record->value_hash, value_hash, QF_HASH_SIZE);
    if (change->value.size > 0)
        memcpy(record->data + record->key_size, change->value.data, change->value.size);
    if (change->listed)
        put_name(overlay, (struct qf_slice){record->data, record->key_size}, key_hash,
                 record->removed);
}

/* Moves to the first record of the next slot that has one. */
static void next_slot(struct qf_memtable_cursor *cursor)
{
    cursor->record = NULL;
    size_t slot = cursor->slot + 1;
    while (slot < QF_MEMTABLE_SLOTS) {
        uint64_t word = cursor->overlay->used[slot / 64] >> (slot % 64);
        if (word != 0) {
            slot += (size_t)__builtin_ctzll(word);
            cursor->record = cursor->overlay->slots[slot];
            break;
        }
        slot = (slot / 64 + 1) * 64;
    }
    cursor->slot = slot;
}

void qf_memtable_seek(struct qf_memtable_cursor *cursor, const struct qf_memtable *overlay,
                      const uint8_t from[QF_HASH_SIZE])
{
    *cursor = (struct qf_memtable_cursor){.overlay = overlay, .slot = slot_of(from)};
    cursor->record = overlay->slots[cursor->slot];
    while (cursor->record != NULL && memcmp(cursor->record->key_hash, from, QF_HASH_SIZE) < 0)
        cursor->record = cursor->record->next;
    if (cursor->record == NULL)
        next_slot(cursor);
}

void qf_memtable_next(struct qf_memtable_cursor *cursor)
{
    cursor->record = cursor->record->next;
    if (cursor->record == NULL)
        next_slot(cursor);
}

/* ---- listed names: a skip list whose levels come from the key's hash ---- */

static struct qf_memtable_name **name_link(struct qf_memtable *overlay,
                                           struct qf_memtable_name *node, unsigned level)
{
    return node == NULL ? &overlay->names[level] : &node->next[level];
}

/* The name, or NULL and what stands before its place on every level. */
static struct qf_memtable_name *find_name(struct qf_memtable *overlay, struct qf_slice key,
                                          struct qf_memtable_name **before)
{
    struct qf_memtable_name *node = NULL;
    for (unsigned level = QF_MEMTABLE_NAME_LEVELS; level-- > 0;) {
        struct qf_memtable_name *next = *name_link(overlay, node, level);
        while (next != NULL && qf_slice_compare(next->key, key) < 0) {
            node = next;
            next = *name_link(overlay, node, level);
        }
        before[level] = node;
    }
    struct qf_memtable_name *found = *name_link(overlay, node, 0);
    return found != NULL && qf_slice_equal(found->key, key) ? found : NULL;
}

/* The key is not copied. */
static struct qf_memtable_name *add_name(struct qf_memtable *overlay, struct qf_slice key,
                                         uint32_t draw, struct qf_memtable_name *const *before)
{
    unsigned levels = 1 + (unsigned)__builtin_ctz(draw | 1u << 22) / 2;
    if (levels > QF_MEMTABLE_NAME_LEVELS)
        levels = QF_MEMTABLE_NAME_LEVELS;
    struct qf_memtable_name *node =
        qf_arena_alloc(&overlay->arena, sizeof *node + levels * sizeof node->next[0]);
    *node = (struct qf_memtable_name){.key = key, .levels = levels};
    for (unsigned level = 0; level < levels; level++) {
        struct qf_memtable_name **link = name_link(overlay, before[level], level);
        node->next[level] = *link;
        *link = node;
    }
    return node;
}

/* Xorshift (Marsaglia 2003): levels have to be spread, no more. */
static uint32_t next_draw(struct qf_memtable *overlay)
{
    uint32_t x = overlay->name_draw;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    overlay->name_draw = x;
    return x;
}

void qf_memtable_put_lookup(struct qf_memtable *overlay, const struct qf_state_change *change)
{
    struct qf_memtable_name *before[QF_MEMTABLE_NAME_LEVELS];
    struct qf_memtable_name *name = find_name(overlay, change->key, before);
    if (name == NULL)
        name = add_name(overlay, qf_arena_copy(&overlay->arena, change->key), next_draw(overlay),
                        before);
    name->removed = change->value.data == NULL;
    name->value = (struct qf_slice){NULL, 0};
    if (change->value.size > 0)
        name->value = qf_arena_copy(&overlay->arena, change->value);
}

const struct qf_memtable_name *qf_memtable_name_from(const struct qf_memtable *overlay,
                                                     struct qf_slice key, bool exclusive)
{
    const struct qf_memtable_name *node = NULL;
    const struct qf_memtable_name *next = NULL;
    for (unsigned level = QF_MEMTABLE_NAME_LEVELS; level-- > 0;) {
        next = node == NULL ? overlay->names[level] : node->next[level];
        while (next != NULL && qf_slice_compare(next->key, key) < (exclusive ? 1 : 0)) {
            node = next;
            next = node->next[level];
        }
    }
    return next;
}

/* ---- index terms ---- */

static size_t term_slot(const struct qf_memtable *overlay, const struct qf_index_term *term)
{
    uint64_t a = qf_be64_load(term->term) ^ overlay->term_seed[0];
    uint64_t b = qf_be64_load(term->term + 8) ^ overlay->term_seed[1] ^ term->kind;
    __uint128_t product = (__uint128_t)(a | 1) * (b | 1);
    uint64_t mixed = (uint64_t)product ^ (uint64_t)(product >> 64) ^ a ^ (b << 1);
    return (size_t)((mixed * 0x9e3779b97f4a7c15u) >> 32) & (overlay->term_slots - 1);
}

static bool same_term(const struct qf_index_term *a, const struct qf_index_term *b)
{
    return a->kind == b->kind && memcmp(a->term, b->term, QF_INDEX_TERM_SIZE) == 0;
}

const struct qf_memtable_term *qf_memtable_find(const struct qf_memtable *overlay,
                                                const struct qf_index_term *term)
{
    const struct qf_memtable_term *found = overlay->terms[term_slot(overlay, term)];
    while (found != NULL && !same_term(&found->term, term))
        found = found->next;
    return found;
}

/* Doubles the table; on lack of memory the chains only grow longer. */
static void grow_terms(struct qf_memtable *overlay)
{
    size_t old_slots = overlay->term_slots;
    struct qf_memtable_term **old = overlay->terms;
    struct qf_memtable_term **terms = calloc(old_slots * 2, sizeof *terms);
    if (terms == NULL)
        return;
    overlay->terms = terms;
    overlay->term_slots = old_slots * 2;
    for (size_t i = 0; i < old_slots; i++) {
        struct qf_memtable_term *term = old[i];
        while (term != NULL) {
            struct qf_memtable_term *next = term->next;
            size_t slot = term_slot(overlay, &term->term);
            term->next = terms[slot];
            terms[slot] = term;
            term = next;
        }
    }
    free(old);
}

static void put_leaf(struct qf_memtable *overlay, struct qf_memtable_term *term, uint64_t leaf)
{
    struct qf_memtable_leaves *block = term->more_last;
    if (block == NULL || block->count == block->capacity) {
        uint32_t capacity = block == NULL ? 4 : block->capacity < 1024 ? block->capacity * 2 : 1024;
        struct qf_memtable_leaves *grown =
            qf_arena_alloc(&overlay->arena, sizeof *grown + capacity * sizeof grown->leaves[0]);
        *grown = (struct qf_memtable_leaves){.capacity = capacity};
        *(block == NULL ? &term->more : &block->next) = grown;
        term->more_last = block = grown;
    }
    block->leaves[block->count++] = leaf;
    term->last = leaf;
}

void qf_memtable_put_term(struct qf_memtable *overlay, const struct qf_index_entry *entry)
{
    size_t slot = term_slot(overlay, &entry->term);
    struct qf_memtable_term *term = overlay->terms[slot];
    while (term != NULL && !same_term(&term->term, &entry->term))
        term = term->next;
    if (term != NULL) {
        QF_ASSERT(entry->leaf >= term->last);
        if (entry->leaf > term->last) {
            put_leaf(overlay, term, entry->leaf);
            overlay->index_count++;
        }
        return;
    }
    term = qf_arena_alloc(&overlay->arena, sizeof *term);
    *term = (struct qf_memtable_term){.next = overlay->terms[slot],
                                      .term = entry->term,
                                      .first = entry->leaf,
                                      .last = entry->leaf};
    overlay->terms[slot] = term;
    overlay->index_count++;
    if (++overlay->term_count > overlay->term_slots)
        grow_terms(overlay);
}

size_t qf_memtable_leaves_from(const struct qf_memtable_term *term, uint64_t from, uint64_t *out,
                               size_t max)
{
    size_t count = 0;
    if (term == NULL || term->last < from)
        return 0;
    if (term->first >= from && max > 0)
        out[count++] = term->first;
    for (const struct qf_memtable_leaves *block = term->more; block != NULL; block = block->next) {
        if (block->leaves[block->count - 1] < from)
            continue;
        for (uint32_t i = 0; i < block->count && count < max; i++)
            if (block->leaves[i] >= from)
                out[count++] = block->leaves[i];
        if (count == max)
            break;
    }
    return count;
}
