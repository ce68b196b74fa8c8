/* Whether the folder of stamps holds: every checkpoint is what its name says, every token is over
 * its file, every renewal covers just what it lists and what is there. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/stamps.h"

/* What is remembered of a stamp or of the last renewal until a renewal is seen to cover it. */
struct seen {
    uint64_t size;
    uint8_t hash[QF_HASH_SIZE];
    int64_t until_ms;
};

struct checking {
    struct qf_stamps *stamps;
    const struct qf_stamps_check *check;
    struct qf_stamps_found *found;
    struct qf_error *err;
    struct qf_slice network;
    struct qf_arena arena; /* of one file */
    struct seen *seen;     /* ascending by size */
    size_t count;
    size_t covered; /* how many of them renewals cover */
    struct seen renewal;
};

QF_PRINTF(3, 4)
static enum qf_status differs(struct checking *c, const char *name, const char *fmt, ...)
{
    char detail[sizeof c->err->detail];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    return qf_fail(c->err, QF_INVALID, name, "%s", detail);
}

/* Names the file in front of what a check of its content said. */
static enum qf_status in_file(struct checking *c, enum qf_status status, const char *name)
{
    if (status == QF_OK)
        return QF_OK;
    struct qf_error inner = *c->err;
    bool bad = status < QF_UNAVAILABLE || status == QF_CORRUPT;
    return qf_fail(c->err, bad ? QF_INVALID : status, name, "%.90s%s%.140s", inner.field,
                   inner.field[0] != '\0' ? ": " : "", inner.detail);
}

static enum qf_status check_token(struct checking *c, struct qf_timestamp *stamp,
                                  const struct qf_stamp_link *link)
{
    const struct qf_stamp_trust *trust = &c->check->trust;
    const struct qf_timestamp_trust roots = {.roots = trust->roots,
                                             .root_count = trust->root_count};
    enum qf_status status = qf_stamp_check_file(stamp, link->token, link->file, c->err);
    if (status == QF_OK && trust->root_count > 0)
        status = qf_timestamp_verify(stamp, link->token, &roots, c->err);
    return status;
}

static enum qf_status check_stamp(struct checking *c, uint64_t size)
{
    char name[QF_STAMPS_NAME_SIZE_MAX + 16];
    struct qf_stamp_link link;
    struct qf_checkpoint checkpoint;
    struct qf_timestamp stamp;
    qf_arena_reset(&c->arena);
    snprintf(name, sizeof name, QF_STAMPS_FOLDER "/%llu.note", (unsigned long long)size);
    enum qf_status status = qf_stamps_load(c->stamps, &c->arena, size, &link, c->err);
    if (status != QF_OK)
        return in_file(c, status, name);
    status = qf_checkpoint_parse_note(&checkpoint, link.file, c->err);
    if (status != QF_OK)
        return in_file(c, status, name);
    if (checkpoint.size != size || !qf_slice_equal(checkpoint.origin, c->network))
        return differs(c, name, "it is of %llu entries of %.*s",
                       (unsigned long long)checkpoint.size,
                       (int)(checkpoint.origin.size < 100 ? checkpoint.origin.size : 100),
                       (const char *)checkpoint.origin.data);
    snprintf(name, sizeof name, QF_STAMPS_FOLDER "/%llu.tsr", (unsigned long long)size);
    status = check_token(c, &stamp, &link);
    if (status != QF_OK)
        return in_file(c, status, name);
    struct seen *seen = &c->seen[c->count++];
    seen->size = size;
    seen->until_ms = stamp.until_ms;
    qf_stamp_item_hash(seen->hash, link.file, link.token);
    c->found->stamps++;
    c->found->last_size = size;
    c->found->last_ms = stamp.time_ms;
    if (c->found->stamps == 1)
        c->found->first_ms = stamp.time_ms;
    return c->check->each != NULL ? c->check->each(c->check->arg, &checkpoint, &stamp, c->err)
                                  : QF_OK;
}

/* The item that must come next in the list of renewal `number`; NULL: none may. */
static const struct seen *expected(struct checking *c, uint64_t number, bool first,
                                   const struct qf_stamp_item *item)
{
    if (item->is_renewal)
        return first && number > 1 && item->number == number - 1 ? &c->renewal : NULL;
    if (c->covered >= c->count || c->seen[c->covered].size != item->number || (first && number > 1))
        return NULL;
    return &c->seen[c->covered++];
}

static enum qf_status check_list(struct checking *c, uint64_t number,
                                 const struct qf_stamp_renewal *renewal, int64_t time_ms)
{
    char name[QF_STAMPS_NAME_SIZE_MAX];
    struct qf_buf bytes = {0};
    struct qf_log_tree tree;
    uint8_t root[QF_HASH_SIZE];
    snprintf(name, sizeof name, "renewal-%llu.list", (unsigned long long)number);
    qf_log_tree_init(&tree, QF_HASH_SHA256);
    enum qf_status status = qf_stamps_file(c->stamps, &bytes, name);
    if (status != QF_OK)
        status = in_file(c, qf_fail(c->err, status, "", "it cannot be read"), name);
    struct qf_slice rest = qf_buf_slice(&bytes);
    while (status == QF_OK && rest.size > 0) {
        struct qf_stamp_item item;
        status = in_file(c, qf_stamp_item_next(&item, &rest, c->err), name);
        if (status != QF_OK)
            break;
        const struct seen *want = expected(c, number, tree.size == 0, &item);
        if (want == NULL)
            status = differs(
                c, name,
                "item %llu names %s %llu, which is missing in the folder or out of its place",
                (unsigned long long)tree.size, item.is_renewal ? "renewal" : "stamp",
                (unsigned long long)item.number);
        else if (memcmp(want->hash, item.hash, QF_HASH_SIZE) != 0)
            status = differs(
                c, name, "%s %llu is not the one that was renewed: file, token or list was changed",
                item.is_renewal ? "renewal" : "stamp", (unsigned long long)item.number);
        else
            c->found->late += c->check->trust.root_count > 0 && want->until_ms < time_ms;
        qf_log_tree_append(&tree, item.hash, NULL, NULL);
    }
    qf_buf_deinit(&bytes);
    if (status != QF_OK)
        return status;
    qf_log_tree_root(&tree, root);
    if (tree.size != renewal->items || memcmp(root, renewal->root, sizeof root) != 0)
        return differs(c, name, "it does not have the root that was stamped");
    return QF_OK;
}

static enum qf_status check_renewal(struct checking *c, uint64_t number)
{
    char name[QF_STAMPS_NAME_SIZE_MAX + 16];
    struct qf_stamp_link link;
    struct qf_stamp_renewal renewal;
    struct qf_timestamp stamp;
    qf_arena_reset(&c->arena);
    snprintf(name, sizeof name, QF_STAMPS_FOLDER "/renewal-%llu.txt", (unsigned long long)number);
    enum qf_status status = qf_stamps_load_renewal(c->stamps, &c->arena, number, &link, c->err);
    if (status == QF_OK)
        status = qf_stamp_renewal_parse(&renewal, link.file, c->err);
    if (status != QF_OK)
        return in_file(c, status, name);
    if (renewal.number != number || !qf_slice_equal(renewal.network, c->network))
        return differs(c, name, "it is another renewal, or another network's");
    snprintf(name, sizeof name, QF_STAMPS_FOLDER "/renewal-%llu.tsr", (unsigned long long)number);
    status = check_token(c, &stamp, &link);
    if (status != QF_OK)
        return in_file(c, status, name);
    status = check_list(c, number, &renewal, stamp.time_ms);
    qf_stamp_item_hash(c->renewal.hash, link.file, link.token);
    c->renewal.until_ms = stamp.until_ms;
    c->found->renewals++;
    return status;
}

static void count_ended(struct checking *c, int64_t until_ms)
{
    if (until_ms < c->found->until_ms)
        c->found->until_ms = until_ms;
    c->found->ended += until_ms < c->check->trust.now_ms;
}

enum qf_status qf_stamps_check(struct qf_stamps *stamps, const struct qf_stamps_check *check,
                               struct qf_stamps_found *out, struct qf_error *err)
{
    struct qf_error local = {0};
    size_t total = qf_stamps_count(stamps);
    size_t renewals = qf_stamps_renewals(stamps);
    struct checking c = {.stamps = stamps,
                         .check = check,
                         .found = out,
                         .err = &local,
                         .network = qf_slice_of(qf_stamps_network(stamps)),
                         .seen = calloc(total + 1, sizeof *c.seen)};
    QF_ASSERT(c.seen != NULL);
    *out = (struct qf_stamps_found){.until_ms = INT64_MAX};
    enum qf_status status = QF_OK;
    uint64_t size = 0;
    while (status == QF_OK && c.count < total && qf_stamps_after(stamps, size, &size)) {
        status = check_stamp(&c, size);
        if (check->progress != NULL)
            check->progress(check->progress_arg, c.count, total);
    }
    for (uint64_t n = 1; n <= renewals && status == QF_OK; n++)
        status = check_renewal(&c, n);
    if (renewals > 0)
        count_ended(&c, c.renewal.until_ms);
    for (size_t i = c.covered; i < c.count; i++)
        count_ended(&c, c.seen[i].until_ms);
    free(c.seen);
    qf_arena_deinit(&c.arena);
    if (status != QF_OK && err != NULL)
        *err = local;
    return status;
}
