#include "kernel/kernel.h"

#include <stdlib.h>

#include "kernel/consortium/consortium.h"
#include "kernel/context.h"
#include "kernel/identity/identity.h"
#include "kernel/query.h"
#include "kernel/service/service.h"

#define SIGNERS 4096u /* places of the cache of parsed signers */
#define IDS_INITIAL ((size_t)32768)
#define TERMS_INITIAL 1024u
#define EVENTS_INITIAL 1024u

/* A parsed signer stands for three records; it counts only while `version` is the watch's. */
struct cached_signer {
    uint64_t version; /* 0: never filled */
    struct qf_signer signer;
};

/* Ids of the transactions of this block whose signature was good, for repeats within it. */
struct block_id {
    uint8_t id[QF_HASH_SIZE];
    uint64_t leaf;
    uint32_t slot;
};

struct qf_kernel {
    struct qf_state_reader reader;
    struct qf_signature_checker checker;
    struct qf_arena arena;   /* the block's */
    struct qf_arena scratch; /* empty between calls */
    struct qf_overlay overlay;
    struct qf_state_reader state; /* the overlay as a reader */
    struct qf_buf text;
    struct qf_effects effects;
    struct qf_identity_watch watch;
    struct qf_services services;
    const struct qf_kernel_term *time_terms; /* of what time did when the block began */
    size_t time_term_count;
    uint64_t last_steps; /* of services, before the transaction that was applied last */
    struct cached_signer *signers;
    struct block_id *ids;
    uint32_t *id_slots; /* number + 1 */
    size_t id_count, id_capacity;
    struct qf_block_info block;
    uint64_t applied;
    bool last_refused, last_took_id;
    bool has_suite;
    enum qf_suite suite;
};

struct qf_kernel *qf_kernel_new(const struct qf_state_reader *reader,
                                const struct qf_signature_checker *checker)
{
    struct qf_kernel *kernel = calloc(1, sizeof *kernel);
    if (kernel == NULL)
        return NULL;
    kernel->reader = *reader;
    kernel->checker = *checker;
    qf_overlay_init(&kernel->overlay, &kernel->reader, &kernel->arena);
    qf_overlay_reader(&kernel->overlay, &kernel->state);
    kernel->watch.version = 1;
    kernel->signers = calloc(SIGNERS, sizeof *kernel->signers);
    kernel->id_capacity = IDS_INITIAL;
    kernel->ids = malloc(kernel->id_capacity * sizeof *kernel->ids);
    kernel->id_slots = calloc(2 * kernel->id_capacity, sizeof *kernel->id_slots);
    kernel->effects.term_capacity = TERMS_INITIAL;
    kernel->effects.terms = malloc(TERMS_INITIAL * sizeof *kernel->effects.terms);
    kernel->effects.event_capacity = EVENTS_INITIAL;
    kernel->effects.events = malloc(EVENTS_INITIAL * sizeof *kernel->effects.events);
    if (kernel->signers == NULL || kernel->ids == NULL || kernel->id_slots == NULL ||
        kernel->effects.terms == NULL || kernel->effects.events == NULL) {
        qf_kernel_free(kernel);
        return NULL;
    }
    return kernel;
}

void qf_kernel_free(struct qf_kernel *kernel)
{
    if (kernel == NULL)
        return;
    qf_overlay_deinit(&kernel->overlay);
    qf_arena_deinit(&kernel->arena);
    qf_arena_deinit(&kernel->scratch);
    qf_buf_deinit(&kernel->text);
    qf_services_deinit(&kernel->services);
    free(kernel->effects.terms);
    free(kernel->effects.events);
    free(kernel->signers);
    free(kernel->ids);
    free(kernel->id_slots);
    free(kernel);
}

/* ---- ids of this block ---- */

static size_t id_slot(const struct qf_kernel *kernel, const uint8_t id[QF_HASH_SIZE])
{
    size_t mask = 2 * kernel->id_capacity - 1;
    uint64_t word;
    memcpy(&word, id, sizeof word);
    size_t slot = (size_t)word & mask;
    while (kernel->id_slots[slot] != 0 &&
           memcmp(kernel->ids[kernel->id_slots[slot] - 1].id, id, QF_HASH_SIZE) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

static void grow_ids(struct qf_kernel *kernel)
{
    kernel->id_capacity *= 2;
    QF_ASSERT(kernel->id_capacity > 0 && kernel->id_capacity < UINT32_MAX);
    struct block_id *ids = realloc(kernel->ids, kernel->id_capacity * sizeof *ids);
    free(kernel->id_slots);
    kernel->id_slots = calloc(2 * kernel->id_capacity, sizeof *kernel->id_slots);
    QF_ASSERT(ids != NULL && kernel->id_slots != NULL);
    kernel->ids = ids;
    for (size_t i = 0; i < kernel->id_count; i++) {
        size_t slot = id_slot(kernel, ids[i].id);
        kernel->id_slots[slot] = (uint32_t)i + 1;
        ids[i].slot = (uint32_t)slot;
    }
}

static void remember_id(struct qf_kernel *kernel, const uint8_t id[QF_HASH_SIZE], uint64_t leaf)
{
    if (kernel->id_count == kernel->id_capacity)
        grow_ids(kernel);
    size_t slot = id_slot(kernel, id);
    struct block_id *place = &kernel->ids[kernel->id_count++];
    memcpy(place->id, id, QF_HASH_SIZE);
    place->leaf = leaf;
    place->slot = (uint32_t)slot;
    kernel->id_slots[slot] = (uint32_t)kernel->id_count;
}

/* The newest id can go without a trace: nothing was placed after it. */
static void forget_last_id(struct qf_kernel *kernel)
{
    QF_ASSERT(kernel->id_count > 0);
    kernel->id_slots[kernel->ids[--kernel->id_count].slot] = 0;
}

static bool find_id(const struct qf_kernel *kernel, const uint8_t id[QF_HASH_SIZE], uint64_t *leaf)
{
    uint32_t number = kernel->id_count == 0 ? 0 : kernel->id_slots[id_slot(kernel, id)];
    if (number == 0)
        return kernel->reader.find_tx(kernel->reader.self, id, leaf);
    *leaf = kernel->ids[number - 1].leaf;
    return true;
}

/* ---- block ---- */

static struct qf_op_context make_context(struct qf_kernel *kernel)
{
    return (struct qf_op_context){.overlay = &kernel->overlay,
                                  .state = kernel->state,
                                  .arena = &kernel->arena,
                                  .text = &kernel->text,
                                  .effects = &kernel->effects,
                                  .watch = &kernel->watch,
                                  .services = &kernel->services,
                                  .suite = kernel->suite,
                                  .time_ms = kernel->block.time_ms};
}

static const struct qf_kernel_term *copy_terms(struct qf_kernel *kernel)
{
    const struct qf_effects *effects = &kernel->effects;
    return (const struct qf_kernel_term *)qf_arena_copy(
               &kernel->arena,
               qf_slice_make(effects->terms, effects->term_count * sizeof *effects->terms))
        .data;
}

void qf_kernel_begin(struct qf_kernel *kernel, const struct qf_block_info *info)
{
    /* The last block may have been dropped, and what was read from it with it. */
    if (kernel->watch.touched)
        kernel->watch.version++;
    kernel->watch.touched = false;
    qf_overlay_begin(&kernel->overlay, info->height ^ (info->first_leaf << 20),
                     (uint64_t)info->time_ms);
    for (size_t i = 0; i < kernel->id_count; i++)
        kernel->id_slots[kernel->ids[i].slot] = 0;
    kernel->id_count = 0;
    qf_arena_reset(&kernel->arena);
    kernel->block = *info;
    kernel->applied = 0;
    kernel->last_refused = false;
    if (!kernel->has_suite) {
        struct qf_tx_rules rules;
        kernel->has_suite = qf_query_rules(&kernel->reader, &kernel->arena, &rules);
        if (kernel->has_suite)
            kernel->suite = rules.suite;
    }
    kernel->effects.term_count = kernel->effects.event_count = kernel->effects.effect_count = 0;
    struct qf_op_context ctx = make_context(kernel);
    ctx.leaf = info->first_leaf;
    qf_services_begin(&ctx);
    kernel->time_term_count = kernel->effects.term_count;
    kernel->time_terms = copy_terms(kernel);
}

size_t qf_kernel_time_terms(const struct qf_kernel *kernel, const struct qf_kernel_term **terms)
{
    *terms = kernel->time_terms;
    return kernel->time_term_count;
}

size_t qf_kernel_fell_due(const struct qf_kernel *kernel)
{
    return kernel->services.fell_due;
}

int64_t qf_kernel_due(const struct qf_kernel *kernel)
{
    return kernel->services.due_ms;
}

void qf_kernel_end(struct qf_kernel *kernel, const struct qf_kernel_change **changes, size_t *count)
{
    *count = qf_overlay_changes(&kernel->overlay, changes);
}

enum qf_status qf_kernel_genesis(struct qf_kernel *kernel, const struct qf_json *genesis,
                                 struct qf_error *err)
{
    QF_ASSERT(kernel->block.height == 0 && kernel->applied == 0);
    struct qf_tx_rules rules;
    enum qf_status status = qf_genesis_rules(&rules, genesis, err);
    if (status != QF_OK)
        return status;
    kernel->suite = rules.suite;
    kernel->effects.term_count = kernel->effects.event_count = 0;
    struct qf_op_context ctx = make_context(kernel);
    size_t mark = qf_overlay_mark(&kernel->overlay);
    status = qf_consortium_found(&ctx, genesis, err);
    if (status != QF_OK)
        qf_overlay_rollback(&kernel->overlay, mark);
    qf_overlay_accept(&kernel->overlay);
    return status;
}

/* ---- admission: what is asked of a transaction before its ops are looked at ---- */

static enum qf_status check_expiry(const struct qf_tx *tx, int64_t time_ms, struct qf_error *err)
{
    /* exp_s is at most 2^53 - 1, so milliseconds fit. */
    int64_t exp_ms = tx->exp_s * 1000;
    if (exp_ms <= time_ms)
        return qf_fail(err, QF_EXPIRED, "exp", "it ended %lld s before the block's time",
                       (long long)((time_ms - exp_ms) / 1000));
    if (exp_ms - time_ms > (int64_t)QF_TX_EXPIRY_MAX_S * 1000)
        return qf_fail(err, QF_EXPIRY_TOO_FAR, "exp", "it lies %lld s after the block's time",
                       (long long)((exp_ms - time_ms) / 1000));
    return QF_OK;
}

static enum qf_status duplicate(uint64_t leaf, struct qf_error *err)
{
    return qf_fail(err, QF_DUPLICATE, "", "it stands in the log at leaf %llu",
                   (unsigned long long)leaf);
}

static enum qf_status unknown_key(const struct qf_tx *tx, struct qf_error *err)
{
    return qf_fail(err, QF_UNKNOWN_KEY, "header.kid", "no key %s is on the ledger", tx->kid);
}

static enum qf_status check_standing(const struct qf_signer *signer, struct qf_error *err)
{
    enum qf_status status = qf_signer_standing(signer, err);
    if (status != QF_OK)
        qf_error_within(err, "header");
    return status;
}

static struct qf_slice kid_of(const struct qf_tx *tx)
{
    return qf_slice_make(tx->kid, QF_KID_SIZE);
}

static const struct qf_signer *find_signer(struct qf_kernel *kernel, struct qf_slice kid)
{
    uint32_t place;
    memcpy(&place, kid.data, sizeof place);
    place = (place * 2654435761u) >> 20;
    _Static_assert(SIGNERS == 1u << 12, "the shift above leaves the number of places");
    struct cached_signer *cached = &kernel->signers[place];
    if (cached->version == kernel->watch.version &&
        memcmp(cached->signer.kid, kid.data, QF_KID_SIZE) == 0)
        return &cached->signer;
    cached->version = 0;
    if (!qf_signer_load(&cached->signer, &kernel->state, &kernel->scratch, kid))
        return NULL;
    cached->version = kernel->watch.version;
    return &cached->signer;
}

static enum qf_status check_signature(struct qf_kernel *kernel, const struct qf_tx *tx,
                                      const struct qf_signer *signer, struct qf_error *err)
{
    if (tx->alg != signer->key.alg)
        return qf_fail(err, QF_BAD_SIGNATURE, "header.alg", "the key is for %s",
                       qf_sig_alg_name(signer->key.alg));
    bool good = tx->signature == QF_TX_GOOD;
    if (tx->signature == QF_TX_UNCHECKED)
        good = kernel->checker.check(kernel->checker.self, &signer->key, tx->signing_input,
                                     tx->signature_bytes);
    if (!good)
        return qf_fail(err, QF_BAD_SIGNATURE, "signature", "it is not by key %s", tx->kid);
    return QF_OK;
}

static enum qf_status admit(struct qf_kernel *kernel, const struct qf_tx *tx, uint64_t leaf,
                            struct qf_receipt *out, struct qf_error *err)
{
    enum qf_status status = check_expiry(tx, kernel->block.time_ms, err);
    if (status != QF_OK)
        return status;
    if (find_id(kernel, tx->id, &out->duplicate_of))
        return duplicate(out->duplicate_of, err);
    const struct qf_signer *signer = find_signer(kernel, kid_of(tx));
    if (signer == NULL)
        return unknown_key(tx, err);
    status = check_signature(kernel, tx, signer, err);
    if (status != QF_OK)
        return status;
    remember_id(kernel, tx->id, leaf);
    out->id_taken = true;
    /* The cache's place may go to another key within the block. */
    uint8_t *copy =
        qf_arena_alloc(&kernel->arena, (size_t)signer->actor_size + signer->member_size);
    memcpy(copy, signer->actor, signer->actor_size);
    memcpy(copy + signer->actor_size, signer->member, signer->member_size);
    out->actor = qf_slice_make(copy, signer->actor_size);
    out->member = qf_slice_make(copy + signer->actor_size, signer->member_size);
    kernel->effects.terms[0] = signer->actor_term;
    kernel->effects.terms[1] = signer->member_term;
    kernel->effects.term_count = 2;
    return check_standing(signer, err);
}

enum qf_status qf_kernel_check(const struct qf_state_reader *reader, const struct qf_tx *tx,
                               int64_t now_ms, struct qf_public_key *key, struct qf_error *err)
{
    enum qf_status status = check_expiry(tx, now_ms, err);
    if (status != QF_OK)
        return status;
    uint64_t leaf;
    if (reader->find_tx(reader->self, tx->id, &leaf))
        return duplicate(leaf, err);
    struct qf_arena scratch = {0};
    struct qf_signer signer;
    bool known = qf_signer_load(&signer, reader, &scratch, kid_of(tx));
    qf_arena_deinit(&scratch);
    if (!known)
        return unknown_key(tx, err);
    *key = signer.key;
    if (tx->alg != signer.key.alg)
        return qf_fail(err, QF_BAD_SIGNATURE, "header.alg", "the key is for %s",
                       qf_sig_alg_name(signer.key.alg));
    return check_standing(&signer, err);
}

/* ---- ops ---- */

static enum qf_status apply_op(struct qf_kernel *kernel, struct qf_op_context *ctx,
                               const struct qf_tx *tx, const struct qf_tx_op *op,
                               struct qf_error *err)
{
    /* An earlier op of the same transaction may have ended the signer's own standing. */
    const struct qf_signer *signer = find_signer(kernel, kid_of(tx));
    QF_ASSERT(signer != NULL);
    ctx->signer = signer;
    ctx->member = qf_signer_member(signer);
    enum qf_status status = qf_signer_standing(signer, err);
    const struct qf_json *mandate = qf_json_get(op->body, "on_behalf");
    if (status == QF_OK && mandate != NULL)
        status = qf_identity_use_mandate(ctx, qf_json_text(mandate), op->row->name, err);
    if (status == QF_OK)
        status = qf_op_authorise(ctx, op->row, op->body, err);
    return status == QF_OK ? op->row->apply(ctx, op->body, err) : status;
}

static enum qf_status apply_ops(struct qf_kernel *kernel, const struct qf_tx *tx, uint64_t leaf,
                                struct qf_error *err)
{
    struct qf_op_context ctx = make_context(kernel);
    ctx.leaf = leaf;
    for (size_t i = 0; i < tx->op_count; i++) {
        ctx.op = (uint32_t)i;
        kernel->effects.effect_count = 0;
        enum qf_status status = apply_op(kernel, &ctx, tx, &tx->ops[i], err);
        if (status != QF_OK) {
            qf_error_within(err, "ops[%zu]", i);
            return status;
        }
    }
    return QF_OK;
}

static void give_effects(struct qf_kernel *kernel, struct qf_receipt *out)
{
    const struct qf_effects *effects = &kernel->effects;
    out->term_count = effects->term_count;
    out->terms = copy_terms(kernel);
    out->event_count = effects->event_count;
    out->events = (const struct qf_kernel_event *)(const void *)qf_arena_copy(
                      &kernel->arena, qf_slice_make(effects->events,
                                                    effects->event_count * sizeof *effects->events))
                      .data;
}

void qf_kernel_apply(struct qf_kernel *kernel, const struct qf_tx *tx, struct qf_receipt *out)
{
    uint64_t leaf = kernel->block.first_leaf + kernel->applied++;
    QF_ASSERT(kernel->has_suite);
    *out = (struct qf_receipt){.code = QF_OK};
    kernel->effects.term_count = kernel->effects.event_count = 0;
    kernel->last_steps = kernel->services.steps;
    enum qf_status status = admit(kernel, tx, leaf, out, &out->problem);
    out->admitted = status == QF_OK;
    if (status == QF_OK) {
        size_t mark = qf_overlay_mark(&kernel->overlay);
        uint64_t version = kernel->watch.version;
        size_t own_terms = kernel->effects.term_count;
        status = apply_ops(kernel, tx, leaf, &out->problem);
        if (status != QF_OK) {
            qf_overlay_rollback(&kernel->overlay, mark);
            kernel->effects.term_count = own_terms;
            kernel->effects.event_count = 0;
            if (kernel->watch.version != version)
                kernel->watch.version++;
        }
        qf_overlay_accept(&kernel->overlay);
    }
    QF_ASSERT((int)status <= QF_STATUS_REFUSAL_MAX);
    out->code = status;
    kernel->last_refused = status != QF_OK;
    kernel->last_took_id = out->id_taken;
    give_effects(kernel, out);
}

void qf_kernel_retract(struct qf_kernel *kernel)
{
    QF_ASSERT(kernel->last_refused && kernel->applied > 0);
    if (kernel->last_took_id)
        forget_last_id(kernel);
    kernel->applied--;
    kernel->services.steps = kernel->last_steps;
    kernel->last_refused = false;
}
