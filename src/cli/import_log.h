/* An event log read whole, ready to be recorded: what is hashed of each event, and by whom. Shared
 * by import.c and import_log.c. */
#ifndef QF_CLI_IMPORT_LOG_H
#define QF_CLI_IMPORT_LOG_H

#include "bpmn/xes.h"
#include "cli/import.h"

#define QF_IMPORT_EVENTS_MAX 10000000
#define QF_IMPORT_SIZE_MAX ((uint64_t)16 << 30) /* bytes of the log unpacked */
#define QF_IMPORT_ACTORS_MAX 65536

struct qf_import_actor {
    struct qf_slice name; /* as in the log */
    const char *id;       /* fit for an actor's id and a file name */
    struct qf_slice groups[QF_ROLES_MAX];
    size_t group_count;
    struct qf_private_key *key;
    char kid[QF_KID_SIZE + 1];
};

struct qf_import_event {
    uint32_t actor;
    uint32_t number; /* in its case, from 1 */
    int64_t time_ms;
    uint64_t place; /* in the file, from 0 */
    int64_t size;   /* of the content */
    struct qf_slice trace, activity, time, group, lifecycle;
    uint8_t hash[QF_HASH_SIZE];
};

struct qf_import_log {
    struct qf_arena arena;
    enum qf_hash_alg alg;
    bool print;                     /* the contents, while reading */
    const char *name;               /* first part of the ids */
    struct qf_import_event *events; /* by time, then by place */
    size_t event_count, event_capacity;
    struct qf_import_actor *actors; /* in the order of their first event */
    size_t actor_count, actor_capacity;
    uint32_t *actor_slots; /* by name; 0: free, else number + 1 */
    size_t actor_slot_count;
    struct qf_slice *groups;
    size_t group_count;
    uint64_t case_count;
};

QF_MUST_CHECK enum qf_status qf_import_log_read(struct qf_import_log *log, const char *path,
                                                struct qf_error *err);
void qf_import_log_deinit(struct qf_import_log *log);

/* The parts of reading, for who reads a log in another way. init: the table of officials. feed: a
 * file, packed or plain, into a reader. find_actor: the official's place in the table. */
QF_MUST_CHECK enum qf_status qf_import_log_init(struct qf_import_log *log, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_import_feed(const struct qf_xes_handler *handler, const char *path,
                                            struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_import_find_actor(struct qf_import_log *log, struct qf_slice name,
                                                  uint32_t *out, struct qf_error *err);
void qf_import_note_group(struct qf_import_log *log, struct qf_import_actor *actor,
                          struct qf_slice group);
/* Appends a name as an id may hold it, or a file name: other bytes as _XX; longer ones than
 * `size_max` (at least 32) as a hash. */
void qf_import_put_name(struct qf_buf *out, struct qf_slice name, bool file_name, size_t size_max);

/* "receipt/case-10011/1"; NUL-terminated. */
void qf_import_id(char out[QF_ID_SIZE_MAX + 1], const struct qf_import_log *log,
                  const struct qf_import_event *event);

#endif
