/* Event logs in XES (IEEE 1849-2016, and XES 1.0 and 2.0 as OpenXES writes them): a streaming
 * reader and a writer.
 *
 * A log is a head (version, extensions, globals, classifiers, attributes) and traces; a trace is
 * attributes and events in their order; an event is attributes. Values are kept as the text that
 * stood in the file, also times and numbers, so that what is written reads back as equal. The
 * reader holds one trace at a time; compressed logs are unpacked by the caller.
 *
 * Attributes nest to QF_XES_DEPTH_MAX; a trace has at most QF_XES_TRACE_EVENTS_MAX events and
 * QF_XES_TRACE_SIZE_MAX bytes. Events outside a trace, and head elements after the first trace, are
 * refused. A reader belongs to one thread; everything else is plain data. */
#ifndef QF_BPMN_XES_H
#define QF_BPMN_XES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

enum qf_xes_type {
    QF_XES_STRING,
    QF_XES_DATE,
    QF_XES_INT,
    QF_XES_FLOAT,
    QF_XES_BOOLEAN,
    QF_XES_ID,
    QF_XES_LIST,      /* children in <values>; no value */
    QF_XES_CONTAINER, /* children; no value */
};

struct qf_xes_attr {
    enum qf_xes_type type;
    struct qf_slice key;
    struct qf_slice value;     /* as written */
    struct qf_xes_attr *child; /* nested attributes, or a list's values */
    struct qf_xes_attr *next;
};

/* The five attributes that everybody asks for are looked up once; data is NULL where there is none.
 * They are found in `attrs`, too, which alone is written. */
struct qf_xes_event {
    struct qf_xes_attr *attrs;
    struct qf_slice activity;  /* concept:name */
    struct qf_slice resource;  /* org:resource */
    struct qf_slice group;     /* org:group */
    struct qf_slice timestamp; /* time:timestamp, as written */
    struct qf_slice lifecycle; /* lifecycle:transition */
    struct qf_xes_event *next;
};

struct qf_xes_trace {
    struct qf_xes_attr *attrs;
    struct qf_slice name; /* concept:name */
    struct qf_xes_event *events;
    uint32_t event_count;
};

struct qf_xes_extension {
    struct qf_slice name;
    struct qf_slice prefix;
    struct qf_slice uri;
    struct qf_xes_extension *next;
};

struct qf_xes_global {
    struct qf_slice scope; /* trace or event */
    struct qf_xes_attr *attrs;
    struct qf_xes_global *next;
};

struct qf_xes_classifier {
    struct qf_slice name;
    struct qf_slice keys;
    struct qf_slice scope; /* may be empty */
    struct qf_xes_classifier *next;
};

struct qf_xes_head {
    struct qf_slice version;  /* xes.version */
    struct qf_slice features; /* xes.features */
    struct qf_xes_extension *extensions;
    struct qf_xes_global *globals;
    struct qf_xes_classifier *classifiers;
    struct qf_xes_attr *attrs;
};

/* What the reader tells. The head comes once, before the first trace (or at the end of a log
 * without traces) and lives as long as the reader; a trace lives until the call returns. Either
 * function may be NULL. Anything but QF_OK stops the reader with that status. */
struct qf_xes_handler {
    enum qf_status (*head)(void *self, const struct qf_xes_head *head, struct qf_error *err);
    enum qf_status (*trace)(void *self, const struct qf_xes_trace *trace, struct qf_error *err);
    void *self;
};

struct qf_xes_reader;

/* NULL when memory has run out. `size_max` bounds the whole (unpacked) log in bytes. */
struct qf_xes_reader *qf_xes_reader_new(const struct qf_xes_handler *handler, uint64_t size_max);
void qf_xes_reader_free(struct qf_xes_reader *reader); /* takes NULL */

/* Feed the log in parts of any size, then finish. QF_MALFORMED or QF_OVER_LIMIT with field
 * "line N" and the reason; after a failure every further call fails in the same way. */
QF_MUST_CHECK enum qf_status qf_xes_reader_feed(struct qf_xes_reader *reader, struct qf_slice bytes,
                                                struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_xes_reader_finish(struct qf_xes_reader *reader,
                                                  struct qf_error *err);

/* Attribute of that key among siblings, or NULL. */
const struct qf_xes_attr *qf_xes_find(const struct qf_xes_attr *attrs, const char *key);

/* Milliseconds since 1970 of a date as XES writes it (XML Schema dateTime; without an offset it is
 * UTC; digits past the millisecond are cut). False when it is not one or lies outside the years
 * 1 to 9999. */
QF_MUST_CHECK bool qf_xes_time(int64_t *out_ms, struct qf_slice text);

/* "2026-11-21T07:30:00.000Z"; `out` has room for 25 bytes with the NUL. The year must lie in 1 to
 * 9999. */
void qf_xes_time_text(char out[25], int64_t time_ms);

/* Building: appends a new attribute to the list at `*attrs` and returns it. Texts are not copied.
 */
struct qf_xes_attr *qf_xes_add(struct qf_arena *arena, struct qf_xes_attr **attrs,
                               enum qf_xes_type type, const char *key, struct qf_slice value);

/* Appends an event to a trace, with the attributes that are given: activity, resource and group may
 * be empty, lifecycle NULL. Texts are not copied. */
struct qf_xes_event *qf_xes_add_event(struct qf_arena *arena, struct qf_xes_trace *trace,
                                      struct qf_slice activity, struct qf_slice resource,
                                      struct qf_slice group, int64_t time_ms,
                                      const char *lifecycle);

/* The head that our own exports have: extensions concept, org, time, lifecycle; their globals; the
 * classifier of process-mining tools. */
void qf_xes_head_default(struct qf_arena *arena, struct qf_xes_head *out);

/* Writing: head, traces, end. What is read from the result equals what was written. */
void qf_xes_write_head(struct qf_buf *buf, const struct qf_xes_head *head);
void qf_xes_write_trace(struct qf_buf *buf, const struct qf_xes_trace *trace);
void qf_xes_write_end(struct qf_buf *buf);

#endif
