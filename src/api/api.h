/* The HTTP interface (spec/http.md): one handler per resource, all reading from the ledger and
 * writing through the embedded engine. The context below is shared by every handler and thread;
 * what it points to outlives the server. */
#ifndef QF_API_API_H
#define QF_API_API_H

#include <stdatomic.h>

#include "api/http.h"
#include "api/rate.h"
#include "base/io.h"
#include "engine/ledger/bundle.h"
#include "engine/ledger/ledger.h"
#include "engine/solo/solo.h"

struct qf_readers;
struct qf_feed;
struct qf_x509;
struct qf_tsa;
struct qf_api_models;
struct qf_witness;
struct qf_webhooks;
struct qf_cosigning;
struct qf_stamping;

struct qf_api_options {
    struct qf_ledger *ledger;
    struct qf_solo *solo;
    struct qf_verifier *verifier;
    struct qf_feed *feed;
    struct qf_clock clock;
    struct qf_random random;
    struct qf_note_signer signer;
    const char *version;
    const char *dir;              /* data directory, whose free space is watched */
    struct qf_rate_limits limits; /* of one key */
    /* With TLS: roots of client certificates; none: the certification authorities of active
     * members. */
    const struct qf_x509 *const *client_roots;
    size_t client_root_count;
    const struct qf_tsa *tsa;               /* time-stamps; NULL: none are issued */
    const struct qf_private_key *tsa_actor; /* signs the records of issued time-stamps */
    bool clients_required;                  /* a client without certificate is refused */
    struct qf_witness *witness;             /* of other logs; NULL: none are witnessed */
    struct qf_cosigning *cosigning;         /* by witnesses of this log; NULL: it has none */
    size_t witness_count;                   /* that are asked to */
    bool members_only; /* what is not open is read by members only; see reader.c */
    const char *url;   /* under which clients know the node; NULL: as they say in Host */
};

struct qf_api {
    struct qf_api_options options;
    struct qf_rate *rate;
    struct qf_readers *readers; /* NULL unless members_only */
    struct qf_api_models *models;
    struct qf_webhooks *webhooks; /* set before the server starts; NULL: none */
    struct qf_stamping *stamping; /* likewise; NULL: the log is not time-stamped */
    char *note_key;               /* verifier key of the node, C2SP text */
    int64_t started_ms;
    atomic_uint_fast64_t requests, refused, errors, bytes_in; /* for /metrics */
};

QF_MUST_CHECK enum qf_status qf_api_init(struct qf_api *api, const struct qf_api_options *options,
                                         struct qf_error *err);
void qf_api_deinit(struct qf_api *api);

/* All routes, the most used first. */
const struct qf_route *qf_api_routes(size_t *count);

static inline struct qf_api *qf_api_of(const struct qf_http_exchange *exchange)
{
    return exchange->context;
}

/* A query parameter that must be an integer within [0, max]; absent: `fallback`. */
QF_MUST_CHECK enum qf_status qf_api_query_int(const struct qf_http_exchange *exchange,
                                              const char *name, int64_t fallback, int64_t max,
                                              int64_t *out, struct qf_error *err);

/* `cosigned`: how many witnesses must have cosigned; no more than are asked, for that never comes.
 */
QF_MUST_CHECK enum qf_status qf_api_query_cosigned(const struct qf_http_exchange *exchange,
                                                   unsigned *out, struct qf_error *err);

/* Where a page of a list begins and how many items it has: `cursor`, at most `last`, and `limit`.
 */
QF_MUST_CHECK enum qf_status qf_api_query_page(const struct qf_http_exchange *exchange,
                                               int64_t last, int64_t *from, int64_t *limit,
                                               struct qf_error *err);

/* Answers with the bundle that was put into the body, as a file `name`.qfb; or, when `status` is
 * not QF_OK, with the problem. */
void qf_api_reply_bundle(struct qf_http_exchange *exchange, enum qf_status status,
                         const struct qf_error *err, const char *name);

/* A list: {"items":[…],"next":"<cursor>"} and the Link header; `next` NULL at the end. */
void qf_api_reply_list(struct qf_http_exchange *exchange, const struct qf_json *items,
                       const char *next);

/* The checkpoint that the log publishes: the newest, signed by this node, with the cosignatures
 * that there are for it; or, where a quorum of witnesses is wanted, the newest that has it
 * (QF_NOT_FOUND before the first). */
QF_MUST_CHECK enum qf_status qf_api_checkpoint(struct qf_api *api, struct qf_buf *out);

/* ---- reader.c: who may read ---- */

struct qf_readers *qf_readers_new(void);
void qf_readers_free(struct qf_readers *readers);
/* Whether the client is known to belong to a member: by its certificate, or by a signature of the
 * request (RFC 9421), which counts once. */
QF_MUST_CHECK enum qf_status qf_api_identify(struct qf_http_exchange *exchange,
                                             struct qf_error *err);
/* For qf_http_options.may. */
bool qf_api_may(struct qf_http_exchange *exchange, const struct qf_route *route);

/* ---- clients.c ---- */

/* For qf_http_options.check_client. */
QF_MUST_CHECK enum qf_status qf_api_check_client(void *context, const struct qf_slice *chain,
                                                 size_t count, struct qf_error *err);

/* ---- handlers, one file a resource ---- */

void qf_api_post_transactions(struct qf_http_exchange *exchange);
void qf_api_post_tsa(struct qf_http_exchange *exchange);
void qf_api_post_add_checkpoint(struct qf_http_exchange *exchange);
void qf_api_get_transaction(struct qf_http_exchange *exchange);
void qf_api_get_transactions(struct qf_http_exchange *exchange);
void qf_api_get_bundle(struct qf_http_exchange *exchange);
void qf_api_get_receipt(struct qf_http_exchange *exchange);
void qf_api_get_evidence(struct qf_http_exchange *exchange);
void qf_api_get_member_bundle(struct qf_http_exchange *exchange);
void qf_api_get_evidence_bundle(struct qf_http_exchange *exchange);
void qf_api_find_evidence(struct qf_http_exchange *exchange);
void qf_api_get_network(struct qf_http_exchange *exchange);
void qf_api_get_genesis(struct qf_http_exchange *exchange);
void qf_api_get_health(struct qf_http_exchange *exchange);
void qf_api_get_metrics(struct qf_http_exchange *exchange);
void qf_api_get_openapi(struct qf_http_exchange *exchange);
void qf_api_get_checkpoint(struct qf_http_exchange *exchange);
void qf_api_get_tile(struct qf_http_exchange *exchange);
void qf_api_get_members(struct qf_http_exchange *exchange);
void qf_api_get_member(struct qf_http_exchange *exchange);
void qf_api_get_actors(struct qf_http_exchange *exchange);
void qf_api_get_actor(struct qf_http_exchange *exchange);
void qf_api_get_key(struct qf_http_exchange *exchange);
void qf_api_get_proposals(struct qf_http_exchange *exchange);
void qf_api_get_proposal(struct qf_http_exchange *exchange);
void qf_api_get_services(struct qf_http_exchange *exchange);
void qf_api_get_service(struct qf_http_exchange *exchange);
void qf_api_get_cases(struct qf_http_exchange *exchange);
void qf_api_get_case(struct qf_http_exchange *exchange);
void qf_api_get_case_history(struct qf_http_exchange *exchange);
void qf_api_get_case_bundle(struct qf_http_exchange *exchange);
void qf_api_get_case_decisions(struct qf_http_exchange *exchange);
void qf_api_get_tasks(struct qf_http_exchange *exchange);
void qf_api_get_task_count(struct qf_http_exchange *exchange);
void qf_api_get_proof(struct qf_http_exchange *exchange);
void qf_api_get_stamp_file(struct qf_http_exchange *exchange);
void qf_api_get_stamps(struct qf_http_exchange *exchange);
void qf_api_get_stamp(struct qf_http_exchange *exchange);
void qf_api_get_state_proof(struct qf_http_exchange *exchange);

#endif
