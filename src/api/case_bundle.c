/* GET /v1/cases/ID/bundle: the case as it stands and the packages that its decisions were made
 * with, proved against one signed checkpoint; with it decisions are made again without a node. */
#include <stdlib.h>

#include "api/records.h"
#include "kernel/record.h"

struct wanted {
    struct qf_arena *arena;
    struct qf_slice service;
    const char *keys[QF_BUNDLE_RECORDS_MAX];
    size_t count;
};

static void want(struct wanted *wanted, const char *key)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (strcmp(wanted->keys[i], key) == 0)
            return;
    QF_ASSERT(wanted->count < QF_BUNDLE_RECORDS_MAX); /* a service has not more versions */
    wanted->keys[wanted->count++] = key;
}

static void want_version(struct wanted *wanted, struct qf_slice version)
{
    static const char *const kinds[] = {"package", "version"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        want(wanted, qf_arena_printf(wanted->arena, "service/%s/%.*s/%.*s", kinds[i],
                                     QF_SLICE_ARGS(wanted->service), QF_SLICE_ARGS(version)));
}

static int by_text(const void *a, const void *b)
{
    const char *const *first = a, *const *second = b;
    return strcmp(*first, *second);
}

/* The last entry that moved the case and is durable. */
static uint64_t last_leaf(const struct qf_json *found, const struct qf_json *steps, uint64_t size)
{
    uint64_t leaf = (uint64_t)qf_record_int(found, "leaf");
    for (uint32_t i = 0; i < steps->count; i++) {
        const struct qf_json *step = &steps->items[i];
        bool time = step->count > 2 && step->items[2].type == QF_JSON_STRING;
        if (!time && (uint64_t)step->items[0].integer < size)
            leaf = (uint64_t)step->items[0].integer;
    }
    return leaf;
}

static enum qf_status ask(struct qf_http_exchange *exchange, struct wanted *wanted, uint64_t *leaf,
                          struct qf_error *err)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_slice id = qf_slice_of(exchange->segments[0]), service, version;
    struct qf_json found, steps;
    struct qf_ledger_head head;
    struct qf_ledger_view view;
    qf_ledger_head(api->options.ledger, &head);
    qf_ledger_view_init(&view, api->options.ledger, wanted->arena);
    bool there = qf_query_case(&view.reader, wanted->arena, &found, id) &&
                 qf_query_case_steps(&view.reader, wanted->arena, &steps, &service, &version, id);
    qf_ledger_view_deinit(&view);
    if (!there)
        return qf_fail(err, QF_NO_SUCH_RESOURCE, "id", "there is no such case");
    wanted->service = service;
    want(wanted, qf_arena_printf(wanted->arena, "service/case/%s", exchange->segments[0]));
    want_version(wanted, version);
    const struct qf_json *decisions = qf_json_get(&found, "decisions");
    for (uint32_t i = 0; decisions != NULL && i < decisions->count; i++)
        if (qf_json_get(&decisions->items[i], "version") != NULL)
            want_version(wanted, qf_record_text(&decisions->items[i], "version"));
    qsort(wanted->keys, wanted->count, sizeof wanted->keys[0], by_text);
    *leaf = last_leaf(&found, &steps, head.size);
    return QF_OK;
}

void qf_api_get_case_bundle(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct wanted wanted = {.arena = &exchange->arena};
    struct qf_bundle_request request = {.keys = wanted.keys};
    struct qf_error err = {0};
    unsigned cosigned = 0;
    enum qf_status status = qf_api_query_cosigned(exchange, &cosigned, &err);
    if (status == QF_OK)
        status = ask(exchange, &wanted, &request.leaf, &err);
    request.cosigned = cosigned;
    request.key_count = wanted.count;
    if (status == QF_OK)
        status = qf_bundle_make_with(api->options.ledger, &exchange->response.body, &request,
                                     &api->options.signer, &err);
    qf_api_reply_bundle(exchange, status, &err, exchange->segments[0]);
}
