/* C2SP signed notes, tlog checkpoints and cosignatures (FORMATS section 1). Parsing is strict and
 * bounded by QF_NOTE_SIZE_MAX and QF_NOTE_SIGNATURES_MAX. */
#ifndef QF_MERKLE_NOTE_H
#define QF_MERKLE_NOTE_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/verify/verify.h"

enum qf_note_alg {
    QF_NOTE_ED25519 = 0x01,     /* signs the note text */
    QF_NOTE_COSIGNATURE = 0x04, /* Ed25519 over cosignature/v1, time and note text */
};

struct qf_note_key { /* a verifier key, "name+keyid+base64(alg ‖ key)" */
    struct qf_slice name;
    uint8_t id[4];
    enum qf_note_alg alg;
    uint8_t public_key[32];
};

QF_MUST_CHECK enum qf_status qf_note_key_parse(struct qf_note_key *out, struct qf_slice text,
                                               struct qf_error *err); /* name points into text */
void qf_note_key_make(struct qf_note_key *out, struct qf_slice name, enum qf_note_alg alg,
                      const uint8_t public_key[32]);
void qf_note_key_put(struct qf_buf *buf, const struct qf_note_key *key);

struct qf_note_signature {
    struct qf_slice name;
    uint8_t id[4];
    struct qf_slice bytes; /* after the key id; in the arena */
};

struct qf_note {
    struct qf_slice text; /* up to and including the last newline before the empty line */
    struct qf_note_signature *signatures;
    size_t signature_count;
};

QF_MUST_CHECK enum qf_status qf_note_parse(struct qf_arena *arena, struct qf_note *out,
                                           struct qf_slice bytes, struct qf_error *err);
/* QF_OK when `note` carries a good signature by `key` (for a cosignature *time_s is its time, else
 * 0); QF_NOT_FOUND when it has none by that name and id; QF_BAD_SIGNATURE. */
QF_MUST_CHECK enum qf_status qf_note_verify(const struct qf_note *note,
                                            const struct qf_note_key *key,
                                            struct qf_verifier *verifier, uint64_t *time_s);

/* Appends the signature line by `key` as it stands in `note`, unverified; QF_NOT_FOUND. */
QF_MUST_CHECK enum qf_status qf_note_put_line(struct qf_buf *buf, const struct qf_note *note,
                                              const struct qf_note_key *key);

/* Appends one signature line ("— name base64\n") over `text` with an Ed25519 private key. For
 * QF_NOTE_COSIGNATURE `time_s` goes into the signature. */
QF_MUST_CHECK enum qf_status qf_note_put_signature(struct qf_buf *buf, struct qf_slice text,
                                                   struct qf_slice name, enum qf_note_alg alg,
                                                   const struct qf_private_key *key,
                                                   uint64_t time_s, struct qf_error *err);

struct qf_checkpoint {
    struct qf_slice origin;
    uint64_t size;
    uint8_t root[QF_HASH_SIZE];
    bool has_state;
    uint8_t state_root[QF_HASH_SIZE]; /* extension line "state <base64>" */
    bool has_sm3;
    uint8_t sm3_root[QF_HASH_SIZE]; /* extension line "sm3 <base64>", networks of suite gm */
};

/* Text of a checkpoint, without signatures; unknown extension lines are allowed when parsing. */
void qf_checkpoint_put(struct qf_buf *buf, const struct qf_checkpoint *checkpoint);
QF_MUST_CHECK enum qf_status qf_checkpoint_parse(struct qf_checkpoint *out, struct qf_slice text,
                                                 struct qf_error *err);
/* The checkpoint in a whole note, whose signatures are not looked at. Points into `note`. */
QF_MUST_CHECK enum qf_status qf_checkpoint_parse_note(struct qf_checkpoint *out,
                                                      struct qf_slice note, struct qf_error *err);

#endif
