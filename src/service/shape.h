/* What a YAML file of a service folder must look like, as tables: every difference becomes a
 * problem of the folder, with its path and line. */
#ifndef QF_SERVICE_SHAPE_H
#define QF_SERVICE_SHAPE_H

#include "service/folder.h"

enum qf_shape_kind {
    QF_SHAPE_ANY,
    QF_SHAPE_ID,     /* 1 to 48 of A-Z a-z 0-9 . _ - */
    QF_SHAPE_TEXT,   /* not empty, at most `max` bytes (0: 4,096) */
    QF_SHAPE_INT,    /* min to max */
    QF_SHAPE_SWITCH, /* true or false */
    QF_SHAPE_CHOICE, /* one of `choices` */
    QF_SHAPE_OBJECT, /* `members` and no others */
    QF_SHAPE_LIST,   /* min to max of `of` */
    QF_SHAPE_MAP,    /* names to `of`, at most max */
    QF_SHAPE_EITHER, /* a text as QF_SHAPE_TEXT, or `of` */
};

struct qf_shape;

struct qf_shape_member {
    const char *name; /* NULL ends the table */
    const struct qf_shape *shape;
    bool required;
};

struct qf_shape {
    enum qf_shape_kind kind;
    int64_t min, max;
    const struct qf_shape *of;
    const struct qf_shape_member *members;
    const char *const *choices; /* NULL-terminated */
};

/* {zh, en} */
extern const struct qf_shape qf_shape_titles;
extern const struct qf_shape qf_shape_id, qf_shape_text, qf_shape_switch, qf_shape_any;
/* The whole of service.yaml, of a file of texts, of scenario.yaml. */
extern const struct qf_shape qf_shape_service, qf_shape_texts, qf_shape_scenario;

/* Adds what differs to the folder's problems; whether nothing did. */
bool qf_shape_check(struct qf_folder *folder, const struct qf_folder_yaml *file,
                    const struct qf_shape *shape);

#endif
