/* Arena: memory that is given back all at once, per request or per block.
 *
 * Chunks grow geometrically up to a bound and are kept over qf_arena_reset, so a steady load stops
 * calling malloc. qf_arena_alloc never returns NULL: it aborts when the system has no memory; code
 * whose input decides the size uses qf_arena_try, which refuses past `limit`.
 * One arena belongs to one thread at a time. */
#ifndef QF_BASE_ARENA_H
#define QF_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

struct qf_arena_chunk;

struct qf_arena {
    struct qf_arena_chunk *head;  /* chunk in use; older ones behind it */
    struct qf_arena_chunk *spare; /* kept from before the last reset */
    uint8_t *next;
    uint8_t *end;
    size_t used;  /* bytes handed out since the last reset */
    size_t limit; /* 0: none */
};

/* A zeroed arena is valid and without a limit. `limit` bounds qf_arena_try. */
void qf_arena_init(struct qf_arena *arena, size_t limit);
void qf_arena_deinit(struct qf_arena *arena);

/* Forgets everything handed out; keeps up to 1 MiB of chunks for reuse. */
void qf_arena_reset(struct qf_arena *arena);

/* `size` bytes aligned for any type, not cleared. Aborts when the system has no memory. */
void *qf_arena_alloc(struct qf_arena *arena, size_t size);

/* The same, cleared. */
void *qf_arena_zalloc(struct qf_arena *arena, size_t size);

/* As qf_arena_alloc, but NULL once `limit` bytes are in use or memory has run out. */
void *qf_arena_try(struct qf_arena *arena, size_t size);

/* Copies into the arena; the text copy is NUL-terminated. */
struct qf_slice qf_arena_copy(struct qf_arena *arena, struct qf_slice bytes);
char *qf_arena_text(struct qf_arena *arena, struct qf_slice bytes);
char *qf_arena_printf(struct qf_arena *arena, const char *fmt, ...) QF_PRINTF(2, 3);

/* A place to return to: everything handed out after the mark is forgotten. */
struct qf_arena_mark {
    struct qf_arena_chunk *head;
    uint8_t *next;
    size_t used;
};
struct qf_arena_mark qf_arena_mark(const struct qf_arena *arena);
void qf_arena_release(struct qf_arena *arena, struct qf_arena_mark mark);

#define QF_ARENA_NEW(arena, type) ((type *)qf_arena_zalloc((arena), sizeof(type)))
#define QF_ARENA_ARRAY(arena, type, count)                                                         \
    ((type *)qf_arena_zalloc((arena), sizeof(type) * (size_t)(count)))

#endif
