/* Unicode blocks by the names that XML Schema patterns use after "Is"; generated. */
#ifndef QF_FEEL_BLOCK_TABLE_H
#define QF_FEEL_BLOCK_TABLE_H

#include <stdint.h>

struct qf_unicode_block {
    const char *name; /* without spaces */
    uint32_t first;
    uint32_t last;
};

extern const struct qf_unicode_block qf_unicode_blocks[];
extern const uint32_t qf_unicode_block_count;

#endif
