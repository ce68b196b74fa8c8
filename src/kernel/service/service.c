#include "kernel/service/service.h"

#include "codec/text.h"

static const struct qf_field id_item = {.type = QF_FIELD_ID};
static const struct qf_field text_item = {.type = QF_FIELD_TEXT, .min = 1, .max = 128};

#define CASE                                                                                       \
    {                                                                                              \
        .name = "case", .doc = "Id of the case.", .type = QF_FIELD_MEMBER                          \
    }
#define DATA                                                                                       \
    {                                                                                              \
        .name = "data",                                                                            \
        .doc = "Form data by the names of the service's fields; of sealed ones the commitment.",   \
        .type = QF_FIELD_DATA, .optional = true, .max = QF_SERVICE_DATA_MAX                        \
    }
#define FLOWS                                                                                      \
    {                                                                                              \
        .name = "flows", .doc = "Ids of the flows chosen at the gateways that follow, in order.",  \
        .type = QF_FIELD_LIST, .optional = true, .max = QF_SERVICE_FLOWS_MAX, .item = &id_item     \
    }
#define ON_BEHALF                                                                                  \
    {                                                                                              \
        .name = "on_behalf",                                                                       \
        .doc = "Id of the mandate by which the signer acts for another member.",                   \
        .type = QF_FIELD_ID, .optional = true                                                      \
    }
#define IMPORTED                                                                                   \
    {                                                                                              \
        .name = "imported",                                                                        \
        .doc = "What another system said of the step, where the manifest says imported.",          \
        .type = QF_FIELD_OBJECT, .optional = true, .fields = QF_FIELDS(imported_fields)            \
    }
#define HASH                                                                                       \
    {                                                                                              \
        .name = "hash", .doc = "Hash of the whole package.", .type = QF_FIELD_HASH                 \
    }
#define SERVICE                                                                                    \
    {                                                                                              \
        .name = "service", .doc = "Id of the service.", .type = QF_FIELD_MEMBER                    \
    }
#define TASK                                                                                       \
    {                                                                                              \
        .name = "task", .doc = "Number of the task within the case.", .type = QF_FIELD_INT,        \
        .min = 1, .max = UINT32_MAX                                                                \
    }

static const struct qf_field part_fields[] = {
    {.name = "data",
     .doc = "The part, in base64; 30,000 bytes, the last one may be shorter.",
     .type = QF_FIELD_TEXT,
     .min = 4,
     .max = QF_BASE64_SIZE((int64_t)QF_SERVICE_PART_SIZE_MAX)},
    HASH,
    {.name = "part",
     .doc = "Its number, from 0.",
     .type = QF_FIELD_INT,
     .max = QF_SERVICE_PARTS_MAX - 1},
};
static const struct qf_field imported_fields[] = {
    {.name = "attributes",
     .doc = "By the names of XES, such as org:group.",
     .type = QF_FIELD_ATTRIBUTES,
     .optional = true,
     .max = QF_ATTRIBUTES_MAX},
    {.name = "time",
     .doc = "When it happened: date and time as XES writes them, with the offset they had.",
     .type = QF_FIELD_TEXT,
     .optional = true,
     .min = 19,
     .max = 40},
};
static const struct qf_field open_fields[] = {CASE, DATA, FLOWS, IMPORTED, ON_BEHALF, SERVICE};
static const struct qf_field task_fields[] = {CASE, ON_BEHALF, TASK};
static const struct qf_field delegate_fields[] = {
    CASE,
    ON_BEHALF,
    TASK,
    {.name = "to", .doc = "Actor of the same member who gets it.", .type = QF_FIELD_ID},
};
static const struct qf_field complete_fields[] = {CASE, DATA, FLOWS, IMPORTED, ON_BEHALF, TASK};
static const struct qf_field begin_fields[] = {
    {.name = "activity", .doc = "Id of the activity in the process.", .type = QF_FIELD_ID},
    CASE,
    ON_BEHALF,
    TASK,
};
static const struct qf_field unplanned_fields[] = {
    {.name = "activity",
     .doc = "What was done.",
     .type = QF_FIELD_TEXT,
     .min = 1,
     .max = QF_SERVICE_ACTIVITY_SIZE_MAX},
    CASE,
    DATA,
    IMPORTED,
    ON_BEHALF,
};
static const struct qf_field withdraw_fields[] = {CASE, ON_BEHALF};
static const struct qf_field record_fields[] = {
    CASE,
    {.name = "inputs",
     .doc = "What it was decided on, by the decision's inputs: values of open fields, commitments "
            "of sealed ones. They must be what stands in the case.",
     .type = QF_FIELD_DATA,
     .max = QF_SERVICE_DATA_MAX},
    ON_BEHALF,
    {.name = "outcome",
     .doc = "The outcome, of the decision's type; a commitment where the variable that takes it "
            "is a sealed field.",
     .type = QF_FIELD_VALUE},
    TASK,
    {.name = "time",
     .doc = "What now() gave, Unix milliseconds; within the hour before the block.",
     .type = QF_FIELD_INT,
     .min = 1,
     .max = QF_JSON_INT_MAX},
    {.name = "trace",
     .doc = "sha-256: and the hash of the canonical trace, in hex.",
     .type = QF_FIELD_TEXT,
     .min = 72,
     .max = 72},
};
static const struct qf_field appeal_fields[] = {
    {.name = "appeal", .doc = "Id of the new case that hears it.", .type = QF_FIELD_MEMBER},
    CASE,
    DATA,
    FLOWS,
    ON_BEHALF,
};
static const struct qf_field message_fields[] = {
    CASE,
    DATA,
    FLOWS,
    IMPORTED,
    {.name = "name",
     .doc = "Name of the message.",
     .type = QF_FIELD_TEXT,
     .min = 1,
     .max = QF_ID_SIZE_MAX},
    ON_BEHALF,
};

static const struct qf_may council[] = {{.roles = QF_ROLE_COUNCIL}};
static const struct qf_may participant[] = {{.relation = QF_TO_PARTICIPANT}};
/* Whoever opened it, or has the role: for withdrawing and for appeals. */
static const struct qf_may withdrawing[] = {{.relation = QF_TO_OWN_MEMBER},
                                            {.relation = QF_TO_PARTICIPANT}};
static const struct qf_may holder_or_lead[] = {{.relation = QF_TO_SELF}, {.relation = QF_TO_LEAD}};

static const struct qf_op_row ops[] = {
    {.name = "service.part",
     .doc = "Puts a part of a service package onto the ledger, or replaces it. When all parts are "
            "there, service.deploy can be proposed.",
     .fields = QF_FIELDS(part_fields),
     QF_MAY(council),
     .apply = qf_service_part},
    {.name = "service.case.open",
     .doc =
         "Opens a case on the current version of a service; by the roles that the manifest names "
         "for it, else by who plays the role in whose lane the process starts.",
     .fields = QF_FIELDS(open_fields),
     QF_MAY(participant),
     .target = qf_service_target_open,
     .apply = qf_service_case_open},
    {.name = "service.task.claim",
     .doc = "Takes a task, so that nobody else completes it. A task may also be completed without.",
     .fields = QF_FIELDS(task_fields),
     QF_MAY(participant),
     .target = qf_service_target_task,
     .apply = qf_service_task_claim},
    {.name = "service.task.release",
     .doc = "Gives a claimed task back; by the person who holds it.",
     .fields = QF_FIELDS(task_fields),
     QF_MAY(participant),
     .target = qf_service_target_task,
     .apply = qf_service_task_release},
    {.name = "service.task.delegate",
     .doc =
         "Gives a task to another actor of the signer's member who plays the role; by the person "
         "who holds it, or who leads those in the role (lead_role of the manifest).",
     .fields = QF_FIELDS(delegate_fields),
     QF_MAY(holder_or_lead),
     .target = qf_service_target_delegate,
     .apply = qf_service_task_delegate},
    {.name = "service.task.complete",
     .doc = "Completes a task with its form's data. What follows without waiting happens in the "
            "same step: decisions, conditions, scripts.",
     .fields = QF_FIELDS(complete_fields),
     QF_MAY(participant),
     .target = qf_service_target_task,
     .apply = qf_service_task_complete},
    {.name = "service.task.begin",
     .doc = "Begins an activity of an ad-hoc subprocess; the task is the subprocess itself, and "
            "completing it ends it.",
     .fields = QF_FIELDS(begin_fields),
     QF_MAY(participant),
     .target = qf_service_target_task,
     .apply = qf_service_task_begin},
    {.name = "service.case.unplanned",
     .doc = "Records that something was done which the process does not allow at this point, where "
            "the manifest permits it; by any participant. It moves no token and stands as a "
            "deviation, with who did it.",
     .fields = QF_FIELDS(unplanned_fields),
     QF_MAY(participant),
     .target = qf_service_target_unplanned,
     .apply = qf_service_case_unplanned},
    {.name = "service.decision.record",
     .doc = "Records what a decision over sealed fields came to, by who plays the role in whose "
            "lane it stands and holds the values. The case goes on with the outcome. Anybody to "
            "whom values and salts are shown can make the decision again.",
     .fields = QF_FIELDS(record_fields),
     QF_MAY(participant),
     .target = qf_service_target_decision,
     .apply = qf_service_decision_record},
    {.name = "service.case.withdraw",
     .doc = "Withdraws a running case; by the member that opened it, and by the roles that the "
            "manifest names for it.",
     .fields = QF_FIELDS(withdraw_fields),
     QF_MAY(withdrawing),
     .target = qf_service_target_withdraw,
     .apply = qf_service_case_withdraw},
    {.name = "service.case.appeal",
     .doc = "Appeals against a case that is done, within the term that the manifest gives: opens a "
            "case of the same version that hears it. By the member that opened the case, and by "
            "the roles that the manifest names for it. Once for each case.",
     .fields = QF_FIELDS(appeal_fields),
     QF_MAY(withdrawing),
     .target = qf_service_target_appeal,
     .apply = qf_service_case_appeal},
    {.name = "service.case.message",
     .doc = "Sends a message that the case waits for; by the roles that the manifest names for it, "
            "else by any participant of the service.",
     .fields = QF_FIELDS(message_fields),
     QF_MAY(participant),
     .target = qf_service_target_message,
     .apply = qf_service_case_message},
};

static const struct qf_field deploy_fields[] = {
    {.name = "capabilities",
     .doc = "What the service may act on besides its own cases.",
     .type = QF_FIELD_LIST,
     .optional = true,
     .max = 64,
     .item = &text_item},
    HASH,
    {.name = "member",
     .doc = "The member that has put the parts onto the ledger.",
     .type = QF_FIELD_MEMBER},
    SERVICE,
    {.name = "version", .doc = "Version that the package has.", .type = QF_FIELD_MEMBER},
};
static const struct qf_field service_fields[] = {SERVICE};

static const struct qf_field migrate_fields[] = {
    {.name = "from", .doc = "Version that the cases are on.", .type = QF_FIELD_MEMBER},
    SERVICE,
    {.name = "to", .doc = "Version that they are brought to.", .type = QF_FIELD_MEMBER},
};

static const struct qf_action_row actions[] = {
    {.name = "service.deploy",
     .doc = "Puts a version of a service into force; new cases open on it. The package is checked "
            "when this is proposed.",
     .fields = QF_FIELDS(deploy_fields),
     .apply = qf_service_deploy},
    {.name = "service.migrate",
     .doc =
         "Brings the running cases of one version of a service to another one, a portion in each "
         "block. A case that the new version has no place for stays, and says why.",
     .fields = QF_FIELDS(migrate_fields),
     .apply = qf_service_migrate},
    {.name = "service.suspend",
     .doc = "Stops new cases of a service; running ones go on.",
     .fields = QF_FIELDS(service_fields),
     .apply = qf_service_suspend},
    {.name = "service.resume",
     .doc = "Ends a suspension of a service.",
     .fields = QF_FIELDS(service_fields),
     .apply = qf_service_resume},
    {.name = "service.retire",
     .doc = "Ends a service for good: no new cases and no new versions; running cases go on.",
     .fields = QF_FIELDS(service_fields),
     .apply = qf_service_retire},
};

const struct qf_module qf_module_service = {
    .name = "service",
    .doc = "Services deployed by vote; cases, tasks and messages on them.",
    .ops = ops,
    .op_count = sizeof ops / sizeof ops[0],
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
};
