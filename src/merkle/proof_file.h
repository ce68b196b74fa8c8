/* Receipt files, ".tlog-proof" (c2sp.org/tlog-proof@v1): that an entry stands at a place of a log
 * whose signed checkpoint is enclosed. Other people's tools verify these. Pure text; the writer
 * never says anything that the parser would refuse.
 *
 * Limits: 63 hashes, QF_PROOF_FILE_EXTRA_SIZE_MAX, QF_NOTE_SIZE_MAX for the checkpoint. */
#ifndef QF_MERKLE_PROOF_FILE_H
#define QF_MERKLE_PROOF_FILE_H

#include "merkle/log_tree.h"
#include "merkle/note.h"

#define QF_PROOF_FILE_EXTRA_SIZE_MAX QF_ENTRY_SIZE_MAX
#define QF_PROOF_FILE_SIZE_MAX (QF_NOTE_SIZE_MAX + (2 * QF_PROOF_FILE_EXTRA_SIZE_MAX))

struct qf_proof_file {
    bool has_extra;
    struct qf_slice extra; /* opaque and not authenticated by anything */
    uint64_t index;
    struct qf_log_proof proof;
    struct qf_slice checkpoint_note; /* the whole note, signatures included */
    struct qf_note note;             /* out of the parser only, as is the checkpoint */
    struct qf_checkpoint checkpoint;
};

/* Appends the file. QF_OVER_LIMIT when it does not fit. */
QF_MUST_CHECK enum qf_status qf_proof_file_put(struct qf_buf *buf,
                                               const struct qf_proof_file *file);
/* `extra` and signatures are in the arena, the rest points into `bytes`. An index at or past the
 * checkpoint's size is QF_MALFORMED. */
QF_MUST_CHECK enum qf_status qf_proof_file_parse(struct qf_arena *arena, struct qf_proof_file *out,
                                                 struct qf_slice bytes, struct qf_error *err);

/* Whether `entry` is what the file speaks of, in a log that `key` vouches for: the log's own key,
 * whose name must be the origin, or a cosigner's. QF_INVALID: another entry or place;
 * QF_BAD_SIGNATURE; QF_NOT_FOUND: not signed by this key. `*time_s` as in qf_note_verify. */
QF_MUST_CHECK enum qf_status qf_proof_file_verify(const struct qf_proof_file *file,
                                                  struct qf_slice entry,
                                                  const struct qf_note_key *key,
                                                  struct qf_verifier *verifier, uint64_t *time_s,
                                                  struct qf_error *err);

#endif
