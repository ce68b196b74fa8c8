/* Time-stamps as others read them: the files of the folder under the names that they have there,
 * and what they say. The tokens were checked before they were kept; who asks checks them anew. */
#include "api/api.h"
#include "store/stamps.h"

static void refuse(struct qf_http_exchange *exchange, enum qf_status status, const char *field,
                   const char *detail)
{
    struct qf_error err = {0};
    (void)qf_fail(&err, status == QF_NOT_FOUND ? QF_NO_SUCH_RESOURCE : status, field, "%s", detail);
    qf_http_reply_problem(exchange, &err);
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

void qf_api_get_stamp_file(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    const char *name = exchange->segments[0];
    enum qf_status status =
        api->options.signer.stamps == NULL
            ? QF_NOT_FOUND
            : qf_stamps_file(api->options.signer.stamps, &exchange->response.body, name);
    if (status != QF_OK) {
        qf_buf_reset(&exchange->response.body);
        refuse(exchange, status, "path", "there is no such file of a time-stamp");
        return;
    }
    exchange->response.status = 200;
    exchange->response.type =
        ends_with(name, ".tsr") ? "application/timestamp-reply" : "text/plain; charset=utf-8";
    qf_http_set_header(exchange, "Cache-Control", "public, max-age=31536000, immutable");
}

/* {"authority","time","until"} of a token that is over the file. */
static enum qf_status describe(struct qf_arena *arena, struct qf_json *out,
                               const struct qf_stamp_link *link, struct qf_error *err)
{
    struct qf_timestamp stamp;
    enum qf_status status = qf_stamp_check_file(&stamp, link->token, link->file, err);
    if (status != QF_OK)
        return qf_fail(err, QF_CORRUPT, "stamp", "a stored time-stamp is not over its file");
    *out = qf_json_make_object();
    qf_json_put(arena, out, "authority",
                qf_json_make_text(qf_arena_text(arena, qf_slice_of(stamp.authority))));
    qf_json_put(arena, out, "time", qf_json_make_int(stamp.time_ms));
    qf_json_put(arena, out, "until", qf_json_make_int(stamp.until_ms));
    return QF_OK;
}

/* GET /v1/stamps?cursor=SIZE&limit=N: ascending by size. */
void qf_api_get_stamps(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_stamps *stamps = api->options.signer.stamps;
    struct qf_error err = {0};
    struct qf_json items = qf_json_make_array();
    int64_t from = 0;
    int64_t limit = 0;
    uint64_t size = 0;
    enum qf_status status = qf_api_query_page(exchange, INT64_MAX, &from, &limit, &err);
    bool more = false;
    size = (uint64_t)from;
    while (status == QF_OK && stamps != NULL && (more = qf_stamps_after(stamps, size, &size)) &&
           items.count < (uint64_t)limit) {
        struct qf_arena scratch = {0};
        struct qf_stamp_link link;
        struct qf_json item;
        status = qf_stamps_load(stamps, &scratch, size, &link, &err);
        if (status == QF_OK)
            status = describe(arena, &item, &link, &err);
        qf_arena_deinit(&scratch);
        if (status != QF_OK)
            break;
        qf_json_put(arena, &item, "size", qf_json_make_int((int64_t)size));
        qf_json_append(arena, &items, item);
    }
    if (status != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    qf_api_reply_list(exchange, &items,
                      more ? qf_arena_printf(arena, "%llu", (unsigned long long)size - 1) : NULL);
}

static bool parse_size(uint64_t *out, const char *text)
{
    size_t digits = strspn(text, "0123456789");
    *out = 0;
    for (const char *at = text; digits <= 18 && *at >= '0' && *at <= '9'; at++)
        *out = *out * 10 + (uint64_t)(*at - '0');
    return digits > 0 && digits <= 18 && text[digits] == '\0' && text[0] != '0';
}

/* GET /v1/stamps/{size}: the stamp and its renewals, which is all that a proof needs. */
void qf_api_get_stamp(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_stamps *stamps = api->options.signer.stamps;
    struct qf_error err = {0};
    struct qf_stamp_link *links = NULL;
    struct qf_json object = qf_json_make_object();
    struct qf_json renewals = qf_json_make_array();
    size_t count = 0;
    uint64_t size = 0;
    if (stamps == NULL || !parse_size(&size, exchange->segments[0])) {
        refuse(exchange, QF_NOT_FOUND, "size", "no checkpoint of this size was time-stamped");
        return;
    }
    enum qf_status status = qf_stamps_chain(stamps, arena, size, &links, &count, &err);
    for (size_t i = 0; i < count && status == QF_OK; i++) {
        struct qf_json one;
        status = describe(arena, &one, &links[i], &err);
        if (status != QF_OK)
            break;
        qf_json_put(arena, &one, i == 0 ? "note" : "text", qf_json_make_slice(links[i].file));
        qf_json_put(arena, &one, "token", qf_json_make_base64(arena, links[i].token));
        if (i == 0)
            object = one;
        else
            qf_json_append(arena, &renewals, one);
    }
    if (status == QF_NOT_FOUND) {
        refuse(exchange, status, "size", "no checkpoint of this size was time-stamped");
        return;
    }
    if (status != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    qf_json_put(arena, &object, "renewals", renewals);
    qf_json_put(arena, &object, "size", qf_json_make_int((int64_t)size));
    qf_http_reply_json(exchange, 200, &object);
}
