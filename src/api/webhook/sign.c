#include "api/webhook/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "codec/text.h"

static const char prefix[] = "whsec_";
#define PREFIX_SIZE (sizeof prefix - 1)

static enum qf_status take_line(struct qf_webhook_secrets *out, struct qf_slice line,
                                const char *place, struct qf_error *err)
{
    uint8_t bytes[QF_BASE64_SIZE(QF_WEBHOOK_SECRET_SIZE_MAX)];
    size_t size = 0;
    if (line.size <= PREFIX_SIZE || memcmp(line.data, prefix, PREFIX_SIZE) != 0)
        return qf_fail(err, QF_MALFORMED, place, "want whsec_ and base64");
    struct qf_slice text = {line.data + PREFIX_SIZE, line.size - PREFIX_SIZE};
    if (text.size > QF_BASE64_SIZE(QF_WEBHOOK_SECRET_SIZE_MAX))
        return qf_fail(err, QF_OVER_LIMIT, place, "a secret has at most %zu bytes",
                       QF_WEBHOOK_SECRET_SIZE_MAX);
    bool good = qf_base64_decode(bytes, &size, text);
    enum qf_status status = QF_OK;
    if (!good) {
        status = qf_fail(err, QF_MALFORMED, place, "want base64 with its padding after whsec_");
    } else if (size < QF_WEBHOOK_SECRET_SIZE_MIN || size > QF_WEBHOOK_SECRET_SIZE_MAX) {
        status = qf_fail(err, QF_MALFORMED, place, "a secret has %zu to %zu bytes, this one %zu",
                         QF_WEBHOOK_SECRET_SIZE_MIN, QF_WEBHOOK_SECRET_SIZE_MAX, size);
    } else if (out->count == QF_WEBHOOK_SECRETS_MAX) {
        status = qf_fail(err, QF_OVER_LIMIT, place, "at most %d secrets", QF_WEBHOOK_SECRETS_MAX);
    } else {
        struct qf_webhook_secret *secret = &out->items[out->count++];
        secret->size = size;
        memcpy(secret->bytes, bytes, size);
    }
    qf_wipe(bytes, sizeof bytes);
    return status;
}

enum qf_status qf_webhook_secrets_parse(struct qf_webhook_secrets *out, struct qf_slice text,
                                        struct qf_error *err)
{
    enum qf_status status = QF_OK;
    unsigned number = 0;
    *out = (struct qf_webhook_secrets){0};
    for (size_t at = 0; at < text.size && status == QF_OK;) {
        char place[32];
        const uint8_t *start = text.data + at;
        const uint8_t *end = memchr(start, '\n', text.size - at);
        struct qf_slice line = {start, end != NULL ? (size_t)(end - start) : text.size - at};
        at += line.size + 1;
        if (line.size > 0 && line.data[line.size - 1] == '\r')
            line.size--;
        snprintf(place, sizeof place, "line %u", ++number);
        if (line.size > 0 && line.data[0] != '#')
            status = take_line(out, line, place, err);
    }
    if (status == QF_OK && out->count == 0)
        status = qf_fail(err, QF_MALFORMED, "line 1", "there is no secret; want whsec_ and base64");
    if (status != QF_OK)
        qf_webhook_secrets_wipe(out);
    return status;
}

/* Everybody who can read the secret can make the receiver believe anything. */
static enum qf_status read_private(int fd, uint8_t *out, size_t size_max, size_t *size,
                                   const char *path, struct qf_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return qf_fail(err, QF_IO, path, "is no file");
    if ((info.st_mode & 077) != 0)
        return qf_fail(err, QF_FORBIDDEN, path, "can be read by others (mode %03o); chmod 600",
                       info.st_mode & 0777u);
    for (*size = 0; *size < size_max;) {
        ssize_t got = read(fd, out + *size, size_max - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return qf_fail(err, QF_IO, path, "%s", strerrordesc_np(errno));
        if (got == 0)
            return QF_OK;
        *size += (size_t)got;
    }
    return qf_fail(err, QF_OVER_LIMIT, path, "is over %d bytes", QF_WEBHOOK_SECRETS_SIZE_MAX);
}

enum qf_status qf_webhook_secrets_load(struct qf_webhook_secrets *out, const char *path,
                                       struct qf_error *err)
{
    uint8_t text[QF_WEBHOOK_SECRETS_SIZE_MAX + 1];
    size_t size = 0;
    *out = (struct qf_webhook_secrets){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return qf_fail(err, QF_IO, path, "%s", strerrordesc_np(errno));
    enum qf_status status = read_private(fd, text, sizeof text, &size, path, err);
    close(fd);
    if (status == QF_OK) {
        struct qf_error inner = {0};
        char place[sizeof inner.field];
        status = qf_webhook_secrets_parse(out, qf_slice_make(text, size), &inner);
        snprintf(place, sizeof place, "%.80s %.12s", path, inner.field);
        if (status != QF_OK)
            status = qf_fail(err, status, place, "%s", inner.detail);
    }
    qf_wipe(text, sizeof text);
    return status;
}

void qf_webhook_secrets_wipe(struct qf_webhook_secrets *secrets)
{
    qf_wipe(secrets, sizeof *secrets);
}

enum qf_status qf_webhook_sign(struct qf_buf *out, const struct qf_webhook_secrets *secrets,
                               const struct qf_private_key *key, struct qf_slice message,
                               struct qf_error *err)
{
    uint8_t mac[QF_HASH_SIZE];
    uint8_t signature[QF_SIGNATURE_SIZE];
    const char *space = "";
    QF_ASSERT(secrets->count > 0 || key != NULL);
    for (size_t i = 0; i < secrets->count; i++) {
        const struct qf_webhook_secret *secret = &secrets->items[i];
        qf_hmac(QF_HASH_SHA256, mac, qf_slice_make(secret->bytes, secret->size), message);
        qf_buf_printf(out, "%sv1,", space);
        qf_buf_put_base64(out, qf_slice_make(mac, sizeof mac));
        space = " ";
    }
    if (key == NULL)
        return QF_OK;
    enum qf_status status = qf_private_key_sign(key, signature, message, err);
    if (status == QF_OK) {
        qf_buf_printf(out, "%sv1a,", space);
        qf_buf_put_base64(out, qf_slice_make(signature, sizeof signature));
    }
    return status;
}

void qf_webhook_put_public_key(struct qf_buf *out, const struct qf_public_key *key)
{
    qf_buf_put_text(out, "whpk_");
    qf_buf_put_base64(out, qf_slice_make(key->bytes, key->size));
}
