/* For tests and fuzz drivers: an authority whose certificate ends when the test says. */
#ifndef QF_TIMESTAMP_TESTING_H
#define QF_TIMESTAMP_TESTING_H

#include "timestamp/stamp.h"

#define QF_TEST_DAY_MS 86400000LL
#define QF_TEST_NOW_MS 1767225600123LL /* 2026-01-01T00:00:00.123Z */

/* A root that lasts, and an authority below it. Its certificate begins a day before `now_ms`. */
struct qf_test_authority {
    struct qf_private_key *root_key, *key;
    struct qf_x509 *root, *certificate;
    struct qf_tsa *tsa;
    const struct qf_x509 *roots[1];
};
void qf_test_authority_init(struct qf_test_authority *out, const char *name, int64_t until_ms);
void qf_test_authority_deinit(struct qf_test_authority *authority);

/* Appends the authority's TimeStampResp to the request; its token over a file. */
void qf_test_authority_answer(const struct qf_test_authority *authority, struct qf_buf *response,
                              struct qf_slice request, int64_t time_ms);
void qf_test_authority_stamp(const struct qf_test_authority *authority, struct qf_buf *token,
                             struct qf_slice file, int64_t time_ms);

/* Appends a note of the network "test" over a log of this size, whose root is `seed` 32 times. */
void qf_test_note(struct qf_buf *note, uint64_t size, uint8_t seed);

#endif
