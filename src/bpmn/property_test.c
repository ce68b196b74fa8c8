/* Models at random: those that are sound by their construction must be found sound and must always
 * come to their end; those of any shape that are found sound must never get stuck. Whatever happens
 * must happen in the same way again. */
#include "bpmn/check.h"
#include "bpmn/replay.h"
#include "bpmn/test_case.h"

struct random {
    uint64_t state;
};

static uint32_t pick(struct random *random, uint32_t below)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return (uint32_t)(random->state >> 33) % below;
}

/* --- models of blocks --- */

struct writer {
    struct qf_buf xml;
    struct random random;
    int serial;
    int budget; /* nodes that may still be made */
};

static void flow(struct writer *w, const char *kind, int from, int to)
{
    qf_buf_printf(&w->xml, "<sequenceFlow id='%s%d' sourceRef='n%d' targetRef='n%d'/>", kind,
                  ++w->serial, from, to);
}

static int node(struct writer *w, const char *element)
{
    int id = ++w->serial;
    w->budget--;
    qf_buf_printf(&w->xml, "<%s id='n%d' name='n%d'/>", element, id, id);
    return id;
}

struct block {
    int first;
    int last;
};

static struct block write_block(struct writer *w, int depth);

static struct block write_branches(struct writer *w, const char *gateway, int depth)
{
    struct block block = {node(w, gateway), node(w, gateway)};
    uint32_t count = 2 + pick(&w->random, 3);
    for (uint32_t i = 0; i < count; i++) {
        struct block inner = write_block(w, depth + 1);
        flow(w, "f", block.first, inner.first);
        flow(w, "f", inner.last, block.last);
    }
    return block;
}

/* Flows that leave a loop have an id with x, so that a walk can be led out of it. */
static struct block write_loop(struct writer *w, int depth)
{
    struct block block = {node(w, "exclusiveGateway"), node(w, "exclusiveGateway")};
    struct block inner = write_block(w, depth + 1);
    int task = node(w, "task"), out = node(w, "task");
    flow(w, "f", block.first, inner.first);
    flow(w, "f", inner.last, task);
    flow(w, "f", task, block.last);
    flow(w, "f", block.last, block.first);
    flow(w, "x", block.last, out);
    return (struct block){block.first, out};
}

static struct block write_sub(struct writer *w, int depth)
{
    int id = ++w->serial;
    w->budget--;
    qf_buf_printf(&w->xml, "<subProcess id='n%d'>", id);
    int start = node(w, "startEvent"), end = node(w, "endEvent");
    struct block inner = write_block(w, depth + 1);
    flow(w, "f", start, inner.first);
    flow(w, "f", inner.last, end);
    qf_buf_put_text(&w->xml, "</subProcess>");
    return (struct block){id, id};
}

static struct block write_block(struct writer *w, int depth)
{
    uint32_t what = depth > 4 || w->budget < 0 ? 0 : pick(&w->random, 8);
    struct block a, b;
    switch (what) {
    case 0:
    case 1:
        a.first = a.last = node(w, pick(&w->random, 2) == 0 ? "userTask" : "manualTask");
        return a;
    case 2:
    case 3:
        a = write_block(w, depth + 1);
        b = write_block(w, depth + 1);
        flow(w, "f", a.last, b.first);
        return (struct block){a.first, b.last};
    case 4:
        return write_branches(w, "exclusiveGateway", depth);
    case 5:
        return write_branches(w, "parallelGateway", depth);
    case 6:
        return pick(&w->random, 2) == 0 ? write_branches(w, "inclusiveGateway", depth)
                                        : write_sub(w, depth);
    default:
        return write_loop(w, depth);
    }
}

static void write_model(struct writer *w, uint64_t seed)
{
    *w = (struct writer){.random = {seed * 0x9E3779B97F4A7C15u + 1}, .budget = 24};
    qf_buf_put_text(&w->xml, DEFINITIONS "<process id='p' isExecutable='true'>");
    int start = node(w, "startEvent"), end = node(w, "endEvent");
    struct block inner = write_block(w, 0);
    flow(w, "f", start, inner.first);
    flow(w, "f", inner.last, end);
    qf_buf_put_text(&w->xml, "</process></definitions>");
}

/* --- models of any shape --- */

static void write_graph(struct writer *w, uint64_t seed)
{
    static const char *const kinds[] = {"userTask", "userTask", "exclusiveGateway",
                                        "parallelGateway", "inclusiveGateway"};
    *w = (struct writer){.random = {seed * 0xD1342543DE82EF95u + 1}};
    qf_buf_put_text(&w->xml, DEFINITIONS "<process id='p' isExecutable='true'>");
    int start = node(w, "startEvent"), end = node(w, "endEvent");
    int nodes[8];
    uint32_t count = 2 + pick(&w->random, 6);
    for (uint32_t i = 0; i < count; i++)
        nodes[i] = node(w, kinds[pick(&w->random, 5)]);
    flow(w, "f", start, nodes[0]);
    flow(w, "f", nodes[count - 1], end);
    for (uint32_t i = 0; i + 1 < count; i++)
        flow(w, "f", nodes[i], nodes[i + 1 + pick(&w->random, count - i - 1)]);
    for (uint32_t i = pick(&w->random, 5); i > 0; i--)
        flow(w, "f", nodes[pick(&w->random, count)], nodes[pick(&w->random, count)]);
    qf_buf_put_text(&w->xml, "</process></definitions>");
}

/* --- walking at random --- */

struct walk {
    struct test_case c;
    struct random random;
    struct qf_slice flows[64];
    uint32_t flow_count;
    uint32_t steps;
};

/* Adds a choice at the gateway that the refusal names: one flow, or several of an inclusive one. */
static void add_choice(struct walk *walk)
{
    const struct qf_bpmn_model *model = &walk->c.model;
    char id[32];
    uint16_t out[64] = {0};
    uint32_t count = 0;
    assert_int_equal(sscanf(walk->c.call.err.detail, "choose at gateway %31s", id), 1);
    uint16_t gateway = qf_bpmn_find_node(model, qf_slice_of(id));
    assert_int_not_equal(gateway, QF_BPMN_NONE);
    uint16_t at = model->nodes[gateway].first_out;
    for (; at != QF_BPMN_NONE && count < 64; at = model->flows[at].next_out) {
        if (walk->steps > 60 && model->flows[at].id.data[0] == 'x') {
            count = 0;
            out[count++] = at;
            break;
        }
        out[count++] = at;
    }
    uint32_t wanted = model->nodes[gateway].kind == QF_BPMN_OR ? 1 + pick(&walk->random, count) : 1;
    uint32_t from = pick(&walk->random, count);
    for (uint32_t i = 0; i < wanted; i++) {
        assert_true(walk->flow_count < 64);
        walk->flows[walk->flow_count++] = model->flows[out[(from + i) % count]].id;
    }
}

/* Completes a task, choosing whatever the model asks for. False when it keeps asking. */
static bool complete(struct walk *walk, bool open, uint32_t wait)
{
    walk->flow_count = 0;
    for (int turn = 0; turn < 40; turn++) {
        struct qf_bpmn_answer answer = {
            .actor = qf_slice_of("li"), .flows = walk->flows, .flow_count = walk->flow_count};
        struct qf_bpmn_call *call = case_call(&walk->c);
        enum qf_status status =
            open ? qf_bpmn_open(call, &walk->c.instance, QF_BPMN_NONE, QF_BPMN_NONE, &answer)
                 : qf_bpmn_complete(call, &walk->c.instance, wait, &answer);
        if (status == QF_OK)
            return true;
        if (status == QF_BUDGET)
            return false;
        if (status != QF_BAD_FIELD)
            fail_msg("%s: %s", call->err.field, call->err.detail);
        /* Two tokens that come to one inclusive gateway at once cannot both be chosen for. */
        if (walk->flow_count > 48 || strncmp(call->err.detail, "choose", 6) != 0)
            return false;
        add_choice(walk);
    }
    return false;
}

/* Hash of every state passed, so that two walks can be compared. */
static uint64_t walk_through(const char *xml, uint64_t seed, bool *ended, bool *stuck)
{
    struct walk walk = {.random = {seed * 2 + 1}};
    struct qf_buf buf = {0};
    uint64_t hash = 14695981039346656037u;
    case_load(&walk.c, xml);
    *stuck = false;
    bool going = complete(&walk, true, 0);
    while (going && walk.c.instance.state == QF_BPMN_RUNNING && walk.steps++ < 150) {
        qf_buf_reset(&buf);
        qf_bpmn_encode(&buf, &walk.c.instance);
        for (size_t i = 0; i < buf.size; i++)
            hash = (hash ^ buf.data[i]) * 1099511628211u;
        if (case_action(&walk.c, QF_BPMN_ACT_STUCK) != NULL) {
            *stuck = true;
            break;
        }
        case_reload(&walk.c);
        uint32_t wait = walk.c.instance.waits[pick(&walk.random, walk.c.instance.wait_count)].id;
        going = complete(&walk, false, wait);
    }
    *ended = going && walk.c.instance.state == QF_BPMN_DONE;
    qf_buf_deinit(&buf);
    case_end(&walk.c);
    return hash;
}

static struct qf_bpmn_soundness judge(const char *xml, uint32_t *obstacles)
{
    struct qf_arena arena = {0};
    struct qf_bpmn_model model;
    struct qf_bpmn_program program;
    struct qf_bpmn_soundness soundness;
    assert_int_equal(qf_bpmn_import(&arena, &model, qf_slice_of(xml), NULL), QF_OK);
    qf_bpmn_prepare(&program, &model, test_expr);
    qf_bpmn_check(&program, &model, NULL, 20000, &soundness);
    *obstacles = qf_bpmn_obstacles(&model);
    qf_arena_deinit(&arena);
    return soundness;
}

static void sound_models_always_end(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct writer w;
        uint32_t obstacles = 0;
        write_model(&w, seed);
        const char *xml = qf_buf_text(&w.xml);
        struct qf_bpmn_soundness soundness = judge(xml, &obstacles);
        if (!soundness.sound || obstacles > 0)
            fail_msg("model %d is sound, but: %s", (int)seed, xml);
        for (uint64_t run = 1; run <= 4; run++) {
            bool ended = false, stuck = false, again = false;
            uint64_t first = walk_through(xml, seed * 7 + run, &ended, &stuck);
            if (!ended || stuck)
                fail_msg("model %d, run %d did not end: %s", (int)seed, (int)run, xml);
            assert_int_equal(walk_through(xml, seed * 7 + run, &again, &stuck), first);
        }
        qf_buf_deinit(&w.xml);
    }
}

static void what_is_found_sound_never_sticks(void **state)
{
    (void)state;
    uint32_t sound = 0, unsound_stuck = 0;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct writer w;
        uint32_t obstacles = 0;
        write_graph(&w, seed);
        const char *xml = qf_buf_text(&w.xml);
        struct qf_bpmn_soundness soundness = judge(xml, &obstacles);
        bool good = soundness.sound && soundness.complete && obstacles == 0;
        sound += good;
        for (uint64_t run = 1; run <= 3; run++) {
            bool ended = false, stuck = false;
            (void)walk_through(xml, seed * 5 + run, &ended, &stuck);
            if (good && stuck)
                fail_msg("model %d, run %d is stuck: %s", (int)seed, (int)run, xml);
            unsound_stuck += !good && stuck;
        }
        qf_buf_deinit(&w.xml);
    }
    printf("%u of 500 models are sound; %u walks on others got stuck\n", sound, unsound_stuck);
    assert_true(sound > 20 && unsound_stuck > 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_models_always_end),
        cmocka_unit_test(what_is_found_sound_never_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
