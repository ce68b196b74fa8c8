/* Bundles: everything needed to verify one record offline, in one JSON file (spec/bundle.md).
 *
 * A bundle says: this transaction stands at this place of the log whose size and root this node
 * (and these witnesses) signed, it was accepted (or refused so), and the key that signed it
 * belonged to that actor of that member. Making one reads the ledger; verifying one needs nothing
 * but the file, and the genesis document of the network if the reader has it from elsewhere. */
#ifndef QF_ENGINE_LEDGER_BUNDLE_H
#define QF_ENGINE_LEDGER_BUNDLE_H

#include "engine/ledger/ledger.h"
#include "timestamp/stamp.h"

#define QF_BUNDLE_SIZE_MAX (64 << 20)

/* Appends the bundle of the entry at `leaf`, with a checkpoint of the newest head that the state
 * can be proved against, signed by `signer`, with what witnesses have cosigned of it or of an
 * older one that has the entry, and with the first time-stamp of one that has it. QF_NOT_FOUND when
 * the log has no such entry; QF_UNAVAILABLE while fewer than `cosigned` witnesses have cosigned a
 * checkpoint that has it. */
QF_MUST_CHECK enum qf_status qf_bundle_make(struct qf_ledger *ledger, struct qf_buf *out,
                                            uint64_t leaf, unsigned cosigned,
                                            const struct qf_note_signer *signer,
                                            struct qf_error *err);

/* A case, and package and version of each version of its service. */
#define QF_BUNDLE_RECORDS_MAX (1 + 2 * QF_SERVICE_VERSIONS_MAX)

/* The same with further records of the state (their keys), proved against the same checkpoint.
 * QF_NOT_FOUND when the state has no such record; QF_OVER_LIMIT when it becomes too large. */
struct qf_bundle_request {
    uint64_t leaf;
    unsigned cosigned;
    const char *const *keys;
    size_t key_count; /* at most QF_BUNDLE_RECORDS_MAX */
};
QF_MUST_CHECK enum qf_status qf_bundle_make_with(struct qf_ledger *ledger, struct qf_buf *out,
                                                 const struct qf_bundle_request *request,
                                                 const struct qf_note_signer *signer,
                                                 struct qf_error *err);

/* Appends the entry's receipt as a .tlog-proof file (spec/proof-files.md), with the entry as its
 * extra data: under the newest cosigned checkpoint that has it, else under the head. QF_NOT_FOUND;
 * QF_UNAVAILABLE as above. */
QF_MUST_CHECK enum qf_status qf_receipt_make(struct qf_ledger *ledger, struct qf_buf *out,
                                             uint64_t leaf, unsigned cosigned,
                                             const struct qf_note_signer *signer,
                                             struct qf_error *err);

/* Whom the reader trusts. All empty: nobody, so that the file can only be held against itself. */
struct qf_bundle_trust {
    struct qf_slice genesis;            /* the network's document */
    const struct qf_note_key *log_keys; /* of nodes that genesis does not name */
    size_t log_key_count;
    const struct qf_note_key *witnesses; /* QF_NOTE_COSIGNATURE; different keys */
    size_t witness_count;
    size_t quorum; /* of them must have cosigned a checkpoint that has the entry */
    /* Roots of time-stamp authorities: with any, the bundle must have a time-stamp that leads to
     * one and that somebody can still believe at `now_ms`. */
    const struct qf_x509 *const *tsa_roots;
    size_t tsa_root_count; /* at most QF_CERT_CHAIN_MAX */
    int64_t now_ms;
};

struct qf_bundle_cosigner {
    struct qf_slice name;
    uint64_t time_s; /* of the cosignature */
    uint64_t size;   /* of the checkpoint under it */
};

/* What a verified bundle says. Text points into the arena. */
struct qf_bundle_report {
    struct qf_slice network;
    enum qf_suite suite;
    uint64_t leaf, log_size, height;
    uint32_t index;
    int64_t time_ms;
    int64_t code;
    char tx_id[2 * QF_HASH_SIZE + 1]; /* with kid empty where the entry is of time alone */
    char kid[QF_KID_SIZE + 1];
    struct qf_slice actor, member;
    const struct qf_json *ops;               /* array */
    const struct qf_json *records;           /* array of {"key","siblings","value"}, or NULL */
    char genesis_hash[2 * QF_HASH_SIZE + 1]; /* SHA-256 of the genesis document used */
    bool trusted;             /* the genesis document came from the reader, not from the bundle */
    struct qf_slice *signers; /* names of the nodes that signed the checkpoint, each key once */
    size_t signer_count;
    struct qf_bundle_cosigner *cosigners; /* of the trusted witnesses, each once */
    size_t cosigner_count;
    struct qf_slice *unknown; /* names on signatures by keys that nobody vouches for: not checked */
    size_t unknown_count;
    struct qf_slice checkpoint;                       /* the note */
    struct qf_slice introduced[QF_INTRODUCTIONS_MAX]; /* members whose keys were introduced */
    uint64_t introduced_at[QF_INTRODUCTIONS_MAX];     /* by a checkpoint of so many entries */
    size_t introduced_count;
    const struct qf_json *introductions; /* so many, as they stand in the file */
    bool stamped;                        /* the bundle has a time-stamp, which says and shows: */
    struct qf_stamp_report stamp;
};

/* QF_OK; QF_INVALID with the place that differs; QF_MALFORMED; QF_CANNOT_TELL naming what is
 * missing, such as cosignatures. */
QF_MUST_CHECK enum qf_status qf_bundle_verify(struct qf_arena *arena, struct qf_slice bundle,
                                              const struct qf_bundle_trust *trust,
                                              struct qf_verifier *verifier,
                                              struct qf_bundle_report *out, struct qf_error *err);

/* ---- introductions: why a note key that genesis does not name is to be believed ---- */

struct qf_introduction {
    struct qf_slice member; /* id */
    struct qf_slice checkpoint;
    uint64_t size;
    struct qf_json member_record, trust_record; /* as they stand in bundles */
};

struct qf_introductions {
    size_t count;
    struct qf_introduction items[QF_INTRODUCTIONS_MAX];
    struct qf_note_key *keys; /* of all of them */
    size_t key_count;
};

/* Takes an introduction from the bundle of a member, and before it those that the bundle needs
 * itself. It must verify from the genesis document and the introductions that there are. What the
 * bundle is in, and everything else, lives as long as the arena. */
QF_MUST_CHECK enum qf_status qf_introductions_add(struct qf_arena *arena,
                                                  struct qf_introductions *introductions,
                                                  struct qf_slice bundle, struct qf_slice genesis,
                                                  struct qf_verifier *verifier,
                                                  struct qf_error *err);

/* The keys of a record consortium/trust/ID, appended to those that there are (a new list in the
 * arena). */
void qf_introduction_keys(struct qf_arena *arena, const struct qf_json *trust,
                          struct qf_note_key **keys, size_t *count);

/* Whether `bytes` are a receipt rather than a bundle. */
bool qf_receipt_is(struct qf_slice bytes);
/* The same for a receipt. `entry` is the entry that the reader has, empty: that in the file. A
 * receipt says nothing of who owns the signing key, so actor and member stay empty; tx_id and what
 * follows from the transaction is of the signed entry, whose signature is not checked. */
QF_MUST_CHECK enum qf_status qf_receipt_verify(struct qf_arena *arena, struct qf_slice bytes,
                                               struct qf_slice entry,
                                               const struct qf_bundle_trust *trust,
                                               struct qf_verifier *verifier,
                                               struct qf_bundle_report *out, struct qf_error *err);

#endif
