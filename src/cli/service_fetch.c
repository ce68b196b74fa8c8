/* qifeng service fetch: the folder of a package that is proposed or in force, for who votes on it,
 * reviews it or makes the next version of it. What a node gives is held against the hash that the
 * members vote on, and its file names against the form that they must have. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/service.h"
#include "codec/text.h"

#define DEPTH_MAX (QF_JSON_DEPTH_MAX + 1)

/* ---- the package ---- */

static enum qf_status state_of(struct qf_remote *remote, struct qf_slice *out, const char *key,
                               struct qf_error *err)
{
    struct qf_json proof;
    *out = (struct qf_slice){NULL, 0};
    enum qf_status status = qf_remote_get(remote, &proof, err, "/v1/state/%s", key);
    if (status == QF_OK && qf_json_get_text(&proof, "value", out, NULL) != QF_OK)
        status = qf_fail(err, QF_NOT_FOUND, "ID", "the ledger has no %s", key);
    return status;
}

/* What a member has put onto the ledger for the others to vote on. */
static enum qf_status read_parts(struct qf_remote *remote, struct qf_buf *out,
                                 struct qf_slice member, struct qf_slice hash, struct qf_error *err)
{
    const char *hex = strchr(qf_arena_text(&remote->arena, hash), ':');
    enum qf_status status = hex == NULL ? qf_fail(err, QF_MALFORMED, "hash", "is no hash") : QF_OK;
    for (unsigned part = 0; status == QF_OK && part < QF_SERVICE_PARTS_MAX; part++) {
        struct qf_slice text, data;
        struct qf_json record;
        struct qf_error none = {0};
        size_t size = 0;
        const char *key = qf_arena_printf(&remote->arena, "service/part/%.*s/%s/%u",
                                          QF_SLICE_ARGS(member), hex + 1, part);
        status = state_of(remote, &text, key, &none);
        if (status == QF_NOT_FOUND && part > 0)
            return QF_OK;
        if (status == QF_OK)
            status = qf_json_parse(&remote->arena, &record, text, QF_JSON_ANY, &none);
        if (status == QF_OK)
            status = qf_json_get_text(&record, "data", &data, &none);
        if (status != QF_OK) {
            *err = none;
            return status;
        }
        uint8_t *bytes = qf_arena_alloc(&remote->arena, data.size + 3);
        if (!qf_base64_decode(bytes, &size, data))
            return qf_fail(err, QF_MALFORMED, "data", "a part of it is no base64");
        qf_buf_put(out, bytes, size);
    }
    return status;
}

/* Of a proposal that is not in force yet, or of a version of a service that is. */
static enum qf_status read_package(struct qf_remote *remote, struct qf_buf *out,
                                   struct qf_slice *hash, const char *name, const char *version,
                                   struct qf_error *err)
{
    struct qf_json found;
    struct qf_slice member, service, text;
    const struct qf_json *action;
    enum qf_status status = qf_remote_get(remote, &found, err, "/v1/proposals/%s", name);
    bool proposed = status == QF_OK && (action = qf_json_get(&found, "action")) != NULL &&
                    qf_json_is_text(qf_json_get(action, "do"), "service.deploy");
    if (proposed) {
        if ((status = qf_json_get_text(action, "member", &member, err)) != QF_OK ||
            (status = qf_json_get_text(action, "hash", hash, err)) != QF_OK ||
            (status = qf_json_get_text(action, "service", &service, err)) != QF_OK)
            return status;
        status = read_parts(remote, out, member, *hash, err);
        if (status != QF_NOT_FOUND)
            return status;
        /* It is in force by now. */
        status = qf_json_get_text(action, "version", &text, err);
        name = qf_arena_text(&remote->arena, service);
        version = status == QF_OK ? qf_arena_text(&remote->arena, text) : version;
    }
    if (version == NULL) {
        status = qf_remote_get(remote, &found, err, "/v1/services/%s", name);
        if (status == QF_OK)
            status = qf_json_get_text(&found, "version", &text, err);
        if (status != QF_OK)
            return status;
        version = qf_arena_text(&remote->arena, text);
    }
    status = state_of(remote, &text,
                      qf_arena_printf(&remote->arena, "service/version/%s/%s", name, version), err);
    if (status == QF_OK)
        status = qf_json_parse(&remote->arena, &found, text, QF_JSON_ANY, err);
    if (status == QF_OK)
        status = qf_json_get_text(&found, "hash", hash, err);
    if (status == QF_OK)
        status =
            state_of(remote, &text,
                     qf_arena_printf(&remote->arena, "service/package/%s/%s", name, version), err);
    if (status == QF_OK)
        qf_buf_put_slice(out, text);
    return status;
}

static enum qf_status check_hash(struct qf_slice package, struct qf_slice hash,
                                 struct qf_error *err)
{
    const bool sm3 = hash.size > 4 && memcmp(hash.data, "sm3:", 4) == 0;
    uint8_t digest[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE + 1] = {0}, text[80];
    qf_hash(sm3 ? QF_HASH_SM3 : QF_HASH_SHA256, digest, package);
    qf_hex_encode(hex, qf_slice_make(digest, sizeof digest));
    snprintf(text, sizeof text, "%s:%s", sm3 ? "sm3" : "sha-256", hex);
    return qf_slice_is(hash, text) ? QF_OK
                                   : qf_fail(err, QF_INVALID, "hash",
                                             "what the node gave is not what is voted on: it has "
                                             "the hash %s",
                                             text);
}

/* ---- the folder ---- */

/* JSON with a line for each member: YAML reads it, and so do people. Recursion: DEPTH_MAX. */
static void put_lines(struct qf_buf *out, const struct qf_json *value, unsigned depth)
{
    bool object = value->type == QF_JSON_OBJECT;
    if ((!object && value->type != QF_JSON_ARRAY) || value->count == 0) {
        qf_json_write(out, value);
        return;
    }
    QF_ASSERT(depth <= DEPTH_MAX);
    qf_buf_put_text(out, object ? "{" : "[");
    for (uint32_t i = 0; i < value->count; i++) {
        qf_buf_printf(out, "%s\n%*s", i > 0 ? "," : "", (int)(2 * depth + 2), "");
        if (object) {
            qf_json_write_string(out, value->members[i].key);
            qf_buf_put_text(out, ": ");
        }
        put_lines(out, object ? &value->members[i].value : &value->items[i], depth + 1);
    }
    qf_buf_printf(out, "\n%*s%s", (int)(2 * depth), "", object ? "}" : "]");
}

static enum qf_status write_file(int dir, const char *name, struct qf_slice bytes,
                                 struct qf_error *err)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    bool good = fd >= 0 && write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    return good ? QF_OK
                : qf_fail(err, QF_IO, name, "cannot be written: %s", strerrordesc_np(errno));
}

static enum qf_status write_lines(int dir, const char *name, const struct qf_json *value,
                                  struct qf_error *err)
{
    struct qf_buf text = {0};
    put_lines(&text, value, 0);
    qf_buf_put_byte(&text, '\n');
    enum qf_status status = write_file(dir, name, qf_buf_slice(&text), err);
    qf_buf_deinit(&text);
    return status;
}

/* Of a file of the package; nothing that leads out of the folder. */
static bool is_name(struct qf_slice name)
{
    static const char folder[] = "schemas/";
    const size_t size = sizeof folder - 1;
    if (qf_slice_is(name, "process.bpmn") || qf_slice_is(name, "rules.dmn"))
        return true;
    if (name.size <= size || name.size > QF_ID_SIZE_MAX || memcmp(name.data, folder, size) != 0 ||
        name.data[size] == '.')
        return false;
    for (size_t i = size; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

static enum qf_status write_files(struct qf_remote *remote, int dir, const struct qf_json *files,
                                  struct qf_error *err)
{
    enum qf_status status = QF_OK;
    for (uint32_t i = 0; status == QF_OK && i < files->count; i++) {
        const struct qf_json_member *file = &files->members[i];
        const char *name = qf_arena_text(&remote->arena, file->key);
        if (!is_name(file->key))
            status = qf_fail(err, QF_MALFORMED, "files", "%.60s is no file of a service", name);
        else if (file->value.type == QF_JSON_STRING)
            status = write_file(dir, name, qf_json_text(&file->value), err);
        else
            status = write_lines(dir, name, &file->value, err);
    }
    return status;
}

static enum qf_status write_folder(struct qf_remote *remote, const char *path,
                                   const struct qf_json *package, struct qf_error *err)
{
    const struct qf_json *manifest = qf_json_get(package, "manifest");
    const struct qf_json *files = qf_json_get(package, "files");
    const struct qf_json *texts = qf_json_get(package, "texts");
    static const char *const langs[] = {"zh", "en"}, *const own[] = {"id", "version"};
    if (manifest == NULL || manifest->type != QF_JSON_OBJECT || files == NULL ||
        files->type != QF_JSON_OBJECT)
        return qf_fail(err, QF_MALFORMED, "package", "has no manifest or no files");
    struct qf_json whole = qf_json_make_object();
    for (size_t i = 0; i < 2; i++)
        if (qf_json_get(package, own[i]) != NULL)
            qf_json_put(&remote->arena, &whole, own[i], *qf_json_get(package, own[i]));
    for (uint32_t i = 0; i < manifest->count; i++)
        qf_json_put(&remote->arena, &whole, qf_arena_text(&remote->arena, manifest->members[i].key),
                    manifest->members[i].value);
    if (mkdir(path, 0755) != 0)
        return qf_fail(err, QF_IO, path, "cannot be made: %s", strerrordesc_np(errno));
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || mkdirat(dir, "texts", 0755) != 0 || mkdirat(dir, "schemas", 0755) != 0) {
        enum qf_status status =
            qf_fail(err, QF_IO, path, "cannot be made: %s", strerrordesc_np(errno));
        if (dir >= 0)
            close(dir);
        return status;
    }
    enum qf_status status = write_lines(dir, "service.yaml", &whole, err);
    for (size_t i = 0; status == QF_OK && texts != NULL && i < 2; i++)
        if (qf_json_get(texts, langs[i]) != NULL)
            status = write_lines(dir, i == 0 ? "texts/zh.yaml" : "texts/en.yaml",
                                 qf_json_get(texts, langs[i]), err);
    if (status == QF_OK)
        status = write_files(remote, dir, files, err);
    (void)unlinkat(dir, "schemas", AT_REMOVEDIR); /* when there is none */
    close(dir);
    return status;
}

enum qf_exit qf_service_cli_fetch(const struct qf_service_request *request, const char *name,
                                  const char *dir)
{
    struct qf_remote remote;
    struct qf_error err = {0};
    struct qf_buf text;
    struct qf_slice hash = {NULL, 0};
    struct qf_json package;
    qf_buf_init(&text, QF_SERVICE_PACKAGE_SIZE_MAX);
    enum qf_status status =
        qf_remote_open(&remote, request->node, request->key, request->passphrase_file, "en", &err);
    if (status == QF_OK)
        status = read_package(&remote, &text, &hash, name, request->version, &err);
    if (status == QF_OK && qf_buf_status(&text) != QF_OK)
        status = qf_fail(&err, QF_OVER_LIMIT, "package", "has more than %d bytes",
                         QF_SERVICE_PACKAGE_SIZE_MAX);
    if (status == QF_OK)
        status = check_hash(qf_buf_slice(&text), hash, &err);
    if (status == QF_OK)
        status = qf_json_parse(&remote.arena, &package,
                               qf_arena_copy(&remote.arena, qf_buf_slice(&text)), QF_JSON_CANONICAL,
                               &err);
    if (status == QF_OK)
        status = write_folder(&remote, dir, &package, &err);
    if (status == QF_OK && request->json) {
        struct qf_json out = qf_json_make_object();
        qf_json_put(&remote.arena, &out, "dir", qf_json_make_text(dir));
        qf_json_put(&remote.arena, &out, "hash", qf_json_make_slice(hash));
        qf_cli_print_json(&out);
    } else if (status == QF_OK) {
        printf("%s: what the members vote on, %.*s\n", dir, QF_SLICE_ARGS(hash));
    }
    qf_buf_deinit(&text);
    qf_remote_close(&remote);
    return status == QF_OK ? QF_EXIT_OK : qf_cli_error(&err);
}
