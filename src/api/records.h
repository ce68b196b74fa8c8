/* A log entry as the API shows it, shared by the handlers that read entries. */
#ifndef QF_API_RECORDS_H
#define QF_API_RECORDS_H

#include "api/api.h"
#include "kernel/query.h"

struct qf_api_record {
    struct qf_entry entry;
    struct qf_tx tx;
    uint64_t leaf;
    bool time_alone; /* an entry without a transaction: something fell due */
};

/* Reads and decodes the entry at `leaf` into the arena. QF_NO_SUCH_RESOURCE with `time_alone` where
 * it holds no transaction. */
QF_MUST_CHECK enum qf_status qf_api_read_record(struct qf_api *api, struct qf_arena *arena,
                                                uint64_t leaf, struct qf_api_record *out,
                                                struct qf_error *err);
/* {"actor","code","height","id","index","kid","leaf","member","status","time"} without content. */
struct qf_json qf_api_record_json(struct qf_api *api, struct qf_arena *arena,
                                  const struct qf_api_record *record);
/* The leaf of a transaction by its id in hex; QF_NO_SUCH_RESOURCE, QF_BAD_FIELD. */
QF_MUST_CHECK enum qf_status qf_api_find_tx(struct qf_api *api, const char *id_hex, uint64_t *leaf,
                                            struct qf_error *err);

/* Replies with a page of what the state has of a kind, or with one of them; `what` it is, for the
 * message that there is none. */
void qf_api_reply_state_list(struct qf_http_exchange *exchange, enum qf_query_list_kind kind,
                             struct qf_slice within);
void qf_api_reply_state_one(struct qf_http_exchange *exchange, enum qf_query_list_kind kind,
                            struct qf_slice within, const char *id, const char *what);

#endif
