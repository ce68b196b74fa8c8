/* What the codec's tests share. */
#ifndef QF_CODEC_CODEC_TEST_H
#define QF_CODEC_CODEC_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

/* Reads a whole file of the test data; the caller frees it with qf_buf_deinit. */
static inline struct qf_buf testing_read_file(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    struct qf_buf buf = {0};
    uint8_t block[4096];
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        qf_buf_put(&buf, block, got);
    fclose(file);
    return buf;
}

/* A small repeatable generator (xorshift64), so that a failure can be run again. */
static inline uint64_t testing_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
