#include "api/witness/rounds.h"

#include <string.h>

void qf_rounds_deinit(struct qf_rounds *rounds)
{
    for (size_t i = 0; i < QF_ROUNDS_KEPT; i++)
        qf_buf_deinit(&rounds->rounds[i].note);
    memset(rounds, 0, sizeof *rounds);
}

/* Whether it is the largest with so many cosignatures, for any number of them. */
static bool is_wanted(struct qf_rounds *rounds, const struct qf_round *round)
{
    for (unsigned count = 1; count <= round->count; count++)
        if (qf_rounds_cosigned(rounds, count) == round)
            return true;
    return false;
}

struct qf_round *qf_rounds_begin(struct qf_rounds *rounds, uint64_t size, struct qf_slice note,
                                 size_t text_size)
{
    /* At most QF_WITNESSES_MAX rounds are wanted, so there is one that is not. */
    _Static_assert(QF_ROUNDS_KEPT > QF_WITNESSES_MAX + 1, "a round can be given up");
    size_t at = rounds->newest;
    do {
        at = (at + 1) % QF_ROUNDS_KEPT;
    } while (rounds->rounds[at].used && is_wanted(rounds, &rounds->rounds[at]));
    struct qf_round *round = &rounds->rounds[at];
    struct qf_buf kept = round->note;
    memset(round, 0, sizeof *round);
    round->note = kept;
    qf_buf_reset(&round->note);
    qf_buf_put_slice(&round->note, note);
    QF_ASSERT(qf_buf_status(&round->note) == QF_OK);
    round->used = true;
    round->size = size;
    round->text_size = text_size;
    rounds->newest = at;
    return round;
}

struct qf_round *qf_rounds_newest(struct qf_rounds *rounds)
{
    struct qf_round *round = &rounds->rounds[rounds->newest];
    return round->used ? round : NULL;
}

struct qf_round *qf_rounds_find(struct qf_rounds *rounds, struct qf_slice text)
{
    for (size_t i = 0; i < QF_ROUNDS_KEPT; i++) {
        struct qf_round *round = &rounds->rounds[i];
        if (round->used && qf_slice_equal(qf_slice_make(round->note.data, round->text_size), text))
            return round;
    }
    return NULL;
}

struct qf_round *qf_rounds_cosigned(struct qf_rounds *rounds, unsigned count)
{
    struct qf_round *best = NULL;
    for (size_t i = 0; i < QF_ROUNDS_KEPT; i++) {
        struct qf_round *round = &rounds->rounds[i];
        if (round->used && round->count >= count && (best == NULL || round->size > best->size))
            best = round;
    }
    return best;
}

void qf_round_add(struct qf_round *round, size_t witness, struct qf_slice line, int64_t time_s)
{
    QF_ASSERT(witness < QF_WITNESSES_MAX && line.size < QF_ROUND_LINE_SIZE_MAX);
    char *place = round->lines[witness];
    round->count += place[0] == '\0';
    memcpy(place, line.data, line.size);
    place[line.size] = '\0';
    round->time_s[witness] = time_s;
}

void qf_round_put_lines(const struct qf_round *round, struct qf_buf *out)
{
    for (size_t i = 0; i < QF_WITNESSES_MAX; i++)
        qf_buf_put_text(out, round->lines[i]);
}

void qf_round_put(const struct qf_round *round, struct qf_buf *out)
{
    qf_buf_put_slice(out, qf_buf_slice(&round->note));
    qf_round_put_lines(round, out);
}
