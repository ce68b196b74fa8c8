/* A small world for the kernel's tests: a state in memory behind the reader, keys, and blocks. */
#ifndef QF_KERNEL_TESTING_H
#define QF_KERNEL_TESTING_H

#include "kernel/context.h"
#include "kernel/lookup.h"
#include "kernel/memory_state.h"
#include "kernel/query.h"

#define QF_TESTING_KEYS 24

struct qf_testing_id {
    uint8_t id[QF_HASH_SIZE];
    uint64_t leaf;
};

/* Keys 0 to 3 are the admins (role admin and council) of members a (authority, weight 3), b (court,
 * weight 2), c (enterprise, weight 1) and d (auditor, weight 0) of network "test". */
struct qf_testing_world {
    enum qf_suite suite;
    struct qf_tx_rules rules;
    struct qf_arena arena;
    struct qf_private_key *keys[QF_TESTING_KEYS];
    char jwk[QF_TESTING_KEYS][256];
    char kid[QF_TESTING_KEYS][QF_KID_SIZE + 1];

    struct qf_memory_state state;
    struct qf_testing_id *ids;
    size_t id_count, id_capacity;

    struct qf_kernel *kernel;
    struct qf_block_info block;
    struct qf_testing_id *fresh; /* of the open block */
    size_t fresh_count, fresh_capacity;
    uint8_t nonce[16];
    bool checker_answer;
    unsigned checker_calls;
    unsigned gets;
};

struct qf_testing_world *qf_testing_new(enum qf_suite suite);
void qf_testing_free(struct qf_testing_world *world);

/* Fixtures of cmocka: *state is a founded world of suite intl. */
int qf_testing_setup(void **state);
int qf_testing_teardown(void **state);

/* A world of suite intl with four public keys that never change and nobody to sign for them: those
 * of RFC 8032 7.1, tests 1, 2, 3 and 1024. */
struct qf_testing_world *qf_testing_fixed(void);

/* A second world with the same keys and an empty state. */
struct qf_testing_world *qf_testing_twin(const struct qf_testing_world *world);

/* The genesis document described above. */
const struct qf_json *qf_testing_genesis(struct qf_testing_world *world);
/* Founds the network: block 0. */
void qf_testing_found(struct qf_testing_world *world);

void qf_testing_begin(struct qf_testing_world *world);
/* Hands the block's changes to the state; `drop` forgets them instead. */
void qf_testing_end(struct qf_testing_world *world, bool drop);

/* JSON of any form in the world's arena; %-formats. */
const struct qf_json *qf_testing_json(struct qf_testing_world *world, const char *fmt, ...)
    QF_PRINTF(2, 3);

/* A signed transaction by key `signer`; the text is in the arena. */
struct qf_slice qf_testing_sign(struct qf_testing_world *world, unsigned signer, int64_t exp_s,
                                const struct qf_json *ops);
/* Decodes (must succeed), marks the signature as given, applies in the open block. */
void qf_testing_apply(struct qf_testing_world *world, struct qf_slice jws,
                      enum qf_tx_signature signature, struct qf_receipt *out);
/* One transaction in a block of its own, signed well, with the ops given as text of an array. */
struct qf_receipt qf_testing_run(struct qf_testing_world *world, unsigned signer, const char *fmt,
                                 ...) QF_PRINTF(3, 4);

/* The same, and what is expected of it: the test ends with a message when it differs. For QF_OK
 * `field` is not looked at. A refused transaction must leave the state as it was. */
void qf_testing_expect(struct qf_testing_world *world, enum qf_status code, const char *field,
                       unsigned signer, const char *fmt, ...) QF_PRINTF(5, 6);

struct qf_state_reader qf_testing_reader(struct qf_testing_world *world);
/* The committed value as text in the arena, or NULL. */
const char *qf_testing_value(struct qf_testing_world *world, const char *key);
/* Every record of the state in one text. */
const char *qf_testing_dump(struct qf_testing_world *world);

/* Number of the case's open task of the lowest number in the role's work list; 0: none. */
unsigned qf_testing_task(struct qf_testing_world *world, const char *role, const char *id);
/* The same at one node of the process. */
unsigned qf_testing_task_at(struct qf_testing_world *world, const char *role, const char *id,
                            const char *node);

#endif
