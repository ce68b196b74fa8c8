/* The events that ops leave for subscribers: one list, so that what can be subscribed to is known
 * and documented. Names are part of the interface (spec/operations.md) and never change meaning. */
#ifndef QF_KERNEL_EVENTS_H
#define QF_KERNEL_EVENTS_H

/* X(symbol, name, when; its key is the state key of what it is about) */
#define QF_EVENT_LIST(X)                                                                           \
    X(MEMBER_ADMITTED, "consortium.member-admitted", "A member was admitted.")                     \
    X(MEMBER_SUSPENDED, "consortium.member-suspended", "A member was suspended.")                  \
    X(MEMBER_RESUMED, "consortium.member-resumed", "A suspension ended.")                          \
    X(MEMBER_REMOVED, "consortium.member-removed", "A member has left.")                           \
    X(MEMBER_CHANGED, "consortium.member-changed", "Name, weight or keys of a member changed.")    \
    X(VALIDATORS_SET, "consortium.validators-set", "The nodes that order were set.")               \
    X(PARAMETERS_SET, "consortium.parameters-set", "Parameters of the network were set.")          \
    X(CALENDAR_SET, "consortium.calendar-set", "The calendar of a year was set.")                  \
    X(PROPOSED, "consortium.proposed", "An action was put to the vote.")                           \
    X(VOTED, "consortium.voted", "A member voted.")                                                \
    X(PASSED, "consortium.passed", "A proposal passed; its action was done.")                      \
    X(REJECTED, "consortium.rejected", "A proposal can no longer pass.")                           \
    X(WITHDRAWN, "consortium.withdrawn", "A proposal was taken back.")                             \
    X(ACTOR_ADDED, "identity.actor-added", "A member has a new actor.")                            \
    X(KEY_ADDED, "identity.key-added", "An actor has a new key.")                                  \
    X(KEY_ROTATED, "identity.key-rotated", "A key was replaced.")                                  \
    X(KEY_REVOKED, "identity.key-revoked", "A key was revoked.")                                   \
    X(ROLES_GRANTED, "identity.roles-granted", "An actor was given roles.")                        \
    X(ROLES_REVOKED, "identity.roles-revoked", "An actor lost roles.")                             \
    X(SUBJECT_REGISTERED, "identity.subject-registered", "A subject was registered.")              \
    X(SUBJECT_MERGED, "identity.subject-merged", "A subject was merged into another.")             \
    X(MANDATE_GRANTED, "identity.mandate-granted", "A mandate was given.")                         \
    X(MANDATE_REVOKED, "identity.mandate-revoked", "A mandate was ended.")                         \
    X(EVIDENCE_RECORDED, "evidence.recorded", "A record was made.")                                \
    X(EVIDENCE_BATCH_RECORDED, "evidence.batch-recorded", "A batch was recorded.")                 \
    X(EVIDENCE_SUPERSEDED, "evidence.superseded", "A record was superseded.")                      \
    X(SERVICE_DEPLOYED, "service.deployed", "A version of a service came into force.")             \
    X(SERVICE_SUSPENDED, "service.suspended", "A service takes no new cases.")                     \
    X(SERVICE_RESUMED, "service.resumed", "A suspension ended.")                                   \
    X(SERVICE_RETIRED, "service.retired", "A service was ended for good.")                         \
    X(SERVICE_MIGRATED, "service.migrated",                                                        \
      "All cases that were to be moved have been looked at.")                                      \
    X(CASE_MIGRATED, "service.case-migrated", "A case was brought to another version.")            \
    X(CASE_STAYS, "service.case-stays", "A case could not be brought to another version.")         \
    X(CASE_OPENED, "service.case-opened", "A case was opened.")                                    \
    X(TASK_CLAIMED, "service.task-claimed", "A task of the case was claimed.")                     \
    X(TASK_RELEASED, "service.task-released", "A task of the case was given back.")                \
    X(TASK_DELEGATED, "service.task-delegated", "A task of the case was given to somebody.")       \
    X(TASK_COMPLETED, "service.task-completed", "A task of the case was completed.")               \
    X(DECISION_RECORDED, "service.decision-recorded", "A sealed decision was recorded.")           \
    X(CASE_MESSAGE, "service.case-message", "The case received a message.")                        \
    X(MESSAGE_SENT, "service.message-sent", "The case sent a message.")                            \
    X(CASE_UNPLANNED, "service.case-unplanned",                                                    \
      "Something was done that the process does not say.")                                         \
    X(ACTIVITY_BEGUN, "service.activity-begun", "An activity was begun by hand.")                  \
    X(MESSAGE_UNDELIVERED, "service.message-undelivered", "Nobody took what the case sent.")       \
    X(CASE_APPEALED, "service.case-appealed", "A case was opened that hears an appeal.")           \
    X(CASE_TIMER, "service.case-timer", "Something fell due in the case.")                         \
    X(TASK_DEEMED, "service.task-deemed",                                                          \
      "A deadline passed: the task counts as approved or not.")                                    \
    X(TASK_ESCALATED, "service.task-escalated", "A deadline passed: another role sees the task.")  \
    X(CASE_HALTED, "service.case-halted", "What fell due in the case could not be done.")          \
    X(CASE_DONE, "service.case-done", "The case came to its end.")                                 \
    X(CASE_FAILED, "service.case-failed", "The case ended with an error that nothing catches.")    \
    X(CASE_WITHDRAWN, "service.case-withdrawn", "The case was withdrawn.")

enum qf_event {
#define QF_EVENT_ENUM(sym, name, doc) QF_EVENT_##sym,
    QF_EVENT_LIST(QF_EVENT_ENUM)
#undef QF_EVENT_ENUM
        QF_EVENT_COUNT
};

const char *qf_event_name(enum qf_event event);

#endif
