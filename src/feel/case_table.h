/* Unicode's full case mappings beyond ASCII, sorted by code point. They ship with the program, so
 * that every node maps alike whatever libraries it has. Written by scripts/cases.sh. */
#ifndef QF_FEEL_CASE_TABLE_H
#define QF_FEEL_CASE_TABLE_H

#include <stdint.h>

struct qf_case_mapping {
    uint32_t from;
    uint32_t to[3]; /* 0: no more */
};

extern const struct qf_case_mapping qf_case_upper[];
extern const uint32_t qf_case_upper_count;
extern const struct qf_case_mapping qf_case_lower[];
extern const uint32_t qf_case_lower_count;

#endif
