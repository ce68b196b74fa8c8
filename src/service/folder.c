#include "service/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/text.h"
#include "codec/utf8.h"

/* ---- problems ---- */

void qf_folder_report(struct qf_folder *folder, const struct qf_folder_problem *place,
                      const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    uint32_t *count = place->error ? &folder->errors : &folder->warnings;
    ++*count;
    if (folder->errors + folder->warnings > QF_FOLDER_PROBLEMS_MAX)
        return;
    struct qf_folder_problem *problem = QF_ARENA_NEW(&folder->arena, struct qf_folder_problem);
    const char *element = place->element != NULL ? place->element : "";
    *problem = *place;
    problem->element = qf_arena_text(&folder->arena, qf_slice_of(element));
    problem->text = qf_arena_text(&folder->arena, qf_slice_of(text));
    problem->next = NULL;
    *folder->problem_tail = problem;
    folder->problem_tail = &problem->next;
}

uint32_t qf_folder_number(const char *text, const char *after)
{
    const char *at = strstr(text, after);
    return at == NULL ? 0 : (uint32_t)strtoul(at + strlen(after), NULL, 10);
}

/* ---- names ---- */

static bool is_plain_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if (!(*c >= 'A' && *c <= 'Z') && !(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') &&
            *c != '.' && *c != '_' && *c != '-')
            return false;
    return name[0] != '\0' && name[0] != '.' && strlen(name) <= 64;
}

static bool is_expected(const char *folder, const char *name)
{
    static const char *const top[] = {"README.md", "README.zh.md",  "process.bpmn",
                                      "rules.dmn", "scenario.yaml", "service.yaml"};
    size_t size = strlen(name);
    if (strcmp(folder, "schemas") == 0)
        return is_plain_name(name) && size > 5 && strcmp(name + size - 5, ".json") == 0;
    if (strcmp(folder, "texts") == 0)
        return strcmp(name, "zh.yaml") == 0 || strcmp(name, "en.yaml") == 0;
    for (size_t i = 0; i < sizeof top / sizeof top[0]; i++)
        if (strcmp(name, top[i]) == 0)
            return true;
    return false;
}

/* ---- reading ---- */

/* A name as it may be shown: what is no plain character becomes "?". */
static const char *shown(struct qf_folder *folder, const char *within, const char *name)
{
    char *text =
        qf_arena_printf(&folder->arena, "%s%s%s", within, within[0] != '\0' ? "/" : "", name);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return text;
}

static void read_file(struct qf_folder *folder, int at, const char *name, const char *path)
{
    struct stat info;
    int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ELOOP)
            QF_FOLDER_ERROR(folder, path, "", 0, "is a symbolic link; put the file itself here");
        else
            QF_FOLDER_ERROR(folder, path, "", 0, "cannot be read: %s", strerrordesc_np(errno));
        return;
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        QF_FOLDER_ERROR(folder, path, "", 0, "is no regular file");
    } else if (info.st_size > QF_FOLDER_FILE_SIZE_MAX) {
        QF_FOLDER_ERROR(folder, path, "", 0, "has %lld bytes; at most %d are taken",
                        (long long)info.st_size, QF_FOLDER_FILE_SIZE_MAX);
    } else if (folder->file_count == QF_FOLDER_FILES_MAX) {
        QF_FOLDER_ERROR(folder, path, "", 0, "is one file too many; at most %d are taken",
                        QF_FOLDER_FILES_MAX);
    } else {
        size_t room = (size_t)info.st_size, size = 0;
        uint8_t *bytes = qf_arena_alloc(&folder->arena, room + 1);
        ssize_t got = 1;
        while (size < room && (got = read(fd, bytes + size, room - size)) > 0)
            size += (size_t)got;
        if (got < 0)
            QF_FOLDER_ERROR(folder, path, "", 0, "cannot be read: %s", strerrordesc_np(errno));
        else
            folder->files[folder->file_count++] =
                (struct qf_folder_file){path, qf_slice_make(bytes, size)};
    }
    close(fd);
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* The names of a folder, in order. QF_IO when it cannot be listed. */
static enum qf_status list_names(struct qf_folder *folder, int fd, const char ***out, size_t *count,
                                 struct qf_error *err)
{
    int copy = dup(fd);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        if (copy >= 0)
            close(copy);
        return qf_fail(err, QF_IO, folder->dir, "cannot be listed: %s", strerrordesc_np(errno));
    }
    const char **names = QF_ARENA_ARRAY(&folder->arena, const char *, QF_FOLDER_NAMES_MAX);
    *count = 0;
    const struct dirent *entry;
    while (*count < QF_FOLDER_NAMES_MAX &&
           (entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): its own stream */
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            names[(*count)++] = qf_arena_text(&folder->arena, qf_slice_of(entry->d_name));
    }
    closedir(dir);
    qsort(names, *count, sizeof *names, by_name);
    *out = names;
    return QF_OK;
}

static void read_names(struct qf_folder *folder, int fd, const char *within, const char **names,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *path = shown(folder, within, names[i]);
        bool inner = within[0] == '\0' &&
                     (strcmp(names[i], "schemas") == 0 || strcmp(names[i], "texts") == 0);
        if (!inner && is_expected(within, names[i])) {
            read_file(folder, fd, names[i], path);
            continue;
        }
        if (!inner) {
            QF_FOLDER_ERROR(folder, path, "", 0,
                            "is no part of a service; take it out of the folder "
                            "(what belongs here: spec/service.md)");
            continue;
        }
        int sub = openat(fd, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const char **more = NULL;
        size_t more_count = 0;
        if (sub < 0 || list_names(folder, sub, &more, &more_count, NULL) != QF_OK)
            QF_FOLDER_ERROR(folder, path, "", 0, "must be a folder, and no symbolic link");
        else
            read_names(folder, sub, names[i], more, more_count); /* one level */
        if (sub >= 0)
            close(sub);
    }
}

const struct qf_folder_file *qf_folder_find(const struct qf_folder *folder, const char *name)
{
    for (size_t i = 0; i < folder->file_count; i++)
        if (strcmp(folder->files[i].name, name) == 0)
            return &folder->files[i];
    return NULL;
}

/* ---- contents ---- */

static void read_yaml(struct qf_folder *folder, struct qf_folder_yaml *out, const char *name)
{
    struct qf_error err = {0};
    const struct qf_folder_file *file = qf_folder_find(folder, name);
    out->name = name;
    if (file == NULL)
        return;
    out->there = qf_yaml_parse(&folder->arena, &out->yaml, file->bytes, &err) == QF_OK;
    if (!out->there)
        QF_FOLDER_ERROR(folder, name, "", qf_folder_number(err.field, "line "), "%s", err.detail);
}

/* Line and column of a byte. */
static void place_of(struct qf_slice text, size_t byte, struct qf_folder_problem *place)
{
    place->line = place->column = 1;
    for (size_t i = 0; i < text.size && i < byte; i++) {
        place->column = text.data[i] == '\n' ? 1 : place->column + ((text.data[i] & 0xc0) != 0x80);
        place->line += text.data[i] == '\n';
    }
}

static void read_schemas(struct qf_folder *folder)
{
    folder->schemas = qf_json_make_object();
    for (size_t i = 0; i < folder->file_count; i++) {
        const struct qf_folder_file *file = &folder->files[i];
        struct qf_json schema;
        struct qf_error err = {0};
        if (strncmp(file->name, "schemas/", 8) != 0)
            continue;
        if (qf_json_parse(&folder->arena, &schema, file->bytes, QF_JSON_ANY, &err) == QF_OK) {
            qf_json_put(&folder->arena, &folder->schemas, file->name, schema);
            continue;
        }
        struct qf_folder_problem place = {.error = true, .file = file->name};
        place_of(file->bytes, qf_folder_number(err.field, "byte "), &place);
        qf_folder_report(folder, &place, "%s", err.detail);
    }
}

static bool is_utf8(struct qf_slice text, size_t *at)
{
    const uint8_t *end = text.data + text.size;
    for (*at = 0; *at < text.size;) {
        size_t size = qf_utf8_size(text.data + *at, end);
        if (size == 0)
            return false;
        *at += size;
    }
    return true;
}

/* What could not be read is not missing. */
static bool complained(const struct qf_folder *folder, const char *name)
{
    for (const struct qf_folder_problem *p = folder->problems; p != NULL; p = p->next)
        if (strcmp(p->file, name) == 0)
            return true;
    return false;
}

enum qf_status qf_folder_read(struct qf_folder *out, const char *dir, struct qf_error *err)
{
    *out = (struct qf_folder){.dir = dir};
    out->problem_tail = &out->problems;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return qf_fail(err, QF_IO, dir, "is no folder that can be read: %s",
                       strerrordesc_np(errno));
    const char **names = NULL;
    size_t count = 0;
    enum qf_status status = list_names(out, fd, &names, &count, err);
    if (status == QF_OK)
        read_names(out, fd, "", names, count);
    close(fd);
    if (status != QF_OK)
        return status;
    static const char *const needed[] = {"service.yaml", "process.bpmn", "texts/zh.yaml",
                                         "texts/en.yaml"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (qf_folder_find(out, needed[i]) == NULL && !complained(out, needed[i]))
            QF_FOLDER_ERROR(out, needed[i], "", 0,
                            "is missing: docs/SERVICES.md says what belongs into the folder, and "
                            "those under services/ may be copied");
    read_yaml(out, &out->manifest, "service.yaml");
    read_yaml(out, &out->scenario, "scenario.yaml");
    read_yaml(out, &out->texts[0], "texts/zh.yaml");
    read_yaml(out, &out->texts[1], "texts/en.yaml");
    read_schemas(out);
    return QF_OK;
}

void qf_folder_deinit(struct qf_folder *folder)
{
    qf_service_free(folder->model);
    qf_arena_deinit(&folder->arena);
    *folder = (struct qf_folder){0};
}

const char *qf_folder_text(const struct qf_folder *folder, const char *name)
{
    const struct qf_json *value =
        folder->manifest.there ? qf_json_get(&folder->manifest.yaml.value, name) : NULL;
    if (value == NULL || value->type != QF_JSON_STRING || value->count > 48)
        return "";
    struct qf_arena *arena = (struct qf_arena *)(uintptr_t)&folder->arena;
    return qf_arena_text(arena, qf_json_text(value));
}

/* ---- package ---- */

static bool put_model(struct qf_folder *folder, struct qf_json *files, const char *name)
{
    const struct qf_folder_file *file = qf_folder_find(folder, name);
    size_t at;
    if (file == NULL)
        return true;
    if (!is_utf8(file->bytes, &at)) {
        struct qf_folder_problem place = {.error = true, .file = name};
        place_of(file->bytes, at, &place);
        qf_folder_report(folder, &place, "is not UTF-8; save it in that encoding");
        return false;
    }
    qf_json_put(&folder->arena, files, name, qf_json_make_slice(file->bytes));
    return true;
}

static struct qf_json manifest_of(struct qf_folder *folder)
{
    const struct qf_json *yaml = &folder->manifest.yaml.value;
    struct qf_json manifest = qf_json_make_object();
    for (uint32_t i = 0; i < yaml->count; i++)
        if (!qf_slice_is(yaml->members[i].key, "id") &&
            !qf_slice_is(yaml->members[i].key, "version"))
            qf_json_put(&folder->arena, &manifest,
                        qf_arena_text(&folder->arena, yaml->members[i].key),
                        yaml->members[i].value);
    return manifest;
}

enum qf_status qf_folder_package(struct qf_folder *folder, struct qf_error *err)
{
    struct qf_arena *arena = &folder->arena;
    struct qf_json files = qf_json_make_object(), texts = qf_json_make_object(),
                   package = qf_json_make_object();
    if (!folder->manifest.there || folder->manifest.yaml.value.type != QF_JSON_OBJECT)
        return qf_fail(err, QF_BAD_FIELD, "service.yaml", "is missing, or no mapping");
    if (!put_model(folder, &files, "process.bpmn") || !put_model(folder, &files, "rules.dmn"))
        return qf_fail(err, QF_BAD_FIELD, "process.bpmn", "is not UTF-8");
    for (uint32_t i = 0; i < folder->schemas.count; i++)
        qf_json_put(arena, &files, qf_arena_text(arena, folder->schemas.members[i].key),
                    folder->schemas.members[i].value);
    if (folder->texts[1].there)
        qf_json_put(arena, &texts, "en", folder->texts[1].yaml.value);
    if (folder->texts[0].there)
        qf_json_put(arena, &texts, "zh", folder->texts[0].yaml.value);
    qf_json_put(arena, &package, "files", files);
    qf_json_put(arena, &package, "id", qf_json_make_text(qf_folder_text(folder, "id")));
    qf_json_put(arena, &package, "manifest", manifest_of(folder));
    qf_json_put(arena, &package, "texts", texts);
    qf_json_put(arena, &package, "version", qf_json_make_text(qf_folder_text(folder, "version")));
    struct qf_buf text = {0};
    qf_json_write(&text, &package);
    folder->package = qf_arena_copy(arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    if (folder->package.size <= QF_SERVICE_PACKAGE_SIZE_MAX)
        return QF_OK;
    QF_FOLDER_ERROR(folder, "package", "", 0, "has %zu bytes; at most %d go onto the ledger",
                    folder->package.size, QF_SERVICE_PACKAGE_SIZE_MAX);
    return qf_fail(err, QF_OVER_LIMIT, "package", "has %zu bytes, at most %d are allowed",
                   folder->package.size, QF_SERVICE_PACKAGE_SIZE_MAX);
}

void qf_folder_hash(const struct qf_folder *folder, enum qf_hash_alg alg, char out[80])
{
    uint8_t hash[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE];
    qf_hash(alg, hash, folder->package);
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    snprintf(out, 80, "%s:%.*s", qf_hash_alg_name(alg), (int)sizeof hex, hex);
}

bool qf_folder_part(const struct qf_folder *folder, struct qf_arena *arena, struct qf_json *op,
                    const char *hash, size_t number)
{
    struct qf_slice package = folder->package;
    if (number >= (package.size + QF_SERVICE_PART_SIZE_MAX - 1) / QF_SERVICE_PART_SIZE_MAX)
        return false;
    size_t at = number * QF_SERVICE_PART_SIZE_MAX;
    size_t left = package.size - at;
    struct qf_slice bytes = qf_slice_make(
        package.data + at, left < QF_SERVICE_PART_SIZE_MAX ? left : QF_SERVICE_PART_SIZE_MAX);
    size_t size = QF_BASE64_SIZE(bytes.size);
    char *text = qf_arena_alloc(arena, size);
    qf_base64_encode(text, bytes);
    *op = qf_json_make_object();
    qf_json_put(arena, op, "data", qf_json_make_slice(qf_slice_make(text, size)));
    qf_json_put(arena, op, "hash", qf_json_make_text(hash));
    qf_json_put(arena, op, "op", qf_json_make_text("service.part"));
    qf_json_put(arena, op, "part", qf_json_make_int((int64_t)number));
    return true;
}
