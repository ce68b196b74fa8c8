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
/* {"proposal_ttl_s","quorum_members","vote_yes_den","vote_yes_num"} */
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
 * holds the content as op number `op`. */
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

/* {"leaf","service","status","version","versions"} */
bool qf_query_service(const struct qf_state_reader *reader, struct qf_arena *arena,
                      struct qf_json *out, struct qf_slice id);
/* {"actor","case","data":{open fields by name},"decisions","deemed","leaf","member","problem",
 * "service","status","timer","version"}; what there is not is left out. */
bool qf_query_case(const struct qf_state_reader *reader, struct qf_arena *arena,
                   struct qf_json *out, struct qf_slice id);
/* The steps of a case (spec/state.md; an empty list where there are none) with the service and
 * version that they belong to. */
bool qf_query_case_steps(const struct qf_state_reader *reader, struct qf_arena *arena,
                         struct qf_json *out, struct qf_slice *service, struct qf_slice *version,
                         struct qf_slice id);
/* One task of a role's work list; `id` is "case/number":
 * {"case","due","holder","name","node","opened","role","service","task"} */
bool qf_query_task(const struct qf_state_reader *reader, struct qf_arena *arena,
                   struct qf_json *out, struct qf_slice role, struct qf_slice id);

/* Ids of the things of a listed kind, ascending from after `after` (may be empty), at most `limit`:
 * an array of texts. For actors `within` is the member, for tasks the role, else empty. */
enum qf_query_list_kind {
    QF_LIST_MEMBERS,
    QF_LIST_ACTORS,
    QF_LIST_PROPOSALS,
    QF_LIST_MANDATES,
    QF_LIST_CALENDARS,
    QF_LIST_SERVICES,
    QF_LIST_CASES,
    QF_LIST_TASKS, /* "case/number" */
};
struct qf_query_page {
    struct qf_slice within;
    struct qf_slice after;
    size_t limit;
};
struct qf_json qf_query_list(const struct qf_state_reader *reader, struct qf_arena *arena,
                             enum qf_query_list_kind kind, const struct qf_query_page *page);

#endif
