/* Signed notes (c2sp.org/signed-note), verifier keys and cosignatures (c2sp.org/tlog-cosignature).
 */
#include "merkle/note.h"

#include "base/bytes.h"
#include "codec/text.h"
#include "codec/utf8.h"

#define NAME_SIZE_MAX 256
#define KEY_TEXT_SIZE_MAX 512
static const char dash[] = "\xE2\x80\x94 "; /* U+2014 and a space begin a signature line */
#define DASH_SIZE (sizeof dash - 1)

/* Names are free of spaces and of '+', which end them. */
static bool name_valid(struct qf_slice name)
{
    if (name.size == 0 || name.size > NAME_SIZE_MAX)
        return false;
    const uint8_t *end = name.data + name.size;
    for (const uint8_t *at = name.data; at < end;) {
        size_t size = qf_utf8_size(at, end);
        if (size == 0 || *at <= ' ' || *at == '+' || *at == 0x7f)
            return false;
        at += size;
    }
    return true;
}

static void key_id(uint8_t out[4], struct qf_slice name, enum qf_note_alg alg,
                   const uint8_t public_key[32])
{
    const uint8_t between[2] = {'\n', (uint8_t)alg};
    const struct qf_slice parts[3] = {name, {between, 2}, {public_key, 32}};
    uint8_t hash[QF_HASH_SIZE];
    qf_hash_parts(QF_HASH_SHA256, hash, parts, 3);
    memcpy(out, hash, 4);
}

void qf_note_key_make(struct qf_note_key *out, struct qf_slice name, enum qf_note_alg alg,
                      const uint8_t public_key[32])
{
    *out = (struct qf_note_key){.name = name, .alg = alg};
    memcpy(out->public_key, public_key, 32);
    key_id(out->id, name, alg, public_key);
}

void qf_note_key_put(struct qf_buf *buf, const struct qf_note_key *key)
{
    uint8_t bytes[33] = {(uint8_t)key->alg};
    memcpy(bytes + 1, key->public_key, 32);
    qf_buf_put_slice(buf, key->name);
    qf_buf_put_byte(buf, '+');
    qf_buf_put_hex(buf, qf_slice_make(key->id, sizeof key->id));
    qf_buf_put_byte(buf, '+');
    qf_buf_put_base64(buf, qf_slice_make(bytes, sizeof bytes));
}

/* Cuts the text before `mark` off; false when it is not there. */
static bool cut(struct qf_slice *rest, uint8_t mark, struct qf_slice *part)
{
    const uint8_t *at = rest->size == 0 ? NULL : memchr(rest->data, mark, rest->size);
    if (at == NULL)
        return false;
    size_t size = (size_t)(at - rest->data);
    *part = qf_slice_make(rest->data, size);
    rest->data += size + 1;
    rest->size -= size + 1;
    return true;
}

enum qf_status qf_note_key_parse(struct qf_note_key *out, struct qf_slice text,
                                 struct qf_error *err)
{
    struct qf_slice name;
    struct qf_slice id_text;
    uint8_t id[8];
    uint8_t bytes[36];
    size_t id_size = 0;
    size_t size = 0;
    if (text.size > KEY_TEXT_SIZE_MAX || !cut(&text, '+', &name) || !name_valid(name) ||
        !cut(&text, '+', &id_text))
        return qf_fail(err, QF_MALFORMED, "key", "want name+keyid+base64");
    if (id_text.size != 8 || !qf_hex_decode(id, &id_size, id_text) ||
        text.size != QF_BASE64_SIZE((size_t)33) || !qf_base64_decode(bytes, &size, text) ||
        size != 33)
        return qf_fail(err, QF_MALFORMED, "key",
                       "want eight hexadecimal digits and 33 bytes in base64");
    if (bytes[0] != QF_NOTE_ED25519 && bytes[0] != QF_NOTE_COSIGNATURE)
        return qf_fail(err, QF_UNSUPPORTED_ALG, "key", "want Ed25519 (01) or a cosigner (04)");
    qf_note_key_make(out, name, (enum qf_note_alg)bytes[0], bytes + 1);
    if (memcmp(out->id, id, sizeof out->id) != 0)
        return qf_fail(err, QF_MALFORMED, "key", "the key id is not that of name and key");
    return QF_OK;
}

/* One signature line without its newline. */
static bool parse_signature(struct qf_arena *arena, struct qf_note_signature *out,
                            struct qf_slice line)
{
    struct qf_slice name;
    if (line.size < DASH_SIZE || memcmp(line.data, dash, DASH_SIZE) != 0)
        return false;
    line.data += DASH_SIZE;
    line.size -= DASH_SIZE;
    if (!cut(&line, ' ', &name) || !name_valid(name))
        return false;
    uint8_t *bytes = qf_arena_alloc(arena, line.size / 4 * 3 + 3);
    size_t size = 0;
    if (!qf_base64_decode(bytes, &size, line) || size < 5)
        return false;
    out->name = name;
    memcpy(out->id, bytes, 4);
    out->bytes = qf_slice_make(bytes + 4, size - 4);
    return true;
}

/* Where the text ends: after the newline before the last empty line. 0: nowhere. */
static size_t text_size(struct qf_slice bytes)
{
    for (size_t i = bytes.size; i >= 2; i--)
        if (bytes.data[i - 1] == '\n' && bytes.data[i - 2] == '\n')
            return i - 1;
    return 0;
}

static bool is_text(struct qf_slice bytes)
{
    const uint8_t *end = bytes.data + bytes.size;
    for (const uint8_t *at = bytes.data; at < end;) {
        size_t size = qf_utf8_size(at, end);
        if (size == 0 || (*at < 0x20 && *at != '\n'))
            return false;
        at += size;
    }
    return true;
}

enum qf_status qf_note_parse(struct qf_arena *arena, struct qf_note *out, struct qf_slice bytes,
                             struct qf_error *err)
{
    *out = (struct qf_note){0};
    if (bytes.size > QF_NOTE_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "note", "at most %d bytes", QF_NOTE_SIZE_MAX);
    size_t size = text_size(bytes);
    if (size == 0 || !is_text(bytes))
        return qf_fail(err, QF_MALFORMED, "note", "want text, an empty line, signature lines");
    out->text = qf_slice_make(bytes.data, size);
    struct qf_slice rest = {bytes.data + size + 1, bytes.size - size - 1};
    out->signatures = QF_ARENA_ARRAY(arena, struct qf_note_signature, QF_NOTE_SIGNATURES_MAX);
    while (rest.size > 0) {
        struct qf_slice line;
        if (out->signature_count == QF_NOTE_SIGNATURES_MAX)
            return qf_fail(err, QF_OVER_LIMIT, "signature", "at most %d signatures",
                           QF_NOTE_SIGNATURES_MAX);
        if (!cut(&rest, '\n', &line) ||
            !parse_signature(arena, &out->signatures[out->signature_count], line))
            return qf_fail(err, QF_MALFORMED, "signature", "line %zu is not a signature line",
                           out->signature_count + 1);
        out->signature_count++;
    }
    if (out->signature_count == 0)
        return qf_fail(err, QF_MALFORMED, "signature", "there is no signature line");
    return QF_OK;
}

/* What a cosignature covers. */
static void put_cosigned(struct qf_buf *buf, struct qf_slice text, uint64_t time_s)
{
    qf_buf_put_text(buf, "cosignature/v1\ntime ");
    qf_buf_put_int(buf, (int64_t)time_s);
    qf_buf_put_byte(buf, '\n');
    qf_buf_put_slice(buf, text);
}

static bool verify_line(const struct qf_note *note, const struct qf_note_signature *line,
                        const struct qf_note_key *key, struct qf_verifier *verifier,
                        uint64_t *time_s)
{
    struct qf_public_key public = {.alg = QF_ALG_EDDSA, .size = 32};
    memcpy(public.bytes, key->public_key, 32);
    *time_s = 0;
    if (key->alg == QF_NOTE_ED25519)
        return line->bytes.size == QF_SIGNATURE_SIZE &&
               qf_verifier_check_one(verifier, &public, note->text, line->bytes.data);
    if (line->bytes.size != 8 + QF_SIGNATURE_SIZE)
        return false;
    uint64_t time = qf_be64_load(line->bytes.data);
    if (time > INT64_MAX)
        return false;
    struct qf_buf message = {0};
    put_cosigned(&message, note->text, time);
    bool good =
        qf_buf_status(&message) == QF_OK &&
        qf_verifier_check_one(verifier, &public, qf_buf_slice(&message), line->bytes.data + 8);
    qf_buf_deinit(&message);
    *time_s = good ? time : 0;
    return good;
}

static const struct qf_note_signature *find_line(const struct qf_note *note,
                                                 const struct qf_note_key *key)
{
    for (size_t i = 0; i < note->signature_count; i++) {
        const struct qf_note_signature *line = &note->signatures[i];
        if (qf_slice_equal(line->name, key->name) && memcmp(line->id, key->id, 4) == 0)
            return line;
    }
    return NULL;
}

enum qf_status qf_note_verify(const struct qf_note *note, const struct qf_note_key *key,
                              struct qf_verifier *verifier, uint64_t *time_s)
{
    const struct qf_note_signature *line = find_line(note, key);
    if (line == NULL)
        return QF_NOT_FOUND;
    return verify_line(note, line, key, verifier, time_s) ? QF_OK : QF_BAD_SIGNATURE;
}

static void put_line(struct qf_buf *buf, struct qf_slice name, struct qf_slice id_and_signature)
{
    qf_buf_put_text(buf, dash);
    qf_buf_put_slice(buf, name);
    qf_buf_put_byte(buf, ' ');
    qf_buf_put_base64(buf, id_and_signature);
    qf_buf_put_byte(buf, '\n');
}

enum qf_status qf_note_put_line(struct qf_buf *buf, const struct qf_note *note,
                                const struct qf_note_key *key)
{
    const struct qf_note_signature *line = find_line(note, key);
    struct qf_buf bytes = {0};
    if (line == NULL)
        return QF_NOT_FOUND;
    qf_buf_put(&bytes, line->id, sizeof line->id);
    qf_buf_put_slice(&bytes, line->bytes);
    put_line(buf, line->name, qf_buf_slice(&bytes));
    enum qf_status status = qf_buf_status(&bytes);
    qf_buf_deinit(&bytes);
    return status == QF_OK ? qf_buf_status(buf) : status;
}

enum qf_status qf_note_put_signature(struct qf_buf *buf, struct qf_slice text, struct qf_slice name,
                                     enum qf_note_alg alg, const struct qf_private_key *key,
                                     uint64_t time_s, struct qf_error *err)
{
    struct qf_public_key public;
    struct qf_note_key note_key;
    uint8_t line[4 + 8 + QF_SIGNATURE_SIZE];
    size_t size = 4;
    struct qf_buf message = {0};
    enum qf_status status;
    qf_private_key_public(key, &public);
    if (public.alg != QF_ALG_EDDSA)
        return qf_fail(err, QF_UNSUPPORTED_ALG, "key", "notes are signed with Ed25519");
    qf_note_key_make(&note_key, name, alg, public.bytes);
    memcpy(line, note_key.id, 4);
    if (alg == QF_NOTE_COSIGNATURE) {
        put_cosigned(&message, text, time_s);
        qf_be64_store(line + size, time_s);
        size += 8;
        status = qf_private_key_sign(key, line + size, qf_buf_slice(&message), err);
    } else {
        status = qf_private_key_sign(key, line + size, text, err);
    }
    qf_buf_deinit(&message);
    if (status != QF_OK)
        return status;
    put_line(buf, name, qf_slice_make(line, size + QF_SIGNATURE_SIZE));
    return qf_buf_status(buf);
}
