/* Shared by the parser and the builder. */
#ifndef QF_CODEC_JSON_INTERNAL_H
#define QF_CODEC_JSON_INTERNAL_H

#include <stddef.h>

/* Elements for which a container of `count` has room: the next power of two. */
static inline size_t qf_json_room(size_t count)
{
    size_t room = count == 0 ? 0 : 1;
    while (room < count)
        room *= 2;
    return room;
}

#endif
