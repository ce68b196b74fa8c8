/* The log as others read it: checkpoint, tiles, proofs, the network's own facts. */
#include <stdlib.h>

#include "api/api.h"
#include "codec/text.h"
#include "merkle/proof_json.h"

enum qf_status qf_api_checkpoint(struct qf_api *api, struct qf_buf *out)
{
    struct qf_ledger_head head;
    struct qf_checkpoint checkpoint;
    struct qf_buf text = {0};
    const struct qf_cosigner *cosigner = api->options.signer.cosigner;
    if (cosigner != NULL && cosigner->quorum > 0)
        return cosigner->note(cosigner->self, out, cosigner->quorum);
    qf_ledger_head(api->options.ledger, &head);
    qf_ledger_checkpoint(api->options.ledger, &head, &checkpoint);
    qf_checkpoint_put(&text, &checkpoint);
    qf_buf_put_slice(out, qf_buf_slice(&text));
    qf_buf_put_byte(out, '\n');
    enum qf_status status =
        qf_note_put_signature(out, qf_buf_slice(&text), api->options.signer.name, QF_NOTE_ED25519,
                              api->options.signer.key, 0, NULL);
    if (status == QF_OK && cosigner != NULL)
        (void)cosigner->lines(cosigner->self, out, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return status == QF_OK ? qf_buf_status(out) : status;
}

static void reply_failure(struct qf_http_exchange *exchange, enum qf_status status,
                          const char *field, const char *detail)
{
    struct qf_error err = {0};
    (void)qf_fail(&err, status, field, "%s", detail);
    qf_http_reply_problem(exchange, &err);
}

void qf_api_get_checkpoint(struct qf_http_exchange *exchange)
{
    enum qf_status status = qf_api_checkpoint(qf_api_of(exchange), &exchange->response.body);
    if (status != QF_OK) {
        if (status == QF_NOT_FOUND)
            reply_failure(exchange, QF_UNAVAILABLE, "witness_quorum",
                          "no checkpoint has the cosignatures yet that node.yaml wants; see the "
                          "witnesses in /v1/health");
        else
            reply_failure(exchange, status, "", "the checkpoint cannot be signed");
        return;
    }
    exchange->response.status = 200;
    exchange->response.type = "text/plain; charset=utf-8";
    qf_http_set_header(exchange, "Cache-Control", "no-cache");
}

void qf_api_get_tile(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_tile tile;
    if (!qf_tile_parse(&tile, qf_slice_of(exchange->path + 1))) {
        reply_failure(exchange, QF_NO_SUCH_RESOURCE, "path", "not the path of a tile");
        return;
    }
    enum qf_status status =
        qf_tiles_read(qf_ledger_tiles(api->options.ledger), &exchange->response.body, &tile);
    if (status != QF_OK) {
        reply_failure(exchange, status == QF_NOT_FOUND ? QF_NO_SUCH_RESOURCE : status, "path",
                      "the log has no such tile yet");
        return;
    }
    exchange->response.status = 200;
    exchange->response.type = "application/octet-stream";
    /* Entries may be for members only, and then are no proxy's to give to others. */
    bool shared = !api->options.members_only || strncmp(exchange->path, "/tile/entries/", 14) != 0;
    qf_http_set_header(exchange, "Cache-Control",
                       shared ? "public, max-age=31536000, immutable"
                              : "private, max-age=31536000, immutable");
}

static struct qf_json hex_of(struct qf_arena *arena, const uint8_t hash[QF_HASH_SIZE])
{
    char *text = qf_arena_alloc(arena, 2UL * QF_HASH_SIZE);
    qf_hex_encode(text, qf_slice_make(hash, QF_HASH_SIZE));
    return qf_json_make_slice(qf_slice_make(text, 2UL * QF_HASH_SIZE));
}

void qf_api_get_network(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_ledger_head head;
    qf_ledger_head(api->options.ledger, &head);
    struct qf_json keys = qf_json_make_array();
    qf_json_append(arena, &keys, qf_json_make_text(api->note_key));
    struct qf_json object = qf_json_make_object();
    enum qf_suite suite = qf_ledger_suite(api->options.ledger);
    qf_json_put(arena, &object, "app_hash", hex_of(arena, head.app_hash));
    qf_json_put(arena, &object, "height", qf_json_make_int((int64_t)head.height));
    qf_json_put(arena, &object, "id", qf_json_make_slice(qf_ledger_network(api->options.ledger)));
    qf_json_put(arena, &object, "log_root", hex_of(arena, head.root));
    qf_json_put(arena, &object, "log_size", qf_json_make_int((int64_t)head.size));
    qf_json_put(arena, &object, "note_keys", keys);
    qf_json_put(arena, &object, "software", qf_json_make_text(api->options.version));
    qf_json_put(arena, &object, "state_root", hex_of(arena, head.state_root));
    qf_json_put(arena, &object, "suite", qf_json_make_text(qf_suite_name(suite)));
    qf_json_put(arena, &object, "time", qf_json_make_int(head.time_ms));
    qf_http_reply_json(exchange, 200, &object);
}

void qf_api_get_genesis(struct qf_http_exchange *exchange)
{
    qf_http_reply_bytes(exchange, "application/json",
                        qf_ledger_genesis(qf_api_of(exchange)->options.ledger));
}

/* GET /v1/proof?leaf=N[&size=M] or ?old=N[&size=M]: inclusion or consistency, hashes in base64. */
void qf_api_get_proof(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_ledger_head head;
    qf_ledger_head(api->options.ledger, &head);
    int64_t leaf;
    int64_t old;
    int64_t size;
    struct qf_error err = {0};
    int64_t top = (int64_t)head.size;
    if (qf_api_query_int(exchange, "size", top, top, &size, &err) != QF_OK ||
        qf_api_query_int(exchange, "leaf", -1, size - 1, &leaf, &err) != QF_OK ||
        qf_api_query_int(exchange, "old", -1, size, &old, &err) != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    if ((leaf < 0) == (old < 0)) {
        reply_failure(exchange, QF_BAD_FIELD, "leaf", "want leaf (inclusion) or old (consistency)");
        return;
    }
    struct qf_hash_reader reader;
    struct qf_log_proof proof;
    qf_tiles_reader(qf_ledger_tiles(api->options.ledger), QF_HASH_SHA256, &reader);
    enum qf_status status = leaf >= 0
                                ? qf_log_prove_inclusion(QF_HASH_SHA256, &proof, (uint64_t)leaf,
                                                         (uint64_t)size, &reader)
                                : qf_log_prove_consistency(QF_HASH_SHA256, &proof, (uint64_t)old,
                                                           (uint64_t)size, &reader);
    if (status != QF_OK) {
        reply_failure(exchange, status, "", "the log cannot be read there");
        return;
    }
    struct qf_json object = qf_json_make_object();
    qf_json_put(arena, &object, leaf >= 0 ? "leaf" : "old",
                qf_json_make_int(leaf >= 0 ? leaf : old));
    qf_json_put(arena, &object, "proof", qf_proof_to_json(arena, &proof));
    qf_json_put(arena, &object, "size", qf_json_make_int(size));
    qf_http_reply_json(exchange, 200, &object);
}
