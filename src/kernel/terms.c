#include "codec/text.h"
#include "kernel/kernel.h"

_Static_assert(QF_KERNEL_TERM_SIZE <= QF_HASH_SIZE, "a term is the beginning of a hash");

/* Terms only find candidates; they are SHA-256 in both suites so that no reader needs the suite. */
static void put_hash(struct qf_kernel_term *out, enum qf_kernel_term_kind kind,
                     const struct qf_slice *parts, size_t count)
{
    uint8_t hash[QF_HASH_SIZE];
    if (count == 1)
        qf_hash(QF_HASH_SHA256, hash, parts[0]);
    else
        qf_hash_parts(QF_HASH_SHA256, hash, parts, count);
    out->kind = (uint8_t)kind;
    memcpy(out->term, hash, sizeof out->term);
}

void qf_kernel_term_text(struct qf_kernel_term *out, enum qf_kernel_term_kind kind,
                         struct qf_slice text)
{
    put_hash(out, kind, &text, 1);
}

static void put_pair(struct qf_kernel_term *out, enum qf_kernel_term_kind kind, struct qf_slice a,
                     char between, struct qf_slice b)
{
    uint8_t joined[256];
    if (a.size + 1 + b.size <= sizeof joined) {
        if (a.size > 0)
            memcpy(joined, a.data, a.size);
        joined[a.size] = (uint8_t)between;
        if (b.size > 0)
            memcpy(joined + a.size + 1, b.data, b.size);
        struct qf_slice whole = {joined, a.size + 1 + b.size};
        put_hash(out, kind, &whole, 1);
        return;
    }
    const struct qf_slice parts[3] = {a, qf_slice_make(&between, 1), b};
    put_hash(out, kind, parts, 3);
}

void qf_kernel_term_attribute(struct qf_kernel_term *out, struct qf_slice name,
                              struct qf_slice value)
{
    put_pair(out, QF_TERM_EVIDENCE_ATTR, name, '\0', value);
}

void qf_kernel_term_actor(struct qf_kernel_term *out, struct qf_slice member, struct qf_slice actor)
{
    put_pair(out, QF_TERM_ACTOR, member, '/', actor);
}

bool qf_kernel_term_hash(struct qf_kernel_term *out, struct qf_slice text)
{
    const uint8_t *colon = text.size == 0 ? NULL : memchr(text.data, ':', text.size);
    if (colon == NULL)
        return false;
    struct qf_slice name = {text.data, (size_t)(colon - text.data)};
    struct qf_slice hex = {colon + 1, text.size - name.size - 1};
    enum qf_hash_alg alg;
    uint8_t hash[QF_HASH_SIZE];
    size_t size = 0;
    if (!qf_hash_alg_parse(&alg, name) || hex.size != sizeof hash * 2 ||
        !qf_hex_decode(hash, &size, hex))
        return false;
    out->kind = QF_TERM_EVIDENCE_HASH;
    memcpy(out->term, hash, sizeof out->term);
    return true;
}
