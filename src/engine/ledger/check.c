/* The check before ordering: who signs, may he, and did he. */
#include "engine/ledger/internal.h"

#include "base/bytes.h"

#define CHECK_BATCH 256

static bool view_get(void *self, struct qf_slice key, struct qf_slice *value)
{
    struct qf_ledger_view *view = self;
    qf_buf_reset(&view->buf);
    if (qf_state_get(view->ledger->state, &view->buf, key) != QF_OK)
        return false;
    *value = qf_arena_copy(view->arena, qf_buf_slice(&view->buf));
    return true;
}

static void view_list(void *self, struct qf_slice prefix, struct qf_slice after,
                      qf_state_each *each, void *arg)
{
    struct qf_ledger_view *view = self;
    enum qf_status status = qf_state_list_values(view->ledger->state, prefix, after, each, arg);
    (void)status; /* a list that breaks off lets nothing in that the kernel would refuse */
}

/* Left to the sequencer, which alone knows the order. */
static bool view_find_tx(void *self, const uint8_t id[QF_HASH_SIZE], uint64_t *leaf)
{
    (void)self;
    (void)id;
    (void)leaf;
    return false;
}

void qf_ledger_view_init(struct qf_ledger_view *view, struct qf_ledger *ledger,
                         struct qf_arena *arena)
{
    *view = (struct qf_ledger_view){.ledger = ledger, .arena = arena};
    view->reader = (struct qf_state_reader){
        .get = view_get, .list = view_list, .find_tx = view_find_tx, .self = view};
}

void qf_ledger_view_deinit(struct qf_ledger_view *view)
{
    qf_buf_deinit(&view->buf);
}

static size_t key_slot(const char *kid)
{
    return qf_be32_load((const uint8_t *)kid) * 2654435761u % KEYS_CACHED;
}

static bool cached(struct qf_ledger *ledger, const char *kid, uint64_t epoch,
                   struct qf_public_key *out)
{
    const struct cached_key *slot = &ledger->keys[key_slot(kid)];
    pthread_rwlock_rdlock(&ledger->key_lock);
    bool found = slot->epoch == epoch && memcmp(slot->kid, kid, QF_KID_SIZE) == 0;
    if (found)
        *out = slot->key;
    pthread_rwlock_unlock(&ledger->key_lock);
    return found;
}

static void remember_key(struct qf_ledger *ledger, const char *kid, uint64_t epoch,
                         const struct qf_public_key *key)
{
    struct cached_key *slot = &ledger->keys[key_slot(kid)];
    pthread_rwlock_wrlock(&ledger->key_lock);
    memcpy(slot->kid, kid, QF_KID_SIZE + 1);
    slot->epoch = epoch;
    slot->key = *key;
    pthread_rwlock_unlock(&ledger->key_lock);
}

static enum qf_status check_time(const struct qf_tx *tx, int64_t now_ms, struct qf_error *err)
{
    int64_t now_s = now_ms / 1000;
    if (tx->exp_s <= now_s)
        return qf_fail(err, QF_EXPIRED, "exp", "exp %lld is not after the node's time %lld",
                       (long long)tx->exp_s, (long long)now_s);
    if (tx->exp_s > now_s + QF_TX_EXPIRY_MAX_S)
        return qf_fail(err, QF_EXPIRY_TOO_FAR, "exp",
                       "exp %lld is more than %d seconds after the node's time %lld",
                       (long long)tx->exp_s, QF_TX_EXPIRY_MAX_S, (long long)now_s);
    return QF_OK;
}

/* QF_OK with the key; or the refusal. */
static enum qf_status find_signer(struct qf_ledger *ledger, struct qf_ledger_view *view,
                                  const struct qf_tx *tx, int64_t now_ms, struct qf_public_key *key,
                                  struct qf_error *err)
{
    enum qf_status status = check_time(tx, now_ms, err);
    if (status != QF_OK)
        return status;
    uint64_t epoch = atomic_load(&ledger->epoch);
    if (cached(ledger, tx->kid, epoch, key))
        return key->alg == tx->alg
                   ? QF_OK
                   : qf_fail(err, QF_BAD_SIGNATURE, "alg", "the key is of another algorithm");
    status = qf_kernel_check(&view->reader, tx, now_ms, key, err);
    if (status == QF_OK)
        remember_key(ledger, tx->kid, epoch, key);
    return status;
}

static void check_some(struct qf_ledger *ledger, struct qf_ledger_view *view, struct qf_tx *txs,
                       size_t count, int64_t now_ms, struct qf_error *problems)
{
    struct qf_public_key keys[CHECK_BATCH];
    struct qf_verify_item items[CHECK_BATCH];
    size_t which[CHECK_BATCH];
    size_t item_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (problems[i].status != QF_OK)
            continue;
        struct qf_public_key *key = &keys[item_count];
        if (find_signer(ledger, view, &txs[i], now_ms, key, &problems[i]) != QF_OK)
            continue;
        items[item_count] = (struct qf_verify_item){
            .key = key, .message = txs[i].signing_input, .signature = txs[i].signature_bytes};
        which[item_count++] = i;
    }
    qf_verifier_check(ledger->options.verifier, items, item_count);
    for (size_t j = 0; j < item_count; j++) {
        struct qf_tx *tx = &txs[which[j]];
        tx->signature = items[j].good ? QF_TX_GOOD : QF_TX_BAD;
        if (!items[j].good) {
            enum qf_status status = qf_fail(&problems[which[j]], QF_BAD_SIGNATURE, "signature",
                                            "the signature does not verify with key %s", tx->kid);
            (void)status;
        }
    }
}

void qf_ledger_check(struct qf_ledger *ledger, struct qf_tx *txs, size_t count, int64_t now_ms,
                     struct qf_error *problems)
{
    struct qf_arena arena = {0};
    struct qf_ledger_view view;
    qf_ledger_view_init(&view, ledger, &arena);
    for (size_t at = 0; at < count; at += CHECK_BATCH) {
        size_t some = count - at < CHECK_BATCH ? count - at : CHECK_BATCH;
        check_some(ledger, &view, txs + at, some, now_ms, problems + at);
    }
    qf_ledger_view_deinit(&view);
    qf_arena_deinit(&arena);
}
