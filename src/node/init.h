/* Making a data directory: keys, genesis, settings. */
#ifndef QF_NODE_INIT_H
#define QF_NODE_INIT_H

#include "base/io.h"
#include "crypto/key.h"

struct qf_init_options {
    const char *dir;     /* made when absent; must hold no genesis.json */
    const char *network; /* id */
    enum qf_suite suite;
    const char *member;         /* id of the first member */
    const char *member_name;    /* for people; NULL: the id */
    struct qf_slice passphrase; /* of the key files; empty: plain */
    struct qf_clock clock;
};

/* Writes keys/admin.pem (the first member's first actor, "admin"), keys/ca.pem and keys/ca.crt (its
 * certification authority), keys/note.pem (Ed25519, signs checkpoints), keys/tsa.pem and
 * keys/tsa.crt (time-stamps), keys/clock.pem (the actor "clock", who has no role and records
 * them), in suite gm keys/tsa-ca.pem, .crt and keys/tsa-chain.crt (spec/keys.md), node.yaml and,
 * last of all, genesis.json. Nothing is overwritten: QF_EXISTS names what is there. What a run left
 * that was cut short is made anew. */
QF_MUST_CHECK enum qf_status qf_node_init(const struct qf_init_options *options,
                                          struct qf_error *err);

#endif
