/* The kernel: (state, block) → (state', receipts, index terms, events). It has no clock, network,
 * disk, thread, randomness or global; two nodes that apply the same blocks agree to the bit.
 *
 * The state below a block is read through qf_state_reader; what a block changes is kept in an
 * overlay of the block's arena until qf_kernel_end hands it over. A transaction's ops happen
 * together or not at all: a refused one leaves the overlay as it was.
 *
 * Course of a block:  begin → apply, once for each transaction in order → end.
 * A kernel object belongs to one thread at a time. */
#ifndef QF_KERNEL_KERNEL_H
#define QF_KERNEL_KERNEL_H

#include "base/limits.h"
#include "kernel/tx.h"

#define QF_KERNEL_TERM_SIZE 16

/* What sees a listed key; `value` is empty but for look-ups (kernel/lookup.h). */
typedef bool qf_state_each(void *arg, struct qf_slice key, struct qf_slice value);

struct qf_state_reader {
    /* The committed value of a key, valid until the end of the block; false when absent. */
    bool (*get)(void *self, struct qf_slice key, struct qf_slice *value);
    /* Keys of a listed kind with this prefix, or look-ups with their values, ascending from after
     * `after` (may be empty), until `each` returns false (committed ones only). Key and value live
     * until `each` returns. */
    void (*list)(void *self, struct qf_slice prefix, struct qf_slice after, qf_state_each *each,
                 void *arg);
    /* The leaf at which a transaction id was recorded, if it was within the last
     * QF_TX_EXPIRY_MAX_S seconds of block time (older ones may be reported too). */
    bool (*find_tx)(void *self, const uint8_t id[QF_HASH_SIZE], uint64_t *leaf);
    void *self;
};

/* Checks a signature that was not checked before (QF_TX_UNCHECKED): the key became known only in
 * this block. */
struct qf_signature_checker {
    bool (*check)(void *self, const struct qf_public_key *key, struct qf_slice message,
                  const uint8_t signature[QF_SIGNATURE_SIZE]);
    void *self;
};

struct qf_kernel;

/* Both tables are copied. The state behind the reader changes by this kernel's blocks only, between
 * an end and the next begin; a block may also be dropped. */
QF_MUST_CHECK struct qf_kernel *qf_kernel_new(const struct qf_state_reader *reader,
                                              const struct qf_signature_checker *checker);
void qf_kernel_free(struct qf_kernel *kernel);

struct qf_block_info {
    uint64_t height;
    int64_t time_ms;
    uint64_t first_leaf; /* every applied transaction is one leaf, in order */
};

/* What a transaction did, for indexes and subscribers. A term is 16 bytes under which readers of an
 * index look; the qf_kernel_term_… functions make them, for the kernel and for who searches. A term
 * found is a candidate: who searches compares the entry itself. */
struct qf_kernel_term {
    uint8_t kind; /* QF_TERM_… */
    uint8_t term[QF_KERNEL_TERM_SIZE];
};
enum qf_kernel_term_kind {
    QF_TERM_TX = 1, /* transaction id, first 16 bytes (added by the ledger, not the kernel) */
    QF_TERM_EVIDENCE_HASH = 2,   /* first half of the hash itself; a batch's root likewise */
    QF_TERM_EVIDENCE_ATTR = 3,   /* SHA-256 of name NUL value; an integer as decimal text */
    QF_TERM_EVIDENCE_SOURCE = 4, /* SHA-256 of the text, as are all below */
    QF_TERM_ACTOR = 5,           /* member '/' actor: the signer, also of refused transactions */
    QF_TERM_MEMBER = 6,          /* the signer's member, or who answers for a service */
    QF_TERM_CASE = 7,            /* whose service has performed an op */
};

void qf_kernel_term_text(struct qf_kernel_term *out, enum qf_kernel_term_kind kind,
                         struct qf_slice text);
void qf_kernel_term_attribute(struct qf_kernel_term *out, struct qf_slice name,
                              struct qf_slice value);
void qf_kernel_term_actor(struct qf_kernel_term *out, struct qf_slice member,
                          struct qf_slice actor);
/* From "alg:hex"; false when it is not of that form. */
QF_MUST_CHECK bool qf_kernel_term_hash(struct qf_kernel_term *out, struct qf_slice text);

struct qf_kernel_event {
    const char *type;    /* of QF_EVENT_LIST (kernel/events.h): "evidence.recorded" */
    struct qf_slice key; /* state key it is about */
    uint32_t op;         /* index of the op in its transaction */
};

struct qf_receipt {
    enum qf_status code;     /* QF_OK: accepted */
    struct qf_error problem; /* filled when refused */
    uint64_t duplicate_of;   /* leaf of the first one, when code is QF_DUPLICATE */
    /* Whether the id is used up: the signature was good. Only then may the id become findable by
     * find_tx, else anybody could burn another's transaction by sending it first with a bad
     * signature. */
    bool id_taken;
    /* Whether its ops were looked at: the signer stood well when it came. What it is refused for
     * then is its own doing, and is ordered whatever the code. */
    bool admitted;
    struct qf_slice actor; /* signer, once known; block arena */
    struct qf_slice member;
    const struct qf_kernel_term *terms;
    size_t term_count;
    const struct qf_kernel_event *events;
    size_t event_count;
};

struct qf_kernel_change {
    struct qf_slice key;
    struct qf_slice value; /* data NULL: removed */
    bool listed;
    bool lookup; /* no record: follows from records, and is not authenticated */
};

void qf_kernel_begin(struct qf_kernel *kernel, const struct qf_block_info *info);

/* What time has done: in how many cases something fell due when the block began. With any, the
 * block is one even without transactions. */
size_t qf_kernel_fell_due(const struct qf_kernel *kernel);
/* Index terms of what time did when the block began; they belong to the block's first leaf, and
 * live until the next begin. */
size_t qf_kernel_time_terms(const struct qf_kernel *kernel, const struct qf_kernel_term **terms);
/* No block without transactions is needed before this time; INT64_MAX: as far as is known, never.
 * It may be too early, and rises with a block, which may be dropped. */
int64_t qf_kernel_due(const struct qf_kernel *kernel);

/* Applies one transaction; never fails, a refusal is a receipt. What the receipt points to lives
 * until the next begin. */
void qf_kernel_apply(struct qf_kernel *kernel, const struct qf_tx *tx, struct qf_receipt *out);

/* Takes back the transaction that was applied last, which must have been refused: it gets no leaf,
 * and its id is not used up. For who turns some refusals away instead of ordering them. */
void qf_kernel_retract(struct qf_kernel *kernel);

/* The block's changes, each key once, sorted by key; they live until the next begin. */
void qf_kernel_end(struct qf_kernel *kernel, const struct qf_kernel_change **changes,
                   size_t *count);

/* What must be known before a state is there: the rules for decoding. `out` points into genesis.
 * QF_BAD_FIELD with the field. */
QF_MUST_CHECK enum qf_status qf_genesis_rules(struct qf_tx_rules *out,
                                              const struct qf_json *genesis, struct qf_error *err);

/* Creates the state of height 0 from a genesis document (spec/genesis.md): begin must have been
 * called with height 0, and nothing applied. QF_OK, or BAD_FIELD, OVER_LIMIT, UNSUPPORTED_ALG,
 * EXISTS, NO_QUORUM with the field; the overlay is then unchanged. */
QF_MUST_CHECK enum qf_status qf_kernel_genesis(struct qf_kernel *kernel,
                                               const struct qf_json *genesis, struct qf_error *err);

/* Whether a transaction would be let in now (network, time, duplicate, key, member), against the
 * committed state: the check before ordering. Writes nothing; its own reader, so any thread.
 * `key` is filled with the signer's public key when one is found. */
QF_MUST_CHECK enum qf_status qf_kernel_check(const struct qf_state_reader *reader,
                                             const struct qf_tx *tx, int64_t now_ms,
                                             struct qf_public_key *key, struct qf_error *err);

#endif
