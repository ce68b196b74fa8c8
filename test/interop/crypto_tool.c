/* What the interoperability tests drive: keys, signatures, certificates and time-stamps of ours
 * from the command line, one command a run. KEY is a file or a pkcs11: URI, under TOOL_PASSPHRASE.
 * Exit status 0: done, or good; 1: refused, or not good; 2: wrong usage. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/jws.h"
#include "codec/text.h"
#include "crypto/evp.h"
#include "crypto/verify/verify.h"
#include "crypto/x509.h"
#include "timestamp/timestamp.h"

#define FILE_SIZE_MAX (1 << 20)
#define DAY_MS 86400000LL

static struct qf_error problem;

static int refused(void)
{
    fprintf(stderr, "%s: %s: %s\n", qf_status_name(problem.status), problem.field, problem.detail);
    return 1;
}

static int64_t now_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

static struct qf_buf read_file(const char *path)
{
    struct qf_buf bytes = {0};
    FILE *file = fopen(path, "rb");
    uint8_t *place = qf_buf_reserve(&bytes, FILE_SIZE_MAX);
    if (file == NULL || place == NULL) {
        perror(path);
        exit(2);
    }
    qf_buf_grow(&bytes, fread(place, 1, FILE_SIZE_MAX, file));
    fclose(file);
    return bytes;
}

static void write_file(const char *path, struct qf_slice bytes)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes.data, 1, bytes.size, file) != bytes.size ||
        fclose(file) != 0) {
        perror(path);
        exit(2);
    }
}

static struct qf_slice passphrase(void)
{
    const char *text = getenv("TOOL_PASSPHRASE");
    return text != NULL ? qf_slice_of(text) : (struct qf_slice){NULL, 0};
}

static struct qf_private_key *load_key(const char *path)
{
    struct qf_private_key *key = NULL;
    enum qf_status status = strncmp(path, "pkcs11:", 7) == 0
                                ? qf_private_key_open_pkcs11(&key, path, passphrase(), &problem)
                                : qf_private_key_load(&key, path, passphrase(), &problem);
    if (status != QF_OK)
        exit(refused());
    return key;
}

static struct qf_x509 *load_cert(const char *path)
{
    struct qf_buf bytes = read_file(path);
    struct qf_x509 *cert = NULL;
    if (qf_x509_import(&cert, qf_buf_slice(&bytes), &problem) != QF_OK)
        exit(refused());
    qf_buf_deinit(&bytes);
    return cert;
}

/* keygen ALG KEY */
static int keygen(char **args)
{
    struct qf_private_key *key = NULL;
    enum qf_sig_alg alg = QF_ALG_ES256;
    if (!qf_sig_alg_parse(&alg, qf_slice_of(args[0])))
        return 2;
    if (qf_private_key_generate(&key, alg, &problem) != QF_OK ||
        qf_private_key_save(key, args[1], passphrase(), &problem) != QF_OK)
        return refused();
    qf_private_key_free(key);
    return 0;
}

/* public KEY: {"alg","jwk","kid"} */
static int show_public(char **args)
{
    struct qf_private_key *key = load_key(args[0]);
    struct qf_public_key public_key;
    struct qf_arena arena = {0};
    struct qf_buf out = {0};
    char kid[QF_KID_SIZE + 1];
    struct qf_json object = qf_json_make_object();
    qf_private_key_public(key, &public_key);
    qf_public_key_kid(kid, &public_key);
    qf_json_put(&arena, &object, "alg", qf_json_make_text(qf_sig_alg_name(public_key.alg)));
    qf_json_put(&arena, &object, "jwk", qf_public_key_to_jwk(&arena, &public_key));
    qf_json_put(&arena, &object, "kid", qf_json_make_text(kid));
    qf_json_write(&out, &object);
    printf("%s\n", qf_buf_text(&out));
    qf_buf_deinit(&out);
    qf_arena_deinit(&arena);
    qf_private_key_free(key);
    return 0;
}

/* sign KEY MESSAGE SIGNATURE: raw, and DER beside it as SIGNATURE.der */
static int sign(char **args)
{
    struct qf_private_key *key = load_key(args[0]);
    struct qf_buf message = read_file(args[1]);
    struct qf_public_key public_key;
    uint8_t raw[QF_SIGNATURE_SIZE];
    uint8_t der[QF_DER_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    char path[4096];
    qf_private_key_public(key, &public_key);
    if (qf_private_key_sign(key, raw, qf_buf_slice(&message), &problem) != QF_OK)
        return refused();
    if (!qf_evp_signature_to_der(der, &size, public_key.alg, raw))
        return 1;
    snprintf(path, sizeof path, "%s.der", args[2]);
    write_file(args[2], qf_slice_make(raw, sizeof raw));
    write_file(path, qf_slice_make(der, size));
    qf_buf_deinit(&message);
    qf_private_key_free(key);
    return 0;
}

static int check(const char *jwk_path, struct qf_slice message,
                 const uint8_t signature[QF_SIGNATURE_SIZE])
{
    struct qf_buf text = read_file(jwk_path);
    struct qf_arena arena = {0};
    struct qf_json jwk;
    struct qf_public_key key;
    if (qf_json_parse(&arena, &jwk, qf_buf_slice(&text), QF_JSON_ANY, &problem) != QF_OK ||
        qf_public_key_from_jwk(&key, &jwk, &problem) != QF_OK)
        return refused();
    static const enum qf_verifier_kind kinds[] = {QF_VERIFIER_OPENSSL, QF_VERIFIER_AUTO};
    int answers[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        struct qf_verifier *verifier = NULL;
        const struct qf_verifier_options options = {.kind = kinds[i]};
        if (qf_verifier_new(&verifier, &options, &problem) != QF_OK)
            return refused();
        answers[i] = qf_verifier_check_one(verifier, &key, message, signature) ? 0 : 1;
        qf_verifier_free(verifier);
    }
    QF_ASSERT(answers[0] == answers[1]);
    qf_arena_deinit(&arena);
    qf_buf_deinit(&text);
    return answers[0];
}

/* verify JWK MESSAGE SIGNATURE (raw, or DER of P-256 and SM2) */
static int verify(char **args)
{
    struct qf_buf message = read_file(args[1]), signature = read_file(args[2]);
    uint8_t raw[QF_SIGNATURE_SIZE];
    if (signature.size == QF_SIGNATURE_SIZE)
        memcpy(raw, signature.data, sizeof raw);
    else if (!qf_evp_signature_from_der(raw, QF_ALG_ES256, qf_buf_slice(&signature)))
        return 1;
    int answer = check(args[0], qf_buf_slice(&message), raw);
    qf_buf_deinit(&message);
    qf_buf_deinit(&signature);
    return answer;
}

/* jws KEY PAYLOAD: a compact JWS of type qf-tx */
static int make_jws(char **args)
{
    struct qf_private_key *key = load_key(args[0]);
    struct qf_buf payload = read_file(args[1]), out = {0};
    struct qf_public_key public_key;
    char kid[QF_KID_SIZE + 1];
    uint8_t signature[QF_SIGNATURE_SIZE];
    qf_private_key_public(key, &public_key);
    qf_public_key_kid(kid, &public_key);
    qf_jws_put_signing_input(&out, qf_sig_alg_name(public_key.alg), qf_slice_of(kid), "qf-tx",
                             qf_buf_slice(&payload));
    if (qf_private_key_sign(key, signature, qf_buf_slice(&out), &problem) != QF_OK)
        return refused();
    qf_jws_put_signature(&out, signature);
    printf("%s\n", qf_buf_text(&out));
    qf_buf_deinit(&payload);
    qf_buf_deinit(&out);
    qf_private_key_free(key);
    return 0;
}

/* jws-verify JWK COMPACT: prints the payload */
static int verify_jws(char **args)
{
    struct qf_buf compact = read_file(args[1]);
    struct qf_arena arena = {0};
    struct qf_jws jws;
    while (compact.size > 0 && compact.data[compact.size - 1] == '\n')
        compact.size--;
    if (qf_jws_decode(&arena, &jws, qf_buf_slice(&compact), &problem) != QF_OK)
        return refused();
    int answer = check(args[0], jws.signing_input, jws.signature);
    if (answer == 0)
        printf("%.*s\n", QF_SLICE_ARGS(jws.payload));
    qf_arena_deinit(&arena);
    qf_buf_deinit(&compact);
    return answer;
}

/* certify ISSUER_CERT ISSUER_KEY SUBJECT_KEY USE NAME OUT; ISSUER_CERT "-" makes a root */
static int certify(char **args)
{
    static const char *const uses[] = {[QF_X509_CA] = "ca",
                                       [QF_X509_SIGNING] = "signing",
                                       [QF_X509_TLS] = "tls",
                                       [QF_X509_TIMESTAMP] = "timestamp"};
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    uint8_t serial[16] = {1};
    struct qf_public_key subject;
    struct qf_private_key *issuer_key = load_key(args[1]), *subject_key = load_key(args[2]);
    struct qf_x509 *issuer = NULL, *cert = NULL;
    struct qf_x509_spec spec = {.use = QF_X509_CA,
                                .common_name = args[4],
                                .organization = "骑缝",
                                .country = "CN",
                                .hosts = hosts,
                                .serial = serial,
                                .serial_size = sizeof serial,
                                .not_before_ms = now_ms() / DAY_MS * DAY_MS - DAY_MS,
                                .not_after_ms = now_ms() / DAY_MS * DAY_MS + 400 * DAY_MS};
    for (enum qf_x509_use use = QF_X509_CA; use <= QF_X509_TIMESTAMP; use++)
        if (strcmp(args[3], uses[use]) == 0)
            spec.use = use;
    spec.host_count = spec.use == QF_X509_TLS ? 2 : 0;
    serial[15] = (uint8_t)strlen(args[4]);
    qf_private_key_public(subject_key, &subject);
    enum qf_status status = QF_OK;
    if (strcmp(args[0], "-") == 0) {
        status = qf_x509_make_root(&cert, issuer_key, &spec, &problem);
    } else {
        issuer = load_cert(args[0]);
        status = qf_x509_issue(&cert, issuer, issuer_key, &subject, &spec, &problem);
    }
    if (status != QF_OK)
        return refused();
    struct qf_buf pem = {0};
    qf_x509_put_pem(&pem, cert);
    write_file(args[5], qf_buf_slice(&pem));
    qf_buf_deinit(&pem);
    qf_x509_free(cert);
    qf_x509_free(issuer);
    qf_private_key_free(issuer_key);
    qf_private_key_free(subject_key);
    return 0;
}

/* cert-verify ROOT LEAF: prints subject and kid */
static int verify_cert(char **args)
{
    struct qf_x509 *root = load_cert(args[0]), *leaf = load_cert(args[1]);
    const struct qf_x509 *const roots[] = {root};
    const struct qf_x509_path path = {
        .roots = roots, .root_count = 1, .at_ms = now_ms(), .use = QF_X509_SIGNING};
    struct qf_x509_info info;
    struct qf_public_key key;
    char kid[QF_KID_SIZE + 1];
    if (qf_x509_verify(leaf, &path, &problem) != QF_OK ||
        qf_x509_public_key(leaf, &key, &problem) != QF_OK)
        return refused();
    qf_x509_read(leaf, &info);
    qf_public_key_kid(kid, &key);
    printf("%s\n%s\n", info.subject, kid);
    qf_x509_free(root);
    qf_x509_free(leaf);
    return 0;
}

/* stamp KEY CERT CHAIN_CERT QUERY RESPONSE */
static int stamp(char **args)
{
    static const uint8_t serial[] = {0x51, 0x46, 1};
    struct qf_private_key *key = load_key(args[0]);
    struct qf_x509 *cert = load_cert(args[1]), *above = load_cert(args[2]);
    struct qf_buf request = read_file(args[3]), response = {0};
    const struct qf_x509 *const chain[] = {above};
    const struct qf_tsa_options options = {
        .key = key, .certificate = cert, .chain = chain, .chain_count = 1};
    const struct qf_tsa_moment moment = {.time_ms = now_ms() + 789,
                                         .serial = qf_slice_make(serial, sizeof serial)};
    struct qf_tsa *tsa = NULL;
    if (qf_tsa_new(&tsa, &options, &problem) != QF_OK)
        return refused();
    enum qf_status status =
        qf_tsa_answer(tsa, &response, qf_buf_slice(&request), &moment, &problem);
    write_file(args[4], qf_buf_slice(&response));
    qf_tsa_free(tsa);
    qf_x509_free(cert);
    qf_x509_free(above);
    qf_private_key_free(key);
    qf_buf_deinit(&request);
    qf_buf_deinit(&response);
    return status == QF_OK ? 0 : refused();
}

/* stamp-verify ROOT RESPONSE: prints time, hash name and imprint */
static int verify_stamp(char **args)
{
    struct qf_x509 *root = load_cert(args[0]);
    struct qf_buf response = read_file(args[1]), token = {0}, hex = {0};
    const struct qf_x509 *const roots[] = {root};
    const struct qf_timestamp_trust trust = {.roots = roots, .root_count = 1};
    struct qf_timestamp got;
    if (qf_timestamp_token(&token, qf_buf_slice(&response), &problem) != QF_OK ||
        qf_timestamp_verify(&got, qf_buf_slice(&token), &trust, &problem) != QF_OK)
        return refused();
    qf_buf_put_hex(&hex, qf_slice_make(got.imprint, sizeof got.imprint));
    printf("%lld\n%s\n%s\n", (long long)got.time_ms, qf_hash_alg_name(got.hash), qf_buf_text(&hex));
    qf_x509_free(root);
    qf_buf_deinit(&response);
    qf_buf_deinit(&token);
    qf_buf_deinit(&hex);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int args;
        int (*run)(char **args);
    } commands[] = {
        {"keygen", 2, keygen},   {"public", 1, show_public},
        {"sign", 3, sign},       {"verify", 3, verify},
        {"jws", 2, make_jws},    {"jws-verify", 2, verify_jws},
        {"certify", 6, certify}, {"cert-verify", 2, verify_cert},
        {"stamp", 5, stamp},     {"stamp-verify", 2, verify_stamp},
    };
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0 && argc == commands[i].args + 2)
            return commands[i].run(argv + 2);
    fprintf(stderr, "usage: crypto-tool COMMAND ARGS; see the source\n");
    return 2;
}
