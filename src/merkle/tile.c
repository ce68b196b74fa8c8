#include "merkle/tile.h"

#include <stdio.h>

#include "base/bytes.h"

/* Appends one group of three digits. */
static char *put_group(char *at, unsigned group)
{
    *at++ = (char)('0' + group / 100);
    *at++ = (char)('0' + group / 10 % 10);
    *at++ = (char)('0' + group % 10);
    return at;
}

void qf_tile_path(char out[QF_TILE_PATH_SIZE_MAX], const struct qf_tile *tile)
{
    QF_ASSERT(tile->level >= QF_TILE_ENTRIES_LEVEL && tile->level <= QF_TILE_LEVEL_MAX);
    QF_ASSERT(tile->width >= 1 && tile->width <= QF_TILE_WIDTH);
    unsigned groups[7]; /* 2^64 has twenty digits */
    int count = 0;
    uint64_t rest = tile->index;
    do {
        groups[count++] = (unsigned)(rest % 1000);
        rest /= 1000;
    } while (rest != 0);
    char *at = out;
    memcpy(at, "tile/", 5);
    at += 5;
    if (tile->level == QF_TILE_ENTRIES_LEVEL) {
        memcpy(at, "entries", 7);
        at += 7;
    } else {
        *at++ = (char)('0' + tile->level);
    }
    while (count > 0) {
        *at++ = '/';
        if (--count > 0)
            *at++ = 'x';
        at = put_group(at, groups[count]);
    }
    if (tile->width < QF_TILE_WIDTH)
        snprintf(at, (size_t)(out + QF_TILE_PATH_SIZE_MAX - at), ".p/%u", tile->width);
    else
        *at = '\0';
}

static bool take_text(struct qf_slice *in, const char *text)
{
    size_t size = strlen(text);
    if (in->size < size || memcmp(in->data, text, size) != 0)
        return false;
    in->data += size;
    in->size -= size;
    return true;
}

static bool take_digit(struct qf_slice *in, unsigned *digit)
{
    if (in->size == 0 || in->data[0] < '0' || in->data[0] > '9')
        return false;
    *digit = (unsigned)(in->data[0] - '0');
    in->data++;
    in->size--;
    return true;
}

static bool take_index(struct qf_slice *in, uint64_t *index)
{
    *index = 0;
    for (bool more = true; more;) {
        unsigned group = 0, digit;
        more = take_text(in, "x");
        for (int i = 0; i < 3; i++) {
            if (!take_digit(in, &digit))
                return false;
            group = group * 10 + digit;
        }
        if (__builtin_mul_overflow(*index, (uint64_t)1000, index) ||
            __builtin_add_overflow(*index, (uint64_t)group, index))
            return false;
        if (more && !take_text(in, "/"))
            return false;
    }
    return true;
}

bool qf_tile_parse(struct qf_tile *out, struct qf_slice path)
{
    struct qf_slice in = path;
    unsigned digit = 0;
    if (path.size >= QF_TILE_PATH_SIZE_MAX || !take_text(&in, "tile/"))
        return false;
    if (take_text(&in, "entries/"))
        out->level = QF_TILE_ENTRIES_LEVEL;
    else if (take_digit(&in, &digit) && digit <= QF_TILE_LEVEL_MAX && take_text(&in, "/"))
        out->level = (int)digit;
    else
        return false;
    if (!take_index(&in, &out->index))
        return false;
    out->width = QF_TILE_WIDTH;
    if (take_text(&in, ".p/")) {
        out->width = 0;
        while (out->width < QF_TILE_WIDTH && take_digit(&in, &digit))
            out->width = out->width * 10 + digit;
        if (out->width == 0 || out->width >= QF_TILE_WIDTH)
            return false;
    }
    /* Whatever else is not the one form (needless groups, leading zeros) prints differently. */
    char again[QF_TILE_PATH_SIZE_MAX];
    qf_tile_path(again, out);
    return qf_slice_is(path, again);
}

void qf_bundle_put(struct qf_buf *buf, struct qf_slice entry)
{
    QF_ASSERT(entry.size <= QF_ENTRY_SIZE_MAX);
    qf_buf_put_be16(buf, (uint16_t)entry.size);
    qf_buf_put_slice(buf, entry);
}

enum qf_status qf_bundle_next(struct qf_slice bundle, size_t *offset, struct qf_slice *entry)
{
    QF_ASSERT(*offset <= bundle.size);
    size_t rest = bundle.size - *offset;
    if (rest == 0)
        return QF_NOT_FOUND;
    if (rest < 2)
        return QF_MALFORMED;
    size_t size = qf_be16_load(bundle.data + *offset);
    if (rest - 2 < size)
        return QF_MALFORMED;
    *entry = (struct qf_slice){bundle.data + *offset + 2, size};
    *offset += 2 + size;
    return QF_OK;
}
