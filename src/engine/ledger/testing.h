/* What tests of ledgers share: a network with keys that never change, a folder in memory for the
 * state, and a stream of transactions, good and bad, that a seed decides.
 *
 * A test has one of these; its ledgers are opened each in a folder of its own. */
#ifndef QF_ENGINE_LEDGER_TESTING_H
#define QF_ENGINE_LEDGER_TESTING_H

#include "engine/ledger/ledger.h"
#include "kernel/testing.h"

#define QF_LEDGER_TESTING_TIME_MS 1767225600000LL
#define QF_LEDGER_TESTING_RECENT 64

struct qf_ledger_testing {
    struct qf_testing_world *world; /* keys and genesis only */
    struct qf_verifier *verifier;
    char root[64]; /* removed at the end */
    struct qf_slice genesis;

    /* The stream. */
    uint64_t random;
    uint64_t made;
    struct qf_slice recent[QF_LEDGER_TESTING_RECENT];
};

/* Stops the program with a message when the machine does not let it. A run with the same seed is
 * the same to the byte: suite intl has Ed25519 keys made from their numbers; for suite gm OpenSSL
 * gets its random numbers from here until the end, in the whole process, so one test at a time. */
void qf_ledger_testing_init(struct qf_ledger_testing *testing, enum qf_suite suite);
void qf_ledger_testing_deinit(struct qf_ledger_testing *testing);

/* Makes (again, empty) the folder `name` with genesis.json; `out` holds its path. */
void qf_ledger_testing_folder(struct qf_ledger_testing *testing, char out[128], const char *name);

/* Begins the stream of a seed anew; transactions of the one before are given back. */
void qf_ledger_testing_seed(struct qf_ledger_testing *testing, uint64_t seed);
uint64_t qf_ledger_testing_pick(struct qf_ledger_testing *testing, uint64_t below);
/* The next transaction, at a time; its text lives until the next seed. Every kind of refusal comes
 * up: repeats, expired ones, bad signatures, unknown and revoked keys, suspended members, wrong
 * states, missing rights. */
struct qf_slice qf_ledger_testing_next(struct qf_ledger_testing *testing, int64_t now_ms);
/* The same of a stream about two services, one of them in two versions: their cases are opened,
 * worked on, decided, messaged and withdrawn side by side, by the right people and by others, and
 * send each other messages. */
struct qf_slice qf_ledger_testing_next_service(struct qf_ledger_testing *testing, int64_t now_ms);

#endif
