#include "node/tls.h"

#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "codec/text.h"

#define PEM_SIZE_MAX ((size_t)QF_CERT_CHAIN_MAX * QF_CERT_SIZE_MAX)

static enum qf_status load_key(struct qf_node_tls *tls, const struct qf_config_tls *config,
                               struct qf_slice passphrase, struct qf_public_key *public,
                               struct qf_error *err)
{
    struct qf_private_key *key = NULL;
    enum qf_status status = qf_private_key_load(&key, config->key, passphrase, err);
    if (status != QF_OK)
        return status;
    qf_private_key_public(key, public);
    BIO *bio = BIO_new(BIO_s_secmem());
    BUF_MEM *text = NULL;
    if (bio != NULL &&
        PEM_write_bio_PKCS8PrivateKey(bio, qf_private_key_evp(key), NULL, NULL, 0, NULL, NULL) ==
            1 &&
        BIO_get_mem_ptr(bio, &text) == 1) {
        tls->key = calloc(1, text->length + 1);
        if (tls->key != NULL)
            memcpy(tls->key, text->data, text->length); /* NOLINT: calloc ends it */
    }
    BIO_free(bio);
    qf_private_key_free(key);
    return tls->key != NULL ? QF_OK : qf_fail(err, QF_CRYPTO, config->key, "cannot be used");
}

static enum qf_status check_pair(const struct qf_config_tls *config, struct qf_slice pem,
                                 const struct qf_public_key *key, struct qf_error *err)
{
    struct qf_x509 *chain[QF_CERT_CHAIN_MAX];
    struct qf_public_key certified;
    size_t count = 0;
    enum qf_status status = qf_x509_import_chain(chain, &count, pem, err);
    if (status == QF_OK)
        status = qf_x509_public_key(chain[0], &certified, err);
    if (status != QF_OK)
        qf_error_within(err, "%s", config->certificate);
    else if (certified.alg != QF_ALG_ES256)
        status = qf_fail(err, QF_UNSUPPORTED_ALG, config->certificate,
                         "TLS wants a certificate for a P-256 key");
    else if (!qf_public_key_equal(&certified, key))
        status = qf_fail(err, QF_BAD_FIELD, config->certificate,
                         "its first certificate is not for the key in %s", config->key);
    for (size_t i = 0; i < count; i++)
        qf_x509_free(chain[i]);
    return status;
}

/* The names that clients are told; what decides is the state of the ledger at the time. */
static enum qf_status name_members(struct qf_node_tls *tls, struct qf_arena *arena,
                                   const struct qf_json *genesis, struct qf_error *err)
{
    struct qf_buf pem = {0};
    const struct qf_json *members = qf_json_get(genesis, "members");
    for (uint32_t i = 0; members != NULL && i < members->count; i++) {
        const struct qf_json *ca = qf_json_get(&members->items[i], "ca");
        struct qf_x509 *cert;
        size_t size = 0;
        if (ca == NULL || ca->type != QF_JSON_STRING)
            continue;
        uint8_t *der = qf_arena_alloc(arena, ca->count);
        if (!qf_base64_decode(der, &size, qf_json_text(ca)) ||
            qf_x509_import(&cert, qf_slice_make(der, size), NULL) != QF_OK)
            continue;
        qf_x509_put_pem(&pem, cert);
        qf_x509_free(cert);
    }
    if (pem.size > 0)
        tls->ca_names = qf_arena_text(arena, qf_buf_slice(&pem));
    qf_buf_deinit(&pem);
    return tls->ca_names != NULL
               ? QF_OK
               : qf_fail(err, QF_BAD_FIELD, "node.yaml",
                         "tls.clients: no member has a certification authority; set client_roots");
}

enum qf_status qf_node_tls_load(struct qf_node_tls *out, struct qf_arena *arena,
                                const struct qf_config_tls *config, const struct qf_json *genesis,
                                struct qf_slice passphrase, struct qf_error *err)
{
    *out = (struct qf_node_tls){0};
    if (config->certificate == NULL)
        return QF_OK;
    struct qf_slice pem;
    struct qf_slice roots;
    struct qf_public_key key;
    enum qf_status status =
        qf_config_read_file(arena, &pem, config->certificate, PEM_SIZE_MAX, err);
    if (status == QF_OK)
        status = load_key(out, config, passphrase, &key, err);
    if (status == QF_OK)
        status = check_pair(config, pem, &key, err);
    if (status != QF_OK)
        return status;
    out->certificate = (const char *)pem.data;
    if (config->clients == QF_CLIENTS_ANY)
        return QF_OK;
    if (config->client_roots == NULL)
        return name_members(out, arena, genesis, err);
    status = qf_config_read_file(arena, &roots, config->client_roots, PEM_SIZE_MAX, err);
    if (status == QF_OK)
        status = qf_x509_import_chain(out->roots, &out->root_count, roots, err);
    if (status == QF_OK)
        out->ca_names = (const char *)roots.data;
    return status;
}

void qf_node_tls_deinit(struct qf_node_tls *tls)
{
    if (tls->key != NULL)
        OPENSSL_cleanse(tls->key, strlen(tls->key));
    free(tls->key);
    for (size_t i = 0; i < tls->root_count; i++)
        qf_x509_free(tls->roots[i]);
    *tls = (struct qf_node_tls){0};
}
