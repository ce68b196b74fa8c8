/* Key files: one PKCS#8 PEM block (RFC 5958, RFC 7468), in clear or under a passphrase (PBES2, RFC
 * 8018). Every form made here can be read by the openssl program. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "crypto/key_internal.h"

#define KEY_FILE_SIZE_MAX 16384
#define PASSPHRASE_SIZE_MAX 1024

/* scrypt with 16 MiB, the most that OpenSSL's own reader allows itself by default, five times over
 * (OWASP's equal of 128 MiB once). OpenSSL 3.0 knows no PRF of HMAC-SM3, so suite gm uses
 * HMAC-SHA-256 in PBKDF2. */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5
#define PBKDF2_ITERATIONS 600000
#define SALT_SIZE 16

static enum qf_status read_file(const char *path, uint8_t out[KEY_FILE_SIZE_MAX], size_t *size,
                                struct qf_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return qf_fail(err, QF_IO, path, "the key file cannot be opened: %s",
                       strerrordesc_np(errno));
    size_t done = 0;
    ssize_t got = 1;
    while (done < KEY_FILE_SIZE_MAX && got != 0) {
        got = read(fd, out + done, KEY_FILE_SIZE_MAX - done);
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0)
            done += (size_t)got;
    }
    int code = errno;
    close(fd);
    if (got < 0)
        return qf_fail(err, QF_IO, path, "the key file cannot be read: %s", strerrordesc_np(code));
    if (got != 0)
        return qf_fail(err, QF_OVER_LIMIT, path, "a key file has at most %d bytes",
                       KEY_FILE_SIZE_MAX - 1);
    *size = done;
    return QF_OK;
}

static enum qf_status decrypt(PKCS8_PRIV_KEY_INFO **out, const char *path, const uint8_t *der,
                              long size, struct qf_slice passphrase, struct qf_error *err)
{
    if (passphrase.size == 0)
        return qf_fail(err, QF_PASSPHRASE, path, "the key file is encrypted");
    X509_SIG *sealed = d2i_X509_SIG(NULL, &der, size);
    if (sealed == NULL)
        return qf_evp_fail(err, QF_MALFORMED, path, "the encrypted key has not the PKCS#8 form");
    *out = PKCS8_decrypt(sealed, (const char *)passphrase.data, (int)passphrase.size);
    X509_SIG_free(sealed);
    if (*out == NULL) {
        ERR_clear_error();
        return qf_fail(err, QF_PASSPHRASE, path, "the passphrase does not open the key file");
    }
    return QF_OK;
}

/* The private key must belong to the public key that stands beside it in the file. */
static bool pair_agrees(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool good = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static enum qf_status parse_pem(struct qf_private_key **out, const char *path, BIO *pem,
                                struct qf_slice passphrase, struct qf_error *err)
{
    char *name = NULL;
    char *header = NULL;
    uint8_t *der = NULL;
    long size = 0;
    PKCS8_PRIV_KEY_INFO *info = NULL;
    enum qf_status status = QF_OK;
    if (PEM_read_bio(pem, &name, &header, &der, &size) != 1) {
        status = qf_evp_fail(err, QF_MALFORMED, path, "no PEM block in the key file");
    } else if (strcmp(name, PEM_STRING_PKCS8) == 0) {
        status = decrypt(&info, path, der, size, passphrase, err);
    } else if (strcmp(name, PEM_STRING_PKCS8INF) == 0) {
        const uint8_t *at = der;
        info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, size);
    } else {
        status = qf_fail(err, QF_MALFORMED, path,
                         "the first PEM block is \"%.40s\", not a PKCS#8 private key; "
                         "`openssl pkcs8 -topk8` converts",
                         name);
    }
    EVP_PKEY *pkey = info != NULL ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (size > 0)
        qf_wipe(der, (size_t)size);
    OPENSSL_free(der);
    OPENSSL_free(name);
    OPENSSL_free(header);
    if (status != QF_OK)
        return status;
    if (pkey == NULL || !pair_agrees(pkey)) {
        EVP_PKEY_free(pkey);
        return qf_evp_fail(err, QF_MALFORMED, path, "not a good private key");
    }
    status = qf_key_wrap(out, pkey, false, err);
    if (status != QF_OK && err != NULL)
        qf_error_within(err, "%s", path);
    return status;
}

enum qf_status qf_private_key_load(struct qf_private_key **out, const char *path,
                                   struct qf_slice passphrase, struct qf_error *err)
{
    if (passphrase.size > PASSPHRASE_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "passphrase", "a passphrase has at most %d bytes",
                       PASSPHRASE_SIZE_MAX);
    uint8_t bytes[KEY_FILE_SIZE_MAX];
    size_t size = 0;
    enum qf_status status = read_file(path, bytes, &size, err);
    if (status != QF_OK)
        return status;
    BIO *pem = BIO_new_mem_buf(bytes, (int)size);
    if (pem == NULL)
        status = qf_fail(err, QF_NO_MEMORY, path, "no memory");
    else
        status = parse_pem(out, path, pem, passphrase, err);
    BIO_free(pem);
    qf_wipe(bytes, size);
    return status;
}

static X509_ALGOR *protection(enum qf_sig_alg alg)
{
    uint8_t salt[SALT_SIZE];
    if (RAND_bytes(salt, sizeof salt) != 1)
        return NULL;
    if (alg == QF_ALG_SM2_SM3)
        return PKCS5_pbe2_set_iv(EVP_sm4_cbc(), PBKDF2_ITERATIONS, salt, sizeof salt, NULL,
                                 NID_hmacWithSHA256);
    return PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof salt, NULL, SCRYPT_N, SCRYPT_R,
                                 SCRYPT_P);
}

static bool put_pem(BIO *pem, const struct qf_private_key *key, struct qf_slice passphrase)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    if (info == NULL)
        return false;
    bool good = false;
    if (passphrase.size == 0) {
        good = PEM_write_bio_PKCS8_PRIV_KEY_INFO(pem, info) == 1;
    } else {
        X509_ALGOR *alg = protection(key->public_key.alg);
        X509_SIG *sealed = alg != NULL ? PKCS8_set0_pbe((const char *)passphrase.data,
                                                        (int)passphrase.size, info, alg)
                                       : NULL;
        if (sealed == NULL)
            X509_ALGOR_free(alg);
        good = sealed != NULL && PEM_write_bio_PKCS8(pem, sealed) == 1;
        X509_SIG_free(sealed); /* and alg in it */
    }
    PKCS8_PRIV_KEY_INFO_free(info);
    return good;
}

/* A new name is durable only once its folder is. */
static bool sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    char folder[PATH_MAX] = ".";
    if (size >= sizeof folder)
        return false;
    if (size > 0) {
        memcpy(folder, path, size);
        folder[size] = '\0';
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = fsync(fd) == 0;
    close(fd);
    return good;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, data, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        size -= (size_t)done;
    }
    return fsync(fd) == 0;
}

/* Gives `from` its name `to` unless that is taken, so that there is never a part of a key there. */
static bool rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL) /* the file system does not know the flag */
        return false;
    return link(from, to) == 0 && unlink(from) == 0;
}

static enum qf_status write_new(const char *path, const char *data, size_t size,
                                struct qf_error *err)
{
    char draft[PATH_MAX];
    int length = snprintf(draft, sizeof draft, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof draft)
        return qf_fail(err, QF_OVER_LIMIT, "path", "at most %zu bytes", sizeof draft - 5);
    if (access(path, F_OK) == 0)
        return qf_fail(err, QF_EXISTS, path, "a file is there; a key is never overwritten");
    unlink(draft); /* left by a crash */
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return qf_fail(err, QF_IO, path, "the key file cannot be made: %s", strerrordesc_np(errno));
    bool good = write_all(fd, data, size);
    int code = errno;
    if (close(fd) != 0 && good) {
        code = errno;
        good = false;
    }
    if (good && !rename_new(draft, path)) {
        code = errno;
        good = false;
    }
    if (!good)
        unlink(draft);
    if (good && sync_folder(path))
        return QF_OK;
    if (code == EEXIST)
        return qf_fail(err, QF_EXISTS, path, "a file is there; a key is never overwritten");
    return qf_fail(err, code == ENOSPC || code == EDQUOT ? QF_NO_SPACE : QF_IO, path,
                   "the key file cannot be written: %s", strerrordesc_np(code));
}

enum qf_status qf_private_key_save(const struct qf_private_key *key, const char *path,
                                   struct qf_slice passphrase, struct qf_error *err)
{
    if (key->token)
        return qf_fail(err, QF_WRONG_STATE, path, "a key in a token cannot leave it");
    if (passphrase.size > PASSPHRASE_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "passphrase", "a passphrase has at most %d bytes",
                       PASSPHRASE_SIZE_MAX);
    BIO *pem = BIO_new(BIO_s_secmem());
    char *data = NULL;
    enum qf_status status = QF_OK;
    if (pem == NULL || !put_pem(pem, key, passphrase)) {
        status = qf_evp_fail(err, QF_CRYPTO, path, "the key could not be encoded");
    } else {
        long size = BIO_get_mem_data(pem, &data);
        status = size > 0 ? write_new(path, data, (size_t)size, err)
                          : qf_fail(err, QF_CRYPTO, path, "the key could not be encoded");
    }
    BIO_free(pem);
    return status;
}
