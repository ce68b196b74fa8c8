/* Any bytes as an event log: the reader refuses or reads; what it read is written and must read
 * back to the same bytes. The first byte chooses the size of the parts. Each trace is replayed on a
 * small process, whose interpreter must take what the replay found. */
#include <stdlib.h>

#include "bpmn/replay.h"
#include "bpmn/run.h"
#include "bpmn/xes.h"

#define ACTIVITIES_MAX 64

/* A, then B or nothing beside C in any order, back to A or on to D. */
static const char process[] =
    "<definitions xmlns='http://www.omg.org/spec/BPMN/20100524/MODEL' targetNamespace='t'>"
    "<process id='p' isExecutable='true'><startEvent id='s'/><task id='a' name='A'/>"
    "<parallelGateway id='f'/><exclusiveGateway id='x'/><task id='b' name='B'/>"
    "<exclusiveGateway id='y'/><task id='c' name='C'/><parallelGateway id='j'/>"
    "<exclusiveGateway id='z'/><exclusiveGateway id='m'/><task id='d' name='D'/><endEvent id='e'/>"
    "<sequenceFlow id='f1' sourceRef='s' targetRef='m'/>"
    "<sequenceFlow id='f2' sourceRef='m' targetRef='a'/>"
    "<sequenceFlow id='f3' sourceRef='a' targetRef='f'/>"
    "<sequenceFlow id='f4' sourceRef='f' targetRef='x'/>"
    "<sequenceFlow id='f5' sourceRef='x' targetRef='b'/>"
    "<sequenceFlow id='f6' sourceRef='x' targetRef='y'/>"
    "<sequenceFlow id='f7' sourceRef='b' targetRef='y'/>"
    "<sequenceFlow id='f8' sourceRef='f' targetRef='c'/>"
    "<sequenceFlow id='f9' sourceRef='y' targetRef='j'/>"
    "<sequenceFlow id='f10' sourceRef='c' targetRef='j'/>"
    "<sequenceFlow id='f11' sourceRef='j' targetRef='z'/>"
    "<sequenceFlow id='f12' sourceRef='z' targetRef='m'/>"
    "<sequenceFlow id='f13' sourceRef='z' targetRef='d'/>"
    "<sequenceFlow id='f14' sourceRef='d' targetRef='e'/></process></definitions>";

static struct qf_arena model_arena;
static struct qf_bpmn_model model;
static struct qf_bpmn_program program;
static struct qf_bpmn_replayer *replayer;

static void make_model(void)
{
    if (replayer != NULL)
        return;
    /* There are no expressions in it that could be compiled. */
    QF_ASSERT(qf_bpmn_import(&model_arena, &model, qf_slice_of(process), NULL) == QF_OK);
    qf_bpmn_prepare(&program, &model, (struct qf_bpmn_expr){0});
    QF_ASSERT(qf_bpmn_obstacles(&model) == 0);
    replayer = qf_bpmn_replayer_new(&model);
}

static struct qf_bpmn_answer answer_of(const struct qf_bpmn_replayed *event)
{
    return (struct qf_bpmn_answer){
        .actor = qf_slice_of("li"), .flows = event->flows, .flow_count = event->flow_count};
}

static void execute(struct qf_arena *arena, const struct qf_bpmn_replay *found)
{
    struct qf_bpmn_instance instance = {0};
    struct qf_bpmn_answer answer = answer_of(&found->open);
    struct qf_bpmn_call call = {.program = &program, .arena = arena};
    QF_ASSERT(qf_bpmn_open(&call, &instance, QF_BPMN_NONE, QF_BPMN_NONE, &answer) == QF_OK);
    for (uint32_t i = 0; i < found->event_count; i++) {
        uint32_t wait = 0;
        if (found->events[i].node == QF_BPMN_NONE)
            continue;
        for (uint32_t k = 0; k < instance.wait_count; k++)
            if (instance.waits[k].node == found->events[i].node)
                wait = instance.waits[k].id;
        QF_ASSERT(wait > 0);
        answer = answer_of(&found->events[i]);
        call = (struct qf_bpmn_call){.program = &program, .arena = arena};
        QF_ASSERT(qf_bpmn_complete(&call, &instance, wait, &answer) == QF_OK);
    }
    QF_ASSERT((instance.state == QF_BPMN_DONE) == found->ended);
}

static void replay(const struct qf_xes_trace *trace)
{
    struct qf_slice names[ACTIVITIES_MAX];
    struct qf_bpmn_replay found;
    struct qf_arena arena = {0};
    uint32_t count = 0;
    for (const struct qf_xes_event *event = trace->events; event != NULL; event = event->next)
        if (count < ACTIVITIES_MAX)
            names[count++] = event->activity;
    make_model();
    if (qf_bpmn_replay(replayer, &arena, &found, names, count, NULL) == QF_OK)
        execute(&arena, &found);
    qf_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum qf_status put_head(void *self, const struct qf_xes_head *head, struct qf_error *err)
{
    (void)err;
    qf_xes_write_head(self, head);
    return QF_OK;
}

static enum qf_status put_trace(void *self, const struct qf_xes_trace *trace, struct qf_error *err)
{
    (void)err;
    for (const struct qf_xes_event *event = trace->events; event != NULL; event = event->next) {
        int64_t ms = 0;
        if (event->timestamp.data != NULL && qf_xes_time(&ms, event->timestamp)) {
            char text[25];
            int64_t again = 0;
            if (ms < -62135596800000 || ms > 253402300799999)
                continue;
            qf_xes_time_text(text, ms);
            QF_ASSERT(qf_xes_time(&again, qf_slice_of(text)) && again == ms);
        }
    }
    qf_xes_write_trace(self, trace);
    replay(trace);
    return QF_OK;
}

static enum qf_status copy_log(struct qf_buf *out, struct qf_slice log, size_t part)
{
    struct qf_xes_handler handler = {put_head, put_trace, out};
    struct qf_xes_reader *reader = qf_xes_reader_new(&handler, 1 << 20);
    if (reader == NULL)
        return QF_NO_MEMORY;
    enum qf_status status = QF_OK;
    for (size_t at = 0; at < log.size && status == QF_OK; at += part) {
        size_t size = log.size - at < part ? log.size - at : part;
        status = qf_xes_reader_feed(reader, qf_slice_make(log.data + at, size), NULL);
    }
    if (status == QF_OK)
        status = qf_xes_reader_finish(reader, NULL);
    qf_xes_reader_free(reader);
    qf_xes_write_end(out);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 16)
        return 0;
    struct qf_buf first = {0}, second = {0};
    size_t part = (size_t)data[0] + 1;
    if (copy_log(&first, qf_slice_make(data + 1, size - 1), part) == QF_OK) {
        QF_ASSERT(copy_log(&second, qf_buf_slice(&first), 4096) == QF_OK);
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&first), qf_buf_slice(&second)));
    }
    qf_buf_deinit(&first);
    qf_buf_deinit(&second);
    return 0;
}
