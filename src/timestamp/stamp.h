/* Time-stamps over checkpoints of the log, and their renewal (spec/stamps.md).
 *
 *   checkpoint ◄── token        renewal text ◄── token        renewal text ◄── token …
 *        └────────┴── item of ──────┘  └──────────┴── item 0 of ──┘
 *
 * A chain of such links shows that the checkpoint existed before the time of its first token, for
 * as long as the last token is believed. Pure functions over bytes: who keeps the files is
 * store/stamps.h, who asks an authority is api/stamp/.
 *
 * Threads: any. Limits: QF_STAMP_LINKS_MAX links, QF_STAMPS_MAX items of a renewal, notes and
 * tokens as merkle/note.h and timestamp/timestamp.h have them. */
#ifndef QF_TIMESTAMP_STAMP_H
#define QF_TIMESTAMP_STAMP_H

#include "merkle/log_tree.h"
#include "merkle/note.h"
#include "timestamp/timestamp.h"

/* ---- a token for something ---- */

#define QF_STAMP_NONCE_SIZE 16

struct qf_stamp_wanted {
    struct qf_slice file; /* what is stamped */
    uint8_t nonce[QF_STAMP_NONCE_SIZE];
    const char *policy; /* dotted OID; NULL: any */
};

/* Fills the nonce's form (its first byte is not zero, so that it has one length) and appends the
 * request. The nonce's bytes are random and the caller's. */
QF_MUST_CHECK enum qf_status qf_stamp_request(struct qf_buf *request,
                                              struct qf_stamp_wanted *wanted, struct qf_error *err);

/* Appends the token of an authority's answer once it is what was asked for: nonce, imprint, policy,
 * a time near `now_ms`, signature and path up to the roots at that time. QF_INVALID, or what
 * qf_timestamp_token and qf_timestamp_verify say; err->field names the part. */
QF_MUST_CHECK enum qf_status qf_stamp_take(struct qf_buf *token, struct qf_timestamp *out,
                                           struct qf_slice response,
                                           const struct qf_stamp_wanted *wanted,
                                           const struct qf_timestamp_trust *trust, int64_t now_ms,
                                           struct qf_error *err);

/* Whether the token is over this file: QF_OK with what it claims, QF_INVALID at "token". */
QF_MUST_CHECK enum qf_status qf_stamp_check_file(struct qf_timestamp *out, struct qf_slice token,
                                                 struct qf_slice file, struct qf_error *err);

/* ---- renewals ---- */

struct qf_stamp_renewal {
    struct qf_slice network;
    uint64_t number; /* from 1 */
    uint64_t items;  /* 1 to QF_STAMPS_MAX + 1 */
    uint8_t root[QF_HASH_SIZE];
};
void qf_stamp_renewal_put(struct qf_buf *text, const struct qf_stamp_renewal *renewal);
/* Strict: putting it again gives the same bytes. `network` points into the text. */
QF_MUST_CHECK enum qf_status qf_stamp_renewal_parse(struct qf_stamp_renewal *out,
                                                    struct qf_slice text, struct qf_error *err);

/* A line of a renewal's list. */
struct qf_stamp_item {
    bool is_renewal;
    uint64_t number; /* of the renewal; else the size of the stamped checkpoint */
    uint8_t hash[QF_HASH_SIZE];
};
/* The leaf hash over what was stamped and its token. */
void qf_stamp_item_hash(uint8_t out[QF_HASH_SIZE], struct qf_slice file, struct qf_slice token);
void qf_stamp_item_put(struct qf_buf *list, const struct qf_stamp_item *item);
/* Takes the first line off `rest`, which is not empty. */
QF_MUST_CHECK enum qf_status qf_stamp_item_next(struct qf_stamp_item *out, struct qf_slice *rest,
                                                struct qf_error *err);

/* ---- chains ---- */

struct qf_stamp_link {
    struct qf_slice file; /* the checkpoint's note; then texts of renewals */
    struct qf_slice token;
    uint64_t index; /* of the link before it among the items; not of the first */
    struct qf_log_proof proof;
};

struct qf_stamp_report {
    bool checked;    /* the tokens lead to the reader's roots; else it is what they claim */
    size_t links;    /* of the chain */
    size_t from;     /* the first link from which on all are sound: 0, unless a renewal was late */
    int64_t time_ms; /* what the chain shows: the checkpoint existed before */
    char authority[QF_X509_NAME_SIZE_MAX]; /* of that link */
    int64_t until_ms;                      /* end of the last token */
    char until_by[QF_X509_NAME_SIZE_MAX];
    struct qf_checkpoint checkpoint; /* points into the first file */
};

struct qf_stamp_trust {
    const struct qf_x509 *const *roots;
    size_t root_count; /* 0: nothing but hashes and forms can be checked */
    int64_t now_ms;
};

/* spec/stamps.md, Verifying a chain. QF_OK; QF_INVALID, QF_MALFORMED, QF_OVER_LIMIT with the place
 * ("links[1].token"); QF_CANNOT_TELL when the last token has ended. */
QF_MUST_CHECK enum qf_status qf_stamp_verify(struct qf_stamp_report *out, struct qf_slice network,
                                             const struct qf_stamp_link *links, size_t count,
                                             const struct qf_stamp_trust *trust,
                                             struct qf_error *err);

#endif
