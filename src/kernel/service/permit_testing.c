#include "kernel/service/permit_testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/text.h"

static const char *folder;

void qf_permit_read_from(const char *path)
{
    folder = path;
}

static struct qf_slice read_file(struct qf_arena *arena, const char *name)
{
    char *path = qf_arena_printf(arena, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    uint8_t *bytes = qf_arena_alloc(arena, 65536);
    size_t size = fread(bytes, 1, 65536, file);
    fclose(file);
    assert_true(size > 0 && size < 65536);
    return qf_slice_make(bytes, size);
}

static struct qf_json read_json(struct qf_arena *arena, const char *name)
{
    struct qf_json json;
    assert_int_equal(qf_json_parse(arena, &json, read_file(arena, name), QF_JSON_ANY, NULL), QF_OK);
    return json;
}

/* The text with its first `from` replaced. */
static struct qf_slice replaced(struct qf_arena *arena, struct qf_slice text, const char *from,
                                const char *to)
{
    char *whole = qf_arena_text(arena, text);
    char *at = strstr(whole, from);
    assert_non_null(at);
    *at = '\0';
    return qf_slice_of(qf_arena_printf(arena, "%s%s%s", whole, to, at + strlen(from)));
}

struct qf_slice qf_permit_package(struct qf_testing_world *world, struct qf_permit_variant variant)
{
    static const char *const names[] = {"process.bpmn", "rules.dmn"};
    struct qf_arena *arena = &world->arena;
    struct qf_json package = qf_json_make_object(), files = qf_json_make_object();
    for (size_t i = 0; i < 2; i++) {
        struct qf_slice text = read_file(arena, names[i]);
        if (variant.file != NULL && strcmp(variant.file, names[i]) == 0)
            text = replaced(arena, text, variant.from, variant.to);
        if (variant.from_too != NULL && strcmp(variant.file, names[i]) == 0)
            text = replaced(arena, text, variant.from_too, variant.to_too);
        qf_json_put(arena, &files, names[i], qf_json_make_slice(text));
    }
    qf_json_put(arena, &files, "schemas/check.json", read_json(arena, "schemas/check.json"));
    qf_json_put(arena, &package, "files", files);
    qf_json_put(arena, &package, "id", qf_json_make_text("permit"));
    qf_json_put(arena, &package, "manifest", read_json(arena, "manifest.json"));
    qf_json_put(arena, &package, "version", qf_json_make_text(variant.version));
    struct qf_buf text = {0};
    qf_json_write(&text, &package);
    struct qf_slice bytes = qf_arena_copy(arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return bytes;
}

const char *qf_permit_hash(struct qf_testing_world *world, struct qf_slice bytes)
{
    uint8_t hash[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE];
    qf_hash(qf_suite_hash(world->suite), hash, bytes);
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    return qf_arena_printf(&world->arena, "%s:%.*s", qf_hash_alg_name(qf_suite_hash(world->suite)),
                           (int)sizeof hex, hex);
}

/* Puts the package on the ledger in parts of `part` bytes; returns its hash. */
const char *qf_permit_put(struct qf_testing_world *world, struct qf_slice package, size_t part)
{
    const char *hash = qf_permit_hash(world, package);
    for (size_t at = 0, number = 0; at < package.size; at += part, number++) {
        size_t size = package.size - at < part ? package.size - at : part;
        struct qf_buf text = {0};
        qf_buf_put_base64(&text, qf_slice_make(package.data + at, size));
        qf_testing_expect(
            world, QF_OK, "", A,
            "[{\"op\":\"service.part\",\"hash\":\"%s\",\"part\":%zu,\"data\":\"%s\"}]", hash,
            number, qf_buf_text(&text));
        qf_buf_deinit(&text);
    }
    return hash;
}

void qf_permit_vote(struct qf_testing_world *world, const char *proposal)
{
    qf_testing_expect(world, QF_OK, "", A, VOTE, proposal);
    qf_testing_expect(world, QF_OK, "", B, VOTE, proposal);
}

void qf_permit_deploy_variant(struct qf_testing_world *world, struct qf_permit_variant variant)
{
    const char *hash = qf_permit_put(world, qf_permit_package(world, variant), 5000);
    qf_testing_expect(world, QF_OK, "", B, PROPOSE, variant.version, variant.version, hash);
    qf_permit_vote(world, variant.version);
}

void qf_permit_deploy(struct qf_testing_world *world, const char *version)
{
    qf_permit_deploy_variant(world, (struct qf_permit_variant){.version = version});
}

int qf_permit_setup(void **state)
{
    struct qf_testing_world *world = qf_testing_new(QF_SUITE_INTL);
    qf_testing_found(world);
#define ADD "[{\"op\":\"identity.key.add\",\"actor\":\"%s\",\"key\":%s,\"roles\":%s}]"
    qf_testing_expect(world, QF_OK, "", A, ADD, "li", world->jwk[CLERK], "[\"clerk\"]");
    qf_testing_expect(world, QF_OK, "", A, ADD, "wang", world->jwk[OTHER], "[\"clerk\"]");
    qf_testing_expect(world, QF_OK, "", B, ADD, "zhao", world->jwk[EXPERT], "[]");
    qf_testing_expect(world, QF_OK, "", A, ADD, "guest", world->jwk[GUEST], "[]");
    *state = world;
    return 0;
}

int qf_permit_setup_deployed(void **state)
{
    qf_permit_setup(state);
    qf_permit_deploy(*state, "1");
    return 0;
}

int qf_permit_teardown(void **state)
{
    qf_testing_free(*state);
    return 0;
}

unsigned qf_permit_task(struct qf_testing_world *world, const char *role, const char *id)
{
    return qf_testing_task(world, role, id);
}

const struct qf_json *qf_permit_case(struct qf_testing_world *world, const char *id)
{
    const char *text =
        qf_testing_value(world, qf_arena_printf(&world->arena, "service/case/%s", id));
    assert_non_null(text);
    return qf_testing_json(world, "%s", text);
}

void qf_permit_status(struct qf_testing_world *world, const char *id, const char *status)
{
    if (!qf_json_is_text(qf_json_get(qf_permit_case(world, id), "status"), status))
        fail_msg("%s is not %s:\n%s", id, status, qf_testing_dump(world));
}

bool qf_permit_has_key(struct qf_testing_world *world, const char *prefix)
{
    for (size_t i = 0; i < world->state.count; i++)
        if (world->state.records[i].key.size >= strlen(prefix) &&
            memcmp(world->state.records[i].key.data, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}
