/* What a stranger can send: ops of a transaction ('[…'), a genesis document ('{…'), or a whole
 * compact JWS. What decodes is applied to a small network, by the key that the length picks. */
#include "kernel/testing.h"

#define PAYLOAD_START                                                                              \
    "{\"exp\":1767226000,\"net\":\"test\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"ops\":"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct qf_testing_world *world;

static struct qf_testing_world *the_world(void)
{
    if (world != NULL)
        return world;
    world = qf_testing_fixed();
    qf_testing_found(world);
    qf_testing_begin(world);
    qf_testing_end(world, false);
    return world;
}

static void apply(struct qf_arena *arena, struct qf_slice jws)
{
    struct qf_tx tx;
    struct qf_error err = {0};
    enum qf_status status = qf_tx_decode(arena, &tx, jws, &world->rules, &err);
    if (status != QF_OK) {
        QF_ASSERT(err.status == status && err.detail[0] != '\0');
        return;
    }
    tx.signature = QF_TX_GOOD;
    struct qf_receipt first, again;
    qf_testing_begin(world);
    qf_kernel_apply(world->kernel, &tx, &first);
    qf_kernel_apply(world->kernel, &tx, &again);
    QF_ASSERT(!first.id_taken || again.code == QF_DUPLICATE);
    const struct qf_kernel_change *changes;
    size_t count;
    qf_kernel_end(world->kernel, &changes, &count);
    QF_ASSERT(first.code == QF_OK || count == 0);
    /* What an op leaves in the state is canonical JSON. */
    for (size_t i = 0; i < count; i++) {
        struct qf_json value;
        status = qf_json_parse(arena, &value, changes[i].value, QF_JSON_CANONICAL, NULL);
        QF_ASSERT(status == QF_OK);
    }
}

static void try_ops(struct qf_arena *arena, struct qf_slice text, unsigned signer)
{
    static const uint8_t signature[QF_SIGNATURE_SIZE];
    struct qf_json ops;
    if (qf_json_parse(arena, &ops, text, QF_JSON_ANY, NULL) != QF_OK)
        return;
    struct qf_buf payload = {0}, jws = {0};
    qf_buf_put_text(&payload, PAYLOAD_START);
    qf_json_write(&payload, &ops);
    qf_buf_put_text(&payload, "}");
    qf_jws_put_signing_input(&jws, "EdDSA", qf_slice_of(world->kid[signer]), "qf-tx",
                             qf_buf_slice(&payload));
    qf_jws_put_signature(&jws, signature);
    apply(arena, qf_buf_slice(&jws));
    qf_buf_deinit(&payload);
    qf_buf_deinit(&jws);
}

static void try_genesis(struct qf_arena *arena, struct qf_slice text)
{
    static struct qf_testing_world *empty;
    if (empty == NULL)
        empty = qf_testing_fixed();
    struct qf_json genesis;
    struct qf_error err = {0};
    if (qf_json_parse(arena, &genesis, text, QF_JSON_ANY, NULL) != QF_OK)
        return;
    qf_testing_begin(empty);
    enum qf_status status = qf_kernel_genesis(empty->kernel, &genesis, &err);
    const struct qf_kernel_change *changes;
    size_t count;
    qf_kernel_end(empty->kernel, &changes, &count);
    QF_ASSERT((status == QF_OK) == (count > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct qf_arena arena;
    if (size == 0 || size > QF_TX_SIZE_MAX)
        return 0;
    (void)the_world();
    struct qf_slice text = {data, size};
    if (data[0] == '[')
        try_ops(&arena, text, (unsigned)size % 4);
    else if (data[0] == '{')
        try_genesis(&arena, text);
    else
        apply(&arena, text);
    qf_arena_reset(&arena);
    return 0;
}
