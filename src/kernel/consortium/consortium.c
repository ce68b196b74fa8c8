#include "kernel/consortium/consortium.h"

static const struct qf_field text_item = {.type = QF_FIELD_TEXT, .min = 1, .max = 256};
static const struct qf_field role_item = {.type = QF_FIELD_TEXT, .min = 1, .max = QF_WORD_SIZE_MAX};
static const struct qf_field date_item = {.type = QF_FIELD_DATE};

#define ACTOR                                                                                      \
    {                                                                                              \
        .name = "actor", .doc = "Id of the actor.", .type = QF_FIELD_ID                            \
    }
#define KEY                                                                                        \
    {                                                                                              \
        .name = "key", .doc = "His public key.", .type = QF_FIELD_JWK                              \
    }
#define ADMIN_ROLES                                                                                \
    {                                                                                              \
        .name = "roles", .doc = "His roles besides admin; without this field: council.",           \
        .type = QF_FIELD_LIST, .optional = true, .max = QF_ROLES_MAX - 1, .item = &role_item       \
    }
#define CA                                                                                         \
    {                                                                                              \
        .name = "ca", .doc = "The member's X.509 CA certificate.", .type = QF_FIELD_DER,           \
        .optional = true, .min = 1, .max = QF_DER_SIZE_MAX                                         \
    }
#define NOTE_KEYS                                                                                  \
    {                                                                                              \
        .name = "note_keys",                                                                       \
        .doc = "C2SP verifier keys with which the member's nodes sign checkpoints.",               \
        .type = QF_FIELD_LIST, .optional = true, .max = 16, .item = &text_item                     \
    }
#define ROOT_KEY                                                                                   \
    {                                                                                              \
        .name = "root_key", .doc = "The member's root public key, where it has no CA.",            \
        .type = QF_FIELD_JWK, .optional = true                                                     \
    }
#define MEMBER                                                                                     \
    {                                                                                              \
        .name = "member", .doc = "Id of the member.", .type = QF_FIELD_MEMBER                      \
    }
#define NAME(optional_)                                                                            \
    {                                                                                              \
        .name = "name", .doc = "Its name, for people.", .type = QF_FIELD_TEXT,                     \
        .optional = (optional_), .min = 1, .max = 256                                              \
    }
#define WEIGHT(optional_)                                                                          \
    {                                                                                              \
        .name = "weight", .doc = "Its weight in votes; 0: it has none.", .type = QF_FIELD_INT,     \
        .optional = (optional_), .max = QF_MEMBER_WEIGHT_MAX                                       \
    }

static const struct qf_field admin_fields[] = {ACTOR, KEY, ADMIN_ROLES};

static const struct qf_field actor_fields[] = {
    ACTOR,
    KEY,
    {.name = "roles",
     .doc = "His roles; without this field: none.",
     .type = QF_FIELD_LIST,
     .optional = true,
     .max = QF_ROLES_MAX,
     .item = &role_item},
};
static const struct qf_field actor_item = {.type = QF_FIELD_OBJECT,
                                           .fields = QF_FIELDS(actor_fields)};

static const struct qf_field member_fields[] = {
    {.name = "actors",
     .doc = "Further actors from the start: people, or systems such as its time-stamping clock.",
     .type = QF_FIELD_LIST,
     .optional = true,
     .max = QF_FIRST_ACTORS_MAX,
     .item = &actor_item},
    {.name = "admin",
     .doc = "The first actor, who brings in all others.",
     .type = QF_FIELD_OBJECT,
     .fields = QF_FIELDS(admin_fields)},
    CA,
    {.name = "id", .doc = "Id of the member; never used again.", .type = QF_FIELD_MEMBER},
    {.name = "kind",
     .doc = "What it is.",
     .type = QF_FIELD_CHOICE,
     .choices = qf_member_kind_names},
    NAME(false),
    NOTE_KEYS,
    ROOT_KEY,
    WEIGHT(false),
};

static const struct qf_field member_only[] = {MEMBER};
static const struct qf_field change_fields[] = {CA,        MEMBER,   NAME(true),
                                                NOTE_KEYS, ROOT_KEY, WEIGHT(true)};
static const struct qf_field appoint_fields[] = {ACTOR, KEY, MEMBER, ADMIN_ROLES};

static const struct qf_field validator_fields[] = {
    {.name = "key", .doc = "The node's consensus key.", .type = QF_FIELD_NODE_KEY},
    MEMBER,
    {.name = "power",
     .doc = "Its voting power in ordering.",
     .type = QF_FIELD_INT,
     .min = 1,
     .max = QF_MEMBER_WEIGHT_MAX},
};
static const struct qf_field validator_item = {.type = QF_FIELD_OBJECT,
                                               .fields = QF_FIELDS(validator_fields)};
static const struct qf_field validators_fields[] = {
    {.name = "validators",
     .doc = "The whole new set; nodes of members that are not active do not count.",
     .type = QF_FIELD_LIST,
     .max = QF_VALIDATORS_MAX,
     .item = &validator_item},
};

static const struct qf_field parameter_fields[] = {
    {.name = "proposal_ttl_s",
     .doc = "Seconds until a proposal expires, unless it says earlier.",
     .type = QF_FIELD_INT,
     .optional = true,
     .min = 60,
     .max = 366LL * 86400},
    {.name = "quorum_members",
     .doc = "Active members with weight that there must always be.",
     .type = QF_FIELD_INT,
     .optional = true,
     .min = 1,
     .max = QF_MEMBERS_MAX},
    {.name = "vote_yes_den",
     .doc = "A proposal passes when the weight of yes is above vote_yes_num / vote_yes_den of all.",
     .type = QF_FIELD_INT,
     .optional = true,
     .min = 1,
     .max = 1000},
    {.name = "vote_yes_num",
     .doc = "See vote_yes_den.",
     .type = QF_FIELD_INT,
     .optional = true,
     .max = 1000},
    {.name = "zone",
     .doc = "Time zone in which days begin and end, such as Asia/Shanghai; one whose offset from "
            "UTC does not change in the course of a year.",
     .type = QF_FIELD_TEXT,
     .optional = true,
     .min = 1,
     .max = 64},
};
const struct qf_fields qf_parameter_fields = QF_FIELDS(parameter_fields);

static const struct qf_field calendar_fields[] = {
    {.name = "holidays",
     .doc = "Days without work besides Saturdays and Sundays.",
     .type = QF_FIELD_LIST,
     .max = 366,
     .item = &date_item},
    {.name = "workdays",
     .doc = "Saturdays and Sundays on which work is done.",
     .type = QF_FIELD_LIST,
     .max = 105,
     .item = &date_item},
    {.name = "year", .doc = "The year.", .type = QF_FIELD_INT, .min = 1949, .max = 9999},
};

static const struct qf_field genesis_calendar_item = {.type = QF_FIELD_OBJECT,
                                                      .fields = QF_FIELDS(calendar_fields)};
static const struct qf_field genesis_member_item = {.type = QF_FIELD_OBJECT,
                                                    .fields = QF_FIELDS(member_fields)};
static const char *const genesis_formats[] = {"qf-genesis-1", NULL};
static const char *const suites[] = {"intl", "gm", NULL};
static const struct qf_field genesis_fields[] = {
    {.name = "calendars",
     .doc = "Working-day calendars, one a year.",
     .type = QF_FIELD_LIST,
     .optional = true,
     .max = 50,
     .item = &genesis_calendar_item},
    {.name = "format",
     .doc = "The form of this document.",
     .type = QF_FIELD_CHOICE,
     .choices = genesis_formats},
    {.name = "members",
     .doc = "The founding members.",
     .type = QF_FIELD_LIST,
     .min = 1,
     .max = QF_MEMBERS_MAX,
     .item = &genesis_member_item},
    {.name = "network",
     .doc = "Id of the network: net of every transaction, origin of every checkpoint.",
     .type = QF_FIELD_ID},
    {.name = "parameters",
     .doc = "Those that differ from the first values.",
     .type = QF_FIELD_OBJECT,
     .optional = true,
     .fields = QF_FIELDS(parameter_fields)},
    {.name = "suite",
     .doc = "Algorithms of the network: intl (SHA-256, P-256, Ed25519) or gm (SM3, SM2).",
     .type = QF_FIELD_CHOICE,
     .choices = suites},
    {.name = "time",
     .doc = "When the network was founded, Unix milliseconds.",
     .type = QF_FIELD_INT,
     .max = QF_JSON_INT_MAX},
    {.name = "validators",
     .doc = "The first validators; none where one node orders alone.",
     .type = QF_FIELD_LIST,
     .optional = true,
     .max = QF_VALIDATORS_MAX,
     .item = &validator_item},
};
const struct qf_fields qf_genesis_fields = QF_FIELDS(genesis_fields);

static const struct qf_field propose_fields[] = {
    {.name = "action",
     .doc = "What is to be done when the proposal passes; see Actions.",
     .type = QF_FIELD_ACTION},
    {.name = "expires",
     .doc = "Until when votes count, Unix seconds; at most proposal_ttl_s ahead.",
     .type = QF_FIELD_INT,
     .optional = true,
     .min = 1,
     .max = 253402300799},
    {.name = "proposal", .doc = "Id of the new proposal.", .type = QF_FIELD_ID},
    {.name = "reason",
     .doc = "Why, for those who vote.",
     .type = QF_FIELD_TEXT,
     .optional = true,
     .max = QF_TEXT_SIZE_MAX},
};

static const char *const choices[] = {"yes", "no", NULL};
static const struct qf_field vote_fields[] = {
    {.name = "choice", .doc = "The vote.", .type = QF_FIELD_CHOICE, .choices = choices},
    {.name = "proposal", .doc = "The proposal.", .type = QF_FIELD_ID},
};
static const struct qf_field withdraw_fields[] = {
    {.name = "proposal", .doc = "The proposal.", .type = QF_FIELD_ID},
};

static const struct qf_may council[] = {{.roles = QF_ROLE_COUNCIL}};
static const struct qf_may proposing_council[] = {
    {.roles = QF_ROLE_COUNCIL, .relation = QF_TO_OWN_MEMBER}};

static const struct qf_op_row ops[] = {
    {.name = "consortium.propose",
     .doc = "Puts an action to the vote. An action that could not be done now is refused with the "
            "reason. Proposing is not voting.",
     .fields = QF_FIELDS(propose_fields),
     QF_MAY(council),
     .apply = qf_consortium_propose},
    {.name = "consortium.vote",
     .doc = "Gives the vote of the signer's member, once. The vote that decides does the action "
            "in the same step; when the action cannot be done, that vote is refused with the "
            "reason.",
     .fields = QF_FIELDS(vote_fields),
     QF_MAY(council),
     .apply = qf_consortium_vote},
    {.name = "consortium.withdraw",
     .doc = "Takes an open proposal back; by the member that made it.",
     .fields = QF_FIELDS(withdraw_fields),
     QF_MAY(proposing_council),
     .target = qf_consortium_target_proposal,
     .apply = qf_consortium_withdraw},
};

static const struct qf_action_row actions[] = {
    {.name = "member.admit",
     .doc = "Admits a member with its first actor.",
     .fields = QF_FIELDS(member_fields),
     .apply = qf_member_admit},
    {.name = "member.suspend",
     .doc = "Suspends a member: from this record on nothing that its actors sign is accepted.",
     .fields = QF_FIELDS(member_only),
     .apply = qf_member_suspend},
    {.name = "member.resume",
     .doc = "Ends a suspension.",
     .fields = QF_FIELDS(member_only),
     .apply = qf_member_resume},
    {.name = "member.remove",
     .doc = "Removes a member for good; its records stay.",
     .fields = QF_FIELDS(member_only),
     .apply = qf_member_remove},
    {.name = "member.change",
     .doc = "Changes name, weight, certificate or keys of a member; what is not given stays.",
     .fields = QF_FIELDS(change_fields),
     .apply = qf_member_change},
    {.name = "member.appoint",
     .doc = "Gives a member an admin with a new key, when it has lost its own.",
     .fields = QF_FIELDS(appoint_fields),
     .apply = qf_member_appoint},
    {.name = "validators.set",
     .doc = "Sets the nodes that order, with their power.",
     .fields = QF_FIELDS(validators_fields),
     .apply = qf_validators_set},
    {.name = "parameters.set",
     .doc = "Sets parameters of the network; what is not given stays.",
     .fields = QF_FIELDS(parameter_fields),
     .apply = qf_parameters_set},
    {.name = "calendar.set",
     .doc = "Sets the working-day calendar of a year.",
     .fields = QF_FIELDS(calendar_fields),
     .apply = qf_calendar_set},
};

const struct qf_module qf_module_consortium = {
    .name = "consortium",
    .doc = "Members, validators, parameters and calendar, changed by vote.",
    .ops = ops,
    .op_count = sizeof ops / sizeof ops[0],
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
};
