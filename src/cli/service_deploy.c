/* qifeng service deploy|vote|list|show: bringing services into force, and what is. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/remote.h"
#include "cli/service.h"
#include "codec/text.h"

#define WAIT_S 600

static struct qf_json make_op(struct qf_remote *remote, const char *name)
{
    struct qf_json op = qf_json_make_object();
    qf_json_put(&remote->arena, &op, "op", qf_json_make_text(name));
    return op;
}

/* ---- deploy ---- */

static enum qf_status put_parts(struct qf_remote *remote, const struct qf_folder *folder,
                                const char *hash, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    struct qf_json op;
    for (size_t part = 0;
         status == QF_OK && qf_folder_part(folder, &remote->arena, &op, hash, part); part++)
        status = qf_remote_send(remote, op, err);
    return status;
}

static enum qf_status vote(struct qf_remote *remote, const char *proposal, const char *choice,
                           struct qf_error *err)
{
    struct qf_json op = make_op(remote, "consortium.vote");
    qf_json_put(&remote->arena, &op, "choice", qf_json_make_text(choice));
    qf_json_put(&remote->arena, &op, "proposal", qf_json_make_text(proposal));
    return qf_remote_send(remote, op, err);
}

/* Whether this version is there; QF_EXISTS when it is there with another package. */
static enum qf_status look(struct qf_remote *remote, bool *there, const struct qf_folder *folder,
                           const char *hash, struct qf_error *err)
{
    struct qf_json proof, record;
    struct qf_slice value;
    enum qf_status status =
        qf_remote_get(remote, &proof, err, "/v1/state/service/version/%s/%s",
                      qf_folder_text(folder, "id"), qf_folder_text(folder, "version"));
    *there = status == QF_OK && qf_json_get_text(&proof, "value", &value, NULL) == QF_OK;
    if (!*there)
        return status;
    status = qf_json_parse(&remote->arena, &record, value, QF_JSON_ANY, err);
    if (status == QF_OK && !qf_json_is_text(qf_json_get(&record, "hash"), hash))
        return qf_fail(err, QF_EXISTS, "version",
                       "%s %s is deployed with another package; give the changed one a new version",
                       qf_folder_text(folder, "id"), qf_folder_text(folder, "version"));
    return status;
}

static enum qf_status propose(struct qf_remote *remote, const struct qf_folder *folder,
                              const char *hash, const char *proposal, struct qf_error *err)
{
    struct qf_json who, action = qf_json_make_object(), op = make_op(remote, "consortium.propose");
    struct qf_arena *arena = &remote->arena;
    const struct qf_json *capabilities = qf_json_get(&folder->manifest.yaml.value, "capabilities");
    enum qf_status status = qf_remote_whoami(remote, &who, err);
    if (status == QF_OK)
        status = put_parts(remote, folder, hash, err);
    if (status != QF_OK)
        return status;
    if (capabilities != NULL)
        qf_json_put(arena, &action, "capabilities", *capabilities);
    qf_json_put(arena, &action, "do", qf_json_make_text("service.deploy"));
    qf_json_put(arena, &action, "hash", qf_json_make_text(hash));
    qf_json_put(arena, &action, "member", *qf_json_get(&who, "member"));
    qf_json_put(arena, &action, "service", qf_json_make_text(qf_folder_text(folder, "id")));
    qf_json_put(arena, &action, "version", qf_json_make_text(qf_folder_text(folder, "version")));
    qf_json_put(arena, &op, "action", action);
    qf_json_put(arena, &op, "proposal", qf_json_make_text(proposal));
    return qf_remote_send(remote, op, err);
}

#define TRIES_MAX 100

static bool is_open(struct qf_remote *remote, const struct qf_json *proposal)
{
    struct qf_json network;
    int64_t now_ms = 0, expires_s = 0;
    struct qf_error err = {0};
    return qf_json_is_text(qf_json_get(proposal, "status"), "open") &&
           qf_json_get_int(proposal, "expires", &expires_s, NULL) == QF_OK &&
           qf_remote_get(remote, &network, &err, "/v1/network") == QF_OK &&
           qf_json_get_int(&network, "time", &now_ms, NULL) == QF_OK && expires_s > now_ms / 1000;
}

/* The id of the proposal: one that is open is not made again, and after one that came to nothing
 * (rejected, withdrawn, expired) the next is numbered. */
static enum qf_status name_proposal(struct qf_remote *remote, char out[160], bool *open,
                                    const struct qf_folder *folder, const char *hash,
                                    struct qf_error *err)
{
    char name[140];
    struct qf_json found;
    snprintf(name, sizeof name, "deploy-%s-%s-%.8s", qf_folder_text(folder, "id"),
             qf_folder_text(folder, "version"), strchr(hash, ':') + 1);
    *open = false;
    for (unsigned i = 1; i <= TRIES_MAX; i++) {
        snprintf(out, 160, i == 1 ? "%s" : "%s-%u", name, i);
        enum qf_status status = qf_remote_get(remote, &found, err, "/v1/proposals/%s", out);
        if (status == QF_NO_SUCH_RESOURCE)
            return QF_OK;
        if (status != QF_OK)
            return status;
        *open = is_open(remote, &found);
        if (*open)
            return QF_OK;
    }
    return qf_fail(err, QF_OVER_LIMIT, "proposal",
                   "%s was proposed %d times; give it a new version", name, TRIES_MAX);
}

enum qf_status qf_service_cli_put(struct qf_remote *remote, const struct qf_folder *folder,
                                  struct qf_error *err)
{
    char *hash = qf_arena_alloc(&remote->arena, 80),
         *proposal = qf_arena_alloc(&remote->arena, 160);
    bool open;
    qf_folder_hash(folder, qf_suite_hash(qf_sender_rules(remote->sender)->suite), hash);
    enum qf_status status = name_proposal(remote, proposal, &open, folder, hash, err);
    if (status == QF_OK && !open)
        status = propose(remote, folder, hash, proposal, err);
    return status == QF_OK ? vote(remote, proposal, "yes", err) : status;
}

static enum qf_status wait_for(struct qf_remote *remote, bool *there,
                               const struct qf_folder *folder, const char *hash,
                               struct qf_error *err)
{
    struct qf_cli_progress progress;
    enum qf_status status = look(remote, there, folder, hash, err);
    qf_cli_progress_start(&progress, "seconds waited for the votes", WAIT_S);
    for (unsigned i = 0; i < WAIT_S && status == QF_OK && !*there; i++) {
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        status = look(remote, there, folder, hash, err);
        qf_cli_progress_show(&progress, i + 1);
    }
    return status;
}

static void print_deployed(struct qf_remote *remote, const struct qf_service_request *request,
                           const struct qf_folder *folder, const char *proposal, bool there,
                           bool open, const char *hash)
{
    const char *id = qf_folder_text(folder, "id"), *version = qf_folder_text(folder, "version");
    if (request->json) {
        struct qf_json out = qf_json_make_object();
        qf_json_put(&remote->arena, &out, "deployed", qf_json_make_bool(there));
        qf_json_put(&remote->arena, &out, "hash", qf_json_make_text(hash));
        if (proposal != NULL)
            qf_json_put(&remote->arena, &out, "proposal", qf_json_make_text(proposal));
        qf_json_put(&remote->arena, &out, "service", qf_json_make_text(id));
        qf_json_put(&remote->arena, &out, "version", qf_json_make_text(version));
        qf_cli_print_json(&out);
        return;
    }
    if (proposal == NULL)
        printf("%s %s is deployed already, with this package\n", id, version);
    else if (there)
        printf("%s %s is in force (proposal %s)\n", id, version, proposal);
    else
        printf("%s: %s\n  %s %s, %s\nthe members vote with\n"
               "  qifeng service vote %s --yes --node %s --key THEIR_KEY\n",
               open ? "proposed already, and open" : "proposed", proposal, id, version, hash,
               proposal, request->node);
}

enum qf_exit qf_service_cli_deploy(const struct qf_service_request *request, const char *dir)
{
    struct qf_folder folder;
    struct qf_remote remote;
    struct qf_error err = {0};
    char hash[80], proposal[160];
    bool there = false, fresh = true, open = false;
    enum qf_status status = qf_service_cli_ready(&folder, dir, &err);
    enum qf_status opened =
        qf_remote_open(&remote, request->node, request->key, request->passphrase_file, "en",
                       status == QF_OK ? &err : NULL);
    if (status == QF_OK)
        status = opened;
    if (status == QF_OK) {
        qf_folder_hash(&folder, qf_suite_hash(qf_sender_rules(remote.sender)->suite), hash);
        status = look(&remote, &there, &folder, hash, &err);
        fresh = !there;
    }
    if (status == QF_OK && fresh)
        status = name_proposal(&remote, proposal, &open, &folder, hash, &err);
    if (status == QF_OK && fresh && !open)
        status = propose(&remote, &folder, hash, proposal, &err);
    if (status == QF_OK && fresh && request->yes)
        status = vote(&remote, proposal, "yes", &err);
    if (status == QF_OK && fresh)
        status = request->wait ? wait_for(&remote, &there, &folder, hash, &err)
                               : look(&remote, &there, &folder, hash, &err);
    if (status == QF_OK)
        print_deployed(&remote, request, &folder, fresh ? proposal : NULL, there, open, hash);
    qf_remote_close(&remote);
    qf_folder_deinit(&folder);
    if (status != QF_OK)
        return qf_cli_error(&err);
    return request->wait && !there ? QF_EXIT_REFUSED : QF_EXIT_OK;
}

/* ---- suspend, resume, retire, migrate ---- */

enum qf_exit qf_service_cli_change(const struct qf_service_request *request, const char *verb,
                                   const char *id)
{
    struct qf_remote remote;
    struct qf_error err = {0};
    struct qf_json action = qf_json_make_object(), now;
    struct qf_random random = qf_random_system();
    uint8_t chance[4] = {0};
    char proposal[160];
    enum qf_status status = random.fill(random.self, chance, sizeof chance);
    snprintf(proposal, sizeof proposal, "%s-%.48s-%02x%02x%02x%02x", verb, id, chance[0], chance[1],
             chance[2], chance[3]);
    enum qf_status opened =
        qf_remote_open(&remote, request->node, request->key, request->passphrase_file, "en", &err);
    if (status == QF_OK)
        status = opened;
    struct qf_json op = make_op(&remote, "consortium.propose");
    qf_json_put(&remote.arena, &action, "do",
                qf_json_make_text(qf_arena_printf(&remote.arena, "service.%s", verb)));
    if (request->from != NULL)
        qf_json_put(&remote.arena, &action, "from", qf_json_make_text(request->from));
    qf_json_put(&remote.arena, &action, "service", qf_json_make_text(id));
    if (request->to != NULL)
        qf_json_put(&remote.arena, &action, "to", qf_json_make_text(request->to));
    qf_json_put(&remote.arena, &op, "action", action);
    qf_json_put(&remote.arena, &op, "proposal", qf_json_make_text(proposal));
    if (status == QF_OK)
        status = qf_remote_send(&remote, op, &err);
    if (status == QF_OK && request->yes)
        status = vote(&remote, proposal, "yes", &err);
    if (status == QF_OK)
        status = qf_remote_get(&remote, &now, &err, "/v1/proposals/%s", proposal);
    if (status == QF_OK && request->json)
        qf_cli_print_json(&now);
    else if (status == QF_OK)
        printf("proposed: %s, %s\nthe members vote with\n"
               "  qifeng service vote %s --yes --node %s --key THEIR_KEY\n",
               proposal, qf_remote_value(&remote, qf_json_get(&now, "status")), proposal,
               request->node);
    qf_remote_close(&remote);
    return status == QF_OK ? QF_EXIT_OK : qf_cli_error(&err);
}

/* ---- vote ---- */

static void print_votes(struct qf_remote *remote, const struct qf_json *proposal)
{
    static const char *const names[] = {"yes", "no"};
    for (size_t i = 0; i < 2; i++) {
        const struct qf_json *votes = qf_json_get(proposal, names[i]);
        printf("  %-4s", names[i]);
        for (uint32_t k = 0; votes != NULL && k < votes->count; k++)
            printf("%s%s", k == 0 ? "" : ", ", qf_remote_value(remote, &votes->items[k]));
        printf("%s\n", votes == NULL || votes->count == 0 ? "nobody" : "");
    }
}

enum qf_exit qf_service_cli_vote(const struct qf_service_request *request, const char *proposal)
{
    struct qf_remote remote;
    struct qf_error err = {0};
    struct qf_json now;
    enum qf_status status =
        qf_remote_open(&remote, request->node, request->key, request->passphrase_file, "en", &err);
    if (status == QF_OK)
        status = vote(&remote, proposal, request->yes ? "yes" : "no", &err);
    struct qf_buf path = {0};
    qf_client_escape(&path, qf_slice_of(proposal));
    if (status == QF_OK)
        status = qf_remote_get(&remote, &now, &err, "/v1/proposals/%s", qf_buf_text(&path));
    qf_buf_deinit(&path);
    if (status == QF_OK && request->json)
        qf_cli_print_json(&now);
    else if (status == QF_OK)
        printf("voted %s: %s is %s\n", request->yes ? "yes" : "no", proposal,
               qf_remote_value(&remote, qf_json_get(&now, "status")));
    if (status == QF_OK && !request->json)
        print_votes(&remote, &now);
    qf_remote_close(&remote);
    return status == QF_OK ? QF_EXIT_OK : qf_cli_error(&err);
}

/* ---- list and show ---- */

/* What is to be voted on. */
static enum qf_status print_proposals(struct qf_remote *remote, struct qf_error *err)
{
    struct qf_json list;
    enum qf_status status = qf_remote_get(remote, &list, err, "/v1/proposals?limit=1000");
    const struct qf_json *items = status == QF_OK ? qf_json_get(&list, "items") : NULL;
    for (uint32_t i = 0; items != NULL && i < items->count; i++) {
        const struct qf_json *action = qf_json_get(&items->items[i], "action");
        const struct qf_json *verb = action != NULL ? qf_json_get(action, "do") : NULL;
        const struct qf_json *hash = action != NULL ? qf_json_get(action, "hash") : NULL;
        if (verb == NULL || strncmp(qf_remote_value(remote, verb), "service.", 8) != 0 ||
            !is_open(remote, &items->items[i]))
            continue;
        printf("to be voted on: %s, %s\n",
               qf_remote_value(remote, qf_json_get(&items->items[i], "proposal")),
               qf_remote_value(remote, verb));
        if (hash != NULL)
            printf("  hash %s; to read it: qifeng service fetch %s DIR --node URL\n",
                   qf_remote_value(remote, hash),
                   qf_remote_value(remote, qf_json_get(&items->items[i], "proposal")));
        print_votes(remote, &items->items[i]);
    }
    return status;
}

enum qf_exit qf_service_cli_list(const struct qf_service_request *request)
{
    struct qf_remote remote;
    struct qf_error err = {0};
    struct qf_json list;
    enum qf_status status = qf_remote_open(&remote, request->node, request->key,
                                           request->passphrase_file, request->lang, &err);
    if (status == QF_OK)
        status = qf_remote_get(&remote, &list, &err, "/v1/services?limit=1000");
    const struct qf_json *items = status == QF_OK ? qf_json_get(&list, "items") : NULL;
    if (status == QF_OK && request->json)
        qf_cli_print_json(&list);
    for (uint32_t i = 0; !request->json && items != NULL && i < items->count; i++) {
        const struct qf_json *item = &items->items[i];
        struct qf_slice id = qf_json_text(qf_json_get(item, "service"));
        printf("%-28.*s %-8s %-10s %s\n", QF_SLICE_ARGS(id),
               qf_remote_value(&remote, qf_json_get(item, "version")),
               qf_remote_value(&remote, qf_json_get(item, "status")),
               qf_remote_titles(&remote, item, qf_slice_of("")));
    }
    if (!request->json && items != NULL && items->count == 0)
        printf("no service is in force\n");
    if (status == QF_OK && !request->json)
        status = print_proposals(&remote, &err);
    qf_remote_close(&remote);
    return status == QF_OK ? QF_EXIT_OK : qf_cli_error(&err);
}

static void print_service(struct qf_remote *remote, const struct qf_json *service,
                          const char *member)
{
    const struct qf_json *manifest = qf_json_get(&remote->package, "manifest");
    const struct qf_json *laws = qf_json_get(manifest, "legal_basis");
    const struct qf_json *roles = qf_json_get(manifest, "participants");
    struct qf_slice id = qf_json_text(qf_json_get(service, "service"));
    printf("%s\n  id       %.*s, version %s, %s\n", qf_remote_titles(remote, manifest, id),
           QF_SLICE_ARGS(id), qf_remote_value(remote, qf_json_get(service, "version")),
           qf_remote_value(remote, qf_json_get(service, "status")));
    const struct qf_json *asked = qf_json_get(manifest, "capabilities");
    printf("  brought  by %s, which answers for what the service does%s\n", member,
           asked == NULL || asked->count == 0 ? " (it does nothing by itself)" : "");
    for (uint32_t i = 0; asked != NULL && i < asked->count; i++)
        printf("  may      act on %s\n", qf_remote_value(remote, &asked->items[i]));
    for (uint32_t i = 0; laws != NULL && i < laws->count; i++) {
        const struct qf_json *clause = qf_json_get(&laws->items[i], "clause");
        printf("  law      %s%s%s\n", qf_remote_titles(remote, &laws->items[i], qf_slice_of("")),
               clause != NULL ? ", " : "", clause != NULL ? qf_remote_value(remote, clause) : "");
    }
    for (uint32_t i = 0; roles != NULL && i < roles->count; i++) {
        struct qf_slice role = qf_json_text(qf_json_get(&roles->items[i], "role"));
        printf("  role     %.*s: %s\n", QF_SLICE_ARGS(role),
               qf_remote_titles(remote, &roles->items[i], role));
    }
}

static enum qf_status deployed_as(struct qf_remote *remote, struct qf_json *out, const char *id,
                                  struct qf_slice version, struct qf_error *err)
{
    struct qf_json proof;
    struct qf_slice value = {NULL, 0};
    enum qf_status status = qf_remote_get(remote, &proof, err, "/v1/state/service/version/%s/%s",
                                          id, qf_arena_text(&remote->arena, version));
    if (status == QF_OK)
        status = qf_json_get_text(&proof, "value", &value, err);
    if (status == QF_OK)
        status = qf_json_parse(&remote->arena, out, value, QF_JSON_ANY, err);
    return status == QF_OK &&
                   (qf_json_get(out, "member") == NULL || qf_json_get(out, "hash") == NULL)
               ? qf_fail(err, QF_MALFORMED, "version", "the node gave no record of it")
               : status;
}

enum qf_exit qf_service_cli_show(const struct qf_service_request *request, const char *id)
{
    struct qf_remote remote;
    struct qf_error err = {0};
    struct qf_json service, deployed;
    struct qf_slice version = {NULL, 0};
    enum qf_status status =
        qf_member_id_valid(qf_slice_of(id))
            ? qf_remote_open(&remote, request->node, request->key, request->passphrase_file,
                             request->lang, &err)
            : (remote = (struct qf_remote){0}, qf_fail(&err, QF_USAGE, "ID", "is no id"));
    if (status == QF_OK)
        status = qf_remote_get(&remote, &service, &err, "/v1/services/%s", id);
    if (status == QF_OK)
        status = qf_json_get_text(&service, "version", &version, &err);
    if (status == QF_OK)
        status = qf_remote_service(&remote, qf_slice_of(id), version, &err);
    if (status == QF_OK)
        status = deployed_as(&remote, &deployed, id, version, &err);
    if (status == QF_OK && request->json) {
        const struct qf_json *manifest = qf_json_get(&remote.package, "manifest");
        qf_json_put(&remote.arena, &service, "hash", *qf_json_get(&deployed, "hash"));
        qf_json_put(&remote.arena, &service, "manifest", *manifest);
        qf_json_put(&remote.arena, &service, "member", *qf_json_get(&deployed, "member"));
        qf_cli_print_json(&service);
    } else if (status == QF_OK) {
        print_service(&remote, &service,
                      qf_remote_value(&remote, qf_json_get(&deployed, "member")));
    }
    qf_remote_close(&remote);
    return status == QF_OK ? QF_EXIT_OK : qf_cli_error(&err);
}
