#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/feed.h"
#include "api/models.h"

/* The most used first; a pattern that another one covers before it. */
static const struct qf_route routes[] = {
    {"POST", "/v1/transactions", qf_api_post_transactions,
     "Submit one transaction, or several, one a line", .accepts = "application/jose",
     .request = "transactions.request", .produces = "application/json, application/x-ndjson",
     .answer = "result", .headers = "Prefer", .statuses = "200 202 400 409 413 415 422 429",
     .refusals = "400 401 403 409 422 429 503"},
    {"GET", "/v1/transactions", qf_api_get_transactions, "The log in order",
     .produces = "application/json", .answer = "transaction.summary[]", .query = "cursor limit",
     .statuses = "200 400"},
    {"GET", "/v1/transactions/*", qf_api_get_transaction, "One transaction and its result",
     .produces = "application/json", .answer = "transaction", .segments = "transaction",
     .statuses = "200 400 404"},
    {"GET", "/v1/transactions/*/bundle", qf_api_get_bundle,
     "Everything needed to verify it offline", .produces = "application/json", .answer = "bundle",
     .segments = "transaction", .query = "cosigned", .statuses = "200 400 404 422"},
    {"GET", "/v1/transactions/*/receipt", qf_api_get_receipt,
     "That it is in the log, as a .tlog-proof file", .produces = "text/plain; charset=utf-8",
     .answer = "receipt", .segments = "transaction", .query = "cosigned",
     .statuses = "200 400 404 422"},
    {"GET", "/v1/evidence", qf_api_find_evidence, "Search evidence", .produces = "application/json",
     .answer = "evidence[]", .query = "hash source member actor case attributes cursor limit",
     .statuses = "200 400"},
    {"GET", "/v1/evidence/**", qf_api_get_evidence, "One evidence record",
     .produces = "application/json", .answer = "evidence", .segments = "evidence",
     .statuses = "200 400 404"},
    {"GET", "/checkpoint", qf_api_get_checkpoint, "The signed checkpoint of the log", .open = true,
     .produces = "text/plain; charset=utf-8", .answer = "note", .statuses = "200"},
    {"GET", "/tile/entries/**", qf_api_get_tile, "Entries of the log",
     .produces = "application/octet-stream", .answer = "tile", .segments = "tile",
     .statuses = "200 400 404"},
    {"GET", "/tile/**", qf_api_get_tile, "Hashes of the log", .open = true,
     .produces = "application/octet-stream", .answer = "tile", .segments = "tile",
     .statuses = "200 400 404"},
    {"GET", "/v1/proof", qf_api_get_proof, "Inclusion or consistency proof",
     .produces = "application/json", .answer = "proof", .query = "leaf old size",
     .statuses = "200 400 404 422"},
    {"GET", "/v1/state/**", qf_api_get_state_proof, "A record of the state with its proof",
     .produces = "application/json", .answer = "proof.state", .segments = "key",
     .statuses = "200 400 404 422"},
    {"GET", "/v1/events", qf_api_get_events, "Events from a position of the log on, as SSE",
     .fresh = true, .produces = "text/event-stream", .answer = "events",
     .query = "from type member", .headers = "Last-Event-ID", .statuses = "200 400"},
    {"GET", "/v1/stamps", qf_api_get_stamps, "Time-stamped checkpoints of the log", .open = true,
     .produces = "application/json", .answer = "stamp[]", .query = "cursor limit",
     .statuses = "200 400"},
    {"GET", "/v1/stamps/*", qf_api_get_stamp,
     "A time-stamped checkpoint with its token and the renewals of it", .open = true,
     .produces = "application/json", .answer = "stamp.chain", .segments = "size",
     .statuses = "200 404"},
    {"GET", "/stamp/*", qf_api_get_stamp_file, "Files of time-stamps, as the log's folder has them",
     .open = true, .produces = "application/timestamp-reply, text/plain; charset=utf-8",
     .answer = "stamp.file", .segments = "stamp", .statuses = "200 404"},
    {"POST", "/tsa", qf_api_post_tsa, "A time-stamp by RFC 3161, recorded on the ledger",
     .accepts = "application/timestamp-query", .request = "timestamp.request",
     .produces = "application/timestamp-reply", .answer = "timestamp.response",
     .statuses = "200 400 413 415"},
    {"POST", "/add-checkpoint", qf_api_post_add_checkpoint,
     "Have a log's checkpoint cosigned, as C2SP tlog-witness has it", .open = true,
     .accepts = "text/plain", .request = "witness.request",
     .produces = "text/plain; charset=utf-8, text/x.tlog.size", .answer = "witness.answer",
     .statuses = "200 400 404 409 413 422", .refusals = "409"},
    {"GET", "/v1/network", qf_api_get_network, "The network and where it stands",
     .produces = "application/json", .answer = "network", .statuses = "200"},
    {"GET", "/v1/genesis", qf_api_get_genesis, "The genesis document",
     .produces = "application/json", .answer = "genesis", .statuses = "200"},
    {"GET", "/v1/members", qf_api_get_members, "Members", .produces = "application/json",
     .answer = "member[]", .query = "cursor limit", .statuses = "200 400 404"},
    {"GET", "/v1/members/*", qf_api_get_member, "One member", .produces = "application/json",
     .answer = "member", .segments = "member", .statuses = "200 400 404"},
    {"GET", "/v1/members/*/actors", qf_api_get_actors, "Actors of a member",
     .produces = "application/json", .answer = "actor[]", .segments = "member",
     .query = "cursor limit", .statuses = "200 400 404"},
    {"GET", "/v1/members/*/actors/**", qf_api_get_actor, "One actor",
     .produces = "application/json", .answer = "actor", .segments = "member actor",
     .statuses = "200 400 404"},
    {"GET", "/v1/keys/*", qf_api_get_key, "One key", .produces = "application/json",
     .answer = "key", .segments = "kid", .statuses = "200 400 404"},
    {"GET", "/v1/proposals", qf_api_get_proposals, "Proposals of the consortium",
     .produces = "application/json", .answer = "proposal[]", .query = "cursor limit",
     .statuses = "200 400 404"},
    {"GET", "/v1/proposals/**", qf_api_get_proposal, "One proposal", .produces = "application/json",
     .answer = "proposal", .segments = "proposal", .statuses = "200 400 404"},
    {"GET", "/v1/services", qf_api_get_services, "Services", .produces = "application/json",
     .answer = "service[]", .query = "cursor limit", .statuses = "200 400 404"},
    {"GET", "/v1/services/*", qf_api_get_service, "One service", .produces = "application/json",
     .answer = "service", .segments = "service", .statuses = "200 400 404"},
    {"GET", "/v1/cases", qf_api_get_cases, "Cases", .produces = "application/json",
     .answer = "case.listed[]", .query = "service status member cursor limit",
     .statuses = "200 400"},
    {"GET", "/v1/cases/*", qf_api_get_case, "One case: where it stands and what was decided",
     .produces = "application/json", .answer = "case", .segments = "case",
     .statuses = "200 400 404"},
    {"GET", "/v1/cases/*/history", qf_api_get_case_history,
     "What was done in a case, by whom, and what time did", .produces = "application/json",
     .answer = "case.step[]", .segments = "case", .query = "cursor limit",
     .statuses = "200 400 404"},
    {"GET", "/v1/cases/*/decisions", qf_api_get_case_decisions,
     "Why a case was decided so: rules, clauses and inputs, made again from the deployed package",
     .produces = "application/json", .answer = "case.decision[]", .segments = "case",
     .query = "cursor limit", .statuses = "200 400 404"},
    {"GET", "/v1/bundles/evidence/**", qf_api_get_evidence_bundle,
     "An evidence record as it stands, with the entry that made it, to be verified offline",
     .produces = "application/json", .answer = "bundle", .segments = "evidence",
     .query = "cosigned", .statuses = "200 400 404 422"},
    {"GET", "/v1/bundles/member/*", qf_api_get_member_bundle,
     "A member with the note keys of his nodes, to introduce one that genesis does not name",
     .produces = "application/json", .answer = "bundle", .segments = "member", .query = "cosigned",
     .statuses = "200 400 404 422"},
    {"GET", "/v1/cases/*/bundle", qf_api_get_case_bundle,
     "The case and the packages of its decisions, to be verified and decided again offline",
     .produces = "application/json", .answer = "bundle", .segments = "case", .query = "cosigned",
     .statuses = "200 400 404 422"},
    {"GET", "/v1/tasks", qf_api_get_tasks,
     "Open tasks of a role, a service or a person; what is due first comes first",
     .produces = "application/json", .answer = "task[]",
     .query = "role service holder due_before cursor limit", .statuses = "200 400"},
    {"GET", "/v1/tasks/count", qf_api_get_task_count, "How many there are",
     .produces = "application/json", .answer = "count", .query = "role service holder due_before",
     .statuses = "200 400"},
    {"GET", "/v1/health", qf_api_get_health, "Whether the node works, and if not, why",
     .open = true, .fresh = true, .produces = "application/json", .answer = "health",
     .statuses = "200", .refusals = "503"},
    {"GET", "/metrics", qf_api_get_metrics, "Counters for Prometheus", .fresh = true,
     .produces = "text/plain; version=0.0.4; charset=utf-8", .answer = "metrics",
     .statuses = "200"},
    {"GET", "/openapi.json", qf_api_get_openapi, "This interface as OpenAPI 3.1", .open = true,
     .produces = "application/json", .answer = "openapi", .statuses = "200"},
};

const struct qf_route *qf_api_routes(size_t *count)
{
    *count = sizeof routes / sizeof routes[0];
    return routes;
}

enum qf_status qf_api_init(struct qf_api *api, const struct qf_api_options *options,
                           struct qf_error *err)
{
    *api = (struct qf_api){.options = *options};
    api->started_ms = options->clock.now_ms(options->clock.self);
    api->rate = qf_rate_new(&options->limits);
    api->models = qf_api_models_new();
    if (options->members_only)
        api->readers = qf_readers_new();
    struct qf_public_key public;
    struct qf_note_key key;
    struct qf_buf text = {0};
    qf_private_key_public(options->signer.key, &public);
    if (public.alg != QF_ALG_EDDSA)
        return qf_fail(err, QF_UNSUPPORTED_ALG, "note_key", "a note key is Ed25519");
    qf_note_key_make(&key, options->signer.name, QF_NOTE_ED25519, public.bytes);
    qf_note_key_put(&text, &key);
    api->note_key = strdup(qf_buf_text(&text));
    qf_buf_deinit(&text);
    return api->note_key != NULL ? QF_OK : qf_fail(err, QF_NO_MEMORY, "", "no memory");
}

void qf_api_deinit(struct qf_api *api)
{
    qf_rate_free(api->rate);
    qf_readers_free(api->readers);
    qf_api_models_free(api->models);
    free(api->note_key);
    *api = (struct qf_api){0};
}

enum qf_status qf_api_query_int(const struct qf_http_exchange *exchange, const char *name,
                                int64_t fallback, int64_t max, int64_t *out, struct qf_error *err)
{
    const char *text = qf_http_query(exchange, name);
    *out = fallback;
    if (text == NULL)
        return QF_OK;
    size_t size = strlen(text);
    int64_t value = 0;
    if (size == 0 || size > 18 || strspn(text, "0123456789") != size)
        return qf_fail(err, QF_BAD_FIELD, name, "want a whole number");
    for (size_t i = 0; i < size; i++)
        value = value * 10 + (text[i] - '0');
    if (value == 0 && strcmp(name, "limit") == 0)
        return qf_fail(err, QF_BAD_FIELD, name, "at least 1");
    if (value > max)
        return qf_fail(err, QF_OVER_LIMIT, name, "at most %lld", (long long)max);
    *out = value;
    return QF_OK;
}

enum qf_status qf_api_query_cosigned(const struct qf_http_exchange *exchange, unsigned *out,
                                     struct qf_error *err)
{
    const size_t witnesses = qf_api_of(exchange)->options.witness_count;
    int64_t wanted;
    enum qf_status status =
        qf_api_query_int(exchange, "cosigned", 0, QF_WITNESSES_MAX, &wanted, err);
    *out = status == QF_OK ? (unsigned)wanted : 0;
    if (status == QF_OK && (uint64_t)wanted > witnesses)
        return qf_fail(err, QF_OVER_LIMIT, "cosigned", "at most %zu: so many witnesses are asked",
                       witnesses);
    return status;
}

enum qf_status qf_api_query_page(const struct qf_http_exchange *exchange, int64_t last,
                                 int64_t *from, int64_t *limit, struct qf_error *err)
{
    const char *cursor = qf_http_query(exchange, "cursor");
    enum qf_status status = QF_OK;
    *from = 0;
    if (cursor != NULL && *cursor != '\0') /* an empty one is the beginning, in every list */
        status = qf_api_query_int(exchange, "cursor", 0, last, from, err);
    return status == QF_OK ? qf_api_query_int(exchange, "limit", QF_PAGE_ITEMS_DEFAULT,
                                              QF_PAGE_ITEMS_MAX, limit, err)
                           : status;
}

void qf_api_reply_bundle(struct qf_http_exchange *exchange, enum qf_status status,
                         const struct qf_error *err, const char *name)
{
    if (status != QF_OK) {
        qf_buf_reset(&exchange->response.body);
        qf_http_reply_problem(exchange, err);
        return;
    }
    exchange->response.status = 200;
    exchange->response.type = "application/json";
    qf_http_set_header(
        exchange, "Content-Disposition",
        qf_arena_printf(&exchange->arena, "attachment; filename=\"%.48s.qfb\"", name));
}

static void put_escaped(struct qf_buf *out, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        uint8_t byte = (uint8_t)*text;
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("-._~/:", byte));
        if (plain) {
            qf_buf_put_byte(out, byte);
            continue;
        }
        qf_buf_put_byte(out, '%');
        qf_buf_put_byte(out, (uint8_t)digits[byte >> 4]);
        qf_buf_put_byte(out, (uint8_t)digits[byte & 15]);
    }
}

static void put_parameter(void *arg, const char *name, const char *value)
{
    struct qf_buf *out = arg;
    if (strcmp(name, "cursor") == 0)
        return;
    put_escaped(out, name);
    qf_buf_put_byte(out, '=');
    put_escaped(out, value);
    qf_buf_put_byte(out, '&');
}

/* The same question from the cursor on (RFC 8288): what was asked stays in the address. */
static void put_next_link(struct qf_http_exchange *exchange, const char *next)
{
    struct qf_buf link = {0};
    qf_buf_put_byte(&link, '<');
    put_escaped(&link, exchange->path);
    qf_buf_put_byte(&link, '?');
    qf_http_each_query(exchange, put_parameter, &link);
    qf_buf_put_text(&link, "cursor=");
    put_escaped(&link, next);
    qf_buf_put_text(&link, ">; rel=\"next\"");
    qf_http_set_header(exchange, "Link", qf_arena_text(&exchange->arena, qf_buf_slice(&link)));
    qf_buf_deinit(&link);
}

void qf_api_reply_list(struct qf_http_exchange *exchange, const struct qf_json *items,
                       const char *next)
{
    struct qf_arena *arena = &exchange->arena;
    struct qf_json object = qf_json_make_object();
    qf_json_put(arena, &object, "items", *items);
    if (next != NULL) {
        qf_json_put(arena, &object, "next", qf_json_make_text(next));
        put_next_link(exchange, next);
    }
    qf_http_reply_json(exchange, 200, &object);
}
