/* Requests to a witness that knows one log at two of its sizes: what parses goes together again to
 * the same bytes, and only a larger or equal tree is ever cosigned. */
#include "merkle/witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sample log in test/data/tlog, whose signed checkpoints are in the corpus; root of size 8. */
static const char vkey[] =
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
static const uint8_t root_8[QF_HASH_SIZE] = {
    0x6c, 0x2f, 0x95, 0xc2, 0xfa, 0xc9, 0x6d, 0xa9, 0x4d, 0x56, 0x37, 0xe4, 0x74, 0x8f, 0x24, 0x52,
    0x0b, 0x3b, 0x98, 0x9a, 0x17, 0xae, 0xa8, 0x97, 0x08, 0x4e, 0xdb, 0x82, 0x70, 0xf6, 0xf2, 0x96,
};

static void decide(const struct qf_witness_request *request)
{
    static struct qf_verifier *verifier;
    const struct qf_verifier_options options = {0};
    struct qf_note_key key;
    struct qf_error err;
    if (verifier == NULL)
        QF_ASSERT(qf_verifier_new(&verifier, &options, NULL) == QF_OK);
    QF_ASSERT(qf_note_key_parse(&key, qf_slice_of(vkey), NULL) == QF_OK);
    struct qf_witness_log log = {.origin = key.name, .keys = &key, .key_count = 1};
    bool known = qf_slice_equal(request->checkpoint.origin, log.origin);
    for (uint64_t size = 0; size <= 8; size += 8) {
        struct qf_witness_state next;
        log.state.size = size;
        memcpy(log.state.root, root_8, QF_HASH_SIZE);
        enum qf_witness_answer answer =
            qf_witness_decide(&next, known ? &log : NULL, request, verifier, &err);
        QF_ASSERT(known || answer == QF_WITNESS_UNKNOWN_LOG);
        if (answer == QF_WITNESS_COSIGN)
            QF_ASSERT(request->old_size == size && next.size >= size);
    }
}

/* The same bytes as what a witness answers to the log: nothing in them is a cosignature. */
static void take_answer(struct qf_slice answer)
{
    static const char text[] = "example.com/log/testdata\n0\n"
                               "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    static struct qf_verifier *verifier;
    const struct qf_verifier_options options = {0};
    const uint8_t public_key[32] = {1};
    struct qf_note_key key;
    struct qf_buf line = {0};
    uint64_t number = 0;
    if (verifier == NULL)
        QF_ASSERT(qf_verifier_new(&verifier, &options, NULL) == QF_OK);
    qf_note_key_make(&key, qf_slice_of("w"), QF_NOTE_COSIGNATURE, public_key);
    QF_ASSERT(qf_witness_take_cosignature(&line, &number, qf_slice_of(text), answer, &key, verifier,
                                          NULL) != QF_OK);
    QF_ASSERT(line.size == 0);
    if (qf_witness_size_parse(&number, answer))
        QF_ASSERT(number < QF_LOG_SIZE_MAX && answer.data[answer.size - 1] == '\n');
    qf_buf_deinit(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    take_answer(qf_slice_make(data, size));
    struct qf_error err;
    struct qf_witness_request request;
    if (qf_witness_request_parse(&arena, &request, qf_slice_make(data, size), &err) == QF_OK) {
        struct qf_buf buf = {0};
        qf_witness_request_put(&buf, request.old_size, &request.proof, request.checkpoint_note);
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&buf), qf_slice_make(data, size)));
        qf_buf_deinit(&buf);
        decide(&request);
    }
    qf_arena_deinit(&arena);
    return 0;
}
