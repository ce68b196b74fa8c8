/* The nodes of a small tree, kept as it grows, for tests of proofs. */
#ifndef QF_MERKLE_NODES_TESTING_H
#define QF_MERKLE_NODES_TESTING_H

#include "merkle/log_tree.h"

#define QF_TEST_NODES_MAX 256 /* leaves */

static uint8_t qf_test_node[9][QF_TEST_NODES_MAX][QF_HASH_SIZE];

static inline void qf_test_keep_node(void *arg, unsigned level, uint64_t index,
                                     const uint8_t hash[QF_HASH_SIZE])
{
    (void)arg;
    QF_ASSERT(level < 9 && index < QF_TEST_NODES_MAX);
    memcpy(qf_test_node[level][index], hash, QF_HASH_SIZE);
}

static inline enum qf_status qf_test_read_node(void *self, unsigned level, uint64_t index,
                                               uint8_t out[QF_HASH_SIZE])
{
    (void)self;
    QF_ASSERT(level < 9 && index < QF_TEST_NODES_MAX);
    memcpy(out, qf_test_node[level][index], QF_HASH_SIZE);
    return QF_OK;
}

static const struct qf_hash_reader qf_test_nodes = {.read = qf_test_read_node};

#endif
