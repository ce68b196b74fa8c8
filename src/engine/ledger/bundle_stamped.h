/* The time-stamp in a bundle (spec/bundle.md, stamped): a chain as JSON, and back. Used by bundles
 * only. */
#ifndef QF_ENGINE_LEDGER_BUNDLE_STAMPED_H
#define QF_ENGINE_LEDGER_BUNDLE_STAMPED_H

#include "codec/json.h"
#include "store/stamps.h"

/* Puts checkpoint, renewals and token; proof and consistency are the caller's. */
void qf_bundle_put_chain(struct qf_arena *arena, struct qf_json *stamped,
                         const struct qf_stamp_link *links, size_t count);
/* The chain of an object that has checkpoint, consistency, proof, renewals and token, and nothing
 * else. QF_MALFORMED, QF_OVER_LIMIT at "stamped". */
QF_MUST_CHECK enum qf_status qf_bundle_read_chain(struct qf_arena *arena,
                                                  const struct qf_json *stamped,
                                                  struct qf_stamp_link **links, size_t *count,
                                                  struct qf_error *err);

#endif
