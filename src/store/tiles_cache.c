#include <stdlib.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "store/tiles_internal.h"

struct qf_tiles_block *qf_tiles_block_new(enum qf_tiles_kind kind, unsigned level, uint64_t index)
{
    struct qf_tiles_block *block = calloc(1, sizeof *block);
    if (block == NULL)
        return NULL;
    block->kind = kind;
    block->level = level;
    block->index = index;
    if (kind == QF_TILES_ENTRIES)
        block->offsets = calloc(QF_TILE_WIDTH, sizeof *block->offsets);
    else
        block->nodes = malloc(QF_TILES_NODES * sizeof *block->nodes);
    if (block->offsets == NULL && block->nodes == NULL) {
        free(block);
        return NULL;
    }
    return block;
}

void qf_tiles_block_free(struct qf_tiles_block *block)
{
    if (block == NULL)
        return;
    free(block->nodes);
    free(block->bytes);
    free(block->offsets);
    free(block);
}

static size_t slot_of(enum qf_tiles_kind kind, unsigned level, uint64_t index)
{
    uint64_t mixed = (index * 3 + (uint64_t)kind) * QF_TILES_LEVELS + level;
    return (size_t)((mixed * 0x9e3779b97f4a7c15u) >> 52) % QF_TILES_SLOTS;
}

static struct qf_tiles_list *list_of(struct qf_tiles *tiles, const struct qf_tiles_block *block)
{
    return block->kind == QF_TILES_ENTRIES ? &tiles->bundle_cache : &tiles->hash_cache;
}

static void list_remove(struct qf_tiles_list *list, struct qf_tiles_block *block)
{
    *(block->older != NULL ? &block->older->newer : &list->oldest) = block->newer;
    *(block->newer != NULL ? &block->newer->older : &list->newest) = block->older;
    block->older = block->newer = NULL;
    list->count--;
    list->size -= block->capacity;
}

static void list_add(struct qf_tiles_list *list, struct qf_tiles_block *block)
{
    block->older = list->newest;
    block->newer = NULL;
    *(list->newest != NULL ? &list->newest->newer : &list->oldest) = block;
    list->newest = block;
    list->count++;
    list->size += block->capacity;
}

struct qf_tiles_block *qf_tiles_get(struct qf_tiles *tiles, enum qf_tiles_kind kind, unsigned level,
                                    uint64_t index)
{
    struct qf_tiles_block *block = tiles->slots[slot_of(kind, level, index)];
    while (block != NULL && (block->index != index || block->level != level || block->kind != kind))
        block = block->next;
    if (block != NULL && !block->pinned) {
        struct qf_tiles_list *list = list_of(tiles, block);
        if (list->newest != block) {
            list_remove(list, block);
            list_add(list, block);
        }
    }
    return block;
}

static void drop(struct qf_tiles *tiles, struct qf_tiles_block *block)
{
    struct qf_tiles_block **at = &tiles->slots[slot_of(block->kind, block->level, block->index)];
    while (*at != block)
        at = &(*at)->next;
    *at = block->next;
    list_remove(list_of(tiles, block), block);
    qf_tiles_block_free(block);
}

static void shrink(struct qf_tiles *tiles, struct qf_tiles_list *list, size_t count_max)
{
    struct qf_tiles_block *block = list->oldest;
    while (block != list->newest &&
           (list->count > count_max || list->size > QF_TILES_BUNDLES_SIZE_MAX)) {
        struct qf_tiles_block *next = block->newer;
        drop(tiles, block);
        block = next;
    }
}

void qf_tiles_insert(struct qf_tiles *tiles, struct qf_tiles_block *block)
{
    struct qf_tiles_block **slot = &tiles->slots[slot_of(block->kind, block->level, block->index)];
    block->next = *slot;
    *slot = block;
    if (!block->pinned) {
        list_add(list_of(tiles, block), block);
        shrink(tiles, &tiles->hash_cache, QF_TILES_HASH_BLOCKS_MAX);
        shrink(tiles, &tiles->bundle_cache, QF_TILES_BUNDLES_MAX);
    }
}

void qf_tiles_unpin(struct qf_tiles *tiles, struct qf_tiles_block *block)
{
    block->pinned = false;
    list_add(list_of(tiles, block), block);
    shrink(tiles, &tiles->hash_cache, QF_TILES_HASH_BLOCKS_MAX);
    shrink(tiles, &tiles->bundle_cache, QF_TILES_BUNDLES_MAX);
}

void qf_tiles_clear(struct qf_tiles *tiles)
{
    for (size_t i = 0; i < QF_TILES_SLOTS; i++) {
        struct qf_tiles_block *block = tiles->slots[i];
        while (block != NULL) {
            struct qf_tiles_block *next = block->next;
            qf_tiles_block_free(block);
            block = next;
        }
        tiles->slots[i] = NULL;
    }
}

enum qf_status qf_tiles_bundle_add(struct qf_tiles_block *block, struct qf_slice entry)
{
    QF_ASSERT(block->width < QF_TILE_WIDTH && entry.size <= QF_ENTRY_SIZE_MAX);
    size_t size = block->size + 2 + entry.size;
    if (size > block->capacity) {
        size_t capacity = block->capacity == 0 ? 32768 : block->capacity * 2;
        if (capacity < size)
            capacity = size;
        uint8_t *bytes = realloc(block->bytes, capacity);
        if (bytes == NULL)
            return QF_NO_MEMORY;
        block->bytes = bytes;
        block->capacity = capacity;
    }
    qf_be16_store(block->bytes + block->size, (uint16_t)entry.size);
    if (entry.size > 0)
        memcpy(block->bytes + block->size + 2, entry.data, entry.size);
    block->size = size;
    block->offsets[block->width++] = (uint32_t)size;
    return QF_OK;
}

void qf_tiles_fill(struct qf_tiles_block *block, unsigned width)
{
    block->width = width;
    for (unsigned height = 1; height < QF_TILE_HEIGHT; height++)
        qf_hash_nodes(qf_tiles_alg(block->kind), block->nodes + qf_tiles_node(height, 0),
                      (const uint8_t(*)[QF_HASH_SIZE])block->nodes + qf_tiles_node(height - 1, 0),
                      width >> height);
}
