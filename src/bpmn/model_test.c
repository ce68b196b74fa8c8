#include <dirent.h>

#include "bpmn/check.h"
#include "bpmn/test_case.h"

static const char *data_dir;

static struct qf_slice load(struct qf_arena *arena, const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s/%s", data_dir, folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    static uint8_t bytes[QF_BPMN_SIZE_MAX];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return qf_arena_copy(arena, qf_slice_make(bytes, size));
}

static void import_ok(struct qf_arena *arena, struct qf_bpmn_model *model, struct qf_slice xml)
{
    struct qf_error err = {0};
    if (qf_bpmn_import(arena, model, xml, &err) != QF_OK)
        fail_msg("%s: %s", err.field, err.detail);
}

static const struct qf_bpmn_problem *problem_at(const struct qf_bpmn_model *model, const char *id)
{
    const struct qf_bpmn_problem *at = model->problems;
    while (at != NULL && !qf_slice_is(at->id, id))
        at = at->next;
    return at;
}

/* Every model of the working group: imports, and what is written reads back as the same document,
 * with the same names, ids and lanes, and as much of a diagram. */
static uint32_t count_ns(const struct qf_xml_node *node, const char *ns)
{
    uint32_t count = 0;
    const struct qf_xml_node *top = node;
    while (node != NULL) {
        count += qf_xml_is_element(node) && qf_slice_is(node->name.ns, ns);
        if (node->child != NULL) {
            node = node->child;
            continue;
        }
        while (node != top && node->next == NULL)
            node = node->parent;
        node = node == top ? NULL : node->next;
    }
    return count;
}

static void reference_models_survive(void **state)
{
    (void)state;
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/bpmn-miwg", data_dir);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int models = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strstr(entry->d_name, ".bpmn") == NULL)
            continue;
        models++;
        struct qf_arena arena = {0};
        struct qf_bpmn_model first, second;
        struct qf_buf out = {0};
        struct qf_error err = {0};
        import_ok(&arena, &first, load(&arena, "bpmn-miwg", entry->d_name));
        qf_bpmn_write(&out, &first);
        import_ok(&arena, &second, qf_buf_slice(&out));
        if (!qf_xml_equal(first.root, second.root, &err))
            fail_msg("%s: %s: %s", entry->d_name, err.field, err.detail);
        static const char di[] = "http://www.omg.org/spec/BPMN/20100524/DI";
        assert_true(count_ns(first.root, di) > 0);
        assert_int_equal(count_ns(first.root, di), count_ns(second.root, di));
        assert_true(first.node_count > 0 && first.flow_count > 0 && first.main != QF_BPMN_NONE);
        assert_int_equal(first.node_count, second.node_count);
        assert_int_equal(first.lane_count, second.lane_count);
        assert_int_equal(first.problem_count, second.problem_count);
        for (uint16_t i = 0; i < first.node_count; i++) {
            assert_true(qf_slice_equal(first.nodes[i].id, second.nodes[i].id));
            assert_true(qf_slice_equal(first.nodes[i].name, second.nodes[i].name));
            assert_int_equal(first.nodes[i].lane, second.nodes[i].lane);
        }
        qf_buf_deinit(&out);
        qf_arena_deinit(&arena);
    }
    closedir(dir);
    assert_int_equal(models, 21);
}

static void unsupported_elements_are_named(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_bpmn_model model;
    import_ok(&arena, &model, load(&arena, "bpmn-miwg", "B.2.0.bpmn"));
    const struct qf_bpmn_problem *at = problem_at(&model, "_cba8fbed-2bb6-40a9-8ac5-83e827ce9d9f");
    assert_non_null(at);
    assert_int_equal(at->severity, QF_BPMN_UNSUPPORTED);
    assert_int_equal(at->line, 9);
    assert_true(qf_slice_is(at->element, "startEvent"));
    assert_non_null(strstr(at->text, "conditionalEventDefinition"));
    import_ok(&arena, &model,
              qf_slice_of(PROCESS("<startEvent id='s'/>\n<complexGateway id='c'/>\n<transaction "
                                  "id='t'/>\n<wibble id='w'/>")));
    assert_int_equal(problem_at(&model, "c")->line, 2);
    assert_int_equal(problem_at(&model, "t")->line, 3);
    assert_int_equal(problem_at(&model, "w")->line, 4);
    assert_int_equal(qf_bpmn_obstacles(&model), 3);
    qf_arena_deinit(&arena);
}

static void refused(const char *xml, enum qf_status want, const char *field, const char *reason)
{
    struct qf_arena arena = {0};
    struct qf_bpmn_model model;
    struct qf_error err = {0};
    assert_int_equal(qf_bpmn_import(&arena, &model, qf_slice_of(xml), &err), want);
    if (strcmp(err.field, field) != 0 || strstr(err.detail, reason) == NULL)
        fail_msg("%s: %s; want %s: %s", err.field, err.detail, field, reason);
    qf_arena_deinit(&arena);
}

static void bad_documents_are_refused(void **state)
{
    (void)state;
    refused("<definitions/>", QF_MALFORMED, "line 1", "not a BPMN 2.0 model");
    /* Expat takes these for letters of a name, but not in the UTF-8 that would be written. */
    refused("<?xml version='1.0' encoding='ISO-8859-1'?><d>\n<a b\xAA='1'/></d>", QF_MALFORMED,
            "line 2", "a name holds");
    refused("<?xml version='1.0' encoding='ISO-8859-1'?><a\xB5/>", QF_MALFORMED, "line 1",
            "a name holds");
    refused("<?xml version='1.0' encoding='ISO-8859-1'?><d xmlns:\xBA='u'/>", QF_MALFORMED,
            "line 1", "a prefix holds");
    refused("<definitions", QF_MALFORMED, "line 1", "unclosed token");
    refused("<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><d>&a;</d>", QF_MALFORMED,
            "line 1", "document type");
    refused(PROCESS("<startEvent id='s'/>\n<sequenceFlow id='f' sourceRef='s' targetRef='x'/>"),
            QF_MALFORMED, "line 2", "targetRef \"x\" names no flow node");
    refused(PROCESS("<startEvent id='s'/><task id='s'/>"), QF_MALFORMED, "id", "s stands twice");
    refused(PROCESS("<task/>"), QF_MALFORMED, "line 1", "has no id");
    refused(PROCESS("<boundaryEvent id='b' attachedToRef='q'/>"), QF_MALFORMED, "line 1",
            "names no activity");
    struct qf_buf big = {0};
    qf_buf_put_text(&big, DEFINITIONS "<process id='p'>");
    for (int i = 0; i < 2100; i++)
        qf_buf_printf(&big, "<task id='t%d'/>", i);
    qf_buf_put_text(&big, "</process></definitions>");
    refused(qf_buf_text(&big), QF_OVER_LIMIT, "line 1", "too many BPMN elements (limit 2000)");
    qf_buf_reset(&big);
    qf_buf_put_text(&big, DEFINITIONS "<process id='p'>");
    for (int i = 0; i < 100; i++)
        qf_buf_printf(&big, "<subProcess id='t%d'>", i);
    refused(qf_buf_text(&big), QF_OVER_LIMIT, "line 1", "nested too deep");
    qf_buf_deinit(&big);
}

/* --- checks --- */

static bool no_such(void *self, struct qf_slice name)
{
    (void)self, (void)name;
    return false;
}

static bool field_x(void *self, struct qf_slice name)
{
    (void)self;
    return qf_slice_is(name, "x");
}

static struct qf_bpmn_soundness check(struct qf_arena *arena, struct qf_bpmn_model *model,
                                      const char *xml, const struct qf_bpmn_declared *declared)
{
    struct qf_bpmn_program program;
    struct qf_bpmn_soundness soundness;
    import_ok(arena, model, qf_slice_of(xml));
    qf_bpmn_prepare(&program, model, test_expr);
    qf_bpmn_check(&program, model, declared, 0, &soundness);
    return soundness;
}

static void finds(const char *xml, const char *id, const char *text)
{
    struct qf_arena arena = {0};
    struct qf_bpmn_model model;
    struct qf_bpmn_declared declared = {field_x, no_such, no_such, no_such, NULL, NULL};
    (void)check(&arena, &model, xml, &declared);
    const struct qf_bpmn_problem *at = model.problems;
    while (at != NULL && (!qf_slice_is(at->id, id) || strstr(at->text, text) == NULL))
        at = at->next;
    if (at == NULL) {
        for (at = model.problems; at != NULL; at = at->next)
            printf("%.*s: %s\n", (int)at->id.size, (const char *)at->id.data, at->text);
        fail_msg("want %s: %s", id, text);
    }
    qf_arena_deinit(&arena);
}

static void mistakes_are_found(void **state)
{
    (void)state;
    finds(PROCESS("<startEvent id='s'/><task id='a'/><task id='b'/>" FLOW("s", "a")), "b",
          "cannot be reached");
    finds(PROCESS("<startEvent id='s'/><task id='a'/><task id='b'/>" FLOW("s", "a") FLOW("a", "b")
                      FLOW("b", "a")),
          "a", "no end can be reached");
    finds(PROCESS("<task id='a'/>"), "p", "no start event");
    finds(PROCESS("<startEvent id='s'/><exclusiveGateway id='g'/><parallelGateway id='j'/><task "
                  "id='a'/><task id='b'/>" FLOW("s", "g") FLOW("g", "a") FLOW("g", "b")
                      FLOW("a", "j") FLOW("b", "j")),
          "j", "deadlock: a token waits at j for ever; path: s → g → a");
    finds(PROCESS("<startEvent id='s'/><parallelGateway id='g'/><exclusiveGateway id='m'/><task "
                  "id='a'/><task id='b'/><task id='z'/>" FLOW("s", "g") FLOW("g", "a")
                      FLOW("g", "b") FLOW("a", "m") FLOW("b", "m") FLOW("m", "z")),
          "z", "missing synchronisation");
    finds(PROCESS("<startEvent id='s'/><exclusiveGateway id='g'/><task id='a'/><task id='b'/>" FLOW(
              "s", "g") FLOW_IF("g", "a", "x = 1") FLOW("g", "b")),
          "g-b", "has no condition");
    finds(PROCESS("<startEvent id='s'/><exclusiveGateway id='g'/><task id='a'/><task id='b'/>" FLOW(
              "s", "g") FLOW_IF("g", "a", "y = 1") FLOW_IF("g", "b", "x = 1")),
          "g-a", "the variable y");
    finds(PROCESS("<startEvent id='s'/><exclusiveGateway id='g'/><task id='a'/><task id='b'/>" FLOW(
              "s", "g") FLOW_IF("g", "a", "x =") FLOW_IF("g", "b", "x = 1")),
          "g-a", "does not compile");
    finds(PROCESS("<startEvent id='s'/><serviceTask id='a'>" EXT(
              "<qf:op name='register.enter'/>") "</serviceTask>" FLOW("s", "a")),
          "a", "operation register.enter is not declared");
    finds(PROCESS("<startEvent id='s'/><userTask id='a'>" EXT(
              "<qf:form schema='f.json'/>") "</userTask>" FLOW("s", "a")),
          "a", "form f.json is not declared");
    finds(PROCESS("<startEvent id='s'/><userTask id='a'>" EXT(
              "<qf:wo role='f'/>") "</userTask>" FLOW("s", "a")),
          "a", "qf:wo: is no extension element; there are who");
    finds(PROCESS("<startEvent id='s'/><callActivity id='a' calledElement='p'/>" FLOW("s", "a")),
          "p", "calls itself");
    finds(PROCESS("<startEvent id='s'/><intermediateCatchEvent id='t'><timerEventDefinition>"
                  "<timeDuration>P1D</timeDuration></timerEventDefinition></intermediateCatchEvent>"
                  "<exclusiveGateway id='g'/><task id='a'/><task id='b'/>" FLOW("s", "t")
                      FLOW("t", "g") FLOW("g", "a") FLOW("g", "b")),
          "g", "t leads here without anybody");
    finds(
        PROCESS("<startEvent id='s'/><eventBasedGateway id='g'/><task id='a'/><task id='b'/>" FLOW(
            "s", "g") FLOW("g", "a") FLOW("g", "b")),
        "g-a", "after an event-based gateway");
    finds(PROCESS("<startEvent id='s'/><subProcess id='u'><task id='a'/></subProcess><task "
                  "id='b'/>" FLOW("s", "u") FLOW("a", "b")),
          "a-b", "may not cross the border");
    finds(PROCESS("<startEvent id='s'/><exclusiveGateway id='g'/><exclusiveGateway id='h'/>"
                  "<parallelGateway id='j'/><parallelGateway id='k'/><exclusiveGateway id='m'/>"
                  "<endEvent id='e'/>" FLOW("s", "m") FLOW("m", "g") FLOW("g", "e") FLOW("g", "j")
                      FLOW("j", "h") FLOW("j", "k") FLOW("h", "k") FLOW("h", "m") FLOW("k", "e")),
          "k", "deadlock");
}

static void sound_models_are_sound(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_bpmn_model model;
    struct qf_slice xml = load(&arena, "xes", "receipt.bpmn");
    struct qf_bpmn_soundness s = check(&arena, &model, qf_arena_text(&arena, xml), NULL);
    assert_true(s.sound && s.complete);
    assert_int_equal(qf_bpmn_obstacles(&model), 0);
    s = check(&arena, &model,
              PROCESS("<startEvent id='s'/><inclusiveGateway id='f'/><task id='a'/><task id='b'/>"
                      "<inclusiveGateway id='j'/><endEvent id='e'/>" FLOW("s", "f") FLOW("f", "a")
                          FLOW("f", "b") FLOW("a", "j") FLOW("b", "j") FLOW("j", "e")),
              NULL);
    assert_true(s.sound && s.complete);
    qf_arena_deinit(&arena);
}

/* Thirty parallel branches have 2^30 markings: the search says that it did not see them all, and
 * still finds the deadlock behind them. */
static void a_large_state_space_is_bounded(void **state)
{
    (void)state;
    for (int broken = 0; broken < 2; broken++) {
        struct qf_arena arena = {0};
        struct qf_bpmn_model model;
        struct qf_buf xml = {0};
        qf_buf_put_text(&xml, DEFINITIONS
                        "<process id='p'><startEvent id='s'/><parallelGateway "
                        "id='f'/><parallelGateway id='j'/><endEvent id='e'/>"
                        "<exclusiveGateway id='x'/><parallelGateway id='y'/>" FLOW("s", "f")
                            FLOW("j", "x") FLOW("y", "e"));
        qf_buf_put_text(
            &xml, broken ? FLOW("x", "y") "<sequenceFlow id='second' sourceRef='x' targetRef='y'/>"
                         : FLOW("x", "y"));
        for (int i = 0; i < 30; i++)
            qf_buf_printf(&xml,
                          "<task id='t%d'/><sequenceFlow id='a%d' sourceRef='f' targetRef='t%d'/>"
                          "<sequenceFlow id='b%d' sourceRef='t%d' targetRef='j'/>",
                          i, i, i, i, i);
        qf_buf_put_text(&xml, "</process></definitions>");
        struct qf_bpmn_soundness s = check(&arena, &model, qf_buf_text(&xml), NULL);
        assert_false(s.complete);
        assert_int_equal(s.sound, !broken);
        qf_buf_deinit(&xml);
        qf_arena_deinit(&arena);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    data_dir = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_models_survive),
        cmocka_unit_test(unsupported_elements_are_named),
        cmocka_unit_test(bad_documents_are_refused),
        cmocka_unit_test(mistakes_are_found),
        cmocka_unit_test(sound_models_are_sound),
        cmocka_unit_test(a_large_state_space_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
