/* Status codes: what a fallible function returns, what a refused transaction carries.
 *
 * One table for both, because a refusal travels the whole way: the kernel decides it, the log keeps
 * its number for ever, the API shows its name as the problem type, the CLI prints its cure. Numbers
 * and names are therefore part of the format (spec/problems.md) and are never reused.
 *
 *   0         done
 *   1..199    refusals: decided from the transaction and the state alone, the same on every node;
 *             these may stand in a log entry as "code"
 *   200..399  bad input that never reaches the log, or a caller at the interface that must change
 *   400..499  the environment failed; may be retried
 *   500..     a broken invariant: the node stops before it writes
 */
#ifndef QF_BASE_STATUS_H
#define QF_BASE_STATUS_H

#include <stddef.h>

#define QF_MUST_CHECK __attribute__((warn_unused_result))
#define QF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* X(symbol, number, name, HTTP status, title, cure) */
#define QF_STATUS_LIST(X)                                                                          \
    X(OK, 0, "ok", 200, "done", "")                                                                \
    X(BAD_SIGNATURE, 1, "bad-signature", 401, "The signature does not match the key.",             \
      "Sign the exact bytes with the key that kid names.")                                         \
    X(UNKNOWN_KEY, 2, "unknown-key", 401, "No such key is on the ledger.",                         \
      "Register the key with identity.key.add, or correct kid.")                                   \
    X(KEY_REVOKED, 3, "key-revoked", 401, "The key has been revoked or rotated.",                  \
      "Sign with the actor's current key.")                                                        \
    X(MEMBER_SUSPENDED, 4, "member-suspended", 403, "The member is suspended or has left.",        \
      "Ask the consortium to resume the member.")                                                  \
    X(WRONG_NETWORK, 5, "wrong-network", 400, "The transaction is for another network.",           \
      "Set net to this network's id.")                                                             \
    X(EXPIRED, 6, "expired", 400, "The transaction has expired.",                                  \
      "Sign it again with a later exp; check this computer's clock.")                              \
    X(EXPIRY_TOO_FAR, 7, "expiry-too-far", 400, "exp is more than one hour ahead.",                \
      "Use an exp within an hour of now; check this computer's clock.")                            \
    X(DUPLICATE, 8, "duplicate", 409, "The transaction was already recorded.",                     \
      "Use the first result; change the nonce to say it again.")                                   \
    X(MALFORMED, 9, "malformed", 400, "The input does not have the required form.",                \
      "Correct the named place.")                                                                  \
    X(UNKNOWN_OP, 10, "unknown-op", 400, "There is no such operation.",                            \
      "See the list of operations in spec/operations.md.")                                         \
    X(BAD_FIELD, 11, "bad-field", 400, "A field is missing, unknown or of the wrong form.",        \
      "Correct the named field.")                                                                  \
    X(OVER_LIMIT, 12, "over-limit", 400, "A limit is exceeded.", "Stay within the named limit.")   \
    X(NOT_ALLOWED, 13, "not-allowed", 403, "The signer may not do this.",                          \
      "Let somebody with the named role sign.")                                                    \
    X(EXISTS, 14, "exists", 422, "It already exists.", "Choose another id.")                       \
    X(NOT_FOUND, 15, "not-found", 422, "What it refers to does not exist.",                        \
      "Correct the named reference.")                                                              \
    X(WRONG_STATE, 16, "wrong-state", 422, "Its present state does not allow this.",               \
      "See the named thing's state.")                                                              \
    X(UNSUPPORTED_ALG, 17, "unsupported-algorithm", 400, "The suite of this network excludes it.", \
      "Use an algorithm of the network's suite.")                                                  \
    X(NO_QUORUM, 18, "no-quorum", 422, "The change would leave the network without a quorum.",     \
      "Keep enough active members and weight.")                                                    \
    X(BUDGET, 19, "budget-exceeded", 422, "A rule or process ran over its budget of steps.",       \
      "Simplify the named rule or process.")                                                       \
    X(RULE_ERROR, 20, "rule-error", 422, "A rule could not be evaluated.",                         \
      "See the named decision and its inputs.")                                                    \
    X(REFUSED, 21, "refused", 422, "A rule of the service refuses this.", "See the named rule.")   \
    X(RATE_LIMITED, 200, "rate-limited", 429, "Too many requests.", "Wait and send fewer.")        \
    X(BODY_TOO_LARGE, 201, "body-too-large", 413, "The request body is too large.",                \
      "Send it in smaller parts.")                                                                 \
    X(NO_SUCH_RESOURCE, 202, "no-such-resource", 404, "There is nothing at this address.",         \
      "Check the id or the path.")                                                                 \
    X(METHOD, 203, "method-not-allowed", 405, "This address does not take this method.",           \
      "See /openapi.json.")                                                                        \
    X(MEDIA_TYPE, 204, "unsupported-media-type", 415, "The content type is not accepted here.",    \
      "See /openapi.json for the accepted types.")                                                 \
    X(UNAUTHENTICATED, 205, "unauthenticated", 401, "This needs to know who asks.",                \
      "Sign the request (RFC 9421) or use a client certificate.")                                  \
    X(FORBIDDEN, 206, "forbidden", 403, "You may not see or do this.", "Ask the operator.")        \
    X(CONFLICT, 207, "conflict", 409, "It conflicts with the present state.",                      \
      "Read it again and retry.")                                                                  \
    X(USAGE, 208, "usage", 400, "Wrong usage.", "See --help.")                                     \
    X(INVALID, 209, "invalid", 400, "Verification failed.", "See what differs.")                   \
    X(CANNOT_TELL, 210, "cannot-tell", 400, "It cannot be decided with what is here.",             \
      "Supply what is missing.")                                                                   \
    X(PASSPHRASE, 211, "passphrase", 401, "The passphrase is missing or wrong.",                   \
      "Give the right one with --passphrase-file.")                                                \
    X(INCONSISTENT, 212, "inconsistent-log", 422, "The log does not continue what was cosigned.",  \
      "Prove the growth from the size last cosigned; a log that was forked or lost entries "       \
      "cannot.")                                                                                   \
    X(UNAVAILABLE, 400, "unavailable", 503, "The node cannot do this now.",                        \
      "Retry after the named time; see /v1/health.")                                               \
    X(IO, 401, "io-error", 503, "Reading or writing failed.", "See the system's error.")           \
    X(NO_SPACE, 402, "no-space", 503, "The disk is full.", "Free space; the node then goes on.")   \
    X(CORRUPT, 403, "corrupt", 500, "Stored data does not agree with its hash.",                   \
      "Restore from a backup and run qifeng audit.")                                               \
    X(NO_MEMORY, 404, "no-memory", 503, "Memory ran out.", "Retry later.")                         \
    X(CRYPTO, 405, "crypto-failure", 500, "The cryptographic library or device failed.",           \
      "Check the device and its configuration.")                                                   \
    X(NETWORK, 406, "network-failure", 502, "The other side could not be reached.",                \
      "Check the address and the network.")                                                        \
    X(RECEIVER, 407, "receiver-failing", 502, "A webhook's receiver takes no events.",             \
      "See qifeng webhook list; mend the receiver or its settings.")                               \
    X(INVARIANT, 500, "broken-invariant", 500, "The node found itself wrong and stopped.",         \
      "Keep the data directory; run qifeng audit.")

enum qf_status {
#define QF_STATUS_ENUM(sym, num, name, http, title, cure) QF_##sym = (num),
    QF_STATUS_LIST(QF_STATUS_ENUM)
#undef QF_STATUS_ENUM
};

/* Highest number that a log entry may carry. */
#define QF_STATUS_REFUSAL_MAX 199

/* Stable name ("bad-field"), title, cure, HTTP status. An unknown number gives "unknown". */
const char *qf_status_name(enum qf_status status);
const char *qf_status_title(enum qf_status status);
const char *qf_status_cure(enum qf_status status);
int qf_status_http(enum qf_status status);

/* Whether `code`, read from a log or the network, is a number of the table. */
int qf_status_known(long long code);

/* A status with place and reason. Plain data, copied freely; `field` is a path such as
 * "ops[3].hash" or "line 12", `detail` a sentence for a person. Neither ever holds a secret. Both
 * are well-formed UTF-8 without control characters, whatever they quote. */
struct qf_error {
    enum qf_status status;
    char field[96];
    char detail[240];
};

/* Fills `err` (may be NULL) and returns `status`, so that one can write `return qf_fail(…)`. */
enum qf_status qf_fail(struct qf_error *err, enum qf_status status, const char *field,
                       const char *fmt, ...) QF_PRINTF(4, 5);

/* Puts `outer` before the field of `err`: "hash" becomes "ops[3].hash". */
void qf_error_within(struct qf_error *err, const char *fmt, ...) QF_PRINTF(2, 3);

/* Assertion that stays on in release: prints place and expression, then aborts. */
_Noreturn void qf_assert_fail(const char *expr, const char *file, int line);
#define QF_ASSERT(expr) ((expr) ? (void)0 : qf_assert_fail(#expr, __FILE__, __LINE__))

#endif
