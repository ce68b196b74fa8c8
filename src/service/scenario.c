/* scenario.yaml against the rest of the folder: that every step is one, is made by somebody, and
 * names tasks, flows, messages, fields, roles, decisions and clauses that are there. A slip in a
 * name would else come out only when the scenario is played, or never: what is unknown in a step
 * is not played at all. */
#include <stdio.h>

#include "codec/time.h"
#include "service/inspect_internal.h"
#include "service/shape.h"

#define SCENARIO "scenario.yaml"
#define NAMES_SIZE 400

struct steps {
    struct qf_inspection *in;
    const struct qf_json *actors;
    char path[256];        /* of the step, or the part of it that is looked at */
    struct qf_json opened; /* cases that earlier steps have opened, as names */
    bool refused;          /* the step must be refused, as what it names may be made up for */
};

#define WRONG(s, ...)                                                                              \
    QF_FOLDER_ERROR((s)->in->folder, SCENARIO, (s)->path,                                          \
                    qf_yaml_line(&(s)->in->folder->scenario.yaml, (s)->path), __VA_ARGS__)

static size_t enter(struct steps *s, const char *name)
{
    size_t before = strlen(s->path);
    snprintf(s->path + before, sizeof s->path - before, "%s%s", before > 0 ? "." : "", name);
    return before;
}

/* ---- names, and those that there are ---- */

struct names {
    char text[NAMES_SIZE];
    bool found, more;
};

static void offer(struct names *names, struct qf_slice name, const struct qf_slice *wanted)
{
    size_t used = strlen(names->text);
    names->found = names->found || (wanted != NULL && qf_slice_equal(name, *wanted));
    if (names->more || name.size == 0)
        return;
    names->more = used + name.size + 8 > sizeof names->text;
    if (names->more)
        snprintf(names->text + used, sizeof names->text - used, ", …");
    else
        snprintf(names->text + used, sizeof names->text - used, "%s%.*s", used > 0 ? ", " : "",
                 QF_SLICE_ARGS(name));
}

typedef void offer_all(struct steps *s, struct names *names, const struct qf_slice *wanted);

static void offer_keys(struct names *names, const struct qf_json *object,
                       const struct qf_slice *wanted)
{
    for (uint32_t i = 0; object != NULL && i < object->count; i++)
        offer(names, object->members[i].key, wanted);
}

static void offer_actors(struct steps *s, struct names *names, const struct qf_slice *wanted)
{
    offer_keys(names, s->actors, wanted);
}

static void offer_fields(struct steps *s, struct names *names, const struct qf_slice *wanted)
{
    offer_keys(names, s->in->fields, wanted);
}

static void offer_messages(struct steps *s, struct names *names, const struct qf_slice *wanted)
{
    offer_keys(names, qf_inspect_in(s->in->manifest, "messages"), wanted);
}

static void offer_cases(struct steps *s, struct names *names, const struct qf_slice *wanted)
{
    for (uint32_t i = 0; i < s->opened.count; i++)
        offer(names, qf_json_text(&s->opened.items[i]), wanted);
}

static void offer_roles(struct steps *s, struct names *names, const struct qf_slice *wanted)
{
    const struct qf_json *list = qf_json_get(s->in->manifest, "participants");
    for (uint32_t i = 0; list != NULL && list->type == QF_JSON_ARRAY && i < list->count; i++) {
        const struct qf_json *role = qf_json_get(&list->items[i], "role");
        if (role != NULL && role->type == QF_JSON_STRING)
            offer(names, qf_json_text(role), wanted);
    }
}

static bool is_sealed_rule(const struct qf_bpmn_node *node)
{
    return node->kind == QF_BPMN_RULE && node->ext.sealed;
}

static void offer_tasks(struct steps *s, struct names *names, const struct qf_slice *wanted)
{
    const struct qf_bpmn_model *bpmn = s->in->bpmn;
    for (uint16_t i = 0; i < bpmn->node_count; i++)
        if (qf_bpmn_is_human(&bpmn->nodes[i]) || bpmn->nodes[i].kind == QF_BPMN_ADHOC ||
            is_sealed_rule(&bpmn->nodes[i]))
            offer(names, bpmn->nodes[i].id, wanted);
}

static void offer_sealed(struct steps *s, struct names *names, const struct qf_slice *wanted)
{
    for (uint16_t i = 0; i < s->in->bpmn->node_count; i++)
        if (is_sealed_rule(&s->in->bpmn->nodes[i]))
            offer(names, s->in->bpmn->nodes[i].id, wanted);
}

static void offer_ends(struct steps *s, struct names *names, const struct qf_slice *wanted)
{
    for (uint16_t i = 0; i < s->in->bpmn->node_count; i++)
        if (s->in->bpmn->nodes[i].kind == QF_BPMN_END)
            offer(names, s->in->bpmn->nodes[i].id, wanted);
}

static void offer_flows(struct steps *s, struct names *names, const struct qf_slice *wanted)
{
    const struct qf_bpmn_model *bpmn = s->in->bpmn;
    for (uint16_t i = 0; i < bpmn->flow_count; i++)
        if (bpmn->nodes[bpmn->flows[i].source].choice)
            offer(names, bpmn->flows[i].id, wanted);
}

static void offer_decisions(struct steps *s, struct names *names, const struct qf_slice *wanted)
{
    for (uint16_t i = 0; i < s->in->bpmn->node_count; i++)
        if (s->in->bpmn->nodes[i].kind == QF_BPMN_RULE)
            offer(names, s->in->bpmn->nodes[i].ext.decision, wanted);
}

/* Where there is no process to compare with, its own problems are enough. */
static void known(struct steps *s, struct qf_slice name, offer_all *all, const char *what)
{
    bool of_process = all == offer_tasks || all == offer_sealed || all == offer_ends ||
                      all == offer_flows || all == offer_decisions;
    struct names names = {.text = ""};
    if ((of_process && s->in->bpmn == NULL) || (!of_process && s->in->manifest == NULL))
        return;
    all(s, &names, &name);
    if (!names.found)
        WRONG(s, "%.*s is %s; there %s%s", (int)(name.size > 100 ? 100 : name.size),
              (const char *)name.data, what,
              names.text[0] == '\0' ? "is none" : "are: ", names.text);
}

/* A text that is such a name. */
static void known_text(struct steps *s, const struct qf_json *value, offer_all *all,
                       const char *what)
{
    if (value->type != QF_JSON_STRING || value->count == 0)
        WRONG(s, "must be a text, and not empty");
    else
        known(s, qf_json_text(value), all, what);
}

static void known_list(struct steps *s, const struct qf_json *list, offer_all *all,
                       const char *what)
{
    if (list->type != QF_JSON_ARRAY) {
        WRONG(s, "must be a list");
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        size_t before = strlen(s->path);
        snprintf(s->path + before, sizeof s->path - before, "[%u]", i);
        known_text(s, &list->items[i], all, what);
        s->path[before] = '\0';
    }
}

static void known_keys(struct steps *s, const struct qf_json *object, offer_all *all,
                       const char *what)
{
    if (object->type != QF_JSON_OBJECT) {
        WRONG(s, "must be a mapping of names and values");
        return;
    }
    for (uint32_t i = 0; i < object->count; i++) {
        size_t before = enter(s, qf_arena_text(&s->in->folder->arena, object->members[i].key));
        known(s, object->members[i].key, all, what);
        s->path[before] = '\0';
    }
}

/* ---- what belongs to a step ---- */

static void check_refused(struct steps *s, const struct qf_json *refused)
{
    const struct qf_json *name =
        refused->type == QF_JSON_OBJECT ? qf_json_get(refused, "code") : NULL;
    if (name == NULL || name->type != QF_JSON_STRING) {
        WRONG(s, "must be {code} or {code, field}, such as {code: not-allowed}");
        return;
    }
    for (uint32_t i = 0; i < refused->count; i++)
        if (!qf_slice_is(refused->members[i].key, "code") &&
            !qf_slice_is(refused->members[i].key, "field"))
            WRONG(s, "%.*s is not known here; it has code and field",
                  (int)(refused->members[i].key.size > 60 ? 60 : refused->members[i].key.size),
                  (const char *)refused->members[i].key.data);
    for (int number = 1; number <= QF_STATUS_REFUSAL_MAX; number++)
        if (qf_status_known(number) &&
            qf_slice_is(qf_json_text(name), qf_status_name((enum qf_status)number)))
            return;
    WRONG(s, "%.*s is no code of a refusal; see spec/problems.md", (int)name->count, name->text);
}

static void check_advance(struct steps *s, const struct qf_json *how)
{
    static const char *const names[] = {"calendar", "days", "hours", "minutes", "to"};
    if (how->type != QF_JSON_OBJECT || how->count == 0) {
        WRONG(s, "must be a mapping with days, hours, minutes or to");
        return;
    }
    for (uint32_t i = 0; i < how->count; i++) {
        const struct qf_json *value = &how->members[i].value;
        size_t which = 0, before;
        int64_t ms;
        int32_t offset;
        while (which < 5 && !qf_slice_is(how->members[i].key, names[which]))
            which++;
        before = enter(s, qf_arena_text(&s->in->folder->arena, how->members[i].key));
        if (which == 5)
            WRONG(s, "is not known here; time goes by days, hours, minutes, or to");
        else if (which == 0 && !qf_json_is_text(value, "working") &&
                 !qf_json_is_text(value, "calendar"))
            WRONG(s, "must be working or calendar");
        else if (which == 4 && (value->type != QF_JSON_STRING ||
                                !qf_time_parse(&ms, &offset, qf_json_text(value))))
            WRONG(s, "must be a date and time such as \"2026-03-02T09:00:00+08:00\"");
        else if (which > 0 && which < 4 &&
                 (value->type != QF_JSON_INT || value->integer < 0 || value->integer > 100000))
            WRONG(s, "must be an integer from 0 to 100000");
        s->path[before] = '\0';
    }
}

static void check_expect(struct steps *s, const struct qf_json *expect)
{
    static const char *const states[] = {"running", "done", "failed", "withdrawn"};
    if (expect->type != QF_JSON_OBJECT) {
        WRONG(s, "must be a mapping of what is expected");
        return;
    }
    for (uint32_t i = 0; i < expect->count; i++) {
        struct qf_slice key = expect->members[i].key;
        const struct qf_json *want = &expect->members[i].value;
        size_t before = enter(s, qf_arena_text(&s->in->folder->arena, key));
        if (qf_slice_is(key, "case")) {
            known_text(s, want, offer_cases, "no case that has been opened");
        } else if (qf_slice_is(key, "status")) {
            bool good = false;
            for (size_t k = 0; k < 4; k++)
                good = good || qf_json_is_text(want, states[k]);
            if (!good)
                WRONG(s, "must be running, done, failed or withdrawn");
        } else if (qf_slice_is(key, "tasks")) {
            known_list(s, want, offer_tasks, "no task of the process");
        } else if (qf_slice_is(key, "ends")) {
            known_list(s, want, offer_ends, "no end event of the process");
        } else if (qf_slice_is(key, "data")) {
            known_keys(s, want, offer_fields, "no field of service.yaml");
        } else if (qf_slice_is(key, "roles")) {
            known_keys(s, want, offer_roles, "no role of a participant");
            for (uint32_t k = 0; want->type == QF_JSON_OBJECT && k < want->count; k++)
                known_list(s, &want->members[k].value, offer_tasks, "no task of the process");
        } else if (!qf_slice_is(key, "evidence")) {
            WRONG(s, "cannot be expected; what can is case, status, tasks, ends, data, roles, "
                     "evidence");
        } else if (want->type != QF_JSON_OBJECT) {
            WRONG(s, "must be a mapping of names and hashes");
        }
        s->path[before] = '\0';
    }
}

static void check_clause(struct steps *s, const struct qf_json *clause)
{
    if (clause->type != QF_JSON_STRING)
        WRONG(s, "must be a text: the clause as a rule of rules.dmn cites it");
    else if (!qf_inspect_cites(s->in, qf_json_text(clause)))
        WRONG(s, "no rule of rules.dmn cites this clause; write it as it stands there");
}

/* ---- the steps ---- */

static const struct step_kind {
    const char *word;
    const char *members; /* besides */
    bool acts;           /* somebody signs it */
    offer_all *of;       /* what its value names; NULL: no name that has to be there */
    const char *not_known;
} kinds[] = {
    {"open", " by data choose refused note ", true, NULL, NULL},
    {"claim", " by case refused note ", true, offer_tasks, "no task of the process"},
    {"release", " by case refused note ", true, offer_tasks, "no task of the process"},
    {"complete", " by data choose case refused note ", true, offer_tasks, "no task of the process"},
    {"decide", " by case refused note ", true, offer_sealed,
     "no decision over sealed fields in the process"},
    {"delegate", " by to case refused note ", true, offer_tasks, "no task of the process"},
    {"message", " by data choose case refused note ", true, offer_messages,
     "no message of service.yaml"},
    {"withdraw", " by refused note ", true, offer_cases, "no case that has been opened"},
    {"appeal", " by data choose as refused note ", true, offer_cases,
     "no case that has been opened"},
    {"advance", " note ", false, NULL, NULL},
    {"expect", " note ", false, NULL, NULL},
    {"decided", " outcome clause case note ", false, offer_decisions,
     "no decision that the process calls"},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static const struct step_kind *kind_of(struct steps *s, const struct qf_json *step)
{
    const struct step_kind *found = NULL;
    for (size_t i = 0; i < KINDS; i++) {
        if (qf_json_get(step, kinds[i].word) == NULL)
            continue;
        if (found != NULL) {
            WRONG(s, "is both %s and %s; make two steps of it", found->word, kinds[i].word);
            return NULL;
        }
        found = &kinds[i];
    }
    if (found == NULL)
        WRONG(s, "is no step; it has to have one of open, claim, release, complete, decide, "
                 "delegate, message, withdraw, appeal, advance, expect, decided");
    return found;
}

static void check_members(struct steps *s, const struct qf_json *step, const struct step_kind *kind)
{
    for (uint32_t i = 0; i < step->count; i++) {
        char word[72];
        struct qf_slice key = step->members[i].key;
        snprintf(word, sizeof word, " %.*s ", (int)(key.size > 60 ? 60 : key.size),
                 (const char *)key.data);
        if (qf_slice_is(key, kind->word) || (strchr(word + 1, ' ') == word + strlen(word) - 1 &&
                                             strstr(kind->members, word) != NULL))
            continue;
        size_t before = enter(s, qf_arena_text(&s->in->folder->arena, key));
        WRONG(s, "is not known here; beside %s there may be:%.*s", kind->word,
              (int)strlen(kind->members) - 1, kind->members);
        s->path[before] = '\0';
    }
}

/* Looks at a member of the step, where it is there. */
static void check_at(struct steps *s, const struct qf_json *step, const char *name,
                     void (*check)(struct steps *s, const struct qf_json *value))
{
    const struct qf_json *value = qf_json_get(step, name);
    if (value == NULL)
        return;
    size_t before = enter(s, name);
    check(s, value);
    s->path[before] = '\0';
}

static void check_actor(struct steps *s, const struct qf_json *value)
{
    known_text(s, value, offer_actors, "not among the actors of this file");
}

static void check_case(struct steps *s, const struct qf_json *value)
{
    known_text(s, value, offer_cases, "no case that has been opened");
}

static void check_flows(struct steps *s, const struct qf_json *value)
{
    known_list(s, value, offer_flows, "no flow that somebody chooses");
}

static void check_data(struct steps *s, const struct qf_json *value)
{
    known_keys(s, value, offer_fields, "no field of service.yaml");
}

static void note_opened(struct steps *s, const struct qf_json *step, const struct step_kind *kind)
{
    const char *member = strcmp(kind->word, "open") == 0     ? "open"
                         : strcmp(kind->word, "appeal") == 0 ? "as"
                                                             : NULL;
    const struct qf_json *id = member != NULL ? qf_json_get(step, member) : NULL;
    if (member != NULL && (id == NULL || id->type != QF_JSON_STRING ||
                           (!s->refused && !qf_member_id_valid(qf_json_text(id)))))
        WRONG(s, "%s must be the new case's id: 1 to 48 of A-Z a-z 0-9 . _ -", member);
    else if (id != NULL && !s->refused)
        qf_json_append(&s->in->folder->arena, &s->opened, *id);
}

/* Somebody who tries what is not there must be able to, where the step says how it is refused: only
 * who does it has to be known then, and what a refusal as not-found is not about. */
static void check_step(struct steps *s, const struct qf_json *step)
{
    const struct step_kind *kind = kind_of(s, step);
    if (kind == NULL)
        return;
    const struct qf_json *refused = qf_json_get(step, "refused");
    const struct qf_json *code =
        refused != NULL && refused->type == QF_JSON_OBJECT ? qf_json_get(refused, "code") : NULL;
    bool made_up = code != NULL && qf_json_is_text(code, "not-found");
    s->refused = refused != NULL;
    check_members(s, step, kind);
    if (kind->acts && qf_json_get(step, "by") == NULL)
        WRONG(s, "by is missing: say which actor does it");
    if (strcmp(kind->word, "delegate") == 0 && qf_json_get(step, "to") == NULL)
        WRONG(s, "to is missing: say which actor gets the task");
    size_t before = enter(s, kind->word);
    if (kind->of != NULL && !made_up)
        known_text(s, qf_json_get(step, kind->word), kind->of, kind->not_known);
    s->path[before] = '\0';
    check_at(s, step, "by", check_actor);
    check_at(s, step, "refused", check_refused);
    check_at(s, step, "advance", check_advance);
    check_at(s, step, "expect", check_expect);
    check_at(s, step, "clause", check_clause);
    if (!made_up)
        check_at(s, step, "case", check_case);
    if (!s->refused) {
        check_at(s, step, "to", check_actor);
        check_at(s, step, "choose", check_flows);
        check_at(s, step, "data", check_data);
    }
    note_opened(s, step, kind);
}

/* ---- the file ---- */

#define UNUSUAL(s, ...)                                                                            \
    QF_FOLDER_WARNING((s)->in->folder, SCENARIO, (s)->path,                                        \
                      qf_yaml_line(&(s)->in->folder->scenario.yaml, (s)->path), __VA_ARGS__)

static const struct qf_json *participants_of(const struct steps *s)
{
    const struct qf_json *list =
        s->in->manifest != NULL ? qf_json_get(s->in->manifest, "participants") : NULL;
    return list != NULL && list->type == QF_JSON_ARRAY ? list : NULL;
}

static bool is_member(const struct steps *s, struct qf_slice id)
{
    const struct qf_json *members = qf_inspect_in(&s->in->folder->scenario.yaml.value, "members");
    const struct qf_json *list = participants_of(s);
    if (members == NULL || qf_json_get_slice(members, id) != NULL)
        return true;
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        const struct qf_json *own = qf_json_get(&list->items[i], "members");
        for (uint32_t k = 0; own != NULL && own->type == QF_JSON_ARRAY && k < own->count; k++)
            if (own->items[k].type == QF_JSON_STRING &&
                qf_slice_equal(qf_json_text(&own->items[k]), id))
                return true;
    }
    return false;
}

static bool is_asked_for(const struct steps *s, struct qf_slice role)
{
    static const char *const names[] = {"actor_role", "lead_role"};
    const struct qf_json *list = participants_of(s);
    for (uint32_t i = 0; list != NULL && i < list->count; i++)
        for (size_t k = 0; k < 2; k++) {
            const struct qf_json *own = qf_json_get(&list->items[i], names[k]);
            if (own != NULL && own->type == QF_JSON_STRING &&
                qf_slice_equal(qf_json_text(own), role))
                return true;
        }
    return list == NULL;
}

/* Roles of actors that no participant asks for, and members that nobody has said anything of: both
 * may be meant, so as to see somebody refused, and are more often slips. */
static void check_actors(struct steps *s)
{
    for (uint32_t i = 0; s->actors != NULL && i < s->actors->count; i++) {
        const struct qf_json_member *actor = &s->actors->members[i];
        const struct qf_json *roles = qf_json_get(&actor->value, "roles");
        const struct qf_json *member = qf_json_get(&actor->value, "member");
        snprintf(s->path, sizeof s->path, "actors.%.*s",
                 (int)(actor->key.size > 100 ? 100 : actor->key.size),
                 (const char *)actor->key.data);
        if (member != NULL && member->type == QF_JSON_STRING && !is_member(s, qf_json_text(member)))
            UNUSUAL(s, "member %.*s is not under members: it is taken for an authority",
                    (int)member->count, member->text);
        for (uint32_t k = 0; roles != NULL && k < roles->count; k++)
            if (roles->items[k].type == QF_JSON_STRING &&
                !is_asked_for(s, qf_json_text(&roles->items[k])))
                UNUSUAL(s,
                        "no participant of service.yaml asks for the role %.*s (actor_role, "
                        "lead_role)",
                        (int)roles->items[k].count, roles->items[k].text);
    }
}

static void check_time(struct steps *s, const struct qf_json *object, const char *name)
{
    const struct qf_json *value = qf_json_get(object, name);
    int64_t ms;
    int32_t offset;
    if (value == NULL)
        return;
    size_t before = enter(s, name);
    if (!qf_time_parse(&ms, &offset, qf_json_text(value)))
        WRONG(s, "must be a date and time such as \"2026-03-02T09:00:00+08:00\"");
    s->path[before] = '\0';
}

static void check_dates(struct steps *s, const char *name)
{
    const struct qf_json *calendar = qf_inspect_in(&s->in->folder->scenario.yaml.value, "calendar");
    const struct qf_json *dates = calendar != NULL ? qf_json_get(calendar, name) : NULL;
    int64_t ms;
    for (uint32_t i = 0; dates != NULL && i < dates->count; i++) {
        snprintf(s->path, sizeof s->path, "calendar.%s[%u]", name, i);
        if (!qf_time_parse_date(&ms, qf_json_text(&dates->items[i])))
            WRONG(s, "must be a date such as \"2026-05-01\"");
    }
}

void qf_inspect_scenario(struct qf_inspection *in)
{
    const struct qf_json *file = &in->folder->scenario.yaml.value;
    const struct qf_json *courses = qf_json_get(file, "scenarios");
    struct steps s = {.in = in, .actors = qf_inspect_in(file, "actors"), .path = ""};
    check_time(&s, file, "start");
    check_dates(&s, "holidays");
    check_dates(&s, "workdays");
    check_actors(&s);
    for (uint32_t i = 0; i < courses->count; i++) {
        const struct qf_json *course = &courses->items[i];
        const struct qf_json *steps = qf_json_get(course, "steps");
        s.opened = qf_json_make_array();
        snprintf(s.path, sizeof s.path, "scenarios[%u]", i);
        check_time(&s, course, "start");
        for (uint32_t k = 0; k < i; k++)
            if (qf_slice_equal(qf_json_text(qf_json_get(&courses->items[k], "name")),
                               qf_json_text(qf_json_get(course, "name"))))
                WRONG(&s, "there is another scenario of this name");
        for (uint32_t k = 0; k < steps->count; k++) {
            snprintf(s.path, sizeof s.path, "scenarios[%u].steps[%u]", i, k);
            check_step(&s, &steps->items[k]);
        }
    }
}
