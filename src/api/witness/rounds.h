/* Checkpoints of our own log that witnesses were asked to cosign, and what they answered. Witnesses
 * are not equally fast, so the last few rounds are kept: the newest checkpoint that two of them
 * have cosigned may be older than the newest that one has.
 *
 * Not for several threads at once: the caller locks. Limits: QF_ROUNDS_KEPT rounds,
 * QF_WITNESSES_MAX cosignatures each. */
#ifndef QF_API_WITNESS_ROUNDS_H
#define QF_API_WITNESS_ROUNDS_H

#include "base/buf.h"
#include "base/limits.h"

#define QF_ROUNDS_KEPT 64
#define QF_ROUND_LINE_SIZE_MAX 512 /* name, key id, time and signature */

struct qf_round {
    bool used;
    uint64_t size;
    struct qf_buf note; /* the checkpoint with the log's signatures */
    size_t text_size;   /* of the note's text */
    unsigned count;     /* of cosignatures */
    int64_t time_s[QF_WITNESSES_MAX];
    char lines[QF_WITNESSES_MAX][QF_ROUND_LINE_SIZE_MAX]; /* a witness's at its place; "": none */
};

struct qf_rounds {
    size_t newest; /* index of the round that was begun last */
    struct qf_round rounds[QF_ROUNDS_KEPT];
};

void qf_rounds_deinit(struct qf_rounds *rounds);

/* Begins a round, over the oldest one that need not be kept: of those with the most cosignatures
 * the newest stays. `text_size` bytes of the note are its text. */
struct qf_round *qf_rounds_begin(struct qf_rounds *rounds, uint64_t size, struct qf_slice note,
                                 size_t text_size);
/* The round that was begun last; NULL before the first. */
struct qf_round *qf_rounds_newest(struct qf_rounds *rounds);
/* The round of exactly this text; NULL when it is not kept. */
struct qf_round *qf_rounds_find(struct qf_rounds *rounds, struct qf_slice text);
/* The largest checkpoint that at least `count` witnesses have cosigned; NULL. */
struct qf_round *qf_rounds_cosigned(struct qf_rounds *rounds, unsigned count);

/* Keeps a good cosignature line by the witness of this place, instead of an older one. */
void qf_round_add(struct qf_round *round, size_t witness, struct qf_slice line, int64_t time_s);
/* Appends the cosignature lines; the note with them. */
void qf_round_put_lines(const struct qf_round *round, struct qf_buf *out);
void qf_round_put(const struct qf_round *round, struct qf_buf *out);

#endif
