/* The feed: tells who waits that the log has grown. Events are derived from the log alone, so
 * nobody has a queue here and a subscriber that comes back goes on from any position.
 *
 * The commit path calls qf_feed_grown, which takes a lock that is held for a few instructions only;
 * a thread of the feed wakes the streams. Streams are bounded by QF_SSE_CLIENTS_MAX. */
#ifndef QF_API_FEED_H
#define QF_API_FEED_H

#include "api/api.h"

struct qf_feed;

QF_MUST_CHECK enum qf_status qf_feed_start(struct qf_feed **out, struct qf_error *err);
/* Streams end, waiters return; before the HTTP server stops. The feed stays usable. */
void qf_feed_close(struct qf_feed *feed);
void qf_feed_free(struct qf_feed *feed); /* when nothing uses it any more; NULL is allowed */

/* For qf_ledger_on_commit; `arg` is the feed. */
void qf_feed_grown(void *arg, const struct qf_ledger_head *head);

/* Waits until the log has more than `size` entries, for at most `timeout_ms`. False: the feed is
 * closed. */
QF_MUST_CHECK bool qf_feed_wait(struct qf_feed *feed, uint64_t size, int64_t timeout_ms);
/* The same, but only for the end of the feed. */
QF_MUST_CHECK bool qf_feed_sleep(struct qf_feed *feed, int64_t timeout_ms);

unsigned qf_feed_streams(struct qf_feed *feed);

/* What a subscriber wants: an op by name, all ops of a module ("evidence"), "transaction.refused";
 * empty: all. */
QF_MUST_CHECK bool qf_event_type_matches(struct qf_slice wanted, struct qf_slice type);

/* The events of one log entry as CloudEvents 1.0: one for each op, or one of type
 * transaction.refused, and those of what followed without an op of its own; an array. Values live
 * in the arena. */
QF_MUST_CHECK enum qf_status qf_events_of_entry(struct qf_api *api, struct qf_arena *arena,
                                                uint64_t leaf, struct qf_json *out,
                                                struct qf_error *err);

/* GET /v1/events */
void qf_api_get_events(struct qf_http_exchange *exchange);

#endif
