/* For tests: a model written in few words, and a case on it. */
#ifndef QF_BPMN_TEST_CASE_H
#define QF_BPMN_TEST_CASE_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpmn/run.h"
#include "bpmn/test_expr.h"

#define DEFINITIONS                                                                                \
    "<definitions xmlns='http://www.omg.org/spec/BPMN/20100524/MODEL' "                            \
    "xmlns:qf='https://qifeng.dev/bpmn/1'>"
#define PROCESS(body)                                                                              \
    DEFINITIONS "<process id='p' isExecutable='true'>" body "</process></definitions>"
#define FLOW(from, to)                                                                             \
    "<sequenceFlow id='" from "-" to "' sourceRef='" from "' targetRef='" to "'/>"
#define FLOW_IF(from, to, condition)                                                               \
    "<sequenceFlow id='" from "-" to "' sourceRef='" from "' targetRef='" to                       \
    "'><conditionExpression>" condition "</conditionExpression></sequenceFlow>"
#define EXT(body) "<extensionElements>" body "</extensionElements>"

#define DAY 86400000LL

struct test_case {
    struct qf_arena arena;
    struct qf_bpmn_model model;
    struct qf_bpmn_program program;
    struct qf_bpmn_instance instance;
    struct qf_calendar calendar;
    struct qf_bpmn_call call;
    int64_t now_ms;
};

static inline void case_load(struct test_case *c, const char *xml)
{
    struct qf_error err = {0};
    *c = (struct test_case){.calendar = {.rest = 0x60}};
    if (qf_bpmn_import(&c->arena, &c->model, qf_slice_of(xml), &err) != QF_OK)
        fail_msg("%s: %s", err.field, err.detail);
    qf_bpmn_prepare(&c->program, &c->model, test_expr);
    for (const struct qf_bpmn_problem *p = c->model.problems; p != NULL; p = p->next)
        fail_msg("%.*s: %s", (int)p->id.size, (const char *)p->id.data, p->text);
}

static inline void case_end(struct test_case *c)
{
    qf_arena_deinit(&c->arena);
}

/* Every call goes through encode and decode, so that every state of every test is tried. */
static inline void case_reload(struct test_case *c)
{
    struct qf_buf first = {0}, second = {0};
    struct qf_error err = {0};
    struct qf_bpmn_instance again;
    qf_bpmn_encode(&first, &c->instance);
    struct qf_slice text = qf_arena_copy(&c->arena, qf_buf_slice(&first));
    if (qf_bpmn_decode(&c->arena, &again, &c->model, text, &err) != QF_OK)
        fail_msg("%s %s: %s", err.field, err.detail, qf_buf_text(&first));
    qf_bpmn_encode(&second, &again);
    assert_true(qf_slice_equal(qf_buf_slice(&first), qf_buf_slice(&second)));
    c->instance = again;
    qf_buf_deinit(&first);
    qf_buf_deinit(&second);
}

static inline struct qf_bpmn_call *case_call(struct test_case *c)
{
    c->call.program = &c->program;
    c->call.arena = &c->arena;
    c->call.calendar = &c->calendar;
    c->call.now_ms = c->now_ms;
    c->call.steps = 0;
    return &c->call;
}

static inline void case_done(struct test_case *c, enum qf_status status, enum qf_status want)
{
    if (status != want)
        fail_msg("got %s (%s: %s), want %s", qf_status_name(status), c->call.err.field,
                 c->call.err.detail, qf_status_name(want));
    case_reload(c);
}

/* "who data flow flow", data being JSON without blanks or "-". */
static inline const struct qf_bpmn_answer *case_answer(struct test_case *c, const char *text)
{
    struct qf_bpmn_answer *answer = QF_ARENA_NEW(&c->arena, struct qf_bpmn_answer);
    struct qf_slice *flows = QF_ARENA_ARRAY(&c->arena, struct qf_slice, 16);
    char *copy = qf_arena_text(&c->arena, qf_slice_of(text));
    char *rest = NULL;
    int word = 0;
    for (char *at = strtok_r(copy, " ", &rest); at != NULL; at = strtok_r(NULL, " ", &rest)) {
        if (word == 0 && strcmp(at, "-") != 0) {
            answer->actor = qf_slice_of(at);
        } else if (word == 1 && strcmp(at, "-") != 0) {
            struct qf_json *data = QF_ARENA_NEW(&c->arena, struct qf_json);
            assert_int_equal(qf_json_parse(&c->arena, data, qf_slice_of(at), QF_JSON_ANY, NULL),
                             QF_OK);
            answer->data = data;
        } else if (word > 1) {
            flows[answer->flow_count++] = qf_slice_of(at);
        }
        word++;
    }
    answer->flows = flows;
    return answer;
}

static inline void case_open(struct test_case *c, const char *answer)
{
    case_done(c,
              qf_bpmn_open(case_call(c), &c->instance, QF_BPMN_NONE, QF_BPMN_NONE,
                           case_answer(c, answer)),
              QF_OK);
}

/* Number of the open wait at a node, the latest one when there are several; 0 when none. */
static inline uint32_t case_wait(struct test_case *c, const char *node)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < c->instance.wait_count; i++)
        if (qf_slice_is(c->model.nodes[c->instance.waits[i].node].id, node))
            found = c->instance.waits[i].id;
    return found;
}

static inline enum qf_status case_try(struct test_case *c, const char *node, const char *answer)
{
    uint32_t wait = case_wait(c, node);
    if (wait == 0)
        fail_msg("nothing waits at %s", node);
    return qf_bpmn_complete(case_call(c), &c->instance, wait, case_answer(c, answer));
}

static inline void case_do(struct test_case *c, const char *node, const char *answer)
{
    case_done(c, case_try(c, node, answer), QF_OK);
}

static inline void case_refused(struct test_case *c, const char *node, const char *answer,
                                enum qf_status want, const char *reason)
{
    struct qf_buf before = {0}, after = {0};
    qf_bpmn_encode(&before, &c->instance);
    case_done(c, case_try(c, node, answer), want);
    if (strstr(c->call.err.detail, reason) == NULL)
        fail_msg("%s; want %s", c->call.err.detail, reason);
    qf_bpmn_encode(&after, &c->instance);
    assert_true(qf_slice_equal(qf_buf_slice(&before), qf_buf_slice(&after)));
    assert_null(c->call.actions);
    qf_buf_deinit(&before);
    qf_buf_deinit(&after);
}

static inline void case_message(struct test_case *c, const char *name, const char *answer)
{
    case_done(
        c, qf_bpmn_message(case_call(c), &c->instance, qf_slice_of(name), case_answer(c, answer)),
        QF_OK);
}

static inline void case_later(struct test_case *c, int64_t ms)
{
    c->now_ms += ms;
    case_done(c, qf_bpmn_tick(case_call(c), &c->instance), QF_OK);
}

/* Nodes that wait, in order, joined by blanks. */
static inline void case_waits(struct test_case *c, const char *want)
{
    struct qf_buf buf = {0};
    for (uint32_t i = 0; i < c->instance.wait_count; i++) {
        if (i > 0)
            qf_buf_put_byte(&buf, ' ');
        qf_buf_put_slice(&buf, c->model.nodes[c->instance.waits[i].node].id);
    }
    assert_string_equal(qf_buf_text(&buf), want);
    qf_buf_deinit(&buf);
}

static inline void case_is(struct test_case *c, enum qf_bpmn_state state)
{
    assert_int_equal(c->instance.state, state);
}

static inline void case_variables(struct test_case *c, const char *want)
{
    struct qf_buf buf = {0};
    qf_json_write(&buf, &c->instance.variables);
    assert_string_equal(qf_buf_text(&buf), want);
    qf_buf_deinit(&buf);
}

/* First action of a kind in the last call, or NULL. */
static inline const struct qf_bpmn_action *case_action(struct test_case *c, enum qf_bpmn_act act)
{
    const struct qf_bpmn_action *at = c->call.actions;
    while (at != NULL && at->act != act)
        at = at->next;
    return at;
}

#endif
