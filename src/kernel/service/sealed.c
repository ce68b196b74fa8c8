#include "kernel/service/sealed.h"

#include "codec/text.h"

static bool is_lower_hex(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
}

bool qf_seal_valid(enum qf_hash_alg alg, struct qf_slice text)
{
    const char *name = qf_hash_alg_name(alg);
    size_t size = strlen(name);
    if (text.size != size + 1 + 2 * (size_t)QF_HASH_SIZE || memcmp(text.data, name, size) != 0 ||
        text.data[size] != ':')
        return false;
    for (size_t i = size + 1; i < text.size; i++)
        if (!is_lower_hex(text.data[i]))
            return false;
    return true;
}

enum qf_status qf_seal(char out[QF_SEAL_TEXT_SIZE], enum qf_hash_alg alg, struct qf_slice salt,
                       struct qf_slice name, const struct qf_json *value, struct qf_error *err)
{
    if (salt.size < QF_SEAL_SALT_SIZE_MIN || salt.size > QF_SEAL_SALT_SIZE_MAX)
        return qf_fail(err, QF_BAD_FIELD, "salt", "must have %d to %d bytes", QF_SEAL_SALT_SIZE_MIN,
                       QF_SEAL_SALT_SIZE_MAX);
    struct qf_buf text;
    qf_buf_init(&text, QF_SEAL_VALUE_SIZE_MAX);
    qf_buf_put_text(&text, "[\"");
    qf_buf_put_base64url(&text, salt);
    qf_buf_put_text(&text, "\",");
    qf_json_write_string(&text, name);
    qf_buf_put_byte(&text, ',');
    qf_json_write(&text, value);
    qf_buf_put_byte(&text, ']');
    enum qf_status status = qf_buf_status(&text);
    if (status == QF_OK) {
        uint8_t hash[QF_HASH_SIZE];
        const char *alg_name = qf_hash_alg_name(alg);
        size_t size = strlen(alg_name);
        QF_ASSERT(size + 1 + sizeof hash * 2 < QF_SEAL_TEXT_SIZE);
        qf_hash(alg, hash, qf_buf_slice(&text));
        memcpy(out, alg_name, size);
        out[size] = ':';
        qf_hex_encode(out + size + 1, qf_slice_make(hash, sizeof hash));
        out[size + 1 + sizeof hash * 2] = '\0';
    } else {
        status =
            qf_fail(err, QF_OVER_LIMIT, "value", "is larger than %d bytes", QF_SEAL_VALUE_SIZE_MAX);
    }
    qf_buf_deinit(&text);
    return status;
}

enum qf_status qf_seal_check(struct qf_slice commitment, struct qf_slice name,
                             const struct qf_json *revealed, struct qf_error *err)
{
    const struct qf_json *salt = qf_json_get(revealed, "salt");
    const struct qf_json *value = qf_json_get(revealed, "value");
    uint8_t bytes[QF_SEAL_SALT_SIZE_MAX + 2];
    size_t size = 0;
    enum qf_hash_alg alg = QF_HASH_SHA256;
    if (!qf_seal_valid(alg, commitment)) {
        alg = QF_HASH_SM3;
        if (!qf_seal_valid(alg, commitment))
            return qf_fail(err, QF_MALFORMED, "commitment",
                           "must be sha-256: or sm3: and 64 lower-case hex digits");
    }
    if (value == NULL)
        return qf_fail(err, QF_MALFORMED, "value", "is missing");
    if (salt == NULL || salt->type != QF_JSON_STRING ||
        salt->count > QF_BASE64URL_SIZE((size_t)QF_SEAL_SALT_SIZE_MAX) ||
        !qf_base64url_decode(bytes, &size, qf_json_text(salt)))
        return qf_fail(err, QF_MALFORMED, "salt", "must be base64url of %d to %d bytes",
                       QF_SEAL_SALT_SIZE_MIN, QF_SEAL_SALT_SIZE_MAX);
    char text[QF_SEAL_TEXT_SIZE];
    enum qf_status status = qf_seal(text, alg, qf_slice_make(bytes, size), name, value, err);
    if (status != QF_OK)
        return status;
    if (!qf_slice_is(commitment, text))
        return qf_fail(err, QF_INVALID, "", "value and salt are not those that were sealed");
    return QF_OK;
}
