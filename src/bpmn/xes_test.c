#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "bpmn/xes.h"

static const char *data_dir;

static struct qf_slice load_gz(struct qf_buf *buf, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", data_dir, name);
    gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    qf_buf_init(buf, 0);
    for (;;) {
        uint8_t *place = qf_buf_reserve(buf, 65536);
        int got = gzread(file, place, 65536);
        assert_true(got >= 0);
        if (got == 0)
            break;
        qf_buf_grow(buf, (size_t)got);
    }
    gzclose(file);
    return qf_buf_slice(buf);
}

#define NAMES_MAX 128

struct tally {
    uint32_t heads, traces, events, untimed;
    int64_t first_ms, last_ms;
    uint32_t activity_count, resource_count, group_count;
    char activities[NAMES_MAX][96];
    char resources[NAMES_MAX][96];
    char groups[NAMES_MAX][96];
    struct qf_buf again; /* the log written again */
};

static void note(char names[NAMES_MAX][96], uint32_t *count, struct qf_slice name)
{
    char text[96];
    snprintf(text, sizeof text, "%.*s", (int)name.size, (const char *)name.data);
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp(names[i], text) == 0)
            return;
    assert_true(*count < NAMES_MAX);
    memcpy(names[(*count)++], text, sizeof text);
}

static enum qf_status tally_head(void *self, const struct qf_xes_head *head, struct qf_error *err)
{
    (void)err;
    struct tally *tally = self;
    tally->heads++;
    qf_xes_write_head(&tally->again, head);
    return QF_OK;
}

static enum qf_status tally_trace(void *self, const struct qf_xes_trace *trace,
                                  struct qf_error *err)
{
    (void)err;
    struct tally *tally = self;
    tally->traces++;
    uint32_t count = 0;
    for (const struct qf_xes_event *event = trace->events; event != NULL; event = event->next) {
        count++;
        note(tally->activities, &tally->activity_count, event->activity);
        note(tally->resources, &tally->resource_count, event->resource);
        note(tally->groups, &tally->group_count, event->group);
        int64_t at = 0;
        if (!qf_xes_time(&at, event->timestamp))
            tally->untimed++;
        if (tally->first_ms == 0 || at < tally->first_ms)
            tally->first_ms = at;
        if (at > tally->last_ms)
            tally->last_ms = at;
    }
    assert_int_equal(count, trace->event_count);
    tally->events += count;
    qf_xes_write_trace(&tally->again, trace);
    return QF_OK;
}

static enum qf_status read_log(struct tally *tally, struct qf_slice log, size_t part,
                               struct qf_error *err)
{
    *tally = (struct tally){0};
    struct qf_xes_handler handler = {tally_head, tally_trace, tally};
    struct qf_xes_reader *reader = qf_xes_reader_new(&handler, (uint64_t)1 << 30);
    assert_non_null(reader);
    enum qf_status status = QF_OK;
    for (size_t at = 0; at < log.size && status == QF_OK; at += part) {
        size_t size = log.size - at < part ? log.size - at : part;
        status = qf_xes_reader_feed(reader, qf_slice_make(log.data + at, size), err);
    }
    if (status == QF_OK)
        status = qf_xes_reader_finish(reader, err);
    qf_xes_reader_free(reader);
    qf_xes_write_end(&tally->again);
    return status;
}

static void receipt_log_reads_and_writes_equal(void **state)
{
    (void)state;
    struct qf_buf log;
    struct qf_slice bytes = load_gz(&log, "xes/receipt.xes.gz");
    static struct tally first, second;
    assert_int_equal(read_log(&first, bytes, 1 << 20, NULL), QF_OK);
    assert_int_equal(first.heads, 1);
    assert_int_equal(first.traces, 1434);
    assert_int_equal(first.events, 8577);
    assert_int_equal(first.untimed, 0);
    assert_int_equal(first.activity_count, 27);
    assert_int_equal(first.resource_count, 48);
    assert_int_equal(first.group_count, 10);
    assert_int_equal(read_log(&second, qf_buf_slice(&first.again), 4097, NULL), QF_OK);
    assert_int_equal(second.events, 8577);
    assert_true(qf_slice_equal(qf_buf_slice(&first.again), qf_buf_slice(&second.again)));
    assert_int_equal(first.last_ms, second.last_ms);
    qf_buf_deinit(&first.again);
    qf_buf_deinit(&second.again);
    qf_buf_deinit(&log);
}

/* What stood in the log, element for element: compares the raw attribute lines. */
static void every_attribute_survives(void **state)
{
    (void)state;
    static const char log[] =
        "<log xes.version='2.0' xes.features='nested-attributes'>"
        "<extension name='Concept' prefix='concept' uri='http://x/&amp;y'/>"
        "<global scope='trace'><string key='concept:name' value='?'/></global>"
        "<classifier name='A' scope='event' keys='concept:name'/>"
        "<string key='source' value='a &lt;b&gt; &quot;c&quot;&#10;d'/>"
        "<trace><string key='concept:name' value='1'/>"
        "<event><date key='time:timestamp' value='2011-10-11T13:45:40.276+02:00'>"
        "<boolean key='sure' value='true'><float key='p' value='1e-3'/></boolean></date>"
        "<list key='l'><values><int key='i' value='1'/><int key='i' value='2'/></values></list>"
        "<container key='c'><id key='u' value='x'/></container>"
        "<list key='empty'><values/></list>"
        "<string key='concept:name' value='&#x4E2D;'/></event><event/></trace></log>";
    static const char want[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<log xes.version=\"2.0\" xes.features=\"nested-attributes\" "
        "xmlns=\"http://www.xes-standard.org/\">\n"
        "<extension name=\"Concept\" prefix=\"concept\" uri=\"http://x/&amp;y\"/>\n"
        "<global scope=\"trace\">\n<string key=\"concept:name\" value=\"?\"/>\n</global>\n"
        "<classifier name=\"A\" scope=\"event\" keys=\"concept:name\"/>\n"
        "<string key=\"source\" value=\"a &lt;b&gt; &quot;c&quot;&#10;d\"/>\n"
        "<trace>\n<string key=\"concept:name\" value=\"1\"/>\n"
        "<event>\n<date key=\"time:timestamp\" value=\"2011-10-11T13:45:40.276+02:00\">\n"
        "<boolean key=\"sure\" value=\"true\">\n<float key=\"p\" value=\"1e-3\"/>\n"
        "</boolean>\n</date>\n"
        "<list key=\"l\"><values>\n<int key=\"i\" value=\"1\"/>\n<int key=\"i\" value=\"2\"/>\n"
        "</values></list>\n"
        "<container key=\"c\">\n<id key=\"u\" value=\"x\"/>\n</container>\n"
        "<list key=\"empty\"><values/></list>\n"
        "<string key=\"concept:name\" value=\"\xE4\xB8\xAD\"/>\n</event>\n"
        "<event>\n</event>\n</trace>\n</log>\n";
    static struct tally tally;
    struct qf_error err = {0};
    assert_int_equal(read_log(&tally, qf_slice_of(log), 7, &err), QF_OK);
    assert_string_equal(qf_buf_text(&tally.again), want);
    qf_buf_deinit(&tally.again);
}

static void refused(const char *log, enum qf_status want, const char *field, const char *reason)
{
    static struct tally tally;
    struct qf_error err = {0};
    assert_int_equal(read_log(&tally, qf_slice_of(log), 1000, &err), want);
    assert_string_equal(err.field, field);
    if (strstr(err.detail, reason) == NULL)
        fail_msg("%s: want %s", err.detail, reason);
    qf_buf_deinit(&tally.again);
}

static void bad_logs_are_refused_with_line_and_reason(void **state)
{
    (void)state;
    refused("<log><trace>", QF_MALFORMED, "line 1", "no element found");
    refused("<log>\n<trace>\n<event><string key='a'/></event></trace></log>", QF_MALFORMED,
            "line 3", "the attribute a has no value");
    refused("<log><string value='a'/></log>", QF_MALFORMED, "line 1", "without a key");
    refused("<log><event/></log>", QF_MALFORMED, "line 1", "outside a trace");
    refused("<log><trace/>\n<string key='a' value='b'/></log>", QF_MALFORMED, "line 2",
            "must precede");
    refused("<log><trace><event><event/></event></trace></log>", QF_MALFORMED, "line 1",
            "<event> does not belong here");
    refused("<model/>", QF_MALFORMED, "line 1", "not an event log");
    refused("<!DOCTYPE log [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><log>&b;</log>",
            QF_MALFORMED, "line 1", "document type");
    refused("<!DOCTYPE log SYSTEM 'file:///etc/passwd'><log/>", QF_MALFORMED, "line 1",
            "document type");
    struct qf_buf deep = {0};
    qf_buf_put_text(&deep, "<log><trace>");
    for (int i = 0; i < 100; i++)
        qf_buf_put_text(&deep, "<string key='k' value='v'>");
    refused(qf_buf_text(&deep), QF_OVER_LIMIT, "line 1", "nested too deep");
    qf_buf_reset(&deep);
    qf_buf_put_text(&deep, "<log><string key='k' value='");
    for (int i = 0; i < 5 << 20; i++)
        qf_buf_put_byte(&deep, 'a');
    refused(qf_buf_text(&deep), QF_OVER_LIMIT, "line 1", "too long");
    qf_buf_deinit(&deep);
}

static void a_failed_reader_stays_failed(void **state)
{
    (void)state;
    static struct tally tally;
    struct qf_xes_handler handler = {NULL, tally_trace, &tally};
    struct qf_xes_reader *reader = qf_xes_reader_new(&handler, 50);
    struct qf_error err = {0};
    assert_int_equal(qf_xes_reader_feed(reader, qf_slice_of("<log></nope>"), &err), QF_MALFORMED);
    assert_int_equal(qf_xes_reader_feed(reader, qf_slice_of("<log/>"), &err), QF_MALFORMED);
    assert_int_equal(qf_xes_reader_finish(reader, &err), QF_MALFORMED);
    qf_xes_reader_free(reader);
    qf_xes_reader_free(NULL);
    reader = qf_xes_reader_new(&handler, 10);
    assert_int_equal(qf_xes_reader_feed(reader, qf_slice_of("<log>      "), &err), QF_OVER_LIMIT);
    qf_xes_reader_free(reader);
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2011-10-11T13:45:40.276+02:00", 1318333540276},
        {"2011-10-11T13:45:40.2769999+0200", 1318333540276},
        {"2011-10-11T11:45:40.276", 1318333540276},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T24:00:00Z", 951868800000},
        {"0001-01-01T00:00:00Z", -62135596800000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t ms = -7;
        assert_true(qf_xes_time(&ms, qf_slice_of(good[i].text)));
        assert_int_equal(ms, good[i].ms);
        char text[25];
        int64_t again = -7;
        qf_xes_time_text(text, ms);
        assert_true(qf_xes_time(&again, qf_slice_of(text)));
        assert_int_equal(again, ms);
    }
    static const char *const bad[] = {"",
                                      "2011",
                                      "2011-13-01T00:00:00Z",
                                      "2011-02-29T00:00:00Z",
                                      "2011-02-28T24:00:01Z",
                                      "2011-02-28T00:60:00Z",
                                      "2011-02-28T00:00:00.Z",
                                      "2011-02-28T00:00:00+15:00",
                                      "2011-02-28T00:00:00Zx",
                                      "0000-01-01T00:00:00Z",
                                      "-001-01-01T00:00:00Z",
                                      "2011-02-28 00:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = 0;
        if (qf_xes_time(&ms, qf_slice_of(bad[i])))
            fail_msg("accepted %s", bad[i]);
    }
}

static void our_own_head_reads_back(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_xes_head head;
    qf_xes_head_default(&arena, &head);
    struct qf_xes_trace trace = {0};
    (void)qf_xes_add_event(&arena, &trace, qf_slice_of("审批"), qf_slice_of("li"), qf_slice_of(""),
                           1318333540276, "complete");
    (void)qf_xes_add_event(&arena, &trace, qf_slice_of("b"), qf_slice_of(""), qf_slice_of("g"), 0,
                           NULL);
    assert_int_equal(trace.event_count, 2);
    assert_null(trace.events->group.data);
    assert_true(qf_slice_is(trace.events->lifecycle, "complete"));
    struct qf_buf buf = {0};
    qf_xes_write_head(&buf, &head);
    qf_xes_write_trace(&buf, &trace);
    qf_xes_write_end(&buf);
    static struct tally tally;
    assert_int_equal(read_log(&tally, qf_buf_slice(&buf), 3, NULL), QF_OK);
    assert_int_equal(tally.last_ms, 1318333540276);
    assert_string_equal(tally.activities[0], "审批");
    assert_string_equal(tally.resources[0], "li");
    assert_true(qf_slice_equal(qf_buf_slice(&tally.again), qf_buf_slice(&buf)));
    qf_buf_deinit(&tally.again);
    qf_buf_deinit(&buf);
    qf_arena_deinit(&arena);
}

/* Texts of a ledger may hold characters that no XML document may: a reader gets others for them. */
static void what_xml_cannot_hold_is_replaced(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_xes_trace trace = {0};
    struct qf_xes_head head;
    struct qf_buf buf = {0};
    qf_xes_head_default(&arena, &head);
    (void)qf_xes_add_event(&arena, &trace,
                           qf_slice_of("a\x01z\xEF\xBF\xBF\xEF\xBF\xBE<\xEF\xBF\xBC"),
                           qf_slice_of("li"), qf_slice_of(""), 0, NULL);
    trace.events->attrs->next->value = qf_slice_of("\x1F");
    qf_xes_write_head(&buf, &head);
    qf_xes_write_trace(&buf, &trace);
    qf_xes_write_end(&buf);
    static struct tally tally;
    assert_int_equal(read_log(&tally, qf_buf_slice(&buf), 7, NULL), QF_OK);
    assert_string_equal(tally.activities[0], "a\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD<\xEF\xBF\xBC");
    assert_string_equal(tally.resources[0], "\xEF\xBF\xBD");
    qf_buf_deinit(&buf);
    qf_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    data_dir = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipt_log_reads_and_writes_equal),
        cmocka_unit_test(every_attribute_survives),
        cmocka_unit_test(bad_logs_are_refused_with_line_and_reason),
        cmocka_unit_test(a_failed_reader_stays_failed),
        cmocka_unit_test(times),
        cmocka_unit_test(our_own_head_reads_back),
        cmocka_unit_test(what_xml_cannot_hold_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
