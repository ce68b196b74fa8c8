/* Who may read. With `api.read: members` everything but the routes marked open is for clients that
 * are known to belong to a member: by a client certificate (clients.c), or by a signature of the
 * request (RFC 9421) with an active key of an actor, whose member is in good standing, as the
 * ledger has it now.
 *
 * A signature covers at least the method and the whole address, and the digest of a body; it says
 * when it was made and by which key. It is good for QF_READ_SIGNATURE_AGE_MAX_S and counts once:
 * those that were used are remembered for as long as they would be good. The table is bounded;
 * where it is full, new ones must wait. */
#include <pthread.h>
#include <stdlib.h>

#include "api/api.h"
#include "codec/http_sig.h"
#include "codec/text.h"
#include "crypto/hash.h"
#include "kernel/signer.h"

#define WAYS 16 /* places in the table for one signature */
#define DIGEST_SIZE 16

struct used {
    uint8_t digest[DIGEST_SIZE];
    int64_t until_s; /* 0: free */
};

struct qf_readers {
    pthread_mutex_t lock;
    struct used used[QF_READ_SIGNATURES_MAX];
};

struct qf_readers *qf_readers_new(void)
{
    struct qf_readers *readers = calloc(1, sizeof *readers);
    QF_ASSERT(readers != NULL);
    pthread_mutex_init(&readers->lock, NULL);
    return readers;
}

void qf_readers_free(struct qf_readers *readers)
{
    if (readers == NULL)
        return;
    pthread_mutex_destroy(&readers->lock);
    free(readers);
}

/* Remembers a signature until it is too old: QF_OK, or why not. */
static enum qf_status use_once(struct qf_readers *readers, const struct qf_http_sig *sig,
                               int64_t now_s, struct qf_error *err)
{
    uint8_t digest[QF_HASH_SIZE];
    size_t first = 0;
    struct used *place = NULL;
    bool again = false;
    qf_hash(QF_HASH_SHA256, digest, qf_slice_make(sig->signature, sizeof sig->signature));
    for (size_t i = 0; i < 4; i++)
        first = first << 8 | digest[DIGEST_SIZE + i];
    struct used *set = &readers->used[first % (QF_READ_SIGNATURES_MAX / WAYS) * WAYS];
    pthread_mutex_lock(&readers->lock);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].until_s < now_s)
            place = &set[i];
        else if (memcmp(set[i].digest, digest, DIGEST_SIZE) == 0)
            again = true;
    }
    if (!again && place != NULL) {
        memcpy(place->digest, digest, DIGEST_SIZE);
        place->until_s = sig->created + QF_READ_SIGNATURE_AGE_MAX_S;
    }
    pthread_mutex_unlock(&readers->lock);
    if (again)
        return qf_fail(err, QF_UNAUTHENTICATED, "Signature",
                       "it was used before; sign each request anew, with a nonce");
    return place != NULL ? QF_OK
                         : qf_fail(err, QF_RATE_LIMITED, "Signature",
                                   "more signed requests came than can be remembered");
}

/* ---- what a signature covers ---- */

static struct qf_slice origin_of(struct qf_http_exchange *exchange, bool with_scheme)
{
    const struct qf_api *api = qf_api_of(exchange);
    const char *host = qf_http_header(exchange, "Host");
    if (api->options.url != NULL)
        return qf_slice_of(with_scheme ? api->options.url : strstr(api->options.url, "://") + 3);
    char *text = qf_arena_printf(&exchange->arena, "%s%s",
                                 !with_scheme       ? ""
                                 : exchange->secure ? "https://"
                                                    : "http://",
                                 host != NULL ? host : "");
    for (char *at = text; *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return qf_slice_of(text);
}

/* Components of RFC 9421 2.2 that an address has; the target was sent in origin form. */
static bool derived_value(struct qf_http_exchange *exchange, struct qf_slice name,
                          struct qf_slice *value)
{
    const char *target = exchange->target;
    size_t path_size = strcspn(target, "?");
    bool known = target[0] == '/';
    if (qf_slice_is(name, "@method")) {
        *value = qf_slice_of(exchange->method);
        known = true;
    } else if (qf_slice_is(name, "@target-uri")) {
        struct qf_slice origin = origin_of(exchange, true);
        *value =
            qf_slice_of(qf_arena_printf(&exchange->arena, "%.*s%s", QF_SLICE_ARGS(origin), target));
    } else if (qf_slice_is(name, "@authority")) {
        *value = origin_of(exchange, false);
    } else if (qf_slice_is(name, "@scheme")) {
        struct qf_slice origin = origin_of(exchange, true);
        *value = qf_slice_make(origin.data, origin.size > 5 && origin.data[4] == 's' ? 5 : 4);
    } else if (qf_slice_is(name, "@request-target")) {
        *value = qf_slice_of(target);
    } else if (qf_slice_is(name, "@path")) {
        *value = qf_slice_make(target, path_size);
    } else if (qf_slice_is(name, "@query")) {
        *value = target[path_size] == '?' ? qf_slice_of(target + path_size) : qf_slice_of("?");
    } else {
        known = false;
    }
    return known;
}

static bool value_of(void *arg, struct qf_slice name, struct qf_slice *value)
{
    struct qf_http_exchange *exchange = arg;
    if (name.data[0] == '@')
        return derived_value(exchange, name, value);
    const char *text = qf_http_header(exchange, qf_arena_text(&exchange->arena, name));
    if (text == NULL)
        return false;
    *value = qf_slice_of(text);
    while (value->size > 0 &&
           (value->data[value->size - 1] == ' ' || value->data[value->size - 1] == '\t'))
        value->size--; /* 2.1: without white space around */
    return true;
}

/* A body is covered by its digest (RFC 9530), and the digest is its. */
static enum qf_status check_body(struct qf_http_exchange *exchange, const struct qf_http_sig *sig,
                                 struct qf_error *err)
{
    uint8_t digest[QF_HASH_SIZE];
    char text[QF_BASE64_SIZE((size_t)QF_HASH_SIZE) + 1] = {0};
    bool covered = qf_http_sig_covers(sig, "content-digest");
    if (exchange->body.size == 0 && !covered)
        return QF_OK;
    if (!covered)
        return qf_fail(err, QF_UNAUTHENTICATED, "Signature-Input",
                       "content-digest is not covered, and the request has a body");
    const char *header = qf_http_header(exchange, "Content-Digest");
    qf_hash(QF_HASH_SHA256, digest, exchange->body);
    qf_base64_encode(text, qf_slice_make(digest, sizeof digest));
    const char *wanted = qf_arena_printf(&exchange->arena, "sha-256=:%s:", text);
    if (header == NULL || strstr(header, wanted) == NULL)
        return qf_fail(err, QF_UNAUTHENTICATED, "Content-Digest",
                       "want sha-256=:…: of the body that was sent");
    return QF_OK;
}

static enum qf_status check_terms(struct qf_http_exchange *exchange, const struct qf_http_sig *sig,
                                  int64_t now_s, struct qf_error *err)
{
    if (!qf_http_sig_covers(sig, "@method") || !qf_http_sig_covers(sig, "@target-uri"))
        return qf_fail(err, QF_UNAUTHENTICATED, "Signature-Input",
                       "cover at least \"@method\" and \"@target-uri\"");
    if (sig->created < 0 || sig->keyid.data == NULL)
        return qf_fail(err, QF_UNAUTHENTICATED, "Signature-Input",
                       "say when it was created and which keyid signs");
    if (sig->created > now_s + QF_READ_SIGNATURE_AHEAD_MAX_S ||
        sig->created < now_s - QF_READ_SIGNATURE_AGE_MAX_S)
        return qf_fail(err, QF_UNAUTHENTICATED, "created",
                       "%lld is not within %d seconds before and %d after the node's time %lld; "
                       "check this computer's clock",
                       (long long)sig->created, QF_READ_SIGNATURE_AGE_MAX_S,
                       QF_READ_SIGNATURE_AHEAD_MAX_S, (long long)now_s);
    if (sig->expires >= 0 && sig->expires <= now_s)
        return qf_fail(err, QF_UNAUTHENTICATED, "expires", "%lld is past", (long long)sig->expires);
    return check_body(exchange, sig, err);
}

/* ---- whose it is ---- */

/* Names of RFC 9421 6.2.2; the last one is ours. */
static const char *alg_name(enum qf_sig_alg alg)
{
    return alg == QF_ALG_ES256 ? "ecdsa-p256-sha256" : alg == QF_ALG_EDDSA ? "ed25519" : "sm2-sm3";
}

static enum qf_status check_signer(struct qf_http_exchange *exchange, const struct qf_http_sig *sig,
                                   struct qf_error *err)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_ledger_view view;
    struct qf_signer signer;
    qf_ledger_view_init(&view, api->options.ledger, &exchange->arena);
    bool known = sig->keyid.size == QF_KID_SIZE &&
                 qf_signer_load(&signer, &view.reader, &exchange->arena, sig->keyid);
    qf_ledger_view_deinit(&view);
    if (!known)
        return qf_fail(err, QF_UNKNOWN_KEY, "keyid", "no such key is on the ledger");
    enum qf_status status = qf_signer_standing(&signer, err);
    if (status != QF_OK)
        return qf_fail(err, status, "keyid", "%s",
                       status == QF_KEY_REVOKED ? "the key is revoked or was replaced"
                                                : "its member is suspended or has left");
    if (sig->alg.data != NULL && !qf_slice_is(sig->alg, alg_name(signer.key.alg)))
        return qf_fail(err, QF_UNSUPPORTED_ALG, "alg", "this key signs with %s",
                       alg_name(signer.key.alg));
    struct qf_buf base = {0};
    status = qf_http_sig_put_base(&base, sig, value_of, exchange, err);
    if (status == QF_OK && !qf_verifier_check_one(api->options.verifier, &signer.key,
                                                  qf_buf_slice(&base), sig->signature))
        status = qf_fail(err, QF_BAD_SIGNATURE, "Signature",
                         "it is not the key's over what Signature-Input says");
    qf_buf_deinit(&base);
    return status;
}

enum qf_status qf_api_identify(struct qf_http_exchange *exchange, struct qf_error *err)
{
    struct qf_api *api = qf_api_of(exchange);
    const char *input = qf_http_header(exchange, "Signature-Input");
    const char *signature = qf_http_header(exchange, "Signature");
    struct qf_http_sig sig;
    if (exchange->client_known)
        return QF_OK;
    if (input == NULL || signature == NULL)
        return qf_fail(err, QF_UNAUTHENTICATED, input == NULL ? "Signature-Input" : "Signature",
                       "this is for members: sign the request with an actor's key, or show a "
                       "client certificate");
    int64_t now_s = api->options.clock.now_ms(api->options.clock.self) / 1000;
    enum qf_status status =
        qf_http_sig_parse(&sig, qf_slice_of(input), qf_slice_of(signature), err);
    if (status == QF_OK)
        status = check_terms(exchange, &sig, now_s, err);
    if (status == QF_OK)
        status = check_signer(exchange, &sig, err);
    return status == QF_OK ? use_once(api->readers, &sig, now_s, err) : status;
}

bool qf_api_may(struct qf_http_exchange *exchange, const struct qf_route *route)
{
    struct qf_error err = {0};
    /* What is posted is signed itself, or a service to whoever asks. */
    if (!qf_api_of(exchange)->options.members_only || route->open ||
        strcmp(route->method, "GET") != 0 || qf_api_identify(exchange, &err) == QF_OK)
        return true;
    qf_http_reply_problem(exchange, &err);
    if (exchange->response.status == 401)
        qf_http_set_header(exchange, "Accept-Signature",
                           "sig=(\"@method\" \"@target-uri\");created;keyid;nonce");
    return false;
}
