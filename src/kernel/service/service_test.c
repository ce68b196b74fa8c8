/* A small service deployed by vote and played: the right course, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/text.h"
#include "kernel/service/service.h"
#include "kernel/testing.h"

static const char *folder;

#define DAY 86400000LL

/* Keys: 0 admin of a, 1 of b, 2 of c; 4 and 5 clerks of a, 6 of b, 7 of a without a role. */
enum { A = 0, B = 1, C = 2, CLERK = 4, OTHER = 5, EXPERT = 6, GUEST = 7 };

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

struct variant {
    const char *version;
    const char *file; /* in which `from` is replaced by `to` */
    const char *from;
    const char *to;
    const char *from_too; /* a second replacement, or NULL */
    const char *to_too;
};

static struct qf_slice make_package(struct qf_testing_world *world, struct variant variant)
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

static const char *hash_of(struct qf_testing_world *world, struct qf_slice bytes)
{
    uint8_t hash[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE];
    qf_hash(qf_suite_hash(world->suite), hash, bytes);
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    return qf_arena_printf(&world->arena, "%s:%.*s", qf_hash_alg_name(qf_suite_hash(world->suite)),
                           (int)sizeof hex, hex);
}

/* Puts the package on the ledger in parts of `part` bytes; returns its hash. */
static const char *put_parts(struct qf_testing_world *world, struct qf_slice package, size_t part)
{
    const char *hash = hash_of(world, package);
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

#define PROPOSE                                                                                    \
    "[{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":\"service.deploy\","   \
    "\"service\":\"permit\",\"version\":\"%s\",\"member\":\"a\",\"hash\":\"%s\"}}]"
#define VOTE "[{\"op\":\"consortium.vote\",\"proposal\":\"%s\",\"choice\":\"yes\"}]"
#define ACTION                                                                                     \
    "[{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":\"service.%s\","       \
    "\"service\":\"permit\"}}]"

static void vote(struct qf_testing_world *world, const char *proposal)
{
    qf_testing_expect(world, QF_OK, "", A, VOTE, proposal);
    qf_testing_expect(world, QF_OK, "", B, VOTE, proposal);
}

static void deploy_variant(struct qf_testing_world *world, struct variant variant)
{
    const char *hash = put_parts(world, make_package(world, variant), 5000);
    qf_testing_expect(world, QF_OK, "", B, PROPOSE, variant.version, variant.version, hash);
    vote(world, variant.version);
}

static void deploy(struct qf_testing_world *world, const char *version)
{
    deploy_variant(world, (struct variant){.version = version});
}

static int setup(void **state)
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

static int setup_deployed(void **state)
{
    setup(state);
    deploy(*state, "1");
    return 0;
}

static int teardown(void **state)
{
    qf_testing_free(*state);
    return 0;
}

#define OPEN "[{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"%s\"}]"
#define TASK_OP "[{\"op\":\"service.task.%s\",\"case\":\"%s\",\"task\":%u}]"
#define COMPLETE                                                                                   \
    "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":%u,\"data\":{\"area\":%d}}]"
#define COMPLETE_WITH                                                                              \
    "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":%u,\"data\":{%s}}]"
#define CHOOSE "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":%u,\"flows\":[\"%s\"]}]"
#define WITHDRAW "[{\"op\":\"service.case.withdraw\",\"case\":\"%s\"}]"

static unsigned task_of(struct qf_testing_world *world, const char *role, const char *id)
{
    return qf_testing_task(world, role, id);
}

static const struct qf_json *case_of(struct qf_testing_world *world, const char *id)
{
    const char *text =
        qf_testing_value(world, qf_arena_printf(&world->arena, "service/case/%s", id));
    assert_non_null(text);
    return qf_testing_json(world, "%s", text);
}

static void assert_status(struct qf_testing_world *world, const char *id, const char *status)
{
    if (!qf_json_is_text(qf_json_get(case_of(world, id), "status"), status))
        fail_msg("%s is not %s:\n%s", id, status, qf_testing_dump(world));
}

static bool has_key(struct qf_testing_world *world, const char *prefix)
{
    for (size_t i = 0; i < world->state.count; i++)
        if (world->state.records[i].key.size >= strlen(prefix) &&
            memcmp(world->state.records[i].key.data, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

static void a_service_comes_by_vote(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_slice package = make_package(world, (struct variant){.version = "1"});
    const char *hash = hash_of(world, package);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].action.hash", B, PROPOSE, "p", "1", hash);
    put_parts(world, package, 5000);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].action.version", B, PROPOSE, "p", "2", hash);
    qf_testing_expect(world, QF_OK, "", B, PROPOSE, "p", "1", hash);
    assert_null(qf_testing_value(world, "service/service/permit"));
    assert_true(has_key(world, "service/part/"));
    vote(world, "p");
    assert_non_null(qf_testing_value(world, "service/service/permit"));
    assert_false(has_key(world, "service/part/"));
    const char *stored = qf_testing_value(world, "service/package/permit/1");
    assert_true(qf_slice_is(package, stored));
    put_parts(world, package, 5000);
    qf_testing_expect(world, QF_EXISTS, "ops[0].action.version", B, PROPOSE, "q", "1", hash);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", GUEST,
                      "[{\"op\":\"service.part\",\"hash\":\"%s\",\"part\":0,\"data\":\"AAAA\"}]",
                      hash);
}

static void expect_refused(struct qf_testing_world *world, struct variant variant,
                           enum qf_status code, const char *words)
{
    const char *hash = put_parts(world, make_package(world, variant), 30000);
    struct qf_receipt receipt = qf_testing_run(world, B, PROPOSE, "p", variant.version, hash);
    if (receipt.code != code || strstr(receipt.problem.detail, words) == NULL)
        fail_msg("%s at %s: %s", qf_status_name(receipt.code), receipt.problem.field,
                 receipt.problem.detail);
    assert_null(qf_testing_value(world, "consortium/proposal/p"));
}

static void a_bad_package_is_refused_when_proposed(void **state)
{
    struct qf_testing_world *world = *state;
    static const struct {
        struct variant variant;
        const char *words;
    } cases[] = {
        {{"1", "process.bpmn", "way = \"full\"", "wey = \"full\"", NULL, NULL}, "f-full"},
        {{"1", "process.bpmn", "ref=\"Route\"", "ref=\"Rout\"", NULL, NULL}, "route"},
        {{"1", "process.bpmn", "targetRef=\"granted\"", "targetRef=\"check\"", NULL, NULL},
         "granted"},
        {{"1", "process.bpmn", "role=\"expert\"", "role=\"nobody\"", NULL, NULL}, "nobody"},
        {{"1", "process.bpmn", "check.json", "chuck.json", NULL, NULL}, "line 24"},
        {{"1", "rules.dmn", "<text>area</text>", "<text>area +</text>", NULL, NULL}, "line 15"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(world, cases[i].variant, QF_BAD_FIELD, cases[i].words);
    expect_refused(
        world,
        (struct variant){"1", "process.bpmn", "<definitions",
                         "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><definitions",
                         NULL, NULL},
        QF_MALFORMED, "");
    expect_refused(world, (struct variant){"1", "process.bpmn", "</definitions>", "", NULL, NULL},
                   QF_MALFORMED, "");
    assert_false(has_key(world, "service/service/"));
}

static void the_simple_way(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    unsigned check = task_of(world, "desk", "c1");
    assert_true(check > 0);
    qf_testing_expect(world, QF_OK, "", CLERK, TASK_OP, "claim", "c1", check);
    struct qf_receipt receipt = qf_testing_run(world, CLERK, COMPLETE, "c1", check, 120);
    assert_int_equal(receipt.code, QF_OK);
    assert_int_equal(receipt.event_count, 1);
    assert_string_equal(receipt.events[0].type, "service.task-completed");
    assert_true(qf_slice_is(receipt.events[0].key, "service/case/c1"));
    const struct qf_json *decisions = qf_json_get(case_of(world, "c1"), "decisions");
    assert_int_equal(decisions->count, 1);
    assert_true(qf_json_is_text(qf_json_get(&decisions->items[0], "decision"), "Route"));
    assert_int_equal(qf_json_get(&decisions->items[0], "trace")->count, 64);
    assert_int_equal(qf_json_get(qf_json_get(&decisions->items[0], "inputs"), "area")->integer,
                     120);
    unsigned sign = task_of(world, "desk", "c1");
    assert_true(sign > 0 && sign != check);
    /* four eyes */
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].actor", CLERK, TASK_OP, "complete", "c1",
                      sign);
    qf_testing_expect(world, QF_OK, "", OTHER, TASK_OP, "complete", "c1", sign);
    assert_status(world, "c1", "done");
    assert_false(has_key(world, "~task/"));
    assert_false(has_key(world, "~due/"));
}

static void what_can_be_asked(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_arena *arena = &world->arena;
    struct qf_query_tasks tasks = {
        .role = qf_slice_of("expert"), .due_before_ms = INT64_MAX, .limit = 10};
    struct qf_query_cases cases = {.limit = 2};
    struct qf_query_page page = {.limit = 2};
    struct qf_json out;
    struct qf_slice next;
    bool whole;
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "c%d", i);
        qf_testing_expect(world, QF_OK, "", CLERK, OPEN, id);
        qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, id, task_of(world, "desk", id), 500);
    }
    assert_int_equal(qf_query_tasks(&reader, arena, &out, &next, &tasks, NULL), QF_OK);
    assert_int_equal(out.count, 3);
    assert_int_equal(next.size, 0);
    const struct qf_json *task = &out.items[1];
    assert_true(qf_json_is_text(qf_json_get(task, "case"), "c1"));
    assert_true(qf_json_is_text(qf_json_get(task, "node"), "review"));
    assert_true(qf_json_is_text(qf_json_get(task, "name"), "Review on the spot"));
    assert_true(qf_json_is_text(qf_json_get(task, "role"), "expert"));
    assert_int_equal(qf_json_get(task, "due")->integer, 1767888000000);
    assert_int_equal(qf_json_get(task, "opened")->integer, world->block.time_ms);
    tasks.limit = 2;
    assert_int_equal(qf_query_tasks(&reader, arena, &out, &next, &tasks, NULL), QF_OK);
    assert_int_equal(out.count, 2);
    tasks.after = next;
    assert_int_equal(qf_query_tasks(&reader, arena, &out, &next, &tasks, NULL), QF_OK);
    assert_int_equal(out.count, 1);
    assert_int_equal(next.size, 0);
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 3);
    assert_true(whole);
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 2, &whole), 2);
    assert_false(whole);
    tasks.due_before_ms = 1767888000000;
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 0);
    assert_int_equal(qf_query_next_due(&reader), 1767888000000);
    tasks = (struct qf_query_tasks){
        .role = qf_slice_of("desk"), .due_before_ms = INT64_MAX, .limit = 10};
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 0);
    unsigned review = task_of(world, "expert", "c1");
    qf_testing_expect(world, QF_OK, "", EXPERT, TASK_OP, "claim", "c1", review);
    tasks = (struct qf_query_tasks){
        .service = qf_slice_of("permit"), .due_before_ms = INT64_MAX, .limit = 10};
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 3);
    tasks.held = QF_HELD_NONE;
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 2);
    tasks.held = QF_HELD_SOME;
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 1);
    assert_int_equal(qf_query_tasks(&reader, arena, &out, &next, &tasks, NULL), QF_OK);
    struct qf_slice holder = qf_json_text(qf_json_get(&out.items[0], "holder"));
    tasks = (struct qf_query_tasks){.holder = holder, .due_before_ms = INT64_MAX, .limit = 10};
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 1);
    qf_testing_expect(world, QF_OK, "", EXPERT, TASK_OP, "release", "c1", review);
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 0);

    assert_int_equal(qf_query_cases(&reader, arena, &out, &next, &cases, NULL), QF_OK);
    assert_int_equal(out.count, 2);
    cases.after = next;
    assert_int_equal(qf_query_cases(&reader, arena, &out, &next, &cases, NULL), QF_OK);
    assert_int_equal(out.count, 1);
    assert_true(qf_json_is_text(qf_json_get(&out.items[0], "case"), "c2"));
    cases = (struct qf_query_cases){.limit = 9, .status = qf_slice_of("done")};
    assert_int_equal(qf_query_cases(&reader, arena, &out, &next, &cases, NULL), QF_OK);
    assert_int_equal(out.count, 0);
    cases = (struct qf_query_cases){
        .limit = 9, .status = qf_slice_of("running"), .member = qf_slice_of("a")};
    assert_int_equal(qf_query_cases(&reader, arena, &out, &next, &cases, NULL), QF_OK);
    assert_int_equal(out.count, 3);
    assert_int_equal(qf_query_list(&reader, &world->arena, QF_LIST_SERVICES, &page).count, 1);
    assert_true(qf_query_case(&reader, &world->arena, &out, qf_slice_of("c2")));
    assert_null(qf_json_get(&out, "instance"));
    assert_int_equal(qf_json_get(&out, "tasks")->count, 1);
    assert_true(
        qf_json_is_text(qf_json_get(&qf_json_get(&out, "tasks")->items[0], "node"), "review"));
    assert_int_equal(qf_json_get(qf_json_get(&out, "data"), "area")->integer, 500);
    assert_true(qf_query_service(&reader, &world->arena, &out, qf_slice_of("permit")));
    assert_true(qf_json_is_text(qf_json_get(&out, "version"), "1"));
    assert_false(qf_query_case(&reader, &world->arena, &out, qf_slice_of("c9")));
    assert_false(qf_query_case(&reader, &world->arena, &out, qf_slice_of("../x")));
    assert_false(qf_query_service(&reader, &world->arena, &out, qf_slice_of("")));
}

static void only_who_plays_the_role(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", GUEST, OPEN, "c1");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", EXPERT, OPEN, "c1");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].service", CLERK,
                      "[{\"op\":\"service.case.open\",\"service\":\"x\",\"case\":\"c\"}]");
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_EXISTS, "ops[0].case", OTHER, OPEN, "c1");
    unsigned check = task_of(world, "desk", "c1");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", EXPERT, COMPLETE, "c1", check, 120);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", GUEST, TASK_OP, "claim", "c1", check);
    qf_testing_expect(world, QF_OK, "", CLERK, TASK_OP, "claim", "c1", check);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", OTHER, COMPLETE, "c1", check, 120);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", OTHER, TASK_OP, "release", "c1", check);
    qf_testing_expect(world, QF_OK, "", CLERK, TASK_OP, "release", "c1", check);
    qf_testing_expect(world, QF_OK, "", OTHER, COMPLETE, "c1", check, 120);
    /* twice */
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", OTHER, COMPLETE, "c1", check, 120);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].case", OTHER, COMPLETE, "c2", check, 120);
}

static void data_is_checked(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    unsigned check = task_of(world, "desk", "c1");
    static const struct {
        const char *data;
        const char *field;
    } cases[] = {
        {"\"area\":\"x\"", "ops[0].data.area"},
        {"\"area\":1000001", "ops[0].data.area"},
        {"\"area\":1,\"other\":1", "ops[0].data.other"},
        {"\"area\":1,\"name\":\"Li\"", "ops[0].data.name"},
        {"\"area\":1,\"how\":\"so\"", "ops[0].data.how"},
        {"\"area\":1,\"note\":\"later\"", "ops[0].data.note"},
        {"\"area\":1,\"received\":\"yesterday\"", "ops[0].data.received"},
        {"\"note\":\"plain\"", "ops[0].data.area"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        qf_testing_expect(world, QF_BAD_FIELD, cases[i].field, CLERK, COMPLETE_WITH, "c1", check,
                          cases[i].data);
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE_WITH, "c1", check,
                      "\"area\":1,\"note\":\"plain\",\"received\":\"2026-01-05\"");
}

static void the_full_way_with_a_choice(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", task_of(world, "desk", "c1"), 500);
    unsigned review = task_of(world, "expert", "c1");
    assert_true(review > 0);
    assert_true(has_key(world, "~due/"));
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", CLERK, CHOOSE, "c1", review, "f-no");
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].flows", EXPERT, TASK_OP, "complete", "c1",
                      review);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].flows", EXPERT, CHOOSE, "c1", review, "f4");
    qf_testing_expect(world, QF_OK, "", EXPERT, CHOOSE, "c1", review, "f-no");
    assert_status(world, "c1", "done");
    assert_false(has_key(world, "~due/"));
}

static void a_deadline_passes_by_working_days(void **state)
{
    struct qf_testing_world *world = *state;
    /* It is Thursday 2026-01-01 in Beijing; Friday is off, so that the fifth working day is Friday
     * of the week that follows. */
    qf_testing_expect(world, QF_OK, "", A,
                      "[{\"op\":\"consortium.propose\",\"proposal\":\"cal\",\"action\":"
                      "{\"do\":\"calendar.set\",\"year\":2026,\"holidays\":[\"2026-01-02\"],"
                      "\"workdays\":[]}}]");
    vote(world, "cal");
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", task_of(world, "desk", "c1"), 500);
    unsigned review = task_of(world, "expert", "c1");
    /* The end of Friday the 9th in Beijing. */
    const int64_t end = 1767974400000;
    assert_true(has_key(world, "~due/0001767974400000/c1"));
    world->block.time_ms = end - 1;
    qf_testing_begin(world);
    qf_testing_end(world, false);
    assert_int_equal(task_of(world, "expert", "c1"), review);
    world->block.time_ms = end;
    /* late: what is due falls due before anything of the block */
    struct qf_receipt receipt = qf_testing_run(world, EXPERT, CHOOSE, "c1", review, "f-no");
    assert_int_equal(receipt.code, QF_NOT_FOUND);
    assert_int_equal(task_of(world, "expert", "c1"), 0);
    assert_true(task_of(world, "desk", "c1") > 0);
    const struct qf_json *record = case_of(world, "c1");
    const struct qf_json *deemed = qf_json_get(record, "deemed");
    assert_non_null(deemed);
    assert_true(qf_json_is_text(qf_json_get(&deemed->items[0], "node"), "review"));
    assert_true(qf_json_is_text(qf_json_get(&deemed->items[0], "as"), "approved"));
    const struct qf_json *variables = qf_json_get(qf_json_get(record, "instance"), "v");
    assert_true(qf_json_is_text(qf_json_get(variables, "how"), "deemed"));
    assert_false(has_key(world, "~due/"));
    qf_testing_expect(world, QF_OK, "", OTHER, TASK_OP, "complete", "c1",
                      task_of(world, "desk", "c1"));
    assert_status(world, "c1", "done");
}

/* Opens a case, brings it to the review, and lets nine days pass. Returns the review's number. */
static unsigned let_the_review_lie(struct qf_testing_world *world)
{
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", task_of(world, "desk", "c1"), 500);
    unsigned review = task_of(world, "expert", "c1");
    assert_true(review > 0);
    world->block.time_ms += 9 * DAY;
    qf_testing_begin(world);
    qf_testing_end(world, false);
    return review;
}

static void an_escalated_task_is_on_two_lists(void **state)
{
    struct qf_testing_world *world = *state;
    deploy_variant(world, (struct variant){"e", "process.bpmn",
                                           "then=\"approved\" flow=\"f-yes\">\n"
                                           "          <qf:set name=\"how\" value=\"deemed\"/>",
                                           "then=\"escalate\" to=\"desk\">", NULL, NULL});
    unsigned review = let_the_review_lie(world);
    assert_int_equal(task_of(world, "expert", "c1"), review);
    assert_int_equal(task_of(world, "desk", "c1"), review);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", GUEST, CHOOSE, "c1", review, "f-yes");
    qf_testing_expect(world, QF_OK, "", OTHER, CHOOSE, "c1", review, "f-yes");
    assert_int_equal(task_of(world, "expert", "c1"), 0);
    assert_true(task_of(world, "desk", "c1") > review);
    assert_null(qf_json_get(case_of(world, "c1"), "deemed"));
}

/* What falls due leads to a decision that no rule answers: the case stands still and says why. */
static void a_timer_that_cannot_fire_halts_its_case(void **state)
{
    struct qf_testing_world *world = *state;
    deploy_variant(world,
                   (struct variant){"h", "process.bpmn", "<qf:set name=\"how\" value=\"deemed\"/>",
                                    "<qf:set name=\"area\" value=\"-5\"/>",
                                    "sourceRef=\"verdict\" targetRef=\"sign\"",
                                    "sourceRef=\"verdict\" targetRef=\"route\""});
    unsigned review = let_the_review_lie(world);
    const struct qf_json *problem = qf_json_get(case_of(world, "c1"), "problem");
    assert_non_null(problem);
    assert_true(qf_json_is_text(qf_json_get(problem, "code"), "rule-error"));
    assert_status(world, "c1", "running");
    assert_int_equal(task_of(world, "expert", "c1"), review);
    assert_false(has_key(world, "~due/"));
    qf_testing_expect(world, QF_OK, "", EXPERT, CHOOSE, "c1", review, "f-no");
    assert_status(world, "c1", "done");
    assert_null(qf_json_get(case_of(world, "c1"), "problem"));
}

static void a_message_is_waited_for(void **state)
{
    struct qf_testing_world *world = *state;
#define MESSAGE "[{\"op\":\"service.case.message\",\"case\":\"c1\",\"name\":\"%s\"}]"
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].message", EXPERT, MESSAGE, "more-papers");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", task_of(world, "desk", "c1"), 9000);
    assert_int_equal(task_of(world, "desk", "c1"), 0);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", GUEST, MESSAGE, "more-papers");
    qf_testing_expect(world, QF_OK, "", EXPERT, MESSAGE, "more-papers");
    assert_true(task_of(world, "desk", "c1") > 0);
}

static void a_withdrawn_case_stays_so(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", task_of(world, "desk", "c1"), 500);
    unsigned review = task_of(world, "expert", "c1");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", EXPERT, WITHDRAW, "c1");
    qf_testing_expect(world, QF_OK, "", OTHER, WITHDRAW, "c1");
    assert_status(world, "c1", "withdrawn");
    assert_false(has_key(world, "~task/"));
    assert_false(has_key(world, "~due/"));
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", EXPERT, CHOOSE, "c1", review, "f-no");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", CLERK, WITHDRAW, "c1");
    qf_testing_expect(world, QF_EXISTS, "ops[0].case", CLERK, OPEN, "c1");
}

static void rules_that_fail_are_refused(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    unsigned check = task_of(world, "desk", "c1");
    struct qf_receipt receipt =
        qf_testing_run(world, CLERK, COMPLETE_WITH, "c1", check, "\"area\":1,\"work\":1000000");
    assert_int_equal(receipt.code, QF_BUDGET);
    assert_non_null(strstr(receipt.problem.detail, "Route"));
    receipt = qf_testing_run(world, CLERK, COMPLETE, "c1", check, -1);
    assert_int_equal(receipt.code, QF_RULE_ERROR);
    assert_int_equal(task_of(world, "desk", "c1"), check);
}

/* Every evaluation that runs over its own budget takes 100,000 of the block's 2,000,000 steps. */
static void a_block_has_a_budget(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    unsigned check = task_of(world, "desk", "c1");
    const int64_t exp = world->block.time_ms / 1000 + 600;
    const struct qf_json *hard =
        qf_testing_json(world, COMPLETE_WITH, "c1", check, "\"area\":1,\"work\":1000000");
    const struct qf_json *easy = qf_testing_json(world, COMPLETE, "c1", check, 1);
    struct qf_receipt receipt;
    qf_testing_begin(world);
    for (size_t i = 0; i < 30; i++) {
        qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, hard), QF_TX_GOOD, &receipt);
        assert_int_equal(receipt.code, QF_BUDGET);
    }
    qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, easy), QF_TX_GOOD, &receipt);
    assert_int_equal(receipt.code, QF_BUDGET);
    /* A refused transaction that is turned away leaves no trace, nor in the budget. */
    qf_testing_end(world, false);
    qf_testing_begin(world);
    for (size_t i = 0; i < 30; i++) {
        qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, hard), QF_TX_GOOD, &receipt);
        assert_int_equal(receipt.code, QF_BUDGET);
        qf_kernel_retract(world->kernel);
    }
    qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, easy), QF_TX_GOOD, &receipt);
    assert_int_equal(receipt.code, QF_OK);
    qf_testing_end(world, false);
}

static void versions_and_standing(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "old");
    deploy(world, "2");
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "new");
    assert_true(qf_json_is_text(qf_json_get(case_of(world, "old"), "version"), "1"));
    assert_true(qf_json_is_text(qf_json_get(case_of(world, "new"), "version"), "2"));
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].action.service", A, ACTION, "s0", "resume");
    qf_testing_expect(world, QF_OK, "", A, ACTION, "s1", "suspend");
    vote(world, "s1");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].service", CLERK, OPEN, "more");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "old", task_of(world, "desk", "old"), 1);
    qf_testing_expect(world, QF_OK, "", A, ACTION, "s2", "resume");
    vote(world, "s2");
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "more");
    qf_testing_expect(world, QF_OK, "", A, ACTION, "s3", "retire");
    vote(world, "s3");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].service", CLERK, OPEN, "last");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].action.service", A, ACTION, "s4", "resume");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "new", task_of(world, "desk", "new"), 1);
}

/* A kernel that keeps its compiled models and one that has just begun give the same state. */
static void the_cache_is_pure(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_testing_world *twin = qf_testing_twin(world);
    static const struct {
        unsigned signer;
        int64_t after_ms;
        const char *ops;
    } steps[] = {
        {CLERK, 0, "{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"x\"}"},
        {CLERK, 5,
         "{\"op\":\"service.task.complete\",\"case\":\"x\",\"task\":1,"
         "\"data\":{\"area\":400}}"},
        {CLERK, 9,
         "{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"y\"},"
         "{\"op\":\"service.task.complete\",\"case\":\"y\",\"task\":1,"
         "\"data\":{\"area\":400}}"},
        {EXPERT, 7, "{\"op\":\"service.task.claim\",\"case\":\"y\",\"task\":2}"},
        {OTHER, 9 * DAY, "{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"z\"}"},
        {OTHER, 1, "{\"op\":\"service.case.withdraw\",\"case\":\"z\"}"},
    };
    /* The twin takes over the state as it is. */
    struct qf_kernel *kernel = twin->kernel;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        world->block.time_ms += steps[i].after_ms;
        struct qf_slice jws =
            qf_testing_sign(world, steps[i].signer, world->block.time_ms / 1000 + 600,
                            qf_testing_json(world, "[%s]", steps[i].ops));
        struct qf_state_reader reader = qf_testing_reader(world);
        struct qf_signature_checker checker = {0};
        twin->kernel = qf_kernel_new(&reader, &checker);
        struct qf_tx tx;
        struct qf_receipt here, there;
        assert_int_equal(qf_tx_decode(&world->arena, &tx, jws, &world->rules, NULL), QF_OK);
        tx.signature = QF_TX_GOOD;
        const struct qf_kernel_change *changes, *expected;
        size_t count, expected_count;
        qf_kernel_begin(twin->kernel, &world->block);
        qf_kernel_apply(twin->kernel, &tx, &there);
        qf_kernel_end(twin->kernel, &changes, &count);
        qf_testing_begin(world);
        qf_testing_apply(world, jws, QF_TX_GOOD, &here);
        assert_int_equal(here.code, QF_OK);
        assert_int_equal(there.code, QF_OK);
        qf_kernel_end(world->kernel, &expected, &expected_count);
        assert_int_equal(count, expected_count);
        for (size_t k = 0; k < count; k++) {
            assert_true(qf_slice_equal(changes[k].key, expected[k].key));
            assert_true(qf_slice_equal(changes[k].value, expected[k].value));
        }
        qf_kernel_free(twin->kernel);
        qf_testing_end(world, false);
    }
    assert_non_null(qf_json_get(case_of(world, "x"), "deemed"));
    assert_non_null(qf_json_get(case_of(world, "y"), "deemed"));
    twin->kernel = kernel;
    qf_testing_free(twin);
}

/* Values nested as deep as a transaction allows can be stored and read again, or are refused. */
static void deep_values(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    unsigned check = task_of(world, "desk", "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", check, 9000);
    for (int depth = 20; depth <= 28; depth++) {
        char value[128] = {0};
        memset(value, '[', (size_t)depth);
        memset(value + depth, ']', (size_t)depth);
        char id[8];
        snprintf(id, sizeof id, "d%d", depth);
        struct qf_receipt receipt =
            qf_testing_run(world, CLERK,
                           "[{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"%s\","
                           "\"data\":{\"list\":%s}}]",
                           id, value);
        assert_true(receipt.code == QF_OK || receipt.code == QF_OVER_LIMIT);
        if (receipt.code == QF_OK)
            qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, id, 1, 120);
    }
}

/* ---- look-ups ---- */

/* What must be kept beside the cases: made here from the records alone. */
struct follow {
    struct qf_testing_world *world;
    size_t count; /* of entries that must be there */
};

static void expect_entry(struct follow *follow, const struct qf_state_key *key,
                         struct qf_slice value)
{
    struct qf_slice wanted = qf_state_key_slice(key);
    for (size_t i = 0; i < follow->world->state.count; i++) {
        const struct qf_memory_record *record = &follow->world->state.records[i];
        if (!qf_slice_equal(record->key, wanted))
            continue;
        assert_true(record->lookup && record->listed);
        assert_true(qf_slice_equal(record->value, value));
        follow->count++;
        return;
    }
    fail_msg("%.*s is missing", QF_SLICE_ARGS(wanted));
}

static void expect_task(struct follow *follow, const struct qf_task_lookup *task,
                        enum qf_task_list list)
{
    struct qf_buf value = {0};
    struct qf_state_key key;
    qf_lookup_task_key(&key, list, task);
    qf_lookup_task_value(&value, task);
    expect_entry(follow, &key, qf_buf_slice(&value));
    qf_buf_deinit(&value);
}

static void expect_tasks(struct follow *follow, const struct qf_service_model *model,
                         const struct qf_bpmn_instance *instance, struct qf_slice id)
{
    for (uint32_t i = 0; i < instance->wait_count; i++) {
        const struct qf_bpmn_wait *wait = &instance->waits[i];
        const struct qf_bpmn_node *node = &model->bpmn.nodes[wait->node];
        if (!qf_bpmn_is_human(node))
            continue;
        struct qf_task_lookup task = {.role = qf_bpmn_role(&model->bpmn, node),
                                      .service = model->id,
                                      .case_id = id,
                                      .holder = wait->holder,
                                      .node = node->id,
                                      .name = node->name,
                                      .task = wait->id,
                                      .escalated = wait->escalated,
                                      .due_ms = INT64_MAX,
                                      .opened_ms = wait->opened_ms};
        for (uint32_t t = 0; t < instance->timer_count; t++)
            if (instance->timers[t].owner == wait->id && instance->timers[t].node == wait->node)
                task.due_ms = instance->timers[t].due_ms;
        expect_task(follow, &task, QF_TASKS_BY_ROLE);
        expect_task(follow, &task, QF_TASKS_BY_SERVICE);
        if (task.holder.size > 0)
            expect_task(follow, &task, QF_TASKS_BY_HOLDER);
    }
}

static void expect_case(struct follow *follow, const struct qf_service_model *model,
                        struct qf_slice id, struct qf_slice text)
{
    struct qf_arena arena = {0};
    struct qf_json record;
    struct qf_bpmn_instance instance;
    struct qf_state_key key;
    assert_int_equal(qf_json_parse(&arena, &record, text, QF_JSON_CANONICAL, NULL), QF_OK);
    assert_int_equal(
        qf_bpmn_read(&arena, &instance, &model->bpmn, qf_json_get(&record, "instance"), NULL),
        QF_OK);
    expect_tasks(follow, model, &instance, id);
    const struct qf_json *timer = qf_json_get(&record, "timer");
    if (timer != NULL) {
        qf_lookup_due_key(&key, timer->integer, id);
        expect_entry(follow, &key, qf_slice_of(""));
    }
    qf_lookup_case_key(&key, model->id, qf_record_text(&record, "status"),
                       (uint64_t)qf_record_int(&record, "leaf"), id);
    expect_entry(follow, &key, qf_slice_of(""));
    qf_arena_deinit(&arena);
}

static void assert_lists_follow(struct qf_testing_world *world,
                                const struct qf_service_model *model)
{
    static const char prefix[] = "service/case/";
    struct follow follow = {.world = world};
    size_t there = 0;
    for (size_t i = 0; i < world->state.count; i++) {
        const struct qf_memory_record *record = &world->state.records[i];
        assert_int_equal(record->key.data[0] == '~', record->lookup);
        bool effect = record->key.size > 8 && memcmp(record->key.data, QF_LOOKUP_EFFECT, 8) == 0;
        there += record->lookup && !effect;
        if (record->key.size >= sizeof prefix && memcmp(record->key.data, prefix, 13) == 0)
            expect_case(&follow, model, qf_slice_make(record->key.data + 13, record->key.size - 13),
                        record->value);
    }
    assert_int_equal(there, follow.count);
}

/* Ops that make sense now and then; what comes of each is not looked at. */
static void do_something(struct qf_testing_world *world, uint32_t random)
{
    static const unsigned who[] = {CLERK, OTHER, EXPERT};
    char id[8];
    snprintf(id, sizeof id, "c%u", random / 64 % 12);
    unsigned key = who[random / 8 % 3];
    unsigned task = qf_testing_task(world, random % 2 == 0 ? "desk" : "expert", id);
    switch (random % 8) {
    case 0:
        (void)qf_testing_run(world, CLERK, OPEN, id);
        break;
    case 1:
        (void)qf_testing_run(world, key, TASK_OP, "claim", id, task > 0 ? task : 1);
        break;
    case 2:
        (void)qf_testing_run(world, key, TASK_OP, "release", id, task > 0 ? task : 1);
        break;
    case 3:
        (void)qf_testing_run(world, key, CHOOSE, id, task > 0 ? task : 1,
                             random / 2048 % 2 == 0 ? "f-no" : "f-yes");
        break;
    case 4:
        (void)qf_testing_run(world, key, TASK_OP, "complete", id, task > 0 ? task : 1);
        break;
    case 5:
        (void)qf_testing_run(world, key, COMPLETE, id, task > 0 ? task : 1,
                             random / 2048 % 2 == 0 ? 500 : 20);
        break;
    case 6:
        (void)qf_testing_run(world, random / 512 % 8 == 0 ? CLERK : GUEST, WITHDRAW, id);
        break;
    default:
        world->block.time_ms += (int64_t)(random / 512 % 30) * (DAY / 10);
        qf_testing_begin(world);
        qf_testing_end(world, random / 32 % 2 == 0);
    }
}

static void look_ups_follow_from_the_records(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_service_model *model;
    struct qf_slice package = make_package(world, (struct variant){.version = "1"});
    assert_int_equal(qf_service_compile(&model, package, qf_slice_of("x"), NULL), QF_OK);
    uint32_t random = 12345;
    size_t most = 0;
    for (int round = 0; round < 3000; round++) {
        random = random * 1664525u + 1013904223u;
        do_something(world, random >> 8);
        most = world->state.count > most ? world->state.count : most;
        if (round % 8 == 0)
            assert_lists_follow(world, model);
    }
    assert_lists_follow(world, model);
    assert_true(most > 40);
    qf_service_free(model);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    folder = argv[1];
#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, setup_deployed, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_service_comes_by_vote, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_package_is_refused_when_proposed, setup, teardown),
        WITH_SERVICE(the_simple_way),
        WITH_SERVICE(what_can_be_asked),
        WITH_SERVICE(only_who_plays_the_role),
        WITH_SERVICE(data_is_checked),
        WITH_SERVICE(the_full_way_with_a_choice),
        WITH_SERVICE(a_deadline_passes_by_working_days),
        WITH_SERVICE(an_escalated_task_is_on_two_lists),
        WITH_SERVICE(a_timer_that_cannot_fire_halts_its_case),
        WITH_SERVICE(a_message_is_waited_for),
        WITH_SERVICE(a_withdrawn_case_stays_so),
        WITH_SERVICE(rules_that_fail_are_refused),
        WITH_SERVICE(a_block_has_a_budget),
        WITH_SERVICE(versions_and_standing),
        WITH_SERVICE(the_cache_is_pure),
        WITH_SERVICE(deep_values),
        WITH_SERVICE(look_ups_follow_from_the_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
