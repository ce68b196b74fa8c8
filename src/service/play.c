#include "service/play.h"

#include <stdio.h>

#include "service/play_internal.h"

static const char *what_of(struct qf_play *play, const struct qf_json *step)
{
    static const char *const words[] = {"open",   "claim",    "release", "complete",
                                        "decide", "delegate", "message", "withdraw",
                                        "appeal", "advance",  "expect",  "decided"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const struct qf_json *value = qf_json_get(step, words[i]);
        const struct qf_json *by = qf_json_get(step, "by");
        if (value == NULL)
            continue;
        char *text = qf_arena_printf(&play->arena, "%s %.*s", words[i],
                                     value->type == QF_JSON_STRING ? (int)value->count : 200,
                                     value->type == QF_JSON_STRING ? value->text
                                                                   : qf_play_text(play, value));
        if (by != NULL && by->type == QF_JSON_STRING)
            text = qf_arena_printf(&play->arena, "%s by %.*s", text, (int)by->count, by->text);
        return qf_json_get(step, "refused") != NULL
                   ? qf_arena_printf(&play->arena, "%s: refused", text)
                   : text;
    }
    return "?";
}

static enum qf_status play_one(struct qf_play *play, uint32_t which, struct qf_play_count *count,
                               qf_play_fn *told, void *arg, struct qf_error *err)
{
    const struct qf_yaml *yaml = &play->folder->scenario.yaml;
    const struct qf_json *course = &qf_json_get(&yaml->value, "scenarios")->items[which];
    const struct qf_json *steps = qf_json_get(course, "steps");
    char path[80];
    snprintf(path, sizeof path, "scenarios[%u]", which);
    enum qf_status status = qf_play_found(play, course, err);
    if (status != QF_OK) {
        qf_error_within(err, "line %u, %s", qf_yaml_line(yaml, path), path);
        return status;
    }
    const char *name =
        qf_arena_text(&play->folder->arena, qf_json_text(qf_json_get(course, "name")));
    bool good = true;
    for (uint32_t i = 0; good && i < steps->count; i++) {
        struct qf_error why = {0};
        char detail[400] = "";
        snprintf(path, sizeof path, "scenarios[%u].steps[%u]", which, i);
        play->line = qf_yaml_line(yaml, path);
        good = qf_play_step(play, &steps->items[i], &why) == QF_OK;
        if (!good)
            snprintf(detail, sizeof detail, "%s%s%s", why.field, why.field[0] != '\0' ? ": " : "",
                     why.detail[0] != '\0' ? why.detail : qf_status_title(why.status));
        const struct qf_play_step step = {name, i + 1, play->line, what_of(play, &steps->items[i]),
                                          good, detail};
        told(arg, &step);
        count->steps++;
    }
    count->scenarios++;
    count->failed += !good;
    return QF_OK;
}

enum qf_status qf_play(struct qf_folder *folder, const char *only, struct qf_play_count *count,
                       qf_play_fn *told, void *arg, struct qf_error *err)
{
    QF_ASSERT(folder->model != NULL);
    *count = (struct qf_play_count){0};
    if (!folder->scenario.there)
        return qf_fail(err, QF_NOT_FOUND, "scenario.yaml", "there is none: nothing can be played");
    const struct qf_json *courses = qf_json_get(&folder->scenario.yaml.value, "scenarios");
    struct qf_play *play = QF_ARENA_NEW(&folder->arena, struct qf_play);
    enum qf_status status = QF_OK;
    play->folder = folder;
    for (uint32_t i = 0; status == QF_OK && i < courses->count; i++) {
        if (only != NULL && !qf_json_is_text(qf_json_get(&courses->items[i], "name"), only))
            continue;
        status = play_one(play, i, count, told, arg, err);
        qf_play_end(play);
    }
    if (status == QF_OK && count->scenarios == 0)
        status = qf_fail(err, QF_NOT_FOUND, "--only", "there is no scenario of this name");
    return status;
}
