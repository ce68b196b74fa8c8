#include "bpmn/test_case.h"

/* --- tasks, choices, conditions --- */

static void tasks_in_sequence(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c, PROCESS("<startEvent id='s'/><userTask id='a'/><task id='b'/><manualTask id='m'/>"
                          "<endEvent id='e'/>" FLOW("s", "a") FLOW("a", "b") FLOW("b", "m")
                              FLOW("m", "e")));
    case_open(&c, "- {\"x\":1}");
    case_waits(&c, "a");
    assert_non_null(case_action(&c, QF_BPMN_ACT_TASK));
    case_do(&c, "a", "li {\"y\":\"z\"}");
    case_variables(&c, "{\"x\":1,\"y\":\"z\"}");
    assert_non_null(case_action(&c, QF_BPMN_ACT_CLOSED));
    case_do(&c, "b", "li");
    case_do(&c, "m", "li");
    case_is(&c, QF_BPMN_DONE);
    assert_non_null(case_action(&c, QF_BPMN_ACT_FINISHED));
    assert_int_equal(c.instance.scope_count + c.instance.wait_count, 0);
    assert_int_equal(qf_bpmn_complete(case_call(&c), &c.instance, 1, case_answer(&c, "li")),
                     QF_WRONG_STATE);
    case_end(&c);
}

#define CHOICE                                                                                     \
    PROCESS(                                                                                       \
        "<startEvent id='s'/><userTask id='a'/><exclusiveGateway id='g'/>"                         \
        "<exclusiveGateway id='h'/><userTask id='b'/><userTask id='c'/><endEvent id='e'/>" FLOW(   \
            "s", "a") FLOW("a", "g") FLOW("g", "b") FLOW("g", "h") FLOW("h", "c") FLOW("h", "a")   \
            FLOW("b", "e") FLOW("c", "e"))

static void an_official_chooses(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c, CHOICE);
    case_open(&c, "-");
    case_refused(&c, "a", "li", QF_BAD_FIELD, "choose at gateway g one of the flows g-b, g-h");
    case_refused(&c, "a", "li - g-h", QF_BAD_FIELD, "choose at gateway h");
    case_refused(&c, "a", "li - g-b g-h", QF_BAD_FIELD, "nothing to choose");
    case_refused(&c, "a", "li - nowhere", QF_BAD_FIELD, "choose at gateway g");
    case_do(&c, "a", "li - g-h h-a");
    case_waits(&c, "a");
    case_do(&c, "a", "li - g-h h-c");
    case_waits(&c, "c");
    case_do(&c, "c", "li");
    case_is(&c, QF_BPMN_DONE);
    case_end(&c);
}

static void conditions_and_default(void **state)
{
    (void)state;
    struct test_case c;
    const char *xml = PROCESS(
        "<startEvent id='s'/><exclusiveGateway id='g' default='g-d'/><task id='a'/><task id='b'/>"
        "<task id='d'/><endEvent id='e'/>" FLOW("s", "g") FLOW_IF("g", "a", "=x = 1")
            FLOW_IF("g", "b", "x &gt; 1") FLOW("g", "d") FLOW("a", "e") FLOW("b", "e")
                FLOW("d", "e"));
    static const char *const data[] = {"- {\"x\":1}", "- {\"x\":5}", "- {\"x\":0}", "-"};
    static const char *const want[] = {"a", "b", "d", "d"};
    for (int i = 0; i < 4; i++) {
        case_load(&c, xml);
        case_open(&c, data[i]);
        case_waits(&c, want[i]);
        case_end(&c);
    }
    case_load(&c, PROCESS("<startEvent id='s'/><exclusiveGateway id='g'/><task id='a'/><task "
                          "id='b'/>" FLOW("s", "g") FLOW_IF("g", "a", "x = 1")
                              FLOW_IF("g", "b", "x = 2")));
    struct qf_bpmn_instance none;
    assert_int_equal(qf_bpmn_open(case_call(&c), &none, QF_BPMN_NONE, QF_BPMN_NONE, NULL),
                     QF_RULE_ERROR);
    assert_string_equal(c.call.err.field, "g");
    case_end(&c);
}

/* --- joins --- */

static void parallel_branches_meet(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c, PROCESS("<startEvent id='s'/><parallelGateway id='f'/><task id='a'/><task "
                          "id='b'/><task id='d'/><parallelGateway id='j'/><task id='z'/>"
                          "<endEvent id='e'/>" FLOW("s", "f") FLOW("f", "a") FLOW("f", "b")
                              FLOW("f", "d") FLOW("a", "j") FLOW("b", "j") FLOW("d", "j")
                                  FLOW("j", "z") FLOW("z", "e")));
    case_open(&c, "-");
    case_waits(&c, "a b d");
    case_do(&c, "b", "li");
    case_do(&c, "d", "li");
    case_waits(&c, "a");
    case_do(&c, "a", "li");
    case_waits(&c, "z");
    case_do(&c, "z", "li");
    case_is(&c, QF_BPMN_DONE);
    case_end(&c);
}

/* One branch of the inclusive split is longer and loops back; the join waits for it alone. */
static void an_inclusive_join_waits_for_what_can_still_come(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c, PROCESS("<startEvent id='s'/><userTask id='q'/><inclusiveGateway id='f'/><task "
                          "id='a'/><task id='b'/><task id='b2'/><exclusiveGateway id='x'/><task "
                          "id='d'/><inclusiveGateway id='j'/><task id='z'/><endEvent id='e'/>" FLOW(
                              "s", "q") FLOW("q", "f") FLOW("f", "a") FLOW("f", "b") FLOW("f", "d")
                              FLOW("a", "j") FLOW("b", "x") FLOW("x", "b2") FLOW("x", "j")
                                  FLOW("b2", "b") FLOW("d", "j") FLOW("j", "z") FLOW("z", "e")));
    case_open(&c, "-");
    case_do(&c, "q", "li - f-a f-b");
    case_waits(&c, "a b");
    case_do(&c, "a", "li");
    case_waits(&c, "b");
    case_do(&c, "b", "li - x-b2");
    case_do(&c, "b2", "li");
    case_do(&c, "b", "li - x-j");
    case_waits(&c, "z");
    case_do(&c, "z", "li");
    case_is(&c, QF_BPMN_DONE);
    case_end(&c);
    case_load(&c, PROCESS("<startEvent id='s'/><inclusiveGateway id='f' default='f-c'/><task "
                          "id='a'/><task id='b'/><task id='c'/><inclusiveGateway id='j'/><endEvent "
                          "id='e'/>" FLOW("s", "f") FLOW_IF("f", "a", "x &gt; 1")
                              FLOW_IF("f", "b", "x &gt; 2") FLOW("f", "c") FLOW("a", "j")
                                  FLOW("b", "j") FLOW("c", "j") FLOW("j", "e")));
    case_open(&c, "- {\"x\":3}");
    case_waits(&c, "a b");
    case_do(&c, "b", "li");
    case_is(&c, QF_BPMN_RUNNING);
    case_do(&c, "a", "li");
    case_is(&c, QF_BPMN_DONE);
    case_open(&c, "- {\"x\":0}");
    case_waits(&c, "c");
    case_do(&c, "c", "li");
    case_is(&c, QF_BPMN_DONE);
    case_end(&c);
}

static void a_dead_end_is_told(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c, PROCESS("<startEvent id='s'/><task id='a'/><exclusiveGateway id='x'/><task "
                          "id='b'/><task id='d'/><parallelGateway id='j'/><endEvent id='e'/>" FLOW(
                              "s", "a") FLOW("a", "x") FLOW("x", "b") FLOW("x", "d") FLOW("b", "j")
                              FLOW("d", "j") FLOW("j", "e")));
    case_open(&c, "-");
    case_do(&c, "a", "li - x-b");
    case_do(&c, "b", "li");
    case_is(&c, QF_BPMN_RUNNING);
    assert_non_null(case_action(&c, QF_BPMN_ACT_STUCK));
    case_done(&c, qf_bpmn_withdraw(case_call(&c), &c.instance), QF_OK);
    case_is(&c, QF_BPMN_WITHDRAWN);
    case_end(&c);
}

/* --- who may --- */

static void four_eyes_and_claims(void **state)
{
    (void)state;
    struct test_case c;
    case_load(
        &c,
        PROCESS("<laneSet><lane id='l1' name='Front desk'><flowNodeRef>a</flowNodeRef>"
                "</lane><lane id='l2'>" EXT(
                    "<qf:lane role='chief'/>") "<flowNodeRef>b</flowNodeRef></lane></laneSet>"
                                               "<startEvent id='s'/><userTask id='a'/><userTask "
                                               "id='b'>" EXT(
                                                   "<qf:who separate='a'/><qf:form "
                                                   "schema='b.json'/>") "</userTask><endEvent "
                                                                        "id='e'/>" FLOW("s", "a")
                                                                            FLOW("a", "b")
                                                                                FLOW("b", "e")));
    case_open(&c, "-");
    assert_string_equal(qf_arena_text(&c.arena, case_action(&c, QF_BPMN_ACT_TASK)->role),
                        "Front desk");
    uint32_t a = case_wait(&c, "a");
    case_done(&c, qf_bpmn_claim(case_call(&c), &c.instance, a, qf_slice_of("li")), QF_OK);
    case_refused(&c, "a", "wang", QF_WRONG_STATE, "claimed by li");
    assert_int_equal(qf_bpmn_claim(case_call(&c), &c.instance, a, qf_slice_of("wang")),
                     QF_WRONG_STATE);
    case_done(&c, qf_bpmn_claim(case_call(&c), &c.instance, a, qf_slice_of("")), QF_OK);
    case_do(&c, "a", "wang");
    const struct qf_bpmn_action *task = case_action(&c, QF_BPMN_ACT_TASK);
    assert_true(qf_slice_is(task->role, "chief") && qf_slice_is(task->name, "b.json"));
    case_refused(&c, "b", "wang", QF_NOT_ALLOWED, "four eyes");
    case_do(&c, "b", "li");
    case_is(&c, QF_BPMN_DONE);
    assert_int_equal(c.instance.doer_count, 0);
    case_end(&c);
}

#define COMMITTEE                                                                                  \
    PROCESS("<startEvent id='s'/><userTask id='v'>" EXT(                                           \
        "<qf:who approvals='2' of='3'/>") "</userTask><exclusiveGateway id='g'/><task "            \
                                          "id='yes'/><task id='no'/><task id='maybe'/>" FLOW(      \
                                              "s", "v") FLOW("v", "g") FLOW("g", "yes")            \
                                              FLOW("g", "no") FLOW("g", "maybe"))

static void n_of_m_decide(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c, COMMITTEE);
    case_open(&c, "-");
    case_do(&c, "v", "li - g-yes");
    assert_non_null(case_action(&c, QF_BPMN_ACT_VOTED));
    case_refused(&c, "v", "li - g-yes", QF_NOT_ALLOWED, "already voted");
    case_do(&c, "v", "wang - g-no");
    case_do(&c, "v", "zhao - g-no");
    case_waits(&c, "no");
    case_end(&c);
    case_load(&c, COMMITTEE);
    case_open(&c, "-");
    case_do(&c, "v", "li - g-yes");
    case_do(&c, "v", "wang - g-no");
    case_do(&c, "v", "zhao - g-maybe");
    assert_non_null(case_action(&c, QF_BPMN_ACT_ESCALATE));
    case_do(&c, "v", "li - g-no");
    case_do(&c, "v", "wang - g-no");
    case_waits(&c, "no");
    case_end(&c);
}

/* --- time --- */

#define DEADLINE(attributes, body)                                                                 \
    PROCESS("<startEvent id='s'/><userTask id='a'>" EXT(                                           \
        "<qf:deadline " attributes ">" body                                                        \
        "</qf:deadline>") "</userTask><exclusiveGateway id='g'/><task id='ok'/><task "             \
                          "id='no'/>" FLOW("s", "a") FLOW("a", "g") FLOW("g", "ok")                \
                              FLOW("g", "no"))

static void deadlines_in_working_days(void **state)
{
    (void)state;
    struct test_case c;
    /* 1970-01-01 is a Thursday: two working days later is Monday the 5th, until its end. */
    case_load(&c, DEADLINE("days='2' calendar='working' then='approved' flow='g-ok'",
                           "<qf:set name='how' value='deemed'/>"));
    c.now_ms = 3600000;
    case_open(&c, "-");
    assert_int_equal(qf_bpmn_next_due(&c.instance), 5 * DAY);
    case_later(&c, 5 * DAY - 3600001);
    case_waits(&c, "a");
    case_later(&c, 1);
    case_waits(&c, "ok");
    case_variables(&c, "{\"how\":\"deemed\"}");
    assert_true(qf_slice_is(case_action(&c, QF_BPMN_ACT_DEEMED)->name, "approved"));
    assert_int_equal(qf_bpmn_next_due(&c.instance), INT64_MAX);
    case_end(&c);
    case_load(&c, DEADLINE("days='=term' calendar='calendar' then='escalate' to='chief'", ""));
    case_open(&c, "- {\"term\":7}");
    assert_int_equal(qf_bpmn_next_due(&c.instance), 8 * DAY);
    case_later(&c, 8 * DAY);
    assert_true(qf_slice_is(case_action(&c, QF_BPMN_ACT_ESCALATE)->role, "chief"));
    case_waits(&c, "a");
    assert_true(c.instance.waits[0].escalated);
    case_do(&c, "a", "li - g-no");
    case_waits(&c, "no");
    case_end(&c);
}

static void boundary_timers(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c,
              PROCESS("<startEvent id='s'/><userTask id='a'/><boundaryEvent id='r' "
                      "attachedToRef='a' cancelActivity='false'><timerEventDefinition>"
                      "<timeCycle>R2/PT1H</timeCycle></timerEventDefinition></boundaryEvent>"
                      "<boundaryEvent id='x' attachedToRef='a'><timerEventDefinition><timeDuration>"
                      "=limit</timeDuration></timerEventDefinition></boundaryEvent><task "
                      "id='remind'/><task id='late'/><endEvent id='e'/>" FLOW("s", "a")
                          FLOW("a", "e") FLOW("r", "remind") FLOW("x", "late")));
    case_open(&c, "- {\"limit\":\"P1D\"}");
    case_later(&c, 3600000);
    case_waits(&c, "a remind");
    case_later(&c, 3600000);
    case_waits(&c, "a remind remind");
    case_later(&c, 3600000);
    case_waits(&c, "a remind remind");
    case_later(&c, DAY);
    case_waits(&c, "remind remind late");
    case_end(&c);
    case_load(&c, PROCESS("<startEvent id='s'/><intermediateCatchEvent id='t'>"
                          "<timerEventDefinition><timeDate>1970-01-03</timeDate>"
                          "</timerEventDefinition></intermediateCatchEvent><endEvent id='e'/>" FLOW(
                              "s", "t") FLOW("t", "e")));
    case_open(&c, "-");
    case_later(&c, 2 * DAY - 1);
    case_is(&c, QF_BPMN_RUNNING);
    case_later(&c, 1);
    case_is(&c, QF_BPMN_DONE);
    case_end(&c);
}

/* --- messages --- */

static void a_message_opens_a_case(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c, PROCESS("<startEvent id='s' name='claim'><messageEventDefinition/></startEvent>"
                          "<task id='a'/>" FLOW("s", "a")));
    struct qf_bpmn_instance none;
    assert_int_equal(qf_bpmn_open(case_call(&c), &none, QF_BPMN_NONE, QF_BPMN_NONE, NULL),
                     QF_BAD_FIELD);
    assert_int_equal(qf_bpmn_find_start(&c.model, 0, qf_slice_of("other")), QF_BPMN_NONE);
    uint16_t start = qf_bpmn_find_start(&c.model, 0, qf_slice_of("claim"));
    case_done(&c, qf_bpmn_open(case_call(&c), &c.instance, QF_BPMN_NONE, start, NULL), QF_OK);
    case_waits(&c, "a");
    case_end(&c);
}

static void messages_and_the_event_gateway(void **state)
{
    (void)state;
    struct test_case c;
    case_load(
        &c, DEFINITIONS
        "<message id='m1' name='paid'/><process id='p'><startEvent id='s'/>"
        "<eventBasedGateway id='g'/><intermediateCatchEvent id='m'><messageEventDefinition "
        "messageRef='m1'/></intermediateCatchEvent><intermediateCatchEvent id='t'>"
        "<timerEventDefinition><timeDuration>P7D</timeDuration></timerEventDefinition>"
        "</intermediateCatchEvent><receiveTask id='r' messageRef='m1'/><sendTask id='o' "
        "name='reminder'>" EXT(
            "<qf:input name='to' value='=who'/>") "</sendTask><endEvent "
                                                  "id='e'/>" FLOW("s", "g") FLOW("g", "m")
                                                      FLOW("g", "t") FLOW("m", "e") FLOW("t", "o")
                                                          FLOW("o", "r") FLOW(
                                                              "r", "e") "</process></definitions>");
    case_open(&c, "-");
    case_waits(&c, "g");
    case_message(&c, "paid", "- {\"sum\":5}");
    case_is(&c, QF_BPMN_DONE);
    case_variables(&c, "{\"sum\":5}");
    case_open(&c, "- {\"who\":\"li\"}");
    assert_int_equal(
        qf_bpmn_message(case_call(&c), &c.instance, qf_slice_of("other"), case_answer(&c, "-")),
        QF_WRONG_STATE);
    case_refused(&c, "g", "li", QF_WRONG_STATE, "waits for an event");
    case_later(&c, 7 * DAY);
    case_waits(&c, "r");
    const struct qf_bpmn_action *send = case_action(&c, QF_BPMN_ACT_SEND);
    assert_true(qf_slice_is(send->name, "reminder"));
    assert_true(qf_json_is_text(qf_json_get(&send->data, "to"), "li"));
    case_message(&c, "paid", "-");
    case_is(&c, QF_BPMN_DONE);
    case_end(&c);
}

/* --- subprocesses, errors --- */

static void subprocess_with_error_and_event_subprocess(void **state)
{
    (void)state;
    struct test_case c;
    case_load(
        &c, DEFINITIONS
        "<error id='e1' errorCode='unpaid'/><process id='p'><startEvent id='s'/><subProcess "
        "id='sub'><startEvent id='s2'/><task id='a'/><exclusiveGateway id='g'/><endEvent id='bad'>"
        "<errorEventDefinition errorRef='e1'/></endEvent><endEvent id='good'/>" FLOW("s2", "a")
            FLOW("a", "g") FLOW("g", "bad") FLOW(
                "g", "good") "</subProcess><boundaryEvent id='b' "
                             "attachedToRef='sub'><errorEventDefinition "
                             "errorRef='e1'/></boundaryEvent><task id='dun'/><subProcess id='es' "
                             "triggeredByEvent='true'><startEvent id='ms' isInterrupting='false'>"
                             "<messageEventDefinition/></startEvent><task id='note'/>" FLOW(
                                 "ms", "note") "</subProcess><endEvent id='e'/>" FLOW("s", "sub")
                                 FLOW("sub", "e") FLOW("b", "dun")
                                     FLOW("dun", "e") "</process></definitions>");
    case_open(&c, "-");
    case_waits(&c, "a");
    case_message(&c, "ms", "-");
    case_waits(&c, "a note");
    case_do(&c, "a", "li - g-bad");
    case_waits(&c, "note dun");
    assert_true(qf_slice_is(case_action(&c, QF_BPMN_ACT_ERROR)->name, "unpaid"));
    case_do(&c, "dun", "li");
    case_is(&c, QF_BPMN_RUNNING);
    case_do(&c, "note", "li");
    case_is(&c, QF_BPMN_DONE);
    case_open(&c, "-");
    case_done(&c,
              qf_bpmn_throw(case_call(&c), &c.instance, case_wait(&c, "a"), qf_slice_of("unpaid")),
              QF_OK);
    case_waits(&c, "dun");
    case_done(&c,
              qf_bpmn_throw(case_call(&c), &c.instance, case_wait(&c, "dun"), qf_slice_of("fire")),
              QF_OK);
    case_is(&c, QF_BPMN_FAILED);
    assert_true(qf_slice_is(c.instance.error, "fire"));
    case_end(&c);
}

static void terminate_and_interrupting_event_subprocess(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c,
              PROCESS("<startEvent id='s'/><parallelGateway id='f'/><task id='a'/><task "
                      "id='b'/><endEvent id='t'><terminateEventDefinition/></endEvent><endEvent "
                      "id='e'/><subProcess id='es' triggeredByEvent='true'><startEvent "
                      "id='stop'><timerEventDefinition><timeDuration>P1D</timeDuration>"
                      "</timerEventDefinition></startEvent><task id='w'/>" FLOW(
                          "stop", "w") "</subProcess>" FLOW("s", "f") FLOW("f", "a") FLOW("f", "b")
                          FLOW("a", "t") FLOW("b", "e")));
    case_open(&c, "-");
    case_do(&c, "a", "li");
    case_is(&c, QF_BPMN_DONE);
    case_open(&c, "-");
    case_later(&c, DAY);
    case_waits(&c, "w");
    case_do(&c, "w", "li");
    case_is(&c, QF_BPMN_DONE);
    case_end(&c);
}

static void a_called_process_has_its_own_variables(void **state)
{
    (void)state;
    struct test_case c;
    case_load(
        &c, DEFINITIONS
        "<process id='p' isExecutable='true'><startEvent id='s'/><callActivity id='k' "
        "calledElement='q'>" EXT("<qf:input name='n' value='=x'/><qf:output name='y' "
                                 "value='=r'/>") "</callActivity><task id='z'/>" FLOW("s", "k")
            FLOW("k", "z") "</process><process id='q'><startEvent id='s3'/><task id='in'/>"
                           "<scriptTask id='calc'>" EXT(
                               "<qf:result variable='r'/>") "<script>n + "
                                                            "1</script></scriptTask>" FLOW("s3",
                                                                                           "in")
                                                                FLOW("in", "calc") "</process></"
                                                                                   "definitions>");
    case_open(&c, "- {\"x\":41}");
    case_waits(&c, "in");
    case_do(&c, "in", "li {\"x\":0}");
    case_waits(&c, "z");
    case_variables(&c, "{\"x\":41,\"y\":42}");
    case_end(&c);
}

/* --- loops --- */

static void many_in_parallel_and_in_sequence(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c, PROCESS("<startEvent id='s'/><userTask id='a'>" EXT(
                      "<qf:loop collection='=items' item='doc'/><qf:input name='which' "
                      "value='=doc'/>") "<multiInstanceLoopCharacteristics/></userTask><userTask "
                                        "id='q'>" EXT(
                                            "<qf:loop collection='items' "
                                            "item='doc'/><qf:output name='last' "
                                            "value='=doc'/>") "<multiInstanceLoopCharacte"
                                                              "ristics "
                                                              "isSequential='true'>"
                                                              "<completionCondition>"
                                                              "numberOfCompletedInstances"
                                                              " = "
                                                              "2</completionCondition></"
                                                              "multiInstanceLoopCharacter"
                                                              "istics></userTask>"
                                                              "<endEvent id='e'/>" FLOW("s", "a")
                                                                  FLOW("a", "q") FLOW("q", "e")));
    case_open(&c, "- {\"items\":[\"x\",\"y\",\"z\"]}");
    case_waits(&c, "a a a");
    const struct qf_bpmn_action *task = case_action(&c, QF_BPMN_ACT_TASK);
    assert_true(qf_json_is_text(qf_json_get(&task->data, "which"), "x"));
    case_do(&c, "a", "li");
    case_do(&c, "a", "li");
    case_waits(&c, "a");
    case_do(&c, "a", "li");
    case_waits(&c, "q");
    case_do(&c, "q", "li");
    case_waits(&c, "q");
    case_do(&c, "q", "li");
    case_is(&c, QF_BPMN_DONE);
    case_variables(&c, "{\"items\":[\"x\",\"y\",\"z\"],\"last\":\"y\"}");
    case_open(&c, "- {\"items\":[]}");
    case_is(&c, QF_BPMN_DONE);
    struct qf_bpmn_instance none;
    assert_int_equal(qf_bpmn_open(case_call(&c), &none, QF_BPMN_NONE, QF_BPMN_NONE,
                                  case_answer(&c, "- {\"items\":7}")),
                     QF_RULE_ERROR);
    case_end(&c);
}

static void a_loop_turns_until_its_condition_fails(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c,
              PROCESS("<startEvent id='s'/><scriptTask id='a'>" EXT(
                  "<qf:result variable='x'/>") "<script>x + 1</script><standardLoopCharacteristics "
                                               "testBefore='true'>"
                                               "<loopCondition>x &lt; "
                                               "5</loopCondition></standardLoopCharacteristics>"
                                               "</scriptTask><endEvent id='e'/>" FLOW("s", "a")
                                                   FLOW("a", "e")));
    case_open(&c, "- {\"x\":0}");
    case_is(&c, QF_BPMN_DONE);
    case_variables(&c, "{\"x\":5}");
    case_open(&c, "- {\"x\":9}");
    case_variables(&c, "{\"x\":9}");
    case_end(&c);
    case_load(&c, PROCESS("<startEvent id='s'/><scriptTask id='a'><script>1</script>"
                          "</scriptTask><exclusiveGateway id='g'/>" FLOW("s", "g") FLOW("g", "a")
                              FLOW("a", "g")));
    struct qf_bpmn_instance none;
    assert_int_equal(qf_bpmn_open(case_call(&c), &none, QF_BPMN_NONE, QF_BPMN_NONE, NULL),
                     QF_BUDGET);
    assert_string_equal(c.call.err.field, "p");
    case_end(&c);
}

static void an_adhoc_subprocess_is_begun_by_hand(void **state)
{
    (void)state;
    struct test_case c;
    case_load(&c, PROCESS("<startEvent id='s'/><adHocSubProcess id='h' ordering='Sequential'><task "
                          "id='a'/><task id='b'/><completionCondition>enough = "
                          "true</completionCondition></adHocSubProcess><endEvent id='e'/>" FLOW(
                              "s", "h") FLOW("h", "e")));
    case_open(&c, "-");
    case_waits(&c, "h");
    uint32_t h = case_wait(&c, "h");
    case_done(&c, qf_bpmn_begin(case_call(&c), &c.instance, h, qf_slice_of("b")), QF_OK);
    case_waits(&c, "h b");
    assert_int_equal(qf_bpmn_begin(case_call(&c), &c.instance, h, qf_slice_of("a")),
                     QF_WRONG_STATE);
    case_do(&c, "b", "li");
    case_waits(&c, "h");
    case_done(&c, qf_bpmn_begin(case_call(&c), &c.instance, h, qf_slice_of("a")), QF_OK);
    case_do(&c, "a", "li {\"enough\":true}");
    case_is(&c, QF_BPMN_DONE);
    case_open(&c, "-");
    case_do(&c, "h", "li");
    case_is(&c, QF_BPMN_DONE);
    case_end(&c);
}

static void an_adhoc_subprocess_gives_outputs_and_errors(void **state)
{
    (void)state;
    struct test_case c;
    case_load(
        &c, DEFINITIONS
        "<error id='x' errorCode='stop'/><process id='p'><startEvent id='s'/>"
        "<adHocSubProcess id='h'>" EXT(
            "<qf:output name='kept' value='=found'/>") "<task "
                                                       "id='a'/></adHocSubProcess><boundaryEvent "
                                                       "id='b' attachedToRef='h'>"
                                                       "<errorEventDefinition "
                                                       "errorRef='x'/></boundaryEvent><task "
                                                       "id='z'/><task id='y'/>" FLOW("s", "h")
                                                           FLOW("h", "z") FLOW(
                                                               "b",
                                                               "y") "</process></definitions>");
    case_open(&c, "-");
    uint32_t h = case_wait(&c, "h");
    case_done(&c, qf_bpmn_begin(case_call(&c), &c.instance, h, qf_slice_of("a")), QF_OK);
    case_do(&c, "h", "li {\"found\":7}");
    case_waits(&c, "z");
    case_variables(&c, "{\"kept\":7}");
    case_open(&c, "-");
    h = case_wait(&c, "h");
    case_done(&c, qf_bpmn_begin(case_call(&c), &c.instance, h, qf_slice_of("a")), QF_OK);
    case_done(&c, qf_bpmn_throw(case_call(&c), &c.instance, h, qf_slice_of("stop")), QF_OK);
    case_waits(&c, "y");
    case_do(&c, "y", "li");
    case_is(&c, QF_BPMN_DONE);
    case_end(&c);
}

/* --- ops and decisions --- */

static enum qf_status op_exists(void *self, struct qf_arena *arena, struct qf_json *out,
                                uint16_t node, const struct qf_json *op, struct qf_error *err)
{
    (void)self, (void)arena, (void)out, (void)node;
    assert_true(qf_json_is_text(qf_json_get(op, "op"), "register.enter"));
    return qf_fail(err, QF_EXISTS, "id", "it is there");
}

static void ops_and_decisions(void **state)
{
    (void)state;
    struct test_case c;
    case_load(
        &c, DEFINITIONS
        "<error id='x' errorCode='exists'/><process id='p'><startEvent id='s'/>"
        "<businessRuleTask id='d'>" EXT(
            "<qf:decision ref='Eligible' result='ok'/>") "</businessRuleTask><serviceTask "
                                                         "id='o'>" EXT(
                                                             "<qf:op "
                                                             "name='register.enter'"
                                                             "><qf:field name='id' "
                                                             "value='=ok'/"
                                                             "><qf:field "
                                                             "name='kind' "
                                                             "value='title'/></"
                                                             "qf:op>") "</"
                                                                       "serviceTask"
                                                                       "><"
                                                                       "boundaryEve"
                                                                       "nt id='b' "
                                                                       "attachedToR"
                                                                       "ef='o'><"
                                                                       "errorEventD"
                                                                       "efinition "
                                                                       "errorRef='"
                                                                       "x'/></"
                                                                       "boundaryEve"
                                                                       "nt><task "
                                                                       "id='again'/"
                                                                       "><endEvent "
                                                                       "id='e'/"
                                                                       ">" FLOW("s", "d") FLOW(
                                                                           "d", "o") FLOW("o", "e")
                                                                           FLOW("b",
                                                                                "aga"
                                                                                "in") "</process></"
                                                                                      "definitions"
                                                                                      ">");
    case_open(&c, "- {\"income\":100}");
    case_waits(&c, "d");
    const struct qf_bpmn_action *decide = case_action(&c, QF_BPMN_ACT_DECIDE);
    assert_true(qf_slice_is(decide->name, "Eligible"));
    assert_int_equal(qf_json_get(&decide->data, "income")->integer, 100);
    case_refused(&c, "d", "-", QF_BAD_FIELD, "result");
    case_do(&c, "d", "- {\"result\":\"t1\"}");
    case_is(&c, QF_BPMN_DONE);
    const struct qf_bpmn_action *op = case_action(&c, QF_BPMN_ACT_OP);
    struct qf_buf buf = {0};
    qf_json_write(&buf, &op->data);
    assert_string_equal(qf_buf_text(&buf),
                        "{\"id\":\"t1\",\"kind\":\"title\",\"op\":\"register.enter\"}");
    qf_buf_deinit(&buf);
    case_open(&c, "-");
    c.call.op = op_exists;
    case_do(&c, "d", "- {\"result\":\"t1\"}");
    case_waits(&c, "again");
    case_end(&c);
}

/* --- size --- */

/* What stays of a finished case is its fields and some forty bytes. */
static void a_finished_case_is_small(void **state)
{
    (void)state;
    struct test_case c;
    struct qf_buf out = {0};
    case_load(&c,
              PROCESS("<startEvent id='s'/><parallelGateway id='f'/><userTask id='a'/><userTask "
                      "id='b'>" EXT(
                          "<qf:who separate='a'/>") "</userTask><parallelGateway "
                                                    "id='j'/><endEvent id='e'/>" FLOW("s", "f")
                                                        FLOW("f", "a") FLOW("f", "b") FLOW("a", "j")
                                                            FLOW("b", "j") FLOW("j", "e")));
    case_open(&c, "- {\"name\":\"x\"}");
    qf_bpmn_encode(&out, &c.instance);
    assert_true(out.size < 150);
    case_do(&c, "a", "li");
    case_do(&c, "b", "wang");
    qf_buf_reset(&out);
    qf_bpmn_encode(&out, &c.instance);
    assert_string_equal(qf_buf_text(&out), "{\"k\":3,\"p\":0,\"v\":{\"name\":\"x\"},\"z\":1}");
    qf_buf_deinit(&out);
    case_end(&c);
}

/* What could not be read again is refused when it would be made. */
static void a_case_does_not_outgrow_its_state(void **state)
{
    (void)state;
    struct test_case c;
    struct qf_buf data = {0};
    struct qf_json value;
    case_load(&c, PROCESS("<startEvent id='s'/><userTask id='a'/>" FLOW("s", "a")));
    for (int what = 0; what < 3; what++) {
        struct qf_bpmn_instance none;
        qf_buf_reset(&data);
        qf_buf_put_text(&data, what == 2 ? "[" : "{\"x\":");
        for (int i = 0; what == 0 && i < 28; i++)
            qf_buf_put_byte(&data, '[');
        for (int i = 0; what == 0 && i < 28; i++)
            qf_buf_put_byte(&data, ']');
        for (int i = 0; what == 1 && i < QF_BPMN_CASE_SIZE_MAX; i++)
            qf_buf_put_byte(&data, i == 0 || i + 1 == QF_BPMN_CASE_SIZE_MAX ? '"' : 'a');
        qf_buf_put_text(&data, what == 2 ? "]" : "}");
        assert_int_equal(qf_json_parse(&c.arena, &value, qf_buf_slice(&data), QF_JSON_ANY, NULL),
                         QF_OK);
        struct qf_bpmn_answer answer = {.data = &value};
        assert_int_equal(qf_bpmn_open(case_call(&c), &none, QF_BPMN_NONE, QF_BPMN_NONE, &answer),
                         what == 2 ? QF_BAD_FIELD : QF_OVER_LIMIT);
    }
    qf_buf_deinit(&data);
    case_end(&c);
}

/* --- versions --- */

static void a_case_moves_to_another_version(void **state)
{
    (void)state;
    struct test_case c, d;
    case_load(&c, PROCESS("<startEvent id='s'/><task id='a'/><task id='b'/>" FLOW("s", "a")
                              FLOW("a", "b")));
    case_load(&d, PROCESS("<startEvent id='s'/><task id='new'/><task id='a'/><task id='z'/>" FLOW(
                      "s", "new") FLOW("new", "a") FLOW("a", "z")));
    case_open(&c, "-");
    struct qf_error err = {0};
    assert_int_equal(qf_bpmn_migrate(&d.arena, &d.instance, &c.instance, &c.model, &d.model, &err),
                     QF_OK);
    case_do(&d, "a", "li");
    case_waits(&d, "z");
    case_do(&c, "a", "li");
    assert_int_equal(qf_bpmn_migrate(&d.arena, &d.instance, &c.instance, &c.model, &d.model, &err),
                     QF_WRONG_STATE);
    assert_non_null(strstr(err.detail, " b"));
    case_end(&c);
    case_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_in_sequence),
        cmocka_unit_test(an_official_chooses),
        cmocka_unit_test(conditions_and_default),
        cmocka_unit_test(parallel_branches_meet),
        cmocka_unit_test(an_inclusive_join_waits_for_what_can_still_come),
        cmocka_unit_test(a_dead_end_is_told),
        cmocka_unit_test(four_eyes_and_claims),
        cmocka_unit_test(n_of_m_decide),
        cmocka_unit_test(deadlines_in_working_days),
        cmocka_unit_test(boundary_timers),
        cmocka_unit_test(a_message_opens_a_case),
        cmocka_unit_test(messages_and_the_event_gateway),
        cmocka_unit_test(subprocess_with_error_and_event_subprocess),
        cmocka_unit_test(terminate_and_interrupting_event_subprocess),
        cmocka_unit_test(a_called_process_has_its_own_variables),
        cmocka_unit_test(many_in_parallel_and_in_sequence),
        cmocka_unit_test(a_loop_turns_until_its_condition_fails),
        cmocka_unit_test(an_adhoc_subprocess_is_begun_by_hand),
        cmocka_unit_test(an_adhoc_subprocess_gives_outputs_and_errors),
        cmocka_unit_test(ops_and_decisions),
        cmocka_unit_test(a_finished_case_is_small),
        cmocka_unit_test(a_case_does_not_outgrow_its_state),
        cmocka_unit_test(a_case_moves_to_another_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
