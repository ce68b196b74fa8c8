/* qifeng service test DIR: plays the scenarios of a folder, without a node. */
#include <stdio.h>

#include "cli/service.h"
#include "service/play.h"

struct report {
    struct qf_arena *arena;
    bool json;
    const char *scenario;
    struct qf_json steps;
};

static void told(void *arg, const struct qf_play_step *step)
{
    struct report *report = arg;
    if (report->json) {
        struct qf_json item = qf_json_make_object();
        qf_json_put(report->arena, &item, "detail",
                    qf_json_make_text(qf_arena_text(report->arena, qf_slice_of(step->detail))));
        qf_json_put(report->arena, &item, "good", qf_json_make_bool(step->good));
        qf_json_put(report->arena, &item, "line", qf_json_make_int(step->line));
        qf_json_put(report->arena, &item, "number", qf_json_make_int(step->number));
        qf_json_put(report->arena, &item, "scenario", qf_json_make_text(step->scenario));
        qf_json_put(report->arena, &item, "step",
                    qf_json_make_text(qf_arena_text(report->arena, qf_slice_of(step->what))));
        qf_json_append(report->arena, &report->steps, item);
        return;
    }
    if (report->scenario != step->scenario)
        printf("%s\n", step->scenario);
    report->scenario = step->scenario;
    printf("  %s %3u. %s\n", step->good ? "ok  " : "FAIL", step->number, step->what);
    if (!step->good)
        printf("         scenario.yaml:%u: %s\n", step->line, step->detail);
}

enum qf_exit qf_service_cli_test(const struct qf_service_request *request, const char *dir)
{
    struct qf_folder folder;
    struct qf_error err = {0};
    struct qf_play_count count = {0};
    struct report report = {
        .arena = &folder.arena, .json = request->json, .steps = qf_json_make_array()};
    enum qf_status status = qf_service_cli_ready(&folder, dir, &err);
    if (status == QF_OK)
        status = qf_play(&folder, request->only, &count, told, &report, &err);
    if (status == QF_OK && request->json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(&folder.arena, &object, "failed", qf_json_make_int(count.failed));
        qf_json_put(&folder.arena, &object, "scenarios", qf_json_make_int(count.scenarios));
        qf_json_put(&folder.arena, &object, "service",
                    qf_json_make_text(qf_folder_text(&folder, "id")));
        qf_json_put(&folder.arena, &object, "steps", report.steps);
        qf_cli_print_json(&object);
    } else if (status == QF_OK) {
        printf("%u scenarios, %u steps: %u failed\n", count.scenarios, count.steps, count.failed);
    }
    qf_folder_deinit(&folder);
    if (status != QF_OK)
        return qf_cli_error(&err);
    return count.failed == 0 ? QF_EXIT_OK : QF_EXIT_REFUSED;
}
