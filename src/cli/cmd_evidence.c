#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/sender.h"
#include "codec/text.h"

#define PAGE 100

/* What the options say. */
struct request {
    const char *node, *key, *passphrase_file, *id, *source, *media_type, *hash, *file, *limit;
    const char *member, *actor, *of_case;
    const char *attributes[QF_ATTRIBUTES_MAX]; /* NAME=VALUE */
    size_t attribute_count;
    bool json;
};

/* Takes every --attr NAME=VALUE out of argv; the others are for the common parser. */
static bool take_attributes(struct request *request, int *argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        const char *value = NULL;
        if (strcmp(argv[i], "--") == 0) {
            while (i < *argc)
                argv[kept++] = argv[i++];
            break;
        }
        if (strncmp(argv[i], "--attr=", 7) == 0)
            value = argv[i] + 7;
        else if (strcmp(argv[i], "--attr") == 0)
            value = i + 1 < *argc ? argv[++i] : "";
        if (value == NULL) {
            argv[kept++] = argv[i];
            continue;
        }
        if (strchr(value, '=') == NULL || value[0] == '=' ||
            request->attribute_count == QF_ATTRIBUTES_MAX)
            return false;
        request->attributes[request->attribute_count++] = value;
    }
    *argc = kept;
    return true;
}

static enum qf_status hash_file(struct qf_arena *arena, const char *path, enum qf_suite suite,
                                const char **text, int64_t *size, struct qf_error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
    if (file == NULL)
        return qf_fail(err, QF_IO, path, "cannot be read: %s", strerrordesc_np(errno));
    enum qf_hash_alg alg = qf_suite_hash(suite);
    struct qf_hasher *hasher = qf_hasher_new(alg);
    uint8_t part[65536];
    size_t got;
    *size = 0;
    while ((got = fread(part, 1, sizeof part, file)) > 0) {
        qf_hasher_add(hasher, qf_slice_make(part, got));
        *size += (int64_t)got;
    }
    uint8_t hash[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE];
    qf_hasher_finish(hasher, hash);
    qf_hasher_free(hasher);
    qf_hex_encode(hex, qf_slice_make(hash, QF_HASH_SIZE));
    *text = qf_arena_printf(arena, "%s:%.*s", qf_hash_alg_name(alg), (int)sizeof hex, hex);
    enum qf_status status = QF_OK;
    if (ferror(file))
        status = qf_fail(err, QF_IO, path, "cannot be read: %s", strerrordesc_np(errno));
    if (file != stdin)
        fclose(file);
    return status;
}

static const char *media_type_of(const char *path)
{
    static const struct {
        const char *end, *type;
    } known[] = {
        {".csv", "text/csv"},        {".gif", "image/gif"},       {".html", "text/html"},
        {".jpeg", "image/jpeg"},     {".jpg", "image/jpeg"},      {".json", "application/json"},
        {".mp4", "video/mp4"},       {".ofd", "application/ofd"}, {".pdf", "application/pdf"},
        {".png", "image/png"},       {".tif", "image/tiff"},      {".txt", "text/plain"},
        {".xml", "application/xml"}, {".zip", "application/zip"}, {".gz", "application/gzip"},
        {".xes", "application/xml"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(dot, known[i].end) == 0)
            return known[i].type;
    return "application/octet-stream";
}

/* A whole number without frills is an integer, everything else a text. */
static struct qf_json attribute_value(struct qf_arena *arena, const char *text)
{
    struct qf_json number;
    if (qf_json_parse(arena, &number, qf_slice_of(text), QF_JSON_CANONICAL, NULL) == QF_OK &&
        number.type == QF_JSON_INT)
        return number;
    return qf_json_make_text(text);
}

/* ---- printing ---- */

static void print_field(const char *name, const struct qf_json *value)
{
    if (value == NULL)
        return;
    if (value->type == QF_JSON_STRING) {
        printf("  %-10s %.*s\n", name, QF_SLICE_ARGS(qf_json_text(value)));
        return;
    }
    struct qf_buf text = {0};
    qf_json_write(&text, value);
    printf("  %-10s %s\n", name, qf_buf_text(&text));
    qf_buf_deinit(&text);
}

static void print_time(const struct qf_json *value)
{
    if (value == NULL || value->type != QF_JSON_INT)
        return;
    time_t seconds = (time_t)(value->integer / 1000);
    struct tm parts;
    char date[32];
    gmtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
    printf("  %-10s %s.%03d UTC\n", "recorded", date, (int)(value->integer % 1000));
}

/* What a service recorded, nobody has signed. */
static void print_service(const struct qf_json *by)
{
    const struct qf_json *service = by != NULL ? qf_json_get(by, "service") : NULL;
    const struct qf_json *id = by != NULL ? qf_json_get(by, "case") : NULL;
    const struct qf_json *node = by != NULL ? qf_json_get(by, "node") : NULL;
    if (service == NULL || id == NULL || node == NULL || service->type != QF_JSON_STRING ||
        id->type != QF_JSON_STRING || node->type != QF_JSON_STRING)
        return;
    printf("  %-10s service %.*s, case %.*s, task %.*s\n", "by",
           QF_SLICE_ARGS(qf_json_text(service)), QF_SLICE_ARGS(qf_json_text(id)),
           QF_SLICE_ARGS(qf_json_text(node)));
}

static void print_item(const struct qf_json *item)
{
    const struct qf_json *content = qf_json_get(item, "content");
    const struct qf_json *id = qf_json_get(item, "id");
    const struct qf_json *attributes = qf_json_get(content, "attributes");
    if (id != NULL && id->type == QF_JSON_STRING)
        printf("%.*s\n", QF_SLICE_ARGS(qf_json_text(id)));
    print_time(qf_json_get(item, "time"));
    print_field("by", qf_json_get(item, "actor"));
    print_service(qf_json_get(item, "by"));
    print_field("of", qf_json_get(item, "member"));
    print_field("hash", qf_json_get(content, "hash"));
    print_field("root", qf_json_get(content, "root"));
    print_field("media type", qf_json_get(content, "media_type"));
    print_field("size", qf_json_get(content, "size"));
    print_field("source", qf_json_get(content, "source"));
    for (uint32_t i = 0; attributes != NULL && i < attributes->count; i++) {
        char name[QF_ATTRIBUTE_NAME_SIZE_MAX + 2];
        snprintf(name, sizeof name, "%.*s:", QF_SLICE_ARGS(attributes->members[i].key));
        print_field(name, &attributes->members[i].value);
    }
    print_field("status", qf_json_get(item, "status"));
    print_field("replaced", qf_json_get(item, "superseded_by"));
    print_field("tx", qf_json_get(item, "tx"));
}

/* ---- record ---- */

static void told(void *arg, uint64_t tag, const struct qf_sender_result *result)
{
    struct qf_sender_result *answer = arg;
    (void)tag;
    *answer = *result;
}

static struct qf_json record_op(struct qf_arena *arena, const struct request *request,
                                const char *path, const char *hash, int64_t size)
{
    struct qf_json op = qf_json_make_object();
    qf_json_put(arena, &op, "op", qf_json_make_text("evidence.record"));
    qf_json_put(arena, &op, "id", qf_json_make_text(request->id != NULL ? request->id : hash));
    qf_json_put(arena, &op, "hash", qf_json_make_text(hash));
    qf_json_put(
        arena, &op, "media_type",
        qf_json_make_text(request->media_type != NULL ? request->media_type : media_type_of(path)));
    qf_json_put(arena, &op, "size", qf_json_make_int(size));
    if (request->source != NULL)
        qf_json_put(arena, &op, "source", qf_json_make_text(request->source));
    struct qf_json attributes = qf_json_make_object();
    for (size_t i = 0; i < request->attribute_count; i++) {
        const char *equals = strchr(request->attributes[i], '=');
        size_t name_size = (size_t)(equals - request->attributes[i]);
        qf_json_put(arena, &attributes,
                    qf_arena_text(arena, qf_slice_make(request->attributes[i], name_size)),
                    attribute_value(arena, equals + 1));
    }
    if (attributes.count > 0)
        qf_json_put(arena, &op, "attributes", attributes);
    return op;
}

static enum qf_status record(struct qf_arena *arena, const struct request *request,
                             const char *path, struct qf_error *err)
{
    struct qf_sender_result answer = {0};
    struct qf_sender *sender = NULL;
    struct qf_private_key *key = NULL;
    const char *hash = NULL;
    int64_t size = 0;
    struct qf_json ops = qf_json_make_array();
    enum qf_status status = qf_cli_load_key(&key, request->key, request->passphrase_file, err);
    if (status == QF_OK)
        status = qf_sender_new(&sender, request->node, key, told, &answer, err);
    if (status == QF_OK)
        status = hash_file(arena, path, qf_sender_rules(sender)->suite, &hash, &size, err);
    if (status == QF_OK) {
        qf_json_append(arena, &ops, record_op(arena, request, path, hash, size));
        status = qf_sender_add(sender, key, &ops, 0, err);
    }
    if (status == QF_OK)
        status = qf_sender_flush(sender, err);
    if (status == QF_OK && !answer.accepted) {
        *err = answer.problem;
        status = err->status = answer.code;
    }
    const char *id = request->id != NULL ? request->id : hash;
    if (status == QF_OK && request->json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(arena, &object, "hash", qf_json_make_text(hash));
        qf_json_put(arena, &object, "id", qf_json_make_text(id));
        qf_json_put(arena, &object, "leaf", qf_json_make_int(answer.leaf));
        qf_json_put(arena, &object, "size", qf_json_make_int(size));
        qf_json_put(arena, &object, "time", qf_json_make_int(answer.time_ms));
        qf_json_put(arena, &object, "tx", qf_json_make_text(answer.id));
        qf_cli_print_json(&object);
    } else if (status == QF_OK) {
        printf("recorded %s\n  hash  %s\n  tx    %s\n  leaf  %lld\n", id, hash, answer.id,
               (long long)answer.leaf);
    }
    qf_sender_free(sender);
    qf_private_key_free(key);
    return status;
}

/* ---- show and find ---- */

static enum qf_status show(struct qf_arena *arena, const struct request *request, const char *id,
                           struct qf_error *err)
{
    struct qf_client *client = NULL;
    struct qf_buf path = {0};
    struct qf_json item;
    const struct qf_client_reader reader = {request->key, request->passphrase_file};
    enum qf_status status = qf_client_new(&client, request->node, &reader, err);
    qf_buf_put_text(&path, "/v1/evidence/");
    qf_client_escape(&path, qf_slice_of(id));
    if (status == QF_OK)
        status = qf_client_get_json(client, arena, qf_buf_text(&path), &item, NULL, err);
    if (status == QF_OK && request->json)
        qf_cli_print_json(&item);
    else if (status == QF_OK)
        print_item(&item);
    qf_buf_deinit(&path);
    qf_client_free(client);
    return status;
}

static void add_condition(struct qf_buf *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    if (path->data[path->size - 1] != '?')
        qf_buf_put_byte(path, '&');
    qf_client_escape(path, qf_slice_of(name));
    qf_buf_put_byte(path, '=');
    qf_client_escape(path, qf_slice_of(value));
}

static void put_query(struct qf_arena *arena, struct qf_buf *path, const struct request *request)
{
    qf_buf_put_text(path, "/v1/evidence?");
    add_condition(path, "hash", request->hash);
    add_condition(path, "source", request->source);
    add_condition(path, "member", request->member);
    add_condition(path, "actor", request->actor);
    add_condition(path, "case", request->of_case);
    for (size_t i = 0; i < request->attribute_count; i++) {
        const char *equals = strchr(request->attributes[i], '=');
        add_condition(path,
                      qf_arena_printf(arena, "attributes.%.*s",
                                      (int)(equals - request->attributes[i]),
                                      request->attributes[i]),
                      equals + 1);
    }
}

static enum qf_status hash_wanted(struct qf_arena *arena, struct qf_client *client,
                                  struct request *request, struct qf_error *err)
{
    struct qf_json network;
    struct qf_slice name;
    enum qf_suite suite;
    int64_t size;
    enum qf_status status = qf_client_get_json(client, arena, "/v1/network", &network, NULL, err);
    if (status == QF_OK)
        status = qf_json_get_text(&network, "suite", &name, err);
    if (status == QF_OK && !qf_suite_parse(&suite, name))
        status = qf_fail(err, QF_BAD_FIELD, "suite", "the node's suite is not known here");
    if (status == QF_OK)
        status = hash_file(arena, request->file, suite, &request->hash, &size, err);
    return status;
}

static enum qf_status find(struct qf_arena *arena, struct request *request, size_t *found,
                           struct qf_error *err)
{
    struct qf_client *client = NULL;
    struct qf_json all = qf_json_make_array();
    struct qf_buf path = {0};
    size_t limit = request->limit == NULL ? PAGE : (size_t)strtoul(request->limit, NULL, 10);
    const struct qf_client_reader reader = {request->key, request->passphrase_file};
    enum qf_status status = qf_client_new(&client, request->node, &reader, err);
    if (status == QF_OK && request->file != NULL)
        status = hash_wanted(arena, client, request, err);
    const char *cursor = NULL;
    while (status == QF_OK && all.count < limit) {
        struct qf_json list;
        qf_buf_reset(&path);
        put_query(arena, &path, request);
        add_condition(&path, "cursor", cursor);
        status = qf_client_get_json(client, arena, qf_buf_text(&path), &list, NULL, err);
        const struct qf_json *items = status == QF_OK ? qf_json_get(&list, "items") : NULL;
        for (uint32_t i = 0; items != NULL && i < items->count && all.count < limit; i++) {
            qf_json_append(arena, &all, items->items[i]);
            if (!request->json)
                print_item(&items->items[i]);
        }
        const struct qf_json *next = status == QF_OK ? qf_json_get(&list, "next") : NULL;
        if (next == NULL || next->type != QF_JSON_STRING)
            break;
        cursor = qf_arena_text(arena, qf_json_text(next));
    }
    *found = all.count;
    if (status == QF_OK && request->json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(arena, &object, "items", all);
        qf_cli_print_json(&object);
    }
    qf_buf_deinit(&path);
    qf_client_free(client);
    return status;
}

static enum qf_exit run(struct qf_arena *arena, struct request *request, int count, char **argv,
                        const struct qf_cli_help *help)
{
    struct qf_error err = {0};
    enum qf_status status;
    size_t found = 1;
    bool conditions = request->hash != NULL || request->file != NULL || request->source != NULL ||
                      request->member != NULL || request->actor != NULL ||
                      request->of_case != NULL || request->attribute_count > 0;
    if (count == 2 && strcmp(argv[0], "record") == 0 && request->key != NULL)
        status = record(arena, request, argv[1], &err);
    else if (count == 2 && strcmp(argv[0], "show") == 0)
        status = show(arena, request, argv[1], &err);
    else if (count == 1 && strcmp(argv[0], "find") == 0 && conditions)
        status = find(arena, request, &found, &err);
    else
        return qf_cli_usage("usage: %s", help->usage);
    if (status != QF_OK)
        return qf_cli_error(&err);
    if (found == 0)
        fprintf(stderr, "qifeng: nothing is recorded that fits\n");
    return found == 0 ? QF_EXIT_REFUSED : QF_EXIT_OK;
}

int qf_cmd_evidence(int argc, char **argv)
{
    struct request request = {0};
    const char *attribute = NULL; /* for the help; taken out before */
    const struct qf_cli_option options[] = {
        {"--node", "URL", "the node (required)", &request.node, NULL},
        {"--key", "FILE", "key file or pkcs11: URI that signs (show, find: what is read)",
         &request.key, NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)",
         &request.passphrase_file, NULL},
        {"--id", "ID", "record: id of the record (default: the hash)", &request.id, NULL},
        {"--media-type", "TYPE", "record: of the file (default: by its name)", &request.media_type,
         NULL},
        {"--source", "TEXT", "where it comes from; find: recorded with this source",
         &request.source, NULL},
        {"--attr", "NAME=VALUE", "attribute, may be given several times; find: has it", &attribute,
         NULL},
        {"--hash", "ALG:HEX", "find: of this hash", &request.hash, NULL},
        {"--file", "FILE", "find: of this file's hash", &request.file, NULL},
        {"--member", "ID", "find: recorded by this member", &request.member, NULL},
        {"--actor", "MEMBER/ACTOR", "find: recorded by this actor", &request.actor, NULL},
        {"--case", "CASE", "find: recorded by the service of this case", &request.of_case, NULL},
        {"--limit", "N", "find: at most so many (default 100)", &request.limit, NULL},
        {"--json", NULL, "print JSON", NULL, &request.json},
    };
    static const struct qf_cli_help help = {
        "qifeng evidence record FILE --key FILE | show ID | find CONDITIONS --node URL",
        "record: hashes a file, which stays where it is, and records the hash. show: one record.\n"
        "find: records by hash, file, source, attribute, member, actor or case; all conditions "
        "must\n"
        "hold. Exit status 1 when the node refuses, or nothing is found.",
        "  qifeng evidence record permit.pdf --key keys/li.pem --id permit/2026/17 \\\n"
        "      --attr case=2026-17 --node http://127.0.0.1:8700\n"
        "  qifeng evidence find --file permit.pdf --node http://127.0.0.1:8700\n"};
    int count;
    enum qf_exit code;
    if (!take_attributes(&request, &argc, argv))
        return (int)qf_cli_usage("--attr wants NAME=VALUE, at most %d times", QF_ATTRIBUTES_MAX);
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count < 1 || request.node == NULL)
        return (int)qf_cli_usage("usage: %s", help.usage);
    char *end = NULL;
    if (request.limit != NULL && (request.limit[0] < '0' || request.limit[0] > '9' ||
                                  strtoull(request.limit, &end, 10) == 0 || *end != '\0'))
        return (int)qf_cli_usage("--limit wants a number from 1 on, not %s", request.limit);
    struct qf_arena arena = {0};
    code = run(&arena, &request, count, argv, &help);
    qf_arena_deinit(&arena);
    return (int)code;
}
