/* The tables for service.yaml, the texts and scenario.yaml; spec/service.md in the same order. */
#include "service/shape.h"

#define SHAPE static const struct qf_shape
#define MEMBERS static const struct qf_shape_member
#define OBJECT(table)                                                                              \
    {                                                                                              \
        .kind = QF_SHAPE_OBJECT, .members = (table)                                                \
    }
#define LIST(shape, least, most)                                                                   \
    {                                                                                              \
        .kind = QF_SHAPE_LIST, .of = &(shape), .min = (least), .max = (most)                       \
    }
#define MAP(shape, most)                                                                           \
    {                                                                                              \
        .kind = QF_SHAPE_MAP, .of = &(shape), .max = (most)                                        \
    }
#define INTEGER(least, most)                                                                       \
    {                                                                                              \
        .kind = QF_SHAPE_INT, .min = (least), .max = (most)                                        \
    }

const struct qf_shape qf_shape_any = {.kind = QF_SHAPE_ANY};
const struct qf_shape qf_shape_id = {.kind = QF_SHAPE_ID};
const struct qf_shape qf_shape_switch = {.kind = QF_SHAPE_SWITCH};
const struct qf_shape qf_shape_text = {.kind = QF_SHAPE_TEXT};
SHAPE title = {.kind = QF_SHAPE_TEXT, .max = 1000};
MEMBERS titles_members[] = {{"en", &title, true}, {"zh", &title, true}, {0}};
const struct qf_shape qf_shape_titles = OBJECT(titles_members);

/* ---- service.yaml ---- */

static const char *const categories[] = {"sharing", "collaboration", "certificate", NULL};
static const char *const kinds[] = {"authority", "court", "auditor", "enterprise", NULL};
static const char *const calendars[] = {"working", "calendar", NULL};
static const char *const types[] = {"Any",
                                    "string",
                                    "number",
                                    "boolean",
                                    "date",
                                    "time",
                                    "date and time",
                                    "dateTime",
                                    "years and months duration",
                                    "yearMonthDuration",
                                    "days and time duration",
                                    "day and time duration",
                                    "dayTimeDuration",
                                    "list",
                                    "context",
                                    NULL};
SHAPE category = {.kind = QF_SHAPE_CHOICE, .choices = categories};
SHAPE member_kind = {.kind = QF_SHAPE_CHOICE, .choices = kinds};
SHAPE calendar = {.kind = QF_SHAPE_CHOICE, .choices = calendars};
SHAPE type = {.kind = QF_SHAPE_CHOICE, .choices = types};
SHAPE ids = LIST(qf_shape_id, 1, 256);
SHAPE roles = LIST(qf_shape_id, 1, 64);
SHAPE member_kinds = LIST(member_kind, 1, 4);
SHAPE days = INTEGER(1, 3660);
SHAPE many = INTEGER(0, 1000);
SHAPE long_days = INTEGER(0, 10000);
SHAPE field_size = INTEGER(1, QF_TEXT_SIZE_MAX);
SHAPE short_text = {.kind = QF_SHAPE_TEXT, .max = 128};
SHAPE role_text = {.kind = QF_SHAPE_TEXT, .max = 64};

MEMBERS law_members[] = {
    {"clause", &title, false}, {"titles", &qf_shape_titles, true}, {"url", &title, false}, {0}};
SHAPE law = OBJECT(law_members);
SHAPE laws = LIST(law, 1, 64);
MEMBERS participant_members[] = {{"actor_role", &role_text, false},
                                 {"kinds", &member_kinds, false},
                                 {"lead_role", &role_text, false},
                                 {"members", &ids, false},
                                 {"role", &qf_shape_id, true},
                                 {"titles", &qf_shape_titles, true},
                                 {0}};
SHAPE participant = OBJECT(participant_members);
SHAPE participants = LIST(participant, 1, 256);
MEMBERS message_members[] = {{"form", &title, false},
                             {"from", &roles, false},
                             {"services", &ids, false},
                             {"titles", &qf_shape_titles, true},
                             {0}};
SHAPE message = OBJECT(message_members);
SHAPE messages = MAP(message, 64);
MEMBERS field_members[] = {{"max", &field_size, false},
                           {"sealed", &qf_shape_switch, false},
                           {"titles", &qf_shape_titles, true},
                           {"type", &type, true},
                           {0}};
SHAPE field = OBJECT(field_members);
SHAPE fields = MAP(field, QF_SERVICE_FIELDS_MAX);
SHAPE capabilities = LIST(short_text, 0, 64);
MEMBERS deadline_members[] = {{"calendar", &calendar, true}, {"days", &days, true}, {0}};
SHAPE deadline = OBJECT(deadline_members);
MEMBERS appeal_members[] = {{"by", &roles, true},
                            {"calendar", &calendar, true},
                            {"days", &days, true},
                            {"start", &title, true},
                            {0}};
SHAPE appeal = OBJECT(appeal_members);
MEMBERS baseline_members[] = {
    {"days", &long_days, true}, {"materials", &many, true}, {"visits", &many, true}, {0}};
SHAPE baseline = OBJECT(baseline_members);

MEMBERS service_members[] = {{"about", &qf_shape_titles, false},
                             {"appeal", &appeal, false},
                             {"baseline", &baseline, true},
                             {"capabilities", &capabilities, false},
                             {"category", &category, true},
                             {"deadline", &deadline, false},
                             {"fields", &fields, false},
                             {"id", &qf_shape_id, true},
                             {"imported", &qf_shape_switch, false},
                             {"legal_basis", &laws, true},
                             {"messages", &messages, false},
                             {"open", &roles, false},
                             {"participants", &participants, true},
                             {"titles", &qf_shape_titles, true},
                             {"unplanned", &qf_shape_switch, false},
                             {"version", &qf_shape_id, true},
                             {"withdraw", &roles, false},
                             {0}};
const struct qf_shape qf_shape_service = OBJECT(service_members);

/* ---- texts ---- */

MEMBERS task_members[] = {{"help", &qf_shape_text, false}, {"title", &title, true}, {0}};
SHAPE task_object = OBJECT(task_members);
SHAPE task = {.kind = QF_SHAPE_EITHER, .of = &task_object, .max = 1000};
SHAPE tasks = MAP(task, QF_BPMN_ELEMENTS_MAX);
SHAPE choices = MAP(title, QF_BPMN_ELEMENTS_MAX);
SHAPE inner = MAP(title, QF_DMN_RULES_MAX);
SHAPE outcomes = MAP(inner, QF_BPMN_ELEMENTS_MAX);
MEMBERS state_members[] = {{"done", &title, true},
                           {"failed", &title, true},
                           {"running", &title, true},
                           {"withdrawn", &title, true},
                           {0}};
SHAPE states = OBJECT(state_members);
MEMBERS texts_members[] = {{"choices", &choices, false},
                           {"outcomes", &outcomes, false},
                           {"states", &states, true},
                           {"steps", &choices, false},
                           {"tasks", &tasks, false},
                           {"values", &outcomes, false},
                           {0}};
const struct qf_shape qf_shape_texts = OBJECT(texts_members);

/* ---- scenario.yaml ---- */

SHAPE dates = LIST(role_text, 0, 366);
MEMBERS holiday_members[] = {{"holidays", &dates, false}, {"workdays", &dates, false}, {0}};
SHAPE holidays = OBJECT(holiday_members);
SHAPE weight = INTEGER(0, 1000000);
MEMBERS member_members[] = {{"kind", &member_kind, true}, {"weight", &weight, false}, {0}};
SHAPE member = OBJECT(member_members);
SHAPE members = MAP(member, 64);
SHAPE actor_roles = LIST(role_text, 0, QF_ROLES_MAX);
MEMBERS actor_members[] = {{"member", &qf_shape_id, true}, {"roles", &actor_roles, false}, {0}};
SHAPE actor = OBJECT(actor_members);
SHAPE actors = MAP(actor, 256);
/* What belongs to which step is for who plays it (play.c). */
SHAPE step = MAP(qf_shape_any, 16);
SHAPE steps = LIST(step, 1, 1000);
MEMBERS course_members[] = {{"name", &qf_shape_id, true},
                            {"start", &role_text, false},
                            {"steps", &steps, true},
                            {"titles", &qf_shape_titles, false},
                            {0}};
SHAPE course = OBJECT(course_members);
SHAPE courses = LIST(course, 1, 64);
MEMBERS scenario_members[] = {{"actors", &actors, true},    {"calendar", &holidays, false},
                              {"members", &members, false}, {"scenarios", &courses, true},
                              {"start", &role_text, true},  {0}};
const struct qf_shape qf_shape_scenario = OBJECT(scenario_members);
