/* YAML 1.2 as Qifeng's settings and service folders use it: block and flow mappings, sequences and
 * scalars, read by libyaml into the same values as JSON. Plain scalars are null, true, false,
 * integers within ±(2^53−1) or text; quoted and block scalars are text. Refused, with the line:
 * anchors and aliases, tags, merge keys, several documents, duplicate keys, keys that are not
 * text, plain numbers that are not integers (they go in quotes), invalid UTF-8.
 *
 * Limits: QF_YAML_SIZE_MAX bytes, QF_YAML_NODES_MAX values, QF_JSON_DEPTH_MAX levels, keys of
 * QF_YAML_KEY_SIZE_MAX bytes. The result lives in the arena and does not point into the input.
 * No function here is bound to a thread. */
#ifndef QF_CODEC_YAML_H
#define QF_CODEC_YAML_H

#include "codec/json.h"

struct qf_yaml_place; /* where each value stands */

struct qf_yaml {
    struct qf_json value;
    const struct qf_yaml_place *places;
};

/* Parses the whole of `input`; nothing but comments is null. QF_OK, or QF_MALFORMED /
 * QF_OVER_LIMIT with err->field "line N". */
QF_MUST_CHECK enum qf_status qf_yaml_parse(struct qf_arena *arena, struct qf_yaml *out,
                                           struct qf_slice input, struct qf_error *err);

/* The line (from 1) of the value at a path such as "tsa.key" or "webhooks[1].url"; the line of the
 * nearest value around it when there is none at the path. */
unsigned qf_yaml_line(const struct qf_yaml *yaml, const char *path);

#endif
