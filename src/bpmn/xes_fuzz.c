/* Any bytes as an event log: the reader refuses or reads; what it read is written and must read
 * back to the same bytes. The first byte chooses the size of the parts. */
#include <stdlib.h>

#include "bpmn/xes.h"

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
