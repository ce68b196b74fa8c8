#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ALIGNMENT (alignof(max_align_t))
#define CHUNK_SIZE_MIN ((size_t)4096)
#define CHUNK_SIZE_MAX ((size_t)1 << 20)

struct qf_arena_chunk {
    struct qf_arena_chunk *older;
    size_t size; /* bytes of data */
    alignas(max_align_t) uint8_t data[];
};

void qf_arena_init(struct qf_arena *arena, size_t limit)
{
    *arena = (struct qf_arena){.limit = limit};
}

static void free_list(struct qf_arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct qf_arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
}

void qf_arena_deinit(struct qf_arena *arena)
{
    free_list(arena->head);
    free_list(arena->spare);
    *arena = (struct qf_arena){.limit = arena->limit};
}

static void keep_or_free(struct qf_arena *arena, struct qf_arena_chunk *chunk)
{
    if (arena->spare == NULL && chunk->size <= CHUNK_SIZE_MAX) {
        chunk->older = NULL;
        arena->spare = chunk;
    } else {
        free(chunk);
    }
}

void qf_arena_reset(struct qf_arena *arena)
{
    /* The newest chunk is the largest of the regular ones: it alone is kept. */
    while (arena->head != NULL) {
        struct qf_arena_chunk *chunk = arena->head;
        arena->head = chunk->older;
        keep_or_free(arena, chunk);
    }
    arena->next = arena->end = NULL;
    arena->used = 0;
}

static bool add_chunk(struct qf_arena *arena, size_t size)
{
    struct qf_arena_chunk *chunk = arena->spare;
    if (chunk != NULL && chunk->size >= size) {
        arena->spare = NULL;
    } else {
        size_t data_size = arena->head == NULL ? CHUNK_SIZE_MIN : arena->head->size * 2;
        if (data_size > CHUNK_SIZE_MAX)
            data_size = CHUNK_SIZE_MAX;
        if (data_size < size)
            data_size = size;
        chunk = malloc(sizeof *chunk + data_size);
        if (chunk == NULL)
            return false;
        chunk->size = data_size;
    }
    chunk->older = arena->head;
    arena->head = chunk;
    arena->next = chunk->data;
    arena->end = chunk->data + chunk->size;
    return true;
}

static void *take(struct qf_arena *arena, size_t size)
{
    QF_ASSERT(size <= SIZE_MAX / 2);
    /* Nothing asked still gets an address of its own. */
    size_t rounded = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if ((size_t)(arena->end - arena->next) < rounded && !add_chunk(arena, rounded))
        return NULL;
    void *result = arena->next;
    arena->next += rounded;
    arena->used += rounded;
    return result;
}

void *qf_arena_alloc(struct qf_arena *arena, size_t size)
{
    void *result = take(arena, size);
    QF_ASSERT(result != NULL);
    return result;
}

void *qf_arena_zalloc(struct qf_arena *arena, size_t size)
{
    void *result = qf_arena_alloc(arena, size);
    if (size > 0)
        memset(result, 0, size);
    return result;
}

void *qf_arena_try(struct qf_arena *arena, size_t size)
{
    if (arena->limit > 0 && (size > arena->limit || arena->used > arena->limit - size))
        return NULL;
    return take(arena, size);
}

struct qf_slice qf_arena_copy(struct qf_arena *arena, struct qf_slice bytes)
{
    uint8_t *copy = qf_arena_alloc(arena, bytes.size);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return (struct qf_slice){copy, bytes.size};
}

char *qf_arena_text(struct qf_arena *arena, struct qf_slice bytes)
{
    char *copy = qf_arena_alloc(arena, bytes.size + 1);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    return copy;
}

char *qf_arena_printf(struct qf_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    QF_ASSERT(size >= 0);
    char *text = qf_arena_alloc(arena, (size_t)size + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)size + 1, fmt, args);
    va_end(args);
    return text;
}

struct qf_arena_mark qf_arena_mark(const struct qf_arena *arena)
{
    return (struct qf_arena_mark){arena->head, arena->next, arena->used};
}

void qf_arena_release(struct qf_arena *arena, struct qf_arena_mark mark)
{
    while (arena->head != mark.head) {
        struct qf_arena_chunk *chunk = arena->head;
        QF_ASSERT(chunk != NULL);
        arena->head = chunk->older;
        keep_or_free(arena, chunk);
    }
    arena->next = mark.next;
    arena->end = arena->head == NULL ? NULL : arena->head->data + arena->head->size;
    arena->used = mark.used;
}
