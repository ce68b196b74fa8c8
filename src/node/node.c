#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>

struct qf_node {
    struct qf_arena arena;
    struct qf_verifier *verifier;
    struct qf_private_key *note_key;
    struct qf_fs archive;
    struct qf_ledger *ledger;
    struct qf_solo *solo;
    struct qf_api api;
    struct qf_http_server *http;
    char url[300];
};

static void count(void *context, const struct qf_route *route, int status, int64_t microseconds)
{
    struct qf_api *api = context;
    (void)route;
    (void)microseconds;
    atomic_fetch_add(&api->requests, 1);
    if (status >= 500)
        atomic_fetch_add(&api->errors, 1);
    else if (status >= 400)
        atomic_fetch_add(&api->refused, 1);
}

static enum qf_status start_engine(struct qf_node *node, const struct qf_node_options *options,
                                   struct qf_error *err)
{
    const struct qf_verifier_options verifier = {.kind = options->verifier};
    enum qf_status status = qf_verifier_new(&node->verifier, &verifier, err);
    if (status != QF_OK)
        return status;
    char *path = qf_arena_printf(&node->arena, "%s/keys/note.pem", options->dir);
    status = qf_private_key_load(&node->note_key, path, options->passphrase, err);
    if (status != QF_OK)
        return status;
    if (options->archive != NULL)
        status = qf_fs_posix_init(&node->archive, options->archive, err);
    if (status != QF_OK)
        return status;
    const struct qf_ledger_options ledger = {.dir = options->dir,
                                             .verifier = node->verifier,
                                             .archives = &node->archive,
                                             .archive_count = options->archive != NULL};
    status = qf_ledger_open(&node->ledger, &ledger, err);
    return status;
}

/* The name under which this node signs: NETWORK/MEMBER, as init wrote it into genesis. */
static enum qf_status find_signer_name(struct qf_node *node, struct qf_slice *name,
                                       struct qf_error *err)
{
    struct qf_json genesis;
    struct qf_public_key public;
    qf_private_key_public(node->note_key, &public);
    enum qf_status status =
        qf_json_parse(&node->arena, &genesis, qf_ledger_genesis(node->ledger), QF_JSON_ANY, err);
    if (status != QF_OK)
        return status;
    const struct qf_json *members = qf_json_get(&genesis, "members");
    for (uint32_t i = 0; members != NULL && i < members->count; i++) {
        const struct qf_json *keys = qf_json_get(&members->items[i], "note_keys");
        for (uint32_t j = 0; keys != NULL && j < keys->count; j++) {
            struct qf_note_key key;
            if (qf_note_key_parse(&key, qf_json_text(&keys->items[j]), NULL) == QF_OK &&
                memcmp(key.public_key, public.bytes, 32) == 0) {
                *name = key.name;
                return QF_OK;
            }
        }
    }
    *name = qf_ledger_network(node->ledger);
    return QF_OK;
}

static enum qf_status start(struct qf_node *node, const struct qf_node_options *options,
                            struct qf_error *err)
{
    struct qf_slice name;
    enum qf_status status = start_engine(node, options, err);
    if (status == QF_OK)
        status = find_signer_name(node, &name, err);
    if (status != QF_OK)
        return status;
    const struct qf_note_signer signer = {name, node->note_key};
    const struct qf_solo_options solo = {
        .ledger = node->ledger, .clock = qf_clock_system(), .signer = signer};
    status = qf_solo_start(&node->solo, &solo, err);
    if (status != QF_OK)
        return status;
    const struct qf_api_options api = {.ledger = node->ledger,
                                       .solo = node->solo,
                                       .verifier = node->verifier,
                                       .clock = qf_clock_system(),
                                       .signer = signer,
                                       .version = QF_VERSION,
                                       .key_rate = options->no_rate_limit ? 0 : 2000,
                                       .key_burst = 20000};
    status = qf_api_init(&node->api, &api, err);
    if (status != QF_OK)
        return status;
    size_t route_count;
    const struct qf_route *routes = qf_api_routes(&route_count);
    const char *listen = options->listen != NULL ? options->listen : "127.0.0.1:8700";
    const struct qf_http_options http = {.listen = listen,
                                         .routes = routes,
                                         .route_count = route_count,
                                         .context = &node->api,
                                         .threads = options->http_threads,
                                         .count = count};
    status = qf_http_start(&node->http, &http, err);
    if (status != QF_OK)
        return status;
    int host_size = (int)(strrchr(listen, ':') - listen);
    snprintf(node->url, sizeof node->url, "http://%.*s:%u", host_size, listen,
             qf_http_port(node->http));
    return QF_OK;
}

enum qf_status qf_node_start(struct qf_node **out, const struct qf_node_options *options,
                             struct qf_error *err)
{
    struct qf_node *node = calloc(1, sizeof *node);
    if (node == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    enum qf_status status = start(node, options, err);
    if (status != QF_OK) {
        qf_node_stop(node);
        return status;
    }
    *out = node;
    return QF_OK;
}

void qf_node_stop(struct qf_node *node)
{
    if (node == NULL)
        return;
    /* The engine first: requests that wait for it are answered before the server closes. */
    qf_solo_stop(node->solo);
    qf_http_stop(node->http);
    qf_api_deinit(&node->api);
    qf_ledger_close(node->ledger);
    if (node->archive.self != NULL)
        qf_fs_posix_deinit(&node->archive);
    qf_private_key_free(node->note_key);
    qf_verifier_free(node->verifier);
    qf_arena_deinit(&node->arena);
    free(node);
}

const char *qf_node_url(const struct qf_node *node)
{
    return node->url;
}

struct qf_ledger *qf_node_ledger(struct qf_node *node)
{
    return node->ledger;
}

struct qf_api *qf_node_api(struct qf_node *node)
{
    return &node->api;
}

bool qf_node_halted(struct qf_node *node, struct qf_error *err)
{
    return qf_ledger_halted(node->ledger, err) != QF_OK;
}
