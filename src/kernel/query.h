/* Reading the state: what API and CLI show of members, actors, keys, evidence, proposals and
 * settings. Pure functions over a reader; results are JSON in the arena, their texts live as long
 * as the reader's values. False: there is no such thing. */
#ifndef QF_KERNEL_QUERY_H
#define QF_KERNEL_QUERY_H

#include "kernel/kernel.h"

/* The rules of the network, once genesis is in the state. */
bool qf_query_rules(const struct qf_state_reader *reader, struct qf_arena *arena,
                    struct qf_tx_rules *out);

/* {"genesis":"<hex>","id","suite"} */
bool qf_query_network(const struct qf_state_reader *reader, struct qf_arena *arena,
                      struct qf_json *out);
/* {"proposal_ttl_s","quorum_members","vote_yes_den","vote_yes_num","zone"} */
bool qf_query_parameters(const struct qf_state_reader *reader, struct qf_arena *arena,
                         struct qf_json *out);
/* {"holidays":[…],"workdays":[…],"year"} */
bool qf_query_calendar(const struct qf_state_reader *reader, struct qf_arena *arena,
                       struct qf_json *out, int64_t year);
/* {"validators":[{"key","member","power"}…]} of active members; an empty list where none are set.
 */
bool qf_query_validators(const struct qf_state_reader *reader, struct qf_arena *arena,
                         struct qf_json *out);
/* {"ca","id","kind","leaf","name","note_keys","root_key","status","weight"}; what is not set is
 * left out. */
bool qf_query_member(const struct qf_state_reader *reader, struct qf_arena *arena,
                     struct qf_json *out, struct qf_slice id);
/* {"actor","keys":["<kid>"…],"leaf","member","roles"} */
bool qf_query_actor(const struct qf_state_reader *reader, struct qf_arena *arena,
                    struct qf_json *out, struct qf_slice member, struct qf_slice actor);
/* {"actor","alg","ended","jwk","kid","leaf","member","status","successor"} */
bool qf_query_key(const struct qf_state_reader *reader, struct qf_arena *arena, struct qf_json *out,
                  struct qf_slice kid);
/* {"id","leaf","member","op","status":"recorded"|"superseded","superseded_by"}: the entry at `leaf`
 * holds the content as op number `op`. What a service recorded has "by" and "content" besides, and
 * "op" where an op brought it about. */
bool qf_query_evidence(const struct qf_state_reader *reader, struct qf_arena *arena,
                       struct qf_json *out, struct qf_slice id);
/* The proposal's record with its id as "proposal"; an open one past its end at `time_s` shows
 * "status":"expired". */
bool qf_query_proposal(const struct qf_state_reader *reader, struct qf_arena *arena,
                       struct qf_json *out, struct qf_slice id, int64_t time_s);
/* {"commitment","into","leaf","member","status","subject"} */
bool qf_query_subject(const struct qf_state_reader *reader, struct qf_arena *arena,
                      struct qf_json *out, struct qf_slice subject);
/* {"leaf","mandate","member","scope","status","to_actor","to_member","until"} */
bool qf_query_mandate(const struct qf_state_reader *reader, struct qf_arena *arena,
                      struct qf_json *out, struct qf_slice id);

/* {"leaf","service","status","titles","version","versions"} */
bool qf_query_service(const struct qf_state_reader *reader, struct qf_arena *arena,
                      struct qf_json *out, struct qf_slice id);
/* {"actor","case","data":{open fields by name},"decisions","deemed","leaf","member","problem",
 * "service","status","tasks":[as in qf_query_tasks],"timer","version"}; what there is not is left
 * out.
 */
bool qf_query_case(const struct qf_state_reader *reader, struct qf_arena *arena,
                   struct qf_json *out, struct qf_slice id);
/* The steps of a case (spec/state.md; an empty list where there are none) with the service and
 * version that they belong to. */
bool qf_query_case_steps(const struct qf_state_reader *reader, struct qf_arena *arena,
                         struct qf_json *out, struct qf_slice *service, struct qf_slice *version,
                         struct qf_slice id);
/* Open tasks of a work list, by what is due first (what has no end comes last), then by what was
 * opened first:
 * {"case","decision","due","escalated","holder","name","node","opened","role","service","task"}
 * each; what there is not is left out. At least one of role, service and holder is given; a task
 * that was escalated stands in both roles' lists. At most QF_QUERY_SCAN_MAX tasks are looked at:
 * *next is then set though the page is not full. */
#define QF_QUERY_SCAN_MAX 4096
#define QF_QUERY_CASES_MAX 1024 /* the same of cases, each of which is read */
#define QF_QUERY_CURSOR_MAX 128
enum qf_query_held { QF_HELD_ANY, QF_HELD_NONE, QF_HELD_SOME };
struct qf_query_tasks {
    struct qf_slice role, service, holder; /* empty: any */
    enum qf_query_held held;
    int64_t due_before_ms; /* INT64_MAX: any */
    struct qf_slice after; /* a cursor; empty: from the beginning */
    size_t limit;
};
/* `next` empty: there are no more. QF_BAD_FIELD "cursor". */
QF_MUST_CHECK enum qf_status
qf_query_tasks(const struct qf_state_reader *reader, struct qf_arena *arena, struct qf_json *items,
               struct qf_slice *next, const struct qf_query_tasks *query, struct qf_error *err);
/* How many there are, without regard to `after` and `limit`; at most `most` are looked at, and
 * *whole says whether that was all. */
size_t qf_query_task_count(const struct qf_state_reader *reader, struct qf_arena *arena,
                           const struct qf_query_tasks *query, size_t most, bool *whole);

/* Cases of one service (empty: of all, in the order of their ids), of one status (empty: any), the
 * oldest first: what qf_query_case shows, but without data and decisions. */
struct qf_query_cases {
    struct qf_slice service, status;
    struct qf_slice member; /* that opened it; empty: any */
    struct qf_slice after;
    size_t limit;
};
QF_MUST_CHECK enum qf_status
qf_query_cases(const struct qf_state_reader *reader, struct qf_arena *arena, struct qf_json *items,
               struct qf_slice *next, const struct qf_query_cases *query, struct qf_error *err);

/* What the entry at `leaf` brought about that none of its ops names, in order: first what time did,
 * then what followed from each op. An array of what the kernel left (kernel/context.h), each with
 * its "number" and, where an op brought it about, that op's index as "of". */
struct qf_json qf_query_effects(const struct qf_state_reader *reader, struct qf_arena *arena,
                                uint64_t leaf);

/* When the next thing falls due; INT64_MAX when nothing does. */
int64_t qf_query_next_due(const struct qf_state_reader *reader);

/* Ids of the things of a listed kind, ascending from after `after` (may be empty), at most `limit`:
 * an array of texts. For actors `within` is the member, else empty. */
enum qf_query_list_kind {
    QF_LIST_MEMBERS,
    QF_LIST_ACTORS,
    QF_LIST_PROPOSALS,
    QF_LIST_MANDATES,
    QF_LIST_CALENDARS,
    QF_LIST_SERVICES,
};
struct qf_query_page {
    struct qf_slice within;
    struct qf_slice after;
    size_t limit;
};
struct qf_json qf_query_list(const struct qf_state_reader *reader, struct qf_arena *arena,
                             enum qf_query_list_kind kind, const struct qf_query_page *page);

#endif
