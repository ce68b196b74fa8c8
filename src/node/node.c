#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#include "api/feed.h"
#include "api/stamp/stamping.h"
#include "api/witness/cosigning.h"
#include "api/witness/witness.h"
#include "node/config.h"
#include "node/tls.h"
#include "timestamp/timestamp.h"

struct qf_node {
    struct qf_arena arena;
    int dir_lock; /* -1: not held */
    struct qf_verifier *verifier;
    struct qf_private_key *note_key;
    struct qf_config config;
    struct qf_json genesis;
    struct qf_fs *archives;
    size_t archive_count;
    struct qf_node_tls tls;
    struct qf_private_key *tsa_key, *tsa_actor;
    struct qf_x509 *tsa_chain[QF_CERT_CHAIN_MAX]; /* the authority's own first */
    size_t tsa_chain_count;
    struct qf_tsa *tsa;
    struct qf_ledger *ledger;
    struct qf_solo *solo;
    struct qf_feed *feed;
    struct qf_fs witness_fs; /* self NULL: not open */
    struct qf_private_key *witness_key;
    struct qf_witness *witness;
    struct qf_cosigning *cosigning;
    struct qf_fs log_fs; /* self NULL: not open */
    struct qf_stamps *stamps;
    struct qf_introductions introductions;
    struct qf_x509 *stamp_roots[QF_CERT_CHAIN_MAX];
    size_t stamp_root_count;
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

/* Two nodes that append to one log would destroy it. The lock is on the folder itself, so nothing
 * is left behind by a node that was killed. */
static enum qf_status lock_dir(struct qf_node *node, const char *dir, struct qf_error *err)
{
    node->dir_lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (node->dir_lock < 0)
        return qf_fail(err, QF_IO, dir, "cannot be opened: %s", strerrordesc_np(errno));
    if (flock(node->dir_lock, LOCK_EX | LOCK_NB) == 0)
        return QF_OK;
    return errno == EWOULDBLOCK
               ? qf_fail(err, QF_UNAVAILABLE, dir, "another node is serving this folder")
               : qf_fail(err, QF_IO, dir, "cannot be locked: %s", strerrordesc_np(errno));
}

/* Says which folder it is that this user may not write in, before something deeper fails. */
static enum qf_status check_writable(struct qf_node *node, const char *dir, struct qf_error *err)
{
    static const char *const folders[] = {"", "/journal", "/log", "/state"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        const char *path = qf_arena_printf(&node->arena, "%s%s", dir, folders[i]);
        if (access(path, W_OK | X_OK) != 0 && errno != ENOENT)
            return qf_fail(err, QF_IO, path,
                           "this user cannot write in it: %s; run the node as its owner",
                           strerrordesc_np(errno));
    }
    return QF_OK;
}

static enum qf_status open_archives(struct qf_node *node, const struct qf_node_options *options,
                                    struct qf_error *err)
{
    size_t count = node->config.archive_count;
    node->archives = QF_ARENA_ARRAY(&node->arena, struct qf_fs, count + 1);
    enum qf_status status = QF_OK;
    for (size_t i = 0; i <= count && status == QF_OK; i++) {
        const char *path = i < count ? node->config.archives[i] : options->archive;
        if (path == NULL)
            continue;
        status = qf_fs_posix_init(&node->archives[node->archive_count], path, err);
        node->archive_count += status == QF_OK;
    }
    return status;
}

static enum qf_status load_tsa(struct qf_node *node, struct qf_slice passphrase,
                               struct qf_error *err)
{
    const struct qf_config_tsa *config = &node->config.tsa;
    struct qf_slice own = {0};
    struct qf_slice chain = {0};
    size_t count = 0;
    if (config->key == NULL || config->actor_key == NULL)
        return QF_OK;
    enum qf_status status = qf_private_key_load(&node->tsa_key, config->key, passphrase, err);
    if (status == QF_OK)
        status = qf_private_key_load(&node->tsa_actor, config->actor_key, passphrase, err);
    if (status == QF_OK)
        status =
            qf_config_read_file(&node->arena, &own, config->certificate, QF_CERT_SIZE_MAX, err);
    if (status == QF_OK && config->chain != NULL)
        status = qf_config_read_file(&node->arena, &chain, config->chain, QF_CERT_SIZE_MAX, err);
    if (status == QF_OK)
        status = qf_x509_import(&node->tsa_chain[0], own, err);
    if (status != QF_OK)
        return status;
    node->tsa_chain_count = 1;
    if (chain.size > 0) {
        struct qf_x509 *rest[QF_CERT_CHAIN_MAX];
        status = qf_x509_import_chain(rest, &count, chain, err);
        for (size_t i = 0; status == QF_OK && i < count; i++) {
            if (node->tsa_chain_count < QF_CERT_CHAIN_MAX)
                node->tsa_chain[node->tsa_chain_count++] = rest[i];
            else
                qf_x509_free(rest[i]);
        }
    }
    const struct qf_tsa_options options = {.key = node->tsa_key,
                                           .certificate = node->tsa_chain[0],
                                           .chain =
                                               (const struct qf_x509 *const *)&node->tsa_chain[1],
                                           .chain_count = node->tsa_chain_count - 1};
    return status == QF_OK ? qf_tsa_new(&node->tsa, &options, err) : status;
}

/* The folder in which the memory of a witness lies, and its cosigned checkpoints. */
static enum qf_status open_witness_folder(struct qf_node *node, const char *dir,
                                          struct qf_error *err)
{
    char *path = qf_arena_printf(&node->arena, "%s/witness", dir);
    if (node->witness_fs.self != NULL)
        return QF_OK;
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return qf_fail(err, QF_IO, path, "cannot be made: %s", strerrordesc_np(errno));
    return qf_fs_posix_init(&node->witness_fs, path, err);
}

static enum qf_status load_witness(struct qf_node *node, const struct qf_node_options *options,
                                   struct qf_error *err)
{
    const struct qf_config *config = &node->config;
    if (config->witness_key == NULL)
        return QF_OK;
    struct qf_witness_source *sources =
        QF_ARENA_ARRAY(&node->arena, struct qf_witness_source, config->log_count + 1);
    for (size_t i = 0; i < config->log_count; i++)
        sources[i] = (struct qf_witness_source){config->logs[i].origin, config->logs[i].key};
    enum qf_status status = open_witness_folder(node, options->dir, err);
    if (status == QF_OK)
        status =
            qf_private_key_load(&node->witness_key, config->witness_key, options->passphrase, err);
    const struct qf_witness_options witness = {.fs = &node->witness_fs,
                                               .name = qf_slice_of(config->witness_name),
                                               .key = node->witness_key,
                                               .sources = sources,
                                               .source_count = config->log_count,
                                               .verifier = node->verifier,
                                               .clock = qf_clock_system()};
    return status == QF_OK ? qf_witness_new(&node->witness, &witness, err) : status;
}

static enum qf_status start_cosigning(struct qf_node *node, const char *dir,
                                      struct qf_note_signer *signer, struct qf_error *err)
{
    const struct qf_config *config = &node->config;
    if (config->witness_count == 0)
        return QF_OK;
    struct qf_cosigning_witness *witnesses =
        QF_ARENA_ARRAY(&node->arena, struct qf_cosigning_witness, config->witness_count);
    for (size_t i = 0; i < config->witness_count; i++)
        witnesses[i] = (struct qf_cosigning_witness){.url = config->witnesses[i].url,
                                                     .tls = {config->witnesses[i].roots,
                                                             config->witnesses[i].certificate,
                                                             config->witnesses[i].certificate_key},
                                                     .key = config->witnesses[i].key};
    enum qf_status status = open_witness_folder(node, dir, err);
    const struct qf_cosigning_options options = {.ledger = node->ledger,
                                                 .signer = *signer,
                                                 .fs = &node->witness_fs,
                                                 .witnesses = witnesses,
                                                 .witness_count = config->witness_count,
                                                 .quorum = config->witness_quorum,
                                                 .interval_ms = config->witness_interval_ms,
                                                 .verifier = node->verifier,
                                                 .clock = qf_clock_system()};
    if (status == QF_OK)
        status = qf_cosigning_start(&node->cosigning, &options, err);
    if (status == QF_OK)
        signer->cosigner = qf_cosigning_cosigner(node->cosigning);
    return status;
}

static void tell(const char *line)
{
    fprintf(stderr, "qifeng: %s\n", line);
}

/* The stamps that there are, also of a node that makes none any more. */
static enum qf_status open_stamps(struct qf_node *node, const char *dir, struct qf_error *err)
{
    const struct qf_config_stamps *config = &node->config.stamps;
    struct qf_slice ca = {0};
    enum qf_status status =
        qf_fs_posix_init(&node->log_fs, qf_arena_printf(&node->arena, "%s/log", dir), err);
    if (status == QF_OK)
        status = qf_stamps_open(&node->stamps, &node->log_fs, qf_ledger_network(node->ledger), err);
    if (status != QF_OK && status != QF_NO_MEMORY && config->tsa == NULL) {
        tell(err->detail); /* nothing here depends on them */
        return QF_OK;
    }
    if (status != QF_OK || config->tsa == NULL || config->ca == NULL)
        return status;
    status = qf_config_read_file(&node->arena, &ca, config->ca,
                                 (size_t)QF_CERT_CHAIN_MAX * QF_CERT_SIZE_MAX, err);
    if (status == QF_OK)
        status = qf_x509_import_chain(node->stamp_roots, &node->stamp_root_count, ca, err);
    if (status != QF_OK)
        qf_error_within(err, "stamps.ca");
    return status;
}

static enum qf_status start_stamping(struct qf_node *node, struct qf_error *err)
{
    const struct qf_config_stamps *config = &node->config.stamps;
    if (config->tsa == NULL)
        return QF_OK;
    bool own = strcmp(config->tsa, "own") == 0;
    struct qf_x509_info info = {.not_after_ms = INT64_MAX};
    if (own)
        qf_x509_read(node->tsa_chain[0], &info);
    /* The authority's issuer is what the node itself believes in. */
    size_t from = node->tsa_chain_count > 1 ? 1 : 0;
    bool chain = own && config->ca == NULL;
    const struct qf_stamping_options options = {
        .api = &node->api,
        .fs = &node->log_fs,
        .stamps = node->stamps,
        .url = own ? NULL : config->tsa,
        .tls = {config->roots, config->certificate, config->certificate_key},
        .policy = config->policy,
        .roots =
            (const struct qf_x509 *const *)(chain ? &node->tsa_chain[from] : node->stamp_roots),
        .root_count = chain ? node->tsa_chain_count - from : node->stamp_root_count,
        .own_until_ms = info.not_after_ms,
        .every_ms = config->every_ms,
        .renew_ms = config->renew_ms,
        .tell = tell};
    return qf_stamping_start(&node->api.stamping, &options, err);
}

static enum qf_status start_engine(struct qf_node *node, const struct qf_node_options *options,
                                   struct qf_error *err)
{
    const struct qf_verifier_options verifier = {
        .kind = options->verifier, .cache_size_max = (size_t)node->config.verifier_cache_mib << 20};
    enum qf_status status = qf_verifier_new(&node->verifier, &verifier, err);
    if (status != QF_OK)
        return status;
    status = qf_private_key_load(&node->note_key, node->config.note_key, options->passphrase, err);
    if (status == QF_OK)
        status = open_archives(node, options, err);
    if (status != QF_OK)
        return status;
    const struct qf_ledger_options ledger = {.dir = options->dir,
                                             .verifier = node->verifier,
                                             .archives = node->archives,
                                             .archive_count = node->archive_count};
    status = qf_ledger_open(&node->ledger, &ledger, err);
    if (status == QF_OK)
        status = qf_json_parse(&node->arena, &node->genesis, qf_ledger_genesis(node->ledger),
                               QF_JSON_ANY, err);
    if (status == QF_OK)
        status = qf_node_tls_load(&node->tls, &node->arena, &node->config.tls, &node->genesis,
                                  options->passphrase, err);
    return status;
}

/* Why readers who know only genesis are to believe this node's key. */
static enum qf_status load_introductions(struct qf_node *node, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    for (size_t i = 0; i < node->config.introduction_count && status == QF_OK; i++) {
        struct qf_slice bundle = {0};
        const char *path = node->config.introductions[i];
        status = qf_config_read_file(&node->arena, &bundle, path, QF_BUNDLE_SIZE_MAX, err);
        if (status != QF_OK)
            return status;
        if (bundle.size > 0 && bundle.data[bundle.size - 1] == '\n')
            bundle.size--;
        status = qf_introductions_add(&node->arena, &node->introductions, bundle,
                                      qf_ledger_genesis(node->ledger), node->verifier, err);
        if (status != QF_OK)
            qf_error_within(err, "introductions[%zu]", i);
    }
    return status;
}

/* The name under which this node signs: as genesis or an introduction has it, else the network's.
 */
static struct qf_slice signer_name(const struct qf_node *node)
{
    struct qf_public_key public;
    qf_private_key_public(node->note_key, &public);
    for (size_t i = 0; i < node->introductions.key_count; i++)
        if (memcmp(node->introductions.keys[i].public_key, public.bytes, 32) == 0)
            return node->introductions.keys[i].name;
    const struct qf_json *members = qf_json_get(&node->genesis, "members");
    for (uint32_t i = 0; members != NULL && i < members->count; i++) {
        const struct qf_json *keys = qf_json_get(&members->items[i], "note_keys");
        for (uint32_t j = 0; keys != NULL && j < keys->count; j++) {
            struct qf_note_key key;
            if (qf_note_key_parse(&key, qf_json_text(&keys->items[j]), NULL) == QF_OK &&
                memcmp(key.public_key, public.bytes, 32) == 0)
                return key.name;
        }
    }
    return qf_ledger_network(node->ledger);
}

static enum qf_status start_webhooks(struct qf_node *node, const struct qf_node_options *options,
                                     struct qf_error *err)
{
    const struct qf_webhooks_options webhooks = {.api = &node->api,
                                                 .dir = options->dir,
                                                 .webhooks = node->config.webhooks,
                                                 .count = node->config.webhook_count,
                                                 .passphrase = options->passphrase,
                                                 .tell = tell};
    return qf_webhooks_start(&node->api.webhooks, &webhooks, err);
}

static enum qf_status start(struct qf_node *node, const struct qf_node_options *options,
                            struct qf_error *err)
{
    enum qf_status status = lock_dir(node, options->dir, err);
    if (status == QF_OK)
        status = check_writable(node, options->dir, err);
    if (status == QF_OK)
        status = qf_config_load(&node->arena, &node->config, options->dir, err);
    if (status == QF_OK)
        status = start_engine(node, options, err);
    if (status == QF_OK)
        status = load_tsa(node, options->passphrase, err);
    if (status == QF_OK)
        status = load_witness(node, options, err);
    if (status != QF_OK)
        return status;
    const struct qf_config *config = &node->config;
    status = load_introductions(node, err);
    if (status != QF_OK)
        return status;
    struct qf_note_signer signer = {.name = signer_name(node), .key = node->note_key};
    if (node->introductions.count > 0)
        signer.introductions = &node->introductions;
    status = start_cosigning(node, options->dir, &signer, err);
    if (status == QF_OK)
        status = open_stamps(node, options->dir, err);
    if (status != QF_OK)
        return status;
    signer.stamps = node->stamps;
    const struct qf_solo_options solo = {
        .ledger = node->ledger, .clock = qf_clock_system(), .signer = signer};
    status = qf_feed_start(&node->feed, err);
    if (status != QF_OK)
        return status;
    qf_ledger_on_commit(node->ledger, qf_feed_grown, node->feed);
    status = qf_solo_start(&node->solo, &solo, err);
    if (status != QF_OK)
        return status;
    const struct qf_api_options api = {
        .ledger = node->ledger,
        .solo = node->solo,
        .verifier = node->verifier,
        .feed = node->feed,
        .random = qf_random_system(),
        .witness = node->witness,
        .cosigning = node->cosigning,
        .witness_count = config->witness_count,
        .tsa = node->tsa,
        .tsa_actor = node->tsa_actor,
        .clock = qf_clock_system(),
        .signer = signer,
        .version = QF_VERSION,
        .dir = qf_arena_text(&node->arena, qf_slice_of(options->dir)),
        .limits = {.txs = options->no_rate_limit ? 0 : config->key_rate,
                   .txs_burst = config->key_burst,
                   .kib = options->no_rate_limit ? 0 : config->key_kib},
        .client_roots = (const struct qf_x509 *const *)node->tls.roots,
        .client_root_count = node->tls.root_count,
        .clients_required = config->tls.clients == QF_CLIENTS_REQUIRED,
        .members_only = config->api.members_only,
        .url = config->api.url};
    status = qf_api_init(&node->api, &api, err);
    if (status == QF_OK)
        status = start_webhooks(node, options, err);
    if (status == QF_OK)
        status = start_stamping(node, err);
    if (status != QF_OK)
        return status;
    size_t route_count;
    const struct qf_route *routes = qf_api_routes(&route_count);
    const char *listen = options->listen != NULL ? options->listen : config->listen;
    const struct qf_http_options http = {
        .listen = listen,
        .routes = routes,
        .route_count = route_count,
        .context = &node->api,
        .threads = options->http_threads,
        .tls_certificate = node->tls.certificate,
        .tls_key = node->tls.key,
        .tls_ca_names = node->tls.ca_names,
        .check_client = node->tls.ca_names != NULL ? qf_api_check_client : NULL,
        .may = qf_api_may,
        .count = count};
    status = qf_http_start(&node->http, &http, err);
    if (status != QF_OK)
        return status;
    int host_size = (int)(strrchr(listen, ':') - listen);
    snprintf(node->url, sizeof node->url, "%s://%.*s:%u",
             node->tls.certificate != NULL ? "https" : "http", host_size, listen,
             qf_http_port(node->http));
    return QF_OK;
}

enum qf_status qf_node_start(struct qf_node **out, const struct qf_node_options *options,
                             struct qf_error *err)
{
    struct qf_node *node = calloc(1, sizeof *node);
    if (node == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    node->dir_lock = -1;
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
    qf_stamping_stop(node->api.stamping);
    /* The engine first: requests that wait for it are answered before the server closes. */
    qf_solo_stop(node->solo);
    qf_feed_close(node->feed); /* streams that sleep must not outlast the server */
    qf_webhooks_stop(node->api.webhooks);
    qf_http_stop(node->http);
    qf_solo_free(node->solo);
    qf_webhooks_free(node->api.webhooks);
    qf_stamping_free(node->api.stamping);
    qf_api_deinit(&node->api);
    qf_stamps_close(node->stamps);
    for (size_t i = 0; i < node->stamp_root_count; i++)
        qf_x509_free(node->stamp_roots[i]);
    if (node->log_fs.self != NULL)
        qf_fs_posix_deinit(&node->log_fs);
    qf_cosigning_stop(node->cosigning);
    qf_witness_free(node->witness);
    qf_private_key_free(node->witness_key);
    if (node->witness_fs.self != NULL)
        qf_fs_posix_deinit(&node->witness_fs);
    qf_ledger_close(node->ledger);
    qf_feed_free(node->feed);
    for (size_t i = 0; i < node->archive_count; i++)
        qf_fs_posix_deinit(&node->archives[i]);
    qf_node_tls_deinit(&node->tls);
    qf_tsa_free(node->tsa);
    for (size_t i = 0; i < node->tsa_chain_count; i++)
        qf_x509_free(node->tsa_chain[i]);
    qf_private_key_free(node->tsa_key);
    qf_private_key_free(node->tsa_actor);
    qf_private_key_free(node->note_key);
    qf_verifier_free(node->verifier);
    qf_arena_deinit(&node->arena);
    if (node->dir_lock >= 0)
        close(node->dir_lock);
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

struct qf_http_server *qf_node_http(struct qf_node *node)
{
    return node->http;
}

bool qf_node_halted(struct qf_node *node, struct qf_error *err)
{
    return qf_ledger_halted(node->ledger, err) != QF_OK;
}
