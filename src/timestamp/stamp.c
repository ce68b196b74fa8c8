#include "timestamp/stamp.h"

#include "base/bytes.h"
#include "codec/text.h"
#include "merkle/lines.h"

#define ORDER_SLACK_MS 1000 /* two authorities' clocks need not agree to the last digit */

static const char renewal_head[] = "qifeng stamp renewal v1";

/* ---- a token for something ---- */

enum qf_status qf_stamp_request(struct qf_buf *request, struct qf_stamp_wanted *wanted,
                                struct qf_error *err)
{
    uint8_t imprint[QF_HASH_SIZE];
    wanted->nonce[0] = (uint8_t)((wanted->nonce[0] & 0x3f) | 0x40);
    qf_hash(QF_HASH_SHA256, imprint, wanted->file);
    return qf_timestamp_put_request(request, QF_HASH_SHA256, imprint,
                                    qf_slice_make(wanted->nonce, sizeof wanted->nonce),
                                    wanted->policy, err);
}

static bool is_over(const struct qf_timestamp *stamp, struct qf_slice file)
{
    uint8_t imprint[QF_HASH_SIZE];
    qf_hash(QF_HASH_SHA256, imprint, file);
    return stamp->hash == QF_HASH_SHA256 && memcmp(imprint, stamp->imprint, sizeof imprint) == 0;
}

enum qf_status qf_stamp_check_file(struct qf_timestamp *out, struct qf_slice token,
                                   struct qf_slice file, struct qf_error *err)
{
    enum qf_status status = qf_timestamp_read_claims(out, token, err);
    if (status == QF_OK && !is_over(out, file))
        status = qf_fail(err, QF_INVALID, "token", "it is over other bytes");
    return status;
}

enum qf_status qf_stamp_take(struct qf_buf *token, struct qf_timestamp *out,
                             struct qf_slice response, const struct qf_stamp_wanted *wanted,
                             const struct qf_timestamp_trust *trust, int64_t now_ms,
                             struct qf_error *err)
{
    struct qf_buf taken = {0};
    enum qf_status status = qf_timestamp_token(&taken, response, err);
    if (status == QF_OK)
        status = qf_timestamp_verify(out, qf_buf_slice(&taken), trust, err);
    int64_t apart_ms = status == QF_OK ? out->time_ms - now_ms : 0;
    if (status != QF_OK) {
        /* said above */
    } else if (!is_over(out, wanted->file)) {
        status = qf_fail(err, QF_INVALID, "messageImprint", "the token is over something else");
    } else if (out->nonce_size != sizeof wanted->nonce ||
               memcmp(out->nonce, wanted->nonce, sizeof wanted->nonce) != 0) {
        status = qf_fail(err, QF_INVALID, "nonce", "it is not the request's: an old answer?");
    } else if (wanted->policy != NULL && strcmp(wanted->policy, out->policy) != 0) {
        status = qf_fail(err, QF_INVALID, "policy", "it is %.100s, not %.100s", out->policy,
                         wanted->policy);
    } else if (apart_ms > QF_STAMP_SKEW_MS_MAX || apart_ms < -QF_STAMP_SKEW_MS_MAX) {
        status = qf_fail(err, QF_INVALID, "genTime",
                         "the authority's clock is %lld s %s of this node's: one of them is wrong",
                         (long long)(apart_ms < 0 ? -apart_ms : apart_ms) / 1000,
                         apart_ms < 0 ? "behind" : "ahead");
    } else {
        qf_buf_put_slice(token, qf_buf_slice(&taken));
        status = qf_buf_status(token);
    }
    qf_buf_deinit(&taken);
    return status;
}

/* ---- renewals ---- */

void qf_stamp_renewal_put(struct qf_buf *text, const struct qf_stamp_renewal *renewal)
{
    qf_buf_put_text(text, renewal_head);
    qf_buf_put_byte(text, '\n');
    qf_buf_put_slice(text, renewal->network);
    qf_buf_put_byte(text, '\n');
    qf_buf_put_int(text, (int64_t)renewal->number);
    qf_buf_put_byte(text, '\n');
    qf_buf_put_int(text, (int64_t)renewal->items);
    qf_buf_put_byte(text, '\n');
    qf_lines_put_hash(text, "", renewal->root);
}

enum qf_status qf_stamp_renewal_parse(struct qf_stamp_renewal *out, struct qf_slice text,
                                      struct qf_error *err)
{
    struct qf_slice line;
    *out = (struct qf_stamp_renewal){0};
    if (!qf_lines_next(&text, &line) || !qf_slice_is(line, renewal_head))
        return qf_fail(err, QF_MALFORMED, "line 1", "want %s", renewal_head);
    if (!qf_lines_next(&text, &out->network) || !qf_id_valid(out->network))
        return qf_fail(err, QF_MALFORMED, "line 2", "want the network's id");
    if (!qf_lines_next(&text, &line) || !qf_lines_number(&out->number, line) || out->number == 0)
        return qf_fail(err, QF_MALFORMED, "line 3", "want the number of the renewal, from 1");
    if (!qf_lines_next(&text, &line) || !qf_lines_number(&out->items, line) || out->items == 0 ||
        out->items > QF_STAMPS_MAX + 1)
        return qf_fail(err, QF_MALFORMED, "line 4", "want the number of items, 1 to %d",
                       QF_STAMPS_MAX + 1);
    if (!qf_lines_next(&text, &line) || !qf_lines_hash(out->root, line) || text.size > 0)
        return qf_fail(err, QF_MALFORMED, "line 5", "want the root, and then the end");
    return QF_OK;
}

void qf_stamp_item_hash(uint8_t out[QF_HASH_SIZE], struct qf_slice file, struct qf_slice token)
{
    uint8_t item[2 * QF_HASH_SIZE];
    qf_hash(QF_HASH_SHA256, item, file);
    qf_hash(QF_HASH_SHA256, item + QF_HASH_SIZE, token);
    qf_hash_leaf(QF_HASH_SHA256, out, qf_slice_make(item, sizeof item));
}

void qf_stamp_item_put(struct qf_buf *list, const struct qf_stamp_item *item)
{
    if (item->is_renewal)
        qf_buf_put_text(list, "renewal ");
    qf_buf_put_int(list, (int64_t)item->number);
    qf_lines_put_hash(list, " ", item->hash);
}

enum qf_status qf_stamp_item_next(struct qf_stamp_item *out, struct qf_slice *rest,
                                  struct qf_error *err)
{
    struct qf_slice line;
    *out = (struct qf_stamp_item){0};
    if (!qf_lines_next(rest, &line))
        return qf_fail(err, QF_MALFORMED, "list", "its last line has no end");
    out->is_renewal = qf_lines_label(&line, "renewal ");
    const uint8_t *space = line.size > 0 ? memchr(line.data, ' ', line.size) : NULL;
    size_t size = space != NULL ? (size_t)(space - line.data) : 0;
    if (space == NULL || !qf_lines_number(&out->number, qf_slice_make(line.data, size)) ||
        out->number == 0 ||
        !qf_lines_hash(out->hash, qf_slice_make(space + 1, line.size - size - 1)))
        return qf_fail(err, QF_MALFORMED, "list",
                       "want a size, or renewal and a number, and a hash");
    return QF_OK;
}

/* ---- chains ---- */

/* What file `i` is, and that it follows the one before. */
static enum qf_status check_link(struct qf_stamp_report *out, struct qf_slice network,
                                 const struct qf_stamp_link *links, size_t i, uint64_t *number,
                                 struct qf_error *err)
{
    struct qf_stamp_renewal renewal;
    uint8_t hash[QF_HASH_SIZE];
    const struct qf_stamp_link *link = &links[i];
    if (i == 0) {
        enum qf_status status = qf_checkpoint_parse_note(&out->checkpoint, link->file, err);
        if (status == QF_OK && !qf_slice_equal(out->checkpoint.origin, network))
            status = qf_fail(err, QF_INVALID, "file", "it is a checkpoint of another network");
        return status;
    }
    enum qf_status status = qf_stamp_renewal_parse(&renewal, link->file, err);
    if (status != QF_OK)
        return status;
    if (!qf_slice_equal(renewal.network, network))
        return qf_fail(err, QF_INVALID, "file", "it is a renewal of another network");
    if (renewal.number <= *number)
        return qf_fail(err, QF_INVALID, "file", "it is not a later renewal than the one before");
    *number = renewal.number;
    qf_stamp_item_hash(hash, links[i - 1].file, links[i - 1].token);
    if (link->index >= renewal.items ||
        qf_log_verify_inclusion(QF_HASH_SHA256, link->index, renewal.items, hash, &link->proof,
                                renewal.root) != QF_OK)
        return qf_fail(err, QF_INVALID, "proof",
                       "the renewal does not have the token before it: either was changed");
    return QF_OK;
}

static enum qf_status check_token(struct qf_timestamp *stamp, const struct qf_stamp_link *link,
                                  const struct qf_stamp_trust *trust, struct qf_error *err)
{
    const struct qf_timestamp_trust roots = {.roots = trust->roots,
                                             .root_count = trust->root_count};
    enum qf_status status = qf_stamp_check_file(stamp, link->token, link->file, err);
    if (status == QF_OK && trust->root_count > 0)
        status = qf_timestamp_verify(stamp, link->token, &roots, err);
    return status;
}

enum qf_status qf_stamp_verify(struct qf_stamp_report *out, struct qf_slice network,
                               const struct qf_stamp_link *links, size_t count,
                               const struct qf_stamp_trust *trust, struct qf_error *err)
{
    struct qf_timestamp before = {0};
    uint64_t number = 0;
    *out = (struct qf_stamp_report){.checked = trust->root_count > 0, .links = count};
    if (count == 0 || count > QF_STAMP_LINKS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "links", "want 1 to %d", QF_STAMP_LINKS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct qf_timestamp stamp;
        enum qf_status status = check_link(out, network, links, i, &number, err);
        if (status == QF_OK)
            status = check_token(&stamp, &links[i], trust, err);
        if (status == QF_OK && i > 0 && stamp.time_ms < before.time_ms - ORDER_SLACK_MS)
            status = qf_fail(err, QF_INVALID, "token", "it is older than the one that it renews");
        if (status != QF_OK) {
            qf_error_within(err, "links[%zu]", i);
            return status;
        }
        /* A token that nobody had stamped by its end shows nothing; a later one does. */
        if (i == 0 || (trust->root_count > 0 && stamp.time_ms > before.until_ms)) {
            out->from = i;
            out->time_ms = stamp.time_ms;
            memcpy(out->authority, stamp.authority, sizeof out->authority);
        }
        before = stamp;
    }
    out->until_ms = before.until_ms;
    memcpy(out->until_by, before.authority, sizeof out->until_by);
    if (trust->root_count > 0 && trust->now_ms > before.until_ms)
        return qf_fail(err, QF_CANNOT_TELL, "token",
                       "the certificate of %.100s has ended, and nothing has stamped the token "
                       "again before",
                       before.authority);
    return QF_OK;
}
