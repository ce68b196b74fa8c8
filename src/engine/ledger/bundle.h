/* Bundles: everything needed to verify one record offline, in one JSON file (spec/bundle.md).
 *
 * A bundle says: this transaction stands at this place of the log whose size and root this node
 * (and these witnesses) signed, it was accepted (or refused so), and the key that signed it
 * belonged to that actor of that member. Making one reads the ledger; verifying one needs nothing
 * but the file, and the genesis document of the network if the reader has it from elsewhere. */
#ifndef QF_ENGINE_LEDGER_BUNDLE_H
#define QF_ENGINE_LEDGER_BUNDLE_H

#include "engine/ledger/ledger.h"

#define QF_BUNDLE_SIZE_MAX (4 << 20)

/* Appends the bundle of the entry at `leaf`, with a checkpoint of the newest head that the state
 * can be proved against, signed by `signer`. QF_NOT_FOUND when the log has no such entry. */
QF_MUST_CHECK enum qf_status qf_bundle_make(struct qf_ledger *ledger, struct qf_buf *out,
                                            uint64_t leaf, const struct qf_note_signer *signer,
                                            struct qf_error *err);

/* What a verified bundle says. Text points into the arena. */
struct qf_bundle_report {
    struct qf_slice network;
    enum qf_suite suite;
    uint64_t leaf, log_size, height;
    uint32_t index;
    int64_t time_ms;
    int64_t code;
    char tx_id[2 * QF_HASH_SIZE + 1];
    char kid[QF_KID_SIZE + 1];
    struct qf_slice actor, member;
    const struct qf_json *ops;               /* array */
    char genesis_hash[2 * QF_HASH_SIZE + 1]; /* SHA-256 of the genesis document used */
    bool trusted;             /* the genesis document came from the reader, not from the bundle */
    struct qf_slice *signers; /* note keys of the genesis that signed the checkpoint */
    size_t signer_count;
};

/* QF_OK; QF_INVALID with the place that differs; QF_MALFORMED; QF_CANNOT_TELL naming what is
 * missing. `genesis` (may be empty) is the document that the reader trusts. */
QF_MUST_CHECK enum qf_status qf_bundle_verify(struct qf_arena *arena, struct qf_slice bundle,
                                              struct qf_slice genesis, struct qf_verifier *verifier,
                                              struct qf_bundle_report *out, struct qf_error *err);

#endif
