#include "api/models.h"

#include <pthread.h>
#include <stdlib.h>

#include "kernel/record.h"

struct qf_api_models {
    pthread_mutex_t lock;
    struct qf_api_model *items[QF_API_MODELS_MAX];
    size_t count;
    uint64_t clock;
};

struct qf_api_models *qf_api_models_new(void)
{
    struct qf_api_models *models = calloc(1, sizeof *models);
    QF_ASSERT(models != NULL);
    pthread_mutex_init(&models->lock, NULL);
    return models;
}

static void free_model(struct qf_api_model *model)
{
    qf_service_free(model->service);
    qf_arena_deinit(&model->arena);
    free(model);
}

void qf_api_models_free(struct qf_api_models *models)
{
    if (models == NULL)
        return;
    for (size_t i = 0; i < models->count; i++) {
        QF_ASSERT(models->items[i]->holders == 0);
        free_model(models->items[i]);
    }
    pthread_mutex_destroy(&models->lock);
    free(models);
}

/* Locked. */
static struct qf_api_model *find(struct qf_api_models *models, struct qf_slice name)
{
    for (size_t i = 0; i < models->count; i++)
        if (qf_slice_equal(models->items[i]->name, name))
            return models->items[i];
    return NULL;
}

/* Locked. Makes room by letting go of the oldest one; who holds it frees it when he puts it back.
 */
static void list(struct qf_api_models *models, struct qf_api_model *kept)
{
    size_t at = models->count;
    if (models->count == QF_API_MODELS_MAX) {
        at = 0;
        for (size_t i = 1; i < models->count; i++)
            if (models->items[i]->used < models->items[at]->used)
                at = i;
        models->items[at]->listed = false;
        if (models->items[at]->holders == 0)
            free_model(models->items[at]);
    } else {
        models->count++;
    }
    kept->listed = true;
    models->items[at] = kept;
}

static struct qf_api_model *read_model(const struct qf_state_reader *reader,
                                       struct qf_slice service, struct qf_slice version,
                                       struct qf_slice name)
{
    struct qf_state_key at;
    struct qf_slice package;
    qf_state_key_make2(&at, QF_STATE_SERVICE_PACKAGE, service, version);
    if (!reader->get(reader->self, qf_state_key_slice(&at), &package))
        return NULL;
    struct qf_api_model *kept = calloc(1, sizeof *kept);
    QF_ASSERT(kept != NULL);
    const struct qf_json *text = NULL;
    package = qf_arena_copy(&kept->arena, package);
    if (qf_json_parse(&kept->arena, &kept->package, package, QF_JSON_CANONICAL, NULL) == QF_OK)
        text = qf_json_get(qf_json_get(&kept->package, "files"), "process.bpmn");
    bool good = text != NULL &&
                qf_bpmn_import(&kept->arena, &kept->bpmn, qf_json_text(text), NULL) == QF_OK;
    QF_ASSERT(good); /* it was compiled when it came into force */
    qf_state_key_make2(&at, QF_STATE_SERVICE_VERSION, service, version);
    const struct qf_json *record = qf_record_get(reader, &kept->arena, &at);
    struct qf_error err = {0};
    if (record == NULL ||
        qf_service_compile(&kept->service, package, qf_record_text(record, "hash"), &err) != QF_OK)
        kept->service = NULL;
    kept->name = qf_arena_copy(&kept->arena, name);
    return kept;
}

struct qf_api_model *qf_api_models_take(struct qf_api_models *models,
                                        const struct qf_state_reader *reader,
                                        struct qf_slice service, struct qf_slice version)
{
    char text[QF_STATE_KEY_SIZE_MAX + 1];
    size_t size = service.size + 1 + version.size;
    if (service.size == 0 || version.size == 0 || size > sizeof text)
        return NULL;
    memcpy(text, service.data, service.size);
    text[service.size] = '/';
    memcpy(text + service.size + 1, version.data, version.size);
    struct qf_slice name = qf_slice_make(text, size);
    pthread_mutex_lock(&models->lock);
    struct qf_api_model *kept = find(models, name);
    if (kept == NULL) {
        pthread_mutex_unlock(&models->lock);
        struct qf_api_model *fresh = read_model(reader, service, version, name);
        if (fresh == NULL)
            return NULL;
        pthread_mutex_lock(&models->lock);
        kept = find(models, name);
        if (kept == NULL) {
            list(models, fresh);
            kept = fresh;
        } else { /* somebody else was faster */
            free_model(fresh);
        }
    }
    kept->holders++;
    kept->used = ++models->clock;
    pthread_mutex_unlock(&models->lock);
    return kept;
}

void qf_api_models_put(struct qf_api_models *models, struct qf_api_model *model)
{
    if (model == NULL)
        return;
    pthread_mutex_lock(&models->lock);
    QF_ASSERT(model->holders > 0);
    if (--model->holders == 0 && !model->listed)
        free_model(model);
    pthread_mutex_unlock(&models->lock);
}
