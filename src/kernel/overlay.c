#include "kernel/overlay.h"

#include <stdlib.h>

/* A block of QF_BLOCK_SIZE_MAX bytes holds some 8,000 of the smallest ops; each writes one to four
 * records. */
#define ENTRIES_INITIAL ((size_t)32768)
#define SLOTS_INITIAL (2 * ENTRIES_INITIAL)
#define UNDO_INITIAL ((size_t)2048)

static void *grow(void *data, size_t *capacity, size_t item_size)
{
    *capacity *= 2;
    QF_ASSERT(*capacity < UINT32_MAX);
    void *grown = realloc(data, *capacity * item_size);
    QF_ASSERT(grown != NULL);
    return grown;
}

void qf_overlay_init(struct qf_overlay *overlay, const struct qf_state_reader *reader,
                     struct qf_arena *arena)
{
    *overlay = (struct qf_overlay){
        .reader = reader,
        .arena = arena,
        .entries = malloc(ENTRIES_INITIAL * sizeof *overlay->entries),
        .capacity = ENTRIES_INITIAL,
        .slots = calloc(SLOTS_INITIAL, sizeof *overlay->slots),
        .slot_count = SLOTS_INITIAL,
        .undo = malloc(UNDO_INITIAL * sizeof *overlay->undo),
        .undo_capacity = UNDO_INITIAL,
    };
    QF_ASSERT(overlay->entries != NULL && overlay->slots != NULL && overlay->undo != NULL);
}

void qf_overlay_deinit(struct qf_overlay *overlay)
{
    free(overlay->entries);
    free(overlay->slots);
    free(overlay->undo);
    *overlay = (struct qf_overlay){0};
}

void qf_overlay_begin(struct qf_overlay *overlay, uint64_t seed_a, uint64_t seed_b)
{
    for (size_t i = 0; i < overlay->count; i++)
        overlay->slots[overlay->entries[i].slot] = 0;
    overlay->count = 0;
    overlay->undo_count = 0;
    overlay->seed[0] = seed_a;
    overlay->seed[1] = seed_b;
}

static uint64_t rotate(uint64_t v, unsigned bits)
{
    return (v << bits) | (v >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"). */
static uint64_t key_hash(const uint64_t seed[2], struct qf_slice key)
{
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
                     seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573};
    size_t at = 0;
    for (; at + 8 <= key.size; at += 8) {
        uint64_t word;
        memcpy(&word, key.data + at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)key.size << 56;
    for (unsigned shift = 0; at < key.size; at++, shift += 8)
        last |= (uint64_t)key.data[at] << shift;
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot that holds the key, or the free one where it would go. */
static size_t find_slot(const struct qf_overlay *overlay, uint64_t hash, struct qf_slice key)
{
    size_t mask = overlay->slot_count - 1;
    size_t slot = (size_t)hash & mask;
    for (;;) {
        uint32_t number = overlay->slots[slot];
        if (number == 0)
            return slot;
        const struct qf_overlay_entry *entry = &overlay->entries[number - 1];
        if (entry->hash == hash && qf_slice_equal(entry->key, key))
            return slot;
        slot = (slot + 1) & mask;
    }
}

static const struct qf_overlay_entry *find(const struct qf_overlay *overlay, struct qf_slice key)
{
    if (overlay->count == 0)
        return NULL;
    size_t slot = find_slot(overlay, key_hash(overlay->seed, key), key);
    uint32_t number = overlay->slots[slot];
    return number == 0 ? NULL : &overlay->entries[number - 1];
}

bool qf_overlay_get(struct qf_overlay *overlay, struct qf_slice key, struct qf_slice *value)
{
    const struct qf_overlay_entry *entry = find(overlay, key);
    if (entry == NULL)
        return overlay->reader->get(overlay->reader->self, key, value);
    *value = entry->value;
    return entry->value.data != NULL;
}

/* Placing the entries again in the order of their numbers keeps invariant 2. */
static void grow_slots(struct qf_overlay *overlay)
{
    free(overlay->slots);
    overlay->slot_count *= 2;
    overlay->slots = calloc(overlay->slot_count, sizeof *overlay->slots);
    QF_ASSERT(overlay->slots != NULL);
    size_t mask = overlay->slot_count - 1;
    for (size_t i = 0; i < overlay->count; i++) {
        size_t slot = (size_t)overlay->entries[i].hash & mask;
        while (overlay->slots[slot] != 0)
            slot = (slot + 1) & mask;
        overlay->slots[slot] = (uint32_t)i + 1;
        overlay->entries[i].slot = (uint32_t)slot;
    }
}

/* What a key is, which never changes. */
struct form {
    bool listed, lookup;
};

static struct qf_slice set(struct qf_overlay *overlay, struct qf_slice key, struct qf_slice value,
                           struct form form)
{
    QF_ASSERT(key.size > 0 && key.size <= QF_STATE_KEY_SIZE_MAX);
    QF_ASSERT(value.size <= QF_STATE_VALUE_SIZE_MAX);
    if (overlay->undo_count == overlay->undo_capacity)
        overlay->undo = grow(overlay->undo, &overlay->undo_capacity, sizeof *overlay->undo);
    struct qf_overlay_undo *undo = &overlay->undo[overlay->undo_count++];
    uint64_t hash = key_hash(overlay->seed, key);
    size_t slot = find_slot(overlay, hash, key);
    uint32_t number = overlay->slots[slot];
    if (number != 0) {
        struct qf_overlay_entry *entry = &overlay->entries[number - 1];
        QF_ASSERT(entry->listed == form.listed && entry->lookup == form.lookup);
        *undo = (struct qf_overlay_undo){.entry = number - 1, .value = entry->value};
        entry->value = value;
        return entry->key;
    }
    if (overlay->count == overlay->capacity) {
        overlay->entries = grow(overlay->entries, &overlay->capacity, sizeof *overlay->entries);
        grow_slots(overlay);
        slot = find_slot(overlay, hash, key);
    }
    *undo = (struct qf_overlay_undo){.entry = (uint32_t)overlay->count, .created = true};
    struct qf_overlay_entry *entry = &overlay->entries[overlay->count++];
    *entry = (struct qf_overlay_entry){.key = qf_arena_copy(overlay->arena, key),
                                       .value = value,
                                       .hash = hash,
                                       .slot = (uint32_t)slot,
                                       .listed = form.listed,
                                       .lookup = form.lookup};
    overlay->slots[slot] = (uint32_t)overlay->count;
    return entry->key;
}

struct qf_slice qf_overlay_put(struct qf_overlay *overlay, struct qf_slice key,
                               struct qf_slice value, bool listed)
{
    return set(overlay, key, qf_arena_copy(overlay->arena, value), (struct form){.listed = listed});
}

void qf_overlay_remove(struct qf_overlay *overlay, struct qf_slice key, bool listed)
{
    (void)set(overlay, key, (struct qf_slice){NULL, 0}, (struct form){.listed = listed});
}

static const struct form lookup_form = {.listed = true, .lookup = true};

void qf_overlay_put_lookup(struct qf_overlay *overlay, struct qf_slice key, struct qf_slice value)
{
    /* Empty is not removed. */
    if (value.size == 0)
        value = qf_slice_of("");
    (void)set(overlay, key, qf_arena_copy(overlay->arena, value), lookup_form);
}

void qf_overlay_remove_lookup(struct qf_overlay *overlay, struct qf_slice key)
{
    (void)set(overlay, key, (struct qf_slice){NULL, 0}, lookup_form);
}

size_t qf_overlay_mark(const struct qf_overlay *overlay)
{
    return overlay->undo_count;
}

void qf_overlay_rollback(struct qf_overlay *overlay, size_t mark)
{
    QF_ASSERT(mark <= overlay->undo_count);
    while (overlay->undo_count > mark) {
        const struct qf_overlay_undo *undo = &overlay->undo[--overlay->undo_count];
        struct qf_overlay_entry *entry = &overlay->entries[undo->entry];
        if (undo->created) {
            QF_ASSERT(undo->entry == overlay->count - 1);
            overlay->slots[entry->slot] = 0;
            overlay->count--;
        } else {
            entry->value = undo->value;
        }
    }
}

void qf_overlay_accept(struct qf_overlay *overlay)
{
    overlay->undo_count = 0;
}

typedef int compare_fn(const void *a, const void *b);

/* Bottom-up merge sort: bounded, without recursion, and without the C library's malloc. */
static const void **sort(struct qf_arena *arena, const void **items, size_t count,
                         compare_fn *compare)
{
    const void **from = items;
    const void **to = qf_arena_alloc(arena, count * sizeof *to);
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t middle = start + width < count ? start + width : count;
            size_t end = start + 2 * width < count ? start + 2 * width : count;
            size_t left = start, right = middle;
            for (size_t at = start; at < end; at++) {
                bool take_left =
                    right == end || (left < middle && compare(from[left], from[right]) <= 0);
                to[at] = take_left ? from[left++] : from[right++];
            }
        }
        const void **swap = from;
        from = to;
        to = swap;
    }
    return from;
}

static int compare_entries(const void *a, const void *b)
{
    const struct qf_overlay_entry *x = a, *y = b;
    return qf_slice_compare(x->key, y->key);
}

size_t qf_overlay_changes(struct qf_overlay *overlay, const struct qf_kernel_change **changes)
{
    const void **items = qf_arena_alloc(overlay->arena, overlay->count * sizeof *items);
    size_t count = 0;
    for (size_t i = 0; i < overlay->count; i++) {
        const struct qf_overlay_entry *entry = &overlay->entries[i];
        struct qf_slice committed;
        if (entry->value.data != NULL || entry->lookup ||
            overlay->reader->get(overlay->reader->self, entry->key, &committed))
            items[count++] = entry;
    }
    const void **sorted = sort(overlay->arena, items, count, compare_entries);
    struct qf_kernel_change *out = qf_arena_alloc(overlay->arena, count * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        const struct qf_overlay_entry *entry = sorted[i];
        out[i] = (struct qf_kernel_change){entry->key, entry->value, entry->listed, entry->lookup};
    }
    *changes = out;
    return count;
}

struct listing {
    struct qf_overlay *overlay;
    struct qf_arena *arena;
    struct qf_overlay_entry **entries; /* only their keys are used */
    size_t count, capacity;
};

static void listing_add(struct listing *listing, struct qf_slice key, struct qf_slice value)
{
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
        struct qf_overlay_entry **entries =
            qf_arena_alloc(listing->arena, capacity * sizeof(*entries));
        if (listing->count > 0)
            memcpy(entries, listing->entries, listing->count * sizeof(*entries));
        listing->entries = entries;
        listing->capacity = capacity;
    }
    struct qf_overlay_entry *entry = qf_arena_alloc(listing->arena, sizeof *entry);
    *entry = (struct qf_overlay_entry){.key = key, .value = value};
    listing->entries[listing->count++] = entry;
}

/* Keys that the block has touched are added from the block. */
static bool list_committed(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct listing *listing = arg;
    if (find(listing->overlay, key) == NULL)
        listing_add(listing, qf_arena_copy(listing->arena, key),
                    qf_arena_copy(listing->arena, value));
    return true;
}

/* What is there now with the prefix and after `after`, sorted. */
static const void **list_all(struct listing *listing, struct qf_slice prefix, struct qf_slice after)
{
    struct qf_overlay *overlay = listing->overlay;
    overlay->reader->list(overlay->reader->self, prefix, after, list_committed, listing);
    for (size_t i = 0; i < overlay->count; i++) {
        const struct qf_overlay_entry *entry = &overlay->entries[i];
        if (entry->listed && entry->value.data != NULL && entry->key.size >= prefix.size &&
            memcmp(entry->key.data, prefix.data, prefix.size) == 0 &&
            (after.size == 0 || qf_slice_compare(entry->key, after) > 0))
            listing_add(listing, entry->key,
                        entry->lookup ? entry->value : (struct qf_slice){NULL, 0});
    }
    const void **items = qf_arena_alloc(listing->arena, listing->count * sizeof *items);
    for (size_t i = 0; i < listing->count; i++)
        items[i] = listing->entries[i];
    return sort(listing->arena, items, listing->count, compare_entries);
}

size_t qf_overlay_list(struct qf_overlay *overlay, struct qf_arena *arena, struct qf_slice prefix,
                       const struct qf_slice **keys)
{
    struct listing listing = {.overlay = overlay, .arena = arena};
    const void **sorted = list_all(&listing, prefix, (struct qf_slice){NULL, 0});
    struct qf_slice *out = qf_arena_alloc(arena, listing.count * sizeof *out);
    for (size_t i = 0; i < listing.count; i++)
        out[i] = ((const struct qf_overlay_entry *)sorted[i])->key;
    *keys = out;
    return listing.count;
}

static bool reader_get(void *self, struct qf_slice key, struct qf_slice *value)
{
    return qf_overlay_get(self, key, value);
}

static void reader_list(void *self, struct qf_slice prefix, struct qf_slice after,
                        qf_state_each *each, void *arg)
{
    struct qf_overlay *overlay = self;
    struct listing listing = {.overlay = overlay, .arena = overlay->arena};
    const void **sorted = list_all(&listing, prefix, after);
    for (size_t i = 0; i < listing.count; i++) {
        const struct qf_overlay_entry *entry = sorted[i];
        if (!each(arg, entry->key, entry->value))
            return;
    }
}

static bool reader_find_tx(void *self, const uint8_t id[QF_HASH_SIZE], uint64_t *leaf)
{
    struct qf_overlay *overlay = self;
    return overlay->reader->find_tx(overlay->reader->self, id, leaf);
}

void qf_overlay_reader(struct qf_overlay *overlay, struct qf_state_reader *out)
{
    *out = (struct qf_state_reader){
        .get = reader_get, .list = reader_list, .find_tx = reader_find_tx, .self = overlay};
}
