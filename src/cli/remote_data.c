/* Data for a form, as a person gives it on the command line. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/remote.h"
#include "codec/text.h"
#include "kernel/service/sealed.h"

#define FILE_SIZE_MAX (1 << 20)

bool qf_remote_take_sets(const char *sets[QF_SERVICE_DATA_MAX], size_t *count, int *argc,
                         char **argv)
{
    int kept = 0;
    *count = 0;
    for (int i = 0; i < *argc; i++) {
        const char *value = NULL;
        if (strncmp(argv[i], "--set=", 6) == 0)
            value = argv[i] + 6;
        else if (strcmp(argv[i], "--set") == 0)
            value = i + 1 < *argc ? argv[++i] : "";
        if (value == NULL) {
            argv[kept++] = argv[i];
            continue;
        }
        if (strchr(value, '=') == NULL || value[0] == '=' || *count == QF_SERVICE_DATA_MAX)
            return false;
        sets[(*count)++] = value;
    }
    *argc = kept;
    return true;
}

/* A text of the command line as a value of the field: a number, true or false, JSON, else a text.
 */
static struct qf_json typed(struct qf_remote *remote, const struct qf_service_field *field,
                            const char *text)
{
    struct qf_json value;
    bool plain = field == NULL || field->type->kind == QF_FEEL_STRING;
    if (!plain &&
        qf_json_parse(&remote->arena, &value, qf_slice_of(text), QF_JSON_ANY, NULL) == QF_OK)
        return value;
    return qf_json_make_text(text);
}

static enum qf_status seal(struct qf_remote *remote, struct qf_json *revealed,
                           struct qf_json *value, struct qf_slice name, struct qf_error *err)
{
    uint8_t salt[16];
    struct qf_random random = qf_random_system();
    size_t size = QF_BASE64URL_SIZE(sizeof salt);
    char *salt_text = qf_arena_alloc(&remote->arena, size);
    char *text = qf_arena_alloc(&remote->arena, QF_SEAL_TEXT_SIZE);
    if (random.fill(random.self, salt, sizeof salt) != QF_OK)
        return qf_fail(err, QF_IO, "", "no random numbers");
    qf_base64url_encode(salt_text, qf_slice_make(salt, sizeof salt));
    enum qf_status status = qf_seal(text, qf_service_hash_alg(remote->model),
                                    qf_slice_make(salt, sizeof salt), name, value, err);
    if (status != QF_OK)
        return status;
    struct qf_json one = qf_json_make_object();
    qf_json_put(&remote->arena, &one, "salt", qf_json_make_slice(qf_slice_make(salt_text, size)));
    qf_json_put(&remote->arena, &one, "value", *value);
    qf_json_put(&remote->arena, revealed, qf_arena_text(&remote->arena, name), one);
    *value = qf_json_make_text(text);
    return QF_OK;
}

static enum qf_status keep_revealed(const struct qf_json *revealed, const char *path,
                                    struct qf_error *err)
{
    if (path == NULL)
        return qf_fail(err, QF_USAGE, "--reveal",
                       "a sealed field is given: name the file that keeps its value and salt; "
                       "only their hash goes onto the ledger");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return qf_fail(err, QF_IO, path, "cannot be made; it must not be there yet");
    struct qf_buf text = {0};
    qf_json_write(&text, revealed);
    qf_buf_put_byte(&text, '\n');
    bool good = write(fd, text.data, text.size) == (ssize_t)text.size;
    good = close(fd) == 0 && good;
    qf_buf_deinit(&text);
    return good ? QF_OK : qf_fail(err, QF_IO, path, "cannot be written");
}

enum qf_status qf_remote_seal(struct qf_remote *remote, struct qf_json *value, struct qf_slice name,
                              const char *reveal, struct qf_error *err)
{
    struct qf_json revealed = qf_json_make_object();
    enum qf_status status = seal(remote, &revealed, value, name, err);
    return status == QF_OK && reveal != NULL ? keep_revealed(&revealed, reveal, err) : status;
}

enum qf_status qf_remote_revealed(struct qf_remote *remote, struct qf_json *out, const char *files,
                                  struct qf_error *err)
{
    *out = qf_json_make_object();
    for (const char *at = files; at != NULL && *at != '\0';) {
        size_t size = strcspn(at, "\n");
        const char *path = qf_arena_text(&remote->arena, qf_slice_make(at, size));
        struct qf_slice bytes;
        struct qf_json one;
        enum qf_status status = qf_cli_read(&remote->arena, path, FILE_SIZE_MAX, &bytes, err);
        if (status == QF_OK &&
            qf_json_parse(&remote->arena, &one, bytes, QF_JSON_ANY, err) != QF_OK)
            status = qf_fail(err, QF_BAD_FIELD, path, "is not JSON: %s",
                             qf_arena_text(&remote->arena, qf_slice_of(err->detail)));
        if (status == QF_OK && one.type != QF_JSON_OBJECT)
            status = qf_fail(err, QF_BAD_FIELD, path, "want {\"FIELD\":{\"salt\",\"value\"}}");
        for (uint32_t i = 0; status == QF_OK && i < one.count; i++) {
            if (qf_json_get(&one.members[i].value, "value") == NULL)
                status = qf_fail(err, QF_BAD_FIELD, path, "%.*s: want {\"salt\",\"value\"}",
                                 QF_SLICE_ARGS(one.members[i].key));
            qf_json_put(&remote->arena, out, qf_arena_text(&remote->arena, one.members[i].key),
                        one.members[i].value);
        }
        if (status != QF_OK)
            return status;
        at += size + (at[size] == '\n');
    }
    return QF_OK;
}

static enum qf_status read_all(struct qf_remote *remote, struct qf_json *data,
                               const struct qf_remote_data *from, struct qf_error *err)
{
    struct qf_slice bytes;
    enum qf_status status = QF_OK;
    *data = from->values != NULL ? *from->values : qf_json_make_object();
    if (from->file != NULL) {
        status = qf_cli_read(&remote->arena, from->file, FILE_SIZE_MAX, &bytes, err);
        if (status == QF_OK)
            status = qf_json_parse(&remote->arena, data, bytes, QF_JSON_ANY, err);
        if (status == QF_OK && data->type != QF_JSON_OBJECT)
            status =
                qf_fail(err, QF_BAD_FIELD, from->file, "must be an object of fields and values");
    }
    for (size_t i = 0; status == QF_OK && i < from->set_count; i++) {
        const char *equals = strchr(from->sets[i], '=');
        struct qf_slice name = qf_slice_make(from->sets[i], (size_t)(equals - from->sets[i]));
        qf_json_put(&remote->arena, data, qf_arena_text(&remote->arena, name),
                    typed(remote, qf_service_field_of(remote->model, name), equals + 1));
    }
    return status;
}

/* Whoever fills in a form learns at once of everything that is wrong with it; `first` he is told
 * anyway. */
static void tell_others(struct qf_remote *remote, const struct qf_json *data, struct qf_slice form,
                        const struct qf_error *first)
{
    const struct qf_json *schema = qf_service_form_of(remote->model, form);
    const struct qf_json *required = schema != NULL ? qf_json_get(schema, "required") : NULL;
    for (uint32_t i = 0; i < data->count; i++) {
        const struct qf_json_member *member = &data->members[i];
        const struct qf_service_field *field = qf_service_field_of(remote->model, member->key);
        struct qf_error other = {0};
        bool sealed =
            field != NULL && field->sealed && member->value.type == QF_JSON_STRING &&
            qf_seal_valid(qf_service_hash_alg(remote->model), qf_json_text(&member->value));
        if (!sealed &&
            qf_service_check_clear(remote->model, &remote->arena, member, form, &other) != QF_OK &&
            strcmp(other.field, first->field) != 0)
            fprintf(stderr, "qifeng: %s: %s\n", other.field, other.detail);
    }
    for (uint32_t i = 0; required != NULL && i < required->count; i++) {
        struct qf_slice name = qf_json_text(&required->items[i]);
        const char *field = qf_arena_printf(&remote->arena, "data.%.*s", QF_SLICE_ARGS(name));
        if (qf_json_get_slice(data, name) == NULL && strcmp(field, first->field) != 0)
            fprintf(stderr, "qifeng: %s: is missing: the form asks for it\n", field);
    }
}

enum qf_status qf_remote_data(struct qf_remote *remote, struct qf_json *out,
                              const struct qf_remote_data *from, struct qf_error *err)
{
    struct qf_json data, revealed = qf_json_make_object();
    enum qf_status status = read_all(remote, &data, from, err);
    *out = qf_json_make_object();
    for (uint32_t i = 0; status == QF_OK && i < data.count; i++) {
        struct qf_slice name = data.members[i].key;
        const struct qf_service_field *field = qf_service_field_of(remote->model, name);
        struct qf_json value = data.members[i].value;
        bool given = value.type == QF_JSON_STRING &&
                     qf_seal_valid(qf_service_hash_alg(remote->model), qf_json_text(&value));
        if (field != NULL && field->sealed && value.type != QF_JSON_NULL && !given) {
            status = qf_service_check_clear(remote->model, &remote->arena, &data.members[i],
                                            from->form, err);
            if (status == QF_OK)
                status = seal(remote, &revealed, &value, name, err);
        }
        qf_json_put(&remote->arena, out, qf_arena_text(&remote->arena, name), value);
    }
    if (status == QF_OK)
        status = qf_service_check_data(remote->model, &remote->arena, out, from->form, err);
    if (status == QF_BAD_FIELD && data.type == QF_JSON_OBJECT)
        tell_others(remote, &data, from->form, err);
    if (status == QF_OK && revealed.count > 0)
        status = keep_revealed(&revealed, from->reveal, err);
    if (status == QF_OK && revealed.count > 0)
        remote->revealed = from->reveal;
    return status;
}
